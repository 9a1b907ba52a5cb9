"""Timing two or more ways of one thing against each other."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

# One step: calls `lap(name)` after each of its parts.
Step = Callable[[Callable[[str], None]], None]


class Effort(NamedTuple):
    """How much to measure: which sizes, how often, on how many threads, in which precision.

    No sizes: each benchmark's usual ones. With `bf16` skelf's side, where it knows it, and the peak
    are in bfloat16; the plain side is in float32 always.
    """

    sizes: tuple[str, ...] = ()
    repeats: int = 7
    threads: tuple[int, ...] = (1, 2)
    bf16: bool = False

    def said(self) -> dict[str, Any]:
        """What a row tells of it."""
        return {"repeats": self.repeats, "precision": "bf16" if self.bf16 else "fp32"}


class Times(NamedTuple):
    """Medians in seconds: of the whole, of the processor's time for it, of each part."""

    wall: float
    processor: float
    parts: dict[str, float]


WARM = 3
"""Rounds that do not count: a process takes as many steps to hold all the memory that it needs."""


def interleaved(steps: dict[str, Step], repeats: int, warm: int = WARM) -> dict[str, Times]:
    """Runs the steps in turn, `repeats` times after `warm` that do not count; medians of each.

    In turn, so that what else the machine does meets all of them; the processor's time beside the
    wall's, since it hardly feels other programs.
    """
    seen: dict[str, list[tuple[float, float, dict[str, float]]]] = {name: [] for name in steps}
    for repeat in range(repeats + warm):
        for name, step in steps.items():
            measured = _once(step)
            if repeat >= warm:
                seen[name].append(measured)
    return {name: _medians(runs) for name, runs in seen.items()}


def _once(step: Step) -> tuple[float, float, dict[str, float]]:
    parts: dict[str, float] = {}
    start, processor = time.perf_counter(), time.process_time()
    last = processor

    def lap(name: str) -> None:
        nonlocal last
        now = time.process_time()
        parts[name] = parts.get(name, 0.0) + now - last
        last = now

    step(lap)
    return time.perf_counter() - start, time.process_time() - processor, parts


def _medians(runs: list[tuple[float, float, dict[str, float]]]) -> Times:
    wall, processor, parts = zip(*runs, strict=True)
    named = {name: statistics.median(run[name] for run in parts) for name in parts[0]}
    return Times(statistics.median(wall), statistics.median(processor), named)


def compared(times: dict[str, Times], batch: int) -> dict[str, Any]:
    """What a row tells of a plain side, skelf's, and how they compare; `batch` clips a time."""
    row: dict[str, Any] = {"batch": batch}
    for label, one in times.items():
        row |= {f"{label} s": one.wall, f"{label} processor s": one.processor}
        row |= {f"{label} {part} s": seconds for part, seconds in one.parts.items()}
    plain, fast = times["plain"], times["skelf"]
    row["ratio"] = plain.wall / fast.wall
    row["ratio of processor time"] = plain.processor / fast.processor
    return row | {"clips a second": batch / fast.wall}


def peak_memory() -> float:
    """The most memory that this process has held so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def lapped_loss(
    method: Any, part: str, views: tuple[Tensor, ...], lap: Callable[[str], None]
) -> Tensor:
    """The loss of the views, with a lap "forward" where the method's function `part` returns."""
    whole = getattr(method, part)

    def timed(*views: Tensor) -> Any:
        made = whole(*views)
        lap("forward")
        return made

    setattr(method, part, timed)
    try:
        return method(*views)["loss"]
    finally:
        delattr(method, part)
