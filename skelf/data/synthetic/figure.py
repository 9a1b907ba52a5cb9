"""A jointed figure for any layout: rest pose from joint names, nine segments, kinematics.

The segments are the trunk (with head and pelvis), and for each side upper arm, forearm (with hand),
thigh and shank (with foot). Every bone of a layout lies within one segment, or its upper end is the
pivot of the lower one, so bone lengths never change (where a layout leaves out shoulders or hips,
the bones across them do, as in a real body). Body frame: metres, y up, the figure faces -z
(towards a camera at the origin that looks along +z), its left is -x.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...joints.words import MIDDLE_PLACES, SIDED_PLACES
from ...skeleton import Skeleton
from ..motion.kinematics import rotation
from .fine_places import Place, fine_places, rig_places, spine_places

SEGMENTS = (
    "trunk",
    "arm_l",
    "fore_l",
    "arm_r",
    "fore_r",
    "thigh_l",
    "shank_l",
    "thigh_r",
    "shank_r",
)
PARENT = (-1, 0, 1, 0, 3, 0, 5, 0, 7)
HEIGHT = 1.7
ANKLE = 0.41  # metres from knee to ankle; the ankle is 0.09 above the floor

# Place of a joint (`words.py` has its names) -> segment ("" for the trunk) and rest position in
# metres, on the right side.
_SIDED = {
    "eye": ("", (0.035, 1.64, -0.08)),
    "ear": ("", (0.08, 1.62, 0.0)),
    "mouth": ("", (0.025, 1.56, -0.09)),
    "small_finger": ("fore", (0.24, 0.72, 0.0)),
    "finger": ("fore", (0.25, 0.70, -0.05)),
    "thumb": ("fore", (0.22, 0.78, -0.08)),
    "small_toe": ("shank", (0.16, 0.02, -0.13)),
    "toe": ("shank", (0.12, 0.02, -0.16)),
    "wrist": ("fore", (0.24, 0.87, -0.02)),
    "elbow": ("arm", (0.22, 1.13, 0.02)),
    "collar": ("", (0.06, 1.42, 0.0)),
    "shoulder": ("", (0.18, 1.40, 0.0)),
    "hand": ("fore", (0.25, 0.79, -0.03)),
    "hip": ("", (0.10, 0.93, 0.0)),
    "ankle": ("shank", (0.11, 0.09, 0.03)),
    "heel": ("shank", (0.11, 0.03, 0.07)),
    "knee": ("thigh", (0.11, 0.50, -0.01)),
    "foot": ("shank", (0.12, 0.03, -0.10)),
}
_MIDDLE = {
    "nose": ("", (0.0, 1.60, -0.10)),
    "jaw": ("", (0.0, 1.55, -0.05)),
    "head": ("", (0.0, 1.64, 0.0)),
    "chest": ("", (0.0, 1.40, 0.0)),
    "neck": ("", (0.0, 1.48, 0.0)),
    "hips": ("", (0.0, 0.95, 0.0)),
    "torso": ("", (0.0, 1.17, 0.0)),
}
# Where each segment turns about, on the right side.
_PIVOTS = {
    "trunk": (0.0, 0.95, 0.0),
    "arm": (0.18, 1.40, 0.0),
    "fore": (0.22, 1.13, 0.02),
    "thigh": (0.10, 0.93, 0.0),
    "shank": (0.11, 0.50, -0.01),
}


@dataclass(frozen=True)
class Figure:
    """The rest pose of a layout, cut into segments.

    Args:
        segment: `(V,)` the segment of each joint, an index into `SEGMENTS`.
        offset: `(V, 3)` the joint from its segment's pivot, metres.
        pivot: `(9, 3)` each segment's pivot from the pivot of its parent segment, metres.
    """

    segment: np.ndarray
    offset: np.ndarray
    pivot: np.ndarray

    @classmethod
    def of(cls, skeleton: Skeleton) -> Figure:
        """Places joints by name; unknown ones lie between their neighbours or hang off them."""
        segment, rest = _place(skeleton)
        pivots = np.array([_mirror(_PIVOTS[n.split("_")[0]], n.endswith("_l")) for n in SEGMENTS])
        above = np.where(np.array(PARENT)[:, None] < 0, 0.0, pivots[list(PARENT)])
        return cls(segment, rest - pivots[segment], pivots - above)

    @property
    def rest(self) -> np.ndarray:
        """The standing pose `(V, 3)`, metres, floor at y = 0."""
        return self.pose({}, np.ones((1, 4)))[0]

    def pose(self, angles: Mapping[str, np.ndarray], scale: np.ndarray) -> np.ndarray:
        """Joint positions under the given angles.

        Args:
            angles: channel -> `(F,)` or a number, radians; channels that are left out are 0. Trunk:
                "pitch" (forwards), "roll", "yaw"; per side `_l`, `_r`: "flex" (arm forwards), "abd"
                (arm sideways), "twist" (forearm turns upwards where the arm is sideways), "elbow",
                "hip" (thigh forwards), "spread", "knee". In metres: "x", "z" (place on the floor)
                and "y" (height of a jump).
            scale: `(F, 4)` body proportions: trunk, arms, legs, breadth; 1 is the template.

        Returns:
            `(F, V, 3)` in the body frame; the lower foot stands on the floor, y = 0, plus the jump.
        """
        frames = len(scale)

        def channel(name: str) -> np.ndarray:
            return np.broadcast_to(np.asarray(angles.get(name, 0.0), np.float64), (frames,))

        turns = self._turns(channel)
        kind = np.array([1 + (n[0] in "af") + 2 * (n[0] in "ts") for n in SEGMENTS])
        kind[0] = 1
        size = scale[:, np.where(kind == 2, 1, np.where(kind == 3, 2, 0))]  # (F, 9)
        wide = scale[:, 3]
        places = np.zeros((frames, len(SEGMENTS), 3))
        for s, parent in enumerate(PARENT):
            if parent >= 0:
                step = self.pivot[s] * size[:, parent, None]
                if parent == 0:
                    step[:, 0] = self.pivot[s, 0] * wide
                places[:, s] = places[:, parent] + np.einsum("fij,fj->fi", turns[:, parent], step)
        ankles = [
            places[:, s, 1] - ANKLE * size[:, s] * turns[:, s, 1, 1]
            for s in (SEGMENTS.index("shank_l"), SEGMENTS.index("shank_r"))
        ]
        offset = self.offset * size[:, self.segment, None]  # (F, V, 3)
        trunk = self.segment == 0
        offset[:, trunk, 0] = self.offset[trunk, 0] * wide[:, None]
        joints = places[:, self.segment] + np.einsum(
            "fvij,fvj->fvi", turns[:, self.segment], offset, optimize=True
        )
        lift = channel("y") - np.minimum(*ankles) + 0.09 * scale[:, 2]
        return joints + np.stack([channel("x"), lift, channel("z")], axis=1)[:, None]

    @staticmethod
    def _turns(c: Callable[[str], np.ndarray]) -> np.ndarray:
        """World rotation of every segment, `(F, 9, 3, 3)`, from the channels."""
        turns = [rotation("y", c("yaw")) @ rotation("z", c("roll")) @ rotation("x", -c("pitch"))]
        for side, sign in (("l", -1), ("r", 1)):
            arm = rotation("z", sign * c(f"abd_{side}")) @ rotation("x", c(f"flex_{side}"))
            turns.append(turns[0] @ arm @ rotation("y", -sign * c(f"twist_{side}")))
            turns.append(turns[-1] @ rotation("x", c(f"elbow_{side}")))
        for side, sign in (("l", -1), ("r", 1)):
            thigh = rotation("z", sign * c(f"spread_{side}")) @ rotation("x", c(f"hip_{side}"))
            turns.append(turns[0] @ thigh)
            turns.append(turns[-1] @ rotation("x", -c(f"knee_{side}")))
        return np.stack(turns, axis=1)


def _mirror(place: tuple[float, float, float], left: bool) -> tuple[float, float, float]:
    return (-place[0], place[1], place[2]) if left else place


def _place(s: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Segment `(V,)` and rest position `(V, 3)` of every joint."""
    left, right = {a for a, _ in s.pairs}, {b for _, b in s.pairs}
    segment, rest = np.full(s.joints, -1), np.full((s.joints, 3), np.nan)
    for joint, (part, place) in _named_places(s, left | right).items():
        segment[joint] = SEGMENTS.index(f"{part}_{'l' if joint in left else 'r'}") if part else 0
        rest[joint] = _mirror(place, joint in left)
    for joint in _downwards(s):
        if segment[joint] < 0:
            _hang(s, joint, segment, rest)
    for joint, parent in s.edges:  # two joints of one name: the upper one makes room
        if np.allclose(rest[joint], rest[parent]) and s.parents[parent] >= 0:
            rest[parent] = (rest[parent] + rest[s.parents[parent]]) / 2
    return segment, rest


