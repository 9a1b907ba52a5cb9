"""Columns of tables that hold other quantities than places: rotations, velocities, forces."""

from __future__ import annotations

import re

_OTHER = re.compile(
    r"(?i)(?:.*[ _.:/\-])?(?:local|global)?[ _.]?(?:rot|rotations?|quat|quaternions?|q|euler"
    r"|angles?|ang|orientations?|ori|vel|velocity|acc|accel|accelerations?|gyro|gyroscope|mag"
    r"|magnetometer|forces?|moments?|torques?|grf|cop|offset|flexion|adduction)"
)
"""Joints' words that end so are other quantities than places: Hips_rot, left_knee_angle, gyro."""
_OTHER_CAMEL = re.compile(r".*[a-z0-9](?:Rot|Rotation|Quat|Velocity|Acceleration|Angle)s?")


def is_other(joint: str) -> bool:
    """Whether a joint's words say a quantity that is no place.

    >>> [is_other(word) for word in ("Hips_rot", "LeftArmRotation", "ankle_r", "Hips")]
    [True, True, False, False]
    """
    return bool(_OTHER.fullmatch(joint) or _OTHER_CAMEL.fullmatch(joint))
