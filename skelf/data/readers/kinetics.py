"""Reader for Kinetics-skeleton: one JSON of OpenPose joints for each video.

    {"data": [{"frame_index": 1, "skeleton": [{"pose": [x, y, ...], "score": [c, ...]}]}, ...],
     "label": "tying tie", "label_index": 370}

Source: the format of ST-GCN's data set (Yan et al., AAAI 2018), as its published files have it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import COCO17, OPENPOSE18
from ...settings.options import option, options, unchecked
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.members import Member
from ..formats.text import instance, member_of, numbers, read_json
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

MOST_BYTES = 1 << 26  # ten seconds take 1 MB
CLASSES = 100_000  # far above any set: a slip is refused before it asks for the names
SPLIT = {"kinetics_train": 1, "kinetics_val": 2}
AS_STGCN = unchecked(Poses, missing="keep", threshold=0.0)


@options("kinetics")
class Kinetics:
    """How the videos' files become clips; defaults follow ST-GCN.

    `Poses(...)` begins from other ones; `dataclasses.replace(Kinetics().poses, ...)` keeps these.
    """

    poses: Poses = option(AS_STGCN, "who and what stays of the poses")
    workers: int = pool.workers_option()


def read_kinetics(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Kinetics = Kinetics(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Kinetics-skeleton videos: `(x, y, confidence)` with y up, in shares of the image.

    Labels are the files' own (`label_index`). Where clips lie in folders `kinetics_train` and
    `kinetics_val` these become the split "official". Defaults follow ST-GCN: two persons, zeros
    where a joint was not found.

    Args:
        path: a folder or zip of JSON files, or one file.
        layout: None: `openpose18`, or `coco17` where the files have 17 joints.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_kinetics(path, layout, how).clips(progress=progress, scratch=scratch)


def list_kinetics(
    path: str | Path, layout: str | Skeleton | None = None, how: Kinetics = Kinetics()
) -> Listing:
    """What `read_kinetics` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    json_files = members.find(path, {".json"})
    files = naming.by_name((m for m in json_files if not m.name.stem.endswith("_label")), path)
    if not files:
        raise InputError(f"{path}: no .json file; name the folder of the videos' files")
    chosen = poses.skeletons(layout, (OPENPOSE18, COCO17))
    return poses.listing(
        path,
        list(files.items()),
        partial(_read_video, chosen=chosen),
        chosen,
        how.poses,
        workers=how.workers,
        finish=_official,
    )


def _official(clips: ClipSet) -> ClipSet:
    """With the split that the folders' names make, if they do."""
    sides = [max(SPLIT.get(part, 0) for part in name.split("/")) for name in clips.names]
    return replace(clips, splits={"official": np.array(sides, np.int8)}) if any(sides) else clips


def _read_video(item: tuple[str, Member], chosen: dict[int, Skeleton]) -> list[Video]:
    name, member = item
    where = str(member)
    content = instance(read_json(member, MOST_BYTES), dict, where)
    frames = member_of(content, "data", list, where)
    if not frames:
        raise InputError(f"{where}: data: no frames; drop the file")
    frame_numbers = [
        naming.frame_number(member_of(f, "frame_index", int, f"{where}: data[{i}]"), where)
        for i, f in enumerate(frames)
    ]
    naming.refuse_twice(frame_numbers, f"{where}: data: frame_index")
    indices, length, _ = naming.timeline(frame_numbers, where)
    video = Video(name, where, length, *_label(content, where))
    for i, (at, frame) in enumerate(zip(indices, frames, strict=True)):
        here = f"{where}: data[{i}]"
        for k, body in enumerate(member_of(frame, "skeleton", list, here)):
            video.add(at, _pose(body, chosen, f"{here}: skeleton[{k}]"))
    return [video]


def _pose(body: object, chosen: dict[int, Skeleton], where: str) -> np.ndarray:
    pose = numbers(member_of(body, "pose", list, where), 2, f"{where}: pose")
    score = numbers(member_of(body, "score", list, where), 1, f"{where}: score")
    poses.refuse_joints(len(pose), chosen, f"{where}: pose")
    if len(score) != len(pose):
        raise InputError(f"{where}: score: {len(score)} for {len(pose)} joints; give each one")
    return np.hstack([pose, score])


def _label(content: dict[str, object], where: str) -> tuple[int, str]:
    """The label and its name, -1 where there is none."""
    if content.get("label_index") is None:
        return -1, ""
    label = instance(content["label_index"], int, f"{where}: label_index")
    if not 0 <= label < CLASSES:
        raise InputError(f"{where}: label_index: {label}; classes are numbered from 0, mend it")
    return label, instance(content.get("label", ""), str, f"{where}: label")
