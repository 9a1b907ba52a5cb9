"""Batches of clips, from whatever file, as one ClipSet; a clip at a time, for they may be large."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...skeleton import Skeleton
from ..clips import ClipSet
from ..frames import Frames
from ..motion.axes import Up, upright
from ..motion.missing import Missing, fill_nan
from ..motion.video import ASSUMED
from . import clip_names
from .field_arrays import Beside
from .padding import Prepared, length_of, prepared
from .postures import UNITS, metres, standing
from .scores import scored

Padding = Literal["cut", "keep"]
SAMPLE = 16  # clips by which it is told how a batch was prepared
FPS = 30.0
SHORT = 100  # frames: below, an array without padding holds clips that were stretched to one length


class Form(NamedTuple):
    """What the numbers of an array mean.

    Args:
        axes: its dimensions, as "NTVC", or "auto".
        confidence: the last number of a joint is one; none: to be told by the numbers.
        missing: what stands for NaN.
        padding: what is done with frames behind a clip's end.
        up: the axis that points up; none: axes stay.
        fps: frames a second, where nothing says them.
    """

    axes: str = "auto"
    confidence: bool | None = None
    missing: Missing = "linear"
    padding: Padding = "cut"
    up: Up | None = None
    fps: float | None = None


class Batch(NamedTuple):
    """Clips of one file.

    Args:
        path: the file, for messages.
        clips: `(T, M, V, C)` each, in order.
        size: how many they are.
        persons: at most in a clip.
        beside: what is known of the clips.
        several: whether they were written into one length.
        field: whether it is one of the field's arrays.
        usual: a name for each clip where nothing else gives one.
    """

    path: Path
    clips: Iterable[np.ndarray]
    size: int
    persons: int
    beside: Beside
    several: bool = True
    field: bool = True
    usual: Sequence[str] = ()


class _Added(NamedTuple):
    """What was met in a batch."""

    lengths: list[int]
    padded: int = 0
    unseen: int = 0
    confidence: bool = False
    how: Prepared = Prepared()
    longest: int = 0
    stands: str = ""
    unit: float = 0.0


def build(
    batches: Sequence[Batch],
    skeleton: Skeleton,
    form: Form,
    *,
    place: Path,
    split: str,
    scratch: str | Path | None,
) -> ClipSet:
    """The clips of some batches as one set.

    Args:
        batches: of one layout.
        skeleton: the layout.
        form: what the numbers mean.
        place: what the user named.
        split: the name of the split that the batches' sides are of.
        scratch: folder for the frames meanwhile.

    Raises:
        InputError: whatever a ClipSet refuses.
    """
    names: list[str] = []
    labels: list[int] = []
    lengths: list[int] = []
    sides: list[str] = []
    persons = max(batch.persons for batch in batches)
    with _Room(persons, scratch) as room:
        for batch in batches:
            added = _add(room, batch, skeleton, form)
            _note(batch, added, form)
            lengths += added.lengths
            names += batch.beside.names or batch.usual
            labels += batch.beside.labels or [-1] * batch.size
            sides += [batch.beside.side] * batch.size
        joints = room.frames.array()
    told = clip_names.known(names, labels)
    top = max(labels)
    attributes = {"title": place.stem, "source": place.name}
    if form.confidence or added.confidence:
        attributes["confidence"] = "true"
    if form.fps is None:
        attributes[ASSUMED] = f"{FPS:g} a second"
    return ClipSet.build(
        joints,
        np.array(lengths, np.int64),
        skeleton,
        attributes=attributes,
        path=place,
        class_names=_classes(told.class_names, top),
        name=names,
        label=labels,
        fps=form.fps or FPS,
        splits=_splits(split, sides),
        **told.columns,
    )


class _Room:
    """`Frames` that are opened when the first clip says what a joint has."""

    def __init__(self, persons: int, scratch: str | Path | None) -> None:
        self.persons, self.scratch = persons, scratch
        self.frames: Frames

    def __enter__(self) -> _Room:
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(self, "frames"):
            self.frames.__exit__(*error)

    def add(self, clip: np.ndarray) -> None:
        if not hasattr(self, "frames"):
            self.frames = Frames((self.persons, *clip.shape[2:]), self.scratch)
        absent = self.persons - clip.shape[1]
        self.frames.add(np.pad(clip, ((0, 0), (0, absent), (0, 0), (0, 0))) if absent else clip)


def _add(room: _Room, batch: Batch, skeleton: Skeleton, form: Form) -> _Added:
    """Frames of all clips of a batch, a clip at a time: it may be larger than memory."""
    clips: Iterator[np.ndarray] = iter(batch.clips)
    first = [_floats(clip) for clip in islice(clips, SAMPLE)]
    told = form.confidence is None and scored(first, skeleton)
    confidence = bool(form.confidence) or told
    how = prepared(first) if batch.field and skeleton.name == "ntu25" else Prepared()
    if first[0].shape[-1] != 3:
        how = Prepared()
    axes = first[0].shape[-1] - confidence
    added = _Added([], confidence=told, how=how)
    if not (batch.field and how.centred):
        added = _postures(added, [clip[..., :axes] for clip in first], skeleton)
    padded = unseen = longest = 0
    for number, clip in enumerate(chain(first, clips)):
        clip, longest = _floats(clip), max(longest, len(clip))
        if batch.beside.lengths:
            length = batch.beside.lengths[number]
        elif batch.several and form.padding == "cut":
            length = length_of(clip, how.centred)
        else:
            length = len(clip)
        padded += length < len(clip)
        clip = clip[:length]
        if np.isnan(clip).any():
            unseen += int(np.isnan(clip).any(axis=-1).sum())
            clip = fill_nan(clip, form.missing, axes=axes)
        if form.up:
            turned = upright(clip[..., :axes], form.up)
            clip = np.concatenate([turned, clip[..., axes:]], axis=-1) if confidence else turned
        room.add(clip)
        added.lengths.append(length)
    return added._replace(padded=padded, unseen=unseen, longest=longest)


def _postures(added: _Added, clips: Sequence[np.ndarray], skeleton: Skeleton) -> _Added:
    """What some clips' bodies tell of the axes, and in space of the unit."""
    stands = standing(clips, skeleton)
    flat = clips[0].shape[-1] == 2
    return added._replace(stands=stands or "", unit=0 if flat else metres(clips, skeleton))


