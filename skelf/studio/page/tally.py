"""How much of each class is labelled, counted again only where labels have changed."""

from __future__ import annotations

from typing import NamedTuple

from ..labels.segment import Segment
from ..labels.state import Labels


class Share(NamedTuple):
    """Of a class in a recording: its labels, and their frames."""

    labels: int
    frames: int


class Tally:
    """Remembers the counts of every recording for as long as its labels stay."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Segment, ...], dict[str, Share]]] = {}

    def of(self, labels: Labels, name: str) -> dict[str, Share]:
        """The classes that a recording has labels of."""
        segments = labels.of(name)
        before, shares = self._known.get(name, ((), {}))
        if before is not segments:
            shares = {}
            for s in segments:
                if s.kind == "is":
                    count, frames = shares.get(s.label, (0, 0))
                    shares[s.label] = Share(count + 1, frames + s.end - s.start)
            self._known[name] = segments, shares
        return shares
