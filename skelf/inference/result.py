"""What a model says of one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from .answers import Answer
from .segments import Segment


class Heads(NamedTuple):
    """What is known of recordings beside their frames, a row each.

    Args:
        names: of them.
        frames: `(N,)` int64.
        fps: `(N,)` frames a second.
    """

    names: list[str]
    frames: np.ndarray
    fps: np.ndarray


class Result(NamedTuple):
    """The answers or the segments of a file.

    Args:
        path: of the file, or of a folder that is one source.
        clips: as they were read; None where that failed.
        answers: of a classifier, a row for each clip and person.
        segments: of a detector.
        problem: why there are none; empty where there are.
        heads: of the clips, where these are not here.
    """

    path: Path
    clips: ClipSet | None
    answers: tuple[Answer, ...] = ()
    segments: tuple[Segment, ...] = ()
    problem: str = ""
    heads: Heads | None = None


Add = Callable[[Result], None]
"""What takes the results of files, one after the other."""
