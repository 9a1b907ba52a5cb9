"""In what landmarks are measured, and whether y points down as in MediaPipe's images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ...errors import InputError
from ..motion.video import Video

Up = Literal["auto", "y", "-y"]
LEVELS = (("nose",), ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
          ("left_knee", "right_knee"), ("left_ankle", "right_ankle"))  # fmt: skip
MOST = 0.8
"""Of the frames, in which a body stands on its head before it is asked for."""
BEYOND = 10.0
ABOUT = 0.05  # metres, or a part of the image


def turned(videos: Sequence[Video], names: Sequence[str], up: Up, where: str) -> None:
    """Turns poses whose y points up to image axes; asks where a body stands on its head.

    Args:
        videos: of one file; changed.
        names: of the joints.
        up: the file's; auto: -y, MediaPipe's, unless nobody stands so.
        where: the file, for messages.

    Raises:
        InputError: head, shoulders, hips and feet lie one below the other, the head last.
    """
    poses = [pose for video in videos for pose in video.joints]
    if up == "auto" and poses and _on_its_head(np.stack(poses), names):
        raise InputError(
            f"{where}: the body stands on its head, if y points down as in MediaPipe's images; say "
            "up=y where the file's y points up, or up=-y where it really stands so"
        )
    if up == "y":
        for video in videos:
            flat = video.joints[0].shape[1] == 3 if video.joints else False
            signs = np.array([1, -1, 1] if flat else [1, -1, -1, 1])
            video.joints[:] = [pose * signs for pose in video.joints]
            video.places[:] = [pose * signs for pose in video.places]


def unit(videos: Sequence[Video], names: Sequence[str]) -> str:
    """What the numbers of a file without a word about it are taken for.

    Args:
        videos: of the file.
        names: of the joints.
    """
    poses = [pose for video in videos for pose in video.joints]
    if not poses:
        return ""
    places = np.stack(poses)
    seen = (places[..., -1] > 0) & ~np.isnan(places).any(axis=-1)
    plane = places[..., :2][seen]
    if not len(plane):
        return ""
    if np.abs(plane).max() > BEYOND:
        return f"up to {np.abs(plane).max():.4g}: pixels, or a unit of the program's own"
    hips = [names.index(name) for name in LEVELS[2] if name in names]
    centre = np.median(np.abs(places[:, hips, :2].mean(axis=1)), axis=0) if len(hips) == 2 else 1.0
    if np.all(centre < ABOUT):
        return "metres about the hips"
    return "shares of the image's width and height"


def is_body(places: np.ndarray, names: Sequence[str]) -> bool:
    """Whether the face's points lie close together, as a face's do, in half of the frames.

    Args:
        places: `(T, V, 2 or more)`.
        names: of the joints.
    """
    words = ("nose", "eye", "ear", "mouth")
    at = [i for i, name in enumerate(names) if any(word in name for word in words)]
    if len(at) < 3 or not len(places):
        return True
    with np.errstate(invalid="ignore"):
        face = np.ptp(places[:, at], axis=1).max(axis=1)
        whole = np.ptp(places, axis=1).max(axis=1)
    seen = ~np.isnan(face + whole)
    return bool(np.mean(face[seen] < 0.5 * whole[seen]) >= 0.5) if seen.any() else True


def _on_its_head(places: np.ndarray, names: Sequence[str]) -> bool:
    """Whether `(P, V, C + 1)` has the levels of a body in reverse in nearly all poses."""
    heights = []
    for level in LEVELS:
        at = [names.index(name) for name in level if name in names]
        if at:
            seen = (places[:, at, -1] > 0.5) & ~np.isnan(places[:, at, 1])
            y = np.where(seen.all(axis=1), places[:, at, 1].mean(axis=1), np.nan)
            if not np.isnan(y).all():
                heights.append(y)
    if len(heights) < 4:
        return False
    order = np.diff(np.stack(heights), axis=0)
    order = order[:, ~np.isnan(order).any(axis=0)]
    return order.shape[1] > 0 and bool((order < 0).all(axis=0).mean() >= MOST)
