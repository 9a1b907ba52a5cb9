"""Whether signs without labels order checkpoints as k-NN and a linear probe do.

python experiments/signs.py STORE... --split SPLIT --out FOLDER [--methods usdrl,skeletonclr,pcm3]

Short runs are trained on the training side of the split and read every few epochs, as
`train.monitor_every` does; a linear probe judges each of these checkpoints on the other side. For
each sign Spearman's correlation with both accuracies is printed: over the readings of a run (the
mean of the runs, and how many of them are above 0), then over those of all runs of a method on a
store, and what stopping by the highest rank would have given. Runs that are there are not trained
again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import skelf
from skelf.training.log import read_log

COMMON = (
    "encoder.dim=64", "encoder.frames=32", "data.normalize=root+facing-frames",
    "train.batch_size=32", "train.optimizer=adam", "train.schedule=cosine",
    "train.warmup_epochs=1", "train.precision=fp32", "train.keep=1000",
)  # fmt: skip
QUEUE = ("method.queue=128", "method.momentum=0.99")
SETTINGS = {
    "usdrl": ("encoder.name=sttr",),
    "skeletonclr": ("encoder.name=sttr", "method.form=paper", "method.temperature=0.1", *QUEUE),
    "pcm3": ("encoder.layers=1", "views.mask_segment=4", *QUEUE),
}
RATES = {"usdrl": 2e-3, "skeletonclr": 1e-3, "pcm3": 1e-2}
PROBE = ("eval.standardize=true", "eval.lr=0.01", "eval.batch_size=64", "eval.epochs=60")
SIGNS = ("effective_rank", "uniformity", "alignment", "frame_rank")
JUDGES = ("knn_top1", "linear_top1")
Reading = dict[str, float]


def judged(
    run: Path, method: str, store: Path, how: argparse.Namespace, seed: int, rate: float
) -> list[Reading]:
    """A run's readings, the one before training first, with the probe's accuracy in each."""
    file = run / "readings.json"
    if file.exists():
        return json.loads(file.read_text())
    lr = f"train.lr={rate * RATES[method]:g}"
    every = [f"train.{key}={how.every}" for key in ("monitor_every", "save_every")]
    skelf.pretrain(
        method, store, out=run, split=how.split, seed=seed, resume=run.exists(),
        overrides=(*COMMON, *SETTINGS[method], lr, f"train.epochs={how.epochs}", *every),
    )  # fmt: skip
    read = [event for event in read_log(run) if event["event"] == "monitor"]
    for event in read:
        untrained = event["epoch"] < 0
        folder = run if untrained else run / "checkpoints" / f"step{event['step']:08d}"
        rows = skelf.evaluate(
            ["linear"], folder, store, split=how.split, untrained=untrained, overrides=PROBE,
            seed=seed, device="cpu",
        )  # fmt: skip
        (event["linear_top1"],) = (
            row["value"] for row in rows if (row["metric"], row["selection"]) == ("top1", "last")
        )
    file.write_text(json.dumps(read))
    return read


def correlation(readings: list[Reading], sign: str, judge: str) -> float:
    """Spearman's; NaN where one of the two never changes."""
    pairs = np.array([(reading[sign], reading[judge]) for reading in readings])
    if len(pairs) < 3 or (np.ptp(pairs, axis=0) == 0).any():
        return float("nan")
    return float(spearmanr(*pairs.T).statistic)


def within(runs: list[list[Reading]], sign: str, judge: str) -> str:
    """Of each run by itself: the mean, and how many of the runs are above 0."""
    values = np.array([correlation(run, sign, judge) for run in runs])
    known = values[np.isfinite(values)]
    return f"{known.mean():+.2f} ({(known > 0).sum()}/{len(known)})" if len(known) else "–"


def between(runs: list[list[Reading]], sign: str, judge: str) -> str:
    """Over all checkpoints of all runs."""
    return f"{correlation([reading for run in runs for reading in run], sign, judge):+.2f}"


def stopped(runs: list[list[Reading]], by: str) -> str:
    """The probe's accuracy in percent where `by` is highest, the mean of the runs."""
    return f"{100 * np.mean([max(run, key=lambda r: r[by])['linear_top1'] for run in runs]):.1f}"


def show(kinds: dict[tuple[str, str], dict[str, list[Reading]]]) -> None:
    """The tables; correlations leave out the reading before training, which most others exceed."""
    columns = (*JUDGES, *SIGNS)
    print(f"| run | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
    for runs in kinds.values():
        for name, run in runs.items():
            cells = [f"{run[0][key]:.3g} → {run[-1][key]:.3g}" for key in columns]
            print(f"| {name} | {' | '.join(cells)} |")
    trained = {kind: [run[1:] for run in runs.values()] for kind, runs in kinds.items()}
    for judge in JUDGES:
        print(f"\n| {judge} | " + " | ".join(SIGNS) + " |\n|---|" + "---|" * len(SIGNS))
        for kind, runs in trained.items():
            cells = [f"{within(runs, s, judge)}, {between(runs, s, judge)}" for s in SIGNS]
            print(f"| {', '.join(kind)} | {' | '.join(cells)} |")
    print("\n| linear_top1 | before training | last | highest rank | highest k-NN | best |")
    print("|---|---|---|---|---|---|")
    for kind, runs in kinds.items():
        ends = [np.mean([run[at]["linear_top1"] for run in runs.values()]) for at in (0, -1)]
        by = [stopped(trained[kind], key) for key in ("effective_rank", "knn_top1", "linear_top1")]
        print(f"| {', '.join(kind)} | {' | '.join([f'{100 * e:.1f}' for e in ends] + by)} |")


def main() -> None:
    """Trains what is missing and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--split", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", default=",".join(SETTINGS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--rates", default="1,10", help="times each method's learning rate")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--every", type=int, default=3)
    how = parser.parse_args()
    began = time.perf_counter()
    kinds: dict[tuple[str, str], dict[str, list[Reading]]] = {}
    for store in how.stores:
        for method in how.methods.split(","):
            kinds[store.stem, method] = runs = {}
            for rate, seed in product(how.rates.split(","), how.seeds.split(",")):
                name = f"{store.stem} {method} {rate} {seed}"
                run = how.out / name.replace(" ", "_")
                runs[name] = judged(run, method, store, how, int(seed), float(rate))
                print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    show(kinds)


if __name__ == "__main__":
    main()
