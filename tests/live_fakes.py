"""Small models and messages for the tests of `skelf live`."""

import json
from itertools import count

import numpy as np
import torch

from skelf.encoders import ENCODERS
from skelf.inference.heads import Linear
from skelf.inference.model import Model
from skelf.layouts import KINECT20
from skelf.live.options import Live
from skelf.live.session import Session

NAMES = ("walk", "wave", "sit")
SIZES = {
    "gru": {"dim": 8, "layers": 2},
    "dste": {"dim": 8, "layers": 1},
    "sttr": {"dim": 8, "layers": 1},
    "stgcn": {"dim": 8},
    "tcn": {"dim": 8, "layers": 2},
    "hcn": {"dim": 8},
    "byname": {"dim": 8, "layers": 1},
    "patches": {"dim": 8, "layers": 1},
    "fused": {"dim": 8},
}


def model(
    name="gru", kind="classifier", *, normalize="centre", frames=8, persons=1, channels=3,
    stream="joint", confidence=False, source=None, sharp=3.0, **about,
):  # fmt: skip
    """A model with random weights; `sharp` makes its probabilities differ."""
    torch.manual_seed(0)
    encoder = ENCODERS[name](
        KINECT20, channels, persons, stream, confidence, frames=frames, **SIZES[name]
    )
    encoder.normalize = normalize
    with torch.no_grad():
        for part in encoder.modules():
            if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                part.running_mean.normal_(std=0.2)
                part.running_var.uniform_(0.5, 2)
    classes = len(NAMES) + (kind == "detector")
    head = Linear(dim=encoder.dim, classes=classes)
    with torch.no_grad():
        head.weight.normal_(std=sharp)
        head.bias.normal_()
    table = {
        "kind": kind, "class_names": NAMES, "head": {"kind": "linear", **head.sizes},
        "temperature": 1.5, "unknown_below": 0.4, **about,
    }  # fmt: skip
    if kind == "detector":
        table = {"windows": {"window": frames / 30}, "rules": {}, **table}
    return Model(encoder.eval(), head.eval(), {"source": source or {}, "model": table})


def clip(frames=40, channels=3, persons=1, seed=1, joints=20):
    """Joints `(T, C, V, M)` of somebody about 2 units tall who moves smoothly."""
    random = np.random.default_rng(seed)
    body = random.normal(size=(1, channels, joints, persons)) * 0.6 + 2
    path = np.cumsum(random.normal(size=(frames, channels, joints, persons)), axis=0) * 0.05
    return (body + path).astype(np.float32)


def message(joints, t=None, person=None, **more):
    """A message of joints `(C, V)` or `(C, V, M)`; those that are all zero are null."""
    persons = [joints] if joints.ndim == 2 else list(np.moveaxis(joints, -1, 0))
    rows = [[row.tolist() if row.any() else None for row in each.T] for each in persons]
    said = {"joints": rows[0] if len(rows) == 1 else rows, **more}
    said |= {} if t is None else {"t": t}
    said |= {} if person is None else {"person": person}
    return json.dumps(said).encode()


class Played:
    """A session that is fed by hand; `said` holds what a person was told."""

    def __init__(self, made, **how):
        given = {key: how.pop(key) for key in ("layout", "unit", "up") if key in how}
        self.said, self.clock = [], count()
        self.session = Session(made, Live(**how), **given, say=self.said.append)
        self.events = []

    def __call__(self, *messages):
        fresh = []
        for raw in messages:
            fresh += self.session.feed(raw, float(next(self.clock)))
        self.events += fresh
        return fresh

    def play(self, frames, fps=30.0, start=0.0, person=None):
        """Frames `(T, C, V, M)` one after the other."""
        times = start + np.arange(len(frames)) / fps
        return self(*(message(x, t, person) for x, t in zip(frames, times, strict=True)))

    def finish(self):
        self.events += self.session.finish()
        return self.events

    @property
    def counts(self):
        return self.session.counts.of

    @property
    def rubbish(self):
        return dict(self.session.counts.rubbish)
