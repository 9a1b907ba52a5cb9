"""Writes the field's arrays, as ST-GCN's preparation and those after it have them, and CTR-GCN's.

`train_data_joint.npy` `(N, C, T, V, M)` float32, `train_label.pkl` (names and labels),
`train_num_frame.npy`, and `val_...`: what AimCLR, PCM3, ActCLR, CMD, HiCo, USDRL, FoundSkelModel
and 2s-AGCN load. Or one `.npz` with `x_train`, one-hot `y_train`, `x_test` and `y_test`, which
CTR-GCN, InfoGCN, HD-GCN, SkateFormer and MAMP load. Values are the store's: nothing is centred or
turned.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from ...errors import InputError
from ...files import replacing
from ...settings.options import option, options
from ..clips import ClipSet

SIDES = (("train", 1), ("val", 2))
MOST_FRAMES = 1 << 16
FILES = tuple(
    f"{side}_{part}"
    for side, _ in SIDES
    for part in ("data_joint.npy", "label.pkl", "num_frame.npy")
)


@options("arrays")
class WriteArrays:
    """What of a store goes into dense arrays."""

    split: str = option("", "which split gives the two sides; none: the only one of the store")
    frames: int = option(300, "of each clip in the array", ge=1, le=MOST_FRAMES)
    persons: int = option(2, "of each clip in the array", ge=1, le=64)


def write_field_arrays(clips: ClipSet, folder: Path, *, how: WriteArrays = WriteArrays()) -> None:
    """Writes both sides of a split into a folder, each file atomically.

    Clips are padded with zeros behind their end. Longer ones are cut, and persons beyond the room
    left out, which warnings say.

    Args:
        clips: with three numbers a joint; a confidence is written as the third number of 2D poses,
            as Kinetics has it.
        folder: made where it is missing; one for each split, as `xsub`.
        how: the options.

    Raises:
        InputError: no such split, an empty side, or numbers that are not three.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=12).with_split("xsub", [1] * 8 + [2] * 4)
        >>> write_field_arrays(clips, Path("xsub"), how=WriteArrays(persons=1))
        >>> np.load("xsub/train_data_joint.npy").shape
        (8, 3, 300, 20, 1)
    """
    _check(clips)
    sides = clips.split(_split(clips, how))
    clips.verify()
    frames, persons = how.frames, how.persons
    folder.mkdir(parents=True, exist_ok=True)
    lost = _Lost()
    for (side, _), part in zip(SIDES, sides, strict=True):
        shape = (len(part), 3, frames, part.skeleton.joints, persons)
        with replacing(folder / f"{side}_data_joint.npy") as beside:
            array = np.lib.format.open_memmap(beside, "w+", np.float32, shape)
            for number, clip in enumerate(_padded(part, frames, persons, lost)):
                array[number] = clip.transpose(3, 0, 2, 1)
            array.flush()
            del array
        with replacing(folder / f"{side}_num_frame.npy") as beside, beside.open("wb") as file:
            np.save(file, np.minimum(part.length, frames).astype(np.int64))
        with replacing(folder / f"{side}_label.pkl") as beside:
            # Plain lists: any version of Python or NumPy reads them.
            beside.write_bytes(pickle.dumps((part.names, part.label.tolist()), protocol=2))
    lost.warn(clips, frames, persons)


def write_ctr_npz(clips: ClipSet, path: Path, *, how: WriteArrays = WriteArrays()) -> None:
    """Writes both sides of a split as CTR-GCN's `.npz`, atomically, a clip at a time.

    Args:
        clips: of three coordinates a joint, every clip with a label.
        path: the `.npz`; names of clips have no place in it.
        how: the options; the split's test side becomes `x_test`, and the peers' feeders expect two
            persons of 25 joints.

    Raises:
        InputError: no such split, an empty side, a clip without a label, or other numbers.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=12).with_split("xsub", [1] * 8 + [2] * 4)
        >>> write_ctr_npz(clips, Path("made_up_CS.npz"), how=WriteArrays(frames=100))
        >>> np.load("made_up_CS.npz")["x_train"].shape
        (8, 100, 120)
    """
    _check(clips)
    frames, persons = how.frames, how.persons
    if (clips.label < 0).any():
        raise InputError(f"{clips}: {(clips.label < 0).sum()} clips have no label, which y needs")
    sides = dict(zip(("train", "test"), clips.split(_split(clips, how)), strict=True))
    clips.verify()
    lost = _Lost()
    with replacing(path) as beside, ZipFile(beside, "w", ZIP_STORED) as archive:
        for side, part in sides.items():
            shape = (len(part), frames, persons * part.skeleton.joints * 3)
            rows = (clip.reshape(frames, -1) for clip in _padded(part, frames, persons, lost))
            _member(archive, f"x_{side}", shape, "<f4", rows)
            hot = np.eye(len(clips.class_names))[part.label]
            _member(archive, f"y_{side}", hot.shape, "<f8", iter([hot]))
    lost.warn(clips, frames, persons)


class _Lost:
    """What found no room."""

    def __init__(self) -> None:
        self.cut = self.persons = 0

    def warn(self, clips: ClipSet, frames: int, persons: int) -> None:
        lines = []
        if self.cut:
            lines.append(f"{self.cut} clips are longer than frames={frames} and were cut there")
        if self.persons:
            lines.append(f"{self.persons} clips show more persons than persons={persons}")
        for line in lines:
            warnings.warn(f"{clips}: {line}", stacklevel=3)


def _split(clips: ClipSet, how: WriteArrays) -> str:
    if how.split or len(clips.splits) == 1:
        return how.split or next(iter(clips.splits))
    have = f"it has {', '.join(clips.splits)}" if clips.splits else "`skelf data split` makes one"
    raise InputError(f"{clips}: which split gives train and test? Say split=NAME; {have}")


def _check(clips: ClipSet) -> None:
    if clips.channels != 3:
        raise InputError(
            f"{clips}: {clips.channels} numbers a joint; the field's arrays have three, x, y, z or "
            "x, y, score"
        )


def _padded(part: ClipSet, frames: int, persons: int, lost: _Lost) -> Iterator[np.ndarray]:
    """Each clip `(frames, persons, V, 3)`, zeros behind its end."""
    for number in range(len(part)):
        clip = part.clip(number)
        lost.cut += len(clip) > frames
        lost.persons += bool(clip[:, persons:].any())
        clip = clip[:frames, :persons]
        room = np.zeros((frames, persons, *clip.shape[2:]), np.float32)
        room[: len(clip), : clip.shape[1]] = clip
        yield room


def _member(
    archive: ZipFile, name: str, shape: Sequence[int], kind: str, rows: Iterator[np.ndarray]
) -> None:
    """One array of an `.npz`, row by row."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        header = {"descr": kind, "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for row in rows:
            file.write(np.ascontiguousarray(row, kind).data)
