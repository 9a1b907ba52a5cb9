"""Writes `.npz` files, as `readers/arrays.py` reads them, with splits, layout and attributes."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np

from ...errors import InputError
from ...files import replacing
from ..clips import ClipSet
from ..formats import described
from ..formats.ragged_npz import COLUMNS, FIELDS

_RENAMED = {"fold": "folds"}  # what the reader calls a column


def write_npz(clips: ClipSet, path: Path) -> None:
    """Writes a set as one `.npz`, atomically; NumPy alone opens it.

    Raises:
        InputError: a column that bears the name of a field.
    """
    fields: dict[str, np.ndarray] = {
        "offsets": np.concatenate([[0], clips.length.cumsum()]),
        "labels": clips.label,
        "subjects": clips.subject,
        "cameras": clips.camera,
        "setups": clips.setup,
        "fps": clips.fps,
        "names": np.array(clips.names, dtype=np.str_),
        "class_names": np.array(clips.class_names, dtype=np.str_),
        "joint_names": np.array(clips.skeleton.names),
        "parents": np.array(clips.skeleton.parents),
        "intervals": clips.segments,
        described.KEY: np.array(described.describe(clips, splits=True)),
    }
    for key, values in clips.columns.items():
        name = _RENAMED.get(key, key)
        if name in fields or name in FIELDS or (name in COLUMNS and key not in _RENAMED):
            raise InputError(f"{clips}: the column {key!r} has the name of a field; rename it")
        fields[name] = values
    with replacing(path) as beside, ZipFile(beside, "w") as archive:
        with archive.open(ZipInfo("frames.npy"), "w", force_zip64=True) as part:
            shape = (clips.frames_total, *clips.joints.shape[1:])
            head = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(part, head)
            for _, block in clips.blocks():  # not at once: there is no copy of the set
                part.write(np.ascontiguousarray(block, "<f4").data)
        for name, values in fields.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.asanyarray(values), allow_pickle=False)
