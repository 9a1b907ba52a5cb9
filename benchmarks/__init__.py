"""Speed, side by side: skelf against a plain path, in one run, beside what the machine can do.

`python -m benchmarks` runs them; a further one is a module and a line in `BENCHMARKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import features, pcm3_step, steps
from .timing import Effort

Rows = list[dict[str, Any]]

# name -> what measures it: given the effort and this run's peak in FLOP/s, rows of a table
BENCHMARKS: dict[str, Callable[[Effort, float], Rows]] = {
    "aimclr": steps.aimclr,
    "skeletonclr": steps.skeletonclr,
    "features": features.stgcn,
    "pcm3": pcm3_step.pcm3,
    "pcm3_encoder": pcm3_step.encoder,
}
