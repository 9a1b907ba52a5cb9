"""NW-UCLA as CTR-GCN's feeders read it: a JSON file for each clip, `skeletons` `(T, 20, 3)`.

Beside it `file_name` (`a01_s02_e03_v01`) and `label`, from 1. Metres, y up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import KINECT20
from ...skeleton import Skeleton
from ..clips import ClipSet
from . import batches
from .array_signs import of_json
from .batches import Batch, Form
from .field_arrays import Beside
from .look import Look
from .members import Member
from .pickles import shown

MOST_BYTES = 1 << 26


class _Clip(NamedTuple):
    name: str
    label: int
    joints: np.ndarray


def files_of(folder: Path) -> list[Path]:
    """The files of such clips in a folder; none where the first JSON file is another one."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    clips = [file for file in files if not file.name.startswith(".")]
    first = clips[0] if clips else None
    return clips if first and of_json(Look.at(Member(first))) else []


def read_clips(
    path: Path,
    files: Sequence[Path],
    skeleton: Skeleton | None,
    form: Form,
    scratch: str | Path | None,
    progress: Callable[[int, int], None] | None = None,
) -> ClipSet:
    """Such files as one set.

    Args:
        path: what the user named.
        files: in it.
        skeleton: the layout; None: kinect20.
        form: what the numbers mean.
        scratch: folder for the frames meanwhile.
        progress: called with files done and in all.

    Raises:
        InputError: a file of another form.
    """
    skeleton = skeleton or KINECT20
    names: list[str] = []
    labels: list[int] = []

    def clips() -> Iterator[np.ndarray]:
        for done, file in enumerate(files, start=1):
            clip = _clip(file, skeleton)
            names.append(clip.name)
            labels.append(clip.label)
            yield clip.joints[:, None]
            if progress:
                progress(done, len(files))

    more = Beside("", names, labels)  # filled as the clips are read
    batch = Batch(path, clips(), len(files), 1, more, several=False, field=False)
    return batches.build([batch], skeleton, form, place=path, split="official", scratch=scratch)


def _clip(file: Path, skeleton: Skeleton) -> _Clip:
    try:
        content = json.loads(Member(file).read(MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON ({next(iter(str(error).splitlines()), '')})") from None
    if not isinstance(content, dict) or "skeletons" not in content:
        raise InputError(f"{file}: no 'skeletons' in it, as the other files have")
    try:
        joints = np.array(content["skeletons"], np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        joints = np.zeros(0)
    if joints.ndim != 3 or joints.shape[1:] != (skeleton.joints, 3) or not len(joints):
        raise InputError(
            f"{file}: skeletons: {joints.shape}; expected (T, {skeleton.joints}, 3) numbers"
        )
    label = content.get("label", 0)
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label <= 100_000:
        raise InputError(f"{file}: label: {shown(label)}; expected a whole number from 1")
    name = content.get("file_name")
    return _Clip(name if isinstance(name, str) and name else file.stem, label - 1, joints)
