"""What files of Human3.6M and of its lifters share: joints, clips and their names.

The set's own skeleton has 32 joints, of which 15 are ends of bones that stand still or stand twice;
VideoPose3D and all after it keep 17. Source: sources D7.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import COCO17, H36M17, LAYOUTS
from ...skeleton import Skeleton
from ..motion.axes import Up

KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""The 17 of the 32 joints, in the order of h36m17."""
FPS = 50.0
CAMERAS = (54138969, 55011271, 58860488, 60457274)
"""The four cameras, in the order in which VideoPose3D lists them."""
TRAIN, TEST = (1, 5, 6, 7, 8), (9, 11)
ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting",
    "SittingDown", "Smoking", "Photo", "Waiting", "Walking", "WalkDog", "WalkTogether",
)  # fmt: skip
"""By their numbers in names such as `s_01_act_02_subact_01_ca_01`, from 2."""
SAME = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog", "Photo": "Photo"}


class Piece(NamedTuple):
    """One clip of a file.

    Args:
        name: of the clip.
        joints: `(T, M, V, C)`, with a confidence last where the file has them.
        subject: -1 unknown.
        camera: -1 unknown.
        action: its class; empty where there is none.
        size: width and height of the image, or -1.
        test: its side in the file's own split; None: by its subject.
    """

    name: str
    joints: np.ndarray
    subject: int = -1
    camera: int = -1
    action: str = ""
    size: tuple[int, int] = (-1, -1)
    test: bool | None = None


class Recordings(NamedTuple):
    """What a file holds.

    Args:
        pieces: its clips.
        skeleton: their layout.
        up: the axis that points up, by the format.
        scale: metres in one unit; 0: not known.
        fps: frames a second; 0: not known.
        confidence: whether the last number of a joint is one.
        notes: what a user should know.
    """

    pieces: list[Piece]
    skeleton: Skeleton
    up: Up
    scale: float = 0.0
    fps: float = FPS
    confidence: bool = False
    notes: tuple[str, ...] = ()


def kept(joints: np.ndarray) -> np.ndarray:
    """The 17 joints of `(..., 32, C)`; others stay as they are."""
    return joints[..., KEPT, :] if joints.shape[-2] == 32 else joints


def action_of(text: str) -> str:
    """The class of a name such as "Walking 1"; empty where it is no action's.

    >>> action_of("WalkingDog 1"), action_of("custom"), action_of("Greeting")
    ('WalkDog', '', 'Greeting')
    """
    bare = re.sub(r"[ _]\d+$", "", text)
    return "" if bare == "custom" else SAME.get(bare, bare)


def subject_of(text: str) -> int:
    """The number of a subject "S9" or "Train/S1"; -1 where it is none."""
    match = re.fullmatch(r"(?:.*/)?[Ss](\d{1,3})", text)
    return int(match[1]) if match else -1


def layout_of(where: str, count: int, symmetry: object, name: object = None) -> Skeleton:
    """The layout of 2D poses by what their metadata say of left and right.

    Args:
        where: starts messages.
        count: joints.
        symmetry: two lists, the left joints and the right ones, or None.
        name: of the layout as the file says, or None.

    Raises:
        InputError: none that is known.
    """
    for known in (H36M17, COCO17):
        left, right = ([pair[side] for pair in known.pairs] for side in (0, 1))
        if count == known.joints and _sets(symmetry) == [sorted(left), sorted(right)]:
            return known
    fitting = [s.name for s in LAYOUTS.values() if s.joints == count]
    told = f" (the file says {name[:40]!a})" if isinstance(name, str) else ""
    raise InputError(
        f"{where}: {count} joints of a layout that is not known{told}; give it (--layout "
        f"{' or '.join(fitting) or 'FILE.toml'})"
    )


def _sets(symmetry: object) -> list[list[int]]:
    lists = [
        part.tolist() if isinstance(part, np.ndarray) else part
        for part in (symmetry if isinstance(symmetry, list | tuple | np.ndarray) else ())
    ]
    if not all(isinstance(part, list | tuple) for part in lists):
        return []
    numbers = [[n for n in part if isinstance(n, int)] for part in lists if isinstance(part, list)]
    return [sorted(part) for part in numbers]


def name_of(path: Path) -> str:
    """A clip's name by its file; those that every video shares are told by their folder.

    >>> name_of(Path("out/dance/X3D.npy")), name_of(Path("floss.npy"))
    ('dance', 'floss')
    """
    common = {"x3d", "output_keypoints_3d", "keypoints", "output"}
    parents = [part for part in path.parts[:-1] if part.lower() not in ("output_3d", "input_2d")]
    return parents[-1] if path.stem.lower() in common and parents else path.stem
