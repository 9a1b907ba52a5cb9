"""Reader for C3D, the binary format of optical motion capture: markers become joints.

Written by hand from the format's public description (c3d.org): the kept libraries read it too, yet
on a damaged file they crash the interpreter (ezc3d 1.7.2, compiled) or decode frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import c3d_file, source
from ..motion import mocap
from ..motion.mocap import Folders, Mocap, Motion, folders_option
from ..pool import Progress

UNITS = {"mm": 0.001, "cm": 0.01, "dm": 0.1, "m": 1.0, "in": 0.0254, "ft": 0.3048}
SAMPLES = 200  # frames from which the tree of markers is found
# Lists of points that hold no positions but what a model derived.
DERIVED = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")


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

    Gaps (negative residual, NaN, or exactly zero) become zeros; a warning counts them. Unlabelled
    markers (`*1`) and what a model derived (angles, forces, ...) are left out.

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
    path = Path(path)
    return mocap.collect(
        path,
        source.find(path, ".c3d"),
        _loader(),
        layout,
        how.mocap,
        folders=how.folders,
        progress=progress,
        scratch=scratch,
    )


def _loader() -> Callable[[Path], Motion]:
    """Reads files; those with the same markers have the tree of the first of them."""
    trees: dict[frozenset[str], dict[str, str]] = {}

    def load_one(file: Path) -> Motion:
        motion = load_markers(file)
        names = motion.names
        tree = trees.get(frozenset(names))
        if tree is None:
            parents = spanning_tree(motion.joints)
            tree = {names[at]: names[p] if p >= 0 else "" for at, p in enumerate(parents)}
            trees[frozenset(names)] = tree
        index = {name: at for at, name in enumerate(names)} | {"": -1}
        return replace(motion, parents=tuple(index[tree[name]] for name in names))

    return load_one


def load_markers(file: Path) -> Motion:
    """One file's markers, all of them roots.

    Raises:
        InputError: damaged, no C3D, or no marker in it.
    """
    recording = c3d_file.load_recording(file)
    derived = [recording.parameters.get(f"POINT:{kind}", []) for kind in DERIVED]
    models = {name for names in derived if isinstance(names, list) for name in names if name}
    labels = recording.labels
    markers = [
        at for at, name in enumerate(labels) if name and name[0] != "*" and name not in models
    ]
    names = tuple(labels[at] for at in markers)
    joints = recording.points[:, markers]
    if not names or np.isnan(joints).all():
        raise InputError(f"{file}: no labelled marker is seen in any frame; nothing to import")
    if len(set(names)) < len(names) or len(names) > source.JOINTS:
        twice = next((name for name in names if names.count(name) > 1), "")
        problem = f"marker {twice!r} stands twice" if twice else f"{len(names)} markers"
        raise InputError(f"{file}: {problem}; label each once, at most {source.JOINTS}")
    unit = _text(recording, "POINT:UNITS").lower()
    notes = []
    if len(names) < len(labels):
        notes.append("points without a label and those that a model derived are left out")
    if unit not in UNITS:
        notes.append(f"its unit {unit!r} is unknown: millimetres assumed; give scale=METRES")
    return Motion(
        joints=joints,
        names=names,
        parents=(-1,) * len(names),
        fps=recording.fps,
        scale=UNITS.get(unit, UNITS["mm"]),
        up="y" if _text(recording, "POINT:Y_SCREEN").upper().endswith("Y") else "z",
        notes=tuple(notes),
    )


def _text(recording: c3d_file.Recording, key: str) -> str:
    value = recording.parameters.get(key)
    return value[0].strip() if isinstance(value, list) and value else ""


def spanning_tree(joints: np.ndarray) -> list[int]:
    """Parents of markers: the tree whose links stay shortest, from the most central marker.

    The length of a link is the 0.9 quantile over frames of the distance, so that a hand that
    touches the knee for a while still hangs off its wrist.

    Args:
        joints: `(T, V, 3)`, NaN where a marker was not seen.

    Returns:
        `V` parents, -1 for the central marker.
    """
    count = joints.shape[1]
    some = joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(np.int64)]
    apart = np.empty((count, count))
    for marker in range(count):
        distance = np.linalg.norm(some - some[:, marker, None], axis=-1)
        distance[np.isnan(distance)] = 1e12  # never seen together: the last choice
        apart[marker] = np.quantile(distance, 0.9, axis=0)
    root = int(np.median(apart, axis=1).argmin())
    parents = np.full(count, root)
    parents[root] = -1
    nearest = apart[root].copy()
    outside = np.ones(count, bool)
    outside[root] = False
    while outside.any():  # Prim's algorithm
        marker = int(np.where(outside, nearest, np.inf).argmin())
        outside[marker] = False
        closer = outside & (apart[marker] < nearest)
        parents[closer] = marker
        nearest[closer] = apart[marker][closer]
    return [int(parent) for parent in parents]
