"""What a careful person would look for in a set of clips before training on it.

`inspect` reads every clip once, a block at a time, and returns findings: what is doubtful, where,
and what to do. Nothing here is damage, which `store.verify` and `ClipSet.validate` find. The
measures are in `measures.py`, the thresholds in `rules.py` and `sides.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError, unknown
from ..clips import ClipSet
from ..joints.landmarks import body
from . import rules, sides
from .finding import Finding
from .measures import measure, row_type
from .people import people

# Numbers read at once: with what is computed from one clip it stays far below 100 MB.
BLOCK = 1 << 21


class Quality(NamedTuple):
    """What `inspect` found.

    Args:
        findings: warnings first.
        measures: `(N,)` rows of `measures.row_type`.
        sides: for each split what stands on its sides and which columns keep them apart.
        classes: for each class the clips (or segments) in all, and on the sides of the splits.
    """

    findings: list[Finding]
    measures: np.ndarray
    sides: list[dict[str, Any]]  # rows of JSON, see `sides.describe`
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
    if split is not None and split not in clips.splits:
        if not clips.splits:
            raise InputError(f"{clips}: has no splits; make one with `skelf data split`")
        raise InputError(f"{clips}: {unknown('split', split, clips.splits)}")
    splits = {key: side for key, side in clips.splits.items() if split in (None, key)}
    rows, digests = _measures(clips, progress)
    findings = [
        *rules.frames(clips, rows),
        *rules.tracking(clips, rows),
        *rules.space(clips, rows),
        *sides.duplicates(clips, digests, splits),
        *sides.balance(clips, splits),
        *sides.leaks(clips, splits),
        *people(clips),
    ]
    findings.sort(key=lambda finding: finding.severity != "warning")  # stable
    return Quality(
        findings,
        rows,
        [sides.describe(clips, key, side) for key, side in splits.items()],
        sides.counts(clips, splits),
    )


def _measures(
    clips: ClipSet, progress: Callable[[int, int], None] | None
) -> tuple[np.ndarray, list[bytes]]:
    """Rows of measures, and a digest of each clip's content (empty where nobody is in it)."""
    landmarks = body(clips.skeleton)
    rows = np.zeros(len(clips), row_type(clips.skeleton))
    digests = []
    for indices, frames in clips.blocks(BLOCK):
        at = 0
        for i in indices:
            clip = frames[at : at + clips.length[i]]
            at += len(clip)
            measure(rows[i], clip, landmarks, clips.coordinates, float(clips.fps[i]))
            content = np.ascontiguousarray(clip).data if rows["present"][i] else b""
            digests.append(blake2b(content, digest_size=16).digest() if content else b"")
        if progress:
            progress(indices.stop, len(clips))
    return rows, digests
