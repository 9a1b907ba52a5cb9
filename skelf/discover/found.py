"""What was found in a set of recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.clips import ClipSet
from ..inference.rate import in_file
from ..inference.segments import Segment
from .clusters import OTHER, middles
from .options import Discover


@dataclass(frozen=True)
class Discovery:
    """Segments of recordings and the clusters that they are in.

    Args:
        clips: the recordings, as the encoder took them.
        segments: `(S, 4)` int64: recording, start, end (exclusive), cluster from 0 or -1 for none;
            in frames of `clips`, in order.
        score: `(S,)` how surely each belongs to its cluster, in [0, 1].
        points: `(S, D)` the mean of each segment's features.
        explained: share of the features' variance that is in the points' dimensions.
        how: the settings.
    """

    clips: ClipSet
    segments: np.ndarray
    score: np.ndarray
    points: np.ndarray
    explained: float
    how: Discover

    @property
    def count(self) -> int:
        """Clusters, without what is in none."""
        return int(self.segments[:, 3].max(initial=OTHER)) + 1

    @property
    def seconds(self) -> np.ndarray:
        """`(S,)` how long each segment is."""
        return (self.segments[:, 2] - self.segments[:, 1]) / self.clips.fps[self.segments[:, 0]]

    def examples(self, cluster: int, count: int) -> list[int]:
        """Rows of the segments that are nearest to a cluster's mean."""
        return [int(at) for at in middles(self.points, self.segments[:, 3], cluster, count)]

    def listed(self) -> list[Segment]:
        """The segments by names and seconds, in frames of the recordings as they were read."""
        person = self.clips.columns.get("person")
        rows = []
        for (at, start, end, cluster), score in zip(
            self.segments.tolist(), self.score.tolist(), strict=True
        ):
            fps = float(self.clips.fps[at])
            rows.append(
                Segment(
                    name=str(self.clips.name[at]),
                    start=start / fps,
                    end=end / fps,
                    start_frame=in_file(self.clips, at, start),
                    end_frame=in_file(self.clips, at, end),
                    label=called(cluster),
                    score=score,
                    person=-1 if person is None else int(person[at]),
                )
            )
        return rows


def called(cluster: int) -> str:
    """What a cluster is called: "c1" is the largest one, "other" is none.

    Examples:
        >>> called(0), called(OTHER)
        ('c1', 'other')
    """
    return "other" if cluster == OTHER else f"c{cluster + 1}"


def transitions(found: Discovery) -> np.ndarray:
    """How often one cluster follows another within a recording.

    Returns:
        `(K + 1, K + 1)` int64, from row to column; the last ones are for what is in no cluster.
    """
    counts = np.zeros((found.count + 1, found.count + 1), np.int64)
    recording, label = found.segments[:, 0], found.segments[:, 3]
    follows = recording[1:] == recording[:-1]
    np.add.at(counts, (label[:-1][follows], label[1:][follows]), 1)  # -1 is the last one
    return counts
