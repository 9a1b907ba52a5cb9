"""Values for a callable, checked against its signature; values come from TOML and `key=value`.

A signature's annotations and defaults are the schema: a setting is written once, where it is used.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ..errors import InputError, unknown

M = TypeVar("M", bound=BaseModel)

SECTIONS = ("encoder", "method", "views", "train", "data", "eval")

Source = str | Mapping[str, str]
"""Where values came from, for the messages: one for all, or one for each key."""


def parameters(fn: Callable[..., Any], *, skip: Iterable[str] = ()) -> dict[str, tuple[Any, Any]]:
    """Name -> (annotation, default) of what can be set.

    `inspect.Parameter.empty` stands for "no default".

    Raises:
        TypeError: `*args`, `**kwargs` or a parameter without annotation, which nothing could check.
    """
    maker = fn.__init__ if inspect.isclass(fn) else fn
    hints = get_type_hints(maker, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(fn).parameters.items():
        if name in skip or name == "self":
            continue
        label = f"{getattr(fn, '__qualname__', fn)}({name})"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{label}: settings must be named, * and ** cannot be checked")
        if name not in hints:
            raise TypeError(f"{label}: a setting needs a type annotation")
        found[name] = (hints[name], parameter.default)
    return found


def arguments(
    fn: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    section: str,
    source: Source,
    skip: Iterable[str] = (),
) -> dict[str, Any]:
    """Keyword arguments for `fn`: `given`, checked against its annotations, and its defaults.

    Args:
        fn: a class or function whose settable parameters are annotated.
        given: name -> value, as TOML or JSON gives it.
        section: prefix of the keys in messages.
        source: where the values came from.
        skip: parameters that the caller passes itself.

    Returns:
        Every settable parameter; sequences as tuples.

    Raises:
        InputError: unknown keys, wrong values, missing values; one line for each.
        TypeError: the signature cannot be checked, see `parameters`.
    """
    known = parameters(fn, skip=skip)
    lines = unknown_keys(given, known, section, source)
    values: dict[str, Any] = {}
    for name, (annotation, default) in known.items():
        if name not in given:
            if default is inspect.Parameter.empty:
                lines.append(f"{section}.{name}: missing, give {section}.{name}=...")
            values[name] = plain(default)
            continue
        try:
            values[name] = plain(_validated(annotation, given[name]))
        except ValidationError as error:
            lines.append(_line(error.errors()[0], f"{section}.{name}", _of(source, name)))
    if lines:
        raise InputError("\n".join(lines))
    return values


def filled(model: type[M], given: Mapping[str, Any], section: str, source: Source) -> M:
    """`model(**given)`; its complaints as an InputError, one line for each."""
    lines = unknown_keys(given, model.model_fields, section, source)
    values = {}
    for name, field in model.model_fields.items():
        try:
            if name in given:
                values[name] = _validated(Annotated[field.annotation, field], given[name])
        except ValidationError as error:
            lines.append(_line(error.errors()[0], f"{section}.{name}", _of(source, name)))
    try:
        # The model's own validators see each value, then all together.
        made = model(**values)
    except ValidationError as error:
        for one in error.errors():
            name = str(one["loc"][0]) if one["loc"] else ""
            if one["type"] == "missing" and name in given:
                continue  # its value is wrong, which has been said
            lines.append(_line(one, f"{section}.{name}" if name else section, _of(source, name)))
    if lines:
        raise InputError("\n".join(lines))
    return made


def unknown_keys(
    given: Iterable[str], known: Iterable[str], section: str, source: Source
) -> list[str]:
    """One line for each key of `given` that `known` lacks, with the nearest that it has."""
    known = [f"{section}.{name}" for name in known]
    wrong = [key for key in given if f"{section}.{key}" not in known]
    return [f"{_of(source, key)}: {unknown('key', f'{section}.{key}', known)}" for key in wrong]


def plain(value: Any) -> Any:
    """Lists as tuples all the way down, so that what was read back equals what was resolved."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(plain(inner) for inner in value)
    return str(value) if isinstance(value, Path) else value


