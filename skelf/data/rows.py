"""Some rows of a table: those of neighbours in a mapped one stay where they are."""

from __future__ import annotations

import numpy as np


def within(chosen: np.ndarray, count: int) -> np.ndarray:
    """Indices counted from 0; those from the end are negative.

    Raises:
        IndexError: one is out of range.
    """
    if len(chosen) and not (-count <= chosen.min() and chosen.max() < count):
        raise IndexError(
            f"index {chosen.min()} or {chosen.max()} is out of range for {count} clips"
        )
    return np.where(chosen < 0, chosen + count, chosen)


class Rows:
    """Some rows of a table.

    Args:
        chosen: their numbers.
    """

    def __init__(self, chosen: np.ndarray) -> None:
        self.chosen = chosen
        near = len(chosen) > 0 and chosen[-1] - chosen[0] == len(chosen) - 1
        self.first = int(chosen[0]) if near and (chosen[1:] > chosen[:-1]).all() else None

    def of(self, values: np.ndarray) -> np.ndarray:
        """Those of a column; neighbours in a mapped one stay where they are."""
        if self.first is None or not isinstance(values, np.memmap):
            return values[self.chosen]
        return values[self.first : self.first + len(self.chosen)]


def segments_of(segments: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Rows of the chosen clips, in their order, with the clip re-indexed."""
    if not len(segments):
        return segments[:0].copy()
    ordered = segments
    if (segments[1:, 0] < segments[:-1, 0]).any():
        ordered = segments[np.argsort(segments[:, 0], kind="stable")]
    first = np.searchsorted(ordered[:, 0], chosen, "left")
    counts = np.searchsorted(ordered[:, 0], chosen, "right") - first
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    taken = ordered[np.repeat(first, counts) + inside]
    taken[:, 0] = np.repeat(np.arange(len(chosen)), counts)
    return taken
