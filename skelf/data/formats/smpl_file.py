"""What programs store of SMPL's bodies: turns of joints, a shape and a path, or joints themselves.

AMASS and what is made like it (`.npz`): `poses` (T, 3 V) or its parts (`root_orient`, `pose_body`,
...), `trans`, `betas`, `gender`, `mocap_framerate` or `mocap_frame_rate`. AIST++ (`.pkl`):
`smpl_poses`, `smpl_trans`, `smpl_scaling`, or `keypoints3d`. Joints come under many names. Turns
are rotation vectors in radians, or matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..joints.smpl import FAMILIES
from ..motion.axes import Up
from .smpl_fields import (
    BODY,
    COCO,
    COUNTS,
    FACE,
    HANDS,
    JOINTS,
    MOVES,
    RATES,
    ROOT,
    TURNS,
    fields_of,
)  # fmt: skip
from .source import believed


@dataclass(frozen=True)
class Body:
    """What one file holds.

    Args:
        joints: `(T, V, 3)`, NaN where unknown; None where only turns are stored.
        turns: `(T, V, 3)` rotation vectors or `(T, V, 3, 3)` matrices; None where joints are.
        moves: `(T, 3)` path of the body.
        betas: `(B,)` or `(T, B)`, its shape.
        gender: of the body model; "" where the file does not say.
        fps: frames a second; None where the file does not say.
        size: of one metre of the model in the file's unit.
        up: the axis that points up by the format's custom; None: it has none.
        custom: whose custom that is.
        notes: what a user should know.
    """

    joints: np.ndarray | None
    turns: np.ndarray | None
    moves: np.ndarray
    betas: np.ndarray
    gender: str
    fps: float | None
    size: float = 1.0
    up: Up | None = None
    custom: str = ""
    notes: tuple[str, ...] = ()


def load_smpl(path: Path) -> Body:
    """Reads one file.

    Raises:
        InputError: damaged, objects in it, several bodies, or nothing of a body.
    """
    fields = fields_of(path)
    gender = _text(fields, "gender") or _text(fields, "genders")
    gender = {"f": "female", "m": "male", "n": "neutral"}.get(gender, gender)
    aist = "smpl_scaling" in fields or (path.suffix.lower() == ".pkl" and "keypoints3d" in fields)
    fps = _rate(path, fields)
    joints = _joints(path, fields)
    if joints is not None and joints.shape[1] == COCO and not aist:
        raise InputError(
            f"{path}: 17 joints are COCO's or Human3.6M's, not SMPL's; read it with the format "
            "arrays and --layout coco17 or h36m17"
        )
    turns = None if joints is not None else _turns(path, fields)
    frames = len(turns) if turns is not None else len(joints if joints is not None else ())
    notes: list[str] = []
    up: Up | None = None
    custom, size = "", 1.0
    if aist:
        up, custom, gender, fps = "y", "AIST++", gender or "male", fps or 60.0
        size = float(_numbers(path, fields, "smpl_scaling").reshape(-1)[0]) if joints is None else 1
        if not 1e-3 < size < 1e6:
            raise InputError(f"{path}: smpl_scaling: {size:g}; the file is damaged")
        notes.append("60 frames a second and y up, as AIST++ has them")
    elif "model" in fields and any(key in fields for key in RATES):
        up, custom = "y", "BEAT2"  # its files say model=smplx2020
    elif any(key in fields for key in RATES[:2]):
        up, custom = "z", "AMASS"
    return Body(
        joints, turns, _moves(path, fields, frames, joints, notes), _betas(path, fields, frames),
        gender, fps, size, up, custom, tuple(notes),
    )  # fmt: skip


def _joints(path: Path, fields: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Stored joints `(T, V, 3)`; None where there are none, or turns under a joints' name."""
    key = next((key for key in JOINTS if key in fields), None)
    if key is None:
        return None
    if key == "full_pose" and fields[key].ndim != 3:  # turns by this name are flat
        return None
    values = _numbers(path, fields, key, gaps=True)
    if values.ndim == 2 and values.shape[1] % 3 == 0:
        values = values.reshape(len(values), -1, 3)
    count = values.shape[1] if values.ndim == 3 else 0
    if count not in COUNTS or values.shape[2] != 3 or not len(values):
        raise InputError(
            f"{path}: {key} {values.shape}: joints of SMPL's models are (frames, "
            f"{', '.join(map(str, sorted(COUNTS)))}, 3)"
        )
    return values[:, : COUNTS[count]]


