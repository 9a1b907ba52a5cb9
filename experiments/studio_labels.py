"""How many labels the studio's order saves, by a labeller that knows the truth.

python experiments/studio_labels.py STORE --by subject --test 2,5,8,11 --out FOLDER [--join]

The recordings of the training side are labelled one segment at a time, those of the test side judge
the head: frame accuracy and mAP@0.5. A label is one segment of the truth, pauses between actions
included, as they are labelled "background". In whose order they come:

ours      the segment that the stretch of `next_stretch` lies in, on features of an encoder that was
          pretrained without labels on the training side
random    any segment, each as likely, on the same features
uniform   the segments at evenly spaced moments, on the same features
untrained ours, on the features of the project's ready encoder, which nobody trained
clicked   ours, but of each segment one frame is labelled, and its borders are those of `grow`

Runs, features and rows that are there are not made again. `--join` makes recordings of cut clips:
all clips of one person before one camera, in random order.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import skelf
from skelf.data.clips import ClipSet
from skelf.metrics.detection import mean_ap
from skelf.metrics.segmentation import frame_accuracy
from skelf.opening import prepared
from skelf.protocols.recordings import find
from skelf.protocols.rules import Rules
from skelf.protocols.windows import frame_labels
from skelf.studio.labels.segment import Segment
from skelf.studio.model import (
    BACKGROUND,
    Learnt,
    Stretch,
    Table,
    grow,
    learn,
    next_stretch,
    suggest,
)
from skelf.studio.model.encoding import Known, known
from skelf.studio.model.features import Kept, made, tabled
from skelf.studio.model.ready import normalization, ready, windows
from skelf.studio.model.suggesting import columns

ORDERS = ("ours", "random", "uniform", "untrained", "clicked")
SHARES = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.16, 0.2, 0.24, 0.3, 0.4, 0.5, 0.7)
SHORTEST_PAUSE = 0.2  # seconds; nobody labels a shorter one
STEPS = 187  # of the pretraining, about
MOST = 0.3  # of all labels in the studio's order
Row = dict[str, object]
Report = Callable[[list[Segment], Learnt, int], None]


@dataclass(frozen=True)
class Task:
    """Recordings of both sides, by one encoder.

    Args:
        table: of the training side.
        truth: all segments of the training side, pauses included: what a label may be.
        test: features of the test recordings, reduced as the table's.
        clips: the test recordings.
    """

    table: Table
    truth: list[Segment]
    test: list[np.ndarray]
    clips: ClipSet


def joined(clips: ClipSet, seed: int = 0) -> ClipSet:
    """One recording of all clips of a person and a camera, in random order."""
    random = np.random.default_rng(seed)
    frames, lengths, segments, people = [], [], [], []
    pairs = sorted({*zip(clips.subject.tolist(), clips.camera.tolist(), strict=True)})
    for number, (subject, camera) in enumerate(pairs):
        own = np.flatnonzero((clips.subject == subject) & (clips.camera == camera))
        at = 0
        for row in random.permutation(own[clips.length[own] >= 8]).tolist():
            frames.append(clips.clip(row))
            end = at + len(frames[-1])
            segments.append((number, at, end, int(clips.label[row])))
            at = end
        lengths.append(at)
        people.append(subject)
    return ClipSet.build(
        np.concatenate(frames), lengths, clips.skeleton, class_names=clips.class_names,
        fps=float(clips.fps[0]), subject=np.array(people), segments=np.array(segments),
        attributes=clips.attributes,
    )  # fmt: skip


def whole_truth(clips: ClipSet) -> list[Segment]:
    """Every segment, and every pause between them as background."""
    found = []
    for number, frames in enumerate(clips.length.tolist()):
        own = clips.segments[clips.segments[:, 0] == number]
        own = own[np.argsort(own[:, 1], kind="stable")]
        shortest, at, name = SHORTEST_PAUSE * float(clips.fps[number]), 0, f"r{number}"
        for _, start, end, label in [*own.tolist(), (number, frames, frames, -1)]:
            if start - at >= shortest:
                found.append(Segment(f"{name}:{at}", name, at, start, BACKGROUND))
            if end > start:
                found.append(Segment(f"{name}:{start}", name, start, end, clips.class_names[label]))
            at = max(at, end)
    return found


def features(encoder: Known, clips: ClipSet) -> list[Kept]:
    """The features of each recording."""
    return [made(encoder, clips.take([at])) for at in range(len(clips))]


def pretrained(train: ClipSet, out: Path, seed: int) -> Path:
    """An encoder trained without labels on windows of the training recordings."""
    if not (out / "checkpoints").exists():
        some = windows(prepared(train, normalization(train)))
        epochs = max(2, round(STEPS * 64 / len(some)))
        how = (f"train.epochs={epochs}", "train.precision=fp32", "train.save_every=1000")
        skelf.pretrain("partwhole", some, out=out, seed=seed, overrides=how)
    return out


def task(encoder: Known, train: ClipSet, test: ClipSet) -> Task:
    """Both sides' features."""
    names = [f"r{at}" for at in range(len(train))]
    rows = [(int(n), float(fps)) for n, fps in zip(train.length, train.fps, strict=True)]
    table = tabled(names, rows, features(encoder, train))
    other = [table.reduction.of(kept.features) for kept in features(encoder, test)]
    return Task(table, whole_truth(train), other, test)


