"""Reader for BVH (Biovision hierarchy), the usual exchange format of motion capture and games.

Joint positions come from forward kinematics: channels in any order, per joint; position channels
replace the joint's OFFSET; the rotation listed first is the outermost.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.bvh_file import Joint, load_bvh_file
from ..formats.file_columns import columns
from ..listing import Listing
from ..motion import mocap_listing, rigs
from ..motion.axes import Up
from ..motion.kinematics import places
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

CENTIMETRE = 0.01
BLOCK = 4096  # frames whose directions of joints are in memory at once


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
    return list_bvh(path, layout, how).clips(progress=progress, scratch=scratch)


def list_bvh(path: str | Path, layout: str | Skeleton | None = None, how: BVH = BVH()) -> Listing:
    """What `read_bvh` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = source.find(path, ".bvh")
    return mocap_listing.listing(
        path,
        files,
        partial(load_bvh, ends=how.ends, scale=how.mocap.scale, up=how.mocap.up),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
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
    # End sites have no children, so that the others do without them.
    place = {index: number for number, index in enumerate(chosen)} | {-1: -1}
    parents = [place[joints[index].parent] for index in chosen]
    positions = np.empty((len(values), len(chosen), 3))
    for at in range(0, len(values), BLOCK):
        some = values[at : at + BLOCK]
        positions[at : at + BLOCK] = _positions(joints, chosen, parents, some).transpose(2, 0, 1)
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
        parents=tuple(parents),
        fps=fps,
        scale=scale,
        up=up,
        notes=(*notes, *_no_thorax(joints), *more),
    )


def _rest(joints: list[Joint]) -> np.ndarray:
    """`(J, 3)` places with all rotations zero and the root at the origin of its own offset."""
    found: list[np.ndarray] = []
    for joint in joints:
        assert joint.offset is not None
        found.append(joint.offset + (found[joint.parent] if joint.parent >= 0 else 0.0))
    return np.stack(found)


def _no_thorax(joints: list[Joint]) -> list[str]:
    """A note about a neck and shoulders that begin where the spine's last bone does."""
    for index, joint in enumerate(joints):
        here = [j for j in joints if j.parent == index and not j.end]
        zero = [j.name for j in here if j.offset is not None and not j.offset.any()]
        words = " ".join(zero).lower()
        of_cmu = joint.name.lower().endswith("spine1")  # others may end at the shoulders
        if of_cmu and len(zero) >= 3 and "neck" in words and words.count("shoulder") >= 2:
            return [
                f"{', '.join(zero[:3])} have no offset from {joint.name}, as in CMU's conversion "
                "for MotionBuilder: the thorax is missing, head and arms lie its length (some 12 "
                "cm) too low"
            ]
    return []


def _positions(
    joints: list[Joint], chosen: list[int], parents: list[int], values: np.ndarray
) -> np.ndarray:
    """Positions `(V, 3, T)` of the chosen joints and end sites."""
    columns = np.ascontiguousarray(values.T)
    first = np.cumsum([0, *(len(joint.channels) for joint in joints)])
    moving = any(kind == "position" for joint in joints for _, kind in joint.channels)
    offsets = np.empty((len(chosen), 3, len(values) if moving else 1))
    turns = []
    for number, index in enumerate(chosen):
        joint = joints[index]
        assert joint.offset is not None
        offsets[number] = joint.offset[:, None]
        turn = []
        for at, (axis, kind) in enumerate(joint.channels, first[index]):
            if kind == "position":
                offsets[number, "xyz".index(axis)] = columns[at]
            else:
                turn.append((axis, np.deg2rad(columns[at])))
        turns.append(turn)
    return places(offsets, turns, parents)
