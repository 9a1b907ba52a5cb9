"""Reader for NTU RGB+D 60 and 120: `.skeleton` text files in folders, or in zips as they are."""

from __future__ import annotations

import re
import warnings
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import NTU25
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import action_names, members
from ..formats.kinect_text import JOINTS, MOST_BYTES, parse_kinect
from ..formats.members import Member
from ..frames import Frames
from ..motion import bodies
from ..pool import Progress
from ..presets import PRESETS

FPS = 30
NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")

# Source: the papers of both sets; counts are those that later work prints (without empty files).
TRAIN_SUBJECTS_60 = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
TRAIN_SUBJECTS_120 = (
    *TRAIN_SUBJECTS_60,
    *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86),
    *(89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
)
TRAIN_CAMERAS = (2, 3)
TRAIN_SETUPS = tuple(range(2, 33, 2))
PUBLISHED = {
    "ntu60": {"xsub": (40_091, 16_487), "xview": (37_646, 18_932)},
    "ntu120": {"xsub": (63_026, 50_919), "xset": (54_468, 59_477)},
}
LAST_OF_60 = {"setup": 17, "label": 60}


class Clip(NamedTuple):
    """What a file name `SsssCcccPpppRrrrAaaa` says, numbered from 1 as there."""

    setup: int
    camera: int
    subject: int
    replication: int
    label: int


@options("ntu")
class NTU:
    """Which files and which persons of NTU RGB+D are read."""

    benchmark: Literal["auto", "ntu60", "ntu120"] = option(
        "auto",
        "ntu60 keeps setups to 17 and classes to 60, with the splits xsub and xview; ntu120 has "
        "xsub and xset; auto: ntu120 when a file needs it",
    )
    persons: Literal["energy", "tracked", "file"] = option(
        "energy", "which two bodies stay: energy (2s-AGCN, CMD, USDRL), file (AimCLR) or tracked"
    )
    exclude: str | Path | None = option(
        None, "a text file of names to leave out, such as the published lists of incomplete ones"
    )
    workers: int = pool.workers_option()


