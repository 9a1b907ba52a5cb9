"""Methods: how an encoder is pretrained without labels.

`contracts.Method` says what they have in common, and `contracts.Staged` what one has besides whose
loss depends on the epoch. What `views` is annotated with is what `views.*` of a config sets.
`OFFICIAL` names, for a method with released weights, what reads and writes their layout.
"""

from collections.abc import Callable

from ..contracts import Method, Release
from . import clr_official, pcm3_official, usdrl_official
from .aimclr import AimCLR
from .aimclr_cross import AimCLRCross
from .crossclr import CrosSCLR
from .pcm3 import PCM3
from .skeletonclr import SkeletonCLR
from .usdrl import USDRL

METHODS: dict[str, Callable[..., Method]] = {
    "usdrl": USDRL,
    "skeletonclr": SkeletonCLR,
    "aimclr": AimCLR,
    "crossclr": CrosSCLR,
    "aimclr_cross": AimCLRCross,
    "pcm3": PCM3,
}
OFFICIAL: dict[str, Release] = {
    "usdrl": usdrl_official,
    "skeletonclr": clr_official.SKELETONCLR,
    "aimclr": clr_official.AIMCLR,
    "crossclr": clr_official.CROSSCLR,
    "pcm3": pcm3_official,
}
