"""JSON of Azure Kinect's body tracking (and of Kinect 2): frames of bodies with 32 (25) joints.

    {"joint_names": [...], "frames": [{"frame_id": 0, "timestamp_usec": 33333, "num_bodies": 1,
      "bodies": [{"body_id": 1, "joint_positions": [[x, y, z], ...], "joint_orientations": ...}]}]}

is what the SDK's sample offline_processor writes: millimetres in the depth camera's axes, x right,
y down, z away. Programs made of it add confidences, write joints as objects, or all bodies of a
frame as one. Source: Microsoft's Azure-Kinect-Samples (offline_processor) and its documentation of
body tracking joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import AZURE32, NTU25
from . import naming
from .look import Look
from .text import instance, numbers

BODIES = ("bodies", "Bodies", "skeletons", "people")
PLACES = ("joint_positions", "positions", "jointPositions", "JointPositions")
JOINTS = ("joints", "Joints", "skeleton", "Skeleton")
SURE = (
    "joint_confidences", "joint_confidence", "confidences", "confidence_levels", "confidence_level",
    "joint_confidence_levels", "confidence", "ConfidenceLevel", "Confidence", "trackingState",
    "tracking_state", "TrackingState",
)  # fmt: skip
PERSON = ("body_id", "bodyId", "BodyId", "id", "Id", "trackingId", "tracking_id", "TrackingId")
FRAME = ("frame_id", "frameId", "frame", "frame_number", "frame_index", "FrameId")
TIME = ("timestamp_usec", "device_timestamp_usec", "timestamp", "Timestamp", "time", "time_stamp")
LEVELS = {"none": 0, "low": 1, "medium": 2, "high": 3}
"""A joint that is out of range, one that is guessed, and those that are seen."""
SHARES = np.array([0.0, 0.5, 1.0, 1.0])


class Frame(NamedTuple):
    """One frame: its number, or -1; its time, or NaN; and its bodies, (person, `(V, 4)`)."""

    number: int
    time: float
    bodies: list[tuple[int, np.ndarray]]


class Recording(NamedTuple):
    """What a file holds.

    Args:
        frames: in order.
        kinect2: bodies have Kinect 2's joints, in metres with y up.
        official: the SDK's sample wrote the file, or what was made of it.
        merged: frames whose bodies stood in one list, without the numbers of persons.
        fps: what the file states, 0 nothing.
    """

    frames: list[Frame]
    kinect2: bool = False
    official: bool = False
    merged: int = 0
    fps: float = 0.0


def told(look: Look) -> str:
    """Why a file is Azure Kinect's; empty where nothing says so."""
    if "k4abt_sdk_version" in look.keys:
        return "k4abt_sdk_version, as Azure Kinect's body tracking writes it"
    if {"bodies", "joint_positions"} <= look.keys:
        return "bodies with joint_positions, as Azure Kinect's body tracking"
    if {"bodies", "joints", "cameraX", "cameraY", "cameraZ"} <= look.keys:
        return "bodies with joints of cameraX, cameraY, cameraZ, as Kinect 2's"
    if look.is_json and {"PELVIS", "SPINE_CHEST"} <= look.keys:
        return "joints called PELVIS and SPINE_CHEST, as Azure Kinect's"
    return ""


