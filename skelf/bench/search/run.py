"""A search over a suite's rows: every row as many trials, one table, one suite that comes out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...files import write_text
from ...locks import locked
from ..run import checked
from ..suite import Method, Place
from .chosen import chosen_suite
from .objective import check_places, objective_of
from .space import check_space, places
from .trials import Searching, Trial, needed

Tell = Callable[[str, str, float, Trial | None], None]
"""Called with what runs, how far it is in words and as a share, and the best trial so far."""


class Search(NamedTuple):
    """What came out.

    Args:
        trials: all that have ended.
        best: of each row and place the best one.
        lost: rows and places of which no trial was completed; they keep the suite's settings.
        files: the table of trials, and the suite with the chosen settings.
    """

    trials: list[Trial]
    best: list[Trial]
    lost: list[str]
    files: list[Path]


def search(
    suite: str | Path,
    out: str | Path,
    *,
    trials: int,
    equal_cost: str | None = None,
    tell: Tell = lambda what, text, share, best: None,
    say: Callable[[str], None] = lambda text: None,
) -> Search:
    """Searches what the suite's `[[search]]` tables declare, on training subjects alone.

    Args:
        suite: the TOML file.
        out: the benchmark's folder; trials are in its `search`. Those that have ended there count,
            one that was killed goes on.
        trials: of each row at each place where it is pretrained.
        equal_cost: as `run.bench`.
        tell: called with how far it is.
        say: as `run.bench`.

    Returns:
        The trials, and `chosen.toml`, which `skelf bench` runs on the test side.

    Raises:
        InputError: the suite does not hold, optuna is missing, or trials in `out` are of another
            search.
        OSError: `out` cannot be written.
    """
    if trials < 1:
        raise InputError(f"--trials {trials}: at least 1")
    needed()
    read, sets = checked(suite, say, equal_cost)
    folder = Path(out) / "search"
    objective = objective_of(read)
    spots = places(read)
    check_space(read)
    check_places(read, objective, [place for _, place in spots])
    folder.mkdir(parents=True, exist_ok=True)
    with locked(
        folder, ".lock",
        busy="another process searches here; wait for it or choose another --out",
        unwritable="cannot write the search's folder",
    ):  # fmt: skip
        searches = [
            Searching(read, sets, method, place, objective, folder) for method, place in spots
        ]
        try:
            for each in searches:
                each.tell = _telling(each, trials, tell)
                each.run(trials)
        finally:  # after Ctrl-C too, with what there is
            ended = [trial for each in searches for trial in each.trials]
            with suppress(OSError):
                write_text(folder / "trials.csv", _table(ended))
        best = [trial for each in searches if (trial := each.best) is not None]
        lost = [str(each.study.study_name) for each in searches if each.best is None]
        choices = {(t.row, t.place): _chosen(searches, t) for t in best}
        header = [
            f"Chosen by {objective.protocol} {objective.metric or 'of its first metric'}, each row "
            f"of {trials} trials, on subjects of the training side.",
            f"    skelf bench {folder.name}/chosen.toml --out DIR",
        ]
        path = folder / "chosen.toml"
        write_text(path, chosen_suite(read, choices, path, header))
    return Search(ended, best, lost, [folder / "trials.csv", path])


def _chosen(searches: list[Searching], trial: Trial) -> list[str]:
    """The settings of a trial; of the row that is the budget with its epochs, which it now has."""
    mine = next(s for s in searches if (s.method.label, s.place) == (trial.row, trial.place))
    settings = list(trial.settings)
    if mine.suite.equal_cost == trial.row:
        settings += [t for t in mine.overrides(settings) if t.startswith("train.epochs=")][-1:]
    return settings


def _telling(searching: Searching, trials: int, tell: Tell) -> Callable[[int, str, float], None]:
    label = what(searching.method, searching.place)

    def one(number: int, text: str, share: float) -> None:
        tell(f"{label}: trial {number + 1}/{trials}", text, share, searching.best)

    return one


def what(method: Method, place: Place) -> str:
    """What a search is called."""
    return f"{method.label}, {place}"


def _table(trials: list[Trial]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*Trial._fields])
    for trial in trials:
        values = trial._asdict() | {"settings": " ".join(trial.settings)}
        writer.writerow(values.values())
    return text.getvalue()
