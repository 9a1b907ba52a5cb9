"""What the names of clips of public sets say: classes, subjects, cameras; each by its owners' form.

NTU RGB+D's `S001C002P003R001A010`; PKU-MMD's `0002-L.txt_7`, which CMD's preparation makes of a
recording and a row of its labels, and `F004V002C013L001` (CrosSCLR's); NW-UCLA's
`a01_s02_e03_v01`; UAV-Human's `P000S00G10B10H50UC022000LC021000A000R0_08241716`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import action_names
from .ntu_names import clip_of
from .pkummd_text import CAMERAS

_EMPTY_CLASS = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A\d{3}")
_PKU = re.compile(r"(?:\d{4}|A\d{2}N\d{2})-([LMR])(?:\.txt)?_\d{1,4}")
_PKU_CLIP = re.compile(r"F(\d{3})V(\d{3})C(\d{3})L\d{3}")
_UCLA = re.compile(r"a(\d{2})_s(\d{2})_e\d{2}_v(\d{2})")
_UAV = re.compile(r"P(\d{3})S\d{2}G\d{2}B\d{2}H\d{2}UC\d{6}LC\d{6}A(\d{3})R\d+_\d+")


class Known(NamedTuple):
    """What the names of a set's clips say.

    Args:
        source: "ntu", "pkummd", "nw_ucla", "uav"; empty where they are no public set's.
        columns: arguments of `ClipSet.build`.
        class_names: of labels that agree with the names; none where they do not.
    """

    source: str
    columns: dict[str, Any]  # arrays, and a dict of further ones
    class_names: tuple[str, ...]


def known(names: Sequence[str], labels: Sequence[int]) -> Known:
    """What the names of all clips say.

    Args:
        names: of the clips.
        labels: -1 unknown; a class name is only given where all labels are the names' classes.

    Examples:
        >>> known(["S001C002P003R001A010"], [9]).class_names[9]
        'clapping'
        >>> known(["0002-L.txt_0", "0002-M.txt_0"], [0, 1]).columns["camera"].tolist()
        [1, 2]
    """
    for read in (_ntu, _pku, _ucla, _uav):
        found = read(names, labels)
        if found is not None:
            return found
    return Known("", {}, ())


def _ntu(names: Sequence[str], labels: Sequence[int]) -> Known | None:
    clips = [clip_of(name) or _class_zero(name) for name in names]
    if any(clip is None for clip in clips):
        return None
    table = np.array([clip[:4] for clip in clips if clip], np.int64)
    keys = ("setup", "camera", "subject")
    columns: dict[str, Any] = dict(zip(keys, table.T[:3], strict=True))  # as in `Known`
    columns["columns"] = {"replication": table[:, 3]}
    whole = [clip for clip in clips if clip and len(clip) == 5]
    same = len(whole) == len(labels) and all(
        clip[4] == label + 1 for clip, label in zip(whole, labels, strict=True)
    )
    small = max(labels, default=-1) < len(action_names.NTU60)
    titles = action_names.NTU60 if small else action_names.NTU120
    return Known("ntu", columns, titles if same else ())


def _class_zero(name: str) -> tuple[int, ...] | None:
    match = _EMPTY_CLASS.fullmatch(name)
    return tuple(map(int, match.groups())) if match else None


def _pku(names: Sequence[str], labels: Sequence[int]) -> Known | None:
    fits = max(labels, default=-1) < len(action_names.PKUMMD)
    titles = action_names.PKUMMD if fits and max(labels, default=-1) >= 0 else ()
    rows = [_PKU.fullmatch(name) for name in names]
    if all(rows):
        cameras = np.array([CAMERAS[row[1]] for row in rows if row])
        return Known("pkummd", {"camera": cameras}, titles)
    clips = [_PKU_CLIP.fullmatch(name) for name in names]
    if not all(clips):
        return None
    table = np.array([list(map(int, clip.groups())) for clip in clips if clip])
    same = np.array_equal(table[:, 2] - 1, labels)
    return Known("pkummd", {"camera": table[:, 1]}, titles if same else ())


def _ucla(names: Sequence[str], labels: Sequence[int]) -> Known | None:
    clips = [_UCLA.fullmatch(name) for name in names]
    if not all(clips):
        return None
    table = np.array([list(map(int, clip.groups())) for clip in clips if clip])
    # Classes 7 and 10 are not there: the tenth is number 12.
    order = {number: place for place, number in enumerate(action_names.NWUCLA_NUMBERS)}
    same = [order.get(int(number), -1) for number in table[:, 0]] == list(labels)
    columns = {"subject": table[:, 1], "camera": table[:, 2]}
    return Known("nw_ucla", columns, action_names.NWUCLA if same else ())


def _uav(names: Sequence[str], labels: Sequence[int]) -> Known | None:
    clips = [_UAV.fullmatch(name) for name in names]
    if not all(clips):
        return None
    return Known("uav", {"subject": np.array([int(clip[1]) for clip in clips if clip])}, ())