def read_ntu(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: NTU = NTU(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """NTU RGB+D 60 and 120: `.skeleton` files in folders or in the official zips.

    Two persons a clip, raw metres, y up; files without any skeleton are left out and counted.
    Memory stays flat: frames wait in a nameless file on disk.

    Args:
        path: a folder (searched with its sub-folders and zips), a zip, or one `.skeleton` file.
        layout: None for `ntu25`; another one must have 25 joints too.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile, 600 bytes a frame; None: the system's.

    Raises:
        InputError: nothing to read, or a damaged file; the message names it.
        OSError: the disk is full.
    """
    path = Path(path)
    skeleton = kinect_layout(layout)
    chosen, named = _listed(path, how.exclude)
    chosen, named, which = _of_benchmark(chosen, named, how.benchmark)
    parsed = pool.ordered(partial(_read_one, persons=how.persons), chosen, how.workers)
    length, with_skeleton = [], []
    with Frames((bodies.PERSONS_KEPT, JOINTS, 3), scratch) as frames:
        for done, joints in enumerate(parsed, start=1):
            if joints is not None:
                frames.add(joints)
                length.append(len(joints))
                with_skeleton.append(done - 1)
            if progress:
                progress(done, len(chosen))
        if not with_skeleton:
            raise InputError(f"{path}: none of the {len(chosen)} files holds a skeleton")
        mapped = frames.array()
    empty = len(chosen) - len(with_skeleton)
    if empty:
        _warn(f"{path}: {empty} of {len(chosen)} files hold no skeleton and are left out")
    table = np.array([named[i] for i in with_skeleton], np.int64)
    splits = _splits(table, which)
    _compare(path, splits, which)
    preset = PRESETS[which]
    return ClipSet.build(
        mapped,
        length,
        skeleton,
        class_names=action_names.NTU60 if which == "ntu60" else action_names.NTU120,
        name=[chosen[i].name.stem for i in with_skeleton],
        fps=FPS,
        setup=table[:, 0],
        camera=table[:, 1],
        subject=table[:, 2],
        label=table[:, 4] - 1,
        columns={"replication": table[:, 3]},
        splits=splits,
        attributes={
            "title": preset.title,
            "source": path.name,
            "licence": preset.licence,
            "persons": how.persons,
            "files without a skeleton": str(empty),
        },
    )


def kinect_layout(layout: str | Skeleton | None) -> Skeleton:
    """`ntu25`, or another layout of as many joints.

    Raises:
        InputError: an unknown layout, or one of another size.
    """
    skeleton = named_layout(layout) if isinstance(layout, str) else layout or NTU25
    if skeleton.joints != JOINTS:
        raise InputError(
            f"layout {skeleton.name!r} has {skeleton.joints} joints, a Kinect v2 file {JOINTS}; "
            "leave --layout out"
        )
    return skeleton


def _read_one(member: Member, persons: str) -> np.ndarray | None:
    """The two persons of one file, `(T, 2, 25, 3)`; None without a skeleton."""
    joints, ids = parse_kinect(member.read(MOST_BYTES), str(member))
    return bodies.PERSONS[persons](joints, ids) if joints.any() else None


def _listed(path: Path, exclude: str | Path | None) -> tuple[list[Member], list[Clip]]:
    """The files to read, sorted by name, and what their names say."""
    files, spare = members.unique(members.find(path, (".skeleton",)))
    if spare:
        _warn(
            f"{path}: {len(spare)} files are there twice and read once; not read: {spare[0]}, ..."
        )
    dropped = _names(Path(exclude)) if exclude is not None else set()
    chosen, named, other = [], [], []
    for member in files:
        clip = _named(member.name.stem)
        if clip is None:
            other.append(member)
        elif member.name.stem not in dropped:
            chosen.append(member)
            named.append(clip)
    if not chosen:
        raise InputError(f"{path}: no SsssCcccPpppRrrrAaaa.skeleton here, nor in a zip below it")
    if other:
        _warn(
            f"{path}: {len(other)} files are left out: the name is not SsssCcccPpppRrrrAaaa "
            f"({other[0]})"
        )
    return chosen, named


def _named(stem: str) -> Clip | None:
    match = NAME.fullmatch(stem)
    clip = Clip(*map(int, match.groups())) if match else None
    return clip if clip and 1 <= clip.label <= len(action_names.NTU120) else None


def _names(path: Path) -> set[str]:
    try:
        names = {m[0] for m in NAME.finditer(path.read_text("ascii", errors="replace"))}
    except OSError as error:
        raise InputError(f"exclude: {path}: cannot read: {error.strerror}") from None
    if not names:
        raise InputError(f"exclude: {path}: no name such as S001C002P005R002A008; one a line")
    return names


def _of_benchmark(
    chosen: list[Member], named: list[Clip], benchmark: str
) -> tuple[list[Member], list[Clip], str]:
    small = [all(getattr(c, key) <= last for key, last in LAST_OF_60.items()) for c in named]
    if benchmark == "auto":
        benchmark = "ntu60" if all(small) else "ntu120"
    if benchmark == "ntu120" or all(small):
        return chosen, named, benchmark
    if not any(small):
        raise InputError("benchmark: all files are of NTU RGB+D 120; use benchmark=ntu120")
    _warn(f"{small.count(False)} files of NTU RGB+D 120 are left out; benchmark=ntu120 keeps them")
    fitting = [i for i, fits in enumerate(small) if fits]
    return [chosen[i] for i in fitting], [named[i] for i in fitting], benchmark


def _splits(table: np.ndarray, benchmark: str) -> dict[str, np.ndarray]:
    """1 train, 2 test, by the columns of `Clip`."""
    if benchmark == "ntu60":
        rules = {"xsub": (2, TRAIN_SUBJECTS_60), "xview": (1, TRAIN_CAMERAS)}
    else:
        rules = {"xsub": (2, TRAIN_SUBJECTS_120), "xset": (0, TRAIN_SETUPS)}
    return {
        name: np.where(np.isin(table[:, column], train), 1, 2).astype(np.int8)
        for name, (column, train) in rules.items()
    }


def _compare(path: Path, splits: dict[str, np.ndarray], benchmark: str) -> None:
    """Says where the numbers of clips are not the published ones."""
    for name, published in PUBLISHED[benchmark].items():
        counts = ((splits[name] == 1).sum(), (splits[name] == 2).sum())
        if counts == published:
            continue
        more = any(have > want for have, want in zip(counts, published, strict=True))
        why = (
            "more than published: exclude=FILE leaves the list of incomplete ones out"
            if more
            else "a part of the set, or an incomplete download"
        )
        _warn(
            f"{path}: {name} has {counts[0]:,} of {published[0]:,} train and {counts[1]:,} of "
            f"{published[1]:,} test clips: {why}"
        )


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
