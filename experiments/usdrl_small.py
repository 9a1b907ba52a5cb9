"""USDRL in small on one store: the tables of `docs/results/`, one command each.

    python experiments/usdrl_small.py main --data nw_ucla.h5 --split xview --out runs
    python experiments/usdrl_small.py ablation --data nw_ucla.h5 --split xview --out runs
    python experiments/usdrl_small.py alpha --data nw_ucla.h5 --split xview --out runs

Settings may follow the table's name, as in `main train.epochs=30`; they hold for all of its runs.

Each cell is one pretraining and the evaluation of its encoder, trained and untrained. A cell that
is done is never run again and one that was killed resumes, so the command can be stopped and
started at will; tables share cells, so run one table at a time. Cells run in worker processes of
one thread each, which on few cores is faster than one run with many threads.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from typing import Any

HERE = Path(__file__).parent
SHOWN = (
    ("linear", "top1", "last"),
    ("linear", "top1", "best_on_test"),
    ("linear", "top1", "validated"),
    ("knn", "top1", "none"),
    ("retrieval", "precision@1", "none"),
    ("retrieval", "map", "none"),
)


def cells(
    table: str, seeds: int, streams: list[str], encoders: list[str], settings: list[str]
) -> Iterator[dict[str, Any]]:
    """The runs of a table: row name, encoder, stream, seed and the settings that differ."""
    for seed in range(seeds):
        if table == "main":
            for stream in streams:
                for encoder in encoders:
                    yield _cell(f"{encoder} {stream}", encoder, stream, seed, *settings)
            continue
        for row, extra in _ABLATION if table == "ablation" else _ALPHA:
            yield _cell(row, "dste", "joint", seed, *extra, *settings)


_ABLATION = (  # the paper's Table 5
    ("VAC", ("method.xc=false", "method.multi_grained=false")),
    ("VAC + XC", ("method.multi_grained=false",)),
    ("VAC + XC + multi-grained", ()),
)
_ALPHA = tuple(  # the paper's Figure 4; 0.5 is the main run
    (f"alpha {alpha}", () if alpha == 0.5 else (f"encoder.alpha={alpha}",))
    for alpha in (0, 0.25, 0.5, 0.75, 1)
)


def _cell(row: str, encoder: str, stream: str, seed: int, *overrides: str) -> dict[str, Any]:
    key = "_".join([encoder, stream, f"seed{seed}", *(o.split(".", 1)[1] for o in overrides)])
    return {"row": row, "stream": stream, "seed": seed, "key": key.replace("=", "")} | {
        "overrides": [f"encoder.name={encoder}", *overrides]
    }


def run_cell(
    cell: dict[str, Any], data: str, split: str, config: str, out: str
) -> list[dict[str, Any]]:
    """Pretrains and evaluates one cell, or reads what it gave before."""
    folder = Path(out) / Path(data).stem / split / cell["key"]
    results = folder / "results.json"
    if not results.exists():
        import torch

        import skelf
        from skelf.files import write_json

        torch.set_num_threads(1)
        shared = {"split": split, "seed": cell["seed"]}
        skelf.pretrain(
            "usdrl",
            data,
            out=folder,
            stream=cell["stream"],
            config=config,
            overrides=cell["overrides"],
            resume=(folder / "config.json").exists(),
            **shared,
        )
        rows = []
        for untrained in (False, True):
            rows += skelf.evaluate(
                ["linear", "knn", "retrieval"], folder, data, untrained=untrained, **shared
            )
        write_json(results, rows)
    return [row | {"row": cell["row"]} for row in json.loads(results.read_text(encoding="utf-8"))]


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


def main() -> None:
    """Runs the cells of a table and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("table", choices=("main", "ablation", "alpha"))
    parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="for all runs of the table"
    )
    parser.add_argument("--data", required=True, help="a store with the split")
    parser.add_argument("--split", default="xview")
    parser.add_argument("--out", default="runs", help="runs and results are kept here")
    parser.add_argument("--config", default=str(HERE / "usdrl_small.toml"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--streams", default="joint,motion,bone")
    parser.add_argument("--encoders", default="dste,sttr")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    chosen = (args.streams.split(","), args.encoders.split(","), args.settings)
    planned = list(cells(args.table, args.seeds, *chosen))
    done: dict[str, list[dict[str, Any]]] = {}
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        shared = (args.data, args.split, args.config, args.out)
        waiting = {pool.submit(run_cell, cell, *shared): cell for cell in planned}
        for future in as_completed(waiting):
            cell = waiting[future]
            done[cell["key"]] = future.result()
            print(f"[{len(done)}/{len(planned)}] {cell['row']}, seed {cell['seed']}", flush=True)
    print(markdown([row for cell in planned for row in done[cell["key"]]]))


if __name__ == "__main__":
    main()
