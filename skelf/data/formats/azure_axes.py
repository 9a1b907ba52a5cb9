"""In which axes and unit bodies of a depth camera are: by the SDK's rule, checked on the body.

The SDK has x to the right, y down and z away from the camera, in millimetres. Programs for games
turn y up, without or with turning z: the first makes left right, which the nose tells.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...errors import InputError
from ...layouts import AZURE32

Axes = Literal["auto", "camera", "unity", "y-up"]
_AT = {name: joint for joint, name in enumerate(AZURE32.names)}
TO_IMAGE = {
    "camera": np.array([1.0, 1.0, 1.0]),
    "unity": np.array([1.0, -1.0, 1.0]),
    "y-up": np.array([1.0, -1.0, -1.0]),
}
"""What makes x right, y down, z away of each."""


def scale_of(joints: np.ndarray) -> float:
    """Metres in one unit, by the distance from the hips to the neck.

    Args:
        joints: `(N, 32, 3)`.
    """
    back = np.linalg.norm(joints[:, _AT["NECK"]] - joints[:, _AT["PELVIS"]], axis=-1)
    return 0.001 if np.nanmedian(back) > 10 else 1.0


def axes_of(joints: np.ndarray, official: bool, where: str) -> Axes:
    """The axes of bodies that mostly stand or sit.

    Args:
        joints: `(N, 32, 3)`.
        official: the SDK's sample wrote them, whatever they look like.
        where: for messages.

    Raises:
        InputError: two readings are possible.
    """
    if official:
        return "camera"
    upward = joints[:, _AT["HEAD"]] - joints[:, _AT["PELVIS"]]
    forward = joints[:, _AT["NOSE"]] - joints[:, _AT["HEAD"]]
    left = joints[:, _AT["SHOULDER_LEFT"]] - joints[:, _AT["SHOULDER_RIGHT"]]
    handed = np.nanmedian(np.einsum("nc,nc->n", np.cross(forward, left), upward))
    up = np.nanmedian(upward, axis=0)
    is_up = up[1] > np.abs(up[[0, 2]]).max()
    is_down = -up[1] > np.abs(up[[0, 2]]).max()
    if not (is_up or is_down) or not handed:
        return "camera"
    if is_down and handed > 0:
        return "camera"
    if is_up and handed < 0:
        return "unity"
    told = "heads are above the hips in y" if is_up else "left and right are mirrored"
    raise InputError(
        f"{where}: {told}, which the SDK's axes have not; axes=y-up says that y is up and z "
        "towards the camera, axes=unity that y is up and z away, axes=camera that all is the SDK's"
    )
