"""Clips from `.npy` files: one recording, a batch, or the field's arrays with their labels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS, NTU25
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..frames import Frames
from ..motion.missing import Missing, fill_nan
from . import dense, field_arrays
from .numpy_files import load


class Form(NamedTuple):
    """What the numbers of an array mean.

    Args:
        axes: its dimensions, as "NTVC", or "auto".
        confidence: the last number of a joint is one.
        missing: what stands for NaN.
    """

    axes: str
    confidence: bool
    missing: Missing


def read_dense(
    files: list[Path], skeleton: Skeleton | None, how: Form, scratch: str | Path | None
) -> ClipSet:
    """The clips of one array, or of the field's arrays of the two sides of a split.

    Args:
        files: each an `.npy`.
        skeleton: the layout; None: to be told, but for NTU's arrays.
        how: what the numbers mean.
        scratch: folder for the frames meanwhile.

    Raises:
        InputError: anything that does not hold.
    """
    arrays = [(path, *_batch(path, skeleton, how)) for path in files]
    path, first, order, skeleton = arrays[0]
    names, labels, lengths, sides = [], [], [], []
    with Frames((max(b.shape[2] for _, b, *_ in arrays), *first.shape[3:]), scratch) as frames:
        for file, batch, *_ in arrays:
            more = field_arrays.beside(file, batch.shape[0], batch.shape[1])
            _add(frames, file, batch, more.lengths, how)
            count = batch.shape[0]
            numbered = (
                [file.stem] if "N" not in order else [f"{file.stem}_{i}" for i in range(count)]
            )
            names += more.names or numbered
            labels += more.labels or [-1] * count
            lengths += more.lengths or [batch.shape[1]] * count
            sides += [more.side] * count
        joints = frames.array()
    columns = field_arrays.columns_of(names)
    place = path if len(files) == 1 else path.parent
    return ClipSet.build(
        joints,
        np.array(lengths, np.int64),
        skeleton,
        attributes={"title": place.stem, "source": place.name},
        path=place,
        class_names=field_arrays.class_names(names, labels) if max(labels) >= 0 else (),
        name=names,
        label=labels,
        splits={field_arrays.split_name(path): np.array(sides, np.int8)} if any(sides) else {},
        columns={"replication": columns.pop("replication")} if columns else {},
        **columns,
    )


def _batch(path: Path, skeleton: Skeleton | None, how: Form) -> tuple[np.ndarray, str, Skeleton]:
    """One array as `(N, T, M, V, C)`, mapped; the order it had, and its layout."""
    array = load(path)
    assert isinstance(array, np.ndarray)
    shapes = "(N, C, T, V, M), (T, V, C) or (T, M, V, C)"
    if array.ndim not in (3, 4, 5) or 0 in array.shape or array.dtype.kind != "f":
        raise InputError(
            f"{path}: the array: expected float {shapes}, not {array.dtype} {array.shape}"
        )
    usual = array.shape[array.ndim - 2]
    if how.axes != "auto":
        usual = array.shape[how.axes.index("V")] if len(how.axes) == array.ndim else 0
    if skeleton is None:
        ntu = array.ndim == 5 and array.shape[1] == 3 and usual == NTU25.joints
        fitting = [s.name for s in LAYOUTS.values() if s.joints == usual]
        if not (ntu and field_arrays.DATA.fullmatch(path.name)):
            raise InputError(
                f"{path}: an .npy has no joint names; give the layout of its {usual} joints "
                f"(--layout {' or '.join(fitting) or 'FILE.toml'})"
            )
        skeleton = NTU25
        warnings.warn(f"{path}: 25 joints in the field's form: taken for ntu25", stacklevel=5)
    order = how.axes
    if order == "auto":
        channels = (3, 4) if how.confidence else (2, 3)
        order = dense.order_of(array.shape, skeleton, channels, path)
        if order not in ("TVC", "TMVC", "NCTVM"):
            warnings.warn(f"{path}: {array.shape} is read as axes={order}", stacklevel=5)
    return dense.batch_of(array, order, path), order, skeleton


def _add(
    frames: Frames, path: Path, batch: np.ndarray, lengths: list[int] | None, how: Form
) -> None:
    """Frames of all clips of an array, a clip at a time: it may be larger than memory."""
    persons = frames.shape[0] - batch.shape[2]
    padded = unseen = 0
    for i, mapped in enumerate(batch):
        with np.errstate(over="ignore"):  # infinite then, and refused as such
            clip = mapped[: lengths[i] if lengths else None].astype(np.float32)
        padded += lengths is None and len(batch) > 1 and not clip[-1].any()
        if np.isnan(clip).any():
            unseen += int(np.isnan(clip).any(axis=-1).sum())
            clip = fill_nan(clip, how.missing, axes=clip.shape[-1] - how.confidence)
        frames.add(np.pad(clip, ((0, 0), (0, persons), (0, 0), (0, 0))) if persons else clip)
    if padded:
        warnings.warn(
            f"{path}: {padded} clips end in all-zero frames, which are kept; where they are "
            f"padding, write their lengths beside it ({path.stem.partition('data')[0]}"
            "num_frame.npy), or an .npz with offsets",
            stacklevel=5,
        )
    if unseen:
        warnings.warn(
            f"{path}: {unseen} joints are NaN: not seen, missing={how.missing}", stacklevel=5
        )
