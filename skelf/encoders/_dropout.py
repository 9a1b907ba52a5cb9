"""Dropout of ST-GCN's maps by random bits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._images import turn


class Dropout(nn.Dropout):
    """`nn.Dropout` whose mask on a CPU costs a random bit, or byte, an element.

    torch draws a number of its own for each element there, which takes longer than the convolution
    that the mask is for. Bits come from torch's generator, so the state of it that a checkpoint
    keeps is enough to go on as before. Probabilities that are no multiple of 1/256 take torch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`x` with a share of `p` set to 0 and the rest scaled up, in training; else `x`."""
        if not self.training or self.p == 0:
            return x
        mask = self.mask(x)
        if mask is None:
            return super().forward(x)
        B, C, T, V = x.shape
        return x * turn(mask.view(T, V, B, C))

    def mask(self, x: Tensor) -> Tensor | None:
        """What `x` is multiplied by, flat in the order of memory; None: not by this way."""
        of_256 = 256 * (1 - self.p)
        ours = self.training and self.p > 0 and x.device.type == "cpu"
        return keep_mask(x.numel(), int(of_256), x.dtype) if ours and of_256.is_integer() else None


def keep_mask(count: int, kept: int, dtype: torch.dtype) -> Tensor:
    """A mask `(count,)` on the CPU: `256 / kept` with probability `kept / 256`, else 0."""
    per_byte = 8 if kept == 128 else 1
    words = torch.empty(-(-count // (8 * per_byte)), dtype=torch.int64)
    # All 64 bits are random from the smallest number on; without bounds torch draws 63.
    drawn = words.random_(-(2**63), None).view(torch.uint8)
    if per_byte == 8:  # one row for each byte: its bits
        bits = torch.arange(256)[:, None] >> torch.arange(8) & 1
        mask = (bits * 2).to(dtype).index_select(0, drawn.int())
    else:
        mask = (drawn < kept).to(dtype).mul_(256 / kept)
    return mask.view(-1)[:count]
