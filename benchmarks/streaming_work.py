"""Training from a store, in a process of its own.

`python streaming_work.py SIZE STORE STEPS [key=value ...]` pretrains on a store, as the command. It
trains STEPS steps for each line that it reads and answers with seconds and processor seconds of
one step, and with the share of the time in which the loop waited for its next batch.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.training_work import COMMON, SIZES, Done
from skelf.api import pretrain
from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.machine import memory


class Steps:
    """Hears of training steps, and answers a line with the time of the next few.

    Args:
        count: steps for each line.
    """

    def __init__(self, count: int) -> None:
        self.count, self.done, self.waited = count, 0, 0.0
        self.began = 0.0, 0.0

    def wait(self) -> None:
        """Until a line comes."""
        if not sys.stdin.readline():
            raise Done
        self.done, self.waited = 0, 0.0
        self.began = time.perf_counter(), time.process_time()

    def __call__(self, event: dict[str, Any]) -> None:
        """An event of the training loop."""
        self.done += event["event"] == "step"
        if self.done == self.count:
            wall = time.perf_counter() - self.began[0]
            spent = time.process_time() - self.began[1]
            print(
                json.dumps([wall / self.count, spent / self.count, self.waited / wall]), flush=True
            )
            self.wait()

    def timed(self, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batches; how long each was waited for is added up."""
        while True:
            began = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch


def main() -> None:
    size, store, steps, *given = sys.argv[1:]
    warnings.simplefilter("ignore")
    memory.keep_freed()  # as the command does
    method, settings = SIZES[size]
    each = COMMON | settings | {"train.precision": "fp32"}
    overrides = [*(f"{key}={value}" for key, value in each.items()), *given]
    listener, stream = Steps(int(steps)), ClipBatches.stream
    ClipBatches.stream = (  # type: ignore[method-assign]  # of this process alone
        lambda self, *arguments, **others: listener.timed(stream(self, *arguments, **others))
    )
    clips = ClipSet.open(store)
    try:
        with tempfile.TemporaryDirectory() as folder:
            listener.wait()
            pretrain(method, clips, out=Path(folder, "run"), overrides=overrides, listener=listener)
    except Done:
        pass


if __name__ == "__main__":
    main()
