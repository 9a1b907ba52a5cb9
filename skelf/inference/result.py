"""What a model says of one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..data.clips import ClipSet
from .answers import Answer
from .segments import Segment


class Result(NamedTuple):
    """The answers or the segments of a file.

    Args:
        path: of the file, or of a folder that is one source.
        clips: as they were read; None where that failed.
        answers: of a classifier, a row for each clip and person.
        segments: of a detector.
        problem: why there are none; empty where there are.
    """

    path: Path
    clips: ClipSet | None
    answers: tuple[Answer, ...] = ()
    segments: tuple[Segment, ...] = ()
    problem: str = ""


Add = Callable[[Result], None]
"""What takes the results of files, one after the other."""
