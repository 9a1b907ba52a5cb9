"""The two persons of one `.skeleton` file.

Apart from the reader, so that another process that parses starts without all that a set needs.
"""

from __future__ import annotations

import numpy as np

from ..motion import bodies
from ..motion.missing import Missing, fill_nan
from .kinect_text import MOST_BYTES, parse_kinect
from .members import Member


def two_persons(member: Member, persons: str, missing: Missing) -> np.ndarray | None:
    """`(T, 2, 25, 3)` in metres; None without a skeleton.

    Args:
        member: the file.
        persons: a rule of `bodies.PERSONS`.
        missing: what stands for joints without numbers.

    Raises:
        InputError: a damaged file; the message names it.
    """
    joints, ids = parse_kinect(member.read(MOST_BYTES), str(member))
    joints = fill_nan(joints, missing, ids)
    return bodies.PERSONS[persons](joints, ids) if joints.any() else None
