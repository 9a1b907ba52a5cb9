"""The annotations of a pyskl file, each one checked: what stands in it, in whatever form."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..clips import utf8
from . import pickles

PIXELS = 10  # median above which coordinates are pixels: no metres, no shares of an image


class Annotation(NamedTuple):
    """One annotation, checked."""

    name: str
    joints: np.ndarray  # (M, T, V, C)
    scores: np.ndarray | None  # (M, T, V)
    numbers: dict[str, int]  # label, subject, camera, setup
    fps: float
    columns: dict[str, int]
    segments: np.ndarray  # (K, 3)


def read_annotation(path: Path, number: int, annotation: object, fps: float) -> Annotation:
    """One annotation.

    Args:
        path: for messages.
        number: its place in the file.
        annotation: as it was pickled.
        fps: frames a second where it does not say.

    Raises:
        InputError: what does not hold; the message names clip and field.
    """
    if not isinstance(annotation, dict):
        raise InputError(f"{path}: annotation {number}: not a dict; write the file again")
    name = annotation.get("frame_dir", f"clip{number}")
    where = f"{path}: annotation {number} ({pickles.shown(name)})"
    if not isinstance(name, str) or "\0" in name or utf8(name) != name:
        raise InputError(f"{where}: frame_dir: not a plain text; rename the clip")
    joints = _numbers(where, annotation, "keypoint", "(M, T, V, C)", 4)
    if joints.shape[3] not in (2, 3) or 0 in joints.shape[1:]:
        raise InputError(
            f"{where}: keypoint: {joints.shape} is not (M, T, V, C) with 2 or 3 coordinates"
        )
    scores = None
    if annotation.get("keypoint_score") is not None:
        scores = _numbers(where, annotation, "keypoint_score", "(M, T, V)", 3)
        if scores.shape != joints.shape[:3]:
            raise InputError(
                f"{where}: keypoint_score: {scores.shape} for keypoints {joints.shape}; one each"
            )
    frames = _integer(where, annotation, "total_frames", joints.shape[1])
    if frames != joints.shape[1]:
        raise InputError(f"{where}: total_frames: {frames}, but keypoint has {joints.shape[1]}")
    keys = ("label", "subject", "camera", "setup")
    numbers = {key: _integer(where, annotation, key, -1) for key in keys}
    rate = annotation.get("fps")
    rate = fps if rate is None else rate
    if not isinstance(rate, int | float) or not 0 < rate < 1e6:
        raise InputError(f"{where}: fps: {pickles.shown(rate)}; give a number above 0")
    columns = _sizes(where, annotation)
    more = annotation.get("columns", {})
    if not isinstance(more, dict):
        raise InputError(f"{where}: columns: not a dict of integers")
    columns |= {str(key): _integer(where, more, key, -1) for key in more}
    rows = annotation.get("segments", np.zeros((0, 3), np.int64))
    if not isinstance(rows, np.ndarray) or rows.shape[1:] != (3,) or rows.dtype.kind not in "iu":
        raise InputError(f"{where}: segments: not integers (K, 3): start, end, label")
    return Annotation(name, joints, scores, numbers, rate, columns, rows.astype(np.int64))


def _numbers(
    where: str, annotation: Mapping[object, object], key: str, shape: str, ndim: int
) -> np.ndarray:
    values = annotation.get(key)
    if isinstance(values, list | tuple):
        values = _from_lists(where, key, values, shape)
    if not isinstance(values, np.ndarray) or values.ndim != ndim or values.dtype.kind not in "fiu":
        content = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "missing"
        raise InputError(f"{where}: {key}: expected an array of numbers {shape}, it is {content}")
    return values


def _from_lists(
    where: str, key: str, values: list[object] | tuple[object, ...], shape: str
) -> np.ndarray:
    """Nested lists as an array; they may nest without end, so that depth is looked at first."""
    depth = 0
    inner: list[object] = [values]
    while inner and isinstance(inner[0], list | tuple) and depth < 6:
        depth, inner = depth + 1, list(inner[0][:1])
    try:
        array = np.asarray(values, np.float64) if depth < 6 else None
    except (ValueError, TypeError, OverflowError, RecursionError):  # ragged, or no numbers
        array = None
    if array is None:
        raise InputError(
            f"{where}: {key}: lists that are no {shape} of numbers; each must be as long as the "
            "others"
        )
    return array


def _integer(where: str, annotation: Mapping[object, object], key: object, default: int) -> int:
    value = annotation.get(key, default)
    value = default if value is None else value
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise InputError(f"{where}: {key}: expected one whole number, not {pickles.shown(value)}")
    return int(value)


def _sizes(where: str, annotation: Mapping[object, object]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for key, prefix in (("img_shape", ""), ("original_shape", "original_")):
        if key in annotation and annotation[key] is not None:
            stated = annotation[key]
            size = stated.tolist() if isinstance(stated, np.ndarray) else stated
            size = list(size[:2]) if isinstance(size, list | tuple) else []
            if len(size) != 2 or not all(isinstance(n, int) and 0 < n < 2**31 for n in size):
                raise InputError(f"{where}: {key}: not (height, width) in pixels")
            sizes |= {f"{prefix}height": size[0], f"{prefix}width": size[1]}
    return sizes


def scores_apart(path: Path, clips: list[Annotation]) -> list[Annotation]:
    """Clips of pixels whose third number is a score as 2D ones with scores."""
    for clip in clips:
        if clip.scores is not None or clip.joints.shape[3] != 3 or not clip.joints.size:
            return clips
        with np.errstate(invalid="ignore"):
            third = np.nan_to_num(clip.joints[..., 2])
            pixels = np.nanmedian(np.abs(np.nan_to_num(clip.joints[..., :2]))) > PIXELS
            if not pixels or third.min() < 0 or third.max() > 1:
                return clips
    warnings.warn(
        f"{path}: the third number of each keypoint lies in [0, 1], the others are pixels: taken "
        "for its score, so that joints are 2D with a confidence",
        stacklevel=3,
    )
    return [
        clip._replace(joints=clip.joints[..., :2], scores=np.nan_to_num(clip.joints[..., 2]))
        for clip in clips
    ]


def refuse_different(path: Path, clips: Sequence[Annotation]) -> None:
    """Refuses a clip that has other joints than the first, or scores where that has none."""
    first = clips[0]
    for clip in clips:
        same = clip.joints.shape[2:] == first.joints.shape[2:]
        if not same or (clip.scores is None) != (first.scores is None):
            contents = [
                f"{c.name!r} has {c.joints.shape[2]} joints of {c.joints.shape[3]} coordinates "
                f"{'without' if c.scores is None else 'with'} scores"
                for c in (first, clip)
            ]
            raise InputError(f"{path}: {' but '.join(contents)}; one file holds one kind")
