"""What a report rests on: runs, rows of results and saved scores, each with its setup."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..results.recordings import RecordingScores
from ..results.scores import Scores
from ..training.log import Event
from .setup import Setup

Place = tuple[str, str]
"""Data and split that something was judged on; "" where a file does not say."""

Repeat = tuple[str, str]
"""Seeds of run and protocol, as JSON: what differs in nothing else is averaged."""


@dataclass(frozen=True)
class Run:
    """A run folder.

    Args:
        folder: where it is.
        setup: what it was, but for the seed.
        seed: of its weights and draws; None where the config names none.
        events: its log's epochs and monitor readings, in order.
        planned: epochs that the config asks for; None where it does not say.
        synthetic: whether its data was made up.
        flops: that its pretraining counts, where a benchmark kept to a budget.
    """

    folder: Path
    setup: Setup
    seed: int | None
    events: list[Event]
    planned: int | None
    synthetic: bool
    flops: float | None = None


@dataclass(frozen=True)
class Row:
    """A row of results.

    Args:
        setup: of the run that was judged.
        untrained: whether its encoder had fresh weights instead.
        protocol: the protocol.
        metric: what was measured.
        selection: which state of a trained classifier: last, best_on_test, validated or none.
        value: a share in [0, 1].
        judged_on: data and split.
        repeat: seeds of run and protocol.
        settings: the protocol's.
        definition: what exactly was computed.
        version: of the package that wrote it.
        clips: how many test clips were judged; None where the row does not say.
    """

    setup: Setup
    untrained: bool
    protocol: str
    metric: str
    selection: str
    value: float
    judged_on: Place
    repeat: Repeat
    settings: dict[str, object]
    definition: str
    version: str
    clips: int | None = None


@dataclass(frozen=True)
class ScoredClips:
    """Saved class scores and what they belong to; see `Row` and `scores.Scores`."""

    setup: Setup
    untrained: bool
    protocol: str
    judged_on: Place
    repeat: Repeat
    scores: Scores


@dataclass(frozen=True)
class ScoredRecordings:
    """Saved frame probabilities of recordings and what they belong to; see `Row`."""

    setup: Setup
    untrained: bool
    judged_on: Place
    scores: RecordingScores


@dataclass
class Evidence:
    """All that a report rests on.

    Args:
        runs: the runs, in the order of their paths.
        rows: the rows of results.
        scored_clips: the saved class scores.
        scored_recordings: the saved frame probabilities.
        notes: what could not be read, a sentence each.
        names: what each setup is called on the page, in their order there.
    """

    runs: list[Run] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    scored_clips: list[ScoredClips] = field(default_factory=list)
    scored_recordings: list[ScoredRecordings] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: dict[Setup, str] = field(default_factory=dict)

    def runs_of(self, setup: Setup) -> list[Run]:
        """The runs of a setup, the lowest seed first."""
        runs = [run for run in self.runs if run.setup == setup]
        return sorted(runs, key=lambda run: (run.seed is None, run.seed or 0, str(run.folder)))
