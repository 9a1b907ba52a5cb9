"""Reader for Azure Kinect's body tracking (and Kinect 2's JSON): a recording a file.

The forms are those of `formats.azure_json` and `formats.azure_csv`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import AZURE32, NTU25
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import azure_axes, azure_csv, azure_json, azure_time, members, naming
from ..formats.azure_axes import Axes
from ..formats.azure_json import Recording
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import read_json
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress


@options("azure")
class Azure:
    """How recordings of a depth camera become clips, in metres with y up."""

    axes: Axes = option(
        "auto",
        "of the files: camera (the SDK's: y down, z away), unity (y up, z away), y-up (y up, z "
        "towards the camera); auto: camera, unless the bodies show another",
    )
    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_azure(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Azure = Azure(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Azure Kinect's bodies: `(x, y, z, confidence)` in metres, y up and z towards the camera.

    The levels none, low, medium and high become the confidences 0, 0.5, 1 and 1. The frame rate
    comes from the time stamps, and frames that they leave out count.

    Args:
        path: a JSON or CSV file, or a folder (searched with its sub-folders and zips) or a zip.
        layout: None for `azure32`, of Kinect 2's JSON `ntu25`; another one must have as many
            joints.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_azure(path, layout, how).clips(progress=progress, scratch=scratch)


def list_azure(
    path: str | Path, layout: str | Skeleton | None = None, how: Azure = Azure()
) -> Listing:
    """What `read_azure` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = naming.by_name(members.find(path, {".json", ".csv"}), path)
    if not files:
        raise InputError(f"{path}: no .json and no .csv file; name the folder of the recordings")
    classes = naming.folder_classes(files, how.folders, path)
    chosen = poses.skeletons(layout, (AZURE32, NTU25))
    return poses.listing(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_videos, chosen=chosen, axes=how.axes),
        chosen,
        how.poses,
        attributes={"unit": "metre"},
        workers=how.workers,
    )


def _read_videos(
    item: tuple[str, Member, Class], chosen: dict[int, Skeleton], axes: Axes
) -> list[Video]:
    name, member, class_ = item
    where = str(member)
    if member.name.suffix.lower() == ".json":
        recording = azure_json.recording_of(read_json(member), where)
    else:
        recording = azure_csv.recording_of(member)
    if not recording.frames:
        raise InputError(f"{where}: no frames; drop the file")
    times = [frame.time for frame in recording.frames]
    places = azure_time.placed([frame.number for frame in recording.frames], times, where)
    video = Video(name, where, max(places.frames) + 1, *class_)
    video.fps = places.fps or recording.fps
    video.notes += [places.note] if places.note else []
    if not video.fps:
        video.notes.append("no time stamps that tell the frame rate; fps= gives it")
    if recording.merged:
        video.notes.append(
            f"{recording.merged} frames hold their bodies in one list, without whose they are; "
            "persons are followed by place"
        )
    bodies = [joints for frame in recording.frames for _, joints in frame.bodies]
    if bodies:
        poses.refuse_joints(len(bodies[0]), chosen, where)
        _add(video, recording, places.frames, _to_image(bodies, recording, axes, video))
    return [video]


def _to_image(
    bodies: Sequence[np.ndarray], recording: Recording, axes: Axes, video: Video
) -> np.ndarray:
    """What x, y, z are multiplied by, for metres with y down and z away."""
    if recording.kinect2:
        return np.ones(3)
    seen = np.array([body[:, :3] for body in bodies])
    seen[~seen.any(axis=2)] = np.nan
    with np.errstate(invalid="ignore"):
        scale = azure_axes.scale_of(seen)
        if axes == "auto":
            axes = azure_axes.axes_of(seen, recording.official, video.where)
    if scale != 0.001 or axes != "camera":
        unit = "millimetres" if scale == 0.001 else "metres"
        video.notes.append(
            f"positions are {unit} in the axes {axes!r} by the bodies; the SDK's own are "
            "millimetres in 'camera'"
        )
    return azure_axes.TO_IMAGE[axes] * scale


def _add(video: Video, recording: Recording, frames: list[int], factor: np.ndarray) -> None:
    """Adds the bodies; persons are numbered anew, as Kinect 2's numbers are long."""
    known = all(person >= 0 for frame in recording.frames for person, _ in frame.bodies)
    numbers: dict[int, int] = {}
    for frame, at in zip(recording.frames, frames, strict=True):
        for person, joints in frame.bodies:
            moved = np.hstack([joints[:, :3] * factor, joints[:, 3:]])
            video.add(at, moved, numbers.setdefault(person, len(numbers)) if known else -1)
