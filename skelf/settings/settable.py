"""What can be set of a thing: the fields of its options, or its arguments behind the `*`.

Protocols, views and readers have options. An encoder and a method say in their signatures what can
be set: whatever is keyword-only is a setting, and what stands before the `*` is what the caller
passes. So a setting is written once, where it is used. The lines of text are the docstring's.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, get_type_hints

from ..errors import InputError, unknown
from .options import Option, OptionsClass, from_flat, is_options, table
from .values import Settings, Value, plain, validated

C = TypeVar("C")

Source = str | Mapping[str, str]
"""Where values came from, for the messages: one for all, or one for each key."""


def settable(thing: Callable[..., object]) -> dict[str, Option]:
    """Key -> what can be set, of an options class, or of the keyword-only arguments of a callable.

    Raises:
        TypeError: `**kwargs` or an argument without annotation, which nothing could check.
    """
    if is_options(thing):
        return table(thing)
    maker = thing.__init__ if inspect.isclass(thing) else thing
    hints = get_type_hints(maker, include_extras=True)
    lines = _documented(thing)
    found = {}
    for name, parameter in inspect.signature(thing).parameters.items():
        label = f"{getattr(thing, '__qualname__', thing)}({name})"
        if parameter.kind is parameter.VAR_KEYWORD:
            raise TypeError(f"{label}: settings must be named, ** cannot be checked")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if name not in hints:
            raise TypeError(f"{label}: a setting needs a type annotation")
        empty = parameter.default is inspect.Parameter.empty
        default = dataclasses.MISSING if empty else parameter.default
        found[name] = Option(hints[name], default, lines.get(name, ""), (name,))
    return found


def options_of(thing: Callable[..., object], argument: str) -> OptionsClass:
    """The options class that an argument of a callable is annotated with.

    Raises:
        TypeError: there is no such argument, or it is annotated with something else.
    """
    maker = thing.__init__ if inspect.isclass(thing) else thing
    cls = get_type_hints(maker).get(argument)
    if not is_options(cls):
        name = getattr(thing, "__qualname__", thing)
        raise TypeError(f"{name}: needs an argument {argument!r} annotated with its options")
    return cls


def arguments(
    thing: Callable[..., object], given: Mapping[str, Value], *, section: str, source: Source
) -> Settings:
    """Every setting of `thing` by its key: `given`, checked, and the defaults.

    Args:
        thing: options, or a callable; see `settable`.
        given: key -> value, as TOML or JSON gives it.
        section: prefix of the keys in messages.
        source: where the values came from.

    Returns:
        Sequences as tuples.

    Raises:
        InputError: unknown keys, wrong values, missing values; one line for each.
    """
    known = settable(thing)
    lines = unknown_keys(given, known, section, source)
    values: Settings = {}
    for key, option in known.items():
        if key in given:
            try:
                values[key] = plain(validated(option.annotation, given[key]))
            except ValueError as error:
                lines.append(_from(source, key, f"{section}.{key}: {error}"))
        elif option.default is dataclasses.MISSING:
            lines.append(_from(source, key, f"{section}.{key}: missing, give {section}.{key}=..."))
        else:
            values[key] = plain(option.default)
    if lines:
        raise InputError("\n".join(lines))
    return values


def filled(cls: type[C], given: Mapping[str, Value], *, section: str, source: Source) -> C:
    """An options class filled by key; what is wrong is said with where it came from.

    Raises:
        InputError: unknown keys, wrong values; one line for each.
    """
    values = arguments(cls, given, section=section, source=source)
    try:
        return from_flat(cls, {key: values[key] for key in given})
    except InputError as error:  # values that do not go together
        raise InputError(_from(source, "", str(error))) from None


def unknown_keys(
    given: Iterable[str], known: Iterable[str], section: str, source: Source
) -> list[str]:
    """One line for each key of `given` that `known` lacks, with the nearest that it has."""
    known = [f"{section}.{name}" for name in known]
    wrong = [key for key in given if f"{section}.{key}" not in known]
    return [_from(source, key, str(unknown("key", f"{section}.{key}", known))) for key in wrong]


def _from(source: Source, key: str, line: str) -> str:
    where = source if isinstance(source, str) else source.get(key, "")
    return f"{where}: {line}" if where else line


def _documented(thing: object) -> dict[str, str]:
    """Argument -> its sentence in the docstring's `Args:`."""
    doc = inspect.getdoc(thing) or ""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", doc, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1] if section else "", re.M)
    return {name: " ".join(text.split()).removesuffix(".") for name, text in entries}
