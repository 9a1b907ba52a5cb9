"""JSON of MMPose, MMSkeleton and the like, as frames of poses; which joints they are is not asked.

    {"meta_info": {"keypoint_id2name": {...}}, "instance_info":
       [{"frame_id": 1, "instances": [{"keypoints": [[x, y], ...], "keypoint_scores": [...]}]}]}

is a video of the demos; the inferencer writes the list alone, with frames from 0, and for an image
the list of its instances. Older ones are lists of instances with [x, y, score] a joint. MMSkeleton
has "info" and "annotations" with `frame_index`. Source: the documentation of MMPose (demos and
inferencers) and of MMSkeleton.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import InputError
from . import naming
from .look import Look
from .text import instance, member_of, numbers

FRAME = ("frame_id", "frame_index", "frame", "frame_number", "frame_idx")
PERSON = ("track_id", "person_id", "instance_id", "id")
SCORES = ("keypoint_scores", "scores", "keypoints_scores", "keypoint_score")
MOST_SCORE = 2.5  # of SimCC models scores reach above 1; pixels are larger


class Pose(NamedTuple):
    """One body: `(V, 3)` or in space `(V, 4)`, score last; its number or -1; its box `(4,)`."""

    joints: np.ndarray
    person: int = -1
    box: np.ndarray | None = None


class Recording(NamedTuple):
    """What a file holds.

    Args:
        frames: number of a frame -> its poses.
        names: of the joints; empty: not said.
        image: it is one frame, whose number its name says.
        length: of the video, 0 as many as the frames span.
        label: class, -1 not said.
    """

    frames: dict[int, list[Pose]]
    names: tuple[str, ...] = ()
    image: bool = False
    length: int = 0
    label: int = -1


def told(look: Look) -> str:
    """Why a file is MMPose's or MMSkeleton's; empty where nothing says so."""
    keys = look.keys
    if "instance_info" in keys:
        return "instance_info, as MMPose's demos write it"
    if {"instances", "keypoints", "keypoint_scores"} <= keys:
        return "frames with instances of keypoints and keypoint_scores, as MMPose's inferencer"
    if {"keypoints", "keypoint_scores"} <= keys and not keys & {"images", "image_id"}:
        return "keypoints with keypoint_scores, as MMPose's inferencer writes an image's"
    if {"info", "keypoint_channels"} <= keys:
        return "info with keypoint_channels, as MMSkeleton writes it"
    return ""


def recording_of(content: object, where: str) -> Recording:
    """The frames of a file in any of the forms.

    Raises:
        InputError: none of them, or numbers that are none.
    """
    if isinstance(content, dict):
        if "instance_info" in content:
            names = names_of(content.get("meta_info"))
            rows = member_of(content, "instance_info", list, where)
            return _listed(rows, f"{where}: instance_info")._replace(names=names)
        if "annotations" in content:
            return _mmskeleton(content, where)
        if "frames" in content or "predictions" in content:
            key = "frames" if "frames" in content else "predictions"
            rows = member_of(content, key, list, where)
            return _listed(rows, f"{where}: {key}")._replace(names=names_of(content))
        if "keypoints" in content or "instances" in content:
            return Recording({0: _instances(content, where)}, image=True)
    return _listed(instance(content, list, where), where)


def _listed(rows: list[object], where: str) -> Recording:
    """A list of frames, or the instances of one image."""
    if all(isinstance(row, dict) and not _is_frame(row) for row in rows):
        poses = [pose for i, row in enumerate(rows) for pose in _poses(row, f"{where}[{i}]")]
        return Recording({0: poses}, image=True)
    frames: dict[int, list[Pose]] = {}
    for i, row in enumerate(rows):
        here = f"{where}[{i}]"
        number = i
        if isinstance(row, dict):
            stated = next((row[key] for key in FRAME if key in row), None)
            if stated is not None:
                number = naming.frame_number(instance(stated, int, f"{here}: frame"), here)
        if number in frames:
            raise InputError(f"{here}: frame {number} stands twice; number the frames")
        frames[number] = _instances(row, here)
    return Recording(frames)


def _is_frame(row: dict[str, object]) -> bool:
    several = _is_several(row.get("keypoints"))
    named = any(key in row for key in (*FRAME, "instances", "predictions"))
    return several or named


def _is_several(values: object) -> bool:
    """Whether joints are those of all persons of a frame, rather than of one."""
    first = values[0] if isinstance(values, list) and values else None
    return isinstance(first, list) and bool(first) and isinstance(first[0], list)


def _instances(row: object, where: str) -> list[Pose]:
    """The poses of a frame: a list of instances, or what holds one."""
    if isinstance(row, dict):
        key = next(
            (key for key in ("instances", "predictions", "persons", "people") if key in row), ""
        )
        if not key:
            return _poses(row, where)
        row, where = row[key], f"{where}: {key}"
    poses = []
    for i, one in enumerate(instance(row, list, where)):
        here = f"{where}[{i}]"
        poses += _instances(one, here) if isinstance(one, list) else _poses(one, here)
    return poses


def _poses(row: object, where: str) -> list[Pose]:
    """The pose of an instance, or all of a frame that are in one array."""
    fields = instance(row, dict, where)
    space = "keypoints_3d" in fields
    key = "keypoints_3d" if space else "keypoints"
    values = member_of(fields, key, list, where)
    if not values:
        return []
    scores = next((fields[word] for word in SCORES if fields.get(word) is not None), None)
    if _is_several(values):
        each = scores if isinstance(scores, list) and len(scores) == len(values) else None
        return [
            Pose(points_of(body, each[i] if each else None, space, f"{where}: {key}[{i}]"))
            for i, body in enumerate(values)
        ]
    person = next((fields[word] for word in PERSON if word in fields), None)
    known = isinstance(person, int | float) and 0 <= person < 1 << 40 and person != 10_000
    return [
        Pose(
            points_of(values, scores, space, f"{where}: {key}"),
            int(person) if known and isinstance(person, int | float) else -1,
            _box(fields.get("bbox")),
        )
    ]


def points_of(values: object, scores: object, space: bool, where: str) -> np.ndarray:
    """A body's joints, `(V, 3)` or in space `(V, 4)`, score last.

    Args:
        values: a list of two or three numbers for each, or a flat one of x, y and score.
        scores: beside them; None: there are none.
        space: three numbers are x, y, z whatever they are.
        where: for messages.

    Raises:
        InputError: other lists, or three numbers of which the last is no score.
    """
    listed = instance(values, list, where)
    if not all(isinstance(point, list) for point in listed):  # flat, x, y and score each
        return numbers(listed, 3, where)
    widths = {len(point) for point in listed}
    if len(widths) > 1 or not widths <= {2, 3, 4}:
        raise InputError(f"{where}: joints of {sorted(widths)} numbers; give two or three each")
    width = widths.pop()
    points = numbers([value for point in listed for value in point], width, where)
    if scores is not None:
        sure = numbers(_flat(scores, where), 1, f"{where}: scores")
        if len(sure) != len(points):
            raise InputError(f"{where}: {len(sure)} scores for {len(points)} joints; give each one")
        return np.hstack([points[:, :3], sure])
    if width == 4:
        return points
    if width == 3 and not space:
        third = points[:, 2]
        if np.nanmin(third, initial=0) < 0 or np.nanmax(third, initial=0) > MOST_SCORE:
            raise InputError(
                f"{where}: the third numbers reach from {np.nanmin(third):.4g} to "
                f"{np.nanmax(third):.4g}: no scores; where they are depths, write keypoint_scores "
                "beside them"
            )
        return points
    return np.hstack([points, points.any(axis=1, keepdims=True).astype(float)])


def _flat(scores: object, where: str) -> list[object]:
    listed = instance(scores, list, where)
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in listed]


def _box(box: object) -> np.ndarray | None:
    while isinstance(box, list) and len(box) == 1:
        box = box[0]
    if not isinstance(box, list) or len(box) not in (4, 5):
        return None
    if not all(isinstance(value, int | float) for value in box):
        return None
    corners = np.array(box[:4], float)
    return corners if np.isfinite(corners).all() and np.abs(corners).max() < 1e9 else None


def names_of(meta: object) -> tuple[str, ...]:
    """Names of joints in their order, as `meta_info` has them."""
    if not isinstance(meta, dict):
        return ()
    table = meta.get("keypoint_id2name")
    if isinstance(table, dict) and all(str(key).isdecimal() for key in table):
        pairs = [(int(key), str(name)) for key, name in table.items()]
    else:
        table = meta.get("keypoint_name2id")
        if not isinstance(table, dict) or not all(isinstance(at, int) for at in table.values()):
            return ()
        pairs = [(at, str(name)) for name, at in table.items()]
    pairs.sort()
    return (
        tuple(name for _, name in pairs) if [at for at, _ in pairs] == [*range(len(pairs))] else ()
    )


def _mmskeleton(content: dict[str, object], where: str) -> Recording:
    info = content.get("info")
    info = info if isinstance(info, dict) else {}
    channels = info.get("keypoint_channels", ["x", "y", "score"])
    if channels not in (["x", "y", "score"], ["x", "y"]):
        raise InputError(
            f"{where}: info: keypoint_channels: {str(channels)[:60]}; known are x, y, score"
        )
    frames: dict[int, list[Pose]] = {}
    for i, row in enumerate(member_of(content, "annotations", list, where)):
        here = f"{where}: annotations[{i}]"
        number = naming.frame_number(member_of(row, "frame_index", int, here), here)
        fields = instance(row, dict, here)
        body = {key: fields[key] for key in ("keypoints", "person_id") if key in fields}
        frames.setdefault(number, []).extend(_poses(body, here))
    length, label = info.get("num_frame"), content.get("category_id")
    known = isinstance(length, int) and frames and max(frames) < length <= naming.LONGEST
    return Recording(
        frames,
        length=length if known and isinstance(length, int) else 0,
        label=label if isinstance(label, int) and 0 <= label < 100_000 else -1,
    )
