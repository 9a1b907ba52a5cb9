"""Reader for MediaPipe Pose: landmarks as JSON or CSV, one file for each video.

MediaPipe writes no files itself; these are the forms in which its results are usually saved.

JSON, a list of frames or `{"frames": [...]}`; a frame is an object of the result's own fields:

    {"frame": 0, "pose_landmarks": [{"x": , "y": , "z": , "visibility": }, ... 33],
                 "pose_world_landmarks": [...]}

where a field is null or [] when nobody is there, a list of 33 landmarks, `{"landmark": [...]}`, or
a list of such for several persons; camelCase names of the web API do too.

CSV, one row a frame: columns `left_hip_x` or `x_left_hip` or `x_23` or `landmark_23_x` (numbered
from 0 or 1) for x, y, z and visibility (or `formats.landmark_columns.SURE`); or one row a landmark:
columns frame, landmark (name or number), x, y, z, visibility.
Source: MediaPipe's documentation (Bazarevsky et al., 2020).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from ...settings.options import option, options, unchecked
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import landmark_csv, landmark_rows, members, naming
from ..formats.landmark_columns import SURE
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import instance, member_of, numbers, read_json
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video, refuse_crowd
from ..pool import Progress

FIELDS = {
    "image": ("pose_landmarks", "poseLandmarks", "landmarks"),
    "world": ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks"),
}


ONE_PERSON = unchecked(Poses, persons=1)


@options("mediapipe")
class MediaPipe:
    """How MediaPipe's landmarks become clips; of each video one person."""

    landmarks: Literal["world", "image"] = option(
        "world",
        "of JSON: world (metres about the hips) or image (shares of its width and height); a CSV "
        "holds one kind and is taken as it is",
    )
    source: landmark_rows.Source = option(
        "auto",
        "what wrote a CSV: mediapipe (y down, metres or shares of the image) or freemocap "
        "(millimetres, z up); auto: freemocap where it has its columns and no others",
    )
    row_labels: landmark_csv.RowLabels = option(
        "clips",
        "of a CSV with a class on every row: clips (each run of one class), segments (of one "
        "recording) or none (passed over, as with folders=class)",
    )
    poses: Poses = option(ONE_PERSON, "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_mediapipe(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: MediaPipe = MediaPipe(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """MediaPipe's landmarks: `(x, y, z, visibility)`, y up and z towards the camera.

    A CSV without z gives `(x, y, visibility)`.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips) or a zip of them.
        layout: None for `mediapipe33`; another one must fit the files' landmarks.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    path = Path(path)
    files = naming.by_name(members.find(path, {".json", ".csv"}), path)
    if not files:
        raise InputError(f"{path}: no .json and no .csv file; name the folder of the landmarks")
    classes = naming.folder_classes(files, how.folders, path)
    chosen = poses.skeletons(layout, (MEDIAPIPE33,))

    return poses.build(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_videos, chosen=chosen, how=how),
        chosen,
        how.poses,
        workers=how.workers,
        progress=progress,
        scratch=scratch,
    )


def _read_videos(
    item: tuple[str, Member, Class], chosen: dict[int, Skeleton], how: MediaPipe
) -> list[Video]:
    name, member, class_ = item
    kind = how.landmarks
    if member.name.suffix.lower() == ".csv":
        (skeleton,) = chosen.values()
        return landmark_csv.read_landmarks(
            name, member, class_, skeleton, how.row_labels, how.source
        )
    where, content = str(member), read_json(member)
    frames = content if isinstance(content, list) else member_of(content, "frames", list, where)
    if not frames:
        raise InputError(f"{where}: no frames; write one object for each frame")
    frame_numbers = []
    for i, frame in enumerate(frames):
        stated = frame.get("frame") if isinstance(frame, dict) else None
        number = i if stated is None else instance(stated, int, f"{where}: [{i}]: frame")
        frame_numbers.append(naming.frame_number(number, f"{where}: [{i}]"))
    naming.refuse_twice(frame_numbers, where)
    indices, length, step = naming.timeline(frame_numbers, where, sampled=True)
    video = Video(name, where, length, *class_, step=step)
    for i, (at, frame) in enumerate(zip(indices, frames, strict=True)):
        bodies = _bodies(frame, kind, chosen, f"{where}: [{i}]")
        for body in bodies:
            video.add(at, body)
        if kind == "world":  # which lie about the hips: persons are told apart in the image
            other = _bodies(frame, "image", chosen, f"{where}: [{i}]", optional=True)
            video.places += other if len(other) == len(bodies) else bodies
    return [video]


def _bodies(
    frame: object, kind: str, chosen: dict[int, Skeleton], where: str, optional: bool = False
) -> list[np.ndarray]:
    """The poses `(V, 4)` of one frame."""
    fields = instance(frame, dict, where)
    key = next((key for key in FIELDS[kind] if key in fields), None)
    if key is None:
        if optional:
            return []
        other = "image" if kind == "world" else "world"
        raise InputError(
            f"{where}: field {FIELDS[kind][0]!r} is missing; add it, or use landmarks={other}"
        )
    value, where = fields[key], f"{where}: {key}"
    if not value:
        return []
    if isinstance(value, dict):
        return [_body(value, chosen, where)]
    first = instance(value, list, where)[0]
    several = isinstance(first, list) or (isinstance(first, dict) and "landmark" in first)
    if not several:
        return [_body(value, chosen, where)]
    refuse_crowd(len(value), where)
    return [_body(body, chosen, f"{where}[{i}]") for i, body in enumerate(value)]


def _body(body: object, chosen: dict[int, Skeleton], where: str) -> np.ndarray:
    if isinstance(body, dict):
        body = member_of(body, "landmark", list, where)
    flat = []
    for i, point in enumerate(instance(body, list, where)):
        point = instance(point, dict, f"{where}[{i}]")
        if missing := [axis for axis in "xyz" if axis not in point]:
            raise InputError(f"{where}[{i}]: {missing[0]!r} is missing; write x, y, z, visibility")
        sure = next((point[word] for word in SURE if word in point), 1.0)
        flat += [point["x"], point["y"], point["z"], sure]
    joints = numbers(flat, 4, where)
    poses.refuse_joints(len(joints), chosen, where)
    return joints