def parse_override(text: str) -> tuple[str, Any]:
    """`section.key=value` -> (`section.key`, value).

    The value is TOML; what does not parse and opens no bracket or quote is a word.

    Raises:
        InputError: no `=`, no section, or a list, table or quoted string that does not parse.
    """
    key, equals, word = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise InputError(f"override {text!r}: write section.key=value, like train.epochs=20")
    if "." not in key:
        raise InputError(
            f"override {text!r}: {key!r} names no section; write section.key=value with one of "
            + ", ".join(SECTIONS)
        )
    try:
        parsed = tomllib.loads(f"value = {word}")
    except tomllib.TOMLDecodeError as error:
        if re.match(r"[\[{\"']", word) or not word or "\n" in word:
            raise InputError(f"override {text!r}: the value is no TOML value: {error}") from None
        return key, word
    value = parsed["value"]
    # A date is the only TOML value that no setting has: the user meant the word.
    fits = len(parsed) == 1 and isinstance(value, str | bool | int | float | list | dict)
    return key, value if fits else word


def read_given(file: str | Path | None, overrides: Sequence[str]) -> dict[str, tuple[Any, str]]:
    """`section.key` -> (value, source) of a TOML file, then of overrides.

    Raises:
        InputError: an unreadable file, an unknown section, an override that does not parse.
    """
    given = {} if file is None else flat(_read_toml(Path(file)), str(file))
    for text in overrides:
        key, value = parse_override(text)
        section = key.partition(".")[0]
        if section not in SECTIONS:
            raise InputError(f"override {text!r}: {unknown('section', section, SECTIONS)}")
        given = over(given, {key: (value, f"override {text!r}")})
    return given


def over(
    first: Mapping[str, tuple[Any, str]], later: Mapping[str, tuple[Any, str]]
) -> dict[str, tuple[Any, str]]:
    """Both, in the order in which they count: what `later` has as well moves behind."""
    return {key: value for key, value in first.items() if key not in later} | dict(later)


def flat(table: Mapping[str, Any], source: str) -> dict[str, tuple[Any, str]]:
    """`{"train": {"lr": 1}}` -> `{"train.lr": (1, source)}`; refuses what is no known section.

    `[eval.linear]` gives `eval.linear.lr`, behind all of `[eval]` wherever it stands in the file.
    """
    pairs = {}
    for section, values in table.items():
        if section not in SECTIONS:
            raise InputError(f"{source}: {unknown('section', section, SECTIONS)}")
        if not isinstance(values, Mapping):
            raise InputError(f"{source}: {section}: not a table, write [{section}] and keys below")
        for key, value in sorted(values.items(), key=lambda pair: isinstance(pair[1], Mapping)):
            below = value if section == "eval" and isinstance(value, Mapping) else None
            if below is None:
                pairs[f"{section}.{key}"] = (value, source)
            else:
                pairs |= {f"eval.{key}.{inner}": (v, source) for inner, v in below.items()}
    return pairs


def pick(
    merged: Mapping[str, tuple[Any, str]], section: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of one section, and where each came from."""
    mine = {k.partition(".")[2]: v for k, v in merged.items() if k.startswith(f"{section}.")}
    return {k: v[0] for k, v in mine.items()}, {k: v[1] for k, v in mine.items()}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the config: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from None


def _validated(annotation: Any, value: Any) -> Any:
    """`value` as the annotation has it; the word "none" is None where that is a choice."""
    adapter = TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))
    try:
        made = adapter.validate_python(value)
    except ValidationError:
        if value != "none":
            raise
        with suppress(ValidationError):
            return adapter.validate_python(None)
        raise
    if isinstance(value, bool) and not isinstance(made, bool):
        # Pydantic takes true for 1; in a settings file it is a slip.
        return adapter.validate_python(str(value))
    return made


def _line(error: Any, key: str, source: str) -> str:
    message = error["msg"].removeprefix("Value error, ").replace("\n", " ")
    where = f"{source}: " if source else ""
    shown = "" if isinstance(error["input"], Mapping) else f", got {error['input']!r}"
    return f"{where}{key}: {message}{shown}"


def _of(source: Source, name: str) -> str:
    return source if isinstance(source, str) else source.get(name, "")
