"""Reader for PKU-MMD I and II: recordings as text, label files and split files beside them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import action_names, members
from ..formats.kinect_text import JOINTS
from ..formats.members import Member
from ..formats.pkummd_splits import read_split
from ..formats.pkummd_text import CAMERAS, NAMES, Segment, parse_labels, parse_skeleton, segments_of
from ..frames import Frames
from ..listing import Empty, Listing, Told
from ..motion.missing import Missing, fill_nan
from ..pool import Progress
from ..presets import PRESETS
from .ntu import kinect_layout

FPS, PERSONS = 30, 2
SUFFIXES = (".txt", ".skeleton", ".label")
MOST_BYTES = 1 << 25
SHOWN = 5  # odd rows that a message lists


@options("pkummd")
class PKUMMD:
    """Which files of PKU-MMD are read, and what a clip is."""

    part: Literal["auto", 1, 2] = option(
        "auto", "1 has names such as 0002-L, 2 such as A01N01-L; auto takes the one that is there"
    )
    form: Literal["clips", "recordings"] = option(
        "clips", "clips, one for each label row; or recordings, with the rows as segments"
    )
    bounds: Literal["slice", "inclusive"] = option(
        "slice",
        "how a row's start and end are meant; slice: frames start to end - 1, counted from 0 (CMD, "
        "PCM3, USDRL, detection); inclusive: start to end, counted from 1 (AimCLR); sources D4",
    )
    xsub: str | Path | None = option(
        None, "the cross-subject file; none: the one below the path whose name says so"
    )
    xview: str | Path | None = option(None, "the cross-view file, likewise")
    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
    )
    workers: int = pool.workers_option()


def read_pkummd(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: PKUMMD = PKUMMD(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """PKU-MMD I and II: skeleton and label text files, as trimmed clips or whole recordings.

    Two persons, raw metres, y up. Label rows that cannot be followed are named in a warning: ends
    before starts and unknown classes are left out, what reaches past a recording is shortened.

    Args:
        path: a folder (searched with its sub-folders and zips) or a zip. A skeleton file and its
            label file have the same name, in two folders; labels are told by their commas.
        layout: None for `ntu25`; another one must have 25 joints too.
        how: the options.
        progress: called with recordings done and recordings in all.
        scratch: folder for the frames meanwhile, 600 bytes a frame; None: the system's.

    Returns:
        Camera 1, 2, 3 for L, M, R; subject N of part II (part I names none); the columns
        "sequence" (the number in the name) and, for clips, "row" (of the label file, from 1).

    Raises:
        InputError: nothing to read, or a damaged file; the message names it.
        OSError: the disk is full.
    """
    return list_pkummd(path, layout, how).clips(progress=progress, scratch=scratch)


class _Recording(NamedTuple):
    """A skeleton file, its rows of labels (None: it has none), and its side in each split."""

    member: Member
    rows: list[Segment] | None
    sides: dict[str, int]


def list_pkummd(
    path: str | Path, layout: str | Skeleton | None = None, how: PKUMMD = PKUMMD()
) -> Listing:
    """What `read_pkummd` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    skeleton = kinect_layout(layout)
    files, spare = _kinds(path)
    number = _part(path, files["skeleton"], how.part)
    recordings = _of_part(files["skeleton"], number)
    labels = _of_part(files["label"], number)
    _report_unpaired(path, recordings, labels, how.form, spare)
    rows = {stem: parse_labels(labels[stem].read(MOST_BYTES), labels[stem]) for stem in labels}
    splits = {
        name: read_split(path, name, split_file, files["split"], recordings)
        for name, split_file in (("xsub", how.xsub), ("xview", how.xview))
    }
    chosen = [
        _Recording(
            member,
            rows.get(stem),
            {name: sides.get(stem, 0) for name, sides in splits.items() if sides},
        )
        for stem, member in recordings.items()
        if how.form == "recordings" or stem in rows
    ]
    read = partial(_read, path=path, number=number, skeleton=skeleton, how=how)
    return Listing(path, chosen, read, workers=how.workers)


