"""Reader for PRECOG 2016: recordings of one Kinect as CSV, an action code on every frame.

A file `Seq<script>_<subject>.csv` has the joints' names above, then a row a frame: 20 cells of
`x y z` in metres and the code (0: none, 1 to 8: the action), with `;` between. Source:
github.com/DavidJardim/precog_dataset_16 (MIT licence).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import KINECT20
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import members
from ..formats.members import Member
from ..formats.text import number, read_csv
from ..frames import Frames
from ..listing import Listing, Told
from ..motion.missing import Missing, fill_nan
from ..pool import Progress

FPS = 30
MOST_BYTES = 1 << 25  # a recording takes 0.2 MB
NAME = re.compile(r"Seq(\d{1,4})_(\d{1,4})")
CLASSES = (
    "right_punch", "left_punch", "front_right_kick", "front_left_kick",
    "side_right_kick", "side_left_kick", "back_fist", "elbow_strike",
)  # fmt: skip


@options("precog")
class Precog:
    """How the recordings are read."""

    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
    )


def read_precog(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Precog = Precog(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """PRECOG recordings with their segments, metres, y up.

    Subjects and the column "script" are numbered as in the file names, from 1; a recording has no
    label of its own, each run of one code is a segment.

    Args:
        path: a folder (searched with its sub-folders and zips), a zip, or one CSV.
        layout: None for `kinect20`; another one must have 20 joints too.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, line and remedy.
    """
    return list_precog(path, layout, how).clips(progress=progress, scratch=scratch)


def list_precog(
    path: str | Path, layout: str | Skeleton | None = None, how: Precog = Precog()
) -> Listing:
    """What `read_precog` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    skeleton = named_layout(layout) if isinstance(layout, str) else layout or KINECT20
    files, spare = members.unique(members.find(path, {".csv"}))
    named = [(NAME.fullmatch(member.name.stem), member) for member in files]
    who = sorted((int(name[1]), int(name[2]), member) for name, member in named if name)
    if not who:
        raise InputError(f"{path}: no Seq<script>_<subject>.csv; name the folder of the recordings")
    if spare:
        warnings.warn(
            f"{path}: {len(spare)} files are there twice and read once; not read: {spare[0]}, ...",
            stacklevel=2,
        )
    return Listing(path, who, partial(_read, path=path, skeleton=skeleton, how=how))


def _read(
    who: Sequence[tuple[int, int, Member]],
    /,
    *,
    path: Path,
    skeleton: Skeleton,
    how: Precog,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    length, segments = [], []
    with Frames((1, len(KINECT20.names), 3), scratch) as frames:
        for clip, (_, _, member) in enumerate(who):
            joints, codes = _recording(member, skeleton, how.missing)
            frames.add(joints[:, None])
            length.append(len(joints))
            segments += [(clip, *run) for run in _runs(codes)]
            if progress:
                progress(clip + 1, len(who))
        mapped = frames.array()
    clips = ClipSet.build(
        mapped,
        length,
        skeleton,
        class_names=CLASSES,
        name=[member.name.stem for *_, member in who],
        fps=FPS,
        subject=[subject for _, subject, _ in who],
        columns={"script": np.array([script for script, _, _ in who])},
        segments=np.array(segments, np.int64).reshape(-1, 4),
        attributes={
            "title": "PRECOG 2016",
            "source": "github.com/DavidJardim/precog_dataset_16",
            "licence": "MIT",
        },
        path=path,
    )
    return replace(clips, path=None)


def _recording(
    member: Member, skeleton: Skeleton, missing: Missing
) -> tuple[np.ndarray, list[int]]:
    """Joints `(T, V, 3)` and codes of one file."""
    table = read_csv(member, ";", MOST_BYTES, even=False)
    wanted = [name.lower() for name in KINECT20.names]
    if [name.lower() for name in table.header] != wanted:
        raise InputError(
            f"{table.where}: line 1: {len(table.header)} joints {', '.join(table.header)[:80]}; "
            "a recording has the 20 of Kinect v1, is it another format?"
        )
    if skeleton.joints != len(wanted):
        raise InputError(f"{table.where}: 20 joints, the layout {skeleton.name!r} differs; drop it")
    joints = np.empty((len(table.rows), len(wanted), 3), np.float32)
    codes = []
    for t, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        where = f"{table.where}: line {line}"
        if len(row) != len(wanted) + 1:
            raise InputError(
                f"{where}: {len(row)} cells, not 20 joints and a code; it is cut off, copy it again"
            )
        for joint, cell in enumerate(row[:-1]):
            axes = cell.split()
            if len(axes) != 3:
                raise InputError(f"{where}: {table.header[joint]}: {cell[:40]!r} is not x y z")
            joints[t, joint] = [number(a, f"{where}: {table.header[joint]}") for a in axes]
        code = row[-1].strip()
        if not re.fullmatch(r"\d", code) or int(code) > len(CLASSES):
            raise InputError(f"{where}: action code {code[:20]!r}; use 0 to {len(CLASSES)}")
        codes.append(int(code))
    return fill_nan(joints[:, None], missing)[:, 0], codes


def _runs(codes: list[int]) -> list[tuple[int, int, int]]:
    """Start, end (exclusive) and label of each run of one action."""
    edges = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
    return [(int(a), int(b), codes[a] - 1) for a, b in pairwise(edges) if codes[a]]
