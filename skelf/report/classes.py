"""What a report shows of saved class scores: each class, confusions, changes between two setups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..metrics.classes import confusion
from ..pages import html, plots
from ..pages.html import Section, Spread
from .found import Found, Judged
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
        untrained: see `found.Row`.
    """

    name: str
    matrices: np.ndarray
    classes: list[str]
    setup: Setup
    untrained: bool

    def recall(self) -> np.ndarray:
        """`(seeds, K)`; NaN for a class without test clips."""
        total = self.matrices.sum(axis=2)
        own = np.diagonal(self.matrices, axis1=1, axis2=2)
        return np.divide(own, total, out=np.full(own.shape, np.nan), where=total > 0)


def classes(found: Found) -> list[Section]:
    """For each test set: recall of each class, what changed, what was mistaken for what."""
    groups: dict[Any, list[Judged]] = defaultdict(list)
    for one in found.judged:
        groups[one.judged_on].append(one)
    made = []
    for place, judged in sorted(groups.items()):
        protocols = dict.fromkeys(one.protocol for one in judged)
        protocol = "linear" if "linear" in protocols else next(iter(protocols))
        chosen = [one for one in judged if one.protocol == protocol]
        counted = _counts(found, chosen)
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
        made.append(Section(f"Each class ({where})", _changes(counted) + _table(shown), text))
        made.append(Section(f"What is taken for what ({where})", body, ""))
    return made


def _counts(found: Found, judged: Sequence[Judged]) -> list[Counts]:
    """One entry a setup and state, in the page's order; those of other classes are left out."""
    seeds: dict[tuple[Setup, bool], dict[Any, Judged]] = defaultdict(dict)
    for one in judged:
        seeds[one.setup, one.untrained][one.repeat] = one
    made: list[Counts] = []
    for setup, name in found.names.items():
        for untrained in (False, True):
            own = list(seeds.get((setup, untrained), {}).values())
            own = [one for one in own if _names(one) == _names(own[0])]
            if own:
                matrices = np.stack([_matrix(one) for one in own])
                title = f"{name}, untrained" if untrained else name
                made.append(Counts(title, matrices, _names(own[0]), setup, untrained))
    return [one for one in made if one.classes == made[0].classes]


def _names(one: Judged) -> list[str]:
    number = next(iter(one.scores.scores.values())).shape[1]
    named = one.scores.class_names[:number]
    return [*named, *(f"class {k}" for k in range(len(named), number))]


def _matrix(one: Judged) -> np.ndarray:
    read = next(iter(one.scores.scores.values()))
    return confusion(one.scores.labels, read.argmax(axis=1), read.shape[1]).numpy()


def _confusion(one: Counts) -> str:
    seeds = len(one.matrices)
    note = "Number: clips. Colour: their share of the row. Recall: the share that was found."
    return plots.confusion(
        one.matrices.sum(axis=0), one.classes, one.name,
        note=f"{note} The sum of {seeds} seeds." if seeds > 1 else note,
    )  # fmt: skip


def _table(counted: Sequence[Counts]) -> str:
    recalls = [one.recall() for one in counted]
    rows = []
    for k, name in enumerate(counted[0].classes):
        row: dict[str, Any] = {"class": name, "clips": int(counted[0].matrices[0, k].sum())}
        for j, recall in enumerate(recalls):
            deviation = float(recall[:, k].std(ddof=1)) if len(recall) > 1 else None
            row[str(j)] = Spread(float(recall[:, k].mean()), deviation)
        if row["clips"]:
            rows.append(row)
    keys = {str(j): one.name for j, one in enumerate(counted)}
    body = html.table(
        rows, {"class": "Class", "clips": "Clips", **keys}, bars=list(keys),
        best=list(keys) if len(keys) > 1 else (),
        caption="Recall: the share of the class's test clips that was found.",
    )  # fmt: skip
    return body if len(rows) <= 20 else html.folded("Recall of each class", body)


def _changes(counted: Sequence[Counts]) -> str:
    """Between two setups where there are two; else from untrained to trained where both are there.

    Not among more: which pair would be of interest is the reader's to say, by naming two folders.
    """
    trained = [one for one in counted if not one.untrained]
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
