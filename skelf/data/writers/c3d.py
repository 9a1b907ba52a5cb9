"""Writes C3D by ezc3d (an extra): joints as points, in millimetres with y up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...files import replacing, temporary
from ..clips import ClipSet
from .person import Notes, one_person

MILLIMETRES = 1000.0  # in a metre
WORD = 1 << 16  # frames beyond which a header cannot count
MOST_FRAMES = WORD * WORD - 1


def write_c3d(clips: ClipSet, number: int, path: Path, *, person: int = 0) -> Notes:
    """Writes one person of a clip as C3D, atomically; floats of 32 bits.

    A joint that was not seen is a gap (residual -1). Recordings of more than 65,535 frames say
    their length in POINT:LONG_FRAMES and TRIAL:ACTUAL_END_FIELD, since the header cannot.

    Args:
        clips: in three coordinates; see `one_person` for units.
        number: of the clip.
        path: the `.c3d`.
        person: from 0.

    Returns:
        What a user should know.

    Raises:
        InputError: two coordinates, a person who is not there, or ezc3d is not installed.
    """
    told = one_person(clips, number, person)
    frames, joints = told.joints.shape[:2]
    file = _ezc3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"] = [float(clips.fps[number])]
    point["LABELS"]["value"] = list(clips.skeleton.names)
    point["DESCRIPTIONS"]["value"] = [""] * joints
    point["UNITS"]["value"] = ["mm"]
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", ["+Y"])
    if frames >= WORD:
        file.add_parameter("POINT", "LONG_FRAMES", [float(frames)])
        file.add_parameter("TRIAL", "ACTUAL_START_FIELD", [1, 0])
        file.add_parameter("TRIAL", "ACTUAL_END_FIELD", [frames % WORD, frames // WORD])
    points = np.ones((4, joints, frames))
    points[:3] = told.joints.transpose(2, 1, 0) * MILLIMETRES
    file["data"]["points"] = points
    residuals = np.where(np.isnan(points[:1]).any(axis=0), -1.0, 0.0)[None]
    file["data"]["meta_points"]["residuals"] = residuals
    hidden = temporary(path)
    try:
        with replacing(path) as beside:
            hidden.mkdir()
            _write(file, hidden / "points.c3d")  # of another suffix it makes a name of its own
            (hidden / "points.c3d").replace(beside)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return told.notes


def _ezc3d() -> Any:  # ezc3d is wrapped by SWIG, which types nothing
    try:
        import ezc3d
    except ImportError:
        raise InputError("C3D files are written by ezc3d: pip install 'skelf[c3d]'") from None
    return ezc3d.c3d()


def _write(file: Any, path: Path) -> None:  # as above
    try:
        file.write(str(path))
    except TypeError:
        raise InputError(
            "ezc3d cannot write once faiss is loaded: export to C3D in a process of its own"
        ) from None
