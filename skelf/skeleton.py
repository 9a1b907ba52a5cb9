"""Skeleton: one table of a joint layout, from which edges, bones, flips and body parts all derive.

Built in: NTU25 (Kinect v2), KINECT20 (Kinect v1), SBU15, COCO17, H36M17, OPENPOSE18. A user's own
layout is a TOML file (see `Skeleton.from_toml`) or a call of `Skeleton(...)`; no source needs
editing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import index as as_index
from pathlib import Path
from typing import Any

from .errors import InputError, unknown


@dataclass(frozen=True)
class Skeleton:
    """A joint layout.

    Args:
        names: joint names, in the order of the `V` axis.
        parents: for each joint the index of its parent, -1 for the root (exactly one). The bone of
            a joint runs from its parent to it; graph distances start at the root.
        pairs: `(left, right)` joint indices; a flip swaps them, every other joint stays.
        parts: body part name -> joint indices; the parts are disjoint and cover all joints.
        centre: the joint that normalisation subtracts (hip or spine).
        name: what results and messages call the layout.

    Raises:
        InputError: unknown or cyclic parents, none or several roots, duplicated names, pairs that
            name a joint twice, parts that overlap or leave a joint out; the message names the
            joint.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    parts: Mapping[str, tuple[int, ...]] = field(hash=False)
    centre: int
    name: str = "custom"

    def __post_init__(self) -> None:
        # Lists, NumPy integers and the like become plain tuples: equal tables compare equal.
        object.__setattr__(self, "names", tuple(str(n) for n in self.names))
        object.__setattr__(self, "parents", tuple(int(p) for p in self.parents))
        object.__setattr__(self, "pairs", tuple((int(a), int(b)) for a, b in self.pairs))
        object.__setattr__(
            self, "parts", {str(k): tuple(int(j) for j in v) for k, v in self.parts.items()}
        )
        object.__setattr__(self, "centre", int(self.centre))
        _validate(self)

    @property
    def joints(self) -> int:
        """Number of joints `V`."""
        return len(self.names)

    @property
    def root(self) -> int:
        """The joint without a parent."""
        return self.parents.index(-1)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """`(child, parent)` of every bone; the root has none."""
        return tuple((child, parent) for child, parent in enumerate(self.parents) if parent >= 0)

    @property
    def bones(self) -> tuple[int, ...]:
        """Each joint's parent, the root its own: `x - x[bones]` is the bone vector."""
        return tuple(j if parent < 0 else parent for j, parent in enumerate(self.parents))

    @property
    def flip(self) -> tuple[int, ...]:
        """The permutation of joints that swaps left and right; applied twice it is the identity."""
        order = list(range(self.joints))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and strings, as JSON and HDF5 keep them; `from_dict` reads it back."""
        return {
            "name": self.name,
            "names": list(self.names),
            "parents": list(self.parents),
            "pairs": [list(pair) for pair in self.pairs],
            "parts": {part: list(joints) for part, joints in self.parts.items()},
            "centre": self.centre,
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], source: str = "skeleton") -> Skeleton:
        """Reads `to_dict`'s form; joints may stand as names instead of indices everywhere.

        Raises:
            InputError: a field is missing, unknown or of the wrong type; `source` names where it
                came from.
        """
        fields = ("name", "names", "parents", "pairs", "parts", "centre")
        for key in table:
            if key not in fields:
                raise InputError(f"{source}: {unknown('field', key, fields)}")
        missing = [key for key in ("names", "parents", "centre") if key not in table]
        if missing:
            raise InputError(
                f"{source}: field {missing[0]!r} is missing; needed: names, parents, centre"
            )
        try:
            names = [str(name) for name in table["names"]]
            index = {name: joint for joint, name in enumerate(names)} | {"": -1}

            def joint(value: int | str) -> int:
                return index[value] if isinstance(value, str) else as_index(value)

            return cls(
                names=tuple(names),
                parents=tuple(joint(p) for p in table["parents"]),
                pairs=tuple((joint(a), joint(b)) for a, b in table.get("pairs", ())),
                parts={
                    k: tuple(joint(j) for j in v)
                    for k, v in table.get("parts", {"body": names}).items()
                },
                centre=joint(table["centre"]),
                name=str(table.get("name", "custom")),
            )
        except KeyError as error:
            raise InputError(f"{source}: {unknown('joint', str(error.args[0]), names)}") from None
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{source}: not a layout ({error}); `names` and `parents` are lists, `pairs` a "
                "list of two-joint lists, `parts` a table of lists, `centre` one joint"
            ) from None

    @classmethod
    def from_toml(cls, path: str | Path) -> Skeleton:
        """Reads a layout from a TOML file: names, parents, centre; optionally pairs, parts, name.

        Raises:
            InputError: no such file, not TOML, or a field that does not hold.
        """
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{path}: cannot read a layout: {error}") from None
        return cls.from_dict({"name": path.stem, **table}, source=str(path))


def layout(name: str) -> Skeleton:
    """The layout of a built-in name (any case) or of a TOML file.

    Raises:
        InputError: neither a known name nor a readable `.toml` file.
    """
    if name.lower() in LAYOUTS:
        return LAYOUTS[name.lower()]
    if name.endswith(".toml"):
        return Skeleton.from_toml(name)
    raise InputError(f"{unknown('layout', name, LAYOUTS)}; or the path of a .toml file")


def _validate(s: Skeleton) -> None:
    count = len(s.names)
    if not count:
        raise InputError("layout has no joints")
    if len(set(s.names)) != count:
        twice = next(n for n in s.names if s.names.count(n) > 1)
        raise InputError(f"joint name {twice!r} stands twice; names must differ")
    if len(s.parents) != count:
        raise InputError(f"{count} names but {len(s.parents)} parents; give each joint one parent")
    roots = [s.names[j] for j, p in enumerate(s.parents) if p == -1]
    for j, parent in enumerate(s.parents):
        if not -1 <= parent < count:
            raise InputError(
                f"joint {s.names[j]!r} has the unknown parent {parent}; use -1 or 0 to {count - 1}"
            )
    _refuse_cycles(s)
    if len(roots) != 1:
        raise InputError(f"layout needs exactly one root (parent -1), found {roots or 'none'}")
    _index("centre", [s.centre], count)
    paired = [joint for pair in s.pairs for joint in pair]
    _index("pairs", paired, count)
    for joint in paired:
        if paired.count(joint) > 1:
            raise InputError(
                f"pairs name the joint {s.names[joint]!r} twice; a joint has one counterpart"
            )
    member = [joint for part in s.parts.values() for joint in part]
    _index("parts", member, count)
    for joint in range(count):
        if member.count(joint) != 1:
            raise InputError(
                f"joint {s.names[joint]!r} is in {member.count(joint)} parts; each joint belongs "
                "to exactly one"
            )


def _refuse_cycles(s: Skeleton) -> None:
    for joint in range(len(s.names)):
        seen, at = {joint}, s.parents[joint]
        while at != -1:
            if at in seen:
                raise InputError(
                    f"parents of joint {s.names[joint]!r} form a cycle through {s.names[at]!r}"
                )
            seen.add(at)
            at = s.parents[at]


def _index(where: str, joints: Sequence[int], count: int) -> None:
    for joint in joints:
        if not 0 <= joint < count:
            raise InputError(
                f"{where}: joint {joint} does not exist; the layout has 0 to {count - 1}"
            )


# Parents follow 2s-AGCN's bone pairs, as every method's bone stream: hand tips hang off thumbs.
NTU25 = Skeleton(
    name="ntu25",
    names=(
        "SpineBase", "SpineMid", "Neck", "Head",
        "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
        "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
        "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
        "HipRight", "KneeRight", "AnkleRight", "FootRight",
        "SpineShoulder", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight",
    ),
    parents=(
        1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, -1, 22, 7, 24, 11,
    ),
    pairs=(
        (4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19),
        (21, 23), (22, 24),
    ),
    parts={
        "trunk": (0, 1, 2, 3, 20),
        "left_arm": (4, 5, 6, 7, 21, 22),
        "right_arm": (8, 9, 10, 11, 23, 24),
        "left_leg": (12, 13, 14, 15),
        "right_leg": (16, 17, 18, 19),
    },
    centre=1,
)  # fmt: skip

KINECT20 = Skeleton(
    name="kinect20",
    names=(
        "HipCenter", "Spine", "ShoulderCenter", "Head",
        "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
        "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
        "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
        "HipRight", "KneeRight", "AnkleRight", "FootRight",
    ),
    parents=(-1, 0, 1, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18),
    pairs=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19)),
    parts={
        "trunk": (0, 1, 2, 3),
        "left_arm": (4, 5, 6, 7),
        "right_arm": (8, 9, 10, 11),
        "left_leg": (12, 13, 14, 15),
        "right_leg": (16, 17, 18, 19),
    },
    centre=0,
)  # fmt: skip

SBU15 = Skeleton(
    name="sbu15",
    names=(
        "Head", "Neck", "Torso",
        "ShoulderLeft", "ElbowLeft", "HandLeft", "ShoulderRight", "ElbowRight", "HandRight",
        "HipLeft", "KneeLeft", "FootLeft", "HipRight", "KneeRight", "FootRight",
    ),
    parents=(1, 2, -1, 1, 3, 4, 1, 6, 7, 2, 9, 10, 2, 12, 13),
    pairs=((3, 6), (4, 7), (5, 8), (9, 12), (10, 13), (11, 14)),
    parts={
        "trunk": (0, 1, 2),
        "left_arm": (3, 4, 5),
        "right_arm": (6, 7, 8),
        "left_leg": (9, 10, 11),
        "right_leg": (12, 13, 14),
    },
    centre=2,
)  # fmt: skip

# COCO has neither neck nor hip centre: limbs hang off the nose, as in pyskl's and MMPose's graphs.
COCO17 = Skeleton(
    name="coco17",
    names=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
    parts={
        "trunk": (0, 1, 2, 3, 4),
        "left_arm": (5, 7, 9),
        "right_arm": (6, 8, 10),
        "left_leg": (11, 13, 15),
        "right_leg": (12, 14, 16),
    },
    centre=0,
)  # fmt: skip

H36M17 = Skeleton(
    name="h36m17",
    names=(
        "Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot",
        "Spine", "Thorax", "Neck", "Head",
        "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    pairs=((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16)),
    parts={
        "trunk": (0, 7, 8, 9, 10),
        "left_arm": (11, 12, 13),
        "right_arm": (14, 15, 16),
        "left_leg": (4, 5, 6),
        "right_leg": (1, 2, 3),
    },
    centre=0,
)  # fmt: skip

OPENPOSE18 = Skeleton(
    name="openpose18",
    names=(
        "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
        "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar",
    ),
    parents=(1, -1, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15),
    pairs=((5, 2), (6, 3), (7, 4), (11, 8), (12, 9), (13, 10), (15, 14), (17, 16)),
    parts={
        "trunk": (0, 1, 14, 15, 16, 17),
        "left_arm": (5, 6, 7),
        "right_arm": (2, 3, 4),
        "left_leg": (11, 12, 13),
        "right_leg": (8, 9, 10),
    },
    centre=1,
)  # fmt: skip

LAYOUTS = {s.name: s for s in (NTU25, KINECT20, SBU15, COCO17, H36M17, OPENPOSE18)}
