"""The page of `skelf predict`: what was found over time, and figures that move.

Its size is bounded, however long and many the recordings are: each gives a picture and a few short
figures, and beyond a number of them the rest is only counted.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..data.clips import ClipSet
from ..data.motion.axes import UPS, Up
from ..data.quality.stature import stature
from ..inference.answers import Answer
from ..inference.result import Result
from ..inference.segments import Segment
from . import html
from .bodies import bridged
from .found import found
from .html import Section
from .player import player

RECORDINGS = 40
"""Recordings that are drawn; those beyond are counted."""
OPEN = 6
"""Those that need no click to be seen."""
FIGURES = 8
"""Moving figures of a recording, or of a file of clips."""
ROWS = 500
"""Answers that are listed."""
CLIPS = 48
"""Moving figures of all clips together."""
SECONDS = 8.0
"""Most of a segment that its figure shows."""
ANSWERS = {
    "file": "file", "name": "clip", "person": "person", "label": "class",
    "probability": "probability", "next": "or else", "unknown": "",
}  # fmt: skip


class Gathered:
    """Takes results file by file and keeps what the page shows of them.

    Args:
        kind: of the model, classifier or detector.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self.files, self.count = kind, 0, 0
        self._recordings: list[tuple[str, str]] = []  # title, body
        self._rows: list[dict[str, object]] = []
        self._players: list[str] = []
        self._shown = 0
        self._unseen = 0
        self._synthetic = False

    def add(self, result: Result) -> None:
        """Takes the result of a file."""
        if result.clips is None:
            return
        self.files += 1
        self.count += len(result.answers) + len(result.segments)
        self._synthetic |= result.clips.attributes.get("synthetic") == "true"
        if self.kind == "classifier":
            self._clips(result, result.clips)
        else:
            self._segments(result, result.clips)

    def page(self, model: str) -> str:
        """The whole page as HTML."""
        what = "answer" if self.kind == "classifier" else "segment"
        lead = f"{self.count:,} {what}{'s' * (self.count != 1)} of the {self.kind} {model!r} on "
        lead += f"{self.files:,} file{'s' * (self.files != 1)}."
        sections = []
        if self._rows:
            beyond = self.count - len(self._rows)
            more = f"The first {ROWS:,}; {beyond:,} more are in the table that --out writes."
            body = html.table(self._rows, ANSWERS, bars=["probability"])
            sections.append(Section("Clips", "".join(self._players), "What the model saw."))
            sections.append(Section("Answers", body, more if beyond > 0 else ""))
        for title, body in self._recordings[:OPEN]:
            sections.append(Section(title, body))
        if folded := self._recordings[OPEN:]:
            body = "".join(html.folded(title, inner) for title, inner in folded)
            sections.append(Section("More recordings", body))
        if self._unseen:
            text = f"{self._unseen:,} recordings more are in the file that --out writes."
            sections.append(Section("The rest", html.listing([text])))
        return html.page(
            f"{model}: what it says",
            sections,
            lead=lead,
            notice="Synthetic: computed figures, nobody was recorded." if self._synthetic else "",
            footer="skelf predict. Scores are the model's, between 0 and 1; nobody checked them.",
        )

    def _clips(self, result: Result, clips: ClipSet) -> None:
        place = {name: at for at, name in reversed([*enumerate(clips.names)])}
        for answer in result.answers[: ROWS - len(self._rows)]:
            self._rows.append(_answer_row(answer, result.path.name))
        chosen = [*result.answers[: min(FIGURES, CLIPS - self._shown)]]
        if not chosen:
            return
        self._shown += len(chosen)
        cut, captions, rates = [], [], []
        for answer in chosen:
            at = place[answer.name]
            cut.append(_body(clips, at, 0, int(clips.length[at]), answer.person))
            told = f"{answer.label} {answer.probability:.0%}"
            captions.append(f"{answer.name}: {f'unsure ({told}?)' if answer.unknown else told}")
            rates.append(float(clips.fps[at]))
        self._players.append(player(cut, clips.skeleton, captions, rates, up=_up(clips)))

    def _segments(self, result: Result, clips: ClipSet) -> None:
        by_name: dict[str, list[Segment]] = {name: [] for name in clips.names}
        for segment in result.segments:
            by_name[segment.name].append(segment)
        for at, name in enumerate(clips.names):
            if len(self._recordings) == RECORDINGS:
                self._unseen += 1
                continue
            mine = by_name[name]
            picture = found(mine, int(clips.length[at]), float(clips.fps[at]), title="")
            self._recordings.append((name, picture + _figures(clips, at, mine)))


def _figures(clips: ClipSet, at: int, segments: list[Segment]) -> str:
    """The surest segment of each class, then the surest that are left."""
    ordered = sorted(segments, key=lambda s: -s.score)
    firsts = list({s.label: s for s in reversed(ordered)}.values())[::-1]
    firsts = sorted(firsts, key=lambda s: -s.score)
    chosen = sorted([*firsts, *(s for s in ordered if s not in firsts)][:FIGURES])
    chosen = sorted(chosen, key=lambda s: s.start)
    if not chosen:
        return ""
    fps = float(clips.fps[at])
    most = max(1, round(SECONDS * fps))
    cut = [
        _body(clips, at, s.start_frame, min(s.end_frame, s.start_frame + most), s.person)
        for s in chosen
    ]
    captions = [f"{s.start:.1f} to {s.end:.1f} s: {s.label}, score {s.score:.2f}" for s in chosen]
    return player(cut, clips.skeleton, captions, fps, up=_up(clips))


def _body(clips: ClipSet, at: int, first: int, end: int, person: int) -> np.ndarray:
    """Frames of a clip to be drawn; of one person, where persons are told apart."""
    joints = clips.clip(at)[first : max(end, first + 1), :, :, : clips.coordinates]
    if person >= 0:
        joints = joints[:, person : person + 1]
    bodies: np.ndarray = bridged(joints, clips.skeleton)
    return bodies


def _up(clips: ClipSet) -> Up | Literal[""]:
    clear = stature(clips).up
    fitting = [up for up in UPS if up == clear and (clips.coordinates == 3 or "z" not in up)]
    return fitting[0] if fitting else ""


def _answer_row(answer: Answer, file: str) -> dict[str, object]:
    others = [(answer.second, answer.second_probability), (answer.third, answer.third_probability)]
    return {
        "file": file,
        "name": answer.name,
        "person": answer.person if answer.person >= 0 else None,
        "label": answer.label,
        "probability": float(answer.probability),
        "next": ", ".join(f"{name} {share:.0%}" for name, share in others if name),
        "unknown": "unsure" if answer.unknown else "",
    }
