"""Clips at another frame rate, and back to the frames of the file that they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from ..data.clips import ClipSet
from ..data.motion.resample import resample

FRAMES, MICROHERTZ = "source_frames", "source_microhertz"
"""Columns of a retimed set: each clip's frames before, and its frame rate times a million."""
IN_MEMORY = 1 << 24
"""Numbers of a set that are kept in memory; of a larger one they wait in a nameless file."""
AT_ONCE = 1 << 22
"""Numbers of a clip that are retimed at once, joint by joint: an hour of five joints."""


def retimed(clips: ClipSet, to: np.ndarray, scratch: str | Path | None = None) -> ClipSet:
    """The clips at other frame rates; `in_file` finds the way back.

    A joint that is missing in one of the two frames that a new one lies between is missing there.

    Args:
        clips: the set; clips that have their rate already keep their bits.
        to: `(N,)` frames a second.
        scratch: folder for the frames of a large set meanwhile; None: the system's.

    Raises:
        InputError: a rate that nobody records with.
        OSError: no room for the frames.
    """
    before, rates = clips.fps.astype(np.float64), np.asarray(to, np.float64)
    kept = np.isclose(before, rates, rtol=1e-6, atol=0)
    length = np.where(kept, clips.length, _length(clips.length, before, rates))
    start = np.cumsum(length) - length
    joints = _room((int(length.sum()), *clips.joints.shape[1:]), scratch)
    for at, (first, count) in enumerate(zip(start, length, strict=True)):
        into, clip = joints[first : first + count], clips.clip(at)
        if kept[at]:
            into[...] = clip
        else:
            _fill(into, clip, before[at], rates[at], clips.coordinates)
    columns = {
        FRAMES: clips.columns.get(FRAMES, clips.length),
        MICROHERTZ: clips.columns.get(MICROHERTZ, np.rint(before * 1e6).astype(np.int64)),
    }
    return replace(
        clips,
        joints=joints,
        start=start,
        length=length,
        fps=np.where(kept, clips.fps, rates).astype(np.float32),
        segments=_moved(clips.segments, rates / before, length),
        columns={**clips.columns, **columns},
        path=None,
    )


def in_file(clips: ClipSet, index: int, frame: int) -> int:
    """The frame of the file that a clip comes from, of one of its own frames or their end.

    Args:
        clips: as `retimed` gave them, or any.
        index: of the clip.
        frame: 0 to its length.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=12)  # 30 frames a second
        >>> faster = retimed(clips, np.full(12, 60.0))
        >>> in_file(faster, 3, 20), in_file(faster, 3, int(faster.length[3])) == clips.length[3]
        (10, np.True_)
    """
    if FRAMES not in clips.columns:
        return frame
    frames = int(clips.columns[FRAMES][index])
    if frame >= clips.length[index]:
        return frames
    rate = float(clips.columns[MICROHERTZ][index]) / 1e6
    return min(frames, round(frame * rate / float(clips.fps[index])))


def in_file_all(clips: ClipSet, index: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """`in_file` of many: clips `(n,)` and one of the frames of each, or its end."""
    if FRAMES not in clips.columns:
        return frame
    frames = clips.columns[FRAMES][index].astype(np.int64)
    rate = clips.columns[MICROHERTZ][index] / 1e6
    within = np.minimum(frames, np.rint(frame * rate / clips.fps[index].astype(np.float64)))
    found: np.ndarray = np.where(frame >= clips.length[index], frames, within).astype(np.int64)
    return found


def _length(frames: np.ndarray, before: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Frames that `resample` gives."""
    return (1 + np.floor((frames - 1) * to / before + 1e-6)).astype(np.int64)


def _fill(into: np.ndarray, clip: np.ndarray, fps: float, to: float, coordinates: int) -> None:
    """Writes a clip `(T, M, V, C)` at another rate, some joints at a time."""
    frames, persons, joints, channels = clip.shape
    step = max(1, AT_ONCE // (frames * persons * channels))
    for first in range(0, joints, step):
        some = slice(first, first + step)
        part = np.array(clip[:, :, some], np.float64)
        part[~part[..., :coordinates].any(axis=3)] = np.nan
        moved = resample(part, fps, to)
        moved[np.isnan(moved).any(axis=3)] = 0
        if channels > coordinates:  # a filter may leave its range
            moved[..., coordinates:] = moved[..., coordinates:].clip(0, 1)
        into[:, :, some] = moved


def _room(shape: tuple[int, ...], folder: str | Path | None) -> np.ndarray:
    """An array to be written, on disk if it is large."""
    if int(np.prod(shape)) <= IN_MEMORY:
        return np.empty(shape, np.float32)
    zeros = np.zeros(shape[1:], np.float32).tobytes() * 1024
    with TemporaryFile(dir=folder) as file:  # the map keeps it
        left = 4 * int(np.prod(shape))
        while left:  # written, not only sized: a full disk shows here
            left -= file.write(zeros[:left])
        file.flush()
        return np.memmap(file, np.float32, mode="r+", shape=shape)


def _moved(segments: np.ndarray, factor: np.ndarray, length: np.ndarray) -> np.ndarray:
    moved = segments.copy()
    clip = moved[:, 0]
    bounds = np.rint(segments[:, 1:3] * factor[clip, None]).astype(np.int64)
    moved[:, 1] = np.minimum(bounds[:, 0], length[clip] - 1)
    moved[:, 2] = np.clip(bounds[:, 1], moved[:, 1] + 1, length[clip])
    return moved