def judged(learnt: Learnt, task: Task) -> tuple[float, float]:
    """Frame accuracy and mAP@0.5 of the test recordings."""
    test, names = task.clips, [name for name in learnt.class_names if name != BACKGROUND]
    column = [0, *(1 + test.class_names.index(name) for name in names)]
    spoken = []
    asked = Learnt(
        Table(task.table.names, test.length, test.fps, task.table.step, tuple(task.test),
              task.table.stretches, task.table.reduction),
        learnt.class_names, learnt.head, learnt.labels,
    )  # fmt: skip
    for at, frames in enumerate(test.length.tolist()):
        p = np.zeros((len(task.test[at]), len(test.class_names) + 1))
        p[:, column] = columns(asked, at)
        spoken.append(to_frames(p, frames, int(task.table.step[0])))
    p, rules = np.concatenate(spoken), Rules()
    counts = [rules.counts(float(fps), learnt.short) for fps in test.fps]
    found = find(p, test.length, rules, counts)
    truth = frame_labels(test.length, test.segments)
    value = (
        mean_ap(test.segments, found, 0.5, definition="voc", over="action")
        if len(found[0])
        else 0.0
    )
    return frame_accuracy(truth, p.argmax(axis=1)), value


def to_frames(p: np.ndarray, frames: int, step: int) -> np.ndarray:
    """Bins as frames, linear between their middles."""
    at = np.clip((np.arange(frames) + 0.5) / step - 0.5, 0, len(p) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(p) - 1)
    return p[low] + (at - low)[:, None] * (p[high] - p[low])


def ours(task: Task, most: int, report: Report, *, clicked: bool = False) -> None:
    """Labels in the studio's order: where it points, the segment of the truth is given.

    Args:
        task: the recordings.
        most: labels.
        report: told of the labels after each.
        clicked: a frame of the segment is labelled alone, and its borders are those of `grow`.
    """
    given: list[Segment] = []
    passed: list[Stretch] = []
    left, learnt, accepted = {segment.id: segment for segment in task.truth}, None, 0
    while len(given) < most and left:
        one = next_stretch(task.table, learnt, given, passed=passed)
        if one is None:
            return
        own = [s for s in left.values() if s.recording == one.recording]
        inside = [s for s in own if s.overlaps(one.start, one.end)]
        if not inside:
            passed.append(one)
            continue
        best = max(inside, key=lambda s: min(s.end, one.end) - max(s.start, one.start))
        del left[best.id]
        accepted += was_suggested(task, learnt, given, best)
        if clicked:
            middle = (max(best.start, one.start) + min(best.end, one.end)) // 2
            start, end = grow(task.table, best.recording, middle, learnt)
            best = replace(best, start=start, end=end)
        given.append(best)
        learnt = learn(task.table, given, before=learnt)
        assert learnt is not None
        report(given, learnt, accepted)


