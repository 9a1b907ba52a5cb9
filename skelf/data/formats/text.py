"""Text from elsewhere, read within bounds: JSON, CSV, and numbers that really are numbers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple, TypeVar

import numpy as np

from ...errors import InputError
from .members import Member

T = TypeVar("T")

MOST_BYTES = 1 << 28  # parsed JSON takes several times this in memory
LARGEST = float(np.finfo(np.float32).max)
NOT_SEEN = {"", "nan", "-nan", "null", "none", "na", "n/a", "nil", "-"}
"""What stands in the place of a number where nothing was seen, in lower case."""
_KINDS = {dict: "an object", list: "a list", str: "a string", int: "a whole number"}


class Table(NamedTuple):
    """A CSV file: its header, and each further row with the number of its line."""

    where: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]


def read_text(member: Member, most: int = MOST_BYTES) -> str:
    """The file as UTF-8 text; a byte order mark is dropped.

    Raises:
        InputError: unreadable, larger than `most` bytes, empty, or not UTF-8.
    """
    content = member.read(most)
    if not content.strip():
        raise InputError(f"{member}: empty; write or copy the file again")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{member}: not UTF-8 text (byte {error.start}); is it another kind of file?"
        ) from None


def read_json(member: Member, most: int = MOST_BYTES) -> object:
    """The file as JSON; NaN and Infinity pass here, `numbers` looks at them where they stand.

    Raises:
        InputError: no readable text (see `read_text`), not JSON, cut off, or nested too deeply.
    """
    text = read_text(member, most)
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(
            f"{member}: nested too deeply for a file of poses; is it another kind of file?"
        ) from None
    except ValueError as error:
        raise InputError(
            f"{member}: not JSON, or cut off ({error}); write or copy the file again"
        ) from None


def read_csv(
    member: Member,
    delimiter: str = ",",
    most: int = MOST_BYTES,
    *,
    even: bool = True,
    decimal: str = ".",
    header: tuple[int, int] | None = None,
) -> Table:
    """The file as a table; empty lines are skipped.

    Args:
        member: the file.
        delimiter: between cells.
        most: bytes that it can have.
        even: no row is longer than the header.
        decimal: the mark in its numbers, which become those with a point.
        header: first and last line of the header, from 1, joined as `joined` has it; lines before
            it are passed over. None: the first line that is not empty.

    Raises:
        InputError: no readable text, no row below the header, or a row longer than the header;
            `column` refuses shorter ones.
    """
    lines = csv.reader(StringIO(read_text(member, most), newline=None), delimiter=delimiter)
    rows, places = [], []
    try:
        for row in lines:
            if len(row) > 1 or (row and row[0].strip()):  # empty cells are a frame of nobody
                rows.append(row)
                places.append(lines.line_num)
    except csv.Error as error:
        raise InputError(f"{member}: line {lines.line_num}: not CSV ({error}); mend it") from None
    if header is not None:
        above = [row for row, line in zip(rows, places, strict=True)
                 if header[0] <= line <= header[1]]  # fmt: skip
        below = [at for at, line in enumerate(places) if line > header[1]]
        rows = [joined(above), *(rows[at] for at in below)]
        places = [header[1], *(places[at] for at in below)]
    if len(rows) < 2:
        raise InputError(f"{member}: no row below the header; a CSV has one row for each frame")
    width = len(rows[0])
    for row, line in zip(rows[1:], places[1:], strict=True):
        if even and len(row) > width and any(cell.strip() for cell in row[width:]):
            raise InputError(
                f"{member}: line {line}: {len(row)} cells, the header names {width}; name "
                "all columns there, or write one row for each landmark"
            )
    if decimal != ".":
        mark = re.compile(rf"\s*[-+]?\d*{re.escape(decimal)}\d+(?:[eE][-+]?\d+)?\s*")
        rows[1:] = [
            [cell.replace(decimal, ".") if mark.fullmatch(cell) else cell for cell in row]
            for row in rows[1:]
        ]
    return Table(str(member), [cell.strip() for cell in rows[0]], rows[1:], places[1:])


def joined(lines: Sequence[Sequence[str]]) -> list[str]:
    """Several lines of names as one: the cells of a column with `_` between them.

    In all but the last an empty cell has the name to its left, since a name often stands above the
    first of its columns alone.

    Examples:
        >>> joined([["", "Hip", "", "Knee", ""], ["Frame", "X", "Y", "X", "Y"]])
        ['Frame', 'Hip_X', 'Hip_Y', 'Knee_X', 'Knee_Y']
    """
    width = max(map(len, lines), default=0)
    parts: list[list[str]] = [[] for _ in range(width)]
    for at, line in enumerate(lines, 1):
        name = ""
        for place in range(width):
            cell = line[place].strip() if place < len(line) else ""
            name = cell or (name if at < len(lines) else "")
            if name:
                parts[place].append(name)
    return ["_".join(names) for names in parts]


def column(table: Table, index: int) -> np.ndarray:
    """One column as float64; NaN where nothing was seen, as `number` has it.

    Raises:
        InputError: a row too short, or a cell that is no finite number.
    """
    values = np.empty(len(table.rows))
    name = table.header[index] if index < len(table.header) else f"column {index + 1}"
    for i, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        if index >= len(row):
            raise InputError(
                f"{table.where}: line {line}: {len(row)} cells, but {name!r} is the "
                f"{index + 1}th column; the line is cut off, mend or drop it"
            )
        values[i] = number(row[index], f"{table.where}: line {line}: {name}")
    return values


def number(cell: str, where: str) -> float:
    """A cell as a number; NaN where it is empty or one of `NOT_SEEN`.

    Raises:
        InputError: something else, or infinity.
    """
    cell = cell.strip()
    if cell.lower() in NOT_SEEN:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not abs(value) <= LARGEST:
        raise InputError(
            f"{where}: {cell[:40]!r} is no finite number; mend it, or leave the cell empty where "
            "nothing was seen"
        )
    return value


def member_of(table: object, key: str, kind: type[T], where: str) -> T:
    """`table[key]` of parsed JSON, checked.

    Raises:
        InputError: `table` is no object, lacks the key, or holds something of another kind.
    """
    fields = instance(table, dict, where)
    if key not in fields:
        have = " ".join(", ".join(sorted(fields)[:12])[:200].split()) or "nothing"
        raise InputError(f"{where}: field {key!r} is missing (there is {have}); add it")
    return instance(fields[key], kind, f"{where}: {key}")


def instance(value: object, kind: type[T], where: str) -> T:
    """`value`, when it is of that kind; true and false are no whole numbers.

    Raises:
        InputError: it is of another kind, or a string that cannot be stored.
    """
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{where}: expected {_KINDS[kind]}, not {_shown(value)}; mend it")
    text = value if isinstance(value, str) else ""
    if "\0" in text or text.encode("utf-8", "replace").decode("utf-8") != text:
        raise InputError(f"{where}: {text[:40]!a} holds NUL or half a character; take it out")
    return value


def numbers(values: object, width: int, where: str) -> np.ndarray:
    """A flat JSON list of numbers as float64 `(count, width)`.

    NaN, null and the words of `NOT_SEEN` become NaN: nothing was seen.

    Raises:
        InputError: no list of finite numbers, or not a multiple of `width`.
    """
    array = None
    if isinstance(values, list):
        values = [float("nan") if _not_seen(value) else value for value in values]
        try:
            array = np.asarray(values)
        except (ValueError, OverflowError):  # ragged
            array = None
    if array is None or array.ndim != 1 or array.dtype.kind not in "iuf":
        raise InputError(f"{where}: expected a flat list of numbers, not {_shown(values)}; mend it")
    wrong = np.abs(array) > LARGEST
    if wrong.any():
        at = int(wrong.argmax())
        raise InputError(
            f"{where}: entry {at} is {array[at]}, no finite number; write 0 with confidence 0 "
            "where a joint was not found"
        )
    if len(array) % width:
        raise InputError(
            f"{where}: {len(array)} numbers are not {width} for each joint; the file is damaged "
            "or of another format"
        )
    return array.astype(np.float64).reshape(-1, width)


def _not_seen(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in NOT_SEEN)


def _shown(value: object) -> str:
    """A short word for what stands there."""
    text = json.dumps(value, default=str) if not isinstance(value, dict | list) else ""
    kind = _KINDS.get(type(value), type(value).__name__)
    if isinstance(value, list):
        return f"{kind} ({len(value)} entries, or not all of them numbers)"
    return f"{kind} {text[:40]}".strip()
