"""Reader for OpenPose: one JSON a frame, as `--write_json` leaves them.

    {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c, ...]}]}

Files are called `VIDEO_000000000012_keypoints.json`. Source: OpenPose's documentation of its
output (Cao et al., TPAMI 2019).
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...layouts import OPENPOSE18, OPENPOSE25
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import member_of, numbers, read_json
from ..motion import poses
from ..motion.poses import Poses, Video
from ..pool import Progress

MOST_BYTES = 1 << 24  # of one frame; with face and hands a person takes 10 kB
END = "_keypoints"


@options("openpose")
class OpenPose:
    """How OpenPose's files become clips."""

    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_openpose(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: OpenPose = OpenPose(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """OpenPose's frames, joined to videos: `(x, y, confidence)` with y up, in the files' unit.

    A clip is all `*_keypoints.json` of one folder whose names differ in their frame number alone;
    a number that is left out is a frame without anybody.

    Args:
        path: a folder (searched with its sub-folders and zips) or a zip.
        layout: None: `openpose25` or `openpose18`, by the number of joints.
        how: the options.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    path = Path(path)
    videos: dict[str, list[Member]] = {}
    for member in members.find(path, {".json"}):
        if member.name.stem.endswith(END):
            videos.setdefault(_video(member, path), []).append(member)
    if not videos:
        raise InputError(f"{path}: no *_keypoints.json; name the folder that --write_json filled")
    classes = naming.folder_classes(videos, how.folders, path)
    chosen = poses.skeletons(layout, (OPENPOSE25, OPENPOSE18))

    return poses.build(
        path,
        [(name, files, classes[name]) for name, files in sorted(videos.items())],
        partial(_read_video, chosen=chosen),
        chosen,
        how.poses,
        workers=how.workers,
        progress=progress,
        scratch=scratch,
    )


def _video(member: Member, root: Path) -> str:
    """The clip's name: folder and what stands before the frame number, once where they agree."""
    name = naming.clip_name(member, root).removesuffix(END)
    folder, _, stem = name.rpartition("/")
    stem = re.sub(r"_?\d+$", "", stem)
    if not stem or folder.rpartition("/")[2] == stem:
        return folder or stem or root.name
    return f"{folder}/{stem}".removeprefix("/")


def _read_video(item: tuple[str, list[Member], Class], chosen: dict[int, Skeleton]) -> Video:
    name, files, class_ = item
    where = str(files[0])
    stems = [member.name.stem.removesuffix(END) for member in files]
    if len(files) == 1:
        indices, length, step = [0], 1, 1
    else:
        frame_numbers = [
            naming.frame_number(f"{s}.json", str(m)) for s, m in zip(stems, files, strict=True)
        ]
        if len(set(frame_numbers)) < len(frame_numbers):
            twice = next(m for i, m in enumerate(files) if frame_numbers[i] in frame_numbers[:i])
            raise InputError(f"{twice}: its frame number stands twice; keep one of the files")
        indices, length, step = naming.timeline(frame_numbers, where, sampled=True)
    video = Video(name, where, length, *class_, step=step)
    for at, member in zip(indices, files, strict=True):
        content = read_json(member, MOST_BYTES)
        for i, body in enumerate(member_of(content, "people", list, str(member))):
            here = f"{member}: people[{i}]"
            pose = numbers(
                member_of(body, "pose_keypoints_2d", list, here), 3, f"{here}: pose_keypoints_2d"
            )
            if len(pose):  # none with --body 0 or 2: hands and face alone
                poses.refuse_joints(len(pose), chosen, f"{here}: pose_keypoints_2d")
                video.add(at, pose, _number(body))
    return video


def _number(body: dict[str, object]) -> int:
    """OpenPose's number of a person, [-1] unless its tracking is on."""
    person = body.get("person_id")
    person = person[0] if isinstance(person, list) and len(person) == 1 else person
    return int(person) if isinstance(person, int) and 0 <= person < 1 << 40 else -1
