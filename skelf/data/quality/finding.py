"""What a finding is, and how it calls a clip."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypedDict

import numpy as np

from ..clips import ClipSet


class FindingRow(TypedDict):
    """A finding as JSON has it."""

    code: str
    severity: str
    what: str
    count: int
    clips: list[str]
    remedy: str


class Finding(NamedTuple):
    """One doubtful thing.

    Args:
        code: a short name that does not change, for machines.
        severity: "warning" spoils results or hints at a mistake; "note" is good to know.
        what: a sentence.
        clips: indices, the worst first; empty where it is about the whole set.
        remedy: what to do.
        frames: for each of `clips` the frame to look at, where there is one.
    """

    code: str
    severity: Literal["warning", "note"]
    what: str
    clips: np.ndarray
    remedy: str
    frames: np.ndarray | None = None

    def to_dict(self, clips: ClipSet, most: int = 10) -> FindingRow:
        """As JSON has it, with the names of the first `most` clips."""
        return {
            "code": self.code,
            "severity": self.severity,
            "what": self.what,
            "count": len(self.clips),
            "clips": [name_of(clips, i) for i in self.clips[:most].tolist()],
            "remedy": self.remedy,
        }


def name_of(clips: ClipSet, index: int) -> str:
    """The name of one clip."""
    return str(clips.name[index])
