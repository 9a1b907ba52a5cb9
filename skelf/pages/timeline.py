"""What was found in a recording and what was missed: a picture over time, one row a class.

Unlike the figures of `plots` it is laid out in percent of the page's width with text of a fixed
size, so that it fills a screen and can be read on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..metrics.matching import Detections, match, overlap_in_time
from . import svg
from .bars import AXIS, HALO, RIGHT, SOFT, WRONG, Box, Clock, Recording, bar, grid

# Pixels: of a row, of what is in it from top to bottom.
_ROW, _NAME, _TRUE, _GAP, _DETECTED = 54, 20, 13, 2, 10
_ALONE = 3
"""Most classes that were detected only and still get a row each."""
_OVERVIEW = 6
"""Rows up to which all of them are seen at once, without one that sums them up."""


class _Scene(NamedTuple):
    truth: np.ndarray
    detected: Detections  # the highest score first
    hits: np.ndarray  # the row of the truth that each detection hits, or -1
    clock: Clock
    class_names: Sequence[str]

    def name(self, label: int) -> str:
        has_name = 0 <= label < len(self.class_names)
        return svg.clean(self.class_names[label], 30) if has_name else f"class {label}"


class _Row(NamedTuple):
    name: str
    remark: str
    warn: bool
    true: np.ndarray  # rows of the truth
    detected: np.ndarray  # rows of what was detected


def timeline(
    truth: np.ndarray,
    detected: np.ndarray,
    recording: Recording,
    *,
    title: str = "",
    tiou: float = 0.5,
    least: float = 0.0,
    most: int = 60,
    legend: bool = True,
) -> str:
    """Segments of one recording above what was detected, over seconds, one row a class.

    Whether a detection is right says `metrics.matching.match`, among those that are drawn. Classes
    stand in the order in which they happen, and beneath them those that were detected only. A row
    that sums up all classes comes first where there are many.

    Args:
        truth: `(G, 3)` start, end (exclusive), label.
        detected: `(P, 4)` start, end (exclusive), label, score; the paler the lower the score.
            What lies beyond the recording is cut off.
        recording: its length, rate and classes.
        title: stands above the figure.
        tiou: smallest overlap in time of a right detection, in (0, 1].
        least: lowest score that is drawn.
        most: how many detections are drawn at most, those with the highest scores.
        legend: explain the bars beneath; several timelines can share one `bar_legend`.

    Returns:
        A `<figure>`.

    Raises:
        InputError: a wrong shape, no frames, a score that is NaN, or `tiou` out of range.
    """
    truth, detected = np.asarray(truth, np.int64), np.asarray(detected, np.float64)
    _check(truth, detected, recording)
    order = np.argsort(-detected[:, 3], kind="stable")
    drawn = detected[order[detected[order, 3] >= least][:most]]
    start, end, label = drawn[:, :3].astype(np.int64).T
    bars = Detections(np.zeros_like(start), start, end, label, drawn[:, 3])
    hits = match(np.insert(truth, 0, 0, axis=1), bars, tiou)
    clock = Clock(recording.frames, float(recording.fps))
    scene = _Scene(truth, bars, hits, clock, recording.class_names)
    rows = _rows(scene)
    parts = [grid(scene.clock, len(rows) * _ROW, _ROW)]
    for number, row in enumerate(rows):
        parts += _drawn(row, number * _ROW, scene)
    summary = _summary(scene, tiou)
    spoken = f"{title}: {summary}" if title else summary
    drawing = (
        f'<svg style="width:100%;height:{len(rows) * _ROW + AXIS}px" font-size="13" role="img" '
        f'aria-label="{svg.escape(spoken)}">{"".join(parts)}</svg>'
    )
    if len(drawn) < len(detected):
        summary += f" Drawn: the {len(drawn):,} of {len(detected):,} detections with the highest "
        summary += "scores."
    return svg.figure(title, drawing, bar_legend() if legend else "", summary)


def _check(truth: np.ndarray, detected: np.ndarray, recording: Recording) -> None:
    if truth.ndim != 2 or truth.shape[1] != 3 or detected.ndim != 2 or detected.shape[1] != 4:
        raise InputError(
            f"timeline needs truth (G, 3) and detected (P, 4), got {truth.shape}, {detected.shape}"
        )
    if recording.frames < 1:
        raise InputError(
            f"timeline: {recording.frames} frames; a recording without frames has no picture"
        )
    if np.isnan(detected).any():
        raise InputError("timeline: detected holds NaN; drop detections without a score")


def bar_legend() -> str:
    """What the bars of a timeline mean."""
    bars = {
        "action, found": bar(Box(0, 100, 0, 12), RIGHT, mark="✓"),
        "action, missed": bar(Box(3, 97, 1, 10), WRONG, hollow=True, mark="✗"),
        "right detection": bar(Box(0, 100, 2, 9), RIGHT),
        "false detection": bar(Box(0, 100, 2, 9), WRONG, mark="✗"),
    }
    return svg.legend(
        [
            (f'<svg width="26" height="12" aria-hidden="true">{bar}</svg>', name)
            for name, bar in bars.items()
        ]
    )


def _rows(scene: _Scene) -> list[_Row]:
    truth = scene.truth
    happened = truth[np.argsort(truth[:, 0], kind="stable"), 2]
    there = list(dict.fromkeys(happened.tolist()))
    strange = [
        label for label in dict.fromkeys(scene.detected.label.tolist()) if label not in there
    ]
    rows = [_row(scene, [label], scene.name(label)) for label in there]
    alone = strange if len(strange) <= _ALONE else strange[: _ALONE - 1]
    rows += [_row(scene, [label], scene.name(label)) for label in alone]
    if rest := strange[len(alone) :]:
        rows.append(_row(scene, rest, f"{len(rest)} other classes"))
    if len(rows) > _OVERVIEW:
        rows.insert(0, _row(scene, [*there, *strange], "all classes"))
    return rows


def _row(scene: _Scene, labels: Sequence[int], name: str) -> _Row:
    true = np.flatnonzero(np.isin(scene.truth[:, 2], labels))
    detected = np.flatnonzero(np.isin(scene.detected.label, labels))
    right = int(np.isin(true, scene.hits).sum())
    remark = f"{right} of {len(true)} found"
    if len(true) < 2:
        remark = ("found" if right else "missed") if len(true) else "not there"
    return _Row(name, remark, right < max(len(true), 1), true, detected)


def _drawn(row: _Row, top: int, scene: _Scene) -> list[str]:
    parts = [
        f'<text x="0" y="{top + 15}" style="fill:currentColor;{HALO}">{svg.escape(row.name)}</text>'
        f'<text x="100%" y="{top + 15}" text-anchor="end" font-size="12" '
        f'style="fill:{WRONG if row.warn else SOFT};{HALO}">{row.remark}</text>'
    ]
    parts += [_true_bar(g, top + _NAME, scene) for g in row.true]
    # The highest score comes last, to lie on top.
    parts += [_detected_bar(p, top + _NAME + _TRUE + _GAP, scene) for p in row.detected[::-1]]
    return parts


def _true_bar(g: int, y: int, scene: _Scene) -> str:
    start, end, label = (int(v) for v in scene.truth[g])
    hit, at = bool((scene.hits == g).any()), scene.clock.at
    return bar(
        Box(at(start), at(end), y, _TRUE), RIGHT if hit else WRONG,
        hollow=not hit, mark="✓" if hit else "✗",
        tip=f"{scene.name(label)}, {scene.clock.span(start, end)}: {'found' if hit else 'missed'}",
    )  # fmt: skip


def _detected_bar(p: int, y: int, scene: _Scene) -> str:
    start, end, label = (int(scene.detected[column][p]) for column in (1, 2, 3))
    score, best = float(scene.detected.score[p]), float(scene.detected.score[0])
    alike = scene.truth[scene.truth[:, 2] == label]
    overlaps = overlap_in_time(np.array(start), np.array(end), alike[:, 0], alike[:, 1])
    hit, at = scene.hits[p] >= 0, scene.clock.at
    share = max(score / best, 0.0) if best > 0 else 1.0
    return bar(
        Box(at(start), at(end), y, _DETECTED), RIGHT if hit else WRONG,
        opacity=0.35 + 0.65 * share, mark="" if hit else "✗",
        tip=f"detected as {scene.name(label)}, {scene.clock.span(start, end)}, score {score:.2f}: "
        f"{'right' if hit else 'false'}, overlap {overlaps.max(initial=0):.2f}",
    )  # fmt: skip


def _summary(scene: _Scene, tiou: float) -> str:
    actions, right = len(scene.truth), int((scene.hits >= 0).sum())
    false = len(scene.hits) - right
    hits = f"{right} of {actions} action{'s' * (actions != 1)} found" if actions else "No action"
    return (
        f"{hits}, {false} false detection{'s' * (false != 1)} (right: an overlap in time of "
        f"{tiou:g} with an action of its class)."
    )
