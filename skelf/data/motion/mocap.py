"""From joint positions of motion capture files to a ClipSet: what `bvh`, `amc` and `c3d` share."""

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
from ..pool import Progress
from .axes import Up, scaled
from .missing import Missing, absent, fill
from .recorded import Motion, Selection
from .resample import LARGEST, resample

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
        "metres in one unit of the file; none is what the file says, in bvh 0.01, in amc an inch "
        "divided by the length that :units states, so 0.0254 / 0.45 for CMU",
    )
    up: Up | None = option(
        None, "the file's upward axis; none is y, in c3d what POINT:Y_SCREEN says, else z"
    )
    missing: Missing = option(
        "linear",
        "what stands for joints that were not seen (gaps of markers, NaN): keep (zeros), hold, "
        "linear; a joint that is never seen in a file stays zero",
    )
    drop: str | tuple[str, ...] = option(
        (), "joints to leave out, with * and ?, any case; a list, or one text with commas"
    )
    rename: dict[str, str] | None = option(None, "names of joints in the file = names to use")
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


def collect(
    path: Path,
    files: Sequence[Path],
    load: Callable[[Path], Motion],
    layout: str | Skeleton | None,
    how: Mocap,
    *,
    columns: Mapping[str, Any],  # arguments of `ClipSet.build`
    progress: Progress | None,
    scratch: str | Path | None,
) -> ClipSet:
    """One clip for each file, in metres with y up.

    Args:
        path: what the user named.
        files: in it.
        load: reads one of them.
        layout: a name, a TOML file or a Skeleton; None: the files' own hierarchy.
        how: the options that readers of motion capture share.
        columns: names of the clips, and what else is known of them.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that cannot be read, another skeleton than the first file's, a joint
            that is not there.
    """
    dropped = how.drop.split(",") if isinstance(how.drop, str) else how.drop
    selection = Selection(
        named_layout(layout) if isinstance(layout, str) else layout,
        [word.strip().lower() for word in dropped if word.strip()],
        how.rename or {},
    )
    length, rates = [], []
    axes_and_units: set[tuple[str, str]] = set()
    notes: dict[str, list[Path]] = {}
    gaps: dict[Path, tuple[int, int]] = {}  # positions that are gaps, and all
    with ExitStack() as stack:
        for done, file in enumerate(files):
            motion, skeleton = selection.apply(file, load(file))
            unseen = absent(motion.joints)
            if unseen.all():
                raise InputError(f"{file}: no joint is seen in any frame; nothing to import")
            if unseen.any():
                gaps[file] = int(unseen.sum()), unseen.size
            clip = _metres(motion, unseen, how)
            if not done:
                frames = stack.enter_context(Frames((1, *clip.shape[1:]), scratch))
            frames.add(clip[:, None])
            length.append(len(clip))
            rates.append(how.fps or motion.fps)
            axes_and_units.add((how.up or motion.up, f"{how.scale or motion.scale:.6g}"))
            for note in motion.notes:
                notes.setdefault(note, []).append(file)
            if progress:
                progress(done + 1, len(files))
        selection.refuse_unused(files[0])
        positions = frames.array()
    _warn(notes, gaps, how.missing)
    attributes = {"title": path.stem, "source": path.name, "unit": "metre"}
    if len(axes_and_units) == 1:  # what the files had, for who must import again
        attributes["up"], attributes["scale"] = axes_and_units.pop()
    clips = ClipSet.build(
        positions,
        length,
        skeleton,
        fps=np.array(rates, np.float32),
        attributes=attributes,
        path=path,
        **columns,
    )
    return replace(clips, path=None)  # it was for the messages; the set itself is in memory


def _metres(motion: Motion, unseen: np.ndarray, how: Mocap) -> np.ndarray:
    """`(T, V, 3)` float32 in metres with y up, gaps filled by `how.missing`, else zeros."""
    joints = motion.joints
    gaps = np.flatnonzero(unseen.any(axis=0))  # joints that have some
    if len(gaps) and how.missing != "keep":
        present = np.flatnonzero(~np.all(unseen, axis=1))
        inside = slice(present[0], present[-1] + 1)  # before and after nobody is there
        sometimes = gaps[~np.all(unseen[:, gaps], axis=0)]
        joints = joints.astype(np.float64)
        seen = ~unseen[inside, sometimes]
        joints[inside, sometimes] = fill(joints[inside, sometimes], seen, how.missing)
    if how.fps is not None:
        joints = resample(joints.astype(np.float64), motion.fps, how.fps, filtered=how.filtered)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite: refused as such
        metres = scaled(joints, how.up or motion.up, how.scale or motion.scale)
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
