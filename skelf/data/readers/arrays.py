"""Reader for plain NumPy files: `.npz` with ragged clips, `.npy` with one clip or a dense batch.

Fields of the `.npz`, N clips of F frames together; only `frames` and `offsets` must be there:

    frames       (F, M, V, C) float; an absent person is all zeros
    offsets      (N + 1,) int: clip i is frames[offsets[i]:offsets[i + 1]]
    labels       (N,) int, 0-based, -1 unknown         class_names  (classes,) str
    subjects     (N,) int, as are views (or cameras) and setups; -1 unknown
    joint_names  (V,) str    parents  (V,) int, -1 root       fps  one number or (N,)
    names        (N,) str    folds    (N,) int: the column "fold"
    intervals    (K, 4) int: recording, start, end (exclusive), label: the segments

Every other integer or boolean (N,) array becomes a column of its own name. The text `skelf`, which
`skelf data export` adds, holds the layout, attributes and splits.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..damage import DAMAGED, reason
from ..formats import described
from ..joints.names import pairs

COLUMNS = {"labels": "label", "subjects": "subject", "views": "camera", "cameras": "camera"}
COLUMNS |= {"setups": "setup", "folds": "fold"}
FIELDS = {"frames", "offsets", "class_names", "joint_names", "parents", "fps", "names", "intervals"}
FIELDS |= {described.KEY}
DERIVED = 1000  # classes that labels alone may name in a file with fewer labels
GROWTH = 256  # times that an `.npz` may outgrow the file: absent persons are zeros


@options("arrays")
class Arrays:
    """What the numbers of a file mean."""

    confidence: bool = option(False, "the last number of each joint is a confidence in [0, 1]")


def read_arrays(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Arrays = Arrays(),
) -> ClipSet:
    """Reads an `.npz` of clips or recordings, or an `.npy` array; never unpickles.

    Args:
        path: an `.npz` (fields above), or an `.npy` of `(N, C, T, V, M)`, `(T, V, C)` or
            `(T, M, V, C)`. A dense batch keeps its `T` frames: padding is not guessed from zeros.
        layout: name of a layout, a TOML file, or a Skeleton. None: the built-in one whose joint
            names the file has, else a custom one from `joint_names` and `parents`. An `.npy` needs
            it. Joints that stand in another order than in the layout are sorted by name.
        how: the options.

    Raises:
        InputError: anything that does not hold; the message names file, field and remedy.
    """
    path = Path(path)
    data = _load(path)
    skeleton = named_layout(layout) if isinstance(layout, str) else layout
    if isinstance(data, np.ndarray):
        clips = _dense(path, data, skeleton)
    else:
        clips = _ragged(path, data, skeleton)
    if how.confidence:
        clips = replace(clips, attributes=clips.attributes | {"confidence": "true"}, path=path)
        clips.validate()  # the path was for the messages
    return replace(clips, path=None)


def _load(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file, .npz or .npy")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give an .npz or .npy file")
    with path.open("rb") as file:
        magic = file.read(6)
    if magic[:2] != b"PK" and magic != b"\x93NUMPY":
        raise InputError(f"{path}: not an .npz or .npy file; write it with np.savez or np.save")
    field = "the array"
    try:
        if magic[:2] == b"PK":
            _refuse_bomb(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            data = {}
            for field in loaded.files:
                data[field] = loaded[field]
            return data
    except InputError:
        raise
    except DAMAGED as error:
        if "allow_pickle" in str(error):
            raise InputError(
                f"{path}: {field}: an object array (a pickle), which is never loaded; save plain "
                "numbers or fixed-width strings (ragged clips: frames and offsets)"
            ) from None
        raise InputError(
            f"{path}: {field}: cut off or damaged ({reason(error)}); copy or write the file again"
        ) from None


def _refuse_bomb(path: Path) -> None:
    """Raises InputError where a few bytes would unpack to any amount of memory."""
    with ZipFile(path) as archive:
        fields = archive.infolist()
    whole, held = sum(field.file_size for field in fields), path.stat().st_size
    if whole > GROWTH * held + 2**24:
        raise InputError(
            f"{path}: {held:,} bytes that unpack to {whole:,}; recordings never pack so "
            "well, write the file again"
        )
    # Of other ways to pack, Python unpacks all that it reads, whatever the size that is stated.
    if any(field.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for field in fields):
        raise InputError(f"{path}: not packed as np.savez does; write the file with NumPy")


def _dense(path: Path, array: np.ndarray, skeleton: Skeleton | None) -> ClipSet:
    shapes = "(N, C, T, V, M), (T, V, C) or (T, M, V, C)"
    if array.ndim not in (3, 4, 5) or 0 in array.shape or array.dtype.kind != "f":
        raise InputError(
            f"{path}: the array: expected float {shapes}, not {array.dtype} {array.shape}"
        )
    if array.ndim == 5:
        batch = array.transpose(0, 2, 4, 3, 1)  # (N, T, M, V, C)
    else:
        batch = (array[:, None] if array.ndim == 3 else array)[None]
    count, frames = batch.shape[:2]
    if skeleton is None:
        fitting = [s.name for s in LAYOUTS.values() if s.joints == batch.shape[3]]
        raise InputError(
            f"{path}: an .npy has no joint names; give the layout of its {batch.shape[3]} joints "
            f"(--layout {' or '.join(fitting) or 'FILE.toml'})"
        )
    if array.ndim == 5 and not batch[:, -1].any(axis=(1, 2, 3)).all():
        warnings.warn(
            f"{path}: some clips end in all-zero frames, which are kept; where they are padding, "
            "write an .npz with offsets",
            stacklevel=3,
        )
    names = [path.stem] if array.ndim < 5 else [f"{path.stem}_{i}" for i in range(count)]
    joints = np.ascontiguousarray(batch.reshape(count * frames, *batch.shape[2:]))
    return _build(path, joints, np.full(count, frames), skeleton, name=names)


def _ragged(path: Path, data: Mapping[str, np.ndarray], skeleton: Skeleton | None) -> ClipSet:
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
            stacklevel=3,
        )
    if "intervals" in data:
        others["segments"] = _signed(path, "intervals", _field(path, data, "intervals", "iu", 2))
    if "names" in data:
        others["name"] = _strings(path, data, "names", count)
    if "fps" in data:
        scalar = data["fps"].ndim == 0
        others["fps"] = _field(path, data, "fps", "fiu", 0 if scalar else 1, scalar or count)
    else:
        warnings.warn(f"{path}: fps is missing; 30 frames a second assumed", stacklevel=3)
    classes = _classes(path, data, others)
    joints = frames if order is None else frames[:, :, order]
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
