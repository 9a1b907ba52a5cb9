"""Methods: how an encoder is pretrained without labels.

Contract: `Method(encoder, views, ...)` with `.encoder`; `views(x, lengths, generator) -> tuple`;
`forward(*views)` gives a dict with `"loss"` and every named term; `after_step()`. A method whose
loss depends on the epoch also has `start_epoch(epoch)`, epochs counted from 0; the training loop
calls it before each, so that a resumed run is in the right stage. What `views` is annotated with is
what `views.*` of a config sets. `OFFICIAL` names, for a method with released weights, what reads
and writes their layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tables import Table

if TYPE_CHECKING:
    from torch import nn

METHODS: Table[type[nn.Module]] = Table(
    __name__,
    {
        "usdrl": "usdrl.USDRL",
        "skeletonclr": "skeletonclr.SkeletonCLR",
        "aimclr": "aimclr.AimCLR",
        "crossclr": "crossclr.CrosSCLR",
        "aimclr_cross": "aimclr_cross.AimCLRCross",
        "pcm3": "pcm3.PCM3",
    },
)
OFFICIAL: Table[Any] = Table(
    __name__,
    {
        "usdrl": "usdrl_official",
        "skeletonclr": "clr_official.SKELETONCLR",
        "aimclr": "clr_official.AIMCLR",
        "crossclr": "clr_official.CROSSCLR",
        "pcm3": "pcm3_official",
    },
)