def was_suggested(
    task: Task, learnt: Learnt | None, given: list[Segment], segment: Segment
) -> bool:
    """Whether the page showed this very segment already, by half of what both cover."""
    if learnt is None:
        return False
    for one in suggest(task.table, learnt, given, only=[segment.recording]):
        both = min(one.end, segment.end) - max(one.start, segment.start)
        either = max(one.end, segment.end) - min(one.start, segment.start)
        if one.label == segment.label and 2 * both >= either:
            return True
    return False


def in_order(order: Sequence[Segment]) -> Callable[..., None]:
    """Labels as they come."""

    def label(task: Task, most: int, report: Report) -> None:
        for count in budgets(len(task.truth)):
            if count <= most:
                learnt = learn(task.table, order[:count])
                assert learnt is not None
                report(list(order[:count]), learnt, 0)

    return label


def uniform(task: Task, most: int, report: Report, seed: int) -> None:
    """For each budget anew: the segments at evenly spaced moments of all recordings."""
    random = np.random.default_rng(seed)
    first = np.cumsum(task.table.frames) - task.table.frames
    total = int(task.table.frames.sum())
    for count in budgets(len(task.truth)):
        moments = ((np.arange(count) + random.random()) / count * total).astype(int)
        given: dict[str, Segment] = {}
        for moment in moments.tolist():
            number = int(np.searchsorted(first, moment, side="right")) - 1
            at, name = moment - int(first[number]), task.table.names[number]
            given |= {s.id: s for s in task.truth if s.recording == name and s.overlaps(at, at + 1)}
        learnt = learn(task.table, list(given.values()))
        if count <= most and learnt is not None:
            report(list(given.values()), learnt, 0)


def budgets(total: int) -> list[int]:
    """Numbers of labels after which is judged."""
    return sorted({max(2, round(share * total)) for share in SHARES} | {total})


def curve(order: str, task: Task, seed: int) -> list[Row]:
    """Rows of one order."""
    rows: list[Row] = []
    total = len(task.truth)
    marks = set(budgets(total))

    def report(given: list[Segment], learnt: Learnt, accepted: int) -> None:
        if len(given) in marks or order == "uniform":
            accuracy, value = judged(learnt, task)
            row: Row = {"order": order, "seed": seed, "labels": len(given), "of": total}
            numbers = {"frame_accuracy": accuracy, "map@0.5": value, "accepted": accepted}
            rows.append(row | numbers)

    if order in ("ours", "untrained", "clicked"):
        ours(task, round(MOST * total), report, clicked=order == "clicked")
    elif order == "uniform":
        uniform(task, total, report, seed)
    else:
        mixed = np.random.default_rng(seed).permutation(total)
        in_order([task.truth[at] for at in mixed])(task, total, report)
    return rows


def sides(how: argparse.Namespace) -> tuple[ClipSet, ClipSet]:
    """Training and test recordings of the store, without those in which nobody is."""
    clips = ClipSet.open(how.store)
    clips = joined(clips) if how.join else clips
    clips = clips.take(np.flatnonzero([bool(clips.clip(at).any()) for at in range(len(clips))]))
    of = clips.subject if how.by == "subject" else np.arange(len(clips))
    is_test = np.isin(of, [int(value) for value in how.test.split(",")])
    return clips.take(np.flatnonzero(~is_test)), clips.take(np.flatnonzero(is_test))


def rows_of(how: argparse.Namespace, train: ClipSet, test: ClipSet) -> list[Row]:
    """All rows of the store; what is there already is read."""
    rows: list[Row] = []
    name = how.store.stem
    for seed in range(how.seeds):
        tasks: dict[str, Task] = {}
        for order in ORDERS:
            file = how.out / f"{name}_{order}_{seed}.json"
            if not file.exists():
                kind = "untrained" if order == "untrained" else "pretrained"
                if kind not in tasks:
                    place = how.out / f"{name}_{kind}_{seed}"
                    if kind == "untrained":
                        encoder = known(ready(train, place, seed))
                    else:
                        encoder = known(pretrained(train, place, seed))
                    tasks[kind] = task(encoder, train, test)
                made_rows = curve(order, tasks[kind], seed)
                file.write_text(json.dumps([{"store": name, **row} for row in made_rows], indent=1))
            rows += json.loads(file.read_text())
            print(
                f"{name} {order} {seed}: {time.process_time():.0f} s", file=sys.stderr, flush=True
            )
    return rows


