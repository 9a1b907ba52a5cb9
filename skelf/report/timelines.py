"""What a report shows of detections: what was found and what was missed in some recordings.

The recordings are not picked to please: of those of the setup with the best figure the ones where
most, a middling share and least of the actions was found, beside the untrained encoder's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..metrics.matching import Detections, match
from ..pages import html
from ..pages.html import Section
from ..pages.svg import escape
from ..pages.timeline import bar_legend, timeline
from ..results.recordings import RecordingScores
from .found import Detected, Found

TIOU = 0.5
"""Overlap in time from which an action counts as found."""

_MOST = 24
"""Recordings that are shown at most, folded ones included."""


def detections(found: Found) -> Section | None:
    """For each test set a picture of some recordings over time; None where nothing was detected."""
    if not found.detected:
        return None
    body = ""
    places = sorted({one.judged_on for one in found.detected})
    for place in places:
        here = [one for one in found.detected if one.judged_on == place]
        best = max((one for one in here if not one.untrained), key=_figure, default=None)
        best = best or max(here, key=_figure)
        others = [one for one in here if one.untrained and one.setup == best.setup]
        beside = others[:1] if not best.untrained else []
        body += f"<h3>{escape(' '.join(filter(None, place)))}</h3>" if len(places) > 1 else ""
        body += _place(found, best, beside)
    text = (
        f"Truth above, detections beneath. An action counts as found when a detection of its class "
        f"overlaps it in time by {TIOU:g} or more; the paler a detection, the less certain it is. "
        "Shown are recordings where most, a middling share and least was found."
    )
    return Section("Detections", body, text)


def _place(found: Found, best: Detected, beside: Sequence[Detected]) -> str:
    shares = _shares(best.scores)
    order = np.argsort(-shares, kind="stable")
    shown = list(dict.fromkeys([order[0], order[len(order) // 2], order[-1]]))
    name = found.names.get(best.setup, best.setup.method)
    title = f"{name}, untrained" if best.untrained else name
    body = ""
    # Once for all figures: in long recordings this takes longer than drawing them.
    made, others = (
        best.scores.recordings.detections(),
        [one.scores.recordings.detections() for one in beside],
    )
    for recording in shown:
        figures = [_figure_of(best.scores, made, int(recording), title)]
        figures += [
            _figure_of(one.scores, theirs, int(recording), "untrained")
            for one, theirs in zip(beside, others, strict=True)
        ]
        body += f"<h4>{escape(best.scores.names[recording])}</h4>{html.grid(*figures)}"
    body += bar_legend()
    rest = [int(r) for r in order if r not in shown][: _MOST - len(shown)]
    if rest:
        pictures = [_figure_of(best.scores, made, r, best.scores.names[r]) for r in rest]
        body += html.folded(f"{len(rest)} more recordings", html.grid(*pictures))
    return body


def _figure_of(scores: RecordingScores, found: Detections, recording: int, title: str) -> str:
    made = scores.recordings
    truth = made.segments[made.segments[:, 0] == recording][:, 1:]
    own = found.take(np.flatnonzero(found.recording == recording))
    rows = np.stack([own.start, own.end, own.label, own.score], axis=1)
    return timeline(
        truth,
        rows,
        int(made.frames[recording]),
        float(scores.fps[recording]),
        scores.class_names,
        title=title,
        tiou=TIOU,
        legend=False,
    )


def _shares(scores: RecordingScores) -> np.ndarray:
    """Share of the actions that was found, of each recording; 0 where there are none."""
    truth, found = scores.recordings.segments, scores.recordings.detections()
    count = len(scores.recordings.frames)
    hits = match(truth, found, TIOU)
    own = np.bincount(truth[np.unique(hits[hits >= 0]), 0], minlength=count)
    return own / np.maximum(1, np.bincount(truth[:, 0], minlength=count))


def _figure(one: Detected) -> float:
    return one.scores.recordings.headline("last")
