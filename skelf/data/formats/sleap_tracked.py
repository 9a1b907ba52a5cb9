"""One video's instances as SLEAP's files give them, whatever their form."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Tracked:
    """One video's instances.

    Args:
        name: of the video; empty: the file's.
        nodes: names of the points.
        edges: bones, from node to node.
        frame: `(D,)` of each instance.
        track: `(D,)` its track; -1: it has none.
        joints: `(D, V, 3)`: x, y and score; NaN where nothing was found.
        fps: of the video; 0: not said.
        notes: what a user should know.
    """

    name: str
    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    frame: np.ndarray
    track: np.ndarray
    joints: np.ndarray
    fps: float = 0.0
    notes: list[str] = field(default_factory=list)
