"""The nearest neighbour by dynamic time warping: what actions were told apart by before networks.

Two clips are laid on each other so that their frames differ the least, each frame of one going with
one or several of the other, in order. Of joints (`--run joints`) it is the classical rival without
learning; of an encoder it compares its dense vectors.

Papers: Sakoe and Chiba, "Dynamic programming algorithm optimization for spoken word recognition",
IEEE TASSP 26(1), 1978; of several dimensions as one: Shokoohi-Yekta et al., "Generalizing DTW to
the multi-dimensional case requires an adaptive approach", DMKD 31(1), 2017 (DTW_D; sources B2).
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import torch
from torch import Tensor

from ..contracts import Encoder
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..metrics.classes import topk_accuracy
from ..settings.options import option, options
from . import progress
from ._inputs import both_sides
from .crop import CUTS, Crop, of_clips, read
from .features import in_evaluation
from .outcome import Outcome

BLOCK = 2**17
"""Pairs of clips at a time: their sums stay in a processor's cache."""

_READ = 64  # clips whose frames are encoded at a time


@options("eval")
class DTW:
    """How two clips are laid on each other."""

    band: float = option(
        0.1,
        "how far from equal pace a frame may go, as a share of a clip (Sakoe-Chiba)",
        ge=0,
        le=1,
    )
    crop: Crop = option("whole", "what is read of a clip: whole, or its middle, central-95 (CMD)")


def dtw(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: DTW = DTW(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Top-1 accuracy of the nearest training clip by dynamic time warping of dense vectors.

    Every test clip is compared with every training clip: for sets of some thousand clips.

    Args:
        encoder: the frozen encoder, whose `frames` are compared; comes back bit-equal.
        train: labelled gallery; unlabelled clips are dropped.
        test: queries; unlabelled clips are dropped.
        how: the options.
        seed: without influence, nothing is drawn.
        device: where to compute.
        cache: not used: frames are many.

    Returns:
        `top1.none`; the scores are the distances to the nearest clip of each class, negated.

    Raises:
        InputError: a split without labelled clips, or a single class.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.protocols import PROTOCOLS
        >>> train, test = generate(clips=48).split("xview")
        >>> encoder = ENCODERS["gru"](train.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> list(PROTOCOLS["dtw"](encoder, train, test).values)
        ['top1.none']
    """
    train, test, classes = both_sides(encoder, train, test)
    gallery, queries = (
        _frames(encoder, clips, torch.device(device), how.crop) for clips in (train, test)
    )
    radius = round(how.band * encoder.num_frames)
    distances = warped(queries, gallery, radius)
    labels = torch.from_numpy(train.label.astype("int64")).to(distances.device)
    scores = nearest_of_each(distances, labels, classes)
    truth = torch.from_numpy(test.label.astype("int64"))
    return Outcome(
        {"top1.none": topk_accuracy(scores.cpu(), truth)},
        scores.cpu().numpy(),
        truth.numpy(),
        f"top-1 accuracy of the nearest neighbour by dynamic time warping, squared Euclidean "
        f"distances of dense vectors, a path up to {radius} of {encoder.num_frames} frames from "
        f"the diagonal (band {how.band:g}), gallery = training split ({len(gallery)} clips); "
        f"{of_clips(how.crop)} at {encoder.num_frames} frames, no augmentation",
    )


def warped(queries: Tensor, gallery: Tensor, radius: int) -> Tensor:
    """Distances by dynamic time warping of every query to every gallery clip.

    The root of the least sum of squared distances along a path from the first pair of frames to the
    last, whose steps go on by a frame in one of the two or in both.

    Args:
        queries: `(Q, T, D)`, on the device that computes.
        gallery: `(G, T, D)` on the same device, of as many frames.
        radius: most frames that two which go together lie apart; 0: each with its own.

    Returns:
        `(Q, G)` float32.

    Examples:
        >>> late = torch.tensor([[[0.0], [0.0], [1.0], [2.0]]])
        >>> early = torch.tensor([[[0.0], [1.0], [2.0], [2.0]]])
        >>> [warped(late, early, radius).item() for radius in (0, 1)]
        [1.4142135381698608, 0.0]
    """
    middle = gallery.mean(dim=(0, 1))  # near 0, squares of sums lose no digits
    others = (gallery - middle).permute(1, 2, 0).contiguous()  # (T, D, G)
    rows = max(1, BLOCK // len(gallery))
    made = queries.new_empty(len(queries), len(gallery))
    for begin in range(0, len(queries), rows):
        mine = (queries[begin : begin + rows] - middle).transpose(0, 1).contiguous()  # (T, n, D)
        made[begin : begin + rows] = _least(mine, others, radius).sqrt()
        progress.tell(min(begin + rows, len(queries)), len(queries))
    return made


def _least(queries: Tensor, gallery: Tensor, radius: int) -> Tensor:
    """The least sum along a path, `(n, G)`, of queries `(T, n, D)` to a gallery `(T, D, G)`."""
    ours, theirs = queries.square().sum(dim=2, keepdim=True), gallery.square().sum(dim=1)
    frames = len(queries)
    before: dict[int, Tensor] = {}  # column -> sum, of the row above
    for row in range(frames):
        sums: dict[int, Tensor] = {}
        for column in range(max(0, row - radius), min(frames, row + radius + 1)):
            cost = torch.addmm(theirs[column], queries[row], gallery[column], alpha=-2)
            cost = cost.add_(ours[row]).clamp_(min=0)
            came = [before.get(column), before.get(column - 1), sums.get(column - 1)]
            there = [each for each in came if each is not None]
            if there:
                cost += reduce(torch.minimum, there)
            sums[column] = cost
        before = sums
    return before[frames - 1]


def nearest_of_each(distances: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Scores `(Q, K)`: the distance `(Q, G)` to the nearest clip of each class, negated.

    A class without clips is further away than any clip is.
    """
    far = distances.max() * 2 + 1
    scores = distances.new_full((len(distances), classes), 0.0) - far
    index = labels.expand(len(distances), -1)
    return scores.scatter_reduce(1, index, -distances, "amax")


def _frames(encoder: Encoder, clips: ClipSet, device: torch.device, crop: Crop) -> Tensor:
    """Dense vectors `(N, T, D)` of clips at the encoder's frames, on the device."""
    batches = ClipBatches(clips, device, persons=encoder.persons, resident=False)
    plan = [part.numpy() for part in torch.split(torch.arange(len(clips)), _READ)]
    with in_evaluation(encoder, device):
        return torch.cat(
            [
                encoder.frames(read(x, lengths, encoder.num_frames, CUTS.get(crop))).float()
                for x, lengths in batches.stream(plan)
            ]
        )
