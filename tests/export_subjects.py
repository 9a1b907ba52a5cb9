"""Small encoders with heads, as a model folder would hold them, and what is exported of them."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from skelf.encoders import ENCODERS
from skelf.export.options import Export
from skelf.export.subject import Subject
from skelf.export.write import traced
from skelf.inference.heads import Linear
from skelf.inference.needs import needs_of
from skelf.layouts import NTU25

NAMES = ("sit", "wave", "walk")
SIZES = {
    "dste": {"dim": 8, "layers": 1, "frames": 8},
    "sttr": {"dim": 8, "layers": 1, "frames": 8},
    "gru": {"dim": 6, "layers": 2, "frames": 8},
    "stgcn": {"dim": 8, "width": 4, "frames": 8},
    "tcn": {"dim": 8, "layers": 2, "frames": 8},
    "hcn": {"dim": 8, "frames": 8},
    "byname": {"dim": 8, "layers": 1, "frames": 8},
    "patches": {"dim": 8, "layers": 1, "frames": 8},
}


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """Weights and statistics large enough that every path matters."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=generator) * 0.3
            value.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
    return module


def subject(
    name: str, kind: str = "classifier", stream: str = "joint", normalize: str = "centre",
    persons: int = 2, **sizes: object,
) -> Subject:  # fmt: skip
    made = ENCODERS[name](NTU25, persons=persons, stream=stream, **{**SIZES[name], **sizes})
    encoder = shaken(made).eval()
    encoder.normalize = normalize
    source = {"fps": [30.0, 30.0], "unit": "metre", "up": "y"}
    needs = needs_of(encoder, {"source": source})
    if kind == "encoder":
        return Subject(encoder, needs)
    head = shaken(Linear(dim=encoder.dim, classes=len(NAMES) + (kind == "detector")), 1).eval()
    more: dict[str, object] = {"unknown_below": 0.4}
    if kind == "detector":
        windows = {"way": "overlap", "window": 0.5, "stride": None, "unit": "seconds"}
        more |= {"windows": windows}
    return Subject(encoder, needs, head, 1.5, NAMES, kind, more)


@cache
def content(name: str, kind: str = "classifier", step: bool = False, **more: object) -> bytes:
    """The exported file; each is made once a process."""
    return traced(subject(name, kind, **more), Export(step=step))
