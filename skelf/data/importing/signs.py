"""Whether work is the same as before: a checksum over whatever says what is read and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ..formats.members import Member

_PLAIN = (str, bytes, int, float, Path, np.generic, type(None))


def signature(*things: object) -> str:
    """A checksum, 128 bits as hex, that is the same in every process and on every machine.

    Examples:
        >>> signature({"b", "a"}, Path("x")) == signature({"a", "b"}, Path("x"))
        True
        >>> signature([1, 2], 3) == signature([1], 2, 3)
        False
    """
    parts: list[str] = []
    _add(parts, things)
    whole = "\0".join([*parts, ""])
    return blake2b(whole.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def files_of(item: object) -> list[Member]:
    """The files that an item of a listing is read from, in order."""
    if isinstance(item, Member):
        return [item]
    if isinstance(item, Path):
        return [Member(item)]
    if isinstance(item, tuple | list):
        return [file for part in item if not isinstance(part, str | int) for file in files_of(part)]
    return []


# Any: whatever a reader's function is given.
def _add(parts: list[str], thing: Any) -> None:
    """A value in pieces; what has no order of its own is sorted."""
    kind = type(thing).__name__
    if isinstance(thing, _PLAIN):  # first, since most of what files are listed with is plain
        parts.append(f"{kind} {thing!s}")
    elif isinstance(thing, tuple | list):
        parts.append(f"{kind} {len(thing)}")
        for part in thing:
            _add(parts, part)
    elif isinstance(thing, np.ndarray):
        parts.append(f"{kind} {thing.dtype} {thing.shape} {thing.tobytes().hex()}")
    elif isinstance(thing, partial):
        _add(parts, (thing.func, thing.args, thing.keywords))
    elif isinstance(thing, Mapping):
        parts.append(f"{kind} {len(thing)}")
        for key, value in thing.items():
            _add(parts, (key, value))
    elif isinstance(thing, set | frozenset):
        parts.append(kind)
        _add(parts, sorted(thing))
    elif is_dataclass(thing) and not isinstance(thing, type):
        parts.append(kind)
        for field in fields(thing):
            _add(parts, (field.name, getattr(thing, field.name)))
    elif callable(thing) and hasattr(thing, "__qualname__"):
        parts.append(f"{thing.__module__}.{thing.__qualname__}")
    else:
        parts.append(f"{type(thing).__module__}.{kind}")
        reduced = thing.__reduce_ex__(2)  # what it would pickle as
        _add(parts, [part for part in reduced[1:3] if part])
