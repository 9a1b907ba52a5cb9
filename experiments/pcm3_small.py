"""PCM3 and PCM3++ in small on one store: the survey's Tables 3 and 4, one command.

    python experiments/pcm3_small.py main --data nw_ucla.h5 --split xview --out runs
    python experiments/pcm3_small.py clip train.epochs=20 --data nw_ucla.h5 --split tune --out runs

main: each row adds a positive pair to the one before: the mixed, the masked, the predicted view
with the gradient to the decoder (PCM3), the clip (PCM3++); the last but one trains on from the one
before by distillation alone; the last is PCM3 on a GRU that runs both ways, which the paper names.
clip: PCM3 with clips of several lengths, for a split whose test side is taken from a training side.
Settings may be given; they hold for all runs. A command that was stopped goes on where it was.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from cells import Cell, markdown, parser, run_all

_NO_DECODER = ("method.mask=false", "method.predict=false", "method.lam_m=0")
_ROWS = (
    ("contrast", ("method.mix=false", *_NO_DECODER)),
    ("+ mix", _NO_DECODER),
    ("+ mask", ("method.predict=false",)),
    ("+ predicted", ("method.guidance=false",)),
    ("+ guidance (PCM3)", ()),
    ("+ clip", ("method.clip=true",)),
)
_CLIPS = (0.125, 0.25, 0.5, 0.75)


def cells(args: Namespace) -> Iterator[Cell]:
    """The runs of the table."""
    if args.table == "clip":
        for seed in range(args.seeds):
            yield Cell("no clip", "pcm3", seed, tuple(args.settings))
            for share in _CLIPS:
                extra = ("method.clip=true", f"views.clip={share}")
                yield Cell(f"clip of {share}", "pcm3", seed, (*extra, *args.settings))
        return
    for seed in range(args.seeds):
        made = [Cell(row, "pcm3", seed, (*extra, *args.settings)) for row, extra in _ROWS]
        refined = (*made[-1].overrides, "method.refine=true", *args.refining.split(","))
        yield from made
        yield Cell("+ post-distillation (PCM3++)", "pcm3", seed, refined, after=made[-1])
        both = ("encoder.causal=false", *args.settings)
        yield Cell("PCM3, both directions", "pcm3", seed, both)


def main() -> None:
    """Runs the cells and prints the table."""
    arguments = parser(__doc__, ("main", "clip"), Path(__file__).parent / "pcm3_small.toml")
    arguments.add_argument(
        "--refining", default="train.epochs=5,train.lr=3e-3", help="settings of the last row"
    )
    args = arguments.parse_args()
    print(markdown(run_all(list(cells(args)), args)))


if __name__ == "__main__":
    main()
