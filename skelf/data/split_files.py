"""Splits that others made, from an array or from names of clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError, unknown
from .annotations.names import ClipNames, listed
from .clips import ClipSet
from .formats.csv_header import separators
from .formats.landmark_columns import VIDEO, place_of, plain
from .formats.members import Member
from .formats.numpy_files import load
from .formats.text import read_csv, read_text

MOST = 10_000  # splits in one file
_NAMES = ("name", *VIDEO, "path")
_SIDES = {
    **dict.fromkeys(("train", "training", "1", "true"), 1),
    **dict.fromkeys(("test", "testing", "2", "false"), 2),
    **dict.fromkeys(("unused", "none", "val", "valid", "validation", "0", "-", ""), 0),
}


def read_splits(clips: ClipSet, path: str | Path, name: str) -> dict[str, np.ndarray]:
    """The splits of a file, each `(N,)` int8: 0 unused, 1 train, 2 test.

    Args:
        clips: in the order of an array's columns.
        path: `.npy` `(clips,)` or `(splits, clips)`, `.npz` of such arrays: 1 train, 2 test, 0
            unused, or True where a clip trains. `.csv`: a column of names, each further column a
            split (train, test, or empty). `.txt`: the names of the clips that train, one a line.
        name: of the split; row k of several is called `name_k`, from 0; an array of `.npz` or a
            column of several `name_` and its own name.

    Raises:
        InputError: another shape, other values, a name that no clip has, or a side without clips.

    Examples:
        >>> import numpy as np
        >>> from skelf.data.synthetic.clips import generate
        >>> np.save("halves.npy", np.arange(12) % 2 == [[0], [1]])
        >>> sides = read_splits(generate(clips=12), "halves.npy", "half")
        >>> sides["half_0"][:4], sides["half_1"][:4]
        (array([1, 2, 1, 2], dtype=int8), array([2, 1, 2, 1], dtype=int8))
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        arrays = load(path)
        if isinstance(arrays, np.ndarray):
            arrays = {"": arrays}
        several = len(arrays) > 1
        splits: dict[str, np.ndarray] = {}
        for key, array in arrays.items():
            rows = _rows(np.asarray(array), len(clips), f"{path}: {key}" if key else str(path))
            start = f"{name}_{key}" if several else name
            splits |= {start if rows.ndim == 1 else f"{start}_{k}": side
                       for k, side in enumerate(np.atleast_2d(rows))}  # fmt: skip
    elif suffix in (".csv", ".tsv"):
        splits = _columns(clips, path, name)
    elif suffix == ".txt":
        splits = {name: _listed(clips, path)}
    else:
        raise InputError(f"{path}: use .npy, .npz, .csv or .txt")
    for key, side in splits.items():
        for value, word in ((1, "trains"), (2, "tests")):
            if not (side == value).any():
                raise InputError(
                    f"{path}: split {key!r}: no clip {word}; 1 or True is train, 2 or False is test"
                )
    return splits


def _rows(array: np.ndarray, count: int, where: str) -> np.ndarray:
    """`(N,)` or `(K, N)` int8 of an array."""
    if array.ndim not in (1, 2) or array.shape[-1] != count or not len(array) > 0:
        turned = array.ndim == 2 and array.shape[0] == count
        remedy = "; turn it (array.T)" if turned else ""
        raise InputError(
            f"{where}: shape {array.shape}, expected (splits, {count}) or ({count},): a number for "
            f"each clip{remedy}"
        )
    if array.ndim == 2 and len(array) > MOST:
        raise InputError(f"{where}: {len(array)} splits; at most {MOST:,}")
    if array.dtype == bool:
        return np.where(array, 1, 2).astype(np.int8)
    whole = array.dtype.kind in "iuf" and bool(np.isin(array, (0, 1, 2)).all())
    if not whole:
        raise InputError(f"{where}: use 0 (unused), 1 (train), 2 (test), or True and False")
    if not (array == 2).any():
        raise InputError(
            f"{where}: holds 0 and 1 alone, and 0 means unused; write 2 where a clip tests, or "
            "save it as booleans (array == 1)"
        )
    return array.astype(np.int8)


def _columns(clips: ClipSet, path: Path, name: str) -> dict[str, np.ndarray]:
    member = Member(path)
    table = read_csv(member, separators(member)[0])
    header = [plain(cell) for cell in table.header]
    at = place_of(header, _NAMES)
    chosen = [i for i, cell in enumerate(header) if i != at and cell]
    if at is None or not chosen:
        raise InputError(
            f"{path}: expected a column 'name' or 'file' and one for each split (there are "
            f"{', '.join(table.header[:6])[:200]})"
        )
    places = _places(clips, [row[at] if at < len(row) else "" for row in table.rows],
                     [f"{path}: line {line}" for line in table.lines])  # fmt: skip
    splits = {}
    for column in chosen:
        side = np.zeros(len(clips), np.int8)
        for row, line, into in zip(table.rows, table.lines, places, strict=True):
            word = row[column].strip().lower() if column < len(row) else ""
            if word not in _SIDES:
                raise InputError(
                    f"{path}: line {line}: {unknown('side', word, ('train', 'test', 'unused'))}"
                )
            side[into] = _SIDES[word]
        splits[name if len(chosen) == 1 else f"{name}_{header[column]}"] = side
    return splits


def _listed(clips: ClipSet, path: Path) -> np.ndarray:
    """Clips of a list train, all others test."""
    lines = list(enumerate(read_text(Member(path)).splitlines(), 1))
    names = [(number, line.strip()) for number, line in lines if line.strip()]
    places = _places(
        clips, [text for _, text in names], [f"{path}: line {number}" for number, _ in names]
    )
    side = np.full(len(clips), 2, np.int8)
    for into in places:
        side[into] = 1
    return side


def _places(clips: ClipSet, names: Sequence[str], where: Sequence[str]) -> list[list[int]]:
    """The clips of each name; none of them twice."""
    index, places = ClipNames(clips.names), []
    seen: set[int] = set()
    for name, here in zip(names, where, strict=True):
        into = index.find(name, here)
        if not into:
            raise InputError(
                f"{here}: no clip {name[:80]!r}; clips are called {listed(clips.names)}"
            )
        if seen & {*into}:
            raise InputError(f"{here}: {name[:80]!r} comes twice; keep one of them")
        seen |= {*into}
        places.append(into)
    return places
