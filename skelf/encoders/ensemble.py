"""Several encoders as one: their features side by side, so that any protocol judges the streams.

One linear classifier on the features `[f_1, ..., f_S] / S` is the mean over the streams of one
linear classifier each, `mean_s(W_s f_s) + b`, trained with one cross-entropy on that mean: the
joint optimisation by which CrosSCLR's streams are evaluated (sources E5). differs: there each
classifier has a bias of its own and only the mean of the biases counts; one step moves that mean by
`1/S` of what it moves the single bias here. With weights that start alike, biases whose rate is `S`
times as high (and whose weight decay is `1/S`) give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..contracts import AnyLayout, Encoder, torch_module
from ..errors import InputError
from ..skeleton import Skeleton
from ..streams import STREAMS

SHARED = ("skeleton", "num_frames", "persons", "in_channels", "confidence", "normalize")
"""What the members must have in common: they are given one input."""


class Ensemble(nn.Module):
    """An encoder made of encoders; it has their contract, a `dim` that is the sum of theirs.

    For cosine similarities (k-NN, retrieval) a stream counts as much as its features are long.

    Args:
        encoders: two or more; each derives its own stream from the joints that all are given.

    Raises:
        InputError: fewer than two, or another layout, number of frames, of persons or of numbers a
            joint, or another normalisation.
    """

    members: Sequence[Encoder]

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        super().__init__()
        _check(encoders)
        members = nn.ModuleList(torch_module(encoder) for encoder in encoders)
        self.members = cast(Sequence[Encoder], members)  # torch types what it holds as modules
        first = encoders[0]
        self.skeleton, self.num_frames = first.skeleton, first.num_frames
        self.persons, self.in_channels = first.persons, first.in_channels
        self.confidence, self.coordinates = first.confidence, first.coordinates
        self.any_length = all(encoder.any_length for encoder in encoders)
        self.any_layout = all(getattr(encoder, "any_layout", False) for encoder in encoders)
        self.dim = sum(encoder.dim for encoder in encoders)
        self.streams = tuple(encoder.stream for encoder in encoders)
        self.stream = joined(self.streams)
        self.normalize: str | None = getattr(first, "normalize", None)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vectors `(N, dim)` of `(N, C, T, V, M)`."""
        return torch.cat([member(x) for member in self.members], dim=1) / len(self.members)

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, dim)`, one for each input frame."""
        rows = [member.frames(x) for member in self.members]
        return torch.cat(rows, dim=2) / len(self.members)

    def on(self, skeleton: Skeleton, in_channels: int, confidence: bool) -> Ensemble:
        """The same weights for clips of another layout, where all members take any."""
        some = [encoder for encoder in self.members if isinstance(encoder, AnyLayout)]
        return Ensemble([encoder.on(skeleton, in_channels, confidence) for encoder in some])

    def describe(self) -> str:
        """What a result's definition says of it."""
        names = ", ".join(self.streams)
        count = len(self.members)
        return f"features of {count} encoders ({names}) side by side, divided by {count}"


def joined(streams: Iterable[str]) -> str:
    """One name for several streams, the same in whatever order they come.

    >>> joined(["bone", "joint"])
    'joint+bone'
    """
    place_by_name = {name: place for place, name in enumerate(STREAMS)}
    return "+".join(sorted(streams, key=lambda name: place_by_name.get(name, len(STREAMS))))


def common(values: Iterable[object]) -> object:
    """What a row says of several runs: their common value, all of differing texts, else None.

    >>> common(["aimclr", "aimclr"]), common(["aimclr", "usdrl"]), common([0, 1])
    ('aimclr', 'aimclr+usdrl', None)
    """
    listed = list(values)
    if all(value == listed[0] for value in listed):
        return listed[0]
    texts = [value for value in listed if isinstance(value, str)]
    return "+".join(dict.fromkeys(texts)) if len(texts) == len(listed) else None


def _check(encoders: Sequence[Encoder]) -> None:
    if len(encoders) < 2:
        raise InputError(f"an ensemble needs two encoders or more, not {len(encoders)}")
    first = encoders[0]
    for other in encoders[1:]:
        for key in SHARED:
            values = getattr(first, key, None), getattr(other, key, None)
            if values[0] != values[1]:
                texts = [getattr(value, "name", value) for value in values]
                raise InputError(
                    f"encoders of one ensemble take one input, but the {first.stream} one has "
                    f"{key} {texts[0]} and the {other.stream} one {texts[1]}: train them alike"
                )
