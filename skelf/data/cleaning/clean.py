"""A set cleaned: outliers become gaps, short gaps are filled, then the filters run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...skeleton import Skeleton
from ..clips import ClipSet
from ..frames import Frames
from ..joints.mapping import at_origin
from ..motion.lowpass import lowpass
from .changes import Changes, nothing_there
from .gaps import fill_gaps
from .options import Clean, refuse, window
from .outliers import outliers
from .smooth import median_filter, savgol


def cleaned(
    clips: ClipSet,
    how: Clean,
    *,
    scratch: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ClipSet, Changes]:
    """The set with cleaner joints; table, splits, segments and classes stay.

    The steps run in the order of `Clean`'s fields: outliers, gaps, median, savgol, lowpass. A joint
    is missing where its coordinates are all 0, or its confidence is. Each person and joint is
    a path of its own, and no filter reaches over a gap. What is filled keeps the confidence 0:
    nobody saw it. A joint that stands at the origin in every frame is left alone.

    Args:
        clips: the set; read and written in blocks, so it may be larger than the memory, which holds
            the longest clip a few times.
        how: the settings.
        scratch: the folder where the new frames wait, as many bytes as the new store; None: the
            system's folder for temporary files.
        progress: called with clips done and in all.

    Returns:
        The set, whose attribute `cleaned` tells what was done, and the counts.

    Raises:
        InputError: a cut-off that is too high or a window that is too short for a clip's frame
            rate; nobody in any frame.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> smooth, changes = cleaned(generate(clips=12), Clean(lowpass=3))
        >>> smooth.attributes["cleaned"].partition(",")[0], changes.clips
        ('lowpass: 3 Hz', 12)
    """
    refuse(clips, how)
    changes, standing = Changes(), at_origin(clips)
    moving = np.setdiff1d(np.arange(clips.skeleton.joints), standing)
    with Frames((clips.persons, clips.skeleton.joints, clips.channels), scratch) as frames:
        for indices, block in clips.blocks():
            made, at = np.array(block), 0
            for index in indices:
                length = int(clips.length[index])
                for person in range(clips.persons):
                    body = made[at : at + length, person]
                    _clean(
                        body, clips.coordinates, moving, clips.skeleton, float(clips.fps[index]),
                        how, changes,
                    )  # fmt: skip
                changed = (made[at : at + length] != block[at : at + length]).any()
                changes.clips += int(changed)
                at += length
                if progress:
                    progress(index + 1, len(clips))
            frames.add(made)
        joints = frames.array()
    if not changes.seen:
        raise nothing_there(clips)
    unit = {"metre": " m"}.get(clips.attributes.get("unit", ""), "")
    rates = float(clips.fps.min()), float(clips.fps.max())
    note = "; ".join(changes.lines(how, rates, unit))
    if "cleaned" in clips.attributes:
        note += f"; before that {clips.attributes['cleaned']}"
    return replace(
        clips,
        joints=joints,
        start=np.cumsum(clips.length) - clips.length,
        attributes={**clips.attributes, "cleaned": note},
        path=None,
    ), changes


def _clean(
    body: np.ndarray,
    axes: int,
    moving: np.ndarray,
    skeleton: Skeleton,
    fps: float,
    how: Clean,
    changes: Changes,
) -> None:
    """One person of one clip `(T, V, C)`, in place."""
    whole: np.ndarray = np.any(body[..., :axes], axis=2)
    seen = whole if axes == body.shape[2] else whole & (body[..., axes] > 0)
    if not seen.any():
        return
    present = seen.any(axis=1, keepdims=True)
    seen[:, np.setdiff1d(np.arange(skeleton.joints), moving)] = present
    changes.seen += int(seen[:, moving].sum())
    if how.outliers:
        fast, odd = outliers(body[..., :axes], seen, skeleton, fps, speed=how.speed, bone=how.bone)
        fast, odd = fast[:, moving], odd[:, moving]
        changes.fast, changes.odd = changes.fast + int(fast.sum()), changes.odd + int(odd.sum())
        body[:, moving] = np.where((fast | odd)[..., None], 0, body[:, moving])
        seen[:, moving] &= ~(fast | odd)
    x, there = body[:, moving, :axes], seen[:, moving]
    if how.gaps:
        longest = int(how.gaps * fps + 1e-6)
        x, filled = fill_gaps(x, there, longest, how.fill)
        there = there | filled
        changes.filled += int(filled.sum())
    changes.left += int((present & ~there).sum())
    body[:, moving, :axes] = _filtered(x, there, fps, how, changes)


def _filtered(
    x: np.ndarray, there: np.ndarray, fps: float, how: Clean, changes: Changes
) -> np.ndarray:
    """Joints `(T, V, D)` through the filters that are wanted."""
    made = x
    if how.median:
        made = median_filter(made, there, window(how.median, fps))
    if how.savgol:
        made = savgol(made, there, window(how.savgol, fps), how.degree)
    if how.lowpass:
        made = lowpass(made, there, fps, how.lowpass, how.order)
    if made is not x:
        away = np.linalg.norm(made - x, axis=2)
        changes.moved += float(away.sum(dtype=np.float64))
        changes.farthest = max(changes.farthest, float(away.max(initial=0)))
        changes.smoothed += int(there.sum())
    return made