def _turns(path: Path, fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """`(T, V, 3)` or `(T, V, 3, 3)`."""
    key = next((key for key in TURNS if key in fields), None)
    if key is not None:
        turns = _parts(path, key, _numbers(path, fields, key))
    else:
        root, body = _first(path, fields, ROOT), _first(path, fields, BODY)
        if root is None or body is None:
            raise InputError(
                f"{path}: {'a body' if root is None else 'a root'} without "
                f"{'root_orient' if root is None else 'pose_body'}; both are needed"
            )
        face = [_first(path, fields, keys) for keys in FACE]
        hands = [_first(path, fields, keys) for keys in HANDS]
        found = [part for part in (root, body, *face, *hands) if part is not None]
        # Hands in few numbers are weights of usual grips, which only the model knows.
        if len({part.shape[2:] for part in found} | {root.shape[2:]}) > 1:
            raise InputError(f"{path}: turns as vectors and as matrices; save all in one form")
        if len({len(part) for part in found}) > 1:
            raise InputError(f"{path}: its turns have {[len(p) for p in found]} frames; mend it")
        turns = np.concatenate(found, axis=1)
        key = " + ".join(k for k in (*ROOT, *BODY, "pose_hand", "pose_jaw") if k in fields)
    if turns.shape[1] not in FAMILIES:
        raise InputError(
            f"{path}: {key}: turns of {turns.shape[1]} joints; SMPL's models have "
            f"{', '.join(map(str, FAMILIES))} (22 is the body alone)"
        )
    stated = _text(fields, "surface_model_type").replace("+", "").replace("_", "")
    kinds = {"smpl": 24, "smplh": 52, "smplx": 55}
    if turns.shape[1] != 22 and kinds.get(stated, turns.shape[1]) != turns.shape[1]:
        raise InputError(
            f"{path}: surface_model_type is {stated}, but {key} turns {turns.shape[1]} joints"
        )
    return turns


def _parts(path: Path, key: str, values: np.ndarray) -> np.ndarray:
    """Turns `(T, V, 3)` or `(T, V, 3, 3)` of what a field holds."""
    if values.ndim == 1:
        values = values[None]
    if values.ndim == 2 and values.shape[1] % 3 == 0 and values.size:
        return values.reshape(len(values), -1, 3)
    if values.ndim in (3, 4) and values.shape[2:] in ((3,), (3, 3)) and values.size:
        return values
    raise InputError(
        f"{path}: {key} {values.shape}: turns are rotation vectors, 3 numbers a joint, or matrices"
    )


def _first(path: Path, fields: Mapping[str, np.ndarray], keys: Sequence[str]) -> np.ndarray | None:
    key = next((key for key in keys if key in fields), None)
    if key is None:
        return None
    values = _numbers(path, fields, key)
    if key in HANDS[1] + HANDS[2] and values.ndim == 2 and values.shape[1] != 45:
        raise InputError(
            f"{path}: {key} has {values.shape[1]} numbers a frame: weights of usual grips, not "
            "turns; save 45, or leave the hands out"
        )
    return _parts(path, key, values)


def _moves(
    path: Path,
    fields: Mapping[str, np.ndarray],
    frames: int,
    joints: np.ndarray | None,
    notes: list[str],
) -> np.ndarray:
    """The path `(T, 3)`; zeros where there is none."""
    key = next((key for key in MOVES if key in fields), None)
    if key is None:
        if joints is None:
            notes.append("no trans in it: the pelvis stays where it is")
        return np.zeros((frames, 3))
    values = _numbers(path, fields, key)
    values = values.reshape(-1, 3) if values.size and values.size % 3 == 0 else values
    if values.shape == (1, 3):
        values = np.repeat(values, frames, axis=0)
    if values.shape != (frames, 3):
        raise InputError(f"{path}: {key} {values.shape} for {frames} frames; mend the file")
    if joints is not None and values.std() > 0.01 and not (np.ptp(joints[:, 0], axis=0) > 0).any():
        notes.append(f"its joints never leave their place, and {key} is not added")
    return values


def _betas(path: Path, fields: Mapping[str, np.ndarray], frames: int) -> np.ndarray:
    """`(B,)`, or `(T, B)` where the shape changes."""
    if "betas" not in fields:
        return np.zeros(0)
    values = _numbers(path, fields, "betas")
    if values.ndim == 2 and len(values) and (values == values[:1]).all():
        values = values[0]
    if values.ndim not in (1, 2) or (values.ndim == 2 and len(values) != frames):
        raise InputError(f"{path}: betas {values.shape} for {frames} frames; mend the file")
    return values


def _rate(path: Path, fields: Mapping[str, np.ndarray]) -> float | None:
    key = next((key for key in RATES if key in fields), None)
    if key is None:
        return None
    values = _numbers(path, fields, key).reshape(-1)
    if len(values) != 1:
        raise InputError(f"{path}: {key}: {len(values)} numbers instead of one")
    near = round(float(values[0]))
    return float(near) if abs(values[0] - near) < 1e-3 else float(values[0])


def _numbers(
    path: Path, fields: Mapping[str, np.ndarray], key: str, *, gaps: bool = False
) -> np.ndarray:
    values = fields[key]
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {key}: no numbers; is it another kind of file?")
    values = values.astype(np.float64)
    known = values[~np.isnan(values)] if gaps else values
    believed(f"{path}: {key}", known)
    return values


def _text(fields: Mapping[str, np.ndarray], key: str) -> str:
    """A field's one word in lower case; bytes as Python 2 wrote them too."""
    values = fields.get(key, np.array("")).reshape(-1)
    if len(values) != 1 or values.dtype.kind not in "US":
        return ""
    word = values[0]
    return (word.decode("latin1") if isinstance(word, bytes) else str(word)).strip().lower()
