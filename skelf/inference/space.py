"""Units and upward axes of recordings, against those that a model was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..data.frames import Frames
from ..data.motion.axes import UPS, upright
from ..data.quality.stature import Stature, stature
from ..errors import InputError, unknown
from .needs import Needs

UNITS = {
    "metre": 1.0, "meter": 1.0, "metres": 1.0, "m": 1.0,
    "decimetre": 0.1, "dm": 0.1,
    "centimetre": 0.01, "centimeter": 0.01, "cm": 0.01,
    "millimetre": 0.001, "millimeter": 0.001, "mm": 0.001,
    "inch": 0.0254, "in": 0.0254,
    "foot": 0.3048, "ft": 0.3048,
}  # fmt: skip
"""Metres in a unit, by its names."""
USUAL = ("metre", "centimetre", "millimetre", "inch")
"""Units that are looked for where no name is given."""
FAR = {2: 30.0, 3: 5.0}
"""Factor of body sizes, by coordinates, that no posture and no age explains; in images bodies are
near or far."""
SHORT = {"metre": "m", "centimetre": "cm", "millimetre": "mm", "inch": "in"}


class Placing(NamedTuple):
    """What is done to coordinates.

    Args:
        factor: by which they are multiplied.
        turn: the axis that points up, and the one that shall; None: as it is.
    """

    factor: float = 1.0
    turn: tuple[str, str] | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is done."""
        return self.turn is not None or not np.isclose(self.factor, 1)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points `(..., 2)` or `(..., 3)` as the model knows them."""
        points = points * points.dtype.type(self.factor)
        return points if self.turn is None else turned(points, *self.turn)


def placing(
    clips: ClipSet,
    needs: Needs,
    *,
    unit: str | None = None,
    up: str | None = None,
    say: Callable[[str], None] = lambda text: None,
    bodies: Stature | None = None,
) -> Placing:
    """What brings clips into the model's unit and its axis up; see `placed`."""
    named = unit or clips.attributes.get("unit")
    if unit is not None and unit not in UNITS:
        raise unknown("unit", unit, UNITS)
    if up is not None and up not in UPS:
        raise unknown("axis", up, UPS)
    bodies = bodies or stature(clips)
    factor = 1.0
    if named in UNITS and needs.unit in UNITS and not needs.any_size:
        factor = UNITS[named] / UNITS[needs.unit]
    elif unit is not None and needs.size and bodies.size and not needs.any_size:
        factor = _nearest(UNITS[unit], bodies.size, needs.size)
    size = None if bodies.size is None else bodies.size * factor
    if not needs.any_size and size and needs.size:
        _refuse_size(clips, needs, size, named, unit)
    if not np.isclose(factor, 1):
        say(f"unit: coordinates multiplied by {factor:g}, as {needs.name} was trained")
    here, there = up or bodies.up, needs.up or "y"
    turns = (up is not None or bool(needs.up)) and here in UPS and there in UPS and here != there
    if turns:
        given = "" if up else f"; --up {there} leaves it so"
        say(f"upward axis: {here} turned to {there}, as {needs.name} was trained{given}")
    return Placing(factor, (here, there) if turns else None)


def placed(
    clips: ClipSet,
    needs: Needs,
    *,
    unit: str | None = None,
    up: str | None = None,
    say: Callable[[str], None] = lambda text: None,
    scratch: str | Path | None = None,
    bodies: Stature | None = None,
) -> ClipSet:
    """Clips in the model's unit and with its axis up.

    A unit is converted where it is known by name, and never by a guess: a factor of body sizes
    that nothing explains is an error that names the likely unit. An axis is turned where all
    bodies clearly stand along another one than the model's, or where it is given.

    Args:
        clips: the set.
        needs: of the model.
        unit: of the clips' coordinates; None: as their attribute "unit" says.
        up: the axis that points up in them; None: as the bodies stand.
        say: told in one line what is changed.
        scratch: folder for the frames of large sets meanwhile; None: the system's.
        bodies: of a set that these are some clips of; None: they are all.

    Raises:
        InputError: a unit or an axis that nobody knows, or bodies of another size than the
            model's, where its normalisation does not make them alike.
    """
    how = placing(clips, needs, unit=unit, up=up, say=say, bodies=bodies)
    if not how.changes:
        return clips
    with Frames(clips.joints.shape[1:], scratch) as frames:
        for _, block in clips.blocks():
            moved = np.array(block, np.float32)
            moved[..., : clips.coordinates] = how(moved[..., : clips.coordinates])
            frames.add(moved)
        joints = frames.array()
    return replace(clips, joints=joints, start=np.cumsum(clips.length) - clips.length, path=None)


def turned(points: np.ndarray, up: str, to: str) -> np.ndarray:
    """Points `(..., 2)` or `(..., 3)` turned about x, so that another axis points up.

    >>> turned(np.array([1.0, 2.0, 3.0]), "z", "y").tolist()
    [1.0, 3.0, -2.0]
    >>> turned(np.array([1.0, 3.0, -2.0]), "y", "z").tolist()
    [1.0, 2.0, 3.0]
    """
    with_y = upright(points, next(axis for axis in UPS if axis == up))
    # Turned by `to`, y up becomes what `to` says after the opposite turn.
    back = {"y": "y", "-y": "-y", "z": "-z", "-z": "z"}[to]
    return upright(with_y, next(axis for axis in UPS if axis == back))


def _nearest(metres: float, size: float, wanted: float) -> float:
    """Factor to the model's unit, which is not named, by the sizes of bodies."""
    factors = [metres / UNITS[name] for name in USUAL]
    return min(factors, key=lambda factor: abs(np.log(size * factor / wanted)))


def _refuse_size(
    clips: ClipSet, needs: Needs, size: float, named: str | None, unit: str | None
) -> None:
    ratio, far = size / (needs.size or size), FAR.get(clips.coordinates, FAR[3])
    if 1 / far < ratio < far:
        return
    model = f"{needs.name} was trained on bodies of {needs.size:.3g}"
    model += f" ({needs.unit})" if needs.unit else ""
    what = f"{clips}: bodies are {size:.4g} units in size, and {model}"
    if named:
        raise InputError(
            f"{what}: {unit or named} is not their unit; name the true one with --unit"
        )
    trained = UNITS.get(needs.unit or "metre", 1.0)
    likely = min(USUAL, key=lambda name: abs(np.log(ratio * UNITS[name] / trained)))
    left = ratio * UNITS[likely] / trained
    guess = f" ({likely}s? --unit {SHORT[likely]})" if 0.4 < left < 2.5 else ""
    raise InputError(
        f"{what}: another unit, by a factor of {max(ratio, 1 / ratio):,.0f}; say which with "
        f"--unit mm, cm, m or in{guess}, or scale the coordinates before"
    )
