"""Reader for the TSV that Qualisys' QTM exports: trajectories, segments of skeletons, bodies."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...settings.options import option, options, unchecked
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.file_columns import columns
from ..formats.labels import numbered
from ..formats.qualisys_file import load_capture, told
from ..formats.table_files import of_format
from ..joints.tree import tree_of
from ..listing import Listing
from ..motion import mocap_listing, rigs
from ..motion.axes import Up
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..motion.subjects import with_subjects
from ..pool import Progress

MILLIMETRE = 0.001
_NOBODY = re.compile(r"(?i)|unidentified.*|discarded.*|\*.*")


@options("qualisys")
class Qualisys:
    """How Qualisys' TSV files become clips; they are in millimetres, usually with z up."""

    mocap: Mocap = option(unchecked(Mocap, scale=MILLIMETRE), "units, axes, joints and frame rate")
    folders: Folders = folders_option("class")


def read_qualisys(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Qualisys = Qualisys(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.tsv` of QTM, or all of a folder and below, as one clip each, in metres with y up.

    Empty cells and 0 0 0 are gaps. Trajectories called as `Anna_HeadL` and `Ben_HeadL` are two
    persons.

    Args:
        path: the file or folder.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found by name, in
            any case. None: all trajectories, each hanging off the one that stays nearest
            (`spanning_tree`); segments of a skeleton by what their names mean.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged, or has no 3D positions.
    """
    return list_qualisys(path, layout, how).clips(progress=progress, scratch=scratch)


def list_qualisys(
    path: str | Path, layout: str | Skeleton | None = None, how: Qualisys = Qualisys()
) -> Listing:
    """What `read_qualisys` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = of_format(path, (".tsv", ".txt", ".csv"), told, "Qualisys")
    return mocap_listing.listing(
        path,
        files,
        partial(_stood, up=how.mocap.up),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def _stood(file: Path, up: Up | None) -> Motion | tuple[Motion, ...]:
    return rigs.stood(load_qualisys(file), up)


def load_qualisys(file: Path) -> Motion:
    """One file's joints.

    Raises:
        InputError: damaged, or without 3D positions.
    """
    capture = load_capture(file)
    chosen = [at for at, name in enumerate(capture.names) if not _NOBODY.fullmatch(name)]
    if not chosen:
        raise InputError(f"{file}: no trajectory has a name; label them in QTM and export again")
    if len(chosen) > source.JOINTS:
        raise InputError(f"{file}: {len(chosen)} {capture.kind}; at most {source.JOINTS} are read")
    names, more = numbered([capture.names[at] for at in chosen])
    notes = [*capture.notes, *more]
    if len(chosen) < len(capture.names):
        notes.append(f"{len(capture.names) - len(chosen)} points without a label are left out")
    if capture.kind == "bodies":
        notes.append(f"{len(names)} rigid bodies, each read as one joint")
    return Motion(
        joints=capture.joints[:, chosen],
        names=tuple(with_subjects(names)),
        parents=tuple(tree_of(names) or ()) if capture.kind == "segments" else (),
        fps=capture.fps,
        scale=MILLIMETRE,
        up="z",
        notes=tuple(notes),
        left_out=tuple(name for name in capture.names if _NOBODY.fullmatch(name)),
    )
