"""MediaPipe's landmarks in JSON, in the forms in which its results are saved.

A list of frames, an object with such a list (`frames`, `data`, `landmarks`, ...), an object of
frames by their numbers, or one object a line. A frame is an object with the result's own fields,
landmarks by their number or name, or the landmarks themselves. A landmark is an object with x, y,
z, or a list of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..motion import poses
from ..motion.video import Video, refuse_crowd
from . import naming
from .frame_time import nearest_usual
from .landmark_columns import SURE, plain
from .members import Member
from .naming import Class
from .text import instance, numbers, read_json, read_text

Kind = Literal["auto", "world", "image"]
FIELDS = {
    "image": ("pose_landmarks", "landmarks", "keypoints", "pose", "normalized_landmarks"),
    "world": ("pose_world_landmarks", "world_landmarks", "keypoints_3d", "keypoints3_d"),
}
_OWN = {"image": "pose_landmarks", "world": "pose_world_landmarks"}
FRAMES = ("frames", "data", "landmarks", "pose_landmarks", "results", "sequence", "poses")
NUMBER = ("frame", "frame_index", "frame_number", "frame_id", "frame_idx", "index")
TIME = ("timestamp_ms", "timestamp", "time", "time_ms", "t", "timestamp_s", "timestamp_sec", "ts")


class _Frame(NamedTuple):
    """A frame as it stands in the file, its fields' names plain."""

    fields: dict[str, object]
    where: str


def read_landmarks(
    name: str, member: Member, class_: Class, chosen: Mapping[int, Skeleton], kind: Kind
) -> list[Video]:
    """The video of one file.

    Args:
        name: of the clip.
        member: the file.
        class_: of the clip.
        chosen: number of joints -> layout.
        kind: which landmarks; auto: those in metres where the file has any.

    Raises:
        InputError: no frames, fields that are missing, or landmarks of another number.
    """
    where = str(member)
    frames, fps = _frames(_content(member), where, chosen)
    taken, note = _kind(frames, kind, where)
    frame_numbers = [_number(frame, i) for i, frame in enumerate(frames)]
    naming.refuse_twice(frame_numbers, where)
    indices, length, step = naming.timeline(frame_numbers, where, sampled=True)
    video = Video(name, where, length, *class_, step=step)
    fps = fps or _rate(frames, frame_numbers)
    video.fps = fps / step
    video.notes += [note] if note else []
    video.notes += [f"{fps:g} frames a second, as the file says"] if fps else []
    for at, frame in zip(indices, frames, strict=True):
        bodies = _bodies(frame, taken, chosen)
        for body in bodies:
            video.add(at, body)
        if taken == "world":  # which lie about the hips: persons are told apart in the image
            other = _bodies(frame, "image", chosen)
            video.places += other if len(other) == len(bodies) else bodies
    return [video]


