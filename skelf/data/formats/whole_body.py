"""Whole bodies: layouts with hands and face whose first joints are the body's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...skeleton import Skeleton


class Whole(NamedTuple):
    """A layout of a whole body.

    Args:
        name: of the layout that reads all of it; empty: none is built in.
        body: the layout of its first joints.
        joints: how many those are.
    """

    name: str
    body: str
    joints: int


WHOLE = {
    133: Whole("wholebody133", "coco17", 17),
    136: Whole("halpe136", "halpe26", 26),
    68: Whole("", "halpe26", 26),
    135: Whole("", "body_25b", 25),
}
"""Number of joints -> what they are: COCO-WholeBody; Halpe with and without the face; BODY_135."""


def of_body(pose: np.ndarray, chosen: Mapping[int, Skeleton]) -> tuple[np.ndarray, str]:
    """The body's joints of a whole body, and a note; a pose of a chosen layout stays as it is.

    Args:
        pose: `(V, C)`.
        chosen: number of joints -> layout, of those that are wanted.
    """
    whole = WHOLE.get(len(pose))
    if len(pose) in chosen or whole is None or whole.joints not in chosen:
        return pose, ""
    if chosen[whole.joints].name != whole.body:
        return pose, ""
    note = f"of {len(pose)} joints the first {whole.joints}, the body's, are read"
    if whole.name:
        note += f"; --layout {whole.name} reads hands and face too"
    return pose[: whole.joints], note
