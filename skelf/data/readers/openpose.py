"""Reader for OpenPose: one JSON a frame, as `--write_json` leaves them.

    {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c, ...]}]}

Files are called `VIDEO_000000000012_keypoints.json`, of other programs also `cam1_000012.json`; or
one file holds all frames, in a list or by their names. Version 1.0 calls the field
`pose_keypoints`. Source: OpenPose's documentation of its output (Cao et al., TPAMI 2019).
"""

from __future__ import annotations

import warnings
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import BODY_25B, COCO17, HALPE26, MPI15, OPENPOSE18, OPENPOSE25
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import frame_files, frame_names, members, naming, openpose_people
from ..formats.frame_files import Frames
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import MOST_BYTES as MOST_OF_VIDEO
from ..formats.text import read_json
from ..joints.order import is_body_25b
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

MOST_BYTES = 1 << 24  # of one frame; with face and hands a person takes 10 kB
END = "_keypoints"
FRAME = ("frame", "frame_id", "frame_index", "frame_number")
LOOKED_AT = 40  # frames of the first videos, for which order their 25 joints have


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
        layout: None: by the number of joints `openpose25` or `body_25b` (which of the two, by
            where their joints lie), `openpose18`, `mpi15`, or of other programs `halpe26` or
            `coco17`; of whole bodies the body.
        how: the options.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_openpose(path, layout, how).clips(progress=progress, scratch=scratch)


def list_openpose(
    path: str | Path, layout: str | Skeleton | None = None, how: OpenPose = OpenPose()
) -> Listing:
    """What `read_openpose` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = members.find(path, {".json"})
    frames = [member for member in files if member.name.stem.endswith(END)]
    if not files:
        stored = members.find(path, {".yml", ".yaml", ".xml"})
        openpose_people.refuse_storage([m.name.name for m in stored], str(path))
        raise InputError(f"{path}: no *_keypoints.json; name the folder that --write_json filled")
    videos = frame_files.gathered(frames or files, path, _is_whole, end=END)
    classes = naming.folder_classes(videos, how.folders, path)
    usual = (OPENPOSE25, OPENPOSE18, HALPE26, COCO17, MPI15)
    chosen = poses.skeletons(layout, usual)
    if layout is None and _are_25b(videos, path):
        chosen[OPENPOSE25.joints] = BODY_25B

    return poses.listing(
        path,
        [(name, videos[name], classes[name]) for name in sorted(videos)],
        partial(_read_videos, root=path, chosen=chosen),
        chosen,
        how.poses,
        workers=how.workers,
    )


def _is_whole(member: Member) -> bool:
    """Whether a file holds the frames of a video, by its beginning."""
    if member.name.stem.endswith(END):
        return False
    head = member.head(256).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head[:1] == b"["


def _are_25b(videos: dict[str, Frames], path: Path) -> bool:
    """Whether 25 joints are BODY_25B's, which stand in another order than BODY_25's."""
    seen: list[np.ndarray] = []
    for name in islice(sorted(videos), 4):
        at = np.linspace(0, len(videos[name].files) - 1, LOOKED_AT).astype(int)
        files = [videos[name].files[i] for i in np.unique(at)]
        for member in files:
            seen += openpose_people.some_poses(_content(member), OPENPOSE25.joints)
    told = not seen or is_body_25b(np.array([np.where(p[:, 2:] > 0, p[:, :2], 0) for p in seen]))
    if told is None:
        warnings.warn(
            f"{path}: 25 joints are taken for BODY_25's, OpenPose's default; their places do not "
            "rule out BODY_25B, which has them in another order: then --layout body_25b",
            stacklevel=3,
        )
    return bool(seen) and told is True


def _content(member: Member) -> object:
    is_frame = member.name.stem.endswith(END)
    return read_json(member, MOST_BYTES if is_frame else MOST_OF_VIDEO)


def _read_videos(
    item: tuple[str, Frames, Class], root: Path, chosen: dict[int, Skeleton]
) -> list[Video]:
    name, frames, class_ = item
    video = Video(
        name, str(frames.files[0]), frames.images.length, *class_, step=frames.images.step
    )
    video.notes += [frames.images.note] if frames.images.note else []
    whole: list[Video] = []
    for at, member in zip(frames.images.frames.values(), frames.files, strict=True):
        content = _content(member)
        listed = openpose_people.frames_of(content)
        if listed is not None:
            clip = name if len(frames.files) == 1 else naming.clip_name(member, root)
            whole.append(_whole(clip, listed, str(member), class_, chosen))
        else:
            openpose_people.add_people(video, at, content, str(member), chosen)
    if whole and len(whole) < len(frames.files):
        raise InputError(
            f"{whole[0].where}: a list of frames among files of one frame each; take one kind out"
        )
    return whole or [video]


def _whole(
    name: str,
    frames: list[object] | dict[str, object],
    where: str,
    class_: Class,
    chosen: dict[int, Skeleton],
) -> Video:
    """A video from one file with all frames."""
    if not frames:
        raise InputError(f"{where}: no frames; write one object for each frame")
    if isinstance(frames, dict):
        images = frame_names.videos([*frames], where, sampled=True)
        if len(images) > 1:
            raise InputError(f"{where}: frames of {len(images)} videos; write a file for each")
        video = Video(name, where, images[0].length, *class_, step=images[0].step)
        video.notes += [images[0].note] if images[0].note else []
        for key, at in images[0].frames.items():
            here = f"{where}: {str(key)[:60]!a}"
            openpose_people.add_people(video, at, frames[str(key)], here, chosen)
        return video
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
        openpose_people.add_people(video, at, frame, f"{where}: [{i}]", chosen)
    return video
