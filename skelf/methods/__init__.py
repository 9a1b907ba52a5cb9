"""Methods: how an encoder is pretrained without labels.

`contracts.Method` says what they have in common, and `contracts.Staged` what one has besides whose
loss depends on the epoch. What `views` is annotated with is what `views.*` of a config sets.
`OFFICIAL` names, for a method with released weights, what reads and writes their layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..tables import Table

if TYPE_CHECKING:
    from ..contracts import Method, Release

METHODS: Table[Callable[..., Method]] = Table(
    __name__,
    {
        "usdrl": "usdrl.USDRL",
        "skeletonclr": "skeletonclr.SkeletonCLR",
        "aimclr": "aimclr.AimCLR",
        "crossclr": "crossclr.CrosSCLR",
        "aimclr_cross": "aimclr_cross.AimCLRCross",
        "pcm3": "pcm3.PCM3",
        "partwhole": "partwhole.PartWhole",
        "barlow": "barlow.Barlow",
        "vicreg": "vicreg.VICReg",
        "byol": "byol.BYOL",
        "umurl": "umurl.UmURL",
        "predict_cluster": "predict_cluster.PredictCluster",
        "longt_gan": "longt_gan.LongTGAN",
        "jigsaw": "jigsaw.Jigsaw",
        "order": "order.Order",
        "ms2l": "ms2l.MS2L",
        "skelemixclr": "skelemixclr.SkeleMixCLR",
        "isc": "isc.ISC",
        "actclr": "actclr.ActCLR",
        "cmd": "cmd.CMD",
        "hiclr": "hiclr.HiCLR",
        "mamp": "mamp.MAMP",
        "skeletonmae": "skeletonmae.SkeletonMAE",
        "sjepa": "sjepa.SJEPA",
    },
    group="skelf.methods",
)
OFFICIAL: Table[Release] = Table(
    __name__,
    {
        "usdrl": "usdrl_official",
        "skeletonclr": "clr_official.SKELETONCLR",
        "aimclr": "clr_official.AIMCLR",
        "crossclr": "clr_official.CROSSCLR",
        "pcm3": "pcm3_official",
    },
)
