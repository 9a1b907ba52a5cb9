"""Clips in pickles that lie beside the field's arrays, each clip with its own length.

`raw_denoised_joints.pkl` (CTR-GCN's preparation): a list of `(T, 75)` or `(T, 150)`, one or two
persons, y up, metres; names in `statistics/skes_available_name.txt`. `raw_skes_data.pkl`, the step
before: dicts of `name`, `num_frames` and `data`, the joints of each of the sensor's bodies.
USDRL's and FoundSkelModel's files of PKU-MMD: dicts of `name`, `data` `(C, T, V, M)` and `label`,
or one dict of lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import NTU25
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..motion.bodies import by_energy
from . import batches
from .batches import Batch, Form
from .field_arrays import Beside
from .field_labels import whole
from .field_names import SIDES, split_name
from .ntu_names import clip_of
from .pickles import load_pickle, shown

NAMES = "skes_available_name.txt"
MOST_FRAMES = 1 << 20
MOST_BODIES = 64


class _Clips(NamedTuple):
    joints: list[np.ndarray]  # (T, M, V, C)
    names: list[str] | None = None
    labels: list[int] | None = None
    lengths: list[int] | None = None


def read_lists(
    path: Path, skeleton: Skeleton | None, form: Form, scratch: str | Path | None
) -> ClipSet:
    """The clips of a pickle.

    Args:
        path: the `.pkl`.
        skeleton: the layout; None: ntu25.
        form: what the numbers mean.
        scratch: folder for the frames meanwhile.

    Raises:
        InputError: none of these forms, or labels alone.
    """
    content = load_pickle(path)
    skeleton = skeleton or NTU25
    clips = _clips(path, content, skeleton)
    for i, clip in enumerate(clips.joints):
        if not clip.size or clip.shape[2:] != clips.joints[0].shape[2:]:
            raise InputError(f"{path}: clip {i}: {clip.shape}; expected frames of one layout")
    words = path.stem.lower().split("_")
    side = next((SIDES[word] for word in words if word in SIDES), "")
    usual = [f"{path.stem}_{i}" for i in range(len(clips.joints))]
    several = clips.lengths is None and len({len(clip) for clip in clips.joints}) == 1
    batch = Batch(
        path,
        clips.joints,
        len(clips.joints),
        max(clip.shape[1] for clip in clips.joints),
        Beside(side, clips.names, clips.labels, clips.lengths),
        several and len(clips.joints) > 1,
        usual=usual,
    )
    return batches.build(
        [batch], skeleton, form, place=path, split=split_name(path), scratch=scratch
    )


def _clips(path: Path, content: object, skeleton: Skeleton) -> _Clips:
    if isinstance(content, dict):
        data = content.get("data")
        if isinstance(data, list | np.ndarray) and len(data):
            return _columns(path, content, skeleton)
        content = list(content.values())  # clips by number
    items = content if isinstance(content, list | tuple) else []
    first = items[0] if len(items) else None
    if isinstance(first, np.ndarray) and first.ndim == 2:
        return _denoised(path, items, skeleton)
    if isinstance(first, dict) and isinstance(first.get("data"), dict):
        return _bodies(path, items)
    if isinstance(first, dict) and "data" in first:
        table = {key: [_get(path, i, item, key) for i, item in enumerate(items)] for key in first}
        return _columns(path, table, skeleton)
    labels = isinstance(first, list | tuple | str | int)
    what = "names and labels, not joints; give the array beside it" if labels else shown(content)
    raise InputError(
        f"{path}: {what}; pickles of clips are lists of (T, 75) or (T, 150), or have name, data "
        "and label of each"
    )


def _get(path: Path, number: int, item: object, key: object) -> object:
    if not isinstance(item, dict) or key not in item:
        raise InputError(f"{path}: clip {number}: no {key!r}, which the first has")
    return item[key]


def _denoised(path: Path, items: Sequence[object], skeleton: Skeleton) -> _Clips:
    joints, persons = [], 1
    for i, item in enumerate(items):
        numbers = skeleton.joints * 3
        if not isinstance(item, np.ndarray) or item.ndim != 2 or item.dtype.kind != "f":
            raise InputError(f"{path}: clip {i}: {shown(item)}; expected (T, {numbers}) floats")
        if item.shape[1] % numbers or not item.size:
            raise InputError(
                f"{path}: clip {i}: {item.shape}; expected {numbers} numbers a frame for a person"
            )
        joints.append(item.reshape(len(item), -1, skeleton.joints, 3))
        persons = max(persons, joints[-1].shape[1])
    names = _available(path, len(joints))
    clips = [clip_of(name) for name in names or ()]
    labels = [clip.label - 1 for clip in clips if clip]
    return _Clips(joints, names, labels if len(labels) == len(joints) else None)


def _available(path: Path, count: int) -> list[str] | None:
    """CTR-GCN's list of names, which lies two folders away."""
    for folder in (path.parent, path.parent / "statistics", path.parent.parent / "statistics"):
        file = folder / NAMES
        if file.is_file():
            try:
                names = file.read_text(encoding="utf-8").split()
            except (OSError, UnicodeDecodeError):
                raise InputError(f"{file}: cannot be read as names; put it elsewhere") from None
            if len(names) == count:
                return names
    return None


