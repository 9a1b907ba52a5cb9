"""The mapping file of a folder of CSV: which column is which joint, and what file names say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import InputError, unknown
from ...layouts import layout as named_layout
from ...skeleton import Skeleton
from ..motion.axes import UPS, Up
from .naming import NamePattern

MOST_BYTES = 1 << 20
MOST_LINES = 100  # of a header
Lines = str
"""Which lines are the header: a number (the first so many), or as "4-6"."""


@dataclass(frozen=True)
class CsvMapping:
    """What a mapping file says; `docs/pose.md` has an example.

    Args:
        skeleton: the layout of the joints.
        columns: a column's name, with `{joint}`, `{axis}` and, for several persons, `{person}`;
            empty: there is no header, and the numbers stand joint by joint.
        header: the lines of names: 3 for the first three, "4-6" for these, from 1. The cells of a
            column are joined by `_`, and an empty one has the name to its left, but in the last
            line. Empty: the first line, else those above the first numbers that make `columns`.
        axes: the words for `{axis}`: x, y and, in three dimensions, z, in this order.
        confidence: the word for the axis that holds the confidence; empty: there is none.
        joints: the words for `{joint}` where the file has others than the layout.
        first: joints are numbered from here instead of named; None: they are named.
        persons: the words for `{person}`.
        skip: columns before the joints, of a file without header.
        delimiter: between cells.
        decimal: the mark in numbers, as the comma of some countries.
        frame: the column of frame numbers; empty: rows are frames, one after the other.
        time: the column of times, which say the frame rate; empty: `fps` does.
        time_scale: seconds in one unit of `time`, as 0.001 for milliseconds.
        recording: the column that tells the recordings of one file apart; empty: it is one.
        fps: frames a second.
        scale: what coordinates are multiplied by, as 0.001 for millimetres.
        up: the axis that points up: y, -y (as in images), z or -z.
        clip: a file's path, with `{class}`, `{subject}`, `{camera}`, `{setup}` or another word for
            a column of integers, and `*` for the rest; empty: names say nothing.
        classes: names in the order of their labels; empty: those that come, sorted.
    """

    skeleton: Skeleton
    columns: str = ""
    header: Lines = ""
    axes: tuple[str, ...] = ("x", "y", "z")
    confidence: str = ""
    joints: Mapping[str, str] = field(default_factory=dict)
    first: int | None = None
    persons: tuple[str, ...] = ()
    skip: int = 0
    delimiter: str = ","
    decimal: str = "."
    frame: str = ""
    time: str = ""
    time_scale: float = 1.0
    recording: str = ""
    fps: float = 30.0
    scale: float = 1.0
    up: Up = "y"
    clip: str = ""
    classes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path, layout: str | Skeleton | None) -> CsvMapping:
        """Reads a TOML file.

        Args:
            path: the file.
            layout: instead of the file's own.

        Raises:
            InputError: unreadable, an unknown field, or a value that does not hold.
        """
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise InputError(f"{path}: larger than {MOST_BYTES:,} bytes; no mapping file is")
            return cls.parse(content.decode("utf-8"), path, layout)
        except OSError as error:
            raise InputError(
                f"{path}: cannot read the mapping: {error.strerror}; write one, as by `skelf data "
                "template FILE.csv`, or name it with mapping=FILE"
            ) from None
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not a TOML file ({error}); mend it") from None

    @classmethod
    def parse(cls, text: str, path: Path, layout: str | Skeleton | None = None) -> CsvMapping:
        """Reads TOML.

        Args:
            text: the content.
            path: of the file, for messages and for layouts beside it.
            layout: instead of the file's own.

        Raises:
            InputError: no TOML, an unknown field, or a value that does not hold.
        """
        try:
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise InputError(f"{path}: not a TOML file ({error}); mend it") from None
        allowed = ["layout", *(f.name for f in fields(cls) if f.name != "skeleton")]
        for key in table:
            if key not in allowed:
                raise InputError(f"{path}: {unknown('field', key, allowed)}")
        skeleton = _skeleton(path, table.pop("layout", None), layout)
        kinds = {f.name: str(f.type) for f in fields(cls)}
        values = {key: _value(path, key, value, kinds[key]) for key, value in table.items()}
        csv_mapping = cls(skeleton=skeleton, **values)
        csv_mapping._refuse(path)
        return csv_mapping

    @property
    def words(self) -> list[str]:
        """The file's word for each joint."""
        if self.first is not None:
            return [str(self.first + joint) for joint in range(self.skeleton.joints)]
        return [self.joints.get(name, name) for name in self.skeleton.names]

    @property
    def channels(self) -> int:
        """Numbers of a joint."""
        return len(self.axes) + bool(self.confidence)

    @property
    def lines(self) -> tuple[int, int] | None:
        """First and last line of the header, from 1; None: it is to be found."""
        return lines_of(self.header)

    def column(self, person: int, joint: str, axis: str) -> str:
        """The name of the column of a person's joint (its word) and axis."""
        name = self.columns.replace("{joint}", joint).replace("{axis}", axis)
        return name.replace("{person}", self.persons[person] if self.persons else "")

    def said(self, name: str) -> dict[str, str] | None:
        """What a file's path says, by the words of `clip`; None when it does not fit."""
        if not self.clip:
            return {}
        return NamePattern(self.clip, "clip").read(name)

    def _refuse(self, path: Path) -> None:
        checks = (
            ("axes", len(self.axes) in (2, 3), "name two or three axes, as ['x', 'y', 'z']"),
            ("up", self.up in UPS, f"use one of {', '.join(UPS)}"),
            ("up", len(self.axes) == 3 or "y" in self.up, "two axes have no z: use y or -y"),
            (
                "header",
                not self.header or lines_of(self.header) is not None,
                "give a number of lines, or as '4-6'",
            ),
            ("header", not self.header or bool(self.columns), "without columns there is none"),
            ("delimiter", len(self.delimiter) == 1, "use one character"),
            ("decimal", self.decimal in (".", ","), "use . or ,"),
            ("decimal", self.decimal != self.delimiter, "the delimiter is another one"),
            ("time_scale", 0 < self.time_scale < 1e12, "use a number above 0"),
            ("fps", 0 < self.fps < 1e6, "use a number above 0"),
            ("scale", 0 < self.scale < 1e12, "use a number above 0"),
            ("skip", 0 <= self.skip < 10_000, "use a number from 0"),
            ("persons", len(self.persons) <= 256, "use at most 256"),
            ("first", self.first is None or self.first >= 0, "use a number from 0"),
            (
                "columns",
                not self.columns or ("{joint}" in self.columns and "{axis}" in self.columns),
                "write {joint} and {axis} where they stand, as '{joint}_{axis}'",
            ),
            (
                "columns",
                not self.columns or ("{person}" in self.columns) == bool(self.persons),
                "{person} and the field persons belong together",
            ),
        )
        for key, holds, remedy in checks:
            if not holds:
                raise InputError(f"{path}: {key} = {getattr(self, key)!r}: {remedy}")
        for key in ("frame", "time", "recording"):
            if getattr(self, key) and not self.columns:
                raise InputError(f"{path}: {key}: a file without columns has no names; take it out")
        for name in self.joints:
            if name not in self.skeleton.names:
                raise InputError(f"{path}: joints: {unknown('joint', name, self.skeleton.names)}")
        NamePattern(self.clip, f"{path}: clip")
        if len(set(self.words)) < len(self.words):
            raise InputError(f"{path}: joints: two joints have one word; give each its own")


