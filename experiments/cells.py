"""Cells of an experiment: one pretraining and its evaluation each, run by worker processes.

A cell that is done is never run again and one that was killed resumes, so a command can be stopped
and started at will. Workers have one thread each, which on few cores is faster than one run with
many threads.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

SHOWN = (
    ("linear", "top1", "last"),
    ("linear", "top1", "best_on_test"),
    ("linear", "top1", "validated"),
    ("knn", "top1", "none"),
    ("retrieval", "precision@1", "none"),
    ("retrieval", "map", "none"),
)


class Cell(NamedTuple):
    """A pretraining and its evaluation.

    Args:
        row: the table's row; seeds of one row are averaged.
        method: what is pretrained.
        seed: of weights and draws.
        overrides: settings that differ from the experiment's configuration.
        stream: joint, motion or bone.
        judged: which streams of the run are judged, for a run that holds several ("all").
        untrained: judge the encoder with fresh weights as well.
        after: the cell whose weights this one starts from.
    """

    row: str
    method: str
    seed: int
    overrides: tuple[str, ...] = ()
    stream: str = "joint"
    judged: str | None = None
    untrained: bool = True
    after: Cell | None = None

    @property
    def key(self) -> str:
        """The folder of the run: what it is of, so that tables share runs."""
        said = (override.split(".", 1)[1].replace("=", "") for override in self.overrides)
        start = [f"after_{self.after.key}"] if self.after else []
        return "_".join([self.method, self.stream, f"seed{self.seed}", *said, *start])


def parser(description: str | None, tables: Iterable[str], config: Path) -> argparse.ArgumentParser:
    """The arguments that every experiment has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("table", choices=tuple(tables))
    made.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="for all runs of the table")
    made.add_argument("--data", required=True, help="a store with the split")
    made.add_argument("--split", default="xview")
    made.add_argument("--out", default="runs", help="runs and results are kept here")
    made.add_argument("--config", default=str(config))
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return made


def run_all(cells: list[Cell], args: argparse.Namespace) -> list[dict[str, Any]]:
    """The result rows of all cells, each with its table row's name under "row"."""
    folder = Path(args.out) / Path(args.data).stem / args.split
    done: dict[Cell, list[dict[str, Any]]] = {}
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.key, cell)
    # Cells of one key write to the same folder, and some start from others' weights: both wait.
    early = [cell for cell in first.values() if cell.after is None]
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        for part in (early, [cell for cell in cells if cell not in early]):
            waiting = {
                pool.submit(run_cell, cell, folder, args.data, args.split, args.config): cell
                for cell in part
            }
            for future in as_completed(waiting):
                cell = waiting[future]
                done[cell] = future.result()
                print(f"[{len(done)}/{len(cells)}] {cell.row}, seed {cell.seed}", flush=True)
    return [row for cell in cells for row in done[cell]]


def run_cell(cell: Cell, parent: Path, data: str, split: str, config: str) -> list[dict[str, Any]]:
    """Pretrains and evaluates one cell, or reads what it gave before."""
    folder = parent / cell.key
    results = folder / f"results_{cell.judged or cell.stream}.json"
    if not results.exists():
        import torch

        import skelf
        from skelf.files import write_json

        torch.set_num_threads(1)
        shared = {"split": split, "seed": cell.seed}
        skelf.pretrain(
            cell.method,
            data,
            out=folder,
            stream=cell.stream,
            config=config,
            overrides=cell.overrides,
            resume=(folder / "config.json").exists(),
            init=parent / cell.after.key if cell.after else None,
            **shared,
        )
        rows = []
        for untrained in (False, True)[: 1 + cell.untrained]:
            name = f"{'untrained' if untrained else 'trained'}_{cell.judged or cell.stream}.json"
            rows += skelf.evaluate(
                ["linear", "knn", "retrieval"],
                folder,
                data,
                out=folder / name,
                untrained=untrained,
                stream=cell.judged,
                **shared,
            )
        write_json(results, rows)
    return [row | {"row": cell.row} for row in json.loads(results.read_text(encoding="utf-8"))]


def markdown(rows: list[dict[str, Any]]) -> str:
    """Mean ± standard deviation over seeds, in percent, a line for each row and method."""
    values: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in rows:
        values[row["row"], row["method"], row["protocol"], row["metric"], row["selection"]].append(
            row["value"]
        )
    head = [
        f"{protocol} {metric}" + ("" if selection == "none" else f" ({selection})")
        for protocol, metric, selection in SHOWN
    ]
    lines = [f"| run | weights | {' | '.join(head)} |", "|---" * (len(head) + 2) + "|"]
    for name, method in dict.fromkeys((row["row"], row["method"]) for row in rows):
        found = [values[name, method, *shown] for shown in SHOWN]
        lines.append(f"| {name} | {method} | {' | '.join(map(_percent, found))} |")
    return "\n".join(lines)


def _percent(values: list[float]) -> str:
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{spread}" if values else ""
