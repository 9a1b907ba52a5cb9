"""One frame at a time through a causal GRU, with its states in and out: what a live program runs.

What was seen first decides how steps such as "centre" and "facing" move a body. So the first frame
with person 0 goes along as a state, and each new frame is normalised beside it, as the second frame
of a clip whose first is that one. The rows are then those of `GRU.frames` over the whole sequence,
at the rate at which frames come: nothing is resized.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..data.normalize import normalize
from ..data.normalize_names import expand, keeping_time
from ..data.normalize_steps import present
from ..encoders.gru import GRU
from ..errors import InputError
from ..streams import derive
from .graphs import Answers, known
from .subject import Subject

WHOLE = ("scale", "facing-frames")
"""Steps that look at a whole clip before they move its first frame."""


class States(NamedTuple):
    """What a step leaves for the next one; zeros before the first.

    Args:
        hidden: `(2 * layers, N, H)`, layer by layer, of either direction.
        first: `(N, M, V, C)` raw joints of the first frame with person 0; zeros before there is
            one.
    """

    hidden: Tensor
    first: Tensor


class StepGraph(nn.Module):
    """One frame and the states before it to its row and the states after it.

    A motion stream is the way to the next frame, so there the graph takes two frames, and its row
    is of the former: a live program is one frame behind. A sequence's last frame is given twice.

    Args:
        encoder: a causal GRU.
        answers: what is made of its rows.
    """

    def __init__(self, encoder: GRU, answers: Answers) -> None:
        super().__init__()
        self.encoder, self.answers = encoder, answers
        self.normalize = keeping_time(getattr(encoder, "normalize", None) or "none")
        self.frames = frames_of(encoder)

    def forward(self, joints: Tensor, hidden: Tensor, first: Tensor) -> tuple[Tensor, ...]:
        """Joints `(N, frames, M, V, C)` and `States` to rows `(N, ...)` and `States`."""
        encoder, frames = self.encoder, self.frames
        x = known(joints, torch.full_like(joints[:, 0, 0, 0, 0], frames, dtype=torch.int64))
        first = first.permute(0, 3, 2, 1).unsqueeze(2)  # (N, C, 1, V, M)
        here = present(first[:, : encoder.coordinates, :, :, :1]).any(dim=3, keepdim=True)
        first = torch.where(here, first, x[:, :, :1])
        both = torch.cat([first, x], dim=2)
        lengths = torch.full_like(both[:, 0, 0, 0, 0], 1 + frames, dtype=torch.int64)
        skeleton = encoder.skeleton
        both, _ = normalize(both, lengths, self.normalize, skeleton, encoder.coordinates)
        x = derive(both[:, :, 1:], encoder.stream, skeleton, encoder.coordinates)[:, :, :1]
        rows, hidden = step(encoder, encoder.normalise(encoder.rows(x))[0], hidden)
        # What has no person 0 is no first frame: zeros stay.
        seen = present(first[:, : encoder.coordinates, :, :, :1]).any(dim=3, keepdim=True)
        kept = (first * seen)[:, :, 0].permute(0, 3, 2, 1)
        return (*self.answers(rows), hidden, kept)


def step(encoder: GRU, row: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """The recurrence of one normalised row `(N, F)`: states `(N, 2H)` on top, and all."""
    states = []
    for depth, pair in enumerate(encoder.layers):
        halves = [
            torch.gru_cell(row, hidden[2 * depth + side], *gru.all_weights[0])
            for side, gru in enumerate(pair)
        ]
        states += halves
        row = torch.cat(halves, dim=1)
    return row, torch.stack(states)


def frames_of(encoder: GRU) -> int:
    """Frames that a step takes: 2 of a motion stream."""
    return 2 if encoder.stream == "motion" else 1


def first_states(encoder: GRU, count: int) -> States:
    """The states before any frame, of `count` sequences."""
    half = encoder.dim // 2
    shape = (count, encoder.persons, encoder.skeleton.joints, encoder.in_channels)
    return States(torch.zeros(2 * len(encoder.layers), count, half), torch.zeros(shape))


def stepped(subject: Subject) -> GRU:
    """The encoder, if it can go step by step.

    Raises:
        InputError: another encoder, one that is not causal, or a normalisation that has to see the
            whole clip.
    """
    encoder = subject.encoder
    if not isinstance(encoder, GRU):
        raise InputError(
            f"export.step: {type(encoder).__name__} looks at whole clips; only a causal GRU goes "
            "frame by frame: leave step out, and give it windows"
        )
    if not encoder.causal:
        raise InputError(
            "export.step: this GRU has encoder.causal=false and reads clips backwards too; leave "
            "step out, and give it windows"
        )
    name = subject.needs.normalize
    for part in expand(keeping_time(name)):
        if part in WHOLE:
            raise InputError(
                f"export.step: the normalisation {name!r} has {part!r}, which looks at a whole "
                "clip; leave step out, and give it windows"
            )
    return encoder
