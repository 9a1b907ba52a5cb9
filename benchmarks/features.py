"""Features in evaluation: of ST-GCN, nine clips in ten with one person of two, and of DSTE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import steps, usdrl_step
from .timing import Effort, Step, compared, interleaved

Encode = Callable[[Tensor], Tensor]


def stgcn(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Clips a second of AimCLR's encoder."""
    return _rows("features", pair, effort)


def dste(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Clips a second of USDRL's encoder."""
    return _rows("features_usdrl", usdrl_pair, effort)


def pair(size: str) -> tuple[Encode, Encode, Tensor]:
    """skelf's encoder, the reference's with equal weights, and clips `(N, C, T, V, M)`."""
    method, plain = steps.pair("skeletonclr", size)
    encoder, slow = method.encoder.eval(), plain.encoder_q.eval()
    x = _clips(encoder, steps.SIZES[size]["batch"])

    def plain_features(x: Tensor) -> Tensor:
        maps = slow.maps(x)
        return maps.mean(dim=(2, 3)).view(-1, x.shape[4], maps.shape[1]).mean(dim=1)

    return encoder, plain_features, x


def usdrl_pair(size: str) -> tuple[Encode, Encode, Tensor]:
    """The same of USDRL."""
    method, plain = usdrl_step.pair(size)
    encoder, slow = method.encoder.eval(), plain.eval()
    return encoder, slow.pooled, _clips(encoder, usdrl_step.SIZES[size]["batch"])


def _clips(encoder: Any, count: int) -> Tensor:
    shape = (encoder.num_frames, encoder.skeleton.joints, encoder.persons)
    x = torch.randn(count, 3, *shape, generator=torch.Generator().manual_seed(0))
    x[torch.arange(len(x)) % 10 > 0, ..., 1:] = 0
    return x


@torch.no_grad()
def _rows(
    name: str, pair: Callable[[str], tuple[Encode, Encode, Tensor]], effort: Effort
) -> list[dict[str, Any]]:
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        fast, slow, x = pair(size)
        for threads in effort.threads:
            torch.set_num_threads(threads)
            each = {"plain": _step(slow, x, False), "skelf": _step(fast, x, effort.bf16)}
            row = {"benchmark": name, "size": size, "threads": threads} | effort.said()
            rows.append(row | compared(interleaved(each, effort.repeats), len(x)))
    torch.set_num_threads(before)
    return rows


def _step(encode: Encode, x: Tensor, bf16: bool) -> Step:
    def step(lap: Callable[[str], None]) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            encode(x)
        lap("forward")

    return step
