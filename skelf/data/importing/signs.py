"""Whether work is the same as before: a checksum over whatever says what is read and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ..formats.members import Member


def signature(*things: object) -> str:
    """A checksum, 128 bits as hex, that is the same in every process and on every machine.

    Examples:
        >>> signature({"b", "a"}, Path("x")) == signature({"a", "b"}, Path("x"))
        True
        >>> signature([1, 2], 3) == signature([1], 2, 3)
        False
    """
    hashed = blake2b(digest_size=16)
    for part in _parts(things):
        hashed.update(part.encode("utf-8", "surrogateescape"))
        hashed.update(b"\0")
    return hashed.hexdigest()


def files_of(item: object) -> list[Member]:
    """The files that an item of a listing is read from, in order."""
    if isinstance(item, Member):
        return [item]
    if isinstance(item, Path):
        return [Member(item)]
    if isinstance(item, tuple | list):
        return [file for part in item for file in files_of(part)]
    return []


# Any: whatever a reader's function is given.
def _parts(thing: Any) -> Iterator[str]:
    """A value in pieces; what has no order of its own is sorted."""
    kind = type(thing).__name__
    if isinstance(thing, np.ndarray):
        yield f"{kind} {thing.dtype} {thing.shape} {thing.tobytes().hex()}"
    elif isinstance(thing, partial):
        yield from _parts((thing.func, thing.args, thing.keywords))
    elif isinstance(thing, Mapping):
        yield f"{kind} {len(thing)}"
        for key, value in thing.items():
            yield from _parts((key, value))
    elif isinstance(thing, set | frozenset):
        yield kind
        yield from _parts(sorted(thing))
    elif isinstance(thing, tuple | list):
        yield f"{kind} {len(thing)}"
        for part in thing:
            yield from _parts(part)
    elif is_dataclass(thing) and not isinstance(thing, type):
        yield kind
        for field in fields(thing):
            yield from _parts((field.name, getattr(thing, field.name)))
    elif callable(thing) and hasattr(thing, "__qualname__"):
        yield f"{thing.__module__}.{thing.__qualname__}"
    elif thing is None or isinstance(thing, str | bytes | int | float | Path | np.generic):
        yield f"{kind} {thing!s}"
    else:
        yield f"{type(thing).__module__}.{kind}"
        reduced = thing.__reduce_ex__(2)  # what it would pickle as
        yield from _parts([part for part in reduced[1:3] if part])
