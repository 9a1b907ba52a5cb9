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

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Count
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import described, pickles
from ..formats.described import Description
from ..formats.pyskl_annotations import (
    Annotation,
    read_annotation,
    refuse_different,
    scores_apart,
)
from ..formats.pyskl_splits import read_splits
from ..motion.missing import Missing, fill_clip

USUAL = {(17, 2): "coco17", (18, 2): "openpose18", (25, 3): "ntu25"}  # joints, coordinates
MOST_PERSONS = 16  # without a word from the user
GROWTH = 64  # times that joints may outgrow the file: half precision, room for absent persons
CLASSES = 1000  # that labels alone may name


@options("pyskl")
class Pyskl:
    """What a file does not say."""

    persons: Count | None = option(
        None, "persons to keep of each clip, those seen in most frames; none: all"
    )
    missing: Missing = option(
        "keep",
        "what stands for joints that were not seen (score 0, no coordinates, NaN), between a "
        "person's first and last frame: keep (zeros), hold, linear",
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
    coordinates is missing, and both become 0. Scores may also stand as the third number of a
    keypoint in pixels.

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
        read_annotation(path, number, annotation, how.fps)
        for number, annotation in enumerate(annotations)
    ]
    if not clips:
        raise InputError(f"{path}: annotations: there are none; nothing to read")
    clips = scores_apart(path, clips)
    refuse_different(path, clips)
    room = _persons(path, clips, how.persons, description)
    joints = _joints(path, clips, room, path.stat().st_size, how.missing)
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


def _persons(
    path: Path, clips: list[Annotation], wanted: int | None, description: Description | None
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


def _joints(
    path: Path, clips: Sequence[Annotation], room: int, size: int, rule: Missing
) -> np.ndarray:
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
        block[np.isnan(block).any(axis=-1)] = 0
        if clip.scores is not None:
            scores = np.nan_to_num(clip.scores.transpose(1, 0, 2), nan=0, posinf=np.inf)
            if not np.isfinite(scores).all():
                raise InputError(f"{path}: {clip.name!r}: keypoint_score holds infinity")
            odd += int(((scores < 0) | (scores > 1)).sum())
            block[..., -1] = scores.clip(0, 1)
            missing = (block[..., -1] == 0) | ~block[..., :-1].any(axis=-1)
            empty += int((missing & block.any(axis=-1)).sum())
            block[missing] = 0
        if rule != "keep":
            places = block[..., : shape[3]]
            block[..., : shape[3]] = fill_clip(places, np.any(places, axis=-1), rule)
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
    path: Path, clip: Annotation, layout: str | Skeleton | None, description: Description | None
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


def _columns(clips: Sequence[Annotation]) -> dict[str, np.ndarray]:
    """Every column that any clip has, -1 where one lacks it."""
    names = dict.fromkeys(name for clip in clips for name in clip.columns)
    columns = {
        name: np.array([clip.columns.get(name, -1) for clip in clips], np.int64) for name in names
    }
    for name in ("height", "width"):  # said twice by nearly every file
        if np.array_equal(columns.get(name, 0), columns.get(f"original_{name}", 1)):
            del columns[f"original_{name}"]
    return columns


def _segments(clips: Sequence[Annotation]) -> np.ndarray:
    rows = [np.insert(clip.segments, 0, number, axis=1) for number, clip in enumerate(clips)]
    return np.concatenate(rows).astype(np.int64)
