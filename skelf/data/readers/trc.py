"""Reader for TRC: markers of OpenSim, Pose2Sim, OpenCap, Cortex, Mokka, Motive, one clip a file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...joints.aliases import are_markers
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source, storage_file
from ..formats.file_columns import columns
from ..formats.labels import numbered
from ..formats.trc_file import Recording, load_trc_file
from ..formats.trc_time import timeline
from ..joints.tree import tree_of
from ..listing import Listing
from ..motion import mocap_listing
from ..motion.axes import Up
from ..motion.markers import UNITS, UNLABELLED, spread, standing
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

_PERSON = re.compile(r"_P\d{1,3}(?=_|$)")
SMALLEST, LARGEST = 0.02, 30.0
"""Metres: no body's markers span less, no captured space holds more."""


@options("trc")
class TRC:
    """How TRC files become clips."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    folders: Folders = folders_option("class")


def read_trc(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: TRC = TRC(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.trc` file, or all of a folder and below, as one clip each, in metres with y up.

    Empty cells, NaN, and zeros in all coordinates are gaps, filled by `missing`; so are frames that
    the times pass over. The upward axis is not in the file: it is the one in which heads are above
    feet, else y, as in OpenSim, with a note.

    Args:
        path: the file or folder. All files must have the same markers, unless a layout picks
            markers that all of them have.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found among the
            markers by name, in any case. None: all markers; the format has no hierarchy, so bones
            follow from names where all are parts of a body (RHip, RKnee, ...), else each marker
            hangs off the one that stays nearest in the first file (`spanning_tree`).
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged or no TRC, or a unit that no body fits; the message names
            file, place and remedy.
    """
    return list_trc(path, layout, how).clips(progress=progress, scratch=scratch)


def list_trc(path: str | Path, layout: str | Skeleton | None = None, how: TRC = TRC()) -> Listing:
    """What `read_trc` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    if path.suffix.lower() in storage_file.SUFFIXES:
        storage_file.refuse(path)
    files = source.find(path, ".trc")
    _tell_persons(files)
    return mocap_listing.listing(
        path,
        files,
        partial(load_trc, scale=how.mocap.scale, up=how.mocap.up),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def _tell_persons(files: Sequence[Path]) -> None:
    """Warns where files are persons of one recording, as Pose2Sim calls them: walk_P1, walk_P2."""
    by_recording: dict[str, list[Path]] = {}
    for file in files:
        recording, found = _PERSON.subn("", file.stem)
        if found:
            by_recording.setdefault(str(file.with_name(recording)), []).append(file)
    several = [group for group in by_recording.values() if len(group) > 1]
    if several:
        some = " and ".join(file.name for file in several[0][:2])
        warnings.warn(
            f"{several[0][0].parent}: files as {some} are persons of one recording by their names; "
            "a clip holds one person, so each is a clip",
            stacklevel=3,
        )


def load_trc(file: Path, *, scale: float | None = None, up: Up | None = None) -> Motion:
    """One file's markers; with a tree where their names are all parts of a body.

    Args:
        file: the `.trc`.
        scale: metres in one unit, where the user says so.
        up: the upward axis, where the user says so.

    Raises:
        InputError: damaged, no TRC, no marker in it, or a unit that no body fits.
    """
    storage_file.refuse(file)
    recording = load_trc_file(file)
    kept = [at for at, name in enumerate(recording.names) if not UNLABELLED.fullmatch(name)]
    points = recording.points[:, kept]
    if not kept or np.isnan(points).all():
        raise InputError(f"{file}: no labelled marker is seen in any frame; nothing to import")
    if len(kept) > source.JOINTS:
        raise InputError(f"{file}: {len(kept)} markers; a person has at most {source.JOINTS}")
    names, repeated = numbered([recording.names[at] for at in kept])
    line = timeline(str(file), recording.frames, recording.times, recording.rate)
    joints = np.full((line.length, *points.shape[1:]), np.nan)
    joints[line.places] = points
    notes = [*recording.notes, *line.notes, *repeated]
    if len(kept) < len(recording.names):
        notes.append(f"{len(recording.names) - len(kept)} points without a label are left out")
    unit, more = _unit(file, recording, points, scale)
    axis, most = _up(names, points, up)
    return Motion(
        joints=joints,
        names=names,
        parents=() if are_markers(names) else tuple(tree_of(names) or ()),
        fps=line.fps,
        scale=unit,
        up=axis,
        notes=(*notes, *more, *most),
        left_out=tuple(name for name in recording.names if UNLABELLED.fullmatch(name) and name),
    )


def _unit(
    file: Path, recording: Recording, points: np.ndarray, scale: float | None
) -> tuple[float, list[str]]:
    """Metres in one unit: the header's, as long as a body has room in it."""
    if scale is not None:
        return scale, []
    size, unit = spread(points), recording.unit
    if unit in UNITS:
        metres = size * UNITS[unit]
        if size and not SMALLEST < metres < LARGEST:
            fitting = [f"{word} (scale={UNITS[word]:g})" for word in ("mm", "cm", "m")
                       if 0.3 < size * UNITS[word] < 5]  # fmt: skip
            raise InputError(
                f"{file}: Units says {unit}, so that the markers span {metres:.4g} m; say what is "
                f"right: {' or '.join(fitting) or 'scale=METRES in one unit'}, or "
                f"scale={UNITS[unit]:g} if they do"
            )
        return UNITS[unit], []
    likely = next((word for word in ("m", "cm", "mm") if 0.3 < size * UNITS[word] < 5), "mm")
    said = f"its unit {unit[:20]!r} is unknown" if unit else "it names no unit"
    return UNITS[likely], [
        f"{said}: {likely} taken, as the markers span {size:.4g}; else give scale=METRES"
    ]


def _up(names: tuple[str, ...], points: np.ndarray, up: Up | None) -> tuple[Up, list[str]]:
    """The upward axis by the bodies, and a note where it is not sure to be y."""
    if up is not None:
        return up, []
    found = standing(names, points)
    if found is None:
        return "y", ["which axis is up cannot be told: y taken, as in OpenSim; else give up=z"]
    if found == "y":
        return "y", []
    return found, [f"{found} is up, as the bodies stand; else give up=y, as in OpenSim"]
