"""What the user gave: a TOML file, `key=value`, each value with where it came from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import InputError, unknown
from .values import Settings, Value

SECTIONS = ("encoder", "method", "views", "train", "data", "eval")
Given = tuple[Value, str]
"""A value, and where it came from."""


def parse_override(text: str) -> tuple[str, Value]:
    """`section.key=value` -> (`section.key`, value).

    The value is TOML; what does not parse and opens no bracket or quote is a word, and so is a
    pattern that starts with a word in braces, as `{class}_{subject}.bvh`.

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
        pattern = re.match(r"\{\w+\}", word)  # a table has `=` in its braces
        if (re.match(r"[\[{\"']", word) and not pattern) or not word or "\n" in word:
            raise InputError(f"override {text!r}: the value is no TOML value: {error}") from None
        return key, word
    value = parsed["value"]
    # A date is the only TOML value that no setting has: the user meant the word.
    fits = len(parsed) == 1 and isinstance(value, str | bool | int | float | list | dict)
    return key, value if fits else word


def read_given(file: str | Path | None, overrides: Sequence[str]) -> dict[str, Given]:
    """`section.key` -> (value, source) of a TOML file, then of overrides.

    Raises:
        InputError: an unreadable file, an unknown section, an override that does not parse.
    """
    given = {} if file is None else flatten(_read_toml(Path(file)), str(file))
    for text in overrides:
        key, value = parse_override(text)
        section = key.partition(".")[0]
        if section not in SECTIONS:
            raise InputError(f"override {text!r}: {unknown('section', section, SECTIONS)}")
        given = over(given, {key: (value, f"override {text!r}")})
    return given


def over(first: Mapping[str, Given], later: Mapping[str, Given]) -> dict[str, Given]:
    """Both, in the order in which they count: what `later` has as well moves behind."""
    return {key: value for key, value in first.items() if key not in later} | dict(later)


def flatten(table: Mapping[str, Value], source: str) -> dict[str, Given]:
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


def pick(merged: Mapping[str, Given], section: str) -> tuple[Settings, dict[str, str]]:
    """The values of one section, and where each came from."""
    mine = {k.partition(".")[2]: v for k, v in merged.items() if k.startswith(f"{section}.")}
    return {k: v[0] for k, v in mine.items()}, {k: v[1] for k, v in mine.items()}


def _read_toml(path: Path) -> Settings:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the config: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from None
