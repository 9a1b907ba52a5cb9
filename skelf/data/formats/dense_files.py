"""Clips from `.npy` files: one recording, a batch, or the field's arrays with their labels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...skeleton import Skeleton
from ..clips import ClipSet
from . import batches, dense
from .batches import Batch, Form
from .clip_names import known
from .field_arrays import Beside, beside, others_of, refuse_other
from .field_names import named, split_name
from .numpy_files import load

USUAL = {(25, 3): "ntu25", (18, 3): "openpose18"}
"""Joints and numbers of the field's arrays -> layout: NTU RGB+D and PKU-MMD, Kinetics."""
BY_SOURCE = {("nw_ucla", 20): "kinect20", ("uav", 17): "coco17"}


def read_dense(
    files: list[Path], skeleton: Skeleton | None, how: Form, scratch: str | Path | None
) -> ClipSet:
    """The clips of one array, or of the field's arrays of the sides of a split.

    Args:
        files: each an `.npy`.
        skeleton: the layout; None: to be told, but for the field's arrays.
        how: what the numbers mean.
        scratch: folder for the frames meanwhile.

    Raises:
        InputError: anything that does not hold.
    """
    for file in files:
        refuse_other(file)
    arrays = [_batch(path, skeleton, how) for path in files]
    layouts = {array.skeleton.name for array in arrays}
    if len(layouts) > 1:
        raise InputError(f"{files[0].parent}: arrays of {' and '.join(layouts)}; read them apart")
    place = files[0] if len(files) == 1 else files[0].parent
    if len(files) > 1 and (left := others_of(place)):
        some = ", ".join(file.name for file in left[:3]) + (", ..." if len(left) > 3 else "")
        warnings.warn(f"{place}: {some}: computed from joints, left out", stacklevel=4)
    return batches.build(
        [array.batch for array in arrays],
        arrays[0].skeleton,
        how,
        place=place,
        split=split_name(files[0]),
        scratch=scratch,
    )


class _Array(NamedTuple):
    batch: Batch
    skeleton: Skeleton


def _batch(path: Path, skeleton: Skeleton | None, how: Form) -> _Array:
    """One array as clips, mapped, and its layout."""
    array = load(path)
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: an archive, by its content; call it .npz")
    shapes = "(N, C, T, V, M), (T, V, C) or (T, M, V, C)"
    if array.ndim not in (3, 4, 5) or 0 in array.shape or array.dtype.kind != "f":
        raise InputError(
            f"{path}: the array: expected float {shapes}, not {array.dtype} {array.shape}"
        )
    more = beside(path, len(array), array.shape[2]) if array.ndim == 5 else Beside()
    if array.ndim == 5 and array.shape[1] == 6 and named(path.name):
        raise InputError(
            f"{path}: 6 numbers a joint, as joints and bones in one (2s-AGCN); give the array of "
            "joints alone"
        )
    skeleton = skeleton or _layout(path, array, how, more)
    order = how.axes
    if order == "auto":
        channels = (3, 4) if how.confidence else (2, 3)
        order = dense.order_of(array.shape, skeleton, channels, path)
        if order not in ("TVC", "TMVC", "NCTVM"):
            warnings.warn(f"{path}: {array.shape} is read as axes={order}", stacklevel=5)
    clips = dense.batch_of(array, order, path)
    count, frames = clips.shape[:2]
    several = "N" in order
    if not (several and order == "NCTVM"):
        more = beside(path, count, frames) if several else Beside()
    usual = [path.stem] if not several else [f"{path.stem}_{i}" for i in range(count)]
    field = named(path.name) is not None
    return _Array(
        Batch(path, clips, count, clips.shape[2], more, several and count > 1, field, usual),
        skeleton,
    )


def _layout(path: Path, array: np.ndarray, how: Form, more: Beside) -> Skeleton:
    usual = array.shape[array.ndim - 2]
    if how.axes != "auto":
        usual = array.shape[how.axes.index("V")] if len(how.axes) == array.ndim else 0
    if array.ndim == 5 and named(path.name):
        source = known(more.names, more.labels or [-1]).source if more.names else ""
        name = BY_SOURCE.get((source, usual)) or USUAL.get((usual, array.shape[1]))
        if name:
            what = f"{usual} joints in the field's form"
            warnings.warn(f"{path}: {what}: taken for {name}", stacklevel=6)
            return LAYOUTS[name]
    fitting = [s for s in LAYOUTS.values() if s.joints == usual]
    names = " or ".join(s.name for s in fitting)
    if array.shape[-1] == 3 and len({s.names for s in fitting}) == 1 < len(fitting):
        warnings.warn(
            f"{path}: {usual} joints: taken for those of {names}, which are the same", stacklevel=6
        )
        return fitting[0]
    raise InputError(
        f"{path}: an .npy has no joint names; give the layout of its {usual} joints "
        f"(--layout {names or 'FILE.toml'})"
    )
