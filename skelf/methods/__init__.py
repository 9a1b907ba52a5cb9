"""Methods: how an encoder is pretrained without labels.

Contract: `Method(encoder, views, ...)` with `.encoder`; `views(x, lengths, generator) -> tuple`;
`forward(*views)` gives a dict with `"loss"` and every named term; `after_step()`. A method whose
loss depends on the epoch also has `start_epoch(epoch)`, epochs counted from 0; the training loop
calls it before each, so that a resumed run is in the right stage. What `views` is annotated with is
what `views.*` of a config sets. `OFFICIAL` names, for a method with released weights, what reads
and writes their layout.
"""

from typing import Any

from . import clr_official, pcm3_official, usdrl_official
from .aimclr import AimCLR
from .aimclr_cross import AimCLRCross
from .crossclr import CrosSCLR
from .pcm3 import PCM3
from .skeletonclr import SkeletonCLR
from .usdrl import USDRL

METHODS = {
    "usdrl": USDRL,
    "skeletonclr": SkeletonCLR,
    "aimclr": AimCLR,
    "crossclr": CrosSCLR,
    "aimclr_cross": AimCLRCross,
    "pcm3": PCM3,
}
OFFICIAL: dict[str, Any] = {
    "usdrl": usdrl_official,
    "skeletonclr": clr_official.SKELETONCLR,
    "aimclr": clr_official.AIMCLR,
    "crossclr": clr_official.CROSSCLR,
    "pcm3": pcm3_official,
}
