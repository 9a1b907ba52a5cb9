"""The list of sets that may be downloaded: `sets.toml`, and files of the same form."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ...errors import InputError, unknown

LOCAL = {"localhost", "127.0.0.1", "::1"}
MOST_FILES = 100_000
_RANGE = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds control characters")
    return text


Text = Annotated[str, AfterValidator(_printable), Field(max_length=1000)]
Sum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Entry(BaseModel):
    """A set of the list; `sets.toml` explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    about: Text
    licence: Annotated[Text, Field(min_length=1)]
    source: Text
    base: Text
    files: list[Text]
    command: Text
    size: Text = ""
    sha256: dict[str, Sum] = {}
    bytes: dict[str, Annotated[int, Field(ge=0)]] = {}

    @property
    def paths(self) -> list[str]:
        """Every file, with ranges written out."""
        return [path for text in self.files for path in _expanded(text)]


def find(name: str, more: str | Path | None = None) -> Entry:
    """The entry of a set.

    Args:
        name: of the set.
        more: a further list, which wins over the built-in one.

    Raises:
        InputError: no such set, or a list that does not hold.
    """
    entries = listed(more)
    if name not in entries:
        raise unknown("set", name, entries)
    return entries[name]


def listed(more: str | Path | None = None) -> dict[str, Entry]:
    """Name -> its entry, of all sets.

    Args:
        more: a further list, which wins over the built-in one.

    Raises:
        InputError: a list that does not hold.
    """
    built_in = resources.files(__package__) / "sets.toml"
    entries = _parse(built_in.read_text(encoding="utf-8"), "sets.toml")
    if more is not None:
        try:
            text = Path(more).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{more}: cannot read the list: {error}") from None
        entries |= _parse(text, str(more))
    return entries


def allowed(url: str) -> bool:
    """Whether an address may be read: https, or this very machine."""
    try:
        parts = urlsplit(url)
        return (parts.scheme == "https" and bool(parts.hostname)) or local(url)
    except ValueError:
        return False


def local(url: str) -> bool:
    """Whether an address is plain http on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOCAL


def _parse(text: str, where: str) -> dict[str, Entry]:
    try:
        table: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: not TOML: {error}") from None
    entries = {}
    for name, fields in table.items():
        try:
            entry = Entry.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise InputError(f"{where}: {name}: {key}: {first['msg']}") from None
        _refuse(entry, f"{where}: {name}")
        entries[name] = entry
    return entries


def _refuse(entry: Entry, where: str) -> None:
    if not allowed(entry.base) or not entry.base.endswith("/"):
        raise InputError(f"{where}: base {entry.base!r}: give an https:// address that ends in /")
    paths = entry.paths
    if not paths:
        raise InputError(f"{where}: files: name at least one")
    for path in paths:
        parts = path.split("/")
        bad = "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts)
        if bad or PurePosixPath(path).is_absolute() or path.endswith((".part", ".etag")):
            raise InputError(
                f"{where}: files: {path!r} would leave the folder, or is no plain path; use a/b.csv"
            )
    if len(set(paths)) < len(paths):
        raise InputError(f"{where}: files: a path stands twice; leave one out")
    for key in ("sha256", "bytes"):
        for path in getattr(entry, key):
            if path not in paths:
                raise InputError(f"{where}: {key}: {unknown('file', path, paths[:50])}")


def _expanded(text: str) -> Iterator[str]:
    """`a{1..2}_{1..2}` as a1_1, a1_2, a2_1, a2_2."""
    ranges = [range(int(low), int(high) + 1) for low, high in _RANGE.findall(text)]
    size = 1
    for numbers in ranges:
        size *= len(numbers)
    if size > MOST_FILES:
        raise InputError(f"files: {text!r} stands for {size} files; the most is {MOST_FILES}")
    fixed = _RANGE.split(text)[::3]  # what stands around the ranges, each of two groups
    for chosen in itertools.product(*ranges):
        pairs = zip(fixed, (*chosen, ""), strict=True)
        yield "".join(f"{piece}{number}" for piece, number in pairs)
