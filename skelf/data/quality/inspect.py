"""What a careful person would look for in a set of clips before training on it.

`inspect` reads every clip once, a block at a time, and returns findings: what is doubtful, where,
and what to do. Nothing here is damage, which `store.verify` and `ClipSet.validate` find. The
measures are in `quality_clip.py`, the thresholds in `quality_rules.py` and `quality_sides.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import InputError, unknown
from .clips import ClipSet
from .quality_body import body
from .quality_clip import measure, row_type

# Numbers read at once: with what is computed from one clip it stays far below 100 MB.
BLOCK = 1 << 21


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

    def to_dict(self, clips: ClipSet, most: int = 10) -> dict[str, Any]:
        """As JSON has it, with the names of the first `most` clips."""
        return {
            "code": self.code,
            "severity": self.severity,
            "what": self.what,
            "count": len(self.clips),
            "clips": [name_of(clips, i) for i in self.clips[:most].tolist()],
            "remedy": self.remedy,
        }


class Quality(NamedTuple):
    """What `inspect` found.

    Args:
        findings: warnings first.
        measures: `(N,)` rows of `quality_clip.row_type`.
        sides: for each split what stands on its sides and which columns keep them apart.
        classes: for each class the clips (or segments) in all, and on the sides of the splits.
    """

    findings: list[Finding]
    measures: np.ndarray
    sides: list[dict[str, Any]]
    classes: dict[str, np.ndarray]

    @property
    def warnings(self) -> int:
        """Number of findings that are warnings."""
        return sum(finding.severity == "warning" for finding in self.findings)


def inspect(
    clips: ClipSet,
    split: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Quality:
    """Measures every clip and says what is doubtful; memory does not grow with the frames.

    Args:
        clips: a valid set.
        split: look at the sides of this split only; None: of every split.
        progress: called with clips done and in all.

    Raises:
        InputError: no such split.
    """
    from . import quality_rules, quality_sides  # they make Findings

    if split is not None and split not in clips.splits:
        if not clips.splits:
            raise InputError(f"{clips}: has no splits; make one with `skelf data split`")
        raise InputError(f"{clips}: {unknown('split', split, clips.splits)}")
    splits = {key: side for key, side in clips.splits.items() if split in (None, key)}
    rows, digests = _measures(clips, progress)
    findings = [
        *quality_rules.frames(clips, rows),
        *quality_rules.tracking(clips, rows),
        *quality_rules.space(clips, rows),
        *quality_sides.duplicates(clips, digests, splits),
        *quality_sides.balance(clips, splits),
        *quality_sides.leaks(clips, splits),
    ]
    findings.sort(key=lambda finding: finding.severity != "warning")  # stable
    return Quality(
        findings,
        rows,
        [quality_sides.describe(clips, key, side) for key, side in splits.items()],
        quality_sides.counts(clips, splits),
    )


def name_of(clips: ClipSet, index: int) -> str:
    """The name of one clip."""
    return bytes(clips.name[index]).decode("utf-8", "replace")


def _measures(
    clips: ClipSet, progress: Callable[[int, int], None] | None
) -> tuple[np.ndarray, list[bytes]]:
    """Rows of measures, and a digest of each clip's content (empty where nobody is in it)."""
    known = body(clips.skeleton)
    rows = np.zeros(len(clips), row_type(clips.skeleton))
    digests = []
    for indices, frames in clips.blocks(BLOCK):
        at = 0
        for i in indices:
            clip = frames[at : at + clips.length[i]]
            at += len(clip)
            measure(rows[i], clip, known, clips.coordinates, float(clips.fps[i]))
            content = np.ascontiguousarray(clip).data if rows["present"][i] else b""
            digests.append(blake2b(content, digest_size=16).digest() if content else b"")
        if progress:
            progress(indices.stop, len(clips))
    return rows, digests