def _content(member: Member) -> object:
    """The file's JSON; of one object a line, a list of them."""
    try:
        return read_json(member)
    except InputError:
        lines = [line for line in read_text(member).splitlines() if line.strip()]
        try:
            if len(lines) > 1 and lines[0].strip()[-1:] in "}]":
                return [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            pass
        raise


def _frames(
    content: object, where: str, chosen: Mapping[int, Skeleton]
) -> tuple[list[_Frame], float]:
    """The frames of a file, and the frames a second that it states (0: none)."""
    fps = 0.0
    listed = content
    if isinstance(content, dict):
        fields = _plain(content)
        for key in ("fps", "frame_rate", "framerate"):
            stated = fields.get(key)
            nested = fields.get("metadata")
            if stated is None and isinstance(nested, dict):
                stated = _plain(nested).get(key)
            if (
                isinstance(stated, int | float)
                and not isinstance(stated, bool)
                and 0 < stated < 1e6
            ):
                fps = fps or float(stated)
        numbered = all(isinstance(k, str) and k.isdecimal() and len(k) < 12 for k in content)
        if content and numbered and not _is_point(next(iter(content.values()))):
            listed = [
                {**value, "frame": int(key)} if isinstance(value, dict) else
                {"frame": int(key), "landmarks": value} for key, value in content.items()
            ]  # fmt: skip
        else:
            found = next((k for k in FRAMES if isinstance(fields.get(k), list) and
                        _are_frames(fields[k], chosen)), None)  # fmt: skip
            listed = fields[found] if found else [content]
            if found is None and not fields.keys() & {*FIELDS["image"], *FIELDS["world"]}:
                have = (
                    " ".join(", ".join(sorted(map(str, content))[:12])[:200].split()) or "nothing"
                )
                raise InputError(f"{where}: field 'frames' is missing (there is {have}); add it")
    rows = instance(listed, list, where)
    if not rows:
        raise InputError(f"{where}: no frames; write one object for each frame")
    if _is_point(rows[0]):  # one frame alone
        rows = [rows]
    if not any(rows):
        raise InputError(f"{where}: frames are missing: there are no landmarks in any of them")
    frames = []
    for i, row in enumerate(rows):
        here = f"{where}: [{i}]"
        if isinstance(row, list) or row is None:
            row = {"landmarks": row}
        fields = _plain(instance(row, dict, here))
        inner = fields.get("pose")
        if isinstance(inner, dict) and not _is_named(inner, chosen):  # {"pose": {"landmarks": ...}}
            fields = {**fields, **_plain(inner)}
            fields.pop("pose")
        elif _is_named(fields, chosen):
            fields = {"landmarks": _by_name(fields, chosen, here)}
        frames.append(_Frame(fields, here))
    return frames, fps


def _are_frames(value: object, chosen: Mapping[int, Skeleton]) -> bool:
    """Whether a list holds frames rather than the landmarks of one."""
    if not isinstance(value, list) or not value:
        return isinstance(value, list)
    return not (_is_point(value[0]) or (isinstance(value[0], list) and len(value) == 1))


def _is_point(value: object) -> bool:
    if isinstance(value, dict):
        return {"x", "y"} <= {str(key).lower() for key in value}
    return (
        isinstance(value, list) and 2 <= len(value) <= 5 and not isinstance(value[0], list | dict)
    )


def _is_named(fields: Mapping[str, object], chosen: Mapping[int, Skeleton]) -> bool:
    """Whether a frame's fields are its landmarks, by number or by name."""
    skeleton = next(iter(chosen.values()))
    names = {*skeleton.names, *map(str, range(skeleton.joints))}
    points = [key for key, value in fields.items() if plain(str(key)) in names and _is_point(value)]
    return len(points) >= skeleton.joints


def _by_name(
    fields: Mapping[str, object], chosen: Mapping[int, Skeleton], where: str
) -> list[object]:
    skeleton = next(iter(chosen.values()))
    by_plain = {plain(str(key)): value for key, value in fields.items()}
    return [
        by_plain[name] if name in by_plain else by_plain[str(i)]
        for i, name in enumerate(skeleton.names)
    ]


def _plain(fields: Mapping[str, object]) -> dict[str, object]:
    return {plain(str(key)): value for key, value in fields.items()}


def _kind(frames: list[_Frame], kind: Kind, where: str) -> tuple[Literal["image", "world"], str]:
    """Which landmarks are read, and what a user should know of it."""
    have = {
        which: any(fields.keys() & {*names} for fields, _ in frames)
        for which, names in FIELDS.items()
    }
    if kind != "auto":
        if not have[kind]:
            other = "image" if kind == "world" else "world"
            raise InputError(
                f"{frames[0].where}: field {_OWN[kind]!r} is missing; add it, or use "
                f"landmarks={other}"
            )
        return kind, ""
    if have["world"] and any(_field(frame, "world")[1] for frame in frames):
        return "world", ""
    if have["image"]:
        return "image", "no landmarks in metres (worldLandmarks): those in the image"
    first = frames[0]
    have_there = ", ".join(map(str, sorted(first.fields)[:8]))[:200] or "nothing"
    raise InputError(
        f"{first.where}: field 'pose_landmarks' is missing (there is {have_there}); add it"
    )


def _field(frame: _Frame, kind: str) -> tuple[str | None, object]:
    key = next((key for key in FIELDS[kind] if key in frame.fields), None)
    return key, frame.fields[key] if key else None


def _number(frame: _Frame, at: int) -> int:
    stated = next((frame.fields[key] for key in NUMBER if frame.fields.get(key) is not None), None)
    if isinstance(stated, float) and stated == int(stated):
        stated = int(stated)
    number = at if stated is None else instance(stated, int, f"{frame.where}: frame")
    return naming.frame_number(number, frame.where)


def _rate(frames: list[_Frame], frame_numbers: list[int]) -> float:
    """Frames a second by the frames' times; 0 where they have none."""
    key = next((key for key in TIME if key in frames[0].fields), None)
    last = frames[-1].fields.get(key or "")
    first = frames[0].fields.get(key or "")
    if not isinstance(first, int | float) or not isinstance(last, int | float):
        return 0.0
    count = frame_numbers[-1] - frame_numbers[0]
    step = (float(last) - float(first)) / count if count > 0 else 0.0
    if not 0 < step < 1e9:
        return 0.0
    is_ms = str(key).endswith("ms") or step > 1
    return nearest_usual((1000 if is_ms else 1) / step)


def _bodies(frame: _Frame, kind: str, chosen: Mapping[int, Skeleton]) -> list[np.ndarray]:
    """The poses `(V, 4)` of one frame; none where it has no such field."""
    key, value = _field(frame, kind)
    if not value:
        return []
    where = f"{frame.where}: {key}"
    if isinstance(value, dict):
        if _is_named(value, chosen):
            return [_body(_by_name(value, chosen, where), chosen, where)]
        return [_body(value, chosen, where)]
    listed: list[object] = instance(value, list, where)
    first = listed[0]
    if _is_point(first):
        return [_body(value, chosen, where)]
    if isinstance(first, list) or (isinstance(first, dict) and "landmark" in first):
        refuse_crowd(len(listed), where)
        return [_body(body, chosen, f"{where}[{i}]") for i, body in enumerate(listed)]
    return [_body(value, chosen, where)]


def _body(body: object, chosen: Mapping[int, Skeleton], where: str) -> np.ndarray:
    if isinstance(body, dict):
        inner = body.get("landmark", body.get("landmarks"))
        if inner is None:
            named = ", ".join([key for key, value in body.items() if _is_point(value)][:4])
            raise InputError(
                f"{where}: landmarks by their names ({named[:80]}, ...), whose unit and axes are "
                "the script's own; write a CSV with columns as left_hip_x, and what it is"
                if named
                else f"{where}: field 'landmark' is missing; add it"
            )
        body = inner
    points = instance(body, list, where)
    if len(points) == 21 and 21 not in chosen:
        raise InputError(f"{where}: 21 landmarks are a hand's, of no body; leave hands out")
    flat: list[object] = []
    for i, point in enumerate(points):
        flat += _point(point, f"{where}[{i}]")
    joints = numbers(flat, 4, where)
    poses.refuse_joints(len(joints), chosen, where)
    return joints


def _point(point: object, where: str) -> list[object]:
    """x, y, z and how sure; no z is 0, as far as the hips."""
    if isinstance(point, list):
        if not 2 <= len(point) <= 5:
            raise InputError(f"{where}: {len(point)} numbers; write x, y, z, visibility")
        values: list[object] = [*point, 0.0] if len(point) == 2 else [*point]
        return [*values[:3], values[3] if len(values) > 3 else 1.0]
    fields = {str(key).lower(): value for key, value in instance(point, dict, where).items()}
    if missing := [axis for axis in "xyz" if axis not in fields]:
        raise InputError(f"{where}: {missing[0]!r} is missing; write x, y, z, visibility")
    sure = next((fields[word] for word in SURE if word in fields), 1.0)
    return [fields["x"], fields["y"], fields["z"], sure]