def _floats(clip: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinite then, and refused as such
        return clip.astype(np.float32, copy=False)


def _note(batch: Batch, added: _Added, form: Form) -> None:
    """One line for each thing that the user should know."""
    lines = []
    known = batch.beside.lengths is not None
    if added.padded and not known:
        what = "repeat their beginning (2s-AGCN's padding)" if added.how.centred else "show nobody"
        lines.append(
            f"{added.padded} of {batch.size} clips end in frames that {what}: cut; padding=keep "
            "keeps them"
        )
    if batch.beside.cut:
        lines.append(f"{batch.beside.cut} clips were longer and end at {added.longest} frames here")
    if added.confidence:
        lines.append(
            "the third number of each joint lies in [0, 1] and is a score by all signs, so joints "
            "are 2D with a confidence"
        )
    if added.how.centred and not form.up:
        up = added.how.up
        turned = f"spines point along {up}" if up else "spines point in no common direction"
        turned += f" (up={up} makes y up)" if up and up != "y" and up[-1] != "x" else ""
        lines.append(
            "prepared as by 2s-AGCN: the first person's spine is at zero in each frame, and "
            f"{turned}; kept so, train with normalize=none"
        )
    if added.stands not in ("", "y") and not form.up:
        lines.append(f"bodies stand along {added.stands}: kept so (up={added.stands} makes y up)")
    if added.unit not in (0.0, 1.0):
        lines.append(f"by the length of a thigh these are {UNITS[added.unit]}: numbers stay")
    if added.how.relative >= 0:
        lines.append(f"joint {added.how.relative} is zero in every frame: places are relative")
    stretched = batch.field and batch.several and batch.size > 1 and added.longest <= SHORT
    if stretched and not (added.padded or known or form.fps):
        lines.append(
            f"all clips have {added.longest} frames, as if stretched to one length; "
            f"{FPS:g} frames a second are then not true (fps=)"
        )
    if added.unseen:
        lines.append(f"{added.unseen} joints are NaN: not seen, missing={form.missing}")
    for line in lines:
        warnings.warn(f"{batch.path}: {line}", stacklevel=5)


def _classes(titles: tuple[str, ...], top: int) -> tuple[str, ...]:
    return titles or tuple(str(label) for label in range(top + 1))


def _splits(name: str, sides: Sequence[str]) -> dict[str, np.ndarray]:
    """One split, or two where a validation and a test side are both there."""
    both = {"val", "test"} <= set(sides)
    number = {"train": 1, "test": 2, "val": 0 if both else 2, "": 0}
    splits = {name: np.array([number[side] for side in sides], np.int8)} if any(sides) else {}
    if both:
        number = {"train": 1, "val": 2, "test": 0, "": 0}
        splits[f"{name}_val"] = np.array([number[side] for side in sides], np.int8)
    return splits
