"""From joint positions of motion capture files to a ClipSet: what their readers share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Positive, Range
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..frames import Frames
from ..listing import Told
from ..pool import Progress
from . import subjects
from .axes import Up, scaled
from .missing import Missing, absent, fill
from .recorded import Motion, Selection
from .resample import LARGEST, resample
from .starts import still_start

BLOCK = 4096  # frames of several persons that are copied at once
Folders = Literal["class", "subject", "none"]
Scale = Annotated[float, Range(gt=0, le=LARGEST)]


@options("mocap")
class Mocap:
    """What the readers of motion capture share.

    Joints are renamed before a layout or `drop` looks for them. A layout finds its joints in the
    files by name, in any case.
    """

    fps: Positive | None = option(
        None, "frames a second to resample to, linearly; none keeps the file's"
    )
    filtered: bool = option(
        True,
        "a low-pass filter before resampling to a lower rate; false copies frames where it can, so "
        "120 to 30 takes every fourth",
    )
    scale: Scale | None = option(
        None,
        "metres in one unit of the file; none is what the file says, in bvh what fits its legs, "
        "else 0.01, in amc an inch divided by the length that :units states, so 0.0254 / 0.45 for "
        "CMU",
    )
    up: Up | None = option(
        None,
        "the file's upward axis; none is y, in nexus z, in bvh and trc the one in which the bodies "
        "stand, else y, in c3d what POINT:Y_SCREEN says, else the bodies, else z",
    )
    missing: Missing = option(
        "linear",
        "what stands for joints that were not seen (gaps of markers, NaN): keep (zeros), hold, "
        "linear; a joint that is never seen in a file stays zero",
    )
    skip_start: bool = option(
        False,
        "leaves out first frames that are no motion: a T-pose, a calibration, a body elsewhere",
    )
    drop: str | tuple[str, ...] = option(
        (), "joints to leave out, with * and ?, any case; a list, or one text with commas"
    )
    rename: dict[str, str] | None = option(None, "names of joints in the file = names to use")
    subject: str | tuple[str, ...] = option(
        "",
        "of markers as Anna:LASI, whose are read: a name, or several with commas; * all as one "
        "body; none is each subject as a person, where they share names of markers",
    )
    clip: str = option(
        "",
        "what a file's path below the folder says (without a slash: its name alone), as "
        "S{subject}_{class}_{camera}.bvh: {class}, {subject}, {camera}, {setup}, another word for "
        "a column of whole numbers, * for the rest",
    )


def folders_option(default: Folders) -> Any:  # a field, as of `option`
    """The field `folders` of a reader's options."""
    return option(
        default,
        "what a subfolder's name is: the class of the files that it holds, their subject (its "
        "number), or none of both",
    )


Load = Callable[[Path], Motion | tuple[Motion, ...]]


def collect(
    path: Path,
    files: Sequence[Path],
    load: Load,
    layout: str | Skeleton | None,
    how: Mocap,
    *,
    columns: Mapping[str, Any],  # arguments of `ClipSet.build`
    progress: Progress | None,
    scratch: str | Path | None,
    selection: Selection | None = None,
    told: Told | None = None,
) -> ClipSet:
    """One clip for each file, in metres with y up; persons who are not there are zeros.

    Args:
        path: what the user named.
        files: in it.
        load: reads one of them; several motions are the persons of one recording.
        layout: a name, a TOML file or a Skeleton; None: the files' own hierarchy.
        how: the options that readers of motion capture share.
        columns: names of the clips, and what else is known of them.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.
        selection: of joints, by another file than the first of these.
        told: takes the words of options that no file has; None: they are refused.

    Raises:
        InputError: a file that cannot be read, another skeleton than the first file's, a joint
            that is not there.
    """
    selection = selection or selection_of(layout, how)
    length, rates, persons = [], [], []
    axes_and_units: set[tuple[str, str]] = set()
    notes: dict[str, list[Path]] = {}
    gaps: dict[Path, tuple[int, int]] = {}  # positions that are gaps, and all
    frames: Frames | None = None
    with ExitStack() as stack:
        for done, file in enumerate(files):
            people = people_in(file, begun(load(file), how), how.subject, selection)
            motion = people[0][0]
            for body, unseen in people:
                if unseen.any():
                    count, size = gaps.get(file, (0, 0))
                    gaps[file] = count + int(unseen.sum()), size + unseen.size
                clip = _metres(body, unseen, how)
                if not frames:
                    frames = stack.enter_context(Frames((1, *clip.shape[1:]), scratch))
                frames.add(clip[:, None])
            length.append(len(clip))
            persons.append(len(people))
            rates.append(how.fps or motion.fps)
            axes_and_units.add((how.up or motion.up, f"{how.scale or motion.scale:.6g}"))
            for note in dict.fromkeys(note for body, _ in people for note in body.notes):
                notes.setdefault(note, []).append(file)
            if progress:
                progress(done + 1, len(files))
        if told is None:
            selection.refuse_unused(files[0])
        else:
            told.unused = selection.unused
        assert frames is not None
        positions = _beside(frames.array(), length, persons, scratch)
    _warn(notes, gaps, how.missing)
    attributes = {"title": path.stem, "source": path.name, "unit": "metre"}
    if len(axes_and_units) == 1:  # what the files had, for who must import again
        attributes["up"], attributes["scale"] = axes_and_units.pop()
    clips = ClipSet.build(
        positions,
        length,
        selection.skeleton,
        fps=np.array(rates, np.float32),
        attributes=attributes,
        path=path,
        **columns,
    )
    return replace(clips, path=None)  # it was for the messages; the set itself is in memory


