"""Tables of made-up recordings: classes are far apart, and a recording is a row of them."""

from __future__ import annotations

import numpy as np

from skelf.studio.labels.segment import Segment
from skelf.studio.model.features import Kept, tabled
from skelf.studio.model.table import Table

CLASSES = ("walk", "sit", "wave")


def truth(recordings: int = 4, parts: int = 9, seed: int = 0) -> list[Segment]:
    """Segments that fill recordings of 30 frames a second, 30 to 60 frames each."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(recordings):
        at, last = 0, -1
        for part in range(parts):
            label = int(random.choice([c for c in range(len(CLASSES)) if c != last]))
            length = 3 * int(random.integers(10, 21))
            found.append(Segment(f"{number}-{part}", f"r{number}", at, at + length, CLASSES[label]))
            at, last = at + length, label
    return found


def table(segments: list[Segment], noise: float = 0.3, dim: int = 6, seed: int = 0) -> Table:
    """A table in which each class of these has a place of its own, bins of three frames."""
    random = np.random.default_rng(seed)
    names = list(dict.fromkeys(segment.recording for segment in segments))
    kept, rows = [], []
    for name in names:
        own = [segment for segment in segments if segment.recording == name]
        values = np.concatenate([
            np.eye(dim)[CLASSES.index(s.label)] * 3
            + random.normal(0, noise, ((s.end - s.start) // 3, dim))
            for s in own
        ])  # fmt: skip
        bounds = np.array([0, *(s.end // 3 for s in own)])
        kept.append(Kept(values.astype(np.float16), bounds, 3))
        rows.append((own[-1].end, 30.0))
    return tabled(names, rows, kept)
