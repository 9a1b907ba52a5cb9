"""Tables that pandas wrote into HDF5, read with h5py alone: of kinds "fixed" and "table".

A table of kind "table" is one of records, a field for the index and one for each block of columns,
whose names are pickled beside it. "fixed" has an array for each block, and names as levels and
codes. Source: pandas' documentation of HDFStore, and files of pandas 0.15 to 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np

from ...errors import InputError
from ..damage import DAMAGED, reason
from .hdf_arrays import array, text
from .pickles import unpickled

Names = tuple[str, ...]  # a text for each level


@dataclass(frozen=True)
class Frame:
    """A table.

    Args:
        levels: what each part of a column's name is, as "bodyparts"; "" where it is not said.
        columns: names, a text for each level.
        index: of the rows: whole numbers, or texts (several levels joined by `/`).
        values: `(rows, columns)` float64.
    """

    levels: tuple[str, ...]
    columns: list[tuple[str, ...]]
    index: list[int] | list[str]
    values: np.ndarray


def read_frames(path: Path) -> list[Frame]:
    """All tables of a file whose columns have names of several levels.

    Raises:
        InputError: no readable HDF5, a damaged table, or one of more than fits into memory.
    """
    try:
        with h5py.File(path, "r") as file:
            groups = [
                file[key]
                for key in file
                if isinstance(file.get(key), h5py.Group) and "pandas_type" in file[key].attrs
            ]
            return [frame for group in groups if (frame := _frame(group, f"{path}: {group.name}"))]
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(f"{path}: damaged ({reason(error)[:200]}); copy the file again") from None


def level_names(path: Path) -> set[str]:
    """What the levels of columns of a file's tables are called; empty where it has none."""
    names: set[str] = set()
    try:
        with h5py.File(path, "r") as file:
            for group in file.values():
                if not isinstance(group, h5py.Group) or "pandas_type" not in group.attrs:
                    continue
                for level in range(8):
                    if f"axis0_level{level}" in group:
                        names.add(_text(group[f"axis0_level{level}"].attrs.get("name", "")))
                told = _pickled(group.attrs.get("info", b"N."), str(path))
                axes = told.get(1) if isinstance(told, dict) else None
                listed = axes.get("names") if isinstance(axes, dict) else None
                names |= {str(name) for name in listed} if isinstance(listed, list) else set()
    except DAMAGED:  # an InputError is one
        return set()
    return names


def _frame(group: h5py.Group, where: str) -> Frame | None:
    kind = _text(group.attrs["pandas_type"])
    if kind == "frame_table" and "table" in group:
        return _of_records(group, where)
    if kind == "frame" and _text(group.attrs.get("axis0_variety", "")) == "multi":
        return _of_blocks(group, where)
    return None


def _of_records(group: h5py.Group, where: str) -> Frame | None:
    """A table of kind "table"."""
    records = array(group["table"], where)
    columns: list[tuple[str, ...]] = []
    blocks = []
    for name in records.dtype.names or ():
        if not re.fullmatch(r"values_block_\d+", name):
            continue
        listed = _pickled(group["table"].attrs[f"{name}_kind"], f"{where}: {name}")
        columns += _columns(listed, where)
        blocks.append(records[name].reshape(len(records), -1))
    if not blocks or len(columns[0]) < 2:
        return None
    levels: tuple[str, ...] = ("",) * len(columns[0])
    info = _pickled(group.attrs["info"], f"{where}: info")
    told = info.get(1) if isinstance(info, dict) else None
    if isinstance(told, dict) and isinstance(told.get("names"), list):
        levels = tuple(str(name or "") for name in told["names"])
    frame = Frame(levels, columns, _index(records["index"], where), _numbers(blocks, where))
    return _in_order(frame, _pickled(group.attrs["non_index_axes"], where), where)


def _of_blocks(group: h5py.Group, where: str) -> Frame:
    """A table of kind "fixed"."""
    columns: list[tuple[str, ...]] = []
    blocks = []
    for number in range(int(group.attrs["nblocks"])):
        columns += _multi(group, f"block{number}_items", where)[1]
        block = array(group[f"block{number}_values"], where)
        blocks.append(block if block.ndim == 2 else block.reshape(len(block), -1))
    levels, order = _multi(group, "axis0", where)
    if _text(group.attrs.get("axis1_variety", "")) == "multi":
        index: list[int] | list[str] = ["/".join(row) for row in _multi(group, "axis1", where)[1]]
    else:
        index = _index(array(group["axis1"], where), where)
    return _in_order(Frame(levels, columns, index, _numbers(blocks, where)), order, where)


def _multi(group: h5py.Group, name: str, where: str) -> tuple[Names, list[Names]]:
    """Names of levels, and the names that their codes make; texts."""
    parts, levels = [], []
    for level in range(int(group.attrs[f"{name}_nlevels"])):
        stored = group[f"{name}_level{level}"]
        texts = [_text(value) for value in array(stored, where).tolist()]
        codes = array(group[f"{name}_label{level}"], where).astype(np.int64)
        parts.append([texts[code] for code in codes.tolist()])
        levels.append(_text(stored.attrs.get("name", "")))
    return tuple(levels), list(zip(*parts, strict=True))


def _in_order(frame: Frame, wanted: object, where: str) -> Frame:
    """Columns as they stood in memory; blocks hold them by their kinds of number."""
    columns, values, index = frame.columns, frame.values, frame.index
    if values.shape != (len(index), len(columns)) or len({len(c) for c in columns}) != 1:
        raise InputError(f"{where}: {values.shape} numbers for {len(columns)} columns; damaged")
    if isinstance(wanted, list) and len(wanted) == 1 and len(wanted[0]) == 2:
        wanted = _columns(wanted[0][1], where)  # [(axis, columns)]
    place = {name: at for at, name in enumerate(columns)}
    order = [place[name] for name in wanted] if isinstance(wanted, list) else []
    if len(order) != len(columns):
        return frame
    return Frame(frame.levels, [columns[at] for at in order], index, values[:, order])


def _columns(listed: object, where: str) -> list[tuple[str, ...]]:
    if isinstance(listed, list) and all(isinstance(name, tuple | str) for name in listed):
        return [
            tuple(map(str, name)) if isinstance(name, tuple) else (str(name),) for name in listed
        ]
    raise InputError(f"{where}: names of columns that are no texts; damaged")


def _index(values: np.ndarray, where: str) -> list[int] | list[str]:
    if values.ndim == 1 and values.dtype.kind in "iu":
        numbers: list[int] = values.tolist()
        return numbers
    if values.ndim == 1 and values.dtype.kind in "SO":
        return [_text(value) for value in values.tolist()]
    if values.ndim == 1 and values.dtype.kind == "f" and (values == np.round(values)).all():
        return [int(value) for value in values.tolist()]
    raise InputError(f"{where}: rows that are neither numbered nor named; write it anew")


def _numbers(blocks: Sequence[np.ndarray], where: str) -> np.ndarray:
    if any(block.dtype.kind not in "fiu" for block in blocks):
        raise InputError(f"{where}: columns that hold no numbers; take them out")
    return np.concatenate([block.astype(np.float64) for block in blocks], axis=1)


def _pickled(value: object, where: str) -> object:
    """What an attribute holds: names and the like."""
    raw = bytes(value) if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
    return unpickled(BytesIO(raw), len(raw), where)


def _text(value: object) -> str:
    found = text(value)
    return "" if found in ("N.", "None") else found
