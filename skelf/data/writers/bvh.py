"""Writes BVH: a hierarchy with the data's bone lengths, and the rotations that move it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from ...files import writing
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..motion.inverse import rest_pose, turns
from ..motion.kinematics import descent, forward
from ..motion.missing import fill
from .person import Notes, one_person

CENTIMETRES = 100.0  # in a metre: what programs take a BVH's unit for
ROWS = 1024  # of text at once
_SCENE = 5.0  # centimetres by which no bone changes, but a body's way from the scene's root does


@options("bvh")
class WriteBVH:
    """How a clip becomes BVH."""

    positions: Literal["root", "all"] = option(
        "root",
        "which joints have positions beside rotations: root, as programs expect, so that bones "
        "keep their median lengths (a root that never moves is the scene's, and its children have "
        "them too); or all, which keeps every position exactly",
    )


def write_bvh(
    clips: ClipSet, number: int, path: Path, *, person: int = 0, how: WriteBVH = WriteBVH()
) -> Notes:
    """Writes one person of a clip as BVH, atomically, in centimetres.

    Six digits behind the point: with `positions=all` places come back within a micrometre. With
    `positions=root` they do where bones keep their lengths and branching bones their angles; a
    note says how far joints are off elsewhere. The format has no gaps: they are filled as by
    `missing=linear`, and before the first sight and after the last the pose stands still.

    Args:
        clips: in three coordinates; see `one_person` for units.
        number: of the clip.
        path: the `.bvh`.
        person: from 0.
        how: the options.

    Returns:
        What a user should know.

    Raises:
        InputError: two coordinates, or a person who is not there.
    """
    skeleton = clips.skeleton
    told = one_person(clips, number, person)
    unseen = np.isnan(told.joints).any(axis=-1)
    joints = fill(np.nan_to_num(told.joints), ~unseen, "linear") * CENTIMETRES
    offsets = rest_pose(joints, skeleton.parents)
    free = [*range(skeleton.joints)] if how.positions == "all" else _free(joints, skeleton)
    carried = free if how.positions == "root" else ()
    rotations = turns(joints, offsets, skeleton.parents, carried)
    placed = np.broadcast_to(offsets, joints.shape).copy()
    placed[:, free] = _exact(joints, rotations, skeleton)[:, free]
    notes = dict(told.notes)
    if how.positions == "root":
        notes |= _off(joints, forward(placed, rotations, skeleton.parents)[0])
    if unseen.any():
        notes["up to {:.1%} of a clip's joints were not seen and are filled in"] = unseen.mean()
    with writing(path) as write:
        write(_hierarchy(skeleton, offsets, free))
        write(f"MOTION\nFrames: {len(joints)}\nFrame Time: {1 / float(clips.fps[number]):.8f}\n")
        for text in _rows(placed, rotations, skeleton, free):
            write(text)
    return notes


def _free(joints: np.ndarray, skeleton: Skeleton) -> list[int]:
    """Joints that move by themselves: the root; where that is the scene's, its children too."""
    still = (joints[:, skeleton.root] == joints[0, skeleton.root]).all()
    children = [child for child, parent in skeleton.edges if parent == skeleton.root]
    away = np.linalg.norm(joints[:, children] - joints[:, skeleton.root, None], axis=-1)
    moves = bool(len(children)) and np.ptp(away, axis=0).max() > _SCENE
    return [skeleton.root, *(children if still and moves else [])]


def _exact(joints: np.ndarray, rotations: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Each joint's place in its parent's frame, so that all come to lie where they were."""
    world = forward(joints, rotations, skeleton.parents)[1]
    placed = joints.copy()
    for child, parent in skeleton.edges:
        away = (joints[:, child] - joints[:, parent])[..., None]
        placed[:, child] = (world[:, parent].transpose(0, 2, 1) @ away)[..., 0]
    return placed


def _off(joints: np.ndarray, back: np.ndarray) -> Notes:
    """How far joints are off, where a millimetre is."""
    away = np.linalg.norm(joints - back, axis=-1) * (1000 / CENTIMETRES)
    if away.max() < 1:
        return {}
    return {
        "bones that change their lengths are given their median: joints lie up to {:.0f} mm off in "
        "a clip's mean": away.mean(),
        "and up to {:.0f} mm in single frames; positions=all keeps every place": away.max(),
    }


def _hierarchy(skeleton: Skeleton, offsets: np.ndarray, free: Collection[int]) -> str:
    order = descent(skeleton.parents)
    depth = {-1: -1}
    lines = ["HIERARCHY"]
    for at, joint in enumerate(order):
        depth[joint] = depth[skeleton.parents[joint]] + 1
        tab = "\t" * depth[joint]
        root = skeleton.parents[joint] < 0
        name = "_".join(skeleton.names[joint].split()) or f"joint{joint}"
        lines += [f"{tab}{'ROOT' if root else 'JOINT'} {name}", f"{tab}{{"]
        lines.append(f"{tab}\tOFFSET {_numbers(offsets[joint])}")
        places = "Xposition Yposition Zposition " if joint in free else ""
        count = 6 if places else 3
        lines.append(f"{tab}\tCHANNELS {count} {places}Zrotation Xrotation Yrotation")
        after = order[at + 1] if at + 1 < len(order) else None
        if after is None or skeleton.parents[after] != joint:
            lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET 0 0 0", f"{tab}\t}}"]
            above = -1 if after is None else skeleton.parents[after]
            closing = range(depth[joint], depth[above], -1)
            lines += ["\t" * level + "}" for level in closing]
    return "\n".join(lines) + "\n"


def _rows(
    placed: np.ndarray, rotations: np.ndarray, skeleton: Skeleton, free: Collection[int]
) -> Iterator[str]:
    angles = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_euler("ZXY", degrees=True)
    angles = np.unwrap(angles.reshape(*placed.shape), axis=0, period=360)  # no jumps between frames
    columns = []
    for joint in descent(skeleton.parents):
        if joint in free:
            columns.append(placed[:, joint])
        columns.append(angles[:, joint])
    table = np.concatenate(columns, axis=1)
    form = " ".join(["%.6f"] * table.shape[1])
    for start in range(0, len(table), ROWS):
        yield "".join(f"{form % tuple(row)}\n" for row in table[start : start + ROWS].tolist())


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
