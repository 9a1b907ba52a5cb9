"""One value against one annotation, by pydantic; what is wrong is one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def validated(annotation: Any, value: Any) -> Any:
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


def plain(value: Any) -> Any:
    """Lists as tuples all the way down, so that what was read back equals what was resolved."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(plain(inner) for inner in value)
    return str(value) if isinstance(value, Path) else value


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return _cached(annotation)
    except TypeError:  # an annotation that cannot be hashed
        return _new(annotation)


def _new(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


_cached: Callable[[Any], TypeAdapter[Any]] = cache(_new)


def _line(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ").replace("\n", " ")
    return message if isinstance(error["input"], Mapping) else f"{message}, got {error['input']!r}"
