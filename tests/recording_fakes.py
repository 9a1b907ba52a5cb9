"""Small untrimmed recordings, and encoders with dense features, for the tests of detection."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

import skelf
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.layouts import KINECT20

CLASSES = 3


class Frames(nn.Module):
    """The joints of every frame as they are; the clip vector is the mean over frames."""

    any_length, confidence, coordinates = False, False, 3

    def __init__(self, num_frames=8, persons=1):
        super().__init__()
        self.dim, self.num_frames, self.persons, self.stream = 60, num_frames, persons, "joint"
        self.in_channels, self.skeleton = 3, KINECT20
        self.scale = nn.Parameter(torch.ones(60))
        self.norm = nn.BatchNorm1d(60, affine=False)
        self.drop = nn.Dropout(0.5)
        self.seen = []

    def frames(self, x):
        self.seen.append(tuple(x.shape))
        rows = x.mean(dim=4).permute(0, 2, 3, 1).flatten(2) * self.scale
        return self.drop(self.norm(rows.flatten(0, 1)).view_as(rows))

    def forward(self, x):
        return self.frames(x).mean(dim=1)


def recordings(count=6, seed=0, *, noise=0.05, classes=CLASSES, used=None, length=(60, 90)):
    """Recordings of three actions with pauses; each class, and the pause, is a still pose."""
    rng = np.random.default_rng(seed)
    poses = np.random.default_rng(1000).normal(size=(classes + 1, 1, 20, 3))
    lengths = rng.integers(*length, count)
    labels = [np.zeros(n, np.int64) for n in lengths]
    segments = []
    for number, own in enumerate(labels):
        for start in range(5, len(own) - 12, 22):
            label = int(rng.choice(used if used is not None else classes))
            end = start + int(rng.integers(10, 13))
            own[start:end] = label + 1
            segments.append((number, start, end, label))
    frames = np.concatenate(labels)
    joints = poses[frames] + noise * rng.normal(size=(len(frames), 1, 20, 3))
    return ClipSet.build(
        joints,
        lengths,
        KINECT20,
        class_names=[f"class {k}" for k in range(classes)],
        name=[f"recording {i}" for i in range(count)],
        segments=np.array(segments).reshape(-1, 4),
    )


def half_untrimmed():
    """Twelve clips, then eight recordings of four people, of whom three train in "half"."""
    clips = generate(clips=12, subjects=4, recordings=8, seed=3)
    subject, side = clips.subject.copy(), np.zeros(20, np.int8)
    subject[12:] = np.arange(8) % 4
    side[12:] = np.where(subject[12:] < 3, 1, 2)
    return replace(clips, subject=subject).with_split("half", side)


def run_on(clips, out):
    """A tiny run on the first twelve clips."""
    tiny = ["encoder.name=sttr", "encoder.dim=16", "encoder.layers=1", "encoder.frames=16"]
    train = ["train.epochs=1", "train.batch_size=12"]
    return skelf.pretrain("usdrl", clips.take(np.arange(12)), out=out, overrides=tiny + train)
