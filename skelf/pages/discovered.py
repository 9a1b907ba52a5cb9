"""The page of what was discovered: clusters with moving examples, recordings over time, what
follows what. Its size is bounded however much there is.
"""

from __future__ import annotations

import numpy as np

from ..discover.clusters import OTHER
from ..discover.found import Discovery, called, transitions
from ..inference.segments import Segment
from . import html
from .html import Section
from .player import player
from .strips import Bar, strip, swatch
from .svg import escape

CLUSTERS = 12
"""Clusters that are shown moving, the largest ones, and at most in the table of what follows."""
EXAMPLES = 4
"""Of each."""
FRAMES = 48
"""Of an example; longer ones are thinned."""
BARS = 3000
"""Of all recordings together; those that come after are left out."""
NEXT = 3
"""Clusters that most often follow, in words."""


def discovered(found: Discovery, title: str, made: str = "") -> str:
    """The whole page.

    Args:
        found: what it shows.
        title: of the recordings.
        made: how the page was made.
    """
    listed, seconds = found.listed(), found.seconds
    none = float(seconds[found.segments[:, 3] == OTHER].sum() / max(seconds.sum(), 1e-9))
    lead = (
        f"{len(listed):,} segments in {len(found.clips):,} recordings, {found.count} clusters; "
        f"{none:.0%} of the time is in none. No label was read: what a cluster is, its examples "
        "show."
    )
    sections = [
        Section("Clusters", _table(found, listed)),
        Section(
            "What they look like",
            _examples(found, listed),
            f"The {EXAMPLES} segments nearest to each cluster's middle."
            + (f" The {CLUSTERS} largest clusters." if found.count > CLUSTERS else ""),
        ),
        Section("What follows what", _follows(found), "In percent of what follows, row by row."),
        Section("Recordings", *_recordings(found, listed)),
    ]
    return html.page(f"Discovered in {title}", sections, lead=lead, footer=made)


def _table(found: Discovery, listed: list[Segment]) -> str:
    label, seconds = found.segments[:, 3], found.seconds
    whole, rows = max(float(seconds.sum()), 1e-9), []
    counts = transitions(found)
    for cluster in [*range(found.count), OTHER]:
        here = np.flatnonzero(label == cluster)
        if not len(here):
            continue
        after = counts[cluster].astype(float)
        order = [int(at) for at in np.argsort(-after, kind="stable") if after[at]][:NEXT]
        names = [called(at if at < found.count else OTHER) for at in order]
        rows.append(
            {
                "cluster": called(cluster),
                "segments": len(here),
                "time": float(seconds[here].sum() / whole),
                "median": f"{np.median(seconds[here]):.1f} s",
                "recordings": len({listed[at].name for at in here}),
                "next": ", ".join(names) or None,
            }
        )
    columns = {
        "cluster": "cluster", "segments": "segments", "time": "share of the time",
        "median": "median length", "recordings": "recordings", "next": "most often followed by",
    }  # fmt: skip
    return html.table(rows, columns, bars=["time"])


def _examples(found: Discovery, listed: list[Segment]) -> str:
    body = ""
    for cluster in range(min(found.count, CLUSTERS)):
        rows = found.examples(cluster, EXAMPLES)
        clips, captions, rates = [], [], []
        for at in rows:
            recording, start, end, _ = found.segments[at].tolist()
            clips.append(np.asarray(found.clips.clip(recording)[start:end]))
            segment = listed[at]
            captions.append(f"{segment.name}, {segment.start:.1f} to {segment.end:.1f} s")
            rates.append(float(found.clips.fps[recording]))
        coordinates = found.clips.coordinates
        moving = player(
            [clip[..., :coordinates] for clip in clips],
            found.clips.skeleton, captions, rates, columns=EXAMPLES, max_frames=FRAMES,
        )  # fmt: skip
        body += f"<h3>{swatch(cluster)} {escape(called(cluster))}</h3>{moving}"
    return body or html.listing(
        ["No cluster was found: lower min_cluster_size, or give more recordings."]
    )


def _follows(found: Discovery) -> str:
    counts = transitions(found)
    shown = [*range(min(found.count, CLUSTERS)), found.count]
    names = {at: called(at if at < found.count else OTHER) for at in shown}
    rows = []
    for at in shown:
        whole = int(counts[at].sum())
        if not whole:
            continue
        row: dict[str, object] = {"from": f"{names[at]} →", "all": whole}
        row |= {str(to): float(counts[at, to] / whole) if counts[at, to] else None for to in shown}
        rows.append(row)
    columns = {"from": "", **{str(to): names[to] for to in shown}, "all": "times"}
    return html.table(rows, columns)


def _recordings(found: Discovery, listed: list[Segment]) -> tuple[str, str]:
    body, drawn, left_out = "", 0, 0
    for at in range(len(found.clips)):
        rows = np.flatnonzero(found.segments[:, 0] == at)
        if drawn + len(rows) > BARS and drawn:
            left_out += 1
            continue
        drawn += len(rows)
        bars = [
            Bar(
                s.start, s.end, int(found.segments[row, 3]), "" if s.label == "other" else s.label,
                f"{s.label}, {s.start:.1f} to {s.end:.1f} s",
            )
            for row, s in ((row, listed[row]) for row in rows[:BARS].tolist())
        ]  # fmt: skip
        seconds = float(found.clips.length[at] / found.clips.fps[at])
        body += strip(str(found.clips.name[at]), bars, seconds)
    text = "Grey: in no cluster."
    if left_out:
        text += f" {left_out:,} recordings are left out here; segments.csv has all."
    return body, text
