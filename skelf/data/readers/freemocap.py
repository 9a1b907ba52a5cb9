"""Reader for FreeMoCap: the body of a recording, in metres with y up.

A recording leaves many files; `output_data/mediapipe_body_3d_xyz.csv`, `*_by_trajectory.csv`,
`*_by_frame.csv` and `.json`, `mediapipe_skeleton_3d.npy` are read, one of each recording. Source:
FreeMoCap's documentation of its data format.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import members
from ..formats.file_columns import columns
from ..formats.freemocap_file import Points, What, load_points, told
from ..formats.landmark_axes import is_body
from ..formats.look import Look
from ..listing import Listing
from ..motion import mocap_listing
from ..motion.axes import Up, nearest_axis
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

FPS = 30.0
METRES = 10.0  # a body that is longer is none in metres
SURE = 1.5  # times as far along one axis as along the others
PREFERRED = ("_by_trajectory.csv", "_by_frame.csv", "body_3d_xyz.csv", "body_trajectories.csv",
             "_by_frame.json", "body_3d_xyz.npy", "skeleton_3d.npy", ".npy")  # fmt: skip
"""Ends of the names of one recording's files, the first that there is before the others."""
INSIDE = {"output_data", "raw_data", "saved_data", "csv", "npy", "data_files", "DataArrays"}
"""Folders of a recording's own folder."""


@options("freemocap")
class FreeMoCap:
    """How FreeMoCap's recordings become clips."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    source_fps: Positive | None = option(
        None, "frames a second of the files; none: what their timestamps say, else 30"
    )
    what: What = option(
        "3d_xyz",
        "of files that have both: points as they were found, or rigid_3d_xyz, moved so that bones "
        "keep their length",
    )
    folders: Folders = folders_option("none")


def read_freemocap(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: FreeMoCap = FreeMoCap(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a file, or the recordings of a folder and below, a clip each, in metres with y up.

    Files have no unit: numbers far above 10 are millimetres, as FreeMoCap's are, smaller ones
    metres. z is up; a body that clearly stands along -y is taken for raw data, in the axes of the
    first camera. NaN is a gap.

    Args:
        path: the file or folder.
        layout: None: `mediapipe33`, or the joints of the tracker that was used.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: no body in a file, one that lies along an axis of its own, or damaged.
    """
    return list_freemocap(path, layout, how).clips(progress=progress, scratch=scratch)


def list_freemocap(
    path: str | Path, layout: str | Skeleton | None = None, how: FreeMoCap = FreeMoCap()
) -> Listing:
    """What `read_freemocap` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = _files(path)
    if layout is None and not how.mocap.drop and not how.mocap.rename:
        layout = load_points(files[0], how.what).skeleton
    return mocap_listing.listing(
        path,
        files,
        partial(load_freemocap, how=how),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def load_freemocap(file: Path, how: FreeMoCap = FreeMoCap()) -> Motion:
    """One file's body.

    Args:
        file: of FreeMoCap's.
        how: the options.

    Raises:
        InputError: see `read_freemocap`.
    """
    points = load_points(file, how.what)
    small = np.nanmax(np.abs(points.joints), initial=0) <= METRES
    small = small and is_body(points.joints, points.skeleton.names)
    scale, unit = (1.0, "metres") if small else (0.001, "millimetres")
    up, notes = _up(file, points, how.mocap.up)
    fps = how.source_fps or points.fps
    said = f"{unit}, {up} up" + ("" if fps else f", {FPS:g} frames a second (source_fps=)")
    notes = (*points.notes, *notes, f"nothing says unit and axes: taken for {said}")
    skeleton = points.skeleton
    return Motion(
        points.joints, skeleton.names, skeleton.parents, fps or FPS, scale, up, notes
    )  # fmt: skip


def _up(file: Path, points: Points, given: Up | None) -> tuple[Up, tuple[str, ...]]:
    """The axis along which the body stands, where it does so clearly; else z."""
    names = points.skeleton.names
    for part in ("ankle", "knee", "hip"):  # the lowest that was seen
        low = [names.index(f"{side}_{part}") for side in ("left", "right")]
        body = points.joints[:, 0] - points.joints[:, low].mean(axis=1)
        body = body[~np.isnan(body).any(axis=1)]
        if 2 * len(body) > len(points.joints):
            break
    if given is not None or not len(body):
        return given or "z", ()
    direction = np.median(body, axis=0)
    sizes = np.sort(np.abs(direction))
    axis = nearest_axis(direction)
    tall = sizes[-1] > 0.6 * float(np.median(np.linalg.norm(body, axis=1)))
    if not is_body(points.joints, names):
        return "z", ()
    if axis == "z" or sizes[-1] < SURE * sizes[-2] or not tall:
        return "z", ()
    if axis == "-y":
        return "-y", ("the body stands along -y: raw data, in the axes of the first camera",)
    raise InputError(
        f"{file}: the body lies along {axis}, if z is up as in FreeMoCap's aligned data; say up=z "
        "where it really lies so, else the axis that points up (y, -y, z, -z)"
    )


def _files(path: Path) -> list[Path]:
    """The file itself, or of each recording below a folder the best."""
    if path.is_file():
        if path.suffix.lower() == ".zip":
            raise InputError(f"{path}: FreeMoCap's files are read of no zip; unpack it first")
        return [path]
    found = [
        member.file
        for member in members.find(path, {".csv", ".json", ".npy"})
        if not member.inside and told(Look.at(member))
    ]
    if not found:
        raise InputError(f"{path}: none of FreeMoCap's files of points in space here or below")
    by_recording: dict[Path, list[Path]] = {}
    for file in found:
        folder = file.parent
        while folder.name in INSIDE and folder != path:
            folder = folder.parent
        by_recording.setdefault(folder, []).append(file)
    chosen: list[Path] = []
    for files in by_recording.values():
        best = min(map(_rank, files))
        chosen += [file for file in files if _rank(file) == best]
    if len(chosen) < len(found):
        warnings.warn(
            f"{path}: {len(found) - len(chosen)} further files of the same recordings are not "
            f"read; read is {chosen[0].name}"
            + (f" and {len(chosen) - 1} more" if len(chosen) > 1 else ""),
            stacklevel=3,
        )
    return sorted(chosen)


def _rank(file: Path) -> tuple[bool, int]:
    """How good a file is, the best first: raw ones last."""
    ends = [place for place, end in enumerate(PREFERRED) if file.name.lower().endswith(end)]
    return "raw" in file.parent.name or "rigid" in file.name, min(ends, default=len(PREFERRED))
