"""How new segments lie among those that are there: the last word about a frame counts.

Where a new segment overlaps one of its label and kind, both become one. Where it overlaps one of
its label and the other kind ("not" over "is", or the reverse), that one is cut. Segments of other
labels stay.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .segment import Segment, new_id


def laid(there: Sequence[Segment], added: Iterable[Segment]) -> list[Segment]:
    """The segments of one label in one recording once `added` lie among them, one by one.

    Args:
        there: segments that do not overlap, in order.
        added: of any order.

    Returns:
        Segments that do not overlap, in order.
    """
    line = [*there]
    ends = [segment.end for segment in line]
    for new in added:
        first = bisect_left(ends, new.start + 1)  # the first that ends behind its start
        last = first
        while last < len(line) and line[last].start < new.end:
            last += 1
        parts = _among(line[first:last], new)
        line[first:last] = parts
        ends[first:last] = [part.end for part in parts]
    return line


def _among(met: Sequence[Segment], new: Segment) -> list[Segment]:
    """What becomes of a new segment and those that it overlaps, in order."""
    same = [segment for segment in met if segment.kind == new.kind]
    ours = replace(
        new,
        id=new.id or (same[0].id if same else new_id()),
        start=min([new.start, *(s.start for s in same)]),
        end=max([new.end, *(s.end for s in same)]),
        origin="hand" if any(s.origin == "hand" for s in same) else new.origin,
    )
    left, right = [], []
    for other in met:
        if other.kind == new.kind:
            continue
        if other.start < new.start:
            left.append(replace(other, end=new.start))
        if other.end > new.end:
            id = new_id() if other.start < new.start else other.id
            right.append(replace(other, id=id, start=new.end))
    return [*left, ours, *right]
