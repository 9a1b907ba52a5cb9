"""What a person watches during a search: one line, and the table of trials at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from ..display import EVERY
from .trials import Trial


class SearchDisplay:
    """A listener for `run.search`: on a terminal a line that changes, elsewhere one now and then.

    Args:
        console: where to draw.
        every: seconds between two lines where there is no terminal.
    """

    def __init__(self, console: Console, every: float = EVERY) -> None:
        self.console, self.every, self.told = console, every, -every
        self.status = Status("searching", console=console)

    def __enter__(self) -> SearchDisplay:
        if self.console.is_terminal:
            self.status.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.status.stop()

    def __call__(self, what: str, text: str, share: float, best: Trial | None) -> None:
        """Shows what runs, how far it is, and the best so far."""
        line = f"{what}: {text}"
        if best is not None:
            line += f"; best {100 * (best.value or 0.0):.1f} (trial {best.number + 1})"
        if self.console.is_terminal:
            self.status.update(escape(line))
        elif time.monotonic() - self.told >= self.every:
            self.told = time.monotonic()
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def trials_table(trials: Sequence[Trial], best: Sequence[Trial]) -> Table:
    """A line for each trial; the best of each row and place is bold."""
    table = Table("row", "on", "trial", "value", "state", "settings", box=None, pad_edge=False)
    for trial in trials:
        value = "" if trial.value is None else f"{100 * trial.value:.1f}"
        cells = [trial.row, str(trial.place), str(trial.number + 1), value, trial.state]
        style = "bold" if trial in best else None
        table.add_row(*map(escape, [*cells, " ".join(trial.settings)]), style=style)
    return table
