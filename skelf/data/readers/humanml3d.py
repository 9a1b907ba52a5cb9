"""Reader for HumanML3D and KIT-ML: joints, vectors of 263 or 251 numbers, and what models make.

`new_joints/*.npy` `(T, 22, 3)`, metres, y up, 20 frames a second; KIT-ML `(T, 21, 3)`, in a unit of
its own, 12.5 frames a second. `new_joint_vecs/*.npy` `(T, 263)` or `(T, 251)`, from which joints
follow exactly (`formats/humanml_vectors.py`). `results.npy` of MDM and those after it: a dict with
`motion` `(N, 22, 3, T)` and `lengths`. Lists `train.txt`, `val.txt` and `test.txt` are a split.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from .. import check
from ..clips import ClipSet
from ..formats.humanml_vectors import JOINTS, axis_error, joints_of
from ..formats.npz_rows import objects_of
from ..formats.numpy_files import load
from ..formats.pickles import shown
from ..frames import Frames
from ..listing import Listing, Told
from ..motion.missing import Missing, fill_nan
from ..pool import Progress

RATES = {22: 20.0, 21: 12.5}
"""Joints -> frames a second."""
HEIGHTS = {22: (0.1, 3.0), 21: (50.0, 2000.0)}
"""Joints -> what the height of the root lies between, in the set's unit."""
FOLDERS = ("new_joints", "new_joint_vecs")
MOST_BYTES = 1 << 30
UNIT = 0.15  # axes of rotations that a model made are nearly of length 1

# KIT-ML as the set has it: the right side first, as the feet's direction shows.
KIT21 = Skeleton(
    name="kit21",
    names=(
        "Root", "Pelvis", "Torso", "Neck", "Head",
        "ShoulderRight", "ElbowRight", "WristRight", "ShoulderLeft", "ElbowLeft", "WristLeft",
        "HipRight", "KneeRight", "AnkleRight", "HeelRight", "FootRight",
        "HipLeft", "KneeLeft", "AnkleLeft", "HeelLeft", "FootLeft",
    ),
    parents=(-1, 0, 1, 2, 3, 3, 5, 6, 3, 8, 9, 0, 11, 12, 13, 14, 0, 16, 17, 18, 19),
    pairs=((8, 5), (9, 6), (10, 7), (16, 11), (17, 12), (18, 13), (19, 14), (20, 15)),
    parts={
        "trunk": (0, 1, 2, 3, 4),
        "left_arm": (8, 9, 10),
        "right_arm": (5, 6, 7),
        "left_leg": (16, 17, 18, 19, 20),
        "right_leg": (11, 12, 13, 14, 15),
    },
    centre=0,
)  # fmt: skip


@options("humanml3d")
class HumanML3D:
    """What a file does not say."""

    fps: Positive | None = option(
        None, "frames a second; none: 20 of HumanML3D, 12.5 of KIT-ML, by the joints"
    )
    scale: Positive | None = option(
        None, "metres in one unit; none: 1 of HumanML3D, not known of KIT-ML, whose numbers stay"
    )
    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
    )


class _Motion(NamedTuple):
    name: str
    joints: np.ndarray  # (T, V, 3)