def _named_places(s: Skeleton, paired: set[int]) -> dict[int, Place]:
    """Segment and place, on the right side, of the joints whose names say them."""
    sided = [joint in paired for joint in range(s.joints)]
    found = spine_places(s.names, sided) | fine_places(s.names, sided)
    rig = rig_places(s.names, sided)
    for joint, name in enumerate(s.names):
        patterns = SIDED_PLACES if sided[joint] else MIDDLE_PLACES
        of_name = next((p for p in patterns if re.search(patterns[p], name.lower())), "")
        where = rig.get(joint, of_name)
        if where and joint not in found:
            found[joint] = (_SIDED if sided[joint] else _MIDDLE)[where]
    return found


def _downwards(s: Skeleton) -> list[int]:
    """All joints, parents first."""
    order = [s.root]
    for joint in order:
        order += [child for child, parent in enumerate(s.parents) if parent == joint]
    return order


def _hang(s: Skeleton, joint: int, segment: np.ndarray, rest: np.ndarray) -> None:
    """Places an unknown joint, whose ancestors all have a place by now."""
    below, parent = [joint], s.parents[joint]
    placed: list[int] = []
    while below and not placed:  # nearest descendants with a place
        below = [child for child, p in enumerate(s.parents) if p in below]
        placed = [child for child in below if segment[child] >= 0]
    if parent < 0:
        segment[joint] = 0
        rest[joint] = rest[placed].mean(axis=0) if placed else (0.0, 0.95, 0.0)
    elif placed:
        same = all(segment[child] == segment[placed[0]] for child in placed)
        segment[joint] = segment[placed[0]] if same else segment[parent]
        rest[joint] = (rest[parent] + rest[placed].mean(axis=0)) / 2
    else:  # a little further than the parent, turned apart from its siblings
        grand = s.parents[parent]
        way = rest[parent] - rest[grand] if grand >= 0 else np.array([0.0, 0.0, 0.0])
        way = way / max(float(np.linalg.norm(way)), 1e-6)
        angle = 2.4 * joint
        way = way + 0.7 * np.array([np.cos(angle), np.sin(angle), 0.0])
        segment[joint] = segment[parent]
        rest[joint] = rest[parent] + 0.1 * way / max(float(np.linalg.norm(way)), 1e-6)
