"""From a label to new suggestions: what the studio waits for after each action of the person.

    python -m benchmarks.studio_label [--hours 1] [--classes 12] [--threads 2]

Recordings of ten minutes at 30 frames a second, with features as an encoder gives them: a class is
a place of its own, a moment is near it. For several numbers of labels: the head trained again and
all suggestions, then the next stretch, then the expected accuracy, which the page shows later.
Medians of the wall's and the processor's time; the memory is what a fresh process holds more for
the table and all of this, at most.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from skelf.studio.labels.segment import Segment
from skelf.studio.model import Learnt, Table, expected, learn, next_stretch, suggest
from skelf.studio.model.features import Kept, tabled
from skelf.studio.model.stretches import cut

from .fresh import fresh, peak_of
from .machine import describe

MINUTES, FPS, STEP, DIM = 10, 30, 3, 384
LABELS = (5, 50, 500)
REPEATS = 3


def drawn(hours: float, classes: int) -> tuple[Table, list[Segment]]:
    """A table of recordings in which something new happens every one to five seconds."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(classes, DIM)).astype(np.float32)
    kept, segments, bins = [], [], MINUTES * 60 * FPS // STEP
    names = [f"r{at}" for at in range(max(1, round(hours * 60 / MINUTES)))]
    for name in names:
        values, at = np.empty((bins, DIM), np.float32), 0
        while at < bins:
            end, label = min(bins, at + int(random.integers(10, 50))), int(random.integers(classes))
            noise = random.standard_normal((end - at, DIM), np.float32)
            own = random.standard_normal(DIM, np.float32)
            values[at:end] = centres[label] + own + noise
            segments.append(Segment(f"{name}:{at}", name, at * STEP, end * STEP, f"class {label}"))
            at = end
        kept.append(Kept(values.astype(np.float16), cut(values, FPS / STEP), STEP))
    rows = [(bins * STEP, float(FPS))] * len(names)
    return tabled(names, rows, kept), [segments[at] for at in random.permutation(len(segments))]


def measured(hours: float, classes: int, threads: int) -> list[dict[str, float]]:
    """A row for each number of labels."""
    with threadpool_limits(threads):
        table, segments = drawn(hours, classes)
        gc.freeze()  # as the studio does: what libraries hold is not gone through again
        return [row(table, segments[:count]) for count in LABELS]


def row(table: Table, given: list[Segment]) -> dict[str, float]:
    """Seconds that follow the last of some labels."""
    before, learnt = learn(table, given[:-1]), learn(table, given)
    assert before is not None
    suggest(table, before, given[:-1])  # what the label before left behind
    wall, processor = timed(lambda: answer(table, given, before))
    return {
        "labels": len(given),
        "suggestions s": wall,
        "processor s": processor,
        "next stretch s": timed(lambda: next_stretch(table, learnt, given))[0],
        "expected s": timed(lambda: expected(table, given), 1)[0],
    }


def answer(table: Table, given: list[Segment], before: Learnt | None) -> int:
    """What follows a label."""
    learnt = learn(table, given, before=before)
    assert learnt is not None
    return len(suggest(table, learnt, given))


def timed(work: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Medians of wall and processor seconds."""
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(processors)


def memory(hours: float, classes: int) -> float:
    """GiB for the table and what follows a label."""
    table, segments = drawn(hours, classes)
    given = segments[: LABELS[-1]]
    answer(table, given[:9], None)  # what libraries hold counts not
    again = peak_of(lambda: (answer(table, given, None), next_stretch(table, None, given)))
    held = sum(values.nbytes for values in table.values) + table.vectors.nbytes
    return again + held / 2**30


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--classes", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    how = parser.parse_args()
    for name, value in describe().items():
        print(f"- {name}: {value}")
    rows = measured(how.hours, how.classes, how.threads)
    print(f"\n| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for one in rows:
        print(f"| {' | '.join(f'{value:.3g}' for value in one.values())} |")
    print(f"\nmemory: {fresh(memory, how.hours, how.classes):.3f} GiB")


if __name__ == "__main__":
    main()