def _read(
    chosen: Sequence[_Recording],
    /,
    *,
    path: Path,
    number: int,
    skeleton: Skeleton,
    how: PKUMMD,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    gathered = _Gathered(how.bounds)
    read = partial(_read_one, missing=how.missing)
    parsed = pool.ordered(read, [one.member for one in chosen], workers, chunk=1)
    with Frames((PERSONS, JOINTS, 3), scratch) as frames:
        for done, (one, joints) in enumerate(zip(chosen, parsed, strict=True), start=1):
            for piece in gathered.add(one, joints, how.form):
                frames.add(piece)
            if progress:
                progress(done, len(chosen))
        mapped = frames.array()
    if not gathered.length:
        raise Empty(
            f"{path}: no {how.form[:-1]} with a skeleton: {gathered.reasons()}; are the labels of "
            f"this part? Its classes are 1 to {len(action_names.PKUMMD)}"
        )
    gathered.report(path)
    return _built(path, number, mapped, skeleton, gathered, how)


class _Gathered:
    """What the recordings add up to, in their order; see `read`."""

    def __init__(self, bounds: str) -> None:
        self.bounds = bounds
        self.length: list[int] = []
        self.stem: list[str] = []  # of the recording that a clip is from
        self.sides: list[dict[str, int]] = []  # of it
        self.row: list[int] = []
        self.label: list[int] = []
        self.segments: list[tuple[int, int, int, int]] = []
        self.odd: dict[str, list[str]] = {"left out": [], "shortened": [], "empty": []}

    def add(self, one: _Recording, joints: np.ndarray, form: str) -> Iterator[np.ndarray]:
        """Takes note of one recording and yields the frames to keep."""
        stem = one.member.name.stem
        segments, odd = segments_of(one.rows or [], len(joints), self.bounds)
        for what, text in odd:
            self.odd[what].append(f"{stem} {text}")
        if form == "recordings":
            at = len(self.length)
            self.segments += [(at, s.start, s.end, s.label - 1) for s in segments]
            self._note(one, len(joints), -1, -1)
            yield joints
            return
        for segment in segments:
            piece = joints[segment.start : segment.end]
            if not piece.any():
                self.odd["empty"].append(f"{stem} row {segment.row}")
                continue
            self._note(one, len(piece), segment.row, segment.label - 1)
            yield piece

    def _note(self, one: _Recording, length: int, row: int, label: int) -> None:
        self.stem.append(one.member.name.stem)
        self.sides.append(one.sides)
        self.length.append(length)
        self.row.append(row)
        self.label.append(label)

    def report(self, path: Path) -> None:
        for text in self._told():
            _warn(f"{path}: {text}")

    def reasons(self) -> str:
        """Why nothing is left."""
        return " and ".join(self._told()) or "there are no label rows"

    def _told(self) -> Iterator[str]:
        for what, rows in self.odd.items():
            if rows:
                listed = "; ".join(rows[:SHOWN]) + ("; ..." if len(rows) > SHOWN else "")
                done = "left out, without a skeleton" if what == "empty" else what
                yield f"{len(rows)} label rows {done}: {listed}"


def _built(
    path: Path,
    part: int,
    joints: np.ndarray,
    skeleton: Skeleton,
    gathered: _Gathered,
    how: PKUMMD,
) -> ClipSet:
    numbers, cameras = [], []
    for stem in gathered.stem:
        match = NAMES[part].fullmatch(stem)
        assert match  # `_of_part` chose by it
        *digits, view = match.groups()
        numbers.append([int(d) for d in digits])
        cameras.append(CAMERAS[view])
    preset = PRESETS[f"pkummd{part}"]
    columns = {"sequence": np.array([n[0] for n in numbers], np.int64)}
    if how.form == "clips":
        columns["row"] = np.array(gathered.row, np.int64)
        names = [f"{stem}_{row:03}" for stem, row in zip(gathered.stem, gathered.row, strict=True)]
    return ClipSet.build(
        joints,
        gathered.length,
        skeleton,
        class_names=action_names.PKUMMD,
        name=names if how.form == "clips" else gathered.stem,
        fps=FPS,
        label=gathered.label,
        camera=cameras,
        subject=[n[1] for n in numbers] if part == 2 else None,
        columns=columns,
        segments=np.array(gathered.segments, np.int64).reshape(-1, 4),
        splits={
            name: np.array([sides[name] for sides in gathered.sides], np.int8)
            for name in gathered.sides[0]
        },
        attributes={
            "title": f"{preset.title} ({how.form})",
            "source": path.name,
            "licence": preset.licence,
            "bounds of label rows": how.bounds,
        },
    )


def _read_one(member: Member, missing: Missing) -> np.ndarray:
    return fill_nan(parse_skeleton(member.read(MOST_BYTES), str(member)), missing)


def _kinds(path: Path) -> tuple[dict[str, list[Member]], list[Member]]:
    """The files that are of the set, by kind, and the double ones that are left out."""
    kinds: dict[str, list[Member]] = {"skeleton": [], "label": [], "split": []}
    spare: list[Member] = []
    for member in members.find(path, SUFFIXES):
        if "cross" in member.name.name.lower():
            kinds["split"].append(member)
        elif any(name.fullmatch(member.name.stem) for name in NAMES.values()):
            is_label = member.name.suffix == ".label" or "label" in member.name.parent.name.lower()
            kinds["label" if is_label or b"," in member.head(4096) else "skeleton"].append(member)
    for kind in ("skeleton", "label"):
        kinds[kind], twice = members.unique(kinds[kind])
        spare += twice
    return kinds, spare


def _part(path: Path, skeletons: Sequence[Member], part: str | int) -> int:
    present = [
        n for n, name in NAMES.items() if any(name.fullmatch(m.name.stem) for m in skeletons)
    ]
    if part == "auto" and len(present) == 2:
        raise InputError(f"{path}: holds both parts of PKU-MMD; name one with part=1 or part=2")
    if not present or (part != "auto" and part not in present):
        wanted = {"auto": "0002-L.txt nor A01N01-L.txt", 1: "0002-L.txt", 2: "A01N01-L.txt"}[part]
        raise InputError(
            f"{path}: no skeleton file such as {wanted} here, nor in a zip below it; name the "
            "folder of the download"
        )
    return present[0] if part == "auto" else int(part)


def _of_part(files: Sequence[Member], part: int) -> dict[str, Member]:
    return {m.name.stem: m for m in files if NAMES[part].fullmatch(m.name.stem)}


def _report_unpaired(
    path: Path,
    recordings: dict[str, Member],
    labels: dict[str, Member],
    form: str,
    spare: Sequence[Member],
) -> None:
    if form == "clips" and not set(recordings) & set(labels):
        raise InputError(
            f"{path}: no label file of any recording ({next(iter(recordings))}.txt with rows "
            "class,start,end,confidence); add the folder of labels, or use form=recordings"
        )
    fate = "left out" if form == "clips" else "kept without segments"
    for names, what in (
        (sorted(set(recordings) - set(labels)), f"recordings have no label file and are {fate}"),
        (sorted(set(labels) - set(recordings)), "label files have no recording"),
        ([str(member) for member in spare], "files are there twice and read once"),
    ):
        if names:
            _warn(f"{path}: {len(names)} {what}: {', '.join(names[:SHOWN])}")


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