def lines_of(header: str) -> tuple[int, int] | None:
    """First and last line of "3" (the first three) or "4-6"; None where it says something else.

    Examples:
        >>> lines_of("3"), lines_of("4-6"), lines_of("6-4")
        ((1, 3), (4, 6), None)
    """
    match = re.fullmatch(r"\s*(?:(\d{1,3})\s*-\s*)?(\d{1,3})\s*", header)
    if not match:
        return None
    first, last = int(match[1] or 1), int(match[2])
    return (first, last) if 1 <= first <= last <= MOST_LINES else None


def _skeleton(path: Path, name: object, layout: str | Skeleton | None) -> Skeleton:
    if layout is not None:
        return named_layout(layout) if isinstance(layout, str) else layout
    if isinstance(name, dict):
        return Skeleton.from_dict(name, f"{path}: layout")
    if not isinstance(name, str):
        raise InputError(f"{path}: field 'layout' is missing; name a layout or a TOML file")
    if not name:
        raise InputError(f"{path}: layout: fill in its name, a TOML file, or a table [layout]")
    try:
        return named_layout(str(path.parent / name) if name.endswith(".toml") else name)
    except InputError as error:
        raise InputError(f"{path}: layout: {error}") from None


# Any: `kind` names the field's annotation, which mypy cannot follow.
def _value(path: Path, key: str, value: object, kind: str) -> Any:
    """A field's value, of the kind that its annotation says."""
    plain: dict[str, type | tuple[type, ...]] = {
        "str": str,
        "Up": str,
        "Lines": (str, int),
        "int | None": int,
        "int": int,
        "float": (int, float),
    }
    if kind.startswith("tuple"):
        if isinstance(value, list) and all(isinstance(v, str) and v for v in value):
            return tuple(value)
        wanted = "a list of words"
    elif kind.startswith("Mapping"):
        if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
            return value
        wanted = "a table of words"
    elif isinstance(value, plain[kind]) and not isinstance(value, bool):
        return str(value) if kind == "Lines" else value
    else:
        wanted = {
            "str": "a string",
            "Lines": "a number or a string",
            "Up": "a string",
            "float": "a number",
        }.get(kind, "a whole number")
    raise InputError(f"{path}: {key}: expected {wanted}, not {value!r}")
