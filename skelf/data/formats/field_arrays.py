"""What lies beside the field's arrays: names, labels and lengths of `train_data_joint.npy`.

ST-GCN's preparation and those after it (2s-AGCN, CMD, AimCLR, PCM3, USDRL) write clips as one array
`(N, C, T, V, M)`, names and labels as a pickle of two lists (`train_label.pkl`), some the true
lengths (`train_num_frame.npy`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from . import action_names
from .ntu_names import clip_of
from .pickles import load_pickle, shown

DATA = re.compile(r"(?:(.*?)_)?data(?:_(joint|bone|joint_motion|bone_motion|motion))?\.npy")
SIDES = {"train": 1, "val": 2, "test": 2}
BENCHMARKS = {"xsub": "xsub", "cs": "xsub", "xview": "xview", "cv": "xview", "xset": "xset"}
BENCHMARKS |= {"xsetup": "xset"}


class Beside(NamedTuple):
    """What stands beside an array.

    Args:
        side: of the split, 1 train, 2 test, 0 unknown.
        names: `(N,)` of the clips, or none.
        labels: `(N,)`, -1 unknown, or none.
        lengths: `(N,)` frames, or none.
    """

    side: int = 0
    names: list[str] | None = None
    labels: list[int] | None = None
    lengths: list[int] | None = None


def beside(path: Path, count: int, frames: int) -> Beside:
    """Names, labels and lengths that lie beside an array, by their files' names.

    Args:
        path: of the array.
        count: its clips.
        frames: of each clip in it.

    Raises:
        InputError: such a file that does not fit the array.
    """
    match = DATA.fullmatch(path.name)
    if match is None:
        return Beside()
    prefix = f"{match[1]}_" if match[1] else ""
    side = next((SIDES[word] for word in (match[1] or "").split("_") if word in SIDES), 0)
    names, labels, lengths = None, None, None
    pickled = path.with_name(f"{prefix}label.pkl")
    if pickled.is_file():
        names, labels, lengths = _from_pickle(pickled, count, frames)
    counted = path.with_name(f"{prefix}num_frame.npy")
    if counted.is_file():
        try:
            array = np.load(counted, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise InputError(f"{counted}: not an array of whole numbers ({error})") from None
        lengths = _whole(array.tolist(), counted, "frames", count, 1, frames)
    return Beside(side, names, labels, lengths)


def arrays_of(folder: Path) -> list[Path]:
    """The field's arrays of a folder, joints alone, train before test."""
    if not folder.is_dir():
        return []
    match_by_file = {
        file: match
        for file in sorted(folder.iterdir())
        if (match := DATA.fullmatch(file.name)) and match[2] in (None, "joint")
    }
    words = {file: set((match[1] or "").split("_")) for file, match in match_by_file.items()}
    sides = {file: max((SIDES.get(w, 0) for w in words[file]), default=0) for file in match_by_file}
    return sorted((file for file in match_by_file if sides[file]), key=lambda file: sides[file])


def split_name(path: Path) -> str:
    """The split that a folder of the field's arrays is of."""
    return BENCHMARKS.get(path.absolute().parent.name.lower(), "official")


def columns_of(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Setup, camera, subject and replication, where all names are those of NTU RGB+D."""
    clips = [clip_of(name) or _class_zero(name) for name in names]
    if any(clip is None for clip in clips):
        return {}
    table = np.array([clip[:4] for clip in clips if clip], np.int64)
    keys = ("setup", "camera", "subject", "replication")
    return dict(zip(keys, table.T, strict=True))


def class_names(names: Sequence[str] | None, labels: Sequence[int]) -> tuple[str, ...]:
    """NTU's where the names say that the labels are its classes, else numbers."""
    top = max(labels, default=-1)
    clips = [clip_of(name) for name in names or ()]
    if clips and all(
        clip and clip.label == label + 1 for clip, label in zip(clips, labels, strict=True)
    ):
        return action_names.NTU60 if top < len(action_names.NTU60) else action_names.NTU120
    return tuple(str(label) for label in range(top + 1))


def _class_zero(name: str) -> tuple[int, ...] | None:
    match = re.fullmatch(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A\d{3}", name)
    return tuple(map(int, match.groups())) if match else None


def _from_pickle(
    path: Path, count: int, frames: int
) -> tuple[list[str] | None, list[int], list[int] | None]:
    """Names, labels and, where there is a third list, lengths."""
    content = load_pickle(path)
    parts = list(content) if isinstance(content, list | tuple) else []
    lists = [part.tolist() if isinstance(part, np.ndarray) else part for part in parts]
    if len(lists) == count and all(isinstance(part, int) for part in lists):
        lists = [None, lists]  # labels alone
    if len(lists) not in (2, 3) or not all(isinstance(p, list | tuple) for p in lists[1:]):
        raise InputError(
            f"{path}: {shown(content)}, not the names and the labels of {count} clips; write two "
            "lists, or take the file away"
        )
    labels = _whole(list(lists[1]), path, "labels", count, -1, 100_000)
    names = None
    if lists[0] is not None:
        if not isinstance(lists[0], list | tuple) or len(lists[0]) != count:
            raise InputError(f"{path}: names: not a list of {count}, the array's clips")
        if not all(isinstance(name, str) and "\0" not in name for name in lists[0]):
            raise InputError(f"{path}: names: not all of them texts")
        names = [PurePosixPath(name).name.removesuffix(".skeleton") for name in lists[0]]
    lengths = None
    if len(lists) == 3:
        lengths = _whole(list(lists[2]), path, "lengths", count, 1, frames)
    return names, labels, lengths


def _whole(values: object, path: Path, what: str, count: int, least: int, most: int) -> list[int]:
    if not isinstance(values, list) or len(values) != count:
        have = len(values) if isinstance(values, list) else "no list of"
        raise InputError(f"{path}: {have} {what}, the array has {count} clips; one for each")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InputError(
                f"{path}: {what}: {shown(value)}; expected whole numbers from {least} to {most}"
            )
    return values
