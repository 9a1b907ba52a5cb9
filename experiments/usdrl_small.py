"""USDRL in small on one store: the tables of `docs/results/`, one command each.

    python experiments/usdrl_small.py main --data nw_ucla.h5 --split xview --out runs
    python experiments/usdrl_small.py ablation --data nw_ucla.h5 --split xview --out runs
    python experiments/usdrl_small.py alpha --data nw_ucla.h5 --split xview --out runs

Settings may follow the table's name, as in `main train.epochs=30`; they hold for all of its runs.
Tables share runs, so run one table at a time; a command that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cells import Cell, markdown, parser, run_all

# Contrast with negatives comes first: SkeletonCLR's loss on USDRL's encoder and views, and the
# numbers of contrastive_small.toml.
_NEGATIVES = (
    "views.recipe=usdrl", "views.shear=1.0", "method.queue=512", "method.momentum=0.99",
    "method.temperature=0.1", "method.form=paper", "train.optimizer=adam", "train.lr=1e-3",
)  # fmt: skip
_ABLATION = (  # the paper's Table 5
    ("negatives", _NEGATIVES),
    ("VAC", ("method.xc=false", "method.multi_grained=false")),
    ("VAC + XC", ("method.multi_grained=false",)),
    ("VAC + XC + multi-grained", ()),
)
_ALPHA = tuple(  # the paper's Figure 4; 0.5 is the main run
    (f"alpha {alpha}", () if alpha == 0.5 else (f"encoder.alpha={alpha}",))
    for alpha in (0, 0.25, 0.5, 0.75, 1)
)


def cells(
    table: str, seeds: int, streams: list[str], encoders: list[str], settings: list[str]
) -> Iterator[Cell]:
    """The runs of a table."""
    for seed in range(seeds):
        if table == "main":
            for stream in streams:
                for encoder in encoders:
                    named = (f"encoder.name={encoder}", *settings)
                    yield Cell(f"{encoder} {stream}", "usdrl", seed, named, stream)
            continue
        for row, extra in _ABLATION if table == "ablation" else _ALPHA:
            method = "skeletonclr" if row == "negatives" else "usdrl"
            for encoder in encoders if table == "ablation" else ["dste"]:
                named = f"{row}, {encoder}" if table == "ablation" else row
                yield Cell(named, method, seed, (f"encoder.name={encoder}", *extra, *settings))


def main() -> None:
    """Runs the cells of a table and prints it."""
    arguments = parser(
        __doc__, ("main", "ablation", "alpha"), Path(__file__).parent / "usdrl_small.toml"
    )
    arguments.add_argument("--streams", default="joint,motion,bone")
    arguments.add_argument("--encoders", default="dste,sttr")
    args = arguments.parse_args()
    chosen = (args.streams.split(","), args.encoders.split(","), args.settings)
    print(markdown(run_all(list(cells(args.table, args.seeds, *chosen)), args)))


if __name__ == "__main__":
    main()
