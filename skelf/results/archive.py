"""An `.npz` of scores as a file: written whole, read without pickles, each field checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from ..data.damage import DAMAGED, reason
from ..errors import InputError
from ..files import replacing
from ..settings.values import Value

Row = dict[str, Value]
"""A row of results, as JSON: one number, and all that is needed to know what it is."""

_TEXTS = ("protocol", "selection", "definition", "method", "encoder", "stream", "data", "split")


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays, whole or not at all.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    members: dict[str, Any] = dict(arrays)  # numpy types no field as bool
    with replacing(path) as hidden, hidden.open("wb") as file:
        np.savez_compressed(file, **members)


def has(path: Path, field: str) -> bool:
    """Whether a file is an archive with that field; the field itself is not read."""
    try:
        with ZipFile(path) as file:
            return f"{field}.npy" in file.namelist()
    except DAMAGED:
        return False


def arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file.

    Raises:
        InputError: no such file, not an archive, damaged, or a pickle within.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; `skelf eval ... --out results.json` writes scores")
    member = "the archive"
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                raise InputError(f"{path}: not an .npz of scores, as `skelf eval --out` writes it")
        with np.load(path, allow_pickle=False) as loaded:
            data = {}
            for member in loaded.files:
                data[member] = loaded[member]
                if not isinstance(data[member], np.ndarray):  # a member of another kind: bytes
                    raise InputError(f"{path}: {member}: no array; evaluate again")
            return data
    except InputError:
        raise
    except DAMAGED as error:
        if "allow_pickle" in str(error):
            raise InputError(f"{path}: {member}: a pickle, which is never loaded") from None
        raise InputError(
            f"{path}: {member}: cut off or damaged ({reason(error)}); evaluate again"
        ) from None


def field(
    path: Path, data: Mapping[str, np.ndarray], key: str, kinds: str, ndim: int
) -> np.ndarray:
    """One array, of one of these kinds of numpy's types and so many dimensions.

    Raises:
        InputError: it is missing or another.
    """
    if key not in data:
        raise InputError(
            f"{path}: field {key!r} is missing; give a file of scores that `skelf eval --out` wrote"
        )
    values = data[key]
    if values.dtype.kind not in kinds or values.ndim != ndim:
        raise InputError(f"{path}: {key}: {values.dtype} {values.shape} is not what belongs here")
    return values


def listed(path: Path, data: Mapping[str, np.ndarray], key: str) -> list[str]:
    """A field of texts."""
    return [str(text) for text in field(path, data, key, "U", 1)]


def texts(
    names: Sequence[str], class_names: Sequence[str], row: Mapping[str, object]
) -> dict[str, np.ndarray]:
    """The fields that all files have: names of clips, of classes, and the row."""
    return {
        "names": np.array(names, dtype=str),
        "class_names": np.array(class_names, dtype=str),
        "row": np.array(json.dumps(row, ensure_ascii=False)),
    }


def read_row(path: Path, data: Mapping[str, np.ndarray]) -> Row:
    """What all rows of the evaluation say.

    Raises:
        InputError: no JSON, or a text is missing.
    """
    text = str(field(path, data, "row", "U", 0))
    try:
        row: Row = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: row: not JSON; evaluate again") from None
    for key in _TEXTS:
        if not isinstance(row, dict) or not isinstance(row.get(key), str):
            raise InputError(f"{path}: row: {key} is missing or no text; evaluate again")
    if row["selection"].rpartition(".")[2] not in ("last", "none"):
        raise InputError(f"{path}: row: selection {row['selection']!r} is neither last nor none")
    return row