def _bodies(path: Path, items: Sequence[object]) -> _Clips:
    joints, names = [], []
    for i, item in enumerate(items):
        data, frames = _get(path, i, item, "data"), _get(path, i, item, "num_frames")
        names.append(str(_get(path, i, item, "name")))
        if not isinstance(frames, int) or not 0 < frames <= MOST_FRAMES:
            raise InputError(f"{path}: clip {i}: num_frames: {shown(frames)}")
        if not isinstance(data, dict) or not 0 < len(data) <= MOST_BODIES:
            raise InputError(f"{path}: clip {i}: data: no dict of a few bodies")
        joints.append(_together(f"{path}: {names[-1]!a}", list(data.values()), frames))
    clips = [clip_of(name) for name in names]
    labels = [clip.label - 1 for clip in clips if clip]
    return _Clips(joints, names, labels if len(labels) == len(joints) else None)


def _together(where: str, found: Sequence[object], frames: int) -> np.ndarray:
    """The bodies of a clip in frames, each in the first place that is free, as the sensor lists."""
    listed = np.zeros((frames, len(found), NTU25.joints, 3), np.float32)
    free = np.zeros(frames, np.int64)
    held = 0
    for body in found:
        if not isinstance(body, dict):
            raise InputError(f"{where}: a body that is no dict")
        points, interval = body.get("joints"), body.get("interval")
        at = np.asarray(interval if isinstance(interval, list | np.ndarray) else [])
        is_array = isinstance(points, np.ndarray) and points.dtype.kind == "f"
        if not is_array or at.ndim != 1 or at.dtype.kind not in "iu" or not at.size:
            raise InputError(f"{where}: a body without joints or their frames")
        assert isinstance(points, np.ndarray)
        if points.size != at.size * NTU25.joints * 3 or at.min() < 0 or at.max() >= frames:
            raise InputError(f"{where}: {points.shape} joints of a body in {at.size} frames")
        listed[at, free[at]] = points.reshape(-1, NTU25.joints, 3)
        free[at] += 1
        held = max(held, int(free.max()))
    return by_energy(listed[:, : max(held, 1)], np.zeros((frames, max(held, 1)), np.int64))


def _columns(path: Path, table: Mapping[object, object], skeleton: Skeleton) -> _Clips:
    data = table["data"]
    assert isinstance(data, list | np.ndarray)
    joints = []
    for i, item in enumerate(data):
        clip = np.asarray(item) if isinstance(item, np.ndarray) else None
        if clip is None or clip.dtype.kind != "f" or clip.ndim != 4:
            raise InputError(f"{path}: clip {i}: data: expected floats (C, T, V, M)")
        if clip.shape[2] != skeleton.joints or clip.shape[0] not in (2, 3):
            raise InputError(
                f"{path}: clip {i}: data {clip.shape}: no (C, T, V, M) of {skeleton.joints} joints "
                f"({skeleton.name})"
            )
        joints.append(clip.transpose(1, 3, 2, 0))
    count = len(joints)
    names = table.get("name")
    if names is not None and not (
        isinstance(names, list) and all(isinstance(name, str) for name in names)
    ):
        raise InputError(f"{path}: name: not a list of texts")
    labels = _numbers(path, table, ("label", "labels"), count, -1)
    lengths = _numbers(path, table, ("num_frames", "num_frame", "frames"), count, 0)
    if lengths:
        pairs = zip(lengths, joints, strict=True)
        lengths = [min(max(length, 1), len(clip)) for length, clip in pairs]
    known = [str(name) for name in names] if names else None
    if known is not None and len(known) != count:
        raise InputError(f"{path}: {len(known)} names of {count} clips; one for each")
    return _Clips(joints, known, labels, lengths)


def _numbers(
    path: Path, table: Mapping[object, object], keys: Sequence[str], count: int, least: int
) -> list[int] | None:
    values = next((table[key] for key in keys if key in table), None)
    if values is None:
        return None
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list | tuple):
        raise InputError(f"{path}: {keys[0]}: {shown(values)}, not a list")
    return whole(list(listed), path, keys[0], count, least, 100_000 if least < 0 else None)
