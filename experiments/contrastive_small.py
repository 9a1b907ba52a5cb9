"""SkeletonCLR, AimCLR and CrosSCLR in small on one store: the tables of `docs/results/`.

    python experiments/contrastive_small.py main --data nw_ucla.h5 --split xview --out runs
    python experiments/contrastive_small.py ablation --data nw_ucla.h5 --split xview --out runs

`main` trains each method on each stream, fuses SkeletonCLR's and AimCLR's three streams (scores of
the linear classifiers at 0.6, 0.6, 0.4), and trains the methods that mine across streams, whose
three encoders are judged together. `ablation` is AimCLR's Table 1. Settings may follow the table's
name; they hold for all of its runs. A command that was stopped goes on where it was.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cells import Cell, markdown, parser, run_all

import skelf

STREAMS = ("joint", "motion", "bone")
MINING = {"aimclr": "mining_epoch", "crossclr": "cross_epoch", "aimclr_cross": "mining_epoch"}
_ABLATION = (  # AimCLR's Table 1
    ("normal views only", "skeletonclr", ()),
    ("extreme views only", "skeletonclr", ("views.extreme=true",)),
    ("normal + extreme", "aimclr", ("method.eadm=false", "method.nnm=false")),
    ("normal + extreme + EADM", "aimclr", ("method.nnm=false",)),
    ("normal + extreme + EADM + NNM", "aimclr", ()),
)


def cells(table: str, args: Namespace) -> Iterator[Cell]:
    """The runs of a table."""
    for seed in range(args.seeds):
        if table == "ablation":
            for row, method, extra in _ABLATION:
                yield _cell(row, method, seed, args, extra)
            continue
        for method in args.methods.split(","):
            if method in ("crossclr", "aimclr_cross"):
                yield _cell(f"{method} all", method, seed, args, judged="all")
                continue
            for stream in STREAMS:
                yield _cell(f"{method} {stream}", method, seed, args, stream=stream)


def _cell(
    row: str, method: str, seed: int, args: Namespace, extra: tuple[str, ...] = (), **others: str
) -> Cell:
    # The second stage starts halfway, as in the papers (150 of 300 epochs).
    half = (f"method.{MINING[method]}={args.mining_epoch}",) if method in MINING else ()
    return Cell(row, method, seed, (*half, *extra, *args.settings), **others)


def fused(planned: list[Cell], args: Namespace) -> list[dict[str, Any]]:
    """Rows of the late fusion of each method's three streams, seed by seed."""
    folder, rows = Path(args.out) / Path(args.data).stem / args.split, []
    single = [cell for cell in planned if cell.judged is None]
    for method, seed in dict.fromkeys((cell.method, cell.seed) for cell in single):
        runs = [cell for cell in single if (cell.method, cell.seed) == (method, seed)]
        for weights in ("trained", "untrained"):
            scores = [
                folder / cell.key / f"{weights}_{cell.stream}.linear.scores.npz" for cell in runs
            ]
            rows += [row | {"row": f"{method} fused"} for row in skelf.fuse(scores)]
    return rows


def main() -> None:
    """Runs the cells of a table and prints it."""
    arguments = parser(
        __doc__, ("main", "ablation"), Path(__file__).parent / "contrastive_small.toml"
    )
    arguments.add_argument("--methods", default="skeletonclr,aimclr,crossclr,aimclr_cross")
    arguments.add_argument("--mining-epoch", type=int, default=5)
    args = arguments.parse_args()
    planned = list(cells(args.table, args))
    rows = run_all(planned, args)
    print(markdown(rows + (fused(planned, args) if args.table == "main" else [])))


if __name__ == "__main__":
    main()
