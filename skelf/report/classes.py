"""What a report shows of saved class scores: each class, confusions, changes between two setups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..metrics.classes import confusion
from ..metrics.interval import wilson
from ..pages import html, plots
from ..pages.html import Section, Spread
from .evidence import Evidence, Place, Repeat, ScoredClips
from .setup import Setup

SHOWN = 4
"""Most setups whose classes are shown beside one another."""


class Counts(NamedTuple):
    """Confusion matrices of one setup's seeds.

    Args:
        name: the setup's, "untrained" behind it where it was.
        matrices: `(seeds, K, K)` counts, rows the truth.
        classes: names of the `K` classes.
        setup: whose they are.
        untrained: see `evidence.Row`.
    """

    name: str
    matrices: np.ndarray
    classes: list[str]
    setup: Setup
    untrained: bool

    def recall(self) -> np.ndarray:
        """`(seeds, K)`; NaN for a class without test clips."""
        total = self.matrices.sum(axis=2)
        hits = np.diagonal(self.matrices, axis1=1, axis2=2)
        return np.divide(hits, total, out=np.full(hits.shape, np.nan), where=total > 0)


def classes(evidence: Evidence) -> list[Section]:
    """For each test set: recall of each class, what changed, what was mistaken for what."""
    groups: dict[Place, list[ScoredClips]] = defaultdict(list)
    for scored in evidence.scored_clips:
        groups[scored.judged_on].append(scored)
    sections = []
    for place, of_place in sorted(groups.items()):
        protocols = dict.fromkeys(scored.protocol for scored in of_place)
        protocol = "linear" if "linear" in protocols else next(iter(protocols))
        chosen = [scored for scored in of_place if scored.protocol == protocol]
        counted = _counts(evidence, chosen)
        where = " ".join(filter(None, (protocol, *(place if len(groups) > 1 else ()))))
        trained = [c for c in counted if not c.untrained]
        shown = (trained or counted)[:SHOWN]
        body = html.grid(*(_confusion(c) for c in shown))
        selection = next(iter(chosen[0].scores.scores))
        text = (
            f"Of the {protocol} protocol"
            + (", after the classifier's last epoch." if selection == "last" else ".")
            + (f" The first {SHOWN} of {len(trained)} setups." if len(trained) > SHOWN else "")
        )
        sections.append(Section(f"Each class ({where})", _changes(counted) + _table(shown), text))
        sections.append(Section(f"What is taken for what ({where})", body, ""))
    return sections


def _counts(evidence: Evidence, chosen: Sequence[ScoredClips]) -> list[Counts]:
    """One entry a setup and state, in the page's order; those of other classes are left out."""
    seeds: dict[tuple[Setup, bool], dict[Repeat, ScoredClips]] = defaultdict(dict)
    for scored in chosen:
        seeds[scored.setup, scored.untrained][scored.repeat] = scored
    counts: list[Counts] = []
    for setup, name in evidence.names.items():
        for untrained in (False, True):
            repeats = list(seeds.get((setup, untrained), {}).values())
            repeats = [r for r in repeats if _names(r) == _names(repeats[0])]
            if repeats:
                matrices = np.stack([_matrix(scored) for scored in repeats])
                title = f"{name}, untrained" if untrained else name
                counts.append(Counts(title, matrices, _names(repeats[0]), setup, untrained))
    return [c for c in counts if c.classes == counts[0].classes]


def _names(scored: ScoredClips) -> list[str]:
    number = next(iter(scored.scores.scores.values())).shape[1]
    names = scored.scores.class_names[:number]
    return [*names, *(f"class {k}" for k in range(len(names), number))]


def _matrix(scored: ScoredClips) -> np.ndarray:
    class_scores = next(iter(scored.scores.scores.values()))
    predicted = class_scores.argmax(axis=1)
    return confusion(scored.scores.labels, predicted, class_scores.shape[1]).numpy()


def _confusion(counts: Counts) -> str:
    """The matrix of the classes that occur, be it as truth or as a guess."""
    seeds = len(counts.matrices)
    matrix = counts.matrices.sum(axis=0)
    shown = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
    left_out = len(matrix) - len(shown)
    notes = ["Number: clips. Colour: their share of the row. Recall: the share that was found."]
    notes += [f"The sum of {seeds} seeds."] if seeds > 1 else []
    if left_out:
        classes = f"{left_out} class{'es' * (left_out != 1)}"
        notes.append(f"Left out: {classes} without a test clip that were never guessed.")
    return plots.confusion(
        matrix[np.ix_(shown, shown)], [counts.classes[k] for k in shown], counts.name,
        note=" ".join(notes),
    )  # fmt: skip


def _table(counted: Sequence[Counts]) -> str:
    recalls = [counts.recall() for counts in counted]
    rows = []
    for k, name in enumerate(counted[0].classes):
        clips = int(counted[0].matrices[0, k].sum())
        row: dict[str, object] = {"class": name, "clips": clips}
        for j, recall in enumerate(recalls):
            deviation = float(recall[:, k].std(ddof=1)) if len(recall) > 1 else None
            share = float(recall[:, k].mean())
            interval = wilson(share, clips) if clips else None
            row[str(j)] = Spread(share, deviation, interval=interval)
        if clips:
            rows.append(row)
    keys = {str(j): counts.name for j, counts in enumerate(counted)}
    body = html.table(
        rows, {"class": "Class", "clips": "Clips", **keys}, bars=list(keys),
        best=list(keys) if len(keys) > 1 else (),
        caption="Recall: the share of the class's test clips that was found, with its 95 % "
        "interval.",
    )  # fmt: skip
    return body if len(rows) <= 20 else html.folded("Recall of each class", body)


def _changes(counted: Sequence[Counts]) -> str:
    """Between two setups where there are two; else from untrained to trained where both are there.

    Not among more: which pair would be of interest is the reader's to say, by naming two folders.
    """
    trained = [counts for counts in counted if not counts.untrained]
    if len(trained) == 2:
        before, after = trained
    elif len(trained) == 1 and len(counted) == 2:
        before, after = counted[1], counted[0]
    else:
        return ""
    drawn = plots.changes(
        before.recall().mean(axis=0), after.recall().mean(axis=0), after.classes,
        "What changes for each class",
        sides=(before.name, after.name),
        note="Numbers: percentage points. Blue gained, orange lost.",
    )  # fmt: skip
    return html.grid(drawn)