def selection_of(layout: str | Skeleton | None, how: Mocap) -> Selection:
    """The joints that are wanted, of which the first file says the rest."""
    dropped = how.drop.split(",") if isinstance(how.drop, str) else how.drop
    return Selection(
        named_layout(layout) if isinstance(layout, str) else layout,
        [word.strip().lower() for word in dropped if word.strip()],
        how.rename or {},
    )


def people_in(
    file: Path,
    motions: Motion | tuple[Motion, ...],
    subject: str | Sequence[str],
    selection: Selection,
) -> list[tuple[Motion, np.ndarray]]:
    """The persons who are seen, with the joints that are wanted; and what is not seen of each.

    Raises:
        InputError: nobody is seen; what `Selection.apply` refuses.
    """
    if isinstance(motions, Motion):
        motions = subjects.persons(file, motions, subject, selection.drop, selection.wanted)
    order = list(range(len(motions)))
    if len(motions) > 1:  # joints and tree are those of whom the most is seen
        order.sort(key=lambda at: -int(np.isfinite(motions[at].joints).any((0, 2)).sum()))
    applied = {at: selection.apply(file, motions[at]) for at in order}
    people = [(applied[at], absent(applied[at].joints)) for at in sorted(applied)]
    shown = [(body, unseen) for body, unseen in people if not unseen.all()]
    if not shown:
        raise InputError(f"{file}: no joint is seen in any frame; nothing to import")
    return shown


def _beside(
    frames: np.ndarray, length: Sequence[int], persons: Sequence[int], scratch: str | Path | None
) -> np.ndarray:
    """Persons of one recording side by side, `(F, M, V, 3)`; they come one after the other.

    Args:
        frames: `(_, 1, V, 3)`, each person's.
        length: frames of each recording.
        persons: in each.
        scratch: folder for the frames.
    """
    most = max(persons)
    if most == 1:
        return frames
    with Frames((most, *frames.shape[2:]), scratch) as whole:
        first = 0
        for count, people in zip(length, persons, strict=True):
            for at in range(0, count, BLOCK):
                rows = min(BLOCK, count - at)
                some = np.zeros((rows, most, *frames.shape[2:]), np.float32)
                for person in range(people):
                    start = first + person * count + at
                    some[:, person] = frames[start : start + rows, 0]
                whole.add(some)
            first += people * count
        return whole.array()


def begun(loaded: Motion | tuple[Motion, ...], how: Mocap) -> Motion | tuple[Motion, ...]:
    """Without first frames that are no motion, if so wanted; and a note where there are."""
    motions = loaded if isinstance(loaded, tuple) else (loaded,)
    first = max((still_start(motion.joints, motion.fps) for motion in motions), default=0)
    if not first:
        return loaded
    frames = "the first frame is" if first == 1 else f"the first {first} frames are"
    what = f"{frames} no motion (a T-pose, a calibration, or a body elsewhere)"
    end = ", left out" if how.skip_start else ": skip_start=true leaves it out"
    moving = [
        replace(
            motion,
            joints=motion.joints[first:] if how.skip_start else motion.joints,
            notes=(*motion.notes, what + end),
        )
        for motion in motions
    ]
    return tuple(moving) if isinstance(loaded, tuple) else moving[0]


def _metres(motion: Motion, unseen: np.ndarray, how: Mocap) -> np.ndarray:
    """`(T, V, 3)` float32 in metres with y up, gaps filled by `how.missing`, else zeros."""
    joints = motion.joints
    up, scale = how.up or motion.up, how.scale or motion.scale
    gaps = np.flatnonzero(unseen.any(axis=0))  # joints that have some
    filled = None
    if len(gaps) and how.missing != "keep":
        present = np.flatnonzero(~np.all(unseen, axis=1))
        inside = slice(present[0], present[-1] + 1)  # before and after nobody is there
        mended = inside, gaps[~np.all(unseen[:, gaps], axis=0)]
        filled = fill(joints[mended].astype(np.float64), ~unseen[mended], how.missing)
    if how.fps is not None:
        joints = joints.astype(np.float64)
        if filled is not None:
            joints[mended] = filled
        joints, filled = resample(joints, motion.fps, how.fps, filtered=how.filtered), None
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite: refused as such
        metres = scaled(joints, up, scale)
        if filled is not None:
            metres[mended] = scaled(filled, up, scale)
    if len(gaps):
        metres[absent(metres)] = 0
    return metres


def _warn(
    notes: Mapping[str, Sequence[Path]], gaps: Mapping[Path, tuple[int, int]], missing: Missing
) -> None:
    """One line for each note, whatever the number of its files."""
    by_note = dict(notes)
    if gaps:
        count, size = (sum(numbers) for numbers in zip(*gaps.values(), strict=True))
        done = "set to zeros" if missing == "keep" else f"filled by missing={missing}"
        by_note[f"{count} of {size} joint positions are gaps ({count / size:.1%}), {done}"] = [
            *gaps
        ]
    for note, files in by_note.items():
        others = f" (and {len(files) - 1} more files)" if len(files) > 1 else ""
        warnings.warn(f"{files[0]}{others}: {note}", stacklevel=4)
