"""The field's arrays in a folder, and what lies beside one: names, labels and lengths.

ST-GCN's preparation and those after it (2s-AGCN, CMD, AimCLR, PCM3, USDRL) write clips as one array
`(N, C, T, V, M)`, names and labels as a pickle of two lists (`train_label.pkl`), some the true
lengths (`train_num_frame.npy`, `train_num_of_frames.npy`).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from .field_labels import Labels, load_numbers, read_labels, whole
from .field_names import Named, named

LABELS = ("label", "labels")
SUFFIXES = (".pkl", ".pickle", ".npy", ".json")
LENGTHS = ("num_frame", "num_frames", "num_of_frames", "frame_num", "length", "lengths")


class Beside(NamedTuple):
    """What stands beside an array.

    Args:
        side: of the split, "train", "val", "test", or "", unknown.
        names: `(N,)` of the clips, or none.
        labels: `(N,)`, -1 unknown, or none.
        lengths: `(N,)` frames, at most those of the array, or none.
        cut: clips that were longer than the array has room for.
    """

    side: str = ""
    names: list[str] | None = None
    labels: list[int] | None = None
    lengths: list[int] | None = None
    cut: int = 0


def beside(path: Path, count: int, frames: int) -> Beside:
    """Names, labels and lengths that lie beside an array, by their files' names.

    Args:
        path: of the array.
        count: its clips.
        frames: of each clip in it.

    Raises:
        InputError: such a file that does not fit the array.
    """
    what = named(path.name)
    if what is None:
        return Beside()
    told = Labels(None, [])
    labelled = [path.with_name(f"{what.prefix}{w}{s}") for w in LABELS for s in SUFFIXES]
    for file in (file for file in labelled if file.is_file()):
        more = read_labels(file, count)
        told = told if told.labels and not more.names else more  # names are worth more
        if told.names:
            break
    lengths = told.lengths
    for word in LENGTHS:
        counted = path.with_name(f"{what.prefix}{word}.npy")
        if counted.is_file():
            numbers = load_numbers(counted).reshape(-1).tolist()
            lengths = whole(numbers, counted, "frames", count, 0, None)
            break
    # CMD's preparation of PKU-MMD counts frames that it then cuts off; NTU's has clips of none.
    cut = sum(length > frames for length in lengths or ())
    lengths = [min(max(length, 1), frames) for length in lengths] if lengths else None
    return Beside(what.side, told.names, told.labels or None, lengths, cut)


def arrays_of(folder: Path) -> list[Path]:
    """The field's arrays of a folder, joints alone, train before test; none where there are none.

    Raises:
        InputError: two of one side.
    """
    found = _found(folder)
    joints = {file: what for file, what in found.items() if what.side and not what.other}
    sides = ("train", "val", "test")
    ordered = sorted(joints, key=lambda file: (sides.index(joints[file].side), file.name))
    for file in ordered:
        same = [other for other in ordered if joints[other].side == joints[file].side]
        if len(same) > 1:
            raise InputError(
                f"{folder}: {' and '.join(other.name for other in same[:3])} are both joints of "
                f"one side; which is meant? Put the others elsewhere, or name one file"
            )
    return ordered


def others_of(folder: Path) -> list[Path]:
    """Bones, motion and the like in a folder, which are computed from joints."""
    return [file for file, what in _found(folder).items() if what.other]


def refuse_other(path: Path) -> None:
    """Refuses an array whose name says that it holds no joints.

    Raises:
        InputError: bones, motion or both.
    """
    what = named(path.name)
    if what is None or not what.other:
        return
    beside = [file.name for file in _sorted(path.parent, what.side)]
    remedy = f"give {beside[0]}" if beside else f"give the joints ({what.prefix}data_joint.npy)"
    raise InputError(
        f"{path}: {what.other.replace('_', ' ')} by its name, not joints; {remedy}: bones and "
        "motion are computed where they are needed (--stream)"
    )


def _found(folder: Path) -> dict[Path, Named]:
    if not folder.is_dir():
        return {}
    files = {file: named(file.name) for file in sorted(folder.iterdir())}
    return {file: what for file, what in files.items() if what}


def _sorted(folder: Path, side: str) -> list[Path]:
    found = _found(folder)
    return [file for file, what in found.items() if what.side == side and not what.other]
