"""What mixed precision gains and costs: a step's loss and gradient in bfloat16 beside float32's.

Here "plain" is skelf's own step in float32, views and optimiser left out; the cosine is that of the
two gradients, over all weights together, from the same weights, views and random draws.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import pcm3_step, steps, usdrl_step
from .timing import Effort, Step, compared, interleaved

SIZES = ("paper", "small", "tiny")


def precision(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Rows of USDRL, AimCLR and PCM3."""
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        for name in ("usdrl", "aimclr", "pcm3"):
            method, views = _drawn(name, size)
            for threads in effort.threads:
                torch.set_num_threads(threads)
                each = {"plain": _step(method, views, False), "skelf": _step(method, views, True)}
                times = interleaved(each, effort.repeats)
                row: dict[str, Any] = {"benchmark": "precision", "size": f"{name}, {size}"}
                row |= {"threads": threads, "repeats": effort.repeats, "precision": "bf16"}
                row |= compared(times, len(views[0]))
                rows.append(row | {"gradient cosine": cosine(method, views)})
            del method, views
            gc.collect()
    torch.set_num_threads(before)
    return rows


def cosine(method: Any, views: Any) -> float:
    """Of the gradients in bfloat16 and in float32."""
    exact, rounded = (_gradient(method, views, bf16) for bf16 in (False, True))
    return float(torch.dot(exact, rounded) / (exact.norm() * rounded.norm()))


def _drawn(name: str, size: str) -> tuple[Any, Any]:
    """A method in training, and views of a batch."""
    generator = torch.Generator().manual_seed(0)
    if name == "usdrl":
        method: Any = usdrl_step.pair(size)[0]
        return method, method.views(*usdrl_step.clips(size), generator)
    if name == "aimclr":
        method = steps.pair(name, size)[0]
        return method, method.views(*steps.clips(size), generator)
    method = pcm3_step.pair(size)[0]
    return method, method.views(*pcm3_step.clips(size), generator)


def _loss(method: Any, views: Any, bf16: bool) -> Tensor:
    torch.manual_seed(0)  # the same masks in both
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss: Tensor = method(*views)["loss"]
    if hasattr(method, "key"):  # the step's keys are not kept
        method.key.queue.waiting = []
    return loss


def _gradient(method: Any, views: Any, bf16: bool) -> Tensor:
    trained = [p for p in method.parameters() if p.requires_grad]
    found = torch.autograd.grad(_loss(method, views, bf16), trained, allow_unused=True)
    return torch.cat([g.flatten().float() for g in found if g is not None])


def _step(method: Any, views: Any, bf16: bool) -> Step:
    def step(lap: Callable[[str], None]) -> None:
        loss = _loss(method, views, bf16)
        lap("forward")
        method.zero_grad()
        loss.backward()
        lap("backward")

    return step
