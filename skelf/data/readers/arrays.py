"""Reader for plain NumPy files, and for what skeleton models are trained on.

`.npz` with ragged clips, `.npy` with one clip or a dense batch. Beside an `.npy` called
`train_data_joint.npy` or the like its names, labels and lengths are looked for
(`formats/field_arrays.py`); a folder of such arrays is one set with a split. CTR-GCN's `.npz`
(`formats/ctr_npz.py`), pickles of clips (`formats/clip_lists.py`), NW-UCLA's JSON
(`formats/clip_json.py`).

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

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import clip_json, clip_lists, ctr_npz, described, field_arrays
from ..formats.batches import Form, Padding
from ..formats.dense_files import read_dense
from ..formats.numpy_files import load
from ..joints.names import pairs
from ..motion.axes import Up
from ..motion.missing import Missing, fill_nan
from ..pool import Progress

COLUMNS = {"labels": "label", "subjects": "subject", "views": "camera", "cameras": "camera"}
COLUMNS |= {"setups": "setup", "folds": "fold"}
FIELDS = {"frames", "offsets", "class_names", "joint_names", "parents", "fps", "names", "intervals"}
FIELDS |= {described.KEY}
DERIVED = 1000  # classes that labels alone may name in a file with fewer labels


@options("arrays")
class Arrays:
    """What the numbers of a file mean."""

    confidence: bool | None = option(
        None,
        "the last number of each joint is a confidence in [0, 1]; none: where an array's numbers "
        "are those of 2D poses with a score",
    )
    axes: str = option(
        "auto",
        "the dimensions of an .npy by letters, as NTVC: N clips, C coordinates, T frames, V "
        "joints, M persons; auto: what fits the layout",
    )
    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
    )

    padding: Padding = option(
        "cut",
        "frames behind the end of a clip in a batch, empty or repeating its beginning, where no "
        "file has the lengths: cut, or keep",
    )
    up: Up | None = option(
        None, "the axis that points up, which becomes y (z in 2s-AGCN's arrays); none leaves axes"
    )
    fps: Positive | None = option(None, "frames a second, where the file does not say; none is 30")

    def check(self) -> None:
        """Refuses letters that name no array.

        Raises:
            ValueError: with the letters.
        """
        letters = set(self.axes)
        if self.axes != "auto" and (
            len(letters) < len(self.axes) or not {"T", "V", "C"} <= letters <= set("NCTVM")
        ):
            raise ValueError("axes: write T, V, C, and N or M where they are, each once, as NTVC")


def read_arrays(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Arrays = Arrays(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads arrays of clips or recordings; never runs what a pickle names.

    Args:
        path: an `.npz` (fields above, or CTR-GCN's); an `.npy` of `(N, C, T, V, M)`, `(T, V, C)`,
            `(T, M, V, C)` or one of `formats.dense.ORDERS`; a `.pkl` of clips; NW-UCLA's JSON; or
            a folder of such arrays or JSON files. A clip of a batch ends with its last frame that
            shows somebody where no file says better.
        layout: name of a layout, a TOML file, or a Skeleton. None: the built-in one whose joint
            names the file has, else a custom one from `joint_names` and `parents`. An `.npy` needs
            it. Joints that stand in another order than in the layout are sorted by name.
        how: the options.
        progress: called with files done and in all, where there are many.
        scratch: folder for the frames of an `.npy` meanwhile; None: the system's.

    Raises:
        InputError: anything that does not hold; the message names file, field and remedy.
    """
    path = Path(path)
    skeleton = named_layout(layout) if isinstance(layout, str) else layout
    form = Form(how.axes, how.confidence, how.missing, padding=how.padding, up=how.up, fps=how.fps)
    return replace(_read(path, skeleton, how, form, progress, scratch), path=None)


def _read(
    path: Path,
    skeleton: Skeleton | None,
    how: Arrays,
    form: Form,
    progress: Progress | None,
    scratch: str | Path | None,
) -> ClipSet:
    if path.is_dir():
        if clip_files := clip_json.files_of(path):
            return clip_json.read_clips(path, clip_files, skeleton, form, scratch, progress)
        return read_dense(_arrays(path), skeleton, form, scratch)
    if path.suffix.lower() == ".json":
        return clip_json.read_clips(path, [path], skeleton, form, scratch)
    if path.suffix.lower() in (".pkl", ".pickle"):
        return clip_lists.read_lists(path, skeleton, form, scratch)
    if ctr_npz.is_ctr(path):
        return ctr_npz.read_ctr(path, skeleton, form, scratch)
    data = load(path)
    if isinstance(data, np.ndarray):
        return read_dense([path], skeleton, form, scratch)
    clips = _ragged(path, data, skeleton, how)
    if how.confidence:
        clips = replace(clips, attributes=clips.attributes | {"confidence": "true"}, path=path)
        clips.validate()  # the path was for the messages
    return clips


def _arrays(folder: Path) -> list[Path]:
    """The field's arrays of a folder.

    Raises:
        InputError: there are none; the message says what there is.
    """
    if files := field_arrays.arrays_of(folder):
        return files
    below = [f.name for f in sorted(folder.iterdir()) if f.is_dir() and field_arrays.arrays_of(f)]
    if below:
        raise InputError(
            f"{folder}: arrays in {', '.join(below[:4])} below; name one of these folders"
        )
    if others := field_arrays.others_of(folder):
        field_arrays.refuse_other(others[0])
    raise InputError(
        f"{folder}: a folder; name a file, .npz or .npy, or a folder of arrays such as "
        "train_data_joint.npy"
    )


def _ragged(
    path: Path, data: Mapping[str, np.ndarray], skeleton: Skeleton | None, how: Arrays
) -> ClipSet:
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
    elif how.fps:
        others["fps"] = how.fps
    else:
        warnings.warn(f"{path}: fps is missing; 30 frames a second assumed", stacklevel=3)
    classes = _classes(path, data, others)
    joints = frames if order is None else frames[:, :, order]
    if unseen := int(np.isnan(joints).any(axis=-1).sum()):
        warnings.warn(
            f"{path}: {unseen} joints are NaN: not seen, missing={how.missing}", stacklevel=3
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
