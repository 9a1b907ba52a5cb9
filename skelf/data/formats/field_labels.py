"""Labels, names and lengths of clips, in the forms in which they lie beside the field's arrays.

A pickle of two lists, names and labels (ST-GCN's preparation), sometimes of three with lengths; an
`.npy` of labels `(N,)` or `(N, 1)` (AimCLR's), or one-hot rows; JSON of one or both lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...files import read_json
from ..damage import DAMAGED, reason
from .pickles import load_pickle, shown

HIGHEST = 100_000  # classes that labels may name


class Labels(NamedTuple):
    """What a file says of the clips.

    Args:
        names: `(N,)`, or none.
        labels: `(N,)`, -1 unknown.
        lengths: `(N,)` frames, or none.
    """

    names: list[str] | None
    labels: list[int]
    lengths: list[int] | None = None


def read_labels(path: Path, count: int) -> Labels:
    """A file of labels.

    Args:
        path: `.pkl`, `.npy` or `.json`.
        count: clips of the array.

    Raises:
        InputError: it holds no such lists, or those of other clips.
    """
    if path.suffix == ".npy":
        return Labels(None, labels_of(load_numbers(path), path, count))
    content = load_pickle(path) if path.suffix in (".pkl", ".pickle") else read_json(path)
    if isinstance(content, dict):
        keys = {"label", "labels", "name", "names", "sample_name"}
        if not content.keys() & keys and len(content) == count:  # names -> labels
            content = [list(content), list(content.values())]
        elif content.keys() & keys:
            names = next((content[k] for k in ("name", "names", "sample_name") if k in content), 0)
            labels = content.get("label", content.get("labels"))
            content = [names, labels] if names else labels
    parts = list(content) if isinstance(content, list | tuple | np.ndarray) else []
    lists = [part.tolist() if isinstance(part, np.ndarray) else part for part in parts]
    if len(lists) == count and all(isinstance(part, int | float) for part in lists):
        lists = [None, lists]  # labels alone
    if len(lists) not in (2, 3) or not all(isinstance(p, list | tuple) for p in lists[1:]):
        raise InputError(
            f"{path}: {shown(content)}, not the names and the labels of {count} clips; write two "
            "lists, or take the file away"
        )
    labels = whole(list(lists[1]), path, "labels", count, -1, HIGHEST)
    lengths = whole(list(lists[2]), path, "lengths", count, 0, None) if len(lists) == 3 else None
    return Labels(_names(lists[0], path, count), labels, lengths)


def load_numbers(path: Path) -> np.ndarray:
    """An `.npy` of numbers.

    Raises:
        InputError: none.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except DAMAGED as error:
        raise InputError(f"{path}: not an array of whole numbers ({reason(error)})") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise InputError(f"{path}: not an array of whole numbers; write it with np.save")
    return array


def labels_of(array: np.ndarray, path: Path, count: int) -> list[int]:
    """Labels `(N,)`, `(N, 1)` or one-hot `(N, classes)`; a row without a 1 is unknown, -1.

    Raises:
        InputError: of another shape, or rows that are no one-hot ones.
    """
    if array.ndim == 2 and array.shape[1] > 1:
        rows = np.asarray(array)
        hot = rows > 0
        if len(rows) != count or not np.isin(rows, (0, 1)).all() or (hot.sum(axis=1) > 1).any():
            raise InputError(
                f"{path}: labels {rows.shape} of {count} clips: neither one number for each nor "
                "rows with a single 1"
            )
        return np.where(hot.any(axis=1), hot.argmax(axis=1), -1).tolist()
    flat = array.reshape(-1).tolist() if array.ndim in (1, 2) else []
    return whole(flat, path, "labels", count, -1, HIGHEST)


def whole(
    values: Sequence[object], path: Path, what: str, count: int, least: int, most: int | None
) -> list[int]:
    """Whole numbers, as integers or as floats without a fraction (CMD's labels of PKU-MMD).

    Raises:
        InputError: another count, a number out of bounds, or none.
    """
    if len(values) != count:
        raise InputError(f"{path}: {len(values)} {what}, the array has {count} clips; one for each")
    top = 2**62 if most is None else most
    numbers = []
    for value in values:
        number = -np.inf if isinstance(value, bool) else value
        is_number = isinstance(number, int | float) and least <= number <= top
        if not isinstance(number, int | float) or not is_number or number != int(number):
            bounds = f"from {least}" + (f" to {most}" if most is not None else "")
            raise InputError(f"{path}: {what}: {shown(value)}; expected whole numbers {bounds}")
        numbers.append(int(number))
    return numbers


def _names(names: object, path: Path, count: int) -> list[str] | None:
    if names is None:
        return None
    if not isinstance(names, list | tuple) or len(names) != count:
        raise InputError(f"{path}: names: not a list of {count}, the array's clips")
    if not all(isinstance(name, str) and "\0" not in name for name in names):
        raise InputError(f"{path}: names: not all of them texts")
    bare = [PurePosixPath(name.replace("\\", "/")).name for name in names]
    return [name.removesuffix(".skeleton").removesuffix(".txt") for name in bare]
