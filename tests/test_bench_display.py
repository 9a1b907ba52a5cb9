"""What a benchmark shows while it runs: epoch, cells left, time left."""

from __future__ import annotations

import doctest
import io
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from skelf import api
from skelf.bench import remaining
from skelf.bench.cell import Cell
from skelf.bench.display import BenchDisplay
from skelf.bench.remaining import time_left
from skelf.bench.work import do


def cell(kind: Any, number: int) -> Cell:
    return Cell(kind, Path(f"{kind}{number}"), "a", f"{kind} [b]{number}[/b]", {}, {})


CELLS = [cell("pretrain", 0), cell("judge", 0), cell("pretrain", 1), cell("judge", 1)]


def display(**options: Any) -> tuple[BenchDisplay, io.StringIO]:
    file = io.StringIO()
    return BenchDisplay(Console(file=file, width=200), **options), file


def test_a_line_tells_epoch_cells_left_and_time_left() -> None:
    now = [0.0]
    shown, file = display(clock=lambda: now[0])
    shown.expect(9, CELLS)
    assert shown.status() == ""
    shown("start", CELLS[0], "", 0.0)
    assert "4 of 4 cells left, time left: unknown" in shown.status()
    now[0] = 300.0
    shown("progress", CELLS[0], "epoch 3/10", 0.25)
    assert shown.status() == (
        "pretrain [b]0[/b], epoch 3/10: 4 of 4 cells left, time left: unknown"  # what judging takes
    )
    now[0] = 1200.0
    shown("done", CELLS[0], "", 1.0)
    shown("start", CELLS[1], "", 0.0)
    now[0] = 1260.0
    shown("done", CELLS[1], "", 1.0)
    shown("start", CELLS[2], "", 0.0)
    now[0] = 1560.0
    shown("progress", CELLS[2], "epoch 5/10", 0.5)
    assert "2 of 4 cells left, time left: about 6 min" in shown.status()
    shown("failed", CELLS[2], "no memory", 1.0)
    shown("blocked", CELLS[3], "", 0.0)
    assert shown.status() == "" and not +shown.waiting
    lines = file.getvalue().splitlines()
    assert lines[0] == "9 cells, 4 to run" and lines[1] == "[1/4] pretrain [b]0[/b]: 1200.0 s"
    assert lines[3:] == [
        "[3/4] pretrain [b]1[/b]: FAILED: no memory",
        "[4/4] judge [b]1[/b]: left out",
    ]


def test_a_silent_cell_is_told_of_too() -> None:
    shown, file = display(every=0.01)
    with shown:
        shown.expect(1, CELLS[1:2])
        shown("start", CELLS[1], "", 0.0)
        until = time.monotonic() + 5
        while "1 of 1 cell left" not in file.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    assert "judge [b]0[/b]: 1 of 1 cell left, time left: unknown" in file.getvalue()


def test_a_terminal_shows_a_bar() -> None:
    file = io.StringIO()
    console = Console(file=file, width=200, force_terminal=True)
    with BenchDisplay(console, workers=2) as shown:
        shown.expect(4, CELLS)
        shown("start", CELLS[0], "", 0.0)
        shown("progress", CELLS[0], "epoch 3/10", 0.25)
    assert "left: unknown" in file.getvalue() and "epoch 3/10" in file.getvalue()


def test_a_pretraining_tells_its_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretrain(*, listener: Any, **_: Any) -> None:
        for batch in (1, 2):  # the second comes too soon to be told
            listener({"event": "step", "epoch": 2, "epochs": 4, "batch": batch, "batches": 2})
        listener({"event": "epoch", "epoch": 2, "loss": 1.0})

    monkeypatch.setattr(api, "pretrain", pretrain)
    told: list[tuple[str, float]] = []
    one = Cell("pretrain", tmp_path / "run", "pretrain", "a run", {}, {})
    assert do(one, lambda text, share: told.append((text, share))) is None
    assert told == [("epoch 3/4", 0.625)]


def test_time_left() -> None:
    assert doctest.testmod(remaining).failed == 0
    assert time_left({}, [], {}) == 0
    took = {"pretrain": [100.0], "judge": [10.0, 20.0]}
    waiting = {"pretrain": 3, "judge": 4, "fuse": 0}
    assert time_left(took, [], waiting) == 360 and time_left(took, [], waiting, 3) == 120
    assert time_left(took, [("judge", 40.0, 0.0)], {}) == 0  # longer than usual
    assert time_left(took, [("fuse", 1.0, 0.0)], {}) is None
