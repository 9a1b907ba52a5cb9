"""A cell of a benchmark: one pretraining, evaluation or fusion, with its files and settings.

Worker processes read this before they know how many threads they have: nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..files import write_json


@dataclass(frozen=True)
class Cell:
    """One piece of work, done once.

    Args:
        kind: what it is.
        folder: where it writes.
        name: its files' name: the protocol's, and what it was judged on and how.
        title: what people call it.
        settings: all that decides what comes out, plain JSON; a finished cell with others is
            refused.
        call: the arguments of what does it.
        needs: keys of the cells that must be done first.
        about: what the table of results says of it: row, label, pretrained_on, data, split, case
            (its seed) and show; of a pretraining the row alone, and with a budget its flops.
    """

    kind: Literal["pretrain", "judge", "fuse"]
    folder: Path
    name: str
    title: str
    settings: dict[str, object]
    call: dict[str, Any]  # arguments of several functions, each of a type of its own
    needs: tuple[str, ...] = ()
    about: dict[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its identity in a plan."""
        return str(self.folder / self.name)

    @property
    def marker(self) -> Path:
        """The file that holds its settings and whether it is done."""
        return self.folder / f"cell_{self.name}.json"

    @property
    def results(self) -> Path:
        """The rows of results; a pretraining has none."""
        return self.folder / f"results_{self.name}.json"

    @property
    def error(self) -> Path:
        """What went wrong, where something did."""
        return self.folder / f"error_{self.name}.txt"

    def mark(self, done: bool) -> None:
        """Writes the settings, the row's name and its FLOPs beside the results."""
        named: dict[str, object] = {
            key: self.about[key] for key in ("row", "flops") if key in self.about
        }
        write_json(self.marker, {"settings": self.settings, "done": done, **named})
