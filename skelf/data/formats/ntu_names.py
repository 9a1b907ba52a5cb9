"""What names of NTU RGB+D say, and who trains: `SsssCcccPpppRrrrAaaa`, splits, published counts."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from . import action_names

NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")

# Source: the papers of both sets; counts are those that later work prints (without empty files).
TRAIN_SUBJECTS_60 = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
TRAIN_SUBJECTS_120 = (
    *TRAIN_SUBJECTS_60,
    *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86),
    *(89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
)
TRAIN_CAMERAS = (2, 3)
TRAIN_SETUPS = tuple(range(2, 33, 2))
PUBLISHED = {
    "ntu60": {"xsub": (40_091, 16_487), "xview": (37_646, 18_932)},
    "ntu120": {"xsub": (63_026, 50_919), "xset": (54_468, 59_477)},
}
LAST_OF_60 = {"setup": 17, "label": 60}


class Clip(NamedTuple):
    """What a file name `SsssCcccPpppRrrrAaaa` says, numbered from 1 as there."""

    setup: int
    camera: int
    subject: int
    replication: int
    label: int


def clip_of(stem: str) -> Clip | None:
    """What a name says; None where it is none of the sets'."""
    match = NAME.fullmatch(stem)
    clip = Clip(*map(int, match.groups())) if match else None
    return clip if clip and 1 <= clip.label <= len(action_names.NTU120) else None


def splits_of(table: np.ndarray, benchmark: str) -> dict[str, np.ndarray]:
    """1 train, 2 test, by the columns of `Clip`."""
    if benchmark == "ntu60":
        rules = {"xsub": (2, TRAIN_SUBJECTS_60), "xview": (1, TRAIN_CAMERAS)}
    else:
        rules = {"xsub": (2, TRAIN_SUBJECTS_120), "xset": (0, TRAIN_SETUPS)}
    return {
        name: np.where(np.isin(table[:, column], train), 1, 2).astype(np.int8)
        for name, (column, train) in rules.items()
    }
