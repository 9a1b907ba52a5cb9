"""MotionBERT's pickles of Human3.6M: `h36m_sh_conf_cam_source_final.pkl` and the like.

`train` and `test`, each of all frames of all clips, end to end: `joint_2d` `(F, 17, 2)` in pixels,
`confidence` `(F, 17)` or `(F, 17, 1)`, `joint3d_image` `(F, 17, 3)` in pixels with a depth in their
scale, `camera_name` and `source` `(F,)`; a clip is a run of one source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ...layouts import H36M17
from ...skeleton import Skeleton
from .h36m_parts import ACTIONS, FPS, Piece, Recordings
from .pickles import load_pickle, shown

SOURCE = re.compile(r"s_(\d{2})_act_(\d{2})_subact_(\d{2})(?:_ca_(\d{2}))?.*")
Take = Literal["2d", "3d"]


def read_motionbert(path: Path, layout: Skeleton | None, take: Take) -> Recordings:
    """The clips of both sides.

    Args:
        path: the `.pkl`.
        layout: of its joints; None: h36m17.
        take: the 2D poses with their confidence, or the 3D ones in image units.

    Raises:
        InputError: another pickle, or arrays that do not fit each other.
    """
    content = load_pickle(path, objects=True)
    sides = [
        (side, content[side])
        for side in ("train", "test", "val")
        if isinstance(content, dict) and isinstance(content.get(side), dict)
    ]
    if not sides or not any("joint_2d" in table for _, table in sides):
        raise InputError(
            f"{path}: {shown(content)} without train or test and joint_2d; MotionBERT's pickles "
            "have these"
        )
    skeleton = layout or H36M17
    pieces: list[Piece] = []
    confidence = False
    for side, table in sides:
        joints, scored = _joints(f"{path}: {side}", table, skeleton, take)
        confidence = confidence or scored
        pieces += _clips(f"{path}: {side}", table, joints, side != "train")
    both = all("joint3d_image" in table for _, table in sides)
    notes = ["2D poses in pixels; take=3d reads the 3D ones"] if take == "2d" and both else []
    if take == "3d":
        notes.append("3D poses in an image's units: x and y in pixels, depth in their scale")
    return Recordings(pieces, skeleton, "-y", 0, FPS, confidence, tuple(notes))


def _joints(
    where: str, table: Mapping[object, object], skeleton: Skeleton, take: Take
) -> tuple[np.ndarray, bool]:
    """`(F, V, C)` of a side, and whether a confidence is last."""
    key, axes = ("joint_2d", 2) if take == "2d" else ("joint3d_image", 3)
    joints = table.get(key)
    is_array = isinstance(joints, np.ndarray) and joints.dtype.kind == "f" and joints.ndim == 3
    if not is_array:
        raise InputError(f"{where}: {key}: {shown(joints)}, expected float (F, 17, {axes})")
    assert isinstance(joints, np.ndarray)
    if joints.shape[1] != skeleton.joints or joints.shape[2] < axes or not len(joints):
        raise InputError(f"{where}: {key}: {joints.shape}, expected (F, {skeleton.joints}, {axes})")
    joints = joints[..., :axes]
    scores = table.get("confidence")
    if take == "3d" or scores is None:
        return joints, False
    if not isinstance(scores, np.ndarray) or scores.size != joints[..., 0].size:
        raise InputError(f"{where}: confidence: not one for each joint of {joints.shape}")
    scores = scores.reshape(*joints.shape[:2], 1).astype(joints.dtype)
    return np.concatenate([joints, scores.clip(0, 1)], axis=-1), True


def _clips(
    where: str, table: Mapping[object, object], joints: np.ndarray, test: bool
) -> list[Piece]:
    sources = _texts(where, table, "source", len(joints))
    cameras = _texts(where, table, "camera_name", len(joints))
    ends = [i for i in range(1, len(joints)) if sources[i] != sources[i - 1]]
    pieces: list[Piece] = []
    for start, end in zip([0, *ends], [*ends, len(joints)], strict=True):
        match = SOURCE.fullmatch(sources[start])
        number = int(match[2]) - 2 if match else -1
        camera = cameras[start]
        pieces.append(
            Piece(
                sources[start] or f"{'test' if test else 'train'}_{len(pieces)}",
                joints[start:end, None],
                int(match[1]) if match else -1,
                int(camera) if camera.isdecimal() and len(camera) < 10 else -1,
                ACTIONS[number] if 0 <= number < len(ACTIONS) else "",
                test=test,
            )
        )
    return pieces


def _texts(where: str, table: Mapping[object, object], key: str, count: int) -> list[str]:
    values = table.get(key)
    if values is None:
        return [""] * count
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list | tuple) or len(listed) != count:
        raise InputError(f"{where}: {key}: not one for each of {count} frames")
    return [text if isinstance(text, str) else str(text)[:40] for text in listed]
