"""A query and what was found, moving side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..data.motion.axes import Up
from ..errors import InputError
from ..search.chosen import Where
from ..search.hits import Hit
from ..search.index import Index
from ..search.motion import Motions, asked
from ..search.stretch import parse
from ..skeleton import Skeleton
from . import html
from .bodies import bridged, upwards
from .clip import loaded
from .player import player


class Drawn(NamedTuple):
    """A figure of the page.

    Args:
        joints: `(T, M, V, D)`.
        skeleton: its layout.
        up: the axis that points up.
        fps: frames a second.
        caption: stands beneath.
        mark: see `player`.
    """

    joints: np.ndarray
    skeleton: Skeleton
    up: Up
    fps: float
    caption: str
    mark: str


def page(
    index: Index,
    query: str,
    hits: Sequence[Hit],
    where: Where,
    format: str | None = None,
    layout: str | None = None,
    options: Sequence[str] = (),
) -> str:
    """The page of a search.

    Args:
        index: where was searched.
        query: what for, as it was named.
        hits: what was found.
        where: the filters.
        format: that the query was read as.
        layout: likewise.
        options: likewise.

    Raises:
        InputError: the query cannot be read any more.
    """
    path = Path(parse(query).path)
    short = query.replace(str(path), path.name, 1)
    drawn = [_drawn(asked(query, format, layout, options), short, "query")]
    motions, missing = Motions(index), []
    for rank, hit in enumerate(hits, start=1):
        try:
            drawn.append(_drawn(motions.of(hit), f"{rank}. {_caption(hit)}", ""))
        except InputError as error:
            missing.append(f"{rank}. {error}")
    sections = [
        html.Section(_title(number), _player(group)) for number, group in enumerate(_alike(drawn))
    ]
    sections.append(html.Section("Hits", _table(hits)))
    if missing:
        sections.append(html.Section("Not drawn", html.listing(missing)))
    filters = "; ".join(f"{key} {', '.join(map(str, values))}" for key, values in where.items())
    lead = f"{len(hits)} hit{'s' * (len(hits) != 1)} for {short}"
    return html.page(
        "Search in motion",
        sections,
        lead=f"{lead} among {len(index):,} windows{f' ({filters})' if filters else ''}. The score "
        "is 1 where a stretch is alike, and 0 where it is no more alike than any two.",
        footer=_footer(index),
    )


def _drawn(one: ClipSet, caption: str, mark: str) -> Drawn:
    joints = loaded(one, 0)
    up = upwards(joints, one, 0)
    return Drawn(bridged(joints, one.skeleton), one.skeleton, up, float(one.fps[0]), caption, mark)


def _alike(drawn: Sequence[Drawn]) -> list[list[Drawn]]:
    """Figures that one player can show: of one layout and one upward axis; the query's first."""
    groups: list[list[Drawn]] = []
    for each in drawn:
        kind = each.skeleton.to_dict(), each.up, each.joints.shape[-1]
        for group in groups:
            first = group[0]
            if kind == (first.skeleton.to_dict(), first.up, first.joints.shape[-1]):
                group.append(each)
                break
        else:
            groups.append([each])
    return groups


def _title(number: int) -> str:
    return "The query and what is like it" if number == 0 else "Hits with other joints or axes"


def _player(group: Sequence[Drawn]) -> str:
    return player(
        [each.joints for each in group],
        group[0].skeleton,
        [each.caption for each in group],
        [each.fps for each in group],
        marks=[each.mark for each in group],
        up=group[0].up,
    )


def _caption(hit: Hit) -> str:
    parts = [
        hit.recording,
        f"{hit.start:.2f}–{hit.end:.2f} s",
        hit.label,
        f"subject {hit.subject}" if hit.subject >= 0 else "",
        f"camera {hit.camera}" if hit.camera >= 0 else "",
        f"score {hit.score:.2f}",
    ]
    return " · ".join(part for part in parts if part)


def _table(hits: Sequence[Hit]) -> str:
    rows: list[dict[str, object]] = [
        {
            "rank": rank,
            "score": f"{hit.score:.3f}",
            "recording": hit.recording,
            "seconds": f"{hit.start:.2f}–{hit.end:.2f}",
            "frames": f"{hit.start_frame}–{hit.end_frame}",
            "class": hit.label or None,
            "subject": hit.subject if hit.subject >= 0 else None,
            "camera": hit.camera if hit.camera >= 0 else None,
            "file": Path(hit.source).name,
        }
        for rank, hit in enumerate(hits, start=1)
    ]
    columns = dict.fromkeys(key for row in rows for key, value in row.items() if value is not None)
    return html.table(rows, {key: key for key in columns})


def _footer(index: Index) -> str:
    about = index.manifest.approximation
    if about is None:
        return "Every window of the index was looked at."
    return (
        f"The search is approximate: it finds {about.recall:.1%} of the 10 nearest, measured on "
        f"{about.queries} windows of the index."
    )
