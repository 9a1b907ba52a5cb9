"""Reader for NTU RGB+D 60 and 120: `.skeleton` text files in folders, or in zips as they are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
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
from ..formats import action_names, members, naming
from ..formats.kinect_persons import two_persons
from ..formats.kinect_text import JOINTS
from ..formats.members import Member
from ..formats.ntu_names import LAST_OF_60, NAME, PUBLISHED, Clip, clip_of, splits_of
from ..frames import Frames
from ..listing import Empty, Listing, Told
from ..motion import bodies
from ..motion.missing import Missing
from ..pool import Progress
from ..presets import PRESETS

FPS = 30
WITHOUT = "files without a skeleton"


class _File(NamedTuple):
    """A file to read: its clip's name, and what that says; -1 unknown."""

    member: Member
    name: str
    said: Clip


class _Listed(NamedTuple):
    """The files to read, and the benchmark that they are of."""

    files: list[_File]
    class_names: tuple[str, ...]
    benchmark: str  # "": files of one's own


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
    folders: naming.Folders = option(
        "none",
        "class: the first folder below the path is the class, and files may have names of their "
        "own",
    )
    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
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
    return list_ntu(path, layout, how).clips(progress=progress, scratch=scratch)


def list_ntu(path: str | Path, layout: str | Skeleton | None = None, how: NTU = NTU()) -> Listing:
    """What `read_ntu` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    skeleton = kinect_layout(layout)
    listed = _by_folder(path) if how.folders == "class" else _official(path, how)
    read = partial(
        _read, path=path, skeleton=skeleton, how=how,
        class_names=listed.class_names, benchmark=listed.benchmark,
    )  # fmt: skip
    return Listing(
        path,
        listed.files,
        read,
        finish=partial(_finished, path=path, benchmark=listed.benchmark),
        workers=how.workers,
    )


def _read(
    files: Sequence[_File],
    /,
    *,
    path: Path,
    skeleton: Skeleton,
    how: NTU,
    class_names: tuple[str, ...],
    benchmark: str,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    total = len(files)
    read = partial(two_persons, persons=how.persons, missing=how.missing)
    length, with_skeleton = [], []
    with Frames((bodies.PERSONS_KEPT, JOINTS, 3), scratch) as frames:
        parsed = pool.ordered(read, [file.member for file in files], workers)
        for done, joints in enumerate(parsed, start=1):
            if joints is not None:
                frames.add(joints)
                length.append(len(joints))
                with_skeleton.append(done - 1)
            if progress:
                progress(done, total)
        empty = total - len(with_skeleton)
        if told is not None:
            told.counts[WITHOUT] = empty
        if not with_skeleton:
            raise Empty(f"{path}: none of the {total} files holds a skeleton")
        mapped = frames.array()
    if empty:
        _warn(f"{path}: {empty} of {total} files hold no skeleton and are left out")
    kept = [files[i] for i in with_skeleton]
    table = np.array([file.said for file in kept], np.int64)
    attributes = {"title": path.stem, "source": path.name}
    if benchmark:
        preset = PRESETS[benchmark]
        attributes |= {"title": preset.title, "licence": preset.licence}
    attributes |= {"persons": how.persons, WITHOUT: str(empty)}
    return ClipSet.build(
        mapped,
        length,
        skeleton,
        class_names=class_names,
        name=[file.name for file in kept],
        fps=FPS,
        setup=table[:, 0],
        camera=table[:, 1],
        subject=table[:, 2],
        label=table[:, 4] - 1,
        columns={"replication": table[:, 3]} if (table[:, 3] >= 0).any() else {},
        splits=splits_of(table, benchmark) if benchmark else {},
        attributes=attributes,
    )


def _finished(clips: ClipSet, path: Path, benchmark: str) -> ClipSet:
    if benchmark:
        _compare(path, clips.splits, benchmark)
    return clips


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


def _official(path: Path, how: NTU) -> _Listed:
    chosen, named = _listed(path, how.exclude)
    chosen, named, which = _of_benchmark(chosen, named, how.benchmark)
    class_names = action_names.NTU60 if which == "ntu60" else action_names.NTU120
    files = [_File(m, m.stem, said) for m, said in zip(chosen, named, strict=True)]
    return _Listed(files, class_names, which)


def _by_folder(path: Path) -> _Listed:
    """Files of any name, with their folders as classes."""
    files = naming.by_name(members.find(path, (".skeleton",)), path)
    if not files:
        raise InputError(f"{path}: no .skeleton file here, nor in a zip below it")
    has_folders = any("/" in name for name in files)
    if not has_folders:
        _warn(f"{path}: no folders of classes in it, so that no clip has a label")
    classes = naming.folder_classes(files, "class" if has_folders else "none", path)
    listed = []
    for name, member in files.items():
        clip = clip_of(member.stem) or Clip(-1, -1, -1, -1, -1)
        listed.append(_File(member, name, clip._replace(label=classes[name][0] + 1)))
    labels = {label: class_name for label, class_name in classes.values() if label >= 0}
    class_names = tuple(labels[label] for label in sorted(labels))
    return _Listed(listed, class_names, "")


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
        clip = clip_of(member.stem)
        if clip is None:
            other.append(member)
        elif member.stem not in dropped:
            chosen.append(member)
            named.append(clip)
    if not chosen:
        remedy = "; files of other names are read with folders=class" if other else ""
        raise InputError(
            f"{path}: no SsssCcccPpppRrrrAaaa.skeleton here, nor in a zip below it{remedy}"
        )
    if other:
        _warn(
            f"{path}: {len(other)} files are left out: the name is not SsssCcccPpppRrrrAaaa "
            f"({other[0]})"
        )
    return chosen, named


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
