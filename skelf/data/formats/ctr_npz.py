"""CTR-GCN's `.npz`, which InfoGCN, HD-GCN, SkateFormer, MAMP and others share.

`x_train` and `x_test` `(N, T, M * V * 3)`: zeros behind a clip's end, centred at the first frame's
spine, metres, y up. `y_train` and `y_test` `(N, classes)`, one-hot. No names: the peers call clips
`train_0`, `test_0`, ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS, NTU25
from ...skeleton import Skeleton
from ..clips import ClipSet
from . import batches, dense
from .action_names import NTU60, NTU120, PKUMMD
from .batches import Batch, Form
from .field_arrays import Beside
from .field_labels import labels_of
from .field_names import split_name
from .npz_rows import Npz

FIELDS = frozenset(("x_train", "x_test"))
"""One of which is in such a file."""
SIDES = ("train", "val", "test")
TITLES = {("ntu", 60): NTU60, ("ntu", 120): NTU120, ("pku", 51): PKUMMD}
"""The start of a file's name and the classes in it -> their names."""


def read_ctr(
    path: Path, skeleton: Skeleton | None, form: Form, scratch: str | Path | None
) -> ClipSet:
    """The clips of both sides, with their split.

    Args:
        path: the `.npz`.
        skeleton: the layout; None: ntu25, which the numbers of a frame must fit.
        form: what the numbers mean.
        scratch: folder for the frames meanwhile.

    Raises:
        InputError: arrays of another form.
    """
    with Npz(path) as file:
        sides = [
            s for s in SIDES if f"x_{s}" in file.names and file.header(f"x_{s}").shape[:1] != (0,)
        ]
        if not sides:
            raise InputError(f"{path}: no clip in it; write the file again")
        skeleton = skeleton or _layout(path, file.header(f"x_{sides[0]}").shape)
        parts, classes = [], 0
        for side in sides:
            labels, count = _labels(file, side)
            classes = max(classes, count)
            parts.append(_batch(file, side, skeleton, labels))
        clips = batches.build(
            parts, skeleton, form, place=path, split=split_name(path), scratch=scratch
        )
    return _with_classes(clips, path, classes)


def _layout(path: Path, shape: tuple[int, ...]) -> Skeleton:
    numbers = shape[2] if len(shape) == 3 else shape[3] * 3 if len(shape) == 5 else 0
    if numbers in (NTU25.joints * 3, NTU25.joints * 6):
        return NTU25
    raise InputError(
        f"{path}: {numbers} numbers a frame, not 75 or 150 (one or two persons of ntu25); give the "
        f"layout (--layout {' or '.join(LAYOUTS)} or FILE.toml)"
    )


def _labels(file: Npz, side: str) -> tuple[list[int], int]:
    """Labels of a side, and how many classes its one-hot rows have."""
    shape = file.header(f"x_{side}").shape
    count = shape[0] if shape else 0
    if f"y_{side}" not in file.names:
        return [-1] * count, 0
    array = file.array(f"y_{side}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{file.path}: y_{side}: {array.dtype} {array.shape}, not labels")
    labels = labels_of(array, Path(f"{file.path}: y_{side}"), count)
    return labels, array.shape[1] if array.ndim == 2 and array.shape[1] > 1 else 0


def _batch(file: Npz, side: str, skeleton: Skeleton, labels: list[int]) -> Batch:
    name = f"x_{side}"
    shape, _, kind = file.header(name)
    where = Path(f"{file.path}: {name}")
    if len(shape) not in (3, 5) or kind.kind != "f" or 0 in shape:
        raise InputError(f"{where}: expected float (N, T, M*V*3), not {kind} {shape}")
    usual = [f"{side}_{i}" for i in range(shape[0])]
    more = Beside(side, None, labels)
    if len(shape) == 5:
        order = dense.order_of(shape, skeleton, (2, 3), where)[1:]
        if "M" not in order or order not in ("CTVM", "TMVC", "MTVC"):
            raise InputError(f"{where}: {shape}: no (N, C, T, V, M)")
        persons = shape[1 + order.index("M")]
        axes = [order.index(letter) for letter in "TMVC"]
        rows: Iterator[np.ndarray] = (row.transpose(axes) for row in file.rows(name))
        return Batch(where, rows, shape[0], persons, more, usual=usual)
    size = skeleton.joints * 3
    if shape[2] % size:
        raise InputError(
            f"{where}: {shape[2]} numbers a frame are no persons of {skeleton.joints} joints "
            f"({skeleton.name}); name the layout"
        )
    form = (shape[1], shape[2] // size, skeleton.joints, 3)
    rows = (row.reshape(form) for row in file.rows(name))
    return Batch(where, rows, shape[0], shape[2] // size, more, usual=usual)


def _with_classes(clips: ClipSet, path: Path, classes: int) -> ClipSet:
    """Names of the classes of NTU RGB+D and PKU-MMD, by the file's name and their number."""
    titles = next(
        (t for (word, n), t in TITLES.items() if n == classes and word in path.stem.lower()), None
    )
    if titles is None:
        titles = tuple(str(i) for i in range(max(classes, len(clips.class_names))))
    return replace(clips, class_names=titles)
