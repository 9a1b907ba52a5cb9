"""Writes pyskl pickles, which pyskl and MMAction2 read as they are; `readers/pyskl.py` says how.

They hold the whole store: pyskl's fields, further ones in each annotation (subject, camera, setup,
fps, columns, segments) and one text (`formats/described.py`). Pyskl leaves all of these alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...errors import InputError
from ...files import replacing
from ..clips import ClipSet
from ..formats import described
from ..formats.pyskl_splits import write_splits

_SIZES = {"img_shape": ("height", "width"), "original_shape": ("original_height", "original_width")}


def write_pyskl(clips: ClipSet, path: Path) -> None:
    """Writes a set as one pickle, atomically, in float32.

    Args:
        clips: with two or three coordinates a joint; a confidence becomes the score. Persons after
            the last one who appears in a clip are left out of it.
        path: the `.pkl`.

    Raises:
        InputError: one coordinate or four, or clips that share a name.
    """
    if clips.coordinates not in (2, 3):
        raise InputError(f"{clips}: {clips.coordinates} coordinates; pyskl files hold 2 or 3")
    clips.verify()
    names = clips.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{clips}: two clips are called {twice!r}; pyskl tells clips by name")
    data = {
        "split": write_splits(clips.splits, names),
        "annotations": [_annotation(clips, number, name) for number, name in enumerate(names)],
        described.KEY: described.describe(clips, splits=False),
    }
    with replacing(path) as beside, beside.open("wb") as file:
        _Pickler(file).dump(data)


def _annotation(clips: ClipSet, number: int, name: str) -> dict[str, object]:
    clip = clips.clip(number)  # (T, M, V, C)
    present = np.flatnonzero(clip.any(axis=(0, 2, 3)))
    clip = clip[:, : 1 + max(present, default=0)].transpose(1, 0, 2, 3)
    annotation: dict[str, object] = {
        "frame_dir": name,
        "label": int(clips.label[number]),
        "total_frames": clip.shape[1],
        "keypoint": np.asarray(clip[..., : clips.coordinates]),
    }
    if clips.confidence:
        annotation["keypoint_score"] = np.asarray(clip[..., -1])
    columns = {key: int(values[number]) for key, values in clips.columns.items()}
    for key, pair in _SIZES.items():
        if all(columns.get(column, 0) > 0 for column in pair):
            annotation[key] = tuple(columns.pop(column) for column in pair)
    if "img_shape" in annotation:  # pyskl asks for both
        annotation.setdefault("original_shape", annotation["img_shape"])
    for key in ("subject", "camera", "setup"):
        annotation[key] = int(getattr(clips, key)[number])
    annotation["fps"] = float(clips.fps[number])
    if columns:
        annotation["columns"] = columns
    rows = clips.segments[clips.segments[:, 0] == number, 1:] if len(clips.segments) else ()
    if len(rows):
        annotation["segments"] = rows
    return annotation


class _Pickler(pickle._Pickler):
    """Names NumPy's functions as NumPy 1 does, which NumPy 2 knows too; keeps nothing in memory."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, protocol=4)
        self.fast = True  # no table of what was written: memory stays flat, and there are no cycles

    write: Callable[[bytes], object]

    # `obj` is what has a name of its own: a function or a class.
    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = str(getattr(obj, "__module__", ""))
        if module.startswith("numpy._core"):
            old = module.replace("numpy._core", "numpy.core")
            self.write(pickle.GLOBAL + f"{old}\n{obj.__qualname__}\n".encode())
            return
        super().save_global(obj, name)  # type: ignore[misc]  # typeshed lacks it
