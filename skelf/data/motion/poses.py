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
from dataclasses import replace
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
from ..listing import Empty, Listing, Read, Told
from ..pool import Progress
from . import tracks
from .missing import Missing
from .video import ASSUMED, CROWD, Video, number_classes

T = TypeVar("T")

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
    fps: float = option(30.0, "frames a second of videos whose files do not say it", gt=0, lt=1e6)


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


def listing(
    path: Path,
    items: Sequence[T],
    read: Callable[[T], Sequence[Video]],
    skeletons: Mapping[int, Skeleton],
    how: Poses,
    *,
    attributes: Mapping[str, str] | None = None,
    workers: int = 1,
    finish: Callable[[ClipSet], ClipSet] | None = None,
) -> Listing:
    """What `build` reads: all of it, or a part; `read` and the items pickle. Its arguments."""
    part = partial(build, path, read=read, skeletons=skeletons, how=how, attributes=attributes)
    whole = Listing(path, items, part, lead=partial(_led, part), workers=workers)
    return replace(whole, finish=finish) if finish else whole


def _led(part: partial[ClipSet], item: object) -> Read:
    """What reads parts by the joints of one video: others are refused, as in the whole."""
    return partial(part, shape=part([item]).joints.shape[1:])


def build(
    path: Path,
    items: Sequence[T],
    read: Callable[[T], Sequence[Video]],
    skeletons: Mapping[int, Skeleton],
    how: Poses,
    *,
    attributes: Mapping[str, str] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
    shape: tuple[int, int, int] | None = None,
) -> ClipSet:
    """The clips of the videos in which somebody is; frames wait in a nameless file on disk.

    Args:
        path: what the user named.
        items: what `read` takes, one for each file.
        read: gives the videos of a file; with several workers it and the items must pickle.
        skeletons: number of joints -> layout, of those that may come.
        how: the options that readers of poses share.
        attributes: what the set says of itself besides, as its unit.
        workers: processes that read.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.
        told: takes what the videos say of their classes.
        shape: `(M, V, C)`; None: of the first video in which somebody is.

    Raises:
        InputError: nobody in any video, joint counts that differ, crowds, and what a ClipSet
            refuses.
    """
    clips: list[_Clip] = []
    frames: Frames | None = None
    with ExitStack() as stack:
        files = pool.ordered(partial(_clips, read, how), items, workers)
        for done, clips_of_file in enumerate(files, 1):
            for clip in clips_of_file:
                if clip.joints is not None:
                    shape = shape or (how.persons, *clip.joints.shape[2:])
                    if frames is None:
                        frames = stack.enter_context(Frames(shape, scratch))
                    _refuse_other(clip, shape)
                    frames.add(clip.joints)
                    clip = clip._replace(joints=_WRITTEN)
                clips.append(clip)
            if progress:
                progress(done, len(items))
        class_names = number_classes([clip.video for clip in clips], told)
        videos = [clip.video for clip in clips if clip.joints is not None]
        if frames is None or shape is None:
            raise Empty(
                f"{path}: nobody was found in any of {len(clips)} videos; is the format "
                f"right, is threshold={how.threshold:g} too high?"
            )
        top = max(video.label for video in videos)
        segments = _segments(videos, class_names)
        top = max(top, int(segments[:, 3].max(initial=-1)))
        clipset = ClipSet.build(
            frames.array(),
            [video.frames for video in videos],
            skeletons[shape[1]],
            class_names=class_names[: top + 1],
            name=[video.name for video in videos],
            label=[video.label for video in videos],
            segments=segments,
            fps=np.array([video.fps or how.fps for video in videos], np.float32),
            attributes={"title": path.stem, "source": path.name}
            | dict(attributes or {})
            | ({"confidence": "true"} if how.confidence else {})
            | ({} if all(video.fps for video in videos) else {ASSUMED: f"{how.fps:g} a second"}),
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


def _clips(read: Callable[[T], Sequence[Video]], how: Poses, item: T) -> list[_Clip]:
    """Reads the videos of one file and keeps their persons; runs in a worker."""
    return [_clip(video, how) for video in read(item)]


def _clip(video: Video, how: Poses) -> _Clip:
    if video.frames * how.persons > MOST_PLACES:
        raise InputError(
            f"{video.where}: {video.frames} frames of {how.persons} persons are too many for "
            "one clip; lower persons, or cut the video"
        )
    poses, above, highest = _poses(video, how)
    if not len(poses.frame):
        return _Clip(video.bare, None)
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
    return _Clip(video.bare, joints, int(track.max()) + 1, dropped, above, highest)


def _refuse_other(clip: _Clip, shape: tuple[int, int, int]) -> None:
    if clip.joints is not None and clip.joints.shape[1:] != shape:
        raise InputError(
            f"{clip.video.where}: {clip.joints.shape[2]} joints of {clip.joints.shape[3]} numbers, "
            f"the videos before it have {shape[1]} of {shape[2]}; import sets of one layout at a "
            "time"
        )


def _segments(videos: Sequence[Video], class_names: Sequence[str]) -> np.ndarray:
    rows = [
        (clip, start, end, class_names.index(name))
        for clip, video in enumerate(videos)
        for start, end, name in video.segments
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def _poses(video: Video, how: Poses) -> tuple[_Present, int, float]:
    """The poses in which anything was found, what was not found zero; confidences above 1."""
    sizes = {len(joints) for joints in video.joints}
    if len(sizes) > 1:
        raise InputError(
            f"{video.where}: poses of {min(sizes)} and of {max(sizes)} joints; a video has one "
            "layout, take the others out"
        )
    joints = np.array(video.joints) if video.joints else np.zeros((0, 1, 3))
    unseen = np.isnan(joints).any(axis=-1)  # what the file has no number for
    joints[unseen] = 0
    sure = joints[..., -1]
    above, highest = int((sure > 1).sum()), float(sure.max(initial=1))
    # All coordinates 0 is how a missing joint is stored, so no other one may look like it.
    there = video.centred | joints[..., :-1].any(axis=-1)
    visible = (sure > 0) & (sure >= how.threshold) & there
    joints[..., 1:-1] *= -1  # y up, and depth towards the camera
    joints[..., -1] = np.minimum(sure, 1)
    joints = np.where(visible[..., None], joints, 0)
    places = np.nan_to_num(np.array(video.places)) if video.places else joints
    alive = visible.any(axis=1)
    frame, person = np.array(video.frame, np.int64), np.array(video.person, np.int64)
    return _Present(frame[alive], person[alive], joints[alive], places[alive]), above, highest


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
    videos_by_note: dict[str, list[str]] = {}
    for clip in clips:
        for note in clip.video.notes:
            videos_by_note.setdefault(note, []).append(clip.video.name)
    for note, names in videos_by_note.items():
        some = names[0] if len(names) == 1 else f"{len(names)} videos, as {names[0]}"
        lines.append(f"{some}: {note}")
    for line in lines:
        warnings.warn(f"{path}: {line}", stacklevel=4)
