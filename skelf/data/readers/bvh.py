"""Reader for BVH (Biovision hierarchy), the usual exchange format of motion capture and games.

Joint positions come from forward kinematics: channels in any order, per joint; position channels
replace the joint's OFFSET; the rotation listed first is the outermost.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.bvh_file import Joint, load_bvh_file
from ..formats.file_columns import columns
from ..motion import mocap, rigs
from ..motion.axes import Up
from ..motion.kinematics import euler_rotation, forward
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

CENTIMETRE = 0.01
BLOCK = 4096  # frames whose rotation matrices are in memory at once


@options("bvh")
class BVH:
    """How BVH files become clips; the format has no unit and no axes: the bodies tell them."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    ends: bool = option(False, "keeps end sites, as <parent>_end")
    folders: Folders = folders_option("class")


def read_bvh(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: BVH = BVH(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.bvh` file, or all of a folder and below, as one clip each, in metres with y up.

    Args:
        path: the file or folder. All files must have the same joints and parents, unless a layout
            picks joints that all of them have; bone lengths may differ.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found in the files
            by name, in any case. None: the files' own hierarchy, with pairs and parts by name.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged or no BVH; the message names file, place and remedy.
    """
    path = Path(path)
    files = source.find(path, ".bvh")
    return mocap.collect(
        path,
        files,
        lambda file: load_bvh(file, ends=how.ends, scale=how.mocap.scale, up=how.mocap.up),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
        progress=progress,
        scratch=scratch,
    )


def load_bvh(
    file: Path, *, ends: bool = False, scale: float | None = None, up: Up | None = None
) -> Motion:
    """One file's joint positions; NaN where a joint or one above it has a number that is NaN.

    Args:
        file: the `.bvh`.
        ends: whether end sites are joints.
        scale: metres in one unit, where the user says so; None: by the legs, else centimetres.
        up: the upward axis, where the user says so; None: by the bodies, else y.

    Raises:
        InputError: damaged or no BVH.
    """
    joints, values, fps, notes = load_bvh_file(file)
    chosen = [index for index, joint in enumerate(joints) if ends or not joint.end]
    parts = [_positions(joints, values[i : i + BLOCK]) for i in range(0, len(values), BLOCK)]
    positions = np.concatenate([part[:, chosen] for part in parts])
    # Joints stand after their parents and end sites have no children, so indices count on.
    place = {index: number for number, index in enumerate(chosen)} | {-1: -1}
    names = tuple(joints[index].name for index in chosen)
    more: list[str] = []
    if scale is None:
        scale, more = rigs.unit(names, positions, CENTIMETRE)
    if up is None:
        up, axis = rigs.up(names, positions, rest=_rest(joints)[chosen])
        more += axis
    return Motion(
        joints=positions,
        names=names,
        parents=tuple(place[joints[index].parent] for index in chosen),
        fps=fps,
        scale=scale,
        up=up,
        notes=(*notes, *_no_thorax(joints), *more),
    )


def _rest(joints: list[Joint]) -> np.ndarray:
    """`(J, 3)` places with all rotations zero and the root at the origin of its own offset."""
    places: list[np.ndarray] = []
    for joint in joints:
        assert joint.offset is not None
        places.append(joint.offset + (places[joint.parent] if joint.parent >= 0 else 0.0))
    return np.stack(places)


def _no_thorax(joints: list[Joint]) -> list[str]:
    """A note about a neck and shoulders that begin where the spine's last bone does."""
    for index, joint in enumerate(joints):
        here = [j for j in joints if j.parent == index and not j.end]
        zero = [j.name for j in here if j.offset is not None and not j.offset.any()]
        words = " ".join(zero).lower()
        if len(zero) >= 3 and "neck" in words and words.count("shoulder") >= 2:
            return [
                f"{', '.join(zero[:3])} have no offset from {joint.name}, as in CMU's conversion "
                "for MotionBuilder: the thorax is missing, head and arms lie its length (some 12 "
                "cm) too low"
            ]
    return []


def _positions(joints: list[Joint], values: np.ndarray) -> np.ndarray:
    """Positions `(T, V, 3)` of all joints and end sites."""
    frames = len(values)
    rest = np.stack([joint.offset for joint in joints if joint.offset is not None])
    offsets = np.broadcast_to(rest, (frames, len(joints), 3)).copy()
    rotations = np.empty((frames, len(joints), 3, 3))
    column = 0
    for index, joint in enumerate(joints):
        turns = []
        for at, (axis, kind) in enumerate(joint.channels, column):
            if kind == "position":
                offsets[:, index, "xyz".index(axis)] = values[:, at]
            else:
                turns.append((axis, at))
        angles = np.deg2rad(values[:, [at for _, at in turns]])
        rotations[:, index] = euler_rotation("".join(axis for axis, _ in turns), angles)
        column += len(joint.channels)
    return forward(offsets, rotations, [joint.parent for joint in joints])[0]
