"""Sizes at which every method of `METHODS` is built in a moment; a new one adds its lines here.

`test_methods.py` shows by them what all methods have in common, other files take them for theirs.
"""

from __future__ import annotations

from skelf.contracts import Method
from skelf.encoders import ENCODERS
from skelf.methods import METHODS
from skelf.runs.build import build_method
from skelf.settings.run import resolve
from skelf.skeleton import Skeleton

QUEUE = ("method.queue=12", "method.feature=8")

STGCN = ("encoder.name=stgcn", "encoder.width=4", "encoder.dropout=0")
GRU = ("encoder.name=gru", "encoder.dim=8", "encoder.layers=1")
TCN = ("encoder.name=tcn", "encoder.dim=16", "encoder.layers=2")
PATCHES = ("encoder.name=patches", "encoder.dim=16", "encoder.heads=2", "encoder.layers=1")

# Encoder (with what keeps it small) and own settings; chance inside an encoder is off, since two
# processes draw other numbers than one.
CASES: dict[str, tuple[str, ...]] = {
    "usdrl": ("encoder.name=sttr", "encoder.dim=8"),
    "skeletonclr": (*STGCN, *QUEUE),
    "aimclr": (*STGCN, *QUEUE),
    "crossclr": (*STGCN, *QUEUE),
    "aimclr_cross": (*STGCN, *QUEUE),
    "pcm3": (*GRU, *QUEUE),
    "partwhole": TCN,
    "barlow": (*STGCN, "method.projection=12"),
    "vicreg": (*TCN, "method.projection=12"),
    "byol": (*STGCN, "method.projection=12", "method.feature=8", "method.momentum=0.9"),
    "umurl": ("encoder.name=fused", "encoder.dim=8"),
    "predict_cluster": (*GRU, "encoder.causal=false", "views.crop=[0.7,1]"),
    "longt_gan": (*GRU, "encoder.causal=false", "method.critic=8"),
    "jigsaw": (*GRU, "method.width=16"),
    "order": TCN,
    "ms2l": (*GRU, "method.width=16", "method.feature=8"),
    "skelemixclr": (*STGCN, *QUEUE),
    "isc": (*STGCN, "method.partner=gru", "method.partner_dim=8", *QUEUE),
    "actclr": (*STGCN, "method.nearest=8", *QUEUE),
    "cmd": (*GRU, *QUEUE),
    "hiclr": (*STGCN, *QUEUE),
    "mamp": (*PATCHES, "method.decoder_layers=1"),
    "skeletonmae": (*PATCHES, "method.decoder_layers=1"),
    "sjepa": (*PATCHES, "method.predictor_layers=1"),
}
# What makes two processes one: BatchNorm over the whole batch, where the method has the switch.
WITHOUT = ("usdrl", "umurl", "mamp", "skeletonmae", "sjepa")
TOGETHER = dict.fromkeys(CASES, ("method.sync_bn=true",)) | dict.fromkeys(WITHOUT, ())
SINGLE = {"usdrl"}  # whose projectors are float32, whatever comes
# Several encoders or views of ST-GCN at once.
SLOW = {"crossclr", "aimclr_cross", "byol", "skelemixclr", "actclr", "hiclr"}
# Methods whose views do not simply lie clip after clip; another file shows that two train as one.
ELSEWHERE = {"pcm3": "test_pcm3_runs.py", "partwhole": "test_distributed.py"}


def own(name: str) -> list[str]:
    """The method's own settings, which fit any encoder that it takes."""
    return [setting for setting in CASES[name] if setting.startswith("method.")]


def usual(name: str) -> str:
    """Its usual encoder."""
    return next(s for s in CASES[name] if s.startswith("encoder.name=")).partition("=")[2]


def overrides(name: str, *more: str) -> list[str]:
    return ["encoder.frames=16", "train.precision=fp32", *CASES[name], *more]


def small(
    name: str,
    skeleton: Skeleton,
    *more: str,
    channels: int = 3,
    persons: int = 1,
    confidence: bool = False,
) -> Method:
    """The method at its small size, on clips of `channels` numbers a joint."""
    config = resolve(name, methods=METHODS, encoders=ENCODERS, overrides=overrides(name, *more))
    taken = {
        "skeleton": skeleton.to_dict(), "channels": channels, "persons": persons,
        "stream": "joint", "confidence": confidence,
    }  # fmt: skip
    return build_method(config, taken, "config")
