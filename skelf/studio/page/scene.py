"""What the player needs to know of a recording before its joints come: bones, room, camera."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np

from ...data.motion.axes import Up, upright
from ...pages import camera
from ...pages.bodies import head_of, upwards
from ...skeleton import Skeleton
from ..project.project import Project
from ..project.recording import Recording


class Room(TypedDict):
    """The room that is shown: the farthest point from its upright line, and half of its height."""

    radius: float
    half: float


class Scene(TypedDict):
    """What the script that draws takes.

    `edges` are bones, `side` -1 of a left and 1 of a right joint, `ends` the ends of limbs, `near`
    the room of the persons and `room` that of the recording, `tile` a length on the floor.
    """

    name: str
    frames: int
    fps: float
    persons: int
    joints: int
    axes: int
    names: list[str]
    edges: list[tuple[int, int]]
    side: list[int]
    head: int
    ends: list[int]
    centre: list[float]
    room: Room
    near: Room
    floor: float
    tile: float
    yaw: float
    video: bool


LOOKS, LONG = 24, 8
"""The recording is looked at in so many places, for so many frames each."""


def look(project: Project, recording: Recording) -> tuple[Scene, Up]:
    """What `scene` says of a recording, and the axis of its joints that points up."""
    starts = np.unique(np.linspace(0, max(0, recording.frames - LONG), LOOKS).astype(int))
    stops = np.minimum(starts + LONG, recording.frames)
    parts = [
        project.joints(recording.name, int(a), int(b)) for a, b in zip(starts, stops, strict=True)
    ]
    clips = project.clips(recording.name)
    joints = np.concatenate(parts)[..., : clips.coordinates]
    up = upwards(np.nan_to_num(joints).astype(np.float32), clips, 0)
    said = scene(
        recording.name, recording.fps, recording.frames, turned(joints, up), clips.skeleton
    )
    said["video"] = recording.video is not None
    return said, up


def scene(name: str, fps: float, frames: int, joints: np.ndarray, skeleton: Skeleton) -> Scene:
    """All of it, as the script takes it.

    Args:
        name: of the recording.
        fps: frames a second.
        frames: in the recording.
        joints: `(T, M, V, D)` of a few frames, y up; NaN where a joint is missing.
        skeleton: the layout.
    """
    _, M, V, D = joints.shape
    seen = np.isfinite(joints).all(axis=3)
    points = joints[seen] if seen.any() else np.zeros((1, D))
    room = camera.box(_within(points))
    side = [0] * V
    for left, right in skeleton.pairs:
        side[left], side[right] = -1, 1
    near = _near(joints, seen)
    largest = max(room.radius, room.half) or 1.0
    filled = np.where(seen[..., None], joints, 0.0)
    return {
        "name": name,
        "frames": frames,
        "fps": fps,
        "persons": M,
        "joints": V,
        "axes": D,
        "names": list(skeleton.names),
        "edges": list(skeleton.edges),
        "side": side,
        "head": head_of(skeleton),
        "ends": _ends(skeleton),
        "centre": [round(float(v), 5) for v in np.resize(np.append(room.centre, 0.0), 3)],
        "room": _room(room.radius, room.half, largest),
        "near": _room(*near, largest) if near else _room(room.radius, room.half, largest),
        "floor": float(np.percentile(points[:, 1], 1)),
        "tile": _tile(near[0] if near else largest),
        "yaw": round(camera.yaw(filled, seen, skeleton), 3) if D == 3 else 0.0,
        "video": False,
    }


def turned(joints: np.ndarray, up: Up) -> np.ndarray:
    """`joints` as the player takes them: float32, two or three axes, y up."""
    return np.ascontiguousarray(upright(joints[..., :3], up), np.float32)


def _within(points: np.ndarray) -> np.ndarray:
    """Without the few points that lie far outside, as a tracker's slips do."""
    low, high = np.percentile(points, [1, 99], axis=0)
    slack = 0.5 * (high - low)
    inside = ((points >= low - slack) & (points <= high + slack)).all(axis=1)
    return points[inside] if inside.any() else points


def _near(joints: np.ndarray, seen: np.ndarray) -> tuple[float, float] | None:
    """Radius and half of the height of all persons of a frame, as most frames have it."""
    there = seen.any(axis=(1, 2))
    if not there.any():
        return None
    boxes = [
        camera.box(frame[here]) for frame, here in zip(joints[there], seen[there], strict=True)
    ]
    return (
        float(np.percentile([box.radius for box in boxes], 90)),
        float(np.percentile([box.half for box in boxes], 90)),
    )


def _room(radius: float, half: float, largest: float) -> Room:
    return {"radius": max(radius, 0.1 * largest, 1e-6), "half": max(half, 0.1 * largest, 1e-6)}


def _ends(skeleton: Skeleton) -> list[int]:
    """The ends of limbs: joints with a counterpart on the other side and no bone beyond."""
    paired = {joint for pair in skeleton.pairs for joint in pair}
    parents = set(skeleton.parents)
    ends = [joint for joint in range(skeleton.joints) if joint not in parents]
    return [joint for joint in ends if joint in paired] or ends


def _tile(size: float) -> float:
    """A round length of about a quarter of the room, for the floor."""
    wish = max(size, 1e-6) / 2
    power = 10.0 ** math.floor(math.log10(wish))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= wish)