def recording_of(content: object, where: str) -> Recording:
    """The frames of a file.

    Raises:
        InputError: no such frames, or another number of joints.
    """
    head = content if isinstance(content, dict) else {}
    rows = content
    if isinstance(content, dict):
        rows = content.get("frames", content.get("Frames", [content]))
    order = _order(head.get("joint_names"), where)
    frames, merged, kinect2 = [], 0, False
    for i, row in enumerate(instance(rows, list, where)):
        here = f"{where}: frames[{i}]"
        fields = instance(row, dict, here)
        bodies: list[tuple[int, np.ndarray]] = []
        for k, body in enumerate(_bodies(fields, here)):
            place = f"{here}: bodies[{k}]"
            if not body or not isinstance(body, dict) or body.get("tracked") is False:
                continue  # null where nobody was there, and Kinect 2's empty places
            joints = _joints(body, order, place)
            if joints is None:
                continue
            kinect2 = kinect2 or len(joints) == NTU25.joints
            size = NTU25.joints if kinect2 else AZURE32.joints
            if len(joints) % size:
                raise InputError(
                    f"{place}: {len(joints)} joints; Azure Kinect has {AZURE32.joints}, Kinect 2 "
                    f"{NTU25.joints}"
                )
            several = len(joints) > size
            merged += several
            for at in range(0, len(joints), size):
                bodies.append((-1 if several else _person(body), joints[at : at + size]))
        frames.append(Frame(_number(fields, here), _time(fields), bodies))
    fps = head.get("frames_per_second")
    stated = float(fps) if isinstance(fps, int | float) and 0 < fps < 1000 else 0.0
    return Recording(frames, kinect2, "k4abt_sdk_version" in head, merged, stated)


def canonical(name: str) -> str:
    """A joint's name without case, punctuation and prefix, its side at the end.

    >>> canonical("K4ABT_JOINT_HAND_LEFT"), canonical("left hand"), canonical("SPINE_NAVAL")
    ('handleft', 'handleft', 'spinenavel')
    """
    word = "".join(letter for letter in name.lower() if letter.isalnum())
    for prefix in ("k4abtjoint", "jointid", "jointtype"):
        word = word.removeprefix(prefix)
    word = word.replace("naval", "navel")
    for side in ("left", "right"):
        if word.startswith(side):
            word = word.removeprefix(side) + side
    return word


_PLACE = {canonical(name): at for at, name in enumerate(AZURE32.names)}


def places_of(names: list[str]) -> list[int] | None:
    """Where each of the 32 joints stands among these names; None where one is missing."""
    at = {canonical(name): i for i, name in enumerate(names)}
    return [at[name] for name in _PLACE] if set(_PLACE) <= set(at) else None


def shares_of(levels: np.ndarray) -> np.ndarray:
    """Confidences of levels 0 to 3; what is no level stays as it is."""
    whole = np.isfinite(levels) & (levels == np.round(levels)) & (levels >= 0) & (levels <= 3)
    if not whole.all():
        return levels
    return SHARES[levels.astype(int)]


def _order(names: object, where: str) -> list[int] | None:
    """Where the SDK's joints stand in the file; None: in their own order."""
    if not isinstance(names, list) or not names:
        return None
    order = places_of([str(name) for name in names])
    if order is None or len(names) != AZURE32.joints:
        raise InputError(
            f"{where}: joint_names: {len(names)} names, not the 32 of Azure Kinect; "
            "is it of another device?"
        )
    return order


def _bodies(fields: Mapping[str, object], where: str) -> list[object]:
    key = next((key for key in BODIES if key in fields), "")
    if not key:
        if any(word in fields for word in (*PLACES, *JOINTS)) or _named(fields):
            return [fields]
        raise InputError(f"{where}: no bodies in it; write the list, empty where nobody is there")
    value = fields[key]
    if value is None:
        return []
    if isinstance(value, dict):  # by the bodies' numbers
        return [
            {**body, "body_id": number} if isinstance(body, dict) else body
            for number, body in value.items()
        ]
    return instance(value, list, f"{where}: {key}")


def _named(fields: Mapping[str, object]) -> bool:
    return set(_PLACE) <= {canonical(str(key)) for key in fields}


