"""One value against one annotation, by pydantic; what is wrong is one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

# What TOML or JSON holds, or a default: only its reader, or a check by annotation, knows its type.
Value = Any
Settings = dict[str, Value]
# What stands behind an argument's colon: a class, a union, `Annotated[...]`; no type says that.
Annotation = Any


def validated(annotation: Annotation, value: object) -> Value:
    """`value` as the annotation has it; the word "none" is None where that is a choice.

    Raises:
        ValueError: another kind of value, or one out of range; the message says what is wanted
            and what came, in one line.
    """
    # Only checking needs pydantic; a process that parses files carries options and never checks.
    from pydantic import ValidationError

    adapter = _adapter(annotation)
    try:
        converted = adapter.validate_python(value)
        if isinstance(value, bool) and not isinstance(converted, bool):
            # Pydantic takes true for 1; in a settings file it is a slip.
            return adapter.validate_python(str(value))
    except ValidationError as error:
        if value == "none":
            with suppress(ValidationError):
                return adapter.validate_python(None)
        raise ValueError(_line(error.errors()[0])) from None
    return converted


def plain(value: object) -> Value:
    """Lists as tuples all the way down, so that what was read back equals what was resolved."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(plain(inner) for inner in value)
    return str(value) if isinstance(value, Path) else value


def _adapter(annotation: Annotation) -> TypeAdapter[Value]:
    try:
        return _cached(annotation)
    except TypeError:  # an annotation that cannot be hashed
        return _new(annotation)


def _new(annotation: Annotation) -> TypeAdapter[Value]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


_cached: Callable[[Annotation], TypeAdapter[Value]] = cache(_new)


def _line(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ").replace("\n", " ")
    return message if isinstance(error["input"], Mapping) else f"{message}, got {error['input']!r}"
