"""Reader for MMPose (RTMPose and the like) and MMSkeleton: JSON of a video or of each image.

The forms are those of `formats.mmpose_json`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import frame_files, joint_order, members, mmpose_json, naming, vitpose_json
from ..formats.frame_files import Frames
from ..formats.joint_order import Order
from ..formats.look import Look
from ..formats.members import Member
from ..formats.mmpose_json import Recording
from ..formats.naming import Class
from ..formats.text import read_json
from ..joints.landmarks import body
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

SOME = 64  # poses of the first file that its layout is told by
Axes = Literal["auto", "mmpose", "camera"]
# From MMPose's axes of poses in space to an image's (x right, y down, z away): it writes
# (-x, z, -y) of them, which is a mirror image.
_FROM_MMPOSE = np.array([[-1, 0, 0], [0, 0, -1], [0, 1, 0]], float)


@options("mmpose")
class MMPose:
    """How MMPose's files become clips."""

    axes: Axes = option(
        "auto",
        "of poses in space: mmpose (z up and left for right, as its 3D demo and inferencer write "
        "them), camera (y down, z away); auto: mmpose where z is up",
    )
    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_mmpose(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: MMPose = MMPose(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """MMPose's poses: `(x, y, score)` with y up, in pixels; lifted ones `(x, y, z, score)`.

    A file of a video is a clip; so are the files of one folder that hold an image each and whose
    names differ in their frame number alone. Persons are followed by `track_id` where there is one.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips) or a zip of them.
        layout: None: the built-in one of the names in `meta_info`; without names by the number of
            joints `coco17` (in space `h36m17`), `halpe26` or `mpii16`; of whole bodies the body.
        how: the options.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_mmpose(path, layout, how).clips(progress=progress, scratch=scratch)


def list_mmpose(
    path: str | Path, layout: str | Skeleton | None = None, how: MMPose = MMPose()
) -> Listing:
    """What `read_mmpose` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = members.find(path, {".json"})
    if not files:
        raise InputError(f"{path}: no .json file; name the folder of MMPose's predictions")
    videos = frame_files.gathered(files, path, _is_whole)
    classes = naming.folder_classes(videos, how.folders, path)
    order, names = _order(videos, layout)
    return poses.listing(
        path,
        [(name, videos[name], classes[name]) for name in sorted(videos)],
        partial(_read_videos, order=order, names=names, axes=how.axes),
        {order.skeleton.joints: order.skeleton},
        how.poses,
        workers=how.workers,
    )


def _is_whole(member: Member) -> bool:
    """Whether a file holds the frames of a video, by its first part."""
    keys = Look.at(member).keys
    frames = {
        "instances",
        "predictions",
        "frames",
        "frame_id",
        "frame_index",
        "annotations",
        "skeleton",
    }
    return bool(keys & frames)


def _order(
    videos: dict[str, Frames], layout: str | Skeleton | None
) -> tuple[Order, tuple[str, ...]]:
    """The layout of the first file in which somebody is, and what that calls its joints."""
    for name in sorted(videos):
        for member in videos[name].files:
            recording = _recording(member)
            found = [pose.joints for listed in recording.frames.values() for pose in listed][:SOME]
            if found:
                found = [joints for joints in found if joints.shape == found[0].shape]
                order = joint_order.order_of(layout, recording.names, np.array(found), str(member))
                return order, recording.names
    file = next(iter(videos.values())).files[0]
    raise InputError(f"{file}: nobody is in it, nor in any other file; is the format right?")


def _recording(member: Member) -> Recording:
    content = read_json(member)
    form = vitpose_json if vitpose_json.is_of(content) else mmpose_json
    return form.recording_of(content, str(member))


def _read_videos(
    item: tuple[str, Frames, Class], order: Order, names: tuple[str, ...], axes: Axes
) -> list[Video]:
    name, frames, class_ = item
    first = frames.files[0]
    recordings = [(member, _recording(member)) for member in frames.files]
    for member, recording in recordings:
        if names and recording.names and recording.names != names:
            raise InputError(
                f"{member}: other joints by their names than the first file's; import them apart"
            )
        if not recording.image and len(frames.files) > 1:
            raise InputError(f"{member}: a video among files of one image each; take it out")
    one = recordings[0][1]
    if one.image:
        numbered = {
            at: recording.frames.get(0, [])
            for (_, recording), at in zip(recordings, frames.images.frames.values(), strict=True)
        }
        video = Video(name, str(first), frames.images.length, *class_, step=frames.images.step)
        video.notes += [frames.images.note] if frames.images.note else []
    else:
        numbered, length, step = _placed(one, str(first))
        video = Video(name, str(first), length, *class_, step=step)
        if one.label >= 0 and class_[0] < 0:
            video.class_name = str(one.label)
    _add(video, numbered, order, axes)
    return [video]


def _placed(recording: Recording, where: str) -> tuple[dict[int, list[mmpose_json.Pose]], int, int]:
    """Frame from 0 -> poses, the video's length, and the step of its numbers."""
    if not recording.frames:
        return {}, max(recording.length, 1), 1
    if recording.length:
        return recording.frames, recording.length, 1
    indices, length, step = naming.timeline([*recording.frames], where, sampled=True)
    return dict(zip(indices, recording.frames.values(), strict=True)), length, step


def _add(
    video: Video, numbered: dict[int, list[mmpose_json.Pose]], order: Order, axes: Axes
) -> None:
    """Adds the poses in the layout's order."""
    everyone = [pose for listed in numbered.values() for pose in listed]
    if not everyone:
        return
    shapes = {pose.joints.shape for pose in everyone}
    highest = max(order.places)
    if len(shapes) > 1 or everyone[0].joints.shape[0] <= highest:
        some = ", ".join(f"{count} joints of {each}" for count, each in sorted(shapes))
        raise InputError(
            f"{video.where}: {some}; expected one kind, with the {order.skeleton.joints} joints of "
            f"{order.skeleton.name}; name the layout of this data (--layout NAME or FILE.toml)"
        )
    if order.note:
        video.notes.append(order.note)
    in_space = everyone[0].joints.shape[1] == 4
    turn = _turn(video, everyone, order, axes) if in_space else None
    video.centred = in_space
    crowded = any(len(listed) > 1 for listed in numbered.values())
    known = all(pose.person >= 0 for pose in everyone)
    boxed = in_space and all(pose.box is not None for pose in everyone)
    for frame, listed in numbered.items():
        for place, pose in enumerate(listed):
            joints = pose.joints[list(order.places)]
            person = pose.person
            if turn is not None:
                joints = np.hstack([joints[:, :3] @ turn.T, joints[:, 3:]])
                person = place if not known and not boxed else person
            video.add(frame, joints, person)
            if boxed and pose.box is not None:
                video.places.append(_corners(pose.box))
    if in_space and crowded and not known and not boxed:
        video.notes.append(
            "poses in space lie about the same place, so persons follow their order in the file"
        )


def _corners(box: np.ndarray) -> np.ndarray:
    """A box as two joints, by which persons are told apart."""
    return np.array([[box[0], -box[1], 1.0], [box[2], -box[3], 1.0]])


def _turn(video: Video, everyone: list[mmpose_json.Pose], order: Order, axes: Axes) -> np.ndarray:
    """What makes image axes (x right, y down, z away) of the file's."""
    if axes == "auto":
        axes = _axes(video, np.array([pose.joints for pose in everyone[:2000]]), order)
    if axes == "camera":
        return np.eye(3)
    video.notes.append(
        "poses in space with z up and mirrored, as MMPose writes them, are turned back; their unit "
        "is the model's, and their height is from the lowest joint of each frame"
    )
    return _FROM_MMPOSE


def _axes(video: Video, joints: np.ndarray, order: Order) -> Axes:
    """By the direction from the hips to the head."""
    if (np.abs(joints[..., 2].min(axis=1)) < 1e-6).all():  # set to 0 in each frame
        return "mmpose"
    landmarks = body(order.skeleton)
    points = joints[:, list(order.places), :3]
    if landmarks.head >= 0 and landmarks.feet:
        feet = points[:, list(landmarks.feet)].mean(axis=1)
        up = np.nanmedian(points[:, landmarks.head] - feet, axis=0)
        if up[2] > 2 * np.abs(up[:2]).max():
            return "mmpose"
    raise InputError(
        f"{video.where}: poses in space whose z does not point up; axes=camera says that y is down "
        "and z away from the camera, axes=mmpose that z is up"
    )
