"""JSON of easy_ViTPose: frames of persons by their numbers, whose joints are y, x, score.

    {"keypoints": [{"0": [[y, x, score], ...], "1": ...}, ...], "skeleton": {"0": "nose", ...}}

Source: easy_ViTPose's documentation of its output.
"""

from __future__ import annotations

from .look import Look
from .mmpose_json import Pose, Recording, names_of, points_of
from .text import instance, member_of


def told(look: Look) -> str:
    """Why a file is easy_ViTPose's; empty where nothing says so."""
    if {"keypoints", "skeleton"} <= look.outermost and not look.keys & {"annotations", "images"}:
        return "keypoints by frames and persons beside a skeleton, as easy_ViTPose writes them"
    return ""


def is_of(content: object) -> bool:
    """Whether parsed JSON has the form."""
    if not isinstance(content, dict) or not isinstance(content.get("skeleton"), dict):
        return False
    frames = content.get("keypoints")
    return isinstance(frames, list) and all(isinstance(frame, dict) for frame in frames)


def recording_of(content: object, where: str) -> Recording:
    """The frames of a file; y stands before x in it.

    Raises:
        InputError: joints that are none.
    """
    frames: dict[int, list[Pose]] = {}
    for number, row in enumerate(member_of(content, "keypoints", list, where)):
        here = f"{where}: keypoints[{number}]"
        frames[number] = []
        for person, values in instance(row, dict, here).items():
            joints = points_of(values, None, False, f"{here}: {person[:20]!a}")
            track = int(person) if person.isdecimal() and len(person) < 12 else -1
            frames[number].append(Pose(joints[:, [1, 0, 2]], track))
    names = names_of({"keypoint_id2name": member_of(content, "skeleton", dict, where)})
    return Recording(frames, names)
