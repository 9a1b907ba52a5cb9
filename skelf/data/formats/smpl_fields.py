"""Files of SMPL's bodies: the names of their fields, how they are opened, and their signs."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import InputError
from ..joints.smpl import FAMILIES, FIRST
from . import numpy_files
from .look import Look
from .members import Member
from .pickles import load_pickle

SUFFIXES = (".npz", ".npy", ".pkl")
TURNS = ("poses", "smpl_poses", "fullpose", "pose")
ROOT, BODY = ("root_orient", "global_orient"), ("pose_body", "body_pose")
FACE = (("pose_jaw", "jaw_pose"), ("pose_eye",), ("leye_pose",), ("reye_pose",))
HANDS = (
    ("pose_hand",), ("left_hand_pose", "pose_lhand"), ("right_hand_pose", "pose_rhand"),
)  # fmt: skip
MOVES = ("trans", "transl", "smpl_trans")
JOINTS = (
    "joints", "joints3d", "joints3D", "joints_3d", "Jtr", "jtr", "jointPositions",
    "joint_positions", "keypoints3d_optim", "keypoints3d", "full_pose",
)  # fmt: skip
RATES = ("mocap_framerate", "mocap_frame_rate", "mocap_fps", "frame_rate", "framerate", "fps")
OTHERS = ("betas", "gender", "surface_model_type", "model", "smpl_scaling", "genders", "person2")
WANTED = {
    *TURNS, *ROOT, *BODY, *MOVES, *JOINTS, *RATES, *OTHERS,
    *(key for keys in FACE + HANDS for key in keys),
}  # fmt: skip
BODIES = {*TURNS, *BODY, *JOINTS}
"""Fields of which a recording has one."""
COCO = 17
COUNTS = {count: count for count in (*FAMILIES, COCO)} | FIRST


def told(look: Look) -> str:
    """Why a file is of SMPL's family, in a few words; "" where it is none for sure."""
    if look.suffix == ".pkl":
        words = [key for key in ("smpl_poses", "keypoints3d_optim") if key.encode() in look.head]
        return f"it has {words[0]}, as AIST++ has" if words else ""
    arrays = look.arrays
    turns = next((key for key in (*TURNS, *BODY) if key in arrays), "")
    rate = next((key for key in RATES[:2] if key in arrays), "")
    if turns and rate:
        return f"it has {turns} and {rate}, as AMASS has"
    shape = arrays[turns][0] if turns else ()
    if len(shape) == 2 and shape[1] in (63, 66, 69, 72, 156, 165) and {*arrays} & {*MOVES, *ROOT}:
        return f"its {turns} has {shape[1]} numbers a frame, the turns of SMPL's joints"
    return ""


def holds_motion(path: Path) -> bool:
    """Whether a file of a folder may be a recording, by its fields' names."""
    look = Look.at(Member(path))
    if path.suffix.lower() == ".pkl":
        return any(key.encode() in look.head for key in (*TURNS[:2], *JOINTS[:-1]))
    if "" in look.arrays:
        shape = look.arrays[""][0]
        return len(shape) == 3 and shape[1] in COUNTS and shape[2] == 3
    return bool(BODIES & {*look.arrays})


def fields_of(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name, of those that are known.

    Raises:
        InputError: damaged, objects in it, several persons, or nothing of a body.
    """
    if path.suffix.lower() == ".npy":
        array = numpy_files.load(path)
        if not isinstance(array, np.ndarray):
            raise InputError(f"{path}: an .npz by its content; call it so")
        return {"joints": array}
    if path.suffix.lower() != ".npz":
        return _of_pickle(path)
    fields, objects = numpy_files.load_some(path, WANTED)
    for key in objects:
        if key in BODIES:
            raise InputError(
                f"{path}: {key}: an object array (a pickle), which is never loaded; save plain "
                "numbers with np.savez"
            )
    if not BODIES & {*fields}:
        _refuse(path, list(Look.at(Member(path)).arrays))
    return fields


def _of_pickle(path: Path) -> dict[str, np.ndarray]:
    try:
        content = load_pickle(path)
    except InputError as error:
        if "joblib" not in str(error):
            raise
        raise InputError(
            f"{path}: written by joblib, as VIBE, PHALP and WHAM do: a pickle that runs code; load "
            "it where it was made and save one person's poses, trans and betas with np.savez"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: a pickle without named fields; save one dict of arrays")
    if "person2" in content:
        raise InputError(f"{path}: person1 and person2; save each person in a file of its own")
    fields = {key: _array(path, key, value) for key, value in content.items() if key in WANTED}
    if not BODIES & {*fields}:
        _refuse(path, [str(key) for key in content])
    return fields


def _array(path: Path, key: str, value: object) -> np.ndarray:
    """A value of a pickle; a list of one person's is that person's."""
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray | str):
        if len(value) > 1:
            raise InputError(
                f"{path}: {key}: a list of {len(value)}, one for each person; save each person in "
                "a file of its own"
            )
        value = value[0]
    try:
        return np.asarray(value)
    except ValueError:
        raise InputError(f"{path}: {key}: lists of several lengths") from None


def _refuse(path: Path, names: list[str]) -> NoReturn:
    some = ", ".join(name[:40] for name in names[:8]) or "nothing"
    raise InputError(
        f"{path}: neither joints nor turns of a body in it (it has {some}); save one person's "
        "poses, trans and betas, or joints, with np.savez"
    )
