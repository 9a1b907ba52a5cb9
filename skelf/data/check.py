"""What a ClipSet must hold: every rule has one message that names file, field, clip and remedy."""

from __future__ import annotations

import re
from mmap import mmap
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from .clips import ClipSet
    from .shards.joints import Joints

TABLE = ("start", "length", "label", "subject", "camera", "setup", "fps", "name")
LONG = 10_000  # frames: five minutes of a video
EMPTY = 0.9  # share of its frames that a long clip may lack without a note
_KINDS = {"i": "integer", "f": "number", "U": "name (text)"}


def table(clips: ClipSet) -> None:
    """Checks shapes, types and ranges of everything but the joints' values; reads no frames.

    Raises:
        InputError: the first thing that does not hold.
    """
    _shapes(clips)
    frames, classes = len(clips.joints), len(clips.class_names)
    _refuse(clips, "length", clips.length < 1, "has no frames; drop the clip")
    outside = (clips.start < 0) | (clips.start + clips.length > frames)
    _refuse(clips, "start", outside, f"lies outside the {frames} frames; import the data again")
    wrong = (clips.label < -1) | (clips.label >= classes)
    remedy = f"class_names has {classes}: 0 to {classes - 1}, or -1 for unknown"
    _refuse(clips, "label", wrong, f"has a label out of range; {remedy}")
    for key in ("subject", "camera", "setup"):
        _refuse(clips, key, getattr(clips, key) < -1, "is below -1, which means unknown")
    _refuse(clips, "fps", ~(np.isfinite(clips.fps) & (clips.fps > 0)), "must be above 0")
    for key, side in clips.splits.items():
        if ((side < 0) | (side > 2)).any():
            raise InputError(f"{clips}: splits/{key}: values are 0 (unused), 1 (train), 2 (test)")
    if len(clips.segments):
        clip, first, end, label = clips.segments.T
        where = np.where((clip >= 0) & (clip < len(clips)), clip, 0)
        wrong = (clip != where) | (first < 0) | (end <= first) | (end > clips.length[where])
        _refuse_segment(
            clips, wrong, "lies outside its clip; rows are clip, start, end (exclusive)"
        )
        wrong = (label < 0) | (label >= classes)
        _refuse_segment(clips, wrong, f"has an unknown label; {remedy}")


def whole(where: object, joints: np.ndarray | Joints) -> None:
    """Refuses joints whose file was cut off since it was mapped: reading them ends the process.

    Args:
        where: what to call the set.
        joints: of a ClipSet; those of shards look for themselves.

    Raises:
        InputError: the file is too short by now.
    """
    file = joints.base if isinstance(joints, np.memmap) else None
    if isinstance(joints, np.memmap) and isinstance(file, mmap):
        needed, left = joints.offset + joints.nbytes, file.size()
        if left < needed:
            raise InputError(
                f"{where}: was cut off while it was read: {left:,} bytes are left, {needed:,} are "
                "needed; copy or import it again, and replace stores by renaming"
            )


def notes(clips: ClipSet) -> list[str]:
    """What is odd but may be so: long clips of which nearly all is empty, as one wrong number of a
    frame makes them.
    """
    lines = []
    for at in np.flatnonzero(clips.length >= LONG):
        present = np.flatnonzero(clips.clip(int(at)).any(axis=(1, 2, 3)))
        length = int(clips.length[at])
        if len(present) > (1 - EMPTY) * length:
            continue
        edges = np.concatenate([[-1], present, [length]])
        gap = int(np.diff(edges).argmax())
        first, end = int(edges[gap]) + 1, int(edges[gap + 1])
        lines.append(
            f"{clips}: clip {called(clips, int(at))}: {length - len(present):,} of {length:,} "
            f"frames show nobody, {first:,} to {end - 1:,} in a row; are the numbers of the frames "
            "right?"
        )
    return lines


