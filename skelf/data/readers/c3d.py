"""Reader for C3D, the binary format of optical motion capture: markers become joints.

Written by hand from the format's public description (c3d.org): the kept libraries read it too, yet
on a damaged file they crash the interpreter (ezc3d 1.7.2, compiled) or decode frame by frame.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import c3d_file, source
from ..formats.file_columns import columns
from ..formats.labels import numbered
from ..listing import Listing
from ..motion import mocap_listing
from ..motion.axes import UPS, Up
from ..motion.markers import UNITS, UNLABELLED, metres_of, spread, standing
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion, taken
from ..motion.subjects import with_subjects
from ..pool import Progress

BODY = (0.05, 20.0)  # metres that markers reach in a frame: less or more are in another unit
# Lists of points that hold no positions but what a model derived.
DERIVED = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
# The same by their names, where no list has them: Plug-in Gait's outputs, centres of mass and of
# pressure, and the origins and axes of its segments (LFEO, LFEP, LFEA, LFEL, ...).
_MODEL = re.compile(
    r".*(Angle|Force|Moment|Power)s?|.*(ANGLES|FORCES|MOMENTS|POWERS)"
    r"|(?i:.*[ _.](angle|force|moment|power)s?)"
    r"|(?i:.*(cent(re|er)s?_?of_?(mass|gravity|pressure)).*|[lr]?_?(com|cop|cog)(floor)?)"
    r"|(PEL|HED|TRX|[LR](FE|TI|FO|TO|CL|HU|RA|HN))[OPAL]"
)


@options("c3d")
class C3D:
    """How C3D files become clips."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    folders: Folders = folders_option("class")


def read_c3d(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: C3D = C3D(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.c3d` file, or all of a folder and below, as one clip each, in metres with y up.

    Gaps (negative residual, NaN, or exactly zero) are filled by `missing`; a warning counts them.
    Points without a label (`*1`) and what a model derived (angles, ...) are left out, with a note.

    Args:
        path: the file or folder. All files must have the same markers, unless a layout picks
            markers that all of them have.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found among the
            markers by name, in any case. None: all markers; the format has no hierarchy, so each
            hangs off the marker that stays nearest in the first file (`spanning_tree`).
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged or no C3D; the message names file, place and remedy.
    """
    return list_c3d(path, layout, how).clips(progress=progress, scratch=scratch)


def list_c3d(path: str | Path, layout: str | Skeleton | None = None, how: C3D = C3D()) -> Listing:
    """What `read_c3d` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = source.find(path, ".c3d")
    return mocap_listing.listing(
        path,
        files,
        partial(load_markers, scale=how.mocap.scale, up=how.mocap.up),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def load_markers(file: Path, scale: float | None = None, up: Up | None = None) -> Motion:
    """One file's markers, without a tree.

    Args:
        file: to read.
        scale: metres in one unit; None: what the file says.
        up: the upward axis; None: what the file says.

    Raises:
        InputError: damaged, no C3D, no marker in it, or a unit that cannot be told.
    """
    recording = c3d_file.load_recording(file)
    labels = recording.labels
    listed = [recording.parameters.get(f"POINT:{kind}", []) for kind in DERIVED]
    models = {name for names in listed if isinstance(names, list) for name in names if name}
    models |= {name for name in labels if _MODEL.fullmatch(name.rpartition(":")[2])}
    left_out = models | {name for name in labels if UNLABELLED.fullmatch(name)}
    markers = [at for at, name in enumerate(labels) if name not in left_out]
    joints = taken(recording.points, markers)
    if not np.isfinite(joints[..., 0]).any():  # NaN stands for all three numbers of a point
        raise InputError(
            f"{file}: no labelled marker is seen in any frame{_why_none(labels, models, markers)}; "
            "nothing to import"
        )
    if len(markers) > source.JOINTS:
        raise InputError(f"{file}: {len(markers)} markers; a person has at most {source.JOINTS}")
    names, notes = numbered([labels[at] for at in markers])
    notes += _left_out(labels, models)
    scale = scale or metres_of(_text(recording, "POINT:UNITS"))
    if scale is None:
        notes.append(_millimetres(file, _text(recording, "POINT:UNITS"), joints))
    more: tuple[str, ...] = ()
    if up is None:
        up, more = _up(_text(recording, "POINT:Y_SCREEN"), standing(names, joints))
    return Motion(
        joints=joints,
        names=tuple(with_subjects(names)),
        parents=(),
        fps=recording.fps,
        scale=scale or UNITS["mm"],
        up=up,
        notes=(*recording.notes, *notes, *more),
        left_out=tuple(name for name in labels if name in left_out and name),
    )


def _millimetres(file: Path, unit: str, joints: np.ndarray) -> str:
    """A note that millimetres are assumed.

    Raises:
        InputError: they would make something that is no body.
    """
    size = spread(joints) * UNITS["mm"]
    if size and not BODY[0] <= size <= BODY[1]:
        raise InputError(
            f"{file}: its unit {unit[:20]!r} is unknown, and in millimetres its markers reach over "
            f"{size:.2g} m; say what it is: scale=1 for metres, 0.01 for centimetres"
        )
    return f"its unit {unit.lower()!r} is unknown: millimetres assumed; give scale=METRES"


def _why_none(labels: list[str], models: set[str], markers: list[int]) -> str:
    if not any(labels):
        return ": its points have no labels (POINT:LABELS); label them where they were captured"
    if not markers:
        derived = sum(name in models for name in labels)
        return f": of {len(labels)} points a model derived {derived}, the others have no label"
    return ": each is marked as a gap (a negative residual), or at zero"


def _left_out(labels: list[str], models: set[str]) -> list[str]:
    """Notes about points that are no markers."""
    notes = []
    unlabelled = sum(bool(UNLABELLED.fullmatch(name)) for name in labels)
    if unlabelled:
        notes.append(f"{unlabelled} points without a label are left out")
    derived = [name for name in labels if name in models]
    if derived:
        some = ", ".join(derived[:4]) + (", ..." if len(derived) > 4 else "")
        notes.append(f"{len(derived)} points that a model derived are left out: {some}")
    return notes


def _up(screen: str, seen: Up | None) -> tuple[Up, tuple[str, ...]]:
    """The upward axis, and notes: what POINT:Y_SCREEN names as up on a screen, else by the bodies.

    Args:
        screen: the parameter's text. Qualisys writes -Z there for a view that was turned over.
        seen: the axis along which bodies stand, where that is clear.
    """
    axis = "".join(screen.split()).lower().removeprefix("+")
    said = next((up for up in UPS if up == axis), None)
    if said is not None:
        if seen is None or seen == said:
            return said, ()
        if seen[-1] == said[-1]:  # upside down all the time; who lies is along another axis
            return seen, (
                f"POINT:Y_SCREEN is {screen}, but the bodies stand along {seen}: {seen} taken as "
                f"up; else give up={said}",
            )
        return said, (
            f"POINT:Y_SCREEN is {screen}, but the bodies extend along {seen}; if they do not lie, "
            f"give up={seen}",
        )
    unread = f"POINT:Y_SCREEN {screen!r} is none of y, -y, z, -z: " if screen else ""
    if seen is None:
        return "z", (f"{unread}which axis is up cannot be told: z taken; else give up=y",)
    if seen == "z" and not screen:
        return "z", ()
    return seen, (f"{unread}{seen} taken as up, as the bodies stand; else give up=z, as is usual",)


def _text(recording: c3d_file.Recording, key: str) -> str:
    value = recording.parameters.get(key)
    return value[0].strip() if isinstance(value, list) and value else ""
