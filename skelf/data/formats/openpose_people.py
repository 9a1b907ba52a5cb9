"""People of one frame as OpenPose writes them, and which of its models found their joints."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..motion import poses
from ..motion.video import Video
from . import whole_body
from .look import Look
from .text import instance, member_of, numbers

POSE = ("pose_keypoints_2d", "pose_keypoints")
"""The joints in the image: of version 1.1 and later, and of 1.0."""
SPACE = "pose_keypoints_3d"
_IMAGE = re.compile(r'\s*\{\s*"[^"]+\.\w{3,4}"\s*:')
REST = ("face_keypoints", "hand_left_keypoints", "hand_right_keypoints")


def told(look: Look) -> str:
    """Why a file is OpenPose's; empty where nothing says so."""
    if "people" not in look.keys or _IMAGE.match(look.text):  # AlphaPose's form `open`
        return ""
    field = next((key for key in (*POSE, SPACE) if key in look.keys), "")
    if field:
        return f"it has people with {field}, as OpenPose's"
    return "it has version and people, as OpenPose's" if "version" in look.keys else ""


def add_people(
    video: Video, at: int, frame: object, where: str, chosen: Mapping[int, Skeleton]
) -> None:
    """Adds the persons of a frame to a video.

    Raises:
        InputError: no such frame, or joints of no chosen layout.
    """
    if frame == {}:  # of programs that write a frame without anybody so
        return
    for i, body in enumerate(member_of(frame, "people", list, where)):
        here = f"{where}: people[{i}]"
        if body is None or body == {}:  # an empty place of a list of fixed length
            continue
        fields = instance(body, dict, here)
        pose, note = _pose(fields, here)
        if any(fields.get(key) or fields.get(f"{key}_2d") for key in REST):
            _say(video, "face and hands are passed over, the body is read")
        _say(video, note)
        if len(pose):  # none with --body 0 or 2: hands and face alone
            pose, note = whole_body.of_body(pose, chosen)
            _say(video, note)
            poses.refuse_joints(len(pose), chosen, f"{here}: {_key(fields)}")
            if video.joints and video.joints[0].shape[1] != pose.shape[1]:
                raise InputError(
                    f"{here}: joints in space, those before are of the image; write the one or the "
                    "other"
                )
            video.add(at, pose, _number(fields))


def _pose(fields: Mapping[str, object], where: str) -> tuple[np.ndarray, str]:
    """The joints `(V, 3)`, in space `(V, 4)` where there are none in the image; and a note."""
    key = _key(fields)
    if key in fields and fields[key] is None:
        return np.zeros((0, 3)), ""
    listed = member_of(fields, key, list, where)
    space = fields.get(SPACE)
    if not listed and isinstance(space, list) and space:
        return numbers(space, 4, f"{where}: {SPACE}"), (
            "joints in space, in the unit of the cameras' calibration; y down and z away from the "
            "first camera are turned to y up"
        )
    note = "joints in space are passed over, those of the image are read" if space else ""
    return numbers(listed, 3, f"{where}: {key}"), note


def _key(fields: Mapping[str, object]) -> str:
    return next((key for key in (*POSE, SPACE) if key in fields), POSE[0])


def _say(video: Video, note: str) -> None:
    if note and note not in video.notes:
        video.notes.append(note)


def _number(body: Mapping[str, object]) -> int:
    """OpenPose's number of a person, [-1] unless its tracking is on."""
    person = body.get("person_id")
    person = person[0] if isinstance(person, list) and len(person) == 1 else person
    return int(person) if isinstance(person, int) and 0 <= person < 1 << 40 else -1


def some_poses(content: object, joints: int) -> list[np.ndarray]:
    """Poses with that many joints in a file's first frames; none where it is damaged."""
    listed = frames_of(content)
    frames = (
        [content]
        if listed is None
        else list(listed.values() if isinstance(listed, dict) else listed)
    )
    found: list[np.ndarray] = []
    for frame in frames[:40]:
        people = frame.get("people") if isinstance(frame, dict) else None
        for body in people if isinstance(people, list) else ():
            try:
                pose, _ = _pose(body, "") if isinstance(body, dict) else (np.zeros((0, 3)), "")
            except InputError:  # which reading tells with all that it needs
                continue
            whole = whole_body.WHOLE.get(len(pose))
            pose = pose[:joints] if whole and whole.joints == joints else pose
            found += [pose] if pose.shape == (joints, 3) else []
    return found


def frames_of(content: object) -> list[object] | dict[str, object] | None:
    """The frames of a file that holds a whole video: a list, or by their names; None otherwise."""
    if isinstance(content, dict):
        if "people" in content:
            return None
        listed = content.get("frames")
        if isinstance(listed, list | dict):
            return listed
        bodies = [value for value in content.values() if isinstance(value, dict)]
        if bodies and all(value == {} or "people" in value for value in bodies):
            return {key: value for key, value in content.items() if isinstance(value, dict)}
        return None
    return content if isinstance(content, list) else None


def refuse_storage(names: list[str], where: str) -> None:
    """Raises InputError where --write_keypoint's YAML and XML are all that there is."""
    if names:
        raise InputError(
            f"{where}: {names[0]} is of --write_keypoint, which OpenPose has given up; run it with "
            "--write_json and import those files"
        )
