"""How FreeMoCap calls its files and columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FILE = re.compile(
    r"(?i)freemocap|mediapipe_?(?:skel|body|skeleton|rigid)\w*_3d|mediapipe_3d|_frame_name_xyz"
    r"|_body_(?:rigid_)?3d_xyz|mediaPipeSkel_3d"
)
LONG = ("frame", "keypoint", "x", "y", "z", "model")


def of_file(name: str) -> bool:
    """Whether a file is called as FreeMoCap calls its own.

    Examples:
        >>> of_file("mediaPipeSkel_3d_body_hands_face.npy"), of_file("walk.npy")
        (True, False)
    """
    return bool(_FILE.search(name))


def of_table(cells: Sequence[str]) -> bool:
    """Whether a header, in plain words, is that of a table of FreeMoCap's.

    Args:
        cells: lower case, one underscore between words.
    """
    have = {*cells}
    if {*LONG} <= have or "timestamp_by_camera" in have:
        return True
    computed = {"nose_x", "head_center_x", "hips_center_x"}  # from others, under these names
    return computed <= have or {"body_nose_x", "body_nose_y", "body_nose_z"} <= have
