"""Features of ST-GCN in evaluation, nine clips in ten with one person of two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from . import steps
from .timing import Effort, Step, interleaved


def pair(size: str) -> tuple[nn.Module, nn.Module, Tensor]:
    """skelf's encoder, the reference's with equal weights, and clips `(N, C, T, V, M)`."""
    method, plain = steps.pair("skeletonclr", size)
    s = steps.SIZES[size]
    x = torch.randn(s["batch"], 3, s["frames"], method.encoder.skeleton.joints, s["persons"])
    x[torch.arange(len(x)) % 10 > 0, ..., 1:] = 0
    return method.encoder.eval(), plain.encoder_q.eval(), x


@torch.no_grad()
def plain_features(encoder: Any, x: Tensor) -> Tensor:
    maps = encoder.maps(x)
    return maps.mean(dim=(2, 3)).view(-1, x.shape[4], maps.shape[1]).mean(dim=1)


def stgcn(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Clips a second of the encoder alone."""
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        fast, slow, x = pair(size)
        with torch.no_grad():
            for threads in effort.threads:
                torch.set_num_threads(threads)
                each: dict[str, Step] = {
                    "plain": _step(lambda slow=slow, x=x: plain_features(slow, x)),
                    "skelf": _step(lambda fast=fast, x=x: fast(x)),
                }
                times = interleaved(each, effort.repeats)
                row: dict[str, Any] = {"benchmark": "features", "size": size, "threads": threads}
                for label, one in times.items():
                    row |= {f"{label} s": one.wall, f"{label} processor s": one.processor}
                row["ratio"] = times["plain"].wall / times["skelf"].wall
                row["ratio of processor time"] = times["plain"].processor / times["skelf"].processor
                row["clips a second"] = len(x) / times["skelf"].wall
                rows.append(row | {"repeats": effort.repeats, "batch": len(x)})
    torch.set_num_threads(before)
    return rows


def _step(work: Callable[[], Any]) -> Step:
    def step(lap: Callable[[str], None]) -> None:
        work()
        lap("forward")

    return step
