"""Training in small sizes, in a process of its own, by whichever tree of skelf its path has first.

`python training_work.py SIZE CLIPS STEPS PRECISION` pretrains on synthetic clips, as the command
does. It trains STEPS steps for each line that it reads and answers with seconds and processor
seconds of one step. What an epoch does beside its steps (monitor, checkpoints) is not counted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

BATCH = 64
COMMON = {
    "train.batch_size": BATCH, "train.schedule": "cosine", "train.warmup_epochs": 1,
    "train.monitor_every": 0, "train.save_every": 100_000, "train.epochs": 100_000,
}  # fmt: skip
# Of `skelf demo` and of experiments/*.toml.
DEMO = {
    "data.normalize": "centre", "encoder.dim": 64, "encoder.frames": 24, "views.number": 2,
    "views.crop": "[0.5,1.0]", "views.shear": 0.5, "train.lr": 2e-3,
}  # fmt: skip
USDRL = {"data.normalize": "centre", "encoder.dim": 128, "encoder.frames": 32, "train.lr": 2e-3}
ADAM = {"train.optimizer": "adam", "data.normalize": "root+facing-frames"}
AIMCLR = ADAM | {
    "encoder.dim": 128, "encoder.width": 8, "encoder.frames": 32, "encoder.dropout": 0.0,
    "method.queue": 512, "method.momentum": 0.99, "method.temperature": 0.1,
    "method.form": "paper", "train.lr": 1e-3,
}  # fmt: skip
PCM3 = ADAM | {
    "encoder.dim": 128, "encoder.layers": 2, "encoder.frames": 32, "method.queue": 512,
    "method.momentum": 0.99, "views.mask_segment": 4, "train.lr": 1e-2,
}  # fmt: skip
STTR = {"encoder.name": "sttr"}
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "usdrl demo": ("usdrl", DEMO),
    "usdrl demo sttr": ("usdrl", DEMO | STTR),
    "usdrl small": ("usdrl", USDRL),
    "usdrl small sttr": ("usdrl", USDRL | STTR),
    "aimclr small": ("aimclr", AIMCLR),
    "pcm3 small": ("pcm3", PCM3),
    "tiny": ("usdrl", DEMO | STTR | {"encoder.dim": 8}),
}


class Done(BaseException):
    """There are no more lines; no program's `except Exception` stops it."""


class Steps:
    """Hears of training steps, and answers a line with the time of the next few."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen: list[tuple[float, float]] = []
        self.began = 0.0, 0.0

    def wait(self) -> None:
        """Until a line comes."""
        if not sys.stdin.readline():
            raise Done
        self.began = time.perf_counter(), time.process_time()

    def __call__(self, event: dict[str, Any]) -> None:
        """An event of the training loop."""
        now = time.perf_counter(), time.process_time()
        if event["event"] == "step":
            self.seen.append((now[0] - self.began[0], now[1] - self.began[1]))
        if len(self.seen) == self.count:
            each = zip(*self.seen, strict=True)
            print(json.dumps([sum(column) / self.count for column in each]), flush=True)
            self.seen = []
            self.wait()
        self.began = time.perf_counter(), time.process_time()


def tools() -> tuple[Any, Any]:
    """`pretrain` and `generate` of either tree."""
    try:
        from skelf.data.synthetic.clips import generate
        from skelf.machine import memory
    except ModuleNotFoundError:  # an early commit has them elsewhere
        from skelf import memory  # type: ignore[attr-defined, no-redef]  # an early commit's place
        from skelf.data.synthetic import generate  # type: ignore[attr-defined, no-redef]  # likewise
    from skelf.api import pretrain

    memory.keep_freed()  # as the command does
    return pretrain, generate


def main() -> None:
    size, clips, steps, precision = sys.argv[1:]
    warnings.simplefilter("ignore")
    pretrain, generate = tools()
    method, settings = SIZES[size]
    each = COMMON | settings | {"train.precision": precision}
    overrides = [f"{key}={value}" for key, value in each.items()]
    listener = Steps(int(steps))
    data = generate(clips=int(clips))
    try:
        with tempfile.TemporaryDirectory() as folder:
            listener.wait()
            pretrain(method, data, out=Path(folder, "run"), overrides=overrides, listener=listener)
    except Done:
        pass


if __name__ == "__main__":
    main()
