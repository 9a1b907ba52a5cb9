"""Poses that an estimator found in single frames, and the ClipSet of the persons in them.

The readers of pose estimators give `Video`s; what they share is here: which joints count as found,
who is who, axes, and what the set says of itself. Image axes point right, down and (where there is
depth) away from the camera; here y points up: y is negated, and depth with it, so that a body is
never mirrored.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..frames import Frames
from ..pool import Progress
from . import tracks
from .missing import Missing

T = TypeVar("T")

CROWD = 256  # poses in one frame: more is no output of an estimator
MOST_PLACES = 1 << 22  # frames times persons of a clip: what they take stays near 1 GB


@options("poses")
class Poses:
    """What all readers of poses let the user choose; `docs/pose.md` tells more."""

    persons: int = option(2, "kept in each video, the most present and confident", ge=1, le=CROWD)
    missing: Missing = option(
        "linear", "what stands for joints that were not found: keep (zeros), hold, linear"
    )
    threshold: float = option(
        0.05, "joints below this confidence (or visibility) count as not found", ge=0, le=1
    )
    confidence: bool = option(True, "false drops that channel")
    fps: float = option(30.0, "frames a second of the videos", gt=0, lt=1e6)


@dataclass
class Video:
    """One video's poses, in any order.

    Args:
        name: of the clip.
        where: the file, for messages.
        frames: its length.
        label: class, -1 unknown.
        class_name: of the label, where the file says it.
        step: of the frames' numbers: 5 when the file holds every fifth frame.
        frame: of each pose.
        person: the source's number of each pose, -1 where it gives none.
        joints: each `(V, C + 1)`, image axes, confidence last.
        places: like `joints`, when persons must be told apart elsewhere (in the image).
        crowd: frame -> its poses so far.
    """

    name: str
    where: str
    frames: int
    label: int = -1
    class_name: str = ""
    step: int = 1
    frame: list[int] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    joints: list[np.ndarray] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)
    crowd: dict[int, int] = field(default_factory=dict, repr=False)

    def add(self, frame: int, joints: np.ndarray, person: int = -1) -> None:
        """One more pose; a crowd is refused as soon as it is one."""
        self.crowd[frame] = self.crowd.get(frame, 0) + 1
        refuse_crowd(self.crowd[frame], f"{self.where}: frame {frame}")
        self.frame.append(frame)
        self.person.append(person)
        self.joints.append(joints)


class _Present(NamedTuple):
    """A video's poses in which somebody is, as arrays; `y` points up."""

    frame: np.ndarray
    person: np.ndarray
    joints: np.ndarray
    places: np.ndarray


class _Clip(NamedTuple):
    """What one video gave, as it comes back from the process that read it."""

    video: Video  # without its poses
    joints: np.ndarray | None  # (T, M, V, C), None: nobody
    tracks: int = 0
    dropped: int = 0
    above: int = 0
    highest: float = 1.0


_WRITTEN = np.zeros(0, np.float32)  # stands for joints that are on the disk


