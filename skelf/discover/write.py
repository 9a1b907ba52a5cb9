"""What was discovered as files: tables of segments, clusters and transitions, and ELAN's."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np

from ..files import write_json, write_text
from ..folders import DISCOVERED
from ..inference.result import Result
from ..inference.writers import WRITERS
from ..settings.options import flat
from .clusters import OTHER
from .found import Discovery, called, transitions

KIND = "detector"
"""What the shared writers call segments."""


def write_files(found: Discovery, source: Path, folder: Path, about: Mapping[str, object]) -> None:
    """Writes segments.csv, clusters.csv, transitions.csv, an .eaf a recording, and discover.json.

    Args:
        found: what was found.
        source: where the recordings came from.
        folder: is there.
        about: what discover.json says besides: of the run, of the versions.

    Raises:
        OSError: the folder cannot be written.
    """
    listed = found.listed()
    result = Result(source, found.clips, segments=tuple(listed))
    with WRITERS["csv"](folder / "segments.csv", KIND) as add:
        add(result)
    write_text(folder / "clusters.csv", _csv(clusters_table(found)))
    write_text(folder / "transitions.csv", _csv(transitions_table(found)))
    (folder / "eaf").mkdir()
    names = _file_names(found.clips.names)
    for at, name in enumerate(names):
        rows = np.flatnonzero(found.segments[:, 0] == at).tolist()
        one = Result(source, found.clips.take([at]), segments=tuple(listed[row] for row in rows))
        with WRITERS["eaf"](folder / "eaf" / f"{name}.eaf", KIND) as add:
            add(one)
    told = {
        "format": DISCOVERED.format, **about, "settings": flat(found.how),
        "recordings": len(found.clips),
        "segments": len(listed), "clusters": found.count, "explained": round(found.explained, 4),
    }  # fmt: skip
    write_json(folder / DISCOVERED.mark, told)


def clusters_table(found: Discovery) -> list[Sequence[object]]:
    """A header and a row for each cluster: how much it is, and the segment nearest its middle."""
    head = ("cluster", "segments", "seconds", "share", "median_s", "recordings", "example",
            "example_start_s", "example_end_s")  # fmt: skip
    rows: list[Sequence[object]] = [head]
    listed, seconds = found.listed(), found.seconds
    whole = max(float(seconds.sum()), 1e-9)
    for cluster in [*range(found.count), OTHER]:
        here = np.flatnonzero(found.segments[:, 3] == cluster)
        if not len(here):
            continue
        example = listed[found.examples(cluster, 1)[0]]
        time = float(seconds[here].sum())
        rows.append(
            (
                called(cluster), len(here), round(time, 3), round(time / whole, 4),
                round(float(np.median(seconds[here])), 3),
                len(np.unique(found.segments[here, 0])), example.name, round(example.start, 3),
                round(example.end, 3),
            )
        )  # fmt: skip
    return rows


def transitions_table(found: Discovery) -> list[Sequence[object]]:
    """A header and a row for each pair that happens: how often one follows the other."""
    counts = transitions(found)
    names = [called(at) for at in range(found.count)] + [called(OTHER)]
    rows: list[Sequence[object]] = [("from", "to", "count", "share_of_from")]
    for at, to in np.argwhere(counts).tolist():
        share = counts[at, to] / counts[at].sum()
        rows.append((names[at], names[to], int(counts[at, to]), round(float(share), 4)))
    return rows


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _file_names(names: Sequence[str]) -> list[str]:
    """Names that any system takes for a file's, each of its own."""
    used: set[str] = set()
    made = []
    for name in names:
        base = re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "recording"
        unique, number = base, 2
        while unique.lower() in used:
            unique, number = f"{base}_{number}", number + 1
        used.add(unique.lower())
        made.append(unique)
    return made
