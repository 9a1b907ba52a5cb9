"""Reader for OpenPose: one JSON a frame, as `--write_json` leaves them.

    {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c, ...]}]}

Files are called `VIDEO_000000000012_keypoints.json`, of other programs also `cam1_000012.json`; or
one file holds all frames in a list. Source: OpenPose's documentation of its
output (Cao et al., TPAMI 2019).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...layouts import COCO17, HALPE26, OPENPOSE18, OPENPOSE25
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import frame_names, members, naming
from ..formats.frame_names import Images
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import MOST_BYTES as MOST_OF_VIDEO
from ..formats.text import instance, member_of, numbers, read_json
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

MOST_BYTES = 1 << 24  # of one frame; with face and hands a person takes 10 kB
END = "_keypoints"
FRAME = ("frame", "frame_id", "frame_index", "frame_number")


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
    a number that is left out is a frame without anybody. Where no file is called so, all JSON
    files are taken; one that holds a list of frames is a clip of its own.

    Args:
        path: a folder (searched with its sub-folders and zips) or a zip.
        layout: None: `openpose25` or `openpose18`, or of other programs `halpe26` or `coco17`, by
            the number of joints.
        how: the options.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    path = Path(path)
    files = members.find(path, {".json"})
    frames = [member for member in files if member.name.stem.endswith(END)]
    if not files:
        raise InputError(f"{path}: no *_keypoints.json; name the folder that --write_json filled")
    videos = _videos(frames or files, path)
    classes = naming.folder_classes(videos, how.folders, path)
    chosen = poses.skeletons(layout, (OPENPOSE25, OPENPOSE18, HALPE26, COCO17))

    return poses.build(
        path,
        [(name, *videos[name], classes[name]) for name in sorted(videos)],
        partial(_read_videos, root=path, chosen=chosen),
        chosen,
        how.poses,
        workers=how.workers,
        progress=progress,
        scratch=scratch,
    )


def _videos(files: Sequence[Member], root: Path) -> dict[str, tuple[list[Member], Images]]:
    """Clip name -> its files, and where each of them (by its stem) stands in time."""
    by_folder: dict[str, dict[str, list[Member]]] = {}
    for member in files:
        folder, _, stem = naming.clip_name(member, root).removesuffix(END).rpartition("/")
        by_folder.setdefault(folder, {}).setdefault(stem, []).append(member)
    videos: dict[str, tuple[list[Member], Images]] = {}
    for folder, members_by_stem in by_folder.items():
        twice = next((group for group in members_by_stem.values() if len(group) > 1), None)
        if twice:
            raise InputError(f"{twice[1]}: its frame number stands twice; keep one of the files")
        for part in _parts(list(members_by_stem), str(root / folder)):
            name = f"{folder}/{part.name}".removeprefix("/")
            if not part.name or folder.rpartition("/")[2] == part.name:
                name = folder or part.name or root.name
            videos[name] = ([members_by_stem[str(stem)][0] for stem in part.frames], part)
    return videos


def _parts(stems: Sequence[str], where: str) -> list[Images]:
    """The videos of one folder."""
    by_video: dict[str, dict[str | int, int]] = {}
    for stem in stems:
        match = re.fullmatch(r"(.*?)_?(\d{12})", stem)  # as OpenPose names them
        if match is None:
            lone = [stem for stem in stems if not re.search(r"\d", stem)]
            numbered = [stem for stem in stems if re.search(r"\d", stem)]
            parts = [Images(stem, {stem: 0}, 1, 1) for stem in lone]
            return parts + frame_names.videos(numbered, where, True)
        by_video.setdefault(match[1], {})[stem] = int(match[2])
    parts = []
    for name, frames in by_video.items():
        indices, length, step = naming.timeline(list(frames.values()), where, sampled=True)
        parts.append(Images(name, dict(zip(frames, indices, strict=True)), length, step))
    return parts


def _read_videos(
    item: tuple[str, list[Member], Images, Class], root: Path, chosen: dict[int, Skeleton]
) -> list[Video]:
    name, files, images, class_ = item
    video = Video(name, str(files[0]), images.length, *class_, step=images.step)
    video.notes += [images.note] if images.note else []
    whole: list[Video] = []
    for at, member in zip(images.frames.values(), files, strict=True):
        is_frame = len(files) > 1 and member.name.stem.endswith(END)
        content = read_json(member, MOST_BYTES if is_frame else MOST_OF_VIDEO)
        listed = content.get("frames") if isinstance(content, dict) else content
        if isinstance(listed, list):
            clip = name if len(files) == 1 else naming.clip_name(member, root)
            whole.append(_whole(clip, listed, str(member), class_, chosen))
        else:
            _add_people(video, at, content, str(member), chosen)
    if whole and len(whole) < len(files):
        raise InputError(
            f"{whole[0].where}: a list of frames among files of one frame each; take one kind out"
        )
    return whole or [video]


def _whole(
    name: str, frames: list[object], where: str, class_: Class, chosen: dict[int, Skeleton]
) -> Video:
    """A video from one file with all frames."""
    if not frames:
        raise InputError(f"{where}: no frames; write one object for each frame")
    stated = [
        next((frame[key] for key in FRAME if isinstance(frame.get(key), int)), None)
        if isinstance(frame, dict)
        else None
        for frame in frames
    ]
    frame_numbers = [
        naming.frame_number(i if None in stated else number or 0, f"{where}: [{i}]")
        for i, number in enumerate(stated)
    ]
    naming.refuse_twice(frame_numbers, where)
    indices, length, step = naming.timeline(frame_numbers, where, sampled=True)
    video = Video(name, where, length, *class_, step=step)
    for i, (at, frame) in enumerate(zip(indices, frames, strict=True)):
        _add_people(video, at, frame, f"{where}: [{i}]", chosen)
    return video


def _add_people(
    video: Video, at: int, frame: object, where: str, chosen: dict[int, Skeleton]
) -> None:
    for i, body in enumerate(member_of(frame, "people", list, where)):
        here = f"{where}: people[{i}]"
        if body is None or body == {}:  # an empty place of a list of fixed length
            continue
        fields = instance(body, dict, here)
        if fields.get("pose_keypoints_2d", 0) is None:
            continue
        pose = numbers(
            member_of(fields, "pose_keypoints_2d", list, here), 3, f"{here}: pose_keypoints_2d"
        )
        if len(pose):  # none with --body 0 or 2: hands and face alone
            poses.refuse_joints(len(pose), chosen, f"{here}: pose_keypoints_2d")
            video.add(at, pose, _number(fields))


def _number(body: dict[str, object]) -> int:
    """OpenPose's number of a person, [-1] unless its tracking is on."""
    person = body.get("person_id")
    person = person[0] if isinstance(person, list) and len(person) == 1 else person
    return int(person) if isinstance(person, int) and 0 <= person < 1 << 40 else -1