def read_humanml3d(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: HumanML3D = HumanML3D(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """HumanML3D, KIT-ML, and motions that models made in their form; no pickle is ever run.

    Args:
        path: an `.npy`; a folder of them; or the set's folder, whose `new_joints` are read, else
            its `new_joint_vecs`.
        layout: of the joints; None: humanml3d22, or KIT-ML's 21.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: nothing of this form; vectors that were normalised.
    """
    return list_humanml3d(path, layout, how).clips(progress=progress, scratch=scratch)


def list_humanml3d(
    path: str | Path, layout: str | Skeleton | None = None, how: HumanML3D = HumanML3D()
) -> Listing:
    """What `read_humanml3d` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    folder = next((path / name for name in FOLDERS if (path / name).is_dir()), path)
    files = sorted(folder.glob("*.npy")) if folder.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no .npy in it, nor in {' or '.join(FOLDERS)} below")
    skeleton = named_layout(layout) if isinstance(layout, str) else layout
    read = partial(_read, path=path, folder=folder, skeleton=skeleton, how=how)
    beside = folder.parent if folder != path else path.parent
    return Listing(path, files, read, finish=partial(_finished, beside=beside, path=path))


def _finished(clips: ClipSet, beside: Path, path: Path) -> ClipSet:
    """With the splits of the lists of names."""
    clips = replace(clips, splits=_splits(beside, path, clips.names))
    check.table(clips)
    return clips


def _read(
    files: Sequence[Path],
    /,
    *,
    path: Path,
    folder: Path,
    skeleton: Skeleton | None,
    how: HumanML3D,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    names: list[str] = []
    length: list[int] = []
    count = unseen = 0
    with ExitStack() as stack:
        for done, file in enumerate(files, start=1):
            for motion in _motions(file):
                if not count:
                    count = motion.joints.shape[1]
                    frames = stack.enter_context(Frames((1, count, 3), scratch))
                if motion.joints.shape[1] != count:
                    raise InputError(
                        f"{file}: {motion.joints.shape[1]} joints, others have {count}; import "
                        "them apart"
                    )
                unseen += int(np.isnan(motion.joints).any(axis=-1).sum())
                with np.errstate(all="ignore"):  # what is infinite is refused as such
                    clip = fill_nan(motion.joints[:, None], how.missing)
                    frames.add((clip * (how.scale or 1)).astype(np.float32))
                names.append(motion.name)
                length.append(len(clip))
            if progress:
                progress(done, len(files))
        joints = frames.array()
    _note(path, folder, count, unseen, how)
    attributes = {"title": path.stem, "source": path.name}
    attributes |= {"unit": "metre"} if count == 22 or how.scale else {}
    clips = ClipSet.build(
        joints,
        length,
        skeleton or (KIT21 if count == 21 else named_layout("humanml3d22")),
        name=names,
        fps=how.fps or RATES[count],
        attributes=attributes,
        path=path,
    )
    return replace(clips, path=None)  # it was for the messages


def _motions(file: Path) -> Iterator[_Motion]:
    """The motions of a file, each `(T, V, 3)`."""
    array = _content(file)
    if isinstance(array, dict):
        yield from _made(file, array)
        return
    if not isinstance(array, np.ndarray):
        raise InputError(f"{file}: {shown(array)}; expected joints, vectors or a dict of motions")
    shape = array.shape
    if array.ndim == 4 and shape[0] == 1:
        array = array[0]
    if array.dtype.kind != "f" or 0 in shape:
        raise InputError(f"{file}: {array.dtype} {shape}; expected floats")
    if array.ndim == 2 and shape[1] in JOINTS:
        yield _Motion(file.stem, _of_vectors(file, array))
    elif array.ndim == 3 and array.shape[1:] in ((22, 3), (21, 3)):
        yield _Motion(file.stem, np.asarray(array, np.float64))
    else:
        raise InputError(
            f"{file}: {shape}; expected joints (T, 22, 3) or vectors (T, 263), or KIT-ML's with 21 "
            "joints or 251 numbers"
        )


def _content(file: Path) -> object:
    """The array of an `.npy`, or the dict that is in it."""
    try:
        return load(file)
    except InputError as error:
        if "object array" not in str(error) or file.stat().st_size > MOST_BYTES:
            raise
    return objects_of(file.read_bytes(), str(file))


def _of_vectors(file: Path, vectors: np.ndarray) -> np.ndarray:
    low, high = HEIGHTS[JOINTS[vectors.shape[1]]]
    height, axis = float(np.median(vectors[:, 3])), axis_error(vectors)
    if not (low <= height <= high and axis <= UNIT):
        raise InputError(
            f"{file}: the root at a height of {height:.3g} and axes of rotation {axis:.3g} too "
            f"long or short, where {low:g} to {high:g} and 0 would be right: normalised vectors? "
            "Multiply them by Std.npy and add Mean.npy first"
        )
    return joints_of(vectors)


def _made(file: Path, content: dict[object, object]) -> Iterator[_Motion]:
    """Motions of a model, `(N, V, 3, T)`, each with its own length."""
    motion, lengths = content.get("motion"), content.get("lengths")
    is_array = isinstance(motion, np.ndarray) and motion.dtype.kind == "f" and motion.ndim == 4
    if not is_array:
        raise InputError(f"{file}: motion: {shown(motion)}; expected floats (N, 22, 3, T)")
    assert isinstance(motion, np.ndarray)
    if motion.shape[1:3] not in ((22, 3), (21, 3)) or 0 in motion.shape:
        raise InputError(f"{file}: motion: {motion.shape}; expected (N, 22, 3, T), joints")
    listed = lengths.tolist() if isinstance(lengths, np.ndarray) else lengths
    frames = motion.shape[3]
    if not isinstance(listed, list) or len(listed) != len(motion):
        listed = [frames] * len(motion)
    for i, (one, length) in enumerate(zip(motion, listed, strict=True)):
        if not isinstance(length, int) or not 0 < length <= frames:
            raise InputError(f"{file}: lengths: {shown(length)}; expected 1 to {frames}")
        yield _Motion(f"{file.stem}_{i}", one.transpose(2, 0, 1)[:length].astype(np.float64))


def _note(path: Path, folder: Path, count: int, unseen: int, how: HumanML3D) -> None:
    notes = []
    if count == 21 and not how.scale:
        notes.append(
            "KIT-ML's unit is its own (a thigh is about 220 long); numbers stay, scale= gives the "
            "metres in one"
        )
    if any((place / "texts").is_dir() for place in (path, folder.parent, path.parent.parent)):
        notes.append("the sentences in texts are not kept: a store has classes")
    if unseen:
        notes.append(f"{unseen} joints are NaN: not seen, missing={how.missing}")
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=4)


def _splits(beside: Path, path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Train and test, and train and val, by the lists of names beside the files."""
    sides: dict[str, set[str]] = {}
    for side in ("train", "val", "test"):
        for folder in (path, beside):
            file = folder / f"{side}.txt"
            if file.is_file():
                text = file.read_text(encoding="utf-8", errors="replace")
                sides.setdefault(side, set(text.split()))
    splits = {}
    for name, test in (("official", "test"), ("official_val", "val")):
        if {"train", test} <= sides.keys():
            numbers = [1 if n in sides["train"] else 2 if n in sides[test] else 0 for n in names]
            if {1, 2} <= set(numbers):
                splits[name] = np.array(numbers, np.int8)
    return splits
