"""MediaPipe's landmarks as its own text: what `print(results.pose_landmarks)` writes.

A pose is 33 blocks `landmark { x: 0.5 y: 0.4 z: -0.1 visibility: 0.9 }`, or as many
`NormalizedLandmark(x=0.5, y=0.4, ...)`; a frame without anybody is `None` or `[]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..motion.video import Video
from .look import Look
from .members import Member
from .naming import Class
from .text import number, read_text

_TOKEN = re.compile(
    r"landmarks?\s*\{(?P<block>[^{}]*)\}|(?P<kind>Normalized)?Landmark\((?P<call>[^()]*)\)"
    r"|(?P<nobody>^\s*(?:None|\[\])\s*$)",
    re.MULTILINE,
)
_VALUE = re.compile(r"(x|y|z|visibility|presence)\s*[:=]\s*([^\s,]+)")
_BLOCK = re.compile(r"landmarks?\s*\{\s*x\s*:|NormalizedLandmark\(x=")


def told(look: Look) -> str:
    """Why a file holds landmarks as MediaPipe prints them."""
    if look.is_json or not _BLOCK.search(look.text[:4000]):
        return ""
    return "it has landmark { x: y: z: }, as MediaPipe's results are printed"


def read_landmarks(name: str, member: Member, class_: Class, skeleton: Skeleton) -> list[Video]:
    """The video of one file, a pose of one person after the other.

    Args:
        name: of the clip.
        member: the file.
        class_: of the clip.
        skeleton: the landmarks.

    Raises:
        InputError: no landmarks, or no whole poses of them.
    """
    where = str(member)
    found = [*_TOKEN.finditer(read_text(member))]
    normalized = any(match["kind"] for match in found)
    frames: list[list[list[float]] | None] = []
    for match in found:
        if match["nobody"]:
            frames.append(None)
            continue
        if match["call"] and normalized and not match["kind"]:
            continue  # those in metres, printed behind those in the image
        if not frames or frames[-1] is None or len(frames[-1]) == skeleton.joints:
            frames.append([])
        pose = frames[-1]
        assert pose is not None
        text = match["block"] or match["call"] or ""
        pose.append(_point(text, f"{where}: frame {len(frames) - 1}"))
    poses = [pose for pose in frames if pose is not None]
    if not poses:
        raise InputError(f"{where}: no landmarks; is it another kind of file?")
    short = next((i for i, pose in enumerate(frames) if pose and len(pose) < skeleton.joints), None)
    if short is not None:
        count = len(frames[short] or [])
        raise InputError(
            f"{where}: frame {short}: {count} landmarks, a pose has {skeleton.joints}; hands and "
            "face are left out before, a file that is cut off is copied again"
        )
    video = Video(name, where, len(frames), *class_)
    video.notes.append(
        "each frame is the next pose in the text: where nothing was printed for frames without "
        "anybody, time is short of them"
    )
    for at, pose in enumerate(frames):
        if pose is not None:
            video.add(at, np.array(pose))
    return [video]


def _point(text: str, where: str) -> list[float]:
    values: Mapping[str, str] = dict(_VALUE.findall(text))
    if missing := [key for key in ("x", "y", "z", "visibility") if key not in values]:
        raise InputError(
            f"{where}: a landmark without {missing[0]}; a pose's have it, those of hands and face "
            "do not: print pose_landmarks"
        )
    sure = values["visibility"]
    return [number(values[axis], where) for axis in "xyz"] + [number(sure, where)]
