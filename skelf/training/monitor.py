"""What is read of an encoder while it trains: k-NN where there are labels, and signs without them.

Nothing here changes what is trained: the encoder comes back bit-equal, and all draws are of
generators of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..augment.basic import draw_crops
from ..contracts import Encoder
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..metrics.classes import topk_accuracy
from ..metrics.spread import alignment, effective_rank, uniformity
from ..protocols.crop import RANDOM, Cut, read
from ..protocols.features import extract, extract_splits, in_evaluation
from ..protocols.fitting import fitting, labelled
from ..protocols.knn import knn_scores
from ..protocols.settling import settled

Monitor = Callable[[Encoder], dict[str, float]]

CLIPS = 1024
"""Most training clips that rank and uniformity are taken of."""

FEW = 128
"""Most of those that alignment and the rank of frames are taken of, which need more passes."""

_FRAMES = 32  # clips whose frames are encoded at a time


def monitor(train: ClipSet, test: ClipSet | None, seed: int) -> Monitor:
    """Reads `knn_top1` where both sides have labels (see `judged`), and always the signs.

    `knn_top1` is the accuracy of weighted k-NN, the training side being the gallery. Before the
    first step BatchNorm has statistics of training clips, see `settling.settle`, as it has later.

    Args:
        train: the training clips; the signs are of the labelled ones where k-NN is read, whose
            vectors are there already.
        test: the other side of the split.
        seed: of the signs' draws, see `signs`.
    """

    def read_all(encoder: Encoder) -> dict[str, float]:
        with settled(encoder, train, next(encoder.parameters()).device):
            return read_settled(encoder)

    def read_settled(encoder: Encoder) -> dict[str, float]:
        if test is None or not judged(train, test):
            return signs(encoder, train, seed)
        device = next(encoder.parameters()).device
        f = extract_splits(encoder, train, test, device=str(device))
        gallery, labels = f.train.to(device), f.train_labels.to(device)
        scores = knn_scores(gallery, labels, f.test.to(device), f.classes)
        values = {"knn_top1": topk_accuracy(scores.cpu(), f.test_labels)}
        return values | signs(encoder, labelled(train, "training"), seed, f.train)

    return read_all


def judged(train: ClipSet, test: ClipSet | None) -> bool:
    """Whether k-NN can be read: labels on both sides, of two classes or more on the training's."""
    several = len(np.unique(train.label[train.label >= 0])) > 1
    return test is not None and several and bool((test.label >= 0).any())


def signs(
    encoder: Encoder, clips: ClipSet, seed: int, vectors: Tensor | None = None
) -> dict[str, float]:
    """Numbers that need no label, of the same clips and crops whenever the seed is the same.

    `effective_rank` and `uniformity` are those of the vectors of at most `CLIPS` whole clips.
    `alignment` is that of two random crops in time (half to all of a clip each) of at most `FEW` of
    them: crops, since what views are differs from method to method. `frame_rank` is the effective
    rank of the vectors of one clip's frames, the mean over those clips: 1 where all frames of a
    clip are given the same vector.

    Args:
        encoder: comes back as it was, see `features.extract`.
        clips: at least 2; labels are not read.
        seed: says which of the clips are taken, and how they are cropped.
        vectors: `(N, dim)` of all clips, where they were encoded already.

    Raises:
        InputError: features that are not finite.

    Source: see `metrics.spread`.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> clips = generate(clips=12)
        >>> encoder = ENCODERS["gru"](clips.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> list(signs(encoder, clips, seed=0))
        ['effective_rank', 'uniformity', 'alignment', 'frame_rank']
    """
    device = next(encoder.parameters()).device
    order = np.random.default_rng(seed).permutation(len(clips))
    few = clips.take(np.sort(order[:FEW]))
    chosen = np.sort(order[:CLIPS])
    if vectors is None:
        vectors = extract(encoder, clips.take(chosen), device=device)
    else:
        vectors = vectors[chosen]
    views = [extract(encoder, few, device=device, cut=_crop(seed, k)) for k in range(2)]
    return {
        "effective_rank": float(effective_rank(vectors)),
        "uniformity": uniformity(vectors),
        "alignment": alignment(*views),
        "frame_rank": float(_frame_ranks(encoder, few, device).mean()),
    }


def _crop(seed: int, number: int) -> Cut:
    """A random part of each clip; a short clip is cropped too, or its two views were one."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)

    def place(lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        start, span = draw_crops(lengths.cpu(), 1, RANDOM, 1, generator)
        return start[0].to(lengths.device), span[0].to(lengths.device)

    return Cut(f"random {RANDOM} of any length, seed {seed}, number {number}", place)


def _frame_ranks(encoder: Encoder, clips: ClipSet, device: torch.device) -> Tensor:
    """The effective rank of the frames' vectors of each clip, `(N,)`; a few clips at a time."""
    clips = fitting(encoder, clips)
    batches = ClipBatches(clips, device, persons=encoder.persons, resident=False)
    plan = [part.numpy() for part in torch.split(torch.arange(len(clips)), _FRAMES)]
    with in_evaluation(encoder, device):
        return torch.cat(
            [
                effective_rank(encoder.frames(read(x, lengths, encoder.num_frames)).float().cpu())
                for x, lengths in batches.stream(plan)
            ]
        )
