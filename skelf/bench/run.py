"""A benchmark: methods x data sets x protocols x seeds of one suite, resumable, in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..cluster import gathered
from ..errors import InputError
from ..files import write_text
from ..locks import locked
from .cell import Cell
from .checks import Sets, check_methods, check_settings, find_sets
from .cost import Costs, costs_of
from .markdown import markdown
from .plan import plan
from .queue import Tell, run_cells
from .read import check_budget, read_suite
from .state import State, states
from .suite import Suite
from .table import Row, tidy, write_csv, write_parquet

TABLES = ("results.csv", "results.md", "results.parquet")


class Failure(NamedTuple):
    """A cell that failed, now or before.

    Args:
        title: the cell.
        message: what went wrong, in one line.
        path: the file that holds the rest.
        now: whether this call ran it.
    """

    title: str
    message: str
    path: Path
    now: bool


class Benchmark(NamedTuple):
    """What came out.

    Args:
        rows: the tidy table, of all cells that are done.
        failures: the cells that failed.
        ran: cells that this call ran, failed ones too.
        left: cells that could not be run, since one that they need failed.
        cells: all cells of the suite.
        files: what was written: CSV, Markdown, and Parquet where pyarrow is installed.
    """

    rows: list[Row]
    failures: list[Failure]
    ran: int
    left: int
    cells: int
    files: list[Path]


def bench(
    suite: str | Path,
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    retry: bool = False,
    equal_cost: str | None = None,
    tell: Tell = lambda kind, cell, text, share: None,
    expect: Callable[[int, Sequence[Cell]], None] = lambda cells, still: None,
    say: Callable[[str], None] = lambda text: None,
) -> Benchmark:
    """Runs what of a suite is not done yet, and writes its tables.

    Args:
        suite: the TOML file.
        out: the benchmark's folder. A cell that is finished there is never run again; an
            interrupted pretraining resumes from its checkpoint.
        workers: processes that run cells side by side, each with its share of the cores; 1 runs
            them in this process, on all.
        scheduler: of dask, whose workers run the cells instead, see `skelf.cluster.gathered`; they
            must see `out` and the stores under the same paths.
        retry: run cells again that failed before.
        equal_cost: a row whose cost is the others', as the suite's `equal_cost` says.
        tell: called with what happens to each cell.
        expect: called once with the number of cells in all and those still to be run.
        say: told how the clips of each method and set are normalised, a line each, and what each
            row costs where there is a budget.

    Returns:
        Rows, failures, and the files `results.csv`, `results.md` and `results.parquet`.

    Raises:
        InputError: the suite or its stores do not hold, a finished cell had other settings, or
            another process works in `out`.
        OSError: `out` cannot be written.
    """
    out = Path(out)
    planned = _planned(suite, out, say, equal_cost)
    cells = planned.cells
    with locked(
        out, ".lock",
        busy="another process runs a benchmark here; wait for it or choose another --out",
        unwritable="cannot write the benchmark's folder",
    ):  # fmt: skip
        _refuse_foreign_tables(out)
        state = states(cells, retry)
        still = [cell for cell in cells if state[cell.key] == "open"]
        lost = [cell for cell in cells if state[cell.key] == "failed"]
        expect(len(cells), still)
        try:
            bad = _run(still, lost, out, workers, scheduler, tell, say)
        finally:  # after Ctrl-C too, with what there is
            rows, files = _write(planned, out)
    failures = [Failure(cell.title, _message(cell), cell.error, False) for cell in lost]
    failures += [Failure(c.title, bad[c.key], c.error, True) for c in still if bad.get(c.key)]
    left = sum(bad.get(cell.key) == "" for cell in still)
    return Benchmark(rows, failures, len(still) - left, left, len(cells), files)


def _run(
    still: Sequence[Cell],
    lost: Sequence[Cell],
    out: Path,
    workers: int,
    scheduler: str | None,
    tell: Tell,
    say: Callable[[str], None],
) -> dict[str, str]:
    if not still and scheduler is not None:
        return {}  # nobody need be there for nothing
    if scheduler is None and workers > 1:
        workers = min(workers, max(len(still), 2))  # a process less has more of the cores
    files = {out, *(Path(path) for cell in still for path in _inputs(cell))}
    paths = sorted(path for path in files if path.exists())
    with gathered(scheduler, workers, paths=paths, say=say, logs=out / "logs") as crew:
        return run_cells(still, crew, tell, lost={cell.key for cell in lost})


def _inputs(cell: Cell) -> list[str]:
    """What a cell reads of the disk, unless another cell writes it."""
    return [str(cell.call[key]) for key in ("data", "config", "init", "run") if cell.call.get(key)]


def preview(
    suite: str | Path,
    out: str | Path,
    *,
    retry: bool = False,
    equal_cost: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[tuple[Cell, State]]:
    """The cells of a suite and their states; runs and writes nothing.

    Raises:
        InputError: as `bench`.
    """
    cells = _planned(suite, Path(out), say, equal_cost).cells
    state = states(cells, retry)
    return [(cell, state[cell.key]) for cell in cells]


class _Planned(NamedTuple):
    suite: Suite
    costs: Costs
    cells: list[Cell]


def _planned(
    path: str | Path, out: Path, say: Callable[[str], None], equal_cost: str | None
) -> _Planned:
    suite, sets = checked(path, say, equal_cost)
    return _Planned(suite, sets.costs, plan(suite, sets, out))


def checked(
    path: str | Path, say: Callable[[str], None], equal_cost: str | None = None
) -> tuple[Suite, Sets]:
    """A suite and its sets, all of it looked at before anything runs.

    Raises:
        InputError: as `bench`.
    """
    suite = read_suite(path)
    if equal_cost is not None:
        suite = replace(suite, equal_cost=equal_cost)
        check_budget(suite, over=True)
    check_settings(suite)
    sets = find_sets(suite)
    check_methods(suite, sets)
    lines = (f"{label}, {at.data}: {choice}" for (label, at), choice in sets.normalisations.items())
    for line in dict.fromkeys(lines):
        say(line)
    sets.costs.update(costs_of(suite, sets))
    for (label, place), cost in sets.costs.items():
        say(f"{label}, {place}: {cost}")
    return suite, sets


def _refuse_foreign_tables(out: Path) -> None:
    """Refuses a folder with tables of these names where no cell of a benchmark lies."""
    tables = [out / name for name in TABLES if (out / name).exists()]
    if tables and next(out.rglob("cell_*.json"), None) is None:
        raise InputError(f"{tables[0]}: no benchmark wrote it; choose another --out")


def _write(planned: _Planned, out: Path) -> tuple[list[Row], list[Path]]:
    """Tables of all cells that are done."""
    suite, costs, cells = planned
    state = states(cells, retry=False)
    judged = [cell for cell in cells if cell.kind != "pretrain"]
    done = [cell for cell in judged if state[cell.key] == "done"]
    rows = tidy(done, out)
    files = [out / name for name in TABLES]
    write_csv(files[0], rows)
    write_text(files[1], markdown(suite, rows, len(judged) - len(done), costs))
    return rows, files if write_parquet(files[2], rows) else files[:2]


def _message(cell: Cell) -> str:
    """The first line of a cell's error file."""
    try:
        return next(iter(cell.error.read_text("utf-8").splitlines()), "")
    except (OSError, UnicodeDecodeError):
        return "its error file cannot be read"
