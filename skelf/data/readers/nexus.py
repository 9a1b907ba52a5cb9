"""Reader for the ASCII export (CSV, TXT) of Vicon Nexus: markers, or segments of its models."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.file_columns import columns
from ..formats.labels import numbered
from ..formats.nexus_file import load_trial, told
from ..formats.table_files import of_format
from ..listing import Listing
from ..motion import mocap_listing, rigs
from ..motion.markers import UNITS
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

MILLIMETRE = "mm"
_UNLABELLED = re.compile(r"(?i)(.*:)?(\*.*|unlabell?ed.*|)")


@options("nexus")
class Nexus:
    """How Vicon Nexus' text files become clips."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    folders: Folders = folders_option("class")


def read_nexus(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Nexus = Nexus(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.csv` or `.txt` of Nexus, or all of a folder and below, as one clip each, y up.

    Its block Trajectories is read, else Segments. Empty cells are gaps; z is up in the file.
    Subjects (`Anna:LASI`, `Ben:LASI`) that share names of markers are persons.

    Args:
        path: the file or folder.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found by name, in
            any case. None: all markers, each hanging off the one that stays nearest
            (`spanning_tree`).
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged, or has no positions.
    """
    return list_nexus(path, layout, how).clips(progress=progress, scratch=scratch)


def list_nexus(
    path: str | Path, layout: str | Skeleton | None = None, how: Nexus = Nexus()
) -> Listing:
    """What `read_nexus` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = of_format(path, (".csv", ".txt", ".tsv"), told, "Vicon Nexus")
    return mocap_listing.listing(
        path,
        files,
        partial(_stood, how=how.mocap),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def _stood(file: Path, how: Mocap) -> Motion | tuple[Motion, ...]:
    return rigs.stood(load_nexus(file, how.scale), how.up)


def load_nexus(file: Path, scale: float | None = None) -> Motion:
    """One file's markers.

    Raises:
        InputError: damaged, no positions, or a unit that is not known and no `scale`.
    """
    trial = load_trial(file)
    unit = trial.unit or MILLIMETRE
    if unit not in UNITS and scale is None:
        raise InputError(f"{file}: its unit {unit!r} is unknown; give scale=METRES in one of it")
    chosen = [at for at, name in enumerate(trial.names) if not _UNLABELLED.fullmatch(name)]
    names, more = numbered([trial.names[at] for at in chosen])
    if not chosen:
        raise InputError(f"{file}: no trajectory has a name; label them in Nexus and export again")
    if len(chosen) > source.JOINTS:
        raise InputError(f"{file}: {len(chosen)} markers; at most {source.JOINTS} are read")
    left = len(trial.names) - len(chosen)
    notes = (f"{left} points without a label are left out",) if left else ()
    return Motion(
        joints=trial.joints[:, chosen],
        names=names,
        parents=(),
        fps=trial.fps,
        scale=UNITS.get(unit, 1.0),
        up="z",
        notes=(*trial.notes, *notes, *more),
        left_out=tuple(name for name in trial.names if name and _UNLABELLED.fullmatch(name)),
    )
