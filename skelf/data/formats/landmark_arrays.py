"""MediaPipe's landmarks as arrays: poses `(T, 33, 3 or 4)`, or their numbers in a row.

Rows of 132 are x, y, z, visibility of 33 landmarks; rows of 258 and 1662 have hands, or face and
hands, behind them. Zeros are a frame without anybody.
"""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..motion.video import Video
from .look import Look
from .members import Member
from .naming import Class
from .numpy_files import load
from .text import LARGEST

POSES = 33
FIELDS = ("landmarks", "pose_landmarks", "world_landmarks", "pose_world_landmarks", "pose")
"""What the one array of an `.npz` is called."""
ROWS = {POSES * 4: "", POSES * 4 + 126: "hands", POSES * 4 + 468 * 3 + 126: "face and hands"}
"""Numbers in a row -> what stands behind the pose."""


def told(look: Look) -> str:
    """Why an array is MediaPipe's: by its shape."""
    name, (shape, kind) = next(iter(look.arrays.items()), ("", ((), "")))
    if kind != "f" or len(look.arrays) != 1 or name not in ("", *FIELDS):
        return ""
    if len(shape) == 3 and shape[1:] == (POSES, 4):
        return "it is an array of frames, 33 landmarks and x, y, z, visibility, as MediaPipe's"
    if len(shape) == 3 and shape[1:] == (POSES, 3):
        return "it is an array of frames, 33 landmarks and x, y, z, as MediaPipe's"
    if len(shape) == 2 and shape[1] in ROWS:
        return f"its rows are {shape[1]} numbers, 33 landmarks first, as MediaPipe's"
    return ""


def read_landmarks(name: str, member: Member, class_: Class, skeleton: Skeleton) -> list[Video]:
    """The video of one `.npy`, or `.npz` of one array.

    Args:
        name: of the clip.
        member: the file; of a zip none is read.
        class_: of the clip.
        skeleton: the landmarks.

    Raises:
        InputError: another shape, infinity, or a file that is cut off.
    """
    where = str(member)
    if member.inside:
        raise InputError(f"{where}: arrays are read of no zip; unpack it first")
    data = load(member.file)
    if isinstance(data, dict) and len(data) == 1:
        data = next(iter(data.values()))
    if not isinstance(data, np.ndarray) or data.dtype.kind not in "fiu":
        raise InputError(f"{where}: no array of numbers; is it another kind of file?")
    video = Video(name, where, len(data) if data.ndim else 0, *class_)
    if data.ndim == 2 and data.shape[1] in ROWS:
        behind = ROWS[data.shape[1]]
        video.notes += [f"{behind} behind the pose are left out"] if behind else []
        data = data[:, : POSES * 4].reshape(-1, POSES, 4)
    if data.ndim != 3 or data.shape[1] != skeleton.joints or data.shape[2] not in (3, 4):
        raise InputError(
            f"{where}: {data.shape}; MediaPipe's poses are (T, {skeleton.joints}, 3 or 4), or rows "
            f"of {', '.join(map(str, ROWS))}"
        )
    points = np.asarray(data, np.float64)
    if (np.abs(points) > LARGEST).any():  # NaN is not
        raise InputError(
            f"{where}: a number beyond {LARGEST:.3g}; write NaN where nothing was seen"
        )
    for at, pose in enumerate(points):
        if pose.any() and not np.isnan(pose).all():
            sure = pose[:, 3:] if pose.shape[1] == 4 else np.ones((len(pose), 1))
            seen = ~np.isnan(pose[:, :3]).any(axis=1, keepdims=True)
            video.add(at, np.concatenate([pose[:, :3], np.where(seen, sure, 0)], axis=1))
    return [video]
