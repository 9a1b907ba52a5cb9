"""How many labels the studio's order saves, by a labeller that knows the truth.

python -m experiments.studio_labels STORE --by subject --test 2,5,8,11 --out FOLDER [--join]

The recordings of the training side are labelled one segment at a time, those of the test side judge
the head: frame accuracy and mAP@0.5. A label is one segment of the truth, pauses between actions
included, as they are labelled "background". In whose order they come:

ours      the segment that the stretch of `next_stretch` lies in, on features of an encoder that was
          pretrained without labels on the training side
random    any segment, each as likely, on the same features; the mean of several draws
uniform   the segments at evenly spaced moments, on the same features; likewise
untrained ours, on the features of the project's ready encoder, which nobody trained
clicked   ours, but of each segment one frame is labelled, and its borders are those of `grow`

A seed is one of the encoder and of what is drawn. A row is written as soon as it is known; runs and
rows that are there are not made again. `--join` makes recordings of cut clips: all clips of one
person before one camera, in random order.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from skelf.data.clips import ClipSet
from skelf.studio.model.encoding import known
from skelf.studio.model.ready import ready

from .curves import Row, draw, show
from .judging import judged
from .orders import ORDERS, Order, budgets
from .recordings import Task, pretrained, sides, task


def rows_of(how: argparse.Namespace, train: ClipSet, test: ClipSet) -> list[Row]:
    """All rows of the store; those that are not there yet are made and written."""
    file = how.out / f"{how.store.stem}.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    for seed in how.seeds:
        tasks: dict[bool, Task] = {}
        for name, order in ORDERS.items():
            began = time.process_time()
            for draw_ in range(order.draws):
                key = {"order": name, "seed": seed, "draw": draw_}
                there = {row["budget"] for row in rows if key.items() <= row.items()}
                if -1 in there:  # the end of a walk
                    continue
                if order.pretrained not in tasks:
                    tasks[order.pretrained] = encoded(how, order.pretrained, seed, train, test)
                for row in walked(tasks[order.pretrained], order, seed, draw_, there):
                    rows.append(key | row)
                    with file.open("a") as out:
                        out.write(json.dumps(rows[-1]) + "\n")
            seconds = time.process_time() - began
            print(f"{how.store.stem} {name} {seed}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return [row for row in rows if row["budget"] > 0 and row["seed"] in how.seeds]


def walked(task: Task, order: Order, seed: int, draw: int, there: set[int]) -> Iterator[Row]:
    """Rows of one walk that are not there yet, and -1 at its end."""
    total = len(task.truth)
    marks = [n for n in budgets(total) if n <= order.most * total and n not in there]
    for point in order.walk(task, marks, 100 * draw + seed):
        accuracy, value = judged(point.learnt, task)
        yield {
            "budget": point.budget, "labels": point.labels, "of": total,
            "accepted": point.accepted, "frame_accuracy": accuracy, "map@0.5": value,
        }  # fmt: skip
    yield {"budget": -1}


def encoded(
    how: argparse.Namespace, is_pretrained: bool, seed: int, train: ClipSet, test: ClipSet
) -> Task:
    """Both sides by the encoder of a seed."""
    make, kind = (pretrained, "pretrained") if is_pretrained else (ready, "untrained")
    return task(known(make(train, how.out / f"{how.store.stem}_{kind}_{seed}", seed)), train, test)


def numbers(text: str) -> list[int]:
    """Whole numbers with commas between them."""
    return [int(number) for number in text.split(",")]


def main() -> None:
    """Makes what is missing, prints the tables, draws the curves."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.studio_labels", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--by", choices=("subject", "recording"), default="subject")
    parser.add_argument("--test", required=True, help="numbers of the test side, with commas")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--join", action="store_true", help="make recordings of cut clips")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="with commas")
    parser.add_argument("--picture", type=Path, help="default: STORE.svg in the folder")
    how = parser.parse_args()
    how.out.mkdir(parents=True, exist_ok=True)
    train, test = sides(how.store, how.by, how.test, how.join)
    rows = rows_of(how, train, test)
    show(rows)
    draw(rows, how.store.stem, how.picture or how.out / f"{how.store.stem}.svg")


if __name__ == "__main__":
    main()
