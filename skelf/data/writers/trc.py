"""Writes TRC, as OpenSim and Pose2Sim read it: metres, y up, tabs, an empty cell for a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...files import writing
from ..clips import ClipSet
from .person import Notes, one_person

ROWS = 1024  # of text at once
_KEYS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate",
    "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip


def write_trc(clips: ClipSet, number: int, path: Path, *, person: int = 0) -> Notes:
    """Writes one person of a clip as TRC, atomically, in metres with y up.

    Nine digits count, so that places come back as the store's float32. The frames are numbered
    from 1, and the first one's time is 0. Joints that were not seen are empty cells.

    Args:
        clips: in three coordinates; see `one_person` for units.
        number: of the clip.
        path: the `.trc`.
        person: from 0.

    Returns:
        What a user should know.

    Raises:
        InputError: two coordinates, or a person who is not there.
    """
    told = one_person(clips, number, person)
    joints = told.joints
    frames, count = joints.shape[:2]
    rate = float(clips.fps[number])
    name = " ".join(path.name.split())
    values = (f"{rate:.9g}", f"{rate:.9g}", frames, count, "m", f"{rate:.9g}", 1, frames)
    joint_names = [" ".join(joint.split()) or f"joint{i}"
                   for i, joint in enumerate(clips.skeleton.names)]  # fmt: skip
    axes = [f"{axis}{marker}" for marker in range(1, count + 1) for axis in "XYZ"]
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "\t".join(_KEYS),
        "\t".join(map(str, values)),
        "Frame#\tTime\t" + "\t\t\t".join(joint_names) + "\t\t",
        "\t\t" + "\t".join(axes),
        "",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as write:
        write("\n".join(head) + "\n")
        for start in range(0, frames, ROWS):
            block = joints[start : start + ROWS].reshape(-1, 3 * count)
            write("".join(_row(start + at, rate, row) for at, row in enumerate(block)))
    return told.notes


def _row(frame: int, rate: float, row: np.ndarray) -> str:
    cells = ("" if cell != cell else f"{cell:.9g}" for cell in row.tolist())  # NaN is not itself
    return f"{frame + 1}\t{frame / rate:.9g}\t" + "\t".join(cells) + "\n"
