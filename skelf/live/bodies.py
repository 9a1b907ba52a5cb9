"""Joints of a message as the model's layout has them: `(C, V, M)`, zeros where one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..data.joints.mapping import apply
from ..data.joints.origins import Origin, origins
from ..data.joints.tree import tree_of
from ..data.motion.resample import LARGEST
from ..errors import InputError
from ..inference.needs import Needs
from ..settings.values import Value
from ..skeleton import Skeleton
from .message import Rubbish

MOST = 512
"""Joint names that are remembered."""


class Bodies:
    """Reads the joints of one source's messages.

    Args:
        needs: of the model.
        layout: of the messages; None: the model's for lists, and what the names say for objects.
        say: told in one line how joints are brought to the model's.

    Raises:
        InputError: a layout without enough of the model's joints.
    """

    def __init__(self, needs: Needs, layout: Skeleton | None, say: Callable[[str], None]) -> None:
        self.needs, self.say, self.layout = needs, say, layout
        self.names = list(layout.names) if layout else []  # of objects, in the order of `plan`
        self.plan = () if layout is None else self._planned(layout)

    def __call__(self, joints: Value) -> np.ndarray:
        """Joints `(C, V, M)` float32.

        Raises:
            Rubbish: they cannot be read, or are not those of the layout.
        """
        persons = joints if isinstance(joints, list) and _depth(joints) > 2 else [joints]
        if len(persons) > self.needs.persons:
            raise Rubbish(
                "persons",
                f"{len(persons)} persons in one message, and {self.needs.name} looks at "
                f'{self.needs.persons}: send each on its own, with "person"',
            )
        shape = (self.needs.channels, self.needs.skeleton.joints, self.needs.persons)
        frame = np.zeros(shape, np.float32)
        for place, person in enumerate(persons):
            if person is not None:
                frame[..., place] = self._person(person).T
        return frame

    def _person(self, joints: Value) -> np.ndarray:
        """`(V, C)` of one person."""
        if isinstance(joints, dict):
            by_name = {name.casefold(): joint for name, joint in joints.items()}
            self._learn(joints)
            rows = [by_name.get(name.casefold()) for name in self.names]
            return self._mapped(self._channels(_rows(rows, self.needs.channels)))
        if not isinstance(joints, list):
            raise Rubbish("joints", '"joints" is neither a list nor an object')
        expected = (self.layout or self.needs.skeleton).joints
        if len(joints) != expected:
            raise Rubbish(
                "count",
                f"{len(joints)} joints, and the layout has {expected}; name the source's layout "
                "by --layout, or send joints by name",
            )
        values = self._channels(_rows(joints, self.needs.channels))
        return values if self.layout is None else self._mapped(values)

    def _mapped(self, rows: np.ndarray) -> np.ndarray:
        if all(len(origin.weights) == 1 for origin in self.plan):
            return rows[[next(iter(origin.weights)) for origin in self.plan]]
        return apply(self.plan, rows[None, None], self.needs.confidence)[0, 0]

    def _learn(self, names: Iterable[str]) -> None:
        """Takes up the names of an object; any message may leave joints out."""
        known = {name.casefold() for name in self.names}
        fresh = [name for name in names if name.casefold() not in known]
        if not fresh:
            return
        if self.layout is not None:
            lead = f"joint {fresh[0]!r} is not in the layout {self.layout.name!r}"
            raise Rubbish("names", f"{lead}: it has {', '.join(self.layout.names[:4])}, ...")
        together = (*self.names, *fresh)
        if len(together) > MOST:
            raise Rubbish("names", f"more than {MOST} names of joints")
        tree = tree_of(together) or [-1, *[0] * (len(together) - 1)]
        parts = {"body": tuple(range(len(together)))}
        try:
            self.plan = self._planned(Skeleton(together, tuple(tree), (), parts, 0, "the source"))
        except InputError as error:
            raise Rubbish("names", str(error)) from None
        self.names = list(together)

    def _planned(self, source: Skeleton) -> tuple[Origin, ...]:
        try:
            plan = origins(source, self.needs.skeleton)
        except InputError as error:
            what = str(error).partition("; say which is which")[0]
            raise InputError(
                f"{what}: send more of the model's joints, under names that say what they are"
            ) from None
        guesses = [f"{o.how}: {o.joint}" for o in plan if o.how not in ("same name", "same part")]
        if source.names != self.needs.skeleton.names:
            what = f"joints: {source.name} brought to {self.needs.skeleton.name} by name"
            self.say("; ".join([what, *guesses[:3], *(["..."] if len(guesses) > 3 else [])]))
        return plan

    def _channels(self, rows: np.ndarray) -> np.ndarray:
        """`(V, C)` as the model takes them, of `(V, C')` with NaN where something is missing."""
        wanted, there = self.needs.coordinates, rows.shape[1]
        if there < wanted:
            raise Rubbish(
                "coordinates",
                f"{there} coordinates a joint, and {self.needs.name} was trained in {wanted}D: "
                f"send {wanted}, or take a model that was trained on such joints",
            )
        if there > wanted + 1 or (there > wanted and wanted == 2 and not self.needs.confidence):
            raise Rubbish(
                "coordinates",
                f"{there} numbers a joint, and {self.needs.name} takes {wanted} coordinates: leave "
                "out the rest",
            )
        known = np.isfinite(rows[:, :wanted]).all(axis=1) & (rows[:, :wanted] != 0).any(axis=1)
        out = np.zeros((len(rows), self.needs.channels), np.float32)
        values = np.where(known[:, None], rows[:, :wanted], 0)
        if np.abs(values).max(initial=0) > LARGEST:
            raise Rubbish("coordinates", f"a coordinate beyond {LARGEST:g}")
        out[:, :wanted] = values
        if self.needs.confidence:
            sure = np.nan_to_num(rows[:, wanted], nan=0.0) if there > wanted else 1.0
            out[:, wanted] = np.where(known, np.clip(sure, 0, 1), 0)
        return out


def _depth(joints: Value) -> int:
    """How deeply lists lie in each other, along the first that is not missing."""
    depth = 0
    while isinstance(joints, list):
        depth += 1
        joints = next((part for part in joints if part is not None), None)
    return depth + isinstance(joints, dict)


def _rows(joints: Sequence[Value], channels: int) -> np.ndarray:
    """`(V, C)` float64 of lists; a joint that is None is NaN."""
    first = next((joint for joint in joints if joint is not None), [None] * channels)
    if not isinstance(first, list):
        raise Rubbish("numbers", "a joint is no list of numbers, as [x, y, z]")
    missing = [np.nan] * len(first)
    try:
        rows = np.array([missing if joint is None else joint for joint in joints], np.float64)
    except (ValueError, TypeError, OverflowError):
        rows = np.zeros(0)
    if rows.ndim != 2 or not rows.size:
        raise Rubbish("numbers", "joints are no lists of as many numbers each, as [x, y, z]")
    return rows
