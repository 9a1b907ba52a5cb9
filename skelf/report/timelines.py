"""What a report shows of detections: what was found and what was missed in some recordings.

The recordings are not picked to please: of those of the setup with the best figure the ones where
most, a middling share and least of the actions was found, beside the untrained encoder's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..metrics.matching import Detections, match
from ..pages import html
from ..pages.bars import Recording
from ..pages.html import Section
from ..pages.svg import escape
from ..pages.timeline import bar_legend, timeline
from ..results.recordings import RecordingScores
from .evidence import Evidence, ScoredRecordings

TIOU = 0.5
"""Overlap in time from which an action counts as found."""

_MOST = 24
"""Recordings that are shown at most, folded ones included."""


def detections(evidence: Evidence) -> Section | None:
    """For each test set a picture of some recordings over time; None where nothing was detected."""
    if not evidence.scored_recordings:
        return None
    body = ""
    places = sorted({scored.judged_on for scored in evidence.scored_recordings})
    for place in places:
        here = [scored for scored in evidence.scored_recordings if scored.judged_on == place]
        best = max((scored for scored in here if not scored.untrained), key=_merit, default=None)
        best = best or max(here, key=_merit)
        others = [scored for scored in here if scored.untrained and scored.setup == best.setup]
        beside = others[:1] if not best.untrained else []
        body += f"<h3>{escape(' '.join(filter(None, place)))}</h3>" if len(places) > 1 else ""
        body += _place(evidence, best, beside)
    text = (
        f"Truth above, detections beneath. An action counts as found when a detection of its class "
        f"overlaps it in time by {TIOU:g} or more; the paler a detection, the less certain it is. "
        "Shown are recordings where most, a middling share and least was found."
    )
    return Section("Detections", body, text)


def _place(evidence: Evidence, best: ScoredRecordings, beside: Sequence[ScoredRecordings]) -> str:
    shares = _shares(best.scores)
    order = np.argsort(-shares, kind="stable")
    shown = list(dict.fromkeys([order[0], order[len(order) // 2], order[-1]]))
    name = evidence.names.get(best.setup, best.setup.method)
    title = f"{name}, untrained" if best.untrained else name
    body = ""
    # Once for all figures: in long recordings this takes longer than drawing them.
    detected = best.scores.recordings.detections()
    others = [(scored.scores, scored.scores.recordings.detections()) for scored in beside]
    for recording in shown:
        figures = [_figure(best.scores, detected, int(recording), title)]
        figures += [_figure(*other, int(recording), "untrained") for other in others]
        body += f"<h4>{escape(best.scores.names[recording])}</h4>{html.grid(*figures)}"
    body += bar_legend()
    rest = [int(r) for r in order if r not in shown][: _MOST - len(shown)]
    if rest:
        pictures = [_figure(best.scores, detected, r, best.scores.names[r]) for r in rest]
        body += html.folded(f"{len(rest)} more recordings", html.grid(*pictures))
    return body


def _figure(scores: RecordingScores, detected: Detections, recording: int, title: str) -> str:
    segments = scores.recordings.segments
    truth = segments[segments[:, 0] == recording][:, 1:]
    here = detected.take(np.flatnonzero(detected.recording == recording))
    rows = np.stack([here.start, here.end, here.label, here.score], axis=1)
    return timeline(
        truth,
        rows,
        Recording(
            int(scores.recordings.frames[recording]),
            float(scores.recordings.fps[recording]),
            scores.class_names,
        ),
        title=title,
        tiou=TIOU,
        legend=False,
    )


def _shares(scores: RecordingScores) -> np.ndarray:
    """Share of the actions that was found, of each recording; 0 where there are none."""
    truth = scores.recordings.segments
    count = len(scores.recordings.frames)
    hits = match(truth, scores.recordings.detections(), TIOU)
    found_actions = np.bincount(truth[np.unique(hits[hits >= 0]), 0], minlength=count)
    return found_actions / np.maximum(1, np.bincount(truth[:, 0], minlength=count))


def _merit(scored: ScoredRecordings) -> float:
    return scored.scores.recordings.headline("last")