METRICS = {"frame_accuracy": "frame accuracy", "map@0.5": "mAP@0.5"}


def means(rows: list[Row], order: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and the mean of the seeds, at the budgets that all seeds have."""
    own = [row for row in rows if row["order"] == order]
    total = int(str(rows[0]["of"]))
    by_budget: dict[int, list[float]] = {}
    for row in own:
        near = min(budgets(total), key=lambda count: abs(count - int(str(row["labels"]))))
        by_budget.setdefault(near, []).append(float(str(row[metric])))
    labels = sorted(by_budget)
    return np.array(labels), np.array([np.mean(by_budget[count]) for count in labels])


def needed(labels: np.ndarray, values: np.ndarray, wanted: float) -> float:
    """Labels at which a curve is first as high, linear between its points; NaN: it is never."""
    above = np.flatnonzero(values >= wanted)
    if not len(above):
        return float("nan")
    at = int(above[0])
    if at == 0:
        return float(labels[0])
    share = (wanted - values[at - 1]) / (values[at] - values[at - 1])
    return float(labels[at - 1] + share * (labels[at] - labels[at - 1]))


def show(rows: list[Row]) -> None:
    """Tables: the curves, and how many labels give nine tenths of all."""
    total = int(str(rows[0]["of"]))
    for metric, title in METRICS.items():
        full = means(rows, "random", metric)[1][-1]
        marks = [count for count in budgets(total) if count < 0.5 * total]
        print(f"\n{title}, in percent; all {total} labels: {100 * full:.1f}\n")
        print(f"| labels | {' | '.join(str(count) for count in marks)} | share for 90 % |")
        print(f"|---|{'---|' * (len(marks) + 1)}")
        for order in ORDERS:
            labels, values = means(rows, order, metric)
            there = dict(zip(labels.tolist(), values.tolist(), strict=True))

            share = needed(labels, values, 0.9 * full) / total
            cells = [f"{100 * there[count]:.1f}" if count in there else "" for count in marks]

            enough = "never" if np.isnan(share) else f"{share:.0%}"
            print(f"| {order} | {' | '.join(cells)} | {enough} |")


def draw(rows: list[Row], name: str, file: Path) -> None:
    """Both curves as one picture."""
    from matplotlib.figure import Figure

    total = int(str(rows[0]["of"]))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (metric, title) in zip(figure.subplots(1, 2), METRICS.items(), strict=True):
        full = means(rows, "random", metric)[1][-1]
        for order, style in zip(ORDERS, ("o-", "s--", "^:", "x-.", "d:"), strict=True):
            labels, values = means(rows, order, metric)
            near = labels <= 0.5 * total
            axes.plot(100 * labels[near] / total, 100 * values[near], style, label=order, ms=4)
        axes.axhline(90 * full, color="grey", lw=0.8)
        axes.axvline(12, color="grey", lw=0.8)
        axes.set(xlabel=f"labels, percent of {total}", title=f"{name}: {title}, percent")
    axes.legend(frameon=False)
    figure.savefig(file)


def main() -> None:
    """Makes what is missing, prints the tables, draws the curves."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--by", choices=("subject", "recording"), default="subject")
    parser.add_argument("--test", required=True, help="numbers of the test side, with commas")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--join", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--picture", type=Path)
    how = parser.parse_args()
    how.out.mkdir(parents=True, exist_ok=True)
    train, test = sides(how)
    rows = rows_of(how, train, test)
    show(rows)
    draw(rows, how.store.stem, how.picture or how.out / f"{how.store.stem}.svg")


if __name__ == "__main__":
    main()
