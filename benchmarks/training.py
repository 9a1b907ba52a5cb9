"""Steps of pretraining in small sizes, beside an earlier commit.

    python -m benchmarks training --repeats 9

A step is what the training loop does from a batch's indices to the written log, in the sizes of
`skelf demo` and of experiments/*.toml. `plain` is commit 106fba9 where git has it, else this tree.
The sides take turns, each in a process of its own, on one thread; `plain` is in float32 always.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .sides import ROOT, Side, base_tree, in_turn
from .timing import Effort, compared
from .training_work import BATCH, SIZES

USUAL = tuple(size for size in SIZES if size != "tiny")
CLIPS, STEPS = 640, 5


def training(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Seconds of a step, and of the processor; clips a second."""
    rows = []
    with TemporaryDirectory() as scratch:
        plain = base_tree(Path(scratch))
        for size in effort.sizes:
            given = (size, str(CLIPS), str(STEPS))
            ours = "bf16" if effort.bf16 else "fp32"
            sides = {
                "plain": Side(plain, "training_work.py", (*given, "fp32")),
                "skelf": Side(ROOT, "training_work.py", (*given, ours)),
            }
            times = in_turn(sides, effort.repeats)
            row: dict[str, Any] = {"benchmark": "training", "size": size, "threads": 1}
            rows.append(row | effort.said() | compared(times, BATCH))
    return rows
