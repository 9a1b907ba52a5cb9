"""Settings in words, for `--help` and the documentation: key, default, what may be given, text."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, Union, get_args, get_origin

from .ranges import Ascending, AscendingEpochs, Range
from .settable import settable
from .values import Annotation, Value


class Described(NamedTuple):
    """One setting in words."""

    key: str
    default: str
    takes: str
    doc: str


def described(
    thing: Callable[..., object], section: str, defaults: Mapping[str, Value] | None = None
) -> list[Described]:
    """Every setting of an options class or a callable.

    Args:
        thing: see `settable.settable`.
        section: prefix of the keys.
        defaults: what a shipped file sets instead of the defaults of `thing`.
    """
    defaults = defaults or {}
    return [
        Described(
            f"{section}.{key}" if section else key,
            toml(defaults.get(key, option.default)),
            takes(option.annotation),
            option.doc,
        )
        for key, option in settable(thing).items()
    ]


def takes(annotation: Annotation) -> str:
    """What a value may be.

    >>> takes(Annotated[int, Range(ge=1)])
    'int >= 1'
    >>> takes(Annotated[float, Range(gt=0, le=1)] | None)
    'float > 0, <= 1 or none'
    >>> takes(Literal["official", "paper"])
    'official, paper'
    >>> takes(tuple[float, float])
    '[float, float]'
    """
    origin: Annotation = get_origin(annotation)
    inner = get_args(annotation)
    if origin is Annotated:
        return takes(inner[0]) + "".join(_bounds(extra) for extra in inner[1:])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(takes(part) for part in inner))
    if origin is Literal:
        return ", ".join(str(choice) for choice in inner)
    if origin is tuple and inner[-1:] != (Ellipsis,):
        return f"[{', '.join(takes(part) for part in inner)}]"
    if origin is not None and issubclass(origin, Sequence):
        return f"[{takes(inner[0])}, ...]"
    return "none" if annotation in (None, type(None)) else _word(annotation)


def toml(value: object) -> str:
    """A value as a settings file or `key=value` has it.

    >>> toml((0.1, 1.0)), toml(None), toml(True), toml("crop")
    ('[0.1,1.0]', 'none', 'true', 'crop')
    """
    if value is dataclasses.MISSING:
        return ""
    if isinstance(value, list | tuple):
        return f"[{','.join(toml(inner) for inner in value)}]"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)


def _bounds(extra: object) -> str:
    if isinstance(extra, Range):
        signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
        limits = [f"{signs[k]} {v:g}" for k, v in vars(extra).items() if v is not None]
        return f" {', '.join(limits)}" if limits else ""
    return ", ascending" if isinstance(extra, Ascending | AscendingEpochs) else ""


def _word(annotation: Annotation) -> str:
    words = {bool: "true, false", str: "text"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))