def finite(clips: ClipSet, indices: range, frames: np.ndarray) -> None:
    """Refuses NaN and infinite joints, and confidences outside [0, 1], in one of `ClipSet.blocks`.

    Raises:
        InputError: names the clip and the frame in it.
    """
    if clips.confidence and not ((frames[..., -1] >= 0) & (frames[..., -1] <= 1)).all():
        raise InputError(
            f"{clips}: joints: between clips {called(clips, indices.start)} and "
            f"{called(clips, indices.stop - 1)}: a confidence (the last channel) is not in "
            "[0, 1]; scale it, and give missing joints 0"
        )
    # A sum is finite unless a number is not (or it overflows): usually one pass without a mask.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(frames.sum(dtype=np.float64)):
            return
    bad = ~np.isfinite(frames).all(axis=(1, 2, 3))
    if not bad.any():
        return
    frame = int(bad.argmax())
    lengths = clips.length[indices.start : indices.stop]
    at = int(np.searchsorted(np.cumsum(lengths), frame, "right"))
    raise InputError(
        f"{clips}: joints: clip {called(clips, indices.start + at)}: frame "
        f"{frame - lengths[:at].sum()} holds NaN or infinity; drop the clip or fill the gap "
        "(a person who is absent is all zeros)"
    )


def _shapes(clips: ClipSet) -> None:
    shape, count = clips.joints.shape, len(clips.start)
    if len(shape) != 4 or 0 in shape[1:] or clips.joints.dtype != np.float32:
        raise InputError(
            f"{clips}: joints: expected float32 (frames, persons, joints, coordinates), not "
            f"{clips.joints.dtype} {shape}"
        )
    if clips.confidence and shape[3] < 3:
        raise InputError(
            f"{clips}: joints: {shape[3]} numbers a joint are too few for coordinates and a "
            "confidence; take the attribute 'confidence' out"
        )
    if shape[2] != clips.skeleton.joints:
        raise InputError(
            f"{clips}: joints: each frame has {shape[2]} joints, but the layout "
            f"{clips.skeleton.name!r} has {clips.skeleton.joints}; name the layout of this data"
        )
    columns = {key: getattr(clips, key) for key in TABLE} | clips.columns
    columns |= {f"splits/{key}": side for key, side in clips.splits.items()}
    for key, values in columns.items():
        kind = {"fps": "f", "name": "U"}.get(key, "i")
        if values.shape != (count,) or values.dtype.kind != kind:
            raise InputError(
                f"{clips}: {key}: expected one {_KINDS[kind]} for each of {count} clips, not "
                f"{values.dtype} {values.shape}"
            )
    for key in [*clips.columns, *clips.splits]:
        if key in clips.columns and key in TABLE:
            raise InputError(f"{clips}: columns: {key!r} is a field of its own; rename the column")
        if not re.fullmatch(r"[\w-][\w.-]*", key):
            raise InputError(
                f"{clips}: {key!r} cannot name a column or split; use letters, digits, _, - and ."
            )
    if clips.segments.ndim != 2 or clips.segments.shape[1] != 4 or clips.segments.dtype.kind != "i":
        raise InputError(f"{clips}: segments: expected integers (K, 4), not {clips.segments.shape}")


def _refuse(clips: ClipSet, key: str, wrong: np.ndarray, message: str) -> None:
    if wrong.any():
        at = int(wrong.argmax())
        value = getattr(clips, key)[at]
        raise InputError(f"{clips}: {key}: clip {called(clips, at)} = {value} {message}")


def _refuse_segment(clips: ClipSet, wrong: np.ndarray, message: str) -> None:
    if wrong.any():
        at = int(wrong.argmax())
        raise InputError(f"{clips}: segments: row {at} {clips.segments[at].tolist()} {message}")


def called(clips: ClipSet, index: int) -> str:
    """A clip in a message: its index and its name."""
    return f"{index} ({str(clips.name[index])!r})"
