"""What files of markers share: words for units, labels, and which axis points up by the body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...joints.aliases import meanings
from .axes import UPS, Up, nearest_axis

_LENGTHS = {
    "um micron microns micrometer micrometers micrometre micrometres": 1e-6,
    "mm millimeter millimeters millimetre millimetres millimetro millimetri": 0.001,
    "cm centimeter centimeters centimetre centimetres centimetro centimetri": 0.01,
    "dm decimeter decimeters decimetre decimetres": 0.1,
    "m mt mtr meter meters metre metres metro metri": 1.0,
    "in inch inches": 0.0254,
    "ft foot feet": 0.3048,
}
UNITS = {word: metres for words, metres in _LENGTHS.items() for word in words.split()}
"""Word of a unit, in lower case -> metres in one."""
UNLABELLED = re.compile(r"(?i)|\*.*|u_\d+|_?unlabell?ed[ _-]?\d*|uname\*?\d*|_\d+")
"""Labels of points that nobody has named."""
SAMPLES = 200  # frames that are looked at, evenly over a recording
_FEW = 40  # of them, where every marker is looked at
# Parts of a body from its upper end down; what tables of names lack is found by words, as of the
# markers R.Toe.Tip, LCAL or RMT5.
_LEVELS = (
    (("head", "nose", "eye", "ear"), r"head|fhd|bhd|vertex"),
    (("neck", "upper_neck", "lower_neck", "shoulder_center"), r"neck|c_?7$"),
    (("shoulder", "clavicle", "chest", "upper_back"), r"acrom|shoulder|clav|stern|strn|^ster|scap"),
    (("hips", "hip"), r"asis|psis|^[lr]?_?[ap]si$|sacr|pelvi|troch|iliac|hjc"),
    (("knee",), r"knee|^[lr]?kne"),
    (("ankle",), r"ankle|ank$|mal"),
    (
        ("foot", "toe", "big_toe", "small_toe", "heel"),
        r"heel|hee$|toe|foot|mt[1-5]|calc|cal$|metat",
    ),
)
_PELVIS = 3  # in the list above
_CLEAR = 2.0  # times what lies across: which way a body stands, or how large it is, is sure


def metres_of(unit: str) -> float | None:
    """Metres in a unit that a program wrote: any case, a full stop, cut off as `mete`; else None.

    Examples:
        >>> metres_of("Meters"), metres_of("mm."), metres_of("[cm]"), metres_of("deg")
        (1.0, 0.001, 0.01, None)
    """
    word = unit.strip(" .()[]\0\t").lower().replace("\N{MICRO SIGN}", "u")
    if word in UNITS:
        return UNITS[word]
    longer = {metres for name, metres in UNITS.items() if name.startswith(word)}
    return longer.pop() if len(word) > 3 and len(longer) == 1 else None


def standing(names: Sequence[str], joints: np.ndarray, *, named: bool = False) -> Up | None:
    """The axis that points up by the bodies: from feet to head and shoulders, else the longest.

    Args:
        names: of joints or markers.
        joints: `(T, V, 3)`, NaN where one was not seen.
        named: only by the names, of parts above and below the hips.

    Returns:
        None where it is not clear, or where it is x, which nobody means.

    Examples:
        >>> standing(["Head", "RHeel"], np.array([[[0.0, 0.1, 1.7], [0.1, 0.0, 0.0]]]))
        'z'
    """
    some = joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(np.int64)]
    levels = _levels(tuple(names))
    above, below = (level for level, _ in (levels[0], levels[-1])) if levels else (9, 0)
    if named and not above < _PELVIS < below:
        return None
    if len(levels) > 1 and (above < _PELVIS or below > _PELVIS):
        up = _middle(some[:, levels[0][1]]) - _middle(some[:, levels[-1][1]])
        up = up[~np.isnan(up).any(axis=1)]
        if len(up):
            return _clear(np.median(up, axis=0))
    return None if named else _longest(some)


def spread(joints: np.ndarray, least: int = 4) -> float:
    """The longest side of the box around so many markers or more, in most frames; 0: too few."""
    some = joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(int)]
    box = _boxes(some, least)
    return float(np.median(box.max(axis=1))) if len(box) else 0.0


@lru_cache(maxsize=64)  # all files of an import have the same names, or nearly
def _levels(names: tuple[str, ...]) -> list[tuple[int, list[int]]]:
    """Level of the body and the joints there, from the upper end down; each joint once."""
    parts = [meaning.part for meaning in meanings(names)]
    levels: dict[int, list[int]] = {}
    for joint, (name, part) in enumerate(zip(names, parts, strict=True)):
        for level, (words, pattern) in enumerate(_LEVELS):
            if part in words or re.search(pattern, name, re.IGNORECASE):
                levels.setdefault(level, []).append(joint)
                break
    return sorted(levels.items())


def _middle(joints: np.ndarray) -> np.ndarray:
    """`(T, 3)` middle of those that are seen."""
    seen = ~np.isnan(joints).any(-1, keepdims=True)
    count = seen.sum(1)
    total = np.where(seen, joints, 0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _clear(direction: np.ndarray) -> Up | None:
    axis = nearest_axis(direction)
    second = np.sort(np.abs(direction))[-2]
    if np.abs(direction).max() < _CLEAR * second:
        return None
    return next((up for up in UPS if up == axis), None)


def _longest(joints: np.ndarray) -> Up | None:
    """y or z, where the box around all markers is twice as long there as in the other axes."""
    box = _boxes(joints[:: max(1, len(joints) // _FEW)])  # a box has the time of all markers
    if not len(box):
        return None
    axis = _clear(np.median(box, axis=0))
    return axis if axis in ("y", "z") else None


def _boxes(joints: np.ndarray, least: int = 4) -> np.ndarray:
    """`(F, 3)` sides of the box around the markers of each frame with so many or more."""
    seen = ~np.isnan(joints[..., 0])  # a marker is seen whole or not at all
    enough = np.count_nonzero(seen, axis=1) >= least
    joints, seen = joints[enough], seen[enough, :, None]
    if not len(joints):
        return np.zeros((0, 3))
    high = np.where(seen, joints, -np.inf).max(axis=1)
    sides: np.ndarray = high - np.where(seen, joints, np.inf).min(axis=1)
    return sides