def _joints(body: dict[str, object], order: list[int] | None, where: str) -> np.ndarray | None:
    """`(V, 4)` positions and confidence; None where there is no skeleton."""
    key = next((key for key in (*PLACES, *JOINTS) if key in body), "")
    listed: object = body[key] if key else body if _named(body) else None
    if isinstance(listed, dict) and any(word in listed for word in (*PLACES, "joints", "Joints")):
        return _joints(listed, order, f"{where}: {key}")
    if listed is None:
        return None
    if isinstance(listed, dict):
        names = [name for name in listed if canonical(name) in _PLACE]
        own = places_of(names)
        if own is None:
            raise InputError(f"{where}: not all of Azure Kinect's 32 joints by their names")
        listed, order = [listed[names[at]] for at in own], None
    rows = instance(listed, list, f"{where}: {key}")
    if not rows:
        return None
    if all(isinstance(row, dict) and isinstance(_name(row), str) for row in rows):
        own = places_of([str(_name(row)) for row in rows if isinstance(row, dict)])
        if own is not None:
            rows, order = [rows[at] for at in own], None
    joints = np.array([_point(row, f"{where}: {key}[{i}]") for i, row in enumerate(rows)])
    levels = next((body[word] for word in SURE if isinstance(body.get(word), list)), None)
    if levels is not None:
        sure = numbers([_level(level) for level in instance(levels, list, where)], 1, where)
        if len(sure) != len(joints):
            raise InputError(f"{where}: {len(sure)} confidences for {len(joints)} joints")
        joints[:, 3] = sure[:, 0]
    joints[:, 3] = shares_of(joints[:, 3])
    if order is not None and len(joints) % len(order) == 0:
        every = np.arange(len(joints)).reshape(-1, len(order))[:, order]
        joints = joints[every.reshape(-1)]
    return joints


def _name(row: dict[str, object]) -> object:
    return next(
        (row[word] for word in ("name", "joint_name", "joint", "jointType", "type") if word in row),
        None,
    )


def _point(row: object, where: str) -> list[float]:
    """x, y, z and confidence level of a joint; 2 (seen) where there is none."""
    if isinstance(row, dict):
        level = next((row[word] for word in SURE if word in row), 2)
        if "cameraX" in row:  # Kinect 2, whose y points up
            x, y, z = numbers([row.get(f"camera{axis}") for axis in "XYZ"], 1, where)[:, 0]
            return [float(x), -float(y), -float(z), _sure(level, where)]
        inner = next((row[word] for word in ("position", "Position", "pos") if word in row), row)
        if isinstance(inner, dict):
            inner = next((inner[word] for word in ("xyz", "v") if word in inner), inner)
        if isinstance(inner, dict):
            axes = {str(key).lower(): value for key, value in inner.items()}
            if not {"x", "y", "z"} <= set(axes):
                raise InputError(f"{where}: x, y or z is missing; write all three")
            inner = [axes[axis] for axis in "xyz"]
        return [*_three(inner, where), _sure(level, where)]
    return [*_three(row, where), 2.0]


def _three(values: object, where: str) -> list[float]:
    point = numbers(values, 1, where)[:, 0]
    if len(point) != 3:
        raise InputError(f"{where}: {len(point)} numbers, expected x, y, z")
    return [float(value) for value in point]


def _sure(level: object, where: str) -> float:
    return float(numbers([_level(level)], 1, f"{where}: confidence")[0, 0])


def _level(level: object) -> object:
    """A level's number: they are written as 2, "Medium" or K4ABT_JOINT_CONFIDENCE_MEDIUM."""
    if isinstance(level, str):
        return LEVELS.get(level.rpartition("_")[2].rpartition(".")[2].lower(), level)
    return level


def _person(body: Mapping[str, object]) -> int:
    value = next((body[word] for word in PERSON if word in body), None)
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        value = int(value)
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64
    return value if known and isinstance(value, int) and value != 0xFFFFFFFF else -1


def _number(fields: Mapping[str, object], where: str) -> int:
    value = next((fields[word] for word in FRAME if word in fields), None)
    return naming.frame_number(value, where) if isinstance(value, int) else -1


def _time(fields: Mapping[str, object]) -> float:
    value = next((fields[word] for word in TIME if word in fields), None)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (
        float(value)
        if is_number and isinstance(value, int | float) and abs(value) < 1e19
        else float("nan")
    )
