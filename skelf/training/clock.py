"""Where the time of training steps goes, measured without making the device wait."""

from __future__ import annotations

import time
from itertools import pairwise

import torch


class Laps:
    """Seconds of each part of the steps: `laps(part)` where a part ends, the next one beginning.

    On CUDA, work is queued and done later. A part then has two times: the host's, for queueing it,
    and the device's, from events in the queue. They are read in `settle`, so that no step waits for
    them. On a CPU both are the same.

    Args:
        device: the one that computes.
    """

    def __init__(self, device: torch.device) -> None:
        self.host: dict[str, list[float]] = {}
        self.device: dict[str, list[float]] = {}
        self._cuda = device.type == "cuda"
        self._marks: list[tuple[str, float, torch.cuda.Event | None]] = []
        self("begin")

    def __call__(self, part: str) -> None:
        """Ends a part."""
        event = None
        if self._cuda:
            # torch leaves the maker of events untyped.
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
        self._marks.append((part, time.perf_counter(), event))

    def settle(self) -> None:
        """Adds the parts that have ended to `host` and `device`.

        The device must be done with them: right after something that waited for it anyway.
        """
        for (_, began, first), (part, ended, last) in pairwise(self._marks):
            seconds = ended - began
            self.host.setdefault(part, []).append(seconds)
            if first is not None and last is not None:
                seconds = first.elapsed_time(last) / 1000
            self.device.setdefault(part, []).append(seconds)
        del self._marks[:-1]

    def share(self, part: str, seconds: float) -> float:
        """The part's share of `seconds`, on the device."""
        return min(sum(self.device.get(part, ())) / seconds, 1.0) if seconds > 0 else 0.0