def build(
    path: Path,
    items: Sequence[T],
    read: Callable[[T], Video],
    skeletons: Mapping[int, Skeleton],
    how: Poses,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """The clips of the videos in which somebody is; frames wait in a nameless file on disk.

    Args:
        path: what the user named.
        items: what `read` takes, one for each video.
        read: gives a video; with several workers it and the items must pickle.
        skeletons: number of joints -> layout, of those that may come.
        how: the options that readers of poses share.
        workers: processes that read.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: nobody in any video, joint counts that differ, crowds, and what a ClipSet
            refuses.
    """
    class_names: dict[int, str] = {}
    clips: list[_Clip] = []
    shape: tuple[int, int, int] | None = None
    with ExitStack() as stack:
        for clip in pool.ordered(partial(_clip, read, how), items, workers):
            _name_class(clip.video, class_names)
            if clip.joints is not None:
                if shape is None:
                    shape = (how.persons, *clip.joints.shape[2:])
                    frames = stack.enter_context(Frames(shape, scratch))
                if clip.joints.shape[1:] != shape:
                    raise InputError(
                        f"{clip.video.where}: {clip.joints.shape[2]} joints of "
                        f"{clip.joints.shape[3]} numbers, the videos before it have {shape[1]} of "
                        f"{shape[2]}; import sets of one layout at a time"
                    )
                frames.add(clip.joints)
                clip = clip._replace(joints=_WRITTEN)
            clips.append(clip)
            if progress:
                progress(len(clips), len(items))
        videos = [clip.video for clip in clips if clip.joints is not None]
        if shape is None:
            raise InputError(
                f"{path}: nobody was found in any of {len(clips)} videos; is the format "
                f"right, is threshold={how.threshold:g} too high?"
            )
        top = max(video.label for video in videos)
        clipset = ClipSet.build(
            frames.array(),
            [video.frames for video in videos],
            skeletons[shape[1]],
            class_names=[class_names.get(i, str(i)) for i in range(top + 1)],
            name=[video.name for video in videos],
            label=[video.label for video in videos],
            fps=how.fps,
            attributes={"title": path.stem, "source": path.name}
            | ({"confidence": "true"} if how.confidence else {}),
            path=path,
        )
    _warn(path, clips, how)
    return replace(clipset, path=None)


def skeletons(layout: str | Skeleton | None, usual: Sequence[Skeleton]) -> dict[int, Skeleton]:
    """Number of joints -> layout: the named one, else those that the format is known to have."""
    named = named_layout(layout) if isinstance(layout, str) else layout
    return {s.joints: s for s in ([named] if named else usual)}


def refuse_joints(count: int, skeletons: Mapping[int, Skeleton], where: str) -> None:
    """Raises InputError when no layout has that many joints."""
    if count not in skeletons:
        expected = " or ".join(f"{s.name} ({n})" for n, s in sorted(skeletons.items()))
        raise InputError(
            f"{where}: {count} joints, expected {expected}; name the layout of this data (--layout "
            "NAME or FILE.toml)"
        )


def refuse_crowd(count: int, where: str) -> None:
    """Raises InputError when one frame shows more persons than an estimator finds."""
    if count > CROWD:
        raise InputError(
            f"{where}: more than {CROWD} persons; the file is damaged, or keep the best ones"
        )


def _clip(read: Callable[[T], Video], how: Poses, item: T) -> _Clip:
    """Reads one video and keeps its persons; runs in a worker."""
    video = read(item)
    if video.frames * how.persons > MOST_PLACES:
        raise InputError(
            f"{video.where}: {video.frames} frames of {how.persons} persons are too many for "
            "one clip; lower persons, or cut the video"
        )
    poses, above, highest = _poses(video, how)
    bare = Video(video.name, video.where, video.frames, video.label, video.class_name, video.step)
    if not len(poses.frame):
        return _Clip(bare, None)
    if (poses.person >= 0).all():
        track = tracks.numbered(poses.frame, poses.person, poses.joints)
    else:
        track = tracks.nearest(poses.frame, poses.places)
    persons, dropped = tracks.persons(
        video.frames,
        poses.frame[track >= 0],
        track[track >= 0],
        poses.joints[track >= 0],
        how.persons,
        how.missing,
    )
    joints = persons if how.confidence else persons[..., :-1]
    return _Clip(bare, joints, int(track.max()) + 1, dropped, above, highest)


def _poses(video: Video, how: Poses) -> tuple[_Present, int, float]:
    """The poses in which anything was found, what was not found zero; confidences above 1."""
    sizes = {len(joints) for joints in video.joints}
    if len(sizes) > 1:
        raise InputError(
            f"{video.where}: poses of {min(sizes)} and of {max(sizes)} joints; a video has one "
            "layout, take the others out"
        )
    joints = np.array(video.joints) if video.joints else np.zeros((0, 1, 3))
    sure = joints[..., -1]
    above, highest = int((sure > 1).sum()), float(sure.max(initial=1))
    # All coordinates 0 is how a missing joint is stored, so no other one may look like it.
    visible = (sure > 0) & (sure >= how.threshold) & joints[..., :-1].any(axis=-1)
    joints[..., 1:-1] *= -1  # y up, and depth towards the camera
    joints[..., -1] = np.minimum(sure, 1)
    joints = np.where(visible[..., None], joints, 0)
    places = np.array(video.places) if video.places else joints
    alive = visible.any(axis=1)
    frame, person = np.array(video.frame, np.int64), np.array(video.person, np.int64)
    return _Present(frame[alive], person[alive], joints[alive], places[alive]), above, highest


def _name_class(video: Video, class_names: dict[int, str]) -> None:
    if (
        video.class_name
        and class_names.setdefault(video.label, video.class_name) != video.class_name
    ):
        raise InputError(
            f"{video.where}: class {video.label} is {video.class_name[:60]!a} here, "
            f"{class_names[video.label][:60]!a} in another file; import sets of one list of "
            "classes at a time"
        )


def _warn(path: Path, clips: Sequence[_Clip], how: Poses) -> None:
    """One line for each thing that the user should know."""
    lines = []
    empty = [clip.video.name for clip in clips if clip.joints is None]
    if empty:
        some = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        lines.append(f"{len(empty)} of {len(clips)} videos show nobody, left out: {some}")
    if dropped := sum(clip.dropped for clip in clips):
        lines.append(
            f"{dropped} of {sum(clip.tracks for clip in clips)} tracks left out, no room beside "
            f"persons={how.persons}"
        )
    if above := sum(clip.above for clip in clips):
        highest = max(clip.highest for clip in clips)
        lines.append(f"confidence above 1 in {above} joints (up to {highest:.3g}), taken as 1")
    steps = [clip.video for clip in clips if clip.video.step > 1]
    if steps:
        lines.append(
            f"{len(steps)} videos hold every {steps[0].step}th frame, as {steps[0].name}; fps is "
            "meant for these frames"
        )
    for line in lines:
        warnings.warn(f"{path}: {line}", stacklevel=4)
