"""skelf's own `.npz`: ragged clips in `frames` and `offsets`, with a table of them.

`readers/arrays.py` lists the fields.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..joints.names import pairs
from ..motion.missing import fill_nan
from . import described
from .batches import Form

COLUMNS = {"labels": "label", "subjects": "subject", "views": "camera", "cameras": "camera"}
COLUMNS |= {"setups": "setup", "folds": "fold"}
FIELDS = {"frames", "offsets", "class_names", "joint_names", "parents", "fps", "names", "intervals"}
FIELDS |= {described.KEY}
DERIVED = 1000  # classes that labels alone may name in a file with fewer labels


def read_ragged(
    path: Path, data: Mapping[str, np.ndarray], skeleton: Skeleton | None, how: Form
) -> ClipSet:
    """The clips of such a file.

    Args:
        path: the file, for messages.
        data: its fields.
        skeleton: the layout; None: what it says.
        how: what the numbers mean.

    Raises:
        InputError: a field that does not hold.
    """
    frames = _field(path, data, "frames", "f", 4)
    offsets = _signed(path, "offsets", _field(path, data, "offsets", "iu", 1))
    length = _lengths(path, offsets, len(frames))
    count = len(length)
    keep_layout = skeleton is not None
    skeleton, order = _layout(path, data, skeleton, frames.shape[2])
    others: dict[str, Any] = {"columns": {}}  # arguments of `ClipSet.build`
    ignored = []
    for key, values in data.items():
        if key in FIELDS:
            continue
        if key in COLUMNS:
            values = _field(path, data, key, "iu", 1, count)
        elif values.dtype.kind not in "iub" or values.shape != (count,):
            ignored.append(f"{key} {values.shape}")
            continue
        target = COLUMNS.get(key, key)
        where = others if target in ("label", "subject", "camera", "setup") else others["columns"]
        where[target] = _signed(path, key, values)
    if ignored:
        warnings.warn(
            f"{path}: ignored {', '.join(sorted(ignored))}: not an integer for each of the "
            f"{count} clips",
            stacklevel=4,
        )
    if "intervals" in data:
        others["segments"] = _signed(path, "intervals", _field(path, data, "intervals", "iu", 2))
    if "names" in data:
        others["name"] = _strings(path, data, "names", count)
    if "fps" in data:
        scalar = data["fps"].ndim == 0
        others["fps"] = _field(path, data, "fps", "fiu", 0 if scalar else 1, scalar or count)
    elif how.fps:
        others["fps"] = how.fps
    else:
        warnings.warn(f"{path}: fps is missing; 30 frames a second assumed", stacklevel=4)
    classes = _classes(path, data, others)
    joints = frames if order is None else frames[:, :, order]
    if unseen := int(np.isnan(joints).any(axis=-1).sum()):
        warnings.warn(
            f"{path}: {unseen} joints are NaN: not seen, missing={how.missing}", stacklevel=4
        )
        axes = joints.shape[-1] - bool(how.confidence)
        pieces = np.split(joints, np.cumsum(length)[:-1])
        joints = np.concatenate([fill_nan(piece, how.missing, axes=axes) for piece in pieces])
    clips = _build(path, joints, length, skeleton, class_names=classes, **others)
    if described.KEY not in data:
        return clips
    where = f"{path}: {described.KEY}"
    return described.restore(clips, data[described.KEY], where, keep_layout=keep_layout)


def _build(
    path: Path,
    joints: np.ndarray,
    length: np.ndarray,
    skeleton: Skeleton,
    **others: Any,  # of `ClipSet.build`
) -> ClipSet:
    attributes = {"title": path.stem, "source": path.name}
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite: refused as such
        joints = joints.astype(np.float32, copy=False)
    return ClipSet.build(joints, length, skeleton, attributes=attributes, path=path, **others)


def _field(
    path: Path, data: Mapping[str, np.ndarray], key: str, kinds: str, ndim: int, count: int = 0
) -> np.ndarray:
    """One field, checked: dtype kinds, dimensions, and `count` entries where that is given."""
    if key not in data:
        have = ", ".join(sorted(data)) or "nothing"
        raise InputError(f"{path}: field {key!r} is missing (the file has {have}); add it")
    values = data[key]
    if values.dtype.kind not in kinds or values.ndim != ndim:
        kind = {"f": "float", "i": "integer", "U": "string"}[kinds[0]]
        raise InputError(
            f"{path}: {key}: expected {kind} with {ndim} dimensions, not {values.dtype} "
            f"{values.shape}; convert it"
        )
    if ndim and count and len(values) != count:
        raise InputError(
            f"{path}: {key}: {len(values)} entries for {count} clips; give one for each clip"
        )
    return values


def _signed(path: Path, key: str, values: np.ndarray) -> np.ndarray:
    """Integers as int64, in which the highest unsigned ones would turn negative."""
    highest = np.iinfo(np.int64).max
    if values.dtype == np.uint64 and values.size and int(values.max()) > highest:
        raise InputError(f"{path}: {key}: {values.max()} is beyond {highest}; use smaller numbers")
    return values.astype(np.int64)


def _strings(path: Path, data: Mapping[str, np.ndarray], key: str, count: int = 0) -> list[str]:
    """One field of strings, which a store can keep as UTF-8 without NUL."""
    values = _field(path, data, key, "US", 1, count)
    try:
        texts = np.strings.decode(values, "utf-8") if values.dtype.kind == "S" else values
        encoded = "".join(texts.tolist()).encode("utf-8")
    except UnicodeError:
        raise InputError(f"{path}: {key}: not UTF-8; write the names as Unicode text") from None
    if b"\0" in encoded:
        at = next(i for i, text in enumerate(texts.tolist()) if "\0" in text)
        raise InputError(f"{path}: {key}: entry {at} holds a NUL character; take it out")
    return [str(text) for text in texts]


def _lengths(path: Path, offsets: np.ndarray, frames: int) -> np.ndarray:
    length = np.diff(offsets)
    if len(length) < 1 or offsets[0] != 0:
        raise InputError(f"{path}: offsets: needs N + 1 numbers and starts at 0; rewrite it")
    if (length < 0).any():
        at = int((length < 0).argmax())
        raise InputError(f"{path}: offsets: falls after clip {at}; clips must follow one another")
    if (length == 0).any():
        at = int((length == 0).argmax())
        raise InputError(f"{path}: offsets: clip {at} has zero length; drop that clip")
    if offsets[-1] != frames:
        raise InputError(
            f"{path}: offsets: ends at {offsets[-1]}, but there are {frames} frames; the last "
            "offset must be the frame count"
        )
    return length


def _classes(
    path: Path,
    data: Mapping[str, np.ndarray],
    others: Mapping[str, Any],  # of `ClipSet.build`
) -> tuple[str, ...]:
    if "class_names" in data:
        return tuple(_strings(path, data, "class_names"))
    labels = [others["label"]] if "label" in others else []
    labels += [others["segments"][:, 3]] if others.get("segments", np.zeros(0)).ndim == 2 else []
    top = max((int(values.max(initial=-1)) for values in labels), default=-1)
    labelled = sum(len(values) for values in labels)
    if top >= max(DERIVED, labelled):
        raise InputError(
            f"{path}: label {top} is far beyond the {labelled} labels that the file has; number "
            "the classes from 0, or add class_names"
        )
    return tuple(str(label) for label in range(top + 1))


def _layout(
    path: Path, data: Mapping[str, np.ndarray], skeleton: Skeleton | None, joints: int
) -> tuple[Skeleton, list[int] | None]:
    """The skeleton, and the order that sorts the file's joints into it (None: as they are)."""
    if "joint_names" not in data:
        if skeleton is None:
            raise InputError(f"{path}: field 'joint_names' is missing; add it or give --layout")
        return skeleton, None
    names = _strings(path, data, "joint_names")
    if len(names) != joints:
        raise InputError(f"{path}: joint_names: {len(names)} names for {joints} joints; fix them")
    lower = [name.lower() for name in names]
    if skeleton is not None:
        wanted = [name.lower() for name in skeleton.names]
        same = sorted(wanted) == sorted(lower) and len(set(lower)) == joints and wanted != lower
        return skeleton, [lower.index(name) for name in wanted] if same else None
    for built_in in LAYOUTS.values():
        if lower == [name.lower() for name in built_in.names]:
            return built_in, None
    parents = _field(path, data, "parents", "iu", 1).tolist()
    try:
        skeleton = Skeleton(
            names=tuple(names),
            parents=tuple(parents),
            pairs=pairs(names),
            parts={"body": tuple(range(joints))},
            centre=parents.index(-1) if -1 in parents else 0,
        )
    except InputError as error:
        raise InputError(f"{path}: joint_names, parents: {error}") from None
    return skeleton, None
