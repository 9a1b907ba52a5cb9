"""What a trial is judged by: one protocol's metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InputError, unknown
from ...protocols import PROTOCOLS
from ...results.archive import Row
from ...settings.evaluation import evaluation
from ..suite import Place, Protocol, Suite


class Objective(NamedTuple):
    """A metric of a protocol, as the suite's `objective` names it.

    Args:
        protocol: its name in `PROTOCOLS`.
        metric: as results name it; "": the first that comes.
        settings: `eval.key=value`.
        table: the suite's `[[protocol]]` that it is, whose `on` says where it is judged; None where
            the suite has none of that name.
    """

    protocol: str
    metric: str
    settings: Sequence[str]
    table: Protocol | None

    def judged_on(self, suite: Suite, place: Place) -> list[Place]:
        """Where trials of what is pretrained at `place` are judged."""
        return [place] if self.table is None else suite.judged_on(self.table, place)

    def of(self, rows: Sequence[Row]) -> float:
        """Its value; a state of a classifier that labels of the judged side chose is none.

        Raises:
            InputError: no such metric.
        """
        honest = [row for row in rows if row["selection"] != "best_on_test"]
        for row in honest:
            if self.metric in ("", row["metric"]):
                return float(row["value"])
        raise InputError(
            f"objective: {self.protocol} has no {self.metric!r}; it has "
            + ", ".join(dict.fromkeys(str(row["metric"]) for row in honest))
        )


def objective_of(suite: Suite) -> Objective:
    """What the suite names: a protocol or the row of one, and behind a colon its metric.

    Raises:
        InputError: an unknown protocol, or no split to judge on.
    """
    name, _, metric = suite.objective.partition(":")
    table = next((each for each in suite.protocols if each.label == name.strip()), None)
    protocol = name.strip() if table is None else table.name
    if protocol not in PROTOCOLS:
        known = [*PROTOCOLS, *(each.label for each in suite.protocols)]
        raise InputError(f"{suite.path}: objective: {unknown('protocol', protocol, set(known))}")
    settings = () if table is None else table.settings
    evaluation({protocol: PROTOCOLS[protocol]}, overrides=settings)
    return Objective(protocol, metric.strip(), settings, table)


def check_places(suite: Suite, objective: Objective, places: Sequence[Place]) -> None:
    """Refuses a place without a split: nothing tells which clips are to be tested on.

    Raises:
        InputError: naming it.
    """
    for place in places:
        for on in objective.judged_on(suite, place):
            if not on.split:
                raise InputError(
                    f"{suite.path}: objective: {on} has no split, so that no side of it is kept "
                    "for the test; name a [[protocol]] in `objective` that is judged elsewhere"
                )
