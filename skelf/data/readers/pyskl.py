"""Reader for pyskl pickles: 2D poses with scores and 3D skeletons, as MMAction2 has them too.

A dict of `split` (name -> clip names) and `annotations`, or the annotations alone. Each is a dict:

    frame_dir       the clip's name         label         0-based class, or missing
    keypoint        (M, T, V, C) numbers    total_frames  T
    keypoint_score  (M, T, V), optional     img_shape, original_shape  (height, width), optional

Splits `xsub_train` and `xsub_val` (or `_test`) become one, `xsub`; `train` and `val` become
`split`, `train1` and `test1` become `split1`. Image sizes become the columns `height` and `width`.
`writers/pyskl.py` writes this format and adds what a store holds besides; that is read back.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Count
from ...skeleton import Skeleton
from ..clips import ClipSet, utf8
from ..formats import described, pickles
from ..formats.described import Description
from ..formats.pyskl_splits import read_splits

USUAL = {(17, 2): "coco17", (18, 2): "openpose18", (25, 3): "ntu25"}  # joints, coordinates
MOST_PERSONS = 16  # without a word from the user
GROWTH = 64  # times that joints may outgrow the file: half precision, room for absent persons
CLASSES = 1000  # that labels alone may name


class _Clip(NamedTuple):
    """One annotation, checked."""

    name: str
    joints: np.ndarray  # (M, T, V, C)
    scores: np.ndarray | None  # (M, T, V)
    numbers: dict[str, int]  # label, subject, camera, setup
    fps: float
    columns: dict[str, int]
    segments: np.ndarray  # (K, 3)


@options("pyskl")
class Pyskl:
    """What a file does not say."""

    persons: Count | None = option(
        None, "persons to keep of each clip, those seen in most frames; none: all"
    )
    fps: float = option(
        30.0,
        "frames a second, where the file does not say (pyskl's do not)",
        gt=0,
        lt=1e6,
    )


def read_pyskl(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Pyskl = Pyskl(),
) -> ClipSet:
    """Reads a pyskl pickle; nothing in it is ever run.

    A score becomes the joint's confidence, cut to [0, 1]; a joint with score 0 or without
    coordinates is missing, and both become 0.

    Args:
        path: the `.pkl`.
        layout: name of a layout, a TOML file, or a Skeleton. None: what pyskl means by this number
            of joints (17 in 2D: coco17, 25 in 3D: ntu25), or what the file says.
        how: the options.

    Raises:
        InputError: anything that does not hold; the message names file, clip and remedy.
    """
    path = Path(path)
    data = pickles.load_pickle(path)
    annotations, lists, text = _parts(path, data)
    description = (
        None if text is None else described.parse_description(text, f"{path}: {described.KEY}")
    )
    clips = [
        _clip(path, number, annotation, how.fps) for number, annotation in enumerate(annotations)
    ]
    if not clips:
        raise InputError(f"{path}: annotations: there are none; nothing to read")
    _alike(path, clips)
    room = _persons(path, clips, how.persons, description)
    joints = _joints(path, clips, room, path.stat().st_size)
    first = clips[0]
    skeleton = _skeleton(path, first, layout, description)
    attributes = dict(
        description["attributes"] if description else {"title": path.stem, "source": path.name}
    )
    attributes.pop("confidence", None)
    if first.scores is not None:
        attributes["confidence"] = "true"
    numbers = {key: [clip.numbers[key] for clip in clips] for key in first.numbers}
    names = [clip.name for clip in clips]
    clipset = ClipSet.build(
        joints,
        [clip.joints.shape[1] for clip in clips],
        skeleton,
        class_names=description["class_names"] if description else _classes(path, numbers["label"]),
        name=names,
        splits=read_splits(path, lists, names),
        segments=_segments(clips),
        columns=_columns(clips),
        attributes=attributes,
        path=path,
        fps=np.array([clip.fps for clip in clips], np.float32),
        label=numbers["label"],
        subject=numbers["subject"],
        camera=numbers["camera"],
        setup=numbers["setup"],
    )
    return replace(clipset, path=None)  # it was for the messages; the set itself is in memory


def _parts(path: Path, data: object) -> tuple[Sequence[object], Mapping[str, object], object]:
    if isinstance(data, list):  # pyskl's older form
        return data, {}, None
    if not isinstance(data, dict) or not isinstance(data.get("annotations"), list):
        raise InputError(
            f"{path}: not a pyskl file: it holds no dict with a list of annotations; write one "
            "with `skelf data export`"
        )
    lists = data.get("split", {})
    if not isinstance(lists, dict):
        raise InputError(f"{path}: split: not a dict of lists of clip names; fix or remove it")
    text = data.get(described.KEY)
    if text is not None and not isinstance(text, str):
        raise InputError(f"{path}: {described.KEY}: {pickles.shown(text)}, not a text; take it out")
    return data["annotations"], lists, text


def _clip(path: Path, number: int, annotation: object, fps: float) -> _Clip:
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
    rate = annotation.get("fps", fps)
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
    return _Clip(name, joints, scores, numbers, rate, columns, rows.astype(np.int64))


def _numbers(
    where: str, annotation: Mapping[object, object], key: str, shape: str, ndim: int
) -> np.ndarray:
    values = annotation.get(key)
    if not isinstance(values, np.ndarray) or values.ndim != ndim or values.dtype.kind not in "fiu":
        content = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "missing"
        raise InputError(f"{where}: {key}: expected an array of numbers {shape}, it is {content}")
    return values


def _integer(where: str, annotation: Mapping[object, object], key: object, default: int) -> int:
    value = annotation.get(key, default)
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


def _alike(path: Path, clips: Sequence[_Clip]) -> None:
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


def _persons(
    path: Path, clips: list[_Clip], wanted: int | None, description: Description | None
) -> int:
    """Room for persons, and their choice where it is limited; `clips` changes in place."""
    most = max(
        1, *(len(clip.joints) for clip in clips), description["persons"] if description else 1
    )
    if wanted is None and most > MOST_PERSONS:
        raise InputError(
            f"{path}: clips of up to {most} persons; say how many to keep (persons=2): those that "
            "are seen in most frames"
        )
    if wanted is None or wanted >= most:
        return most
    dropped = 0
    for number, clip in enumerate(clips):
        frames = (clip.joints != 0).any(axis=(2, 3)).sum(axis=1)
        keep = np.sort(np.argsort(-frames, kind="stable")[:wanted])
        dropped += len(frames) > wanted
        scores = None if clip.scores is None else clip.scores[keep]
        clips[number] = clip._replace(joints=clip.joints[keep], scores=scores)
    if dropped:
        warnings.warn(
            f"{path}: {dropped} clips have more persons than {wanted}; those seen in most frames "
            "were kept",
            stacklevel=3,
        )
    return wanted


def _joints(path: Path, clips: Sequence[_Clip], room: int, size: int) -> np.ndarray:
    """All clips' frames `(F, M, V, C)`, with the score as the last channel."""
    shape = clips[0].joints.shape
    scored = clips[0].scores is not None
    frames = sum(clip.joints.shape[1] for clip in clips)
    whole = (frames, room, shape[2], shape[3] + scored)
    # Many clips may name one array of the file, and few may have many persons.
    if 4 * float(np.prod(whole, dtype=float)) > GROWTH * size + 2**24:
        raise InputError(
            f"{path}: {len(clips)} clips of together {frames} frames and {room} persons from "
            f"{size} bytes; keep fewer persons (persons=2), or write the file again"
        )
    joints, at, odd, empty = np.zeros(whole, np.float32), 0, 0, 0
    for clip in clips:
        count, length = clip.joints.shape[:2]
        block = joints[at : at + length, :count]
        with np.errstate(over="ignore"):  # infinite then, and refused as such
            block[..., : shape[3]] = clip.joints.transpose(1, 0, 2, 3)
        if clip.scores is not None:
            scores = clip.scores.transpose(1, 0, 2)
            if not np.isfinite(scores).all():
                raise InputError(f"{path}: {clip.name!r}: keypoint_score holds NaN or infinity")
            odd += int(((scores < 0) | (scores > 1)).sum())
            block[..., -1] = scores.clip(0, 1)
            missing = (block[..., -1] == 0) | ~block[..., :-1].any(axis=-1)
            empty += int((missing & block.any(axis=-1)).sum())
            block[missing] = 0
        at += length
    if odd:
        warnings.warn(f"{path}: {odd} scores outside [0, 1] were cut to it", stacklevel=3)
    if empty:
        warnings.warn(
            f"{path}: {empty} joints with a score or coordinates of 0 count as missing",
            stacklevel=3,
        )
    return joints


