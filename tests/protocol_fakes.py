"""Small encoders and clips for the tests of the protocols."""

import numpy as np
import torch
from torch import nn

from skelf.data.clips import ClipSet
from skelf.layouts import KINECT20


class Pool(nn.Module):
    """Mean over frames, joints and persons, then random features; notes the shapes that it saw."""

    any_length, confidence, in_channels, coordinates = False, False, 3, 3

    def __init__(self, dim=16, num_frames=8, persons=1, stream="joint", seed=0):
        super().__init__()
        self.dim, self.num_frames, self.persons, self.stream = dim, num_frames, persons, stream
        self.skeleton = KINECT20
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(dim, 3, generator=generator))
        self.register_buffer("shift", torch.zeros(dim), persistent=False)
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)
        self.seen = []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        return self.drop(self.norm(x.mean(dim=(2, 3, 4)))) @ self.weight.T + self.shift


class Joints(nn.Module):
    """The joints' mean over frames and persons, as they are."""

    any_length, confidence, in_channels, coordinates = False, False, 3, 3

    def __init__(self, num_frames=8):
        super().__init__()
        self.dim, self.num_frames, self.persons, self.stream = 60, num_frames, 1, "joint"
        self.skeleton = KINECT20

    def forward(self, x):
        return x.mean(dim=(2, 4)).flatten(1)

    def frames(self, x):
        return x.mean(dim=4).transpose(1, 2).flatten(2)


def clips(labels, *, noise=0.1, seed=0, classes=None, centres=0):
    """One clip for each label: every class is a still pose drawn from `centres`, plus noise."""
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 20, len(labels))
    poses = np.random.default_rng(1000 + centres).normal(size=(100, 1, 1, 20, 3))
    joints = [
        poses[label] + noise * rng.normal(size=(frames, 1, 20, 3))
        for label, frames in zip(labels, length, strict=True)
    ]
    return ClipSet.build(
        np.concatenate(joints),
        length,
        KINECT20,
        class_names=[f"class {i}" for i in range(classes or int(labels.max()) + 1)],
        label=labels,
    )


def snapshot(module):
    """Everything that a protocol must leave alone."""
    return (
        {name: tensor.clone() for name, tensor in module.state_dict().items()},
        [m.training for m in module.modules()],
        [p.requires_grad for p in module.parameters()],
    )


def assert_same(module, before):
    state, training, grads = before
    assert [m.training for m in module.modules()] == training
    assert [p.requires_grad for p in module.parameters()] == grads
    assert all(p.grad is None for p in module.parameters())
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