def _skeleton(
    path: Path, clip: _Clip, layout: str | Skeleton | None, description: Description | None
) -> Skeleton:
    if layout is not None:
        return named_layout(layout) if isinstance(layout, str) else layout
    if description:
        skeleton: Skeleton = description["skeleton"]
        return skeleton
    count, coordinates = clip.joints.shape[2:]
    if (count, coordinates) in USUAL:
        return LAYOUTS[USUAL[count, coordinates]]
    fitting = [s.name for s in LAYOUTS.values() if s.joints == count]
    raise InputError(
        f"{path}: {count} joints in {coordinates}D: give their layout "
        f"(--layout {' or '.join(fitting) or 'FILE.toml'})"
    )


def _classes(path: Path, labels: Sequence[int]) -> tuple[str, ...]:
    top = max(labels)
    if top >= max(CLASSES, len(labels)):
        raise InputError(f"{path}: label {top} of {len(labels)} clips; number classes from 0")
    return tuple(str(number) for number in range(top + 1))


def _columns(clips: Sequence[_Clip]) -> dict[str, np.ndarray]:
    """Every column that any clip has, -1 where one lacks it."""
    names = dict.fromkeys(name for clip in clips for name in clip.columns)
    columns = {
        name: np.array([clip.columns.get(name, -1) for clip in clips], np.int64) for name in names
    }
    for name in ("height", "width"):  # said twice by nearly every file
        if np.array_equal(columns.get(name, 0), columns.get(f"original_{name}", 1)):
            del columns[f"original_{name}"]
    return columns


def _segments(clips: Sequence[_Clip]) -> np.ndarray:
    rows = [np.insert(clip.segments, 0, number, axis=1) for number, clip in enumerate(clips)]
    return np.concatenate(rows).astype(np.int64)
