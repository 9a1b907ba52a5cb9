"""A dilated head fitted: on all recordings, or on those that are not held out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..protocols._training import seeded, trained_copy
from ..protocols.dense import taking
from ..protocols.dilated import Dilated
from ..protocols.frame_heads import refuse_memory
from ..protocols.recording_heads import at_rate, encoded, learn, said, standardise, still, tuned
from ..protocols.segmentation import Segmentation, lesson_of, new_head, rate_of, side_of
from .over_time import OverTime


def fit(
    encoder: Encoder, recordings: ClipSet, how: Segmentation, seed: int, device: str
) -> tuple[Encoder, OverTime]:
    """The encoder, tuned or as it is, and the head, which learnt from all recordings.

    They are what the protocol `segmentation` has after its last epoch.
    """
    classes, rate = len(recordings.class_names), rate_of(how, recordings)
    side = side_of(encoder, recordings, how, rate, device)
    lesson = lesson_of(side, how, classes, seed=seed, device=device)
    lesson = lesson._replace(check_every=how.recipe.passes(len(recordings)))
    with seeded(seed, device):
        head = new_head(encoder, how, rate, classes).to(device)
        if how.tune:
            standardise(head, still(encoder, side))
            copy = trained_copy(encoder, device)
            generator = torch.Generator().manual_seed(seed)

            def moving(chosen: np.ndarray) -> list[Tensor]:
                return at_rate(encoded(copy, side, chosen, generator), side.steps[chosen])

            with taking(copy, side.reader.frames):
                for _ in learn(copy, head, lesson, moving):
                    pass
            encoder = copy.to("cpu").requires_grad_(False).eval()
        else:
            refuse_memory(recordings.frames_total, encoder.dim)
            known = list(still(encoder, side))
            standardise(head, known)
            for _ in learn(nn.Identity(), head, lesson, partial(_of, known, device=device)):
                pass
    return encoder, kept(head, rate)


def kept(head: Dilated, rate: float) -> OverTime:
    """The head as it lies in a model's folder."""
    made = OverTime(
        dim=head.first.in_channels,
        classes=head.last.out_channels,
        width=head.first.out_channels,
        layers=len(head.layers),
        rate=rate,
    )
    made.load_state_dict(head.state_dict())
    return made.requires_grad_(False).eval()


def of_others(
    encoder: Encoder,
    recordings: ClipSet,
    how: Segmentation,
    part: np.ndarray,
    seed: int,
    device: str | torch.device,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What heads say of the recordings of each part, having learnt from the other parts.

    Yields:
        recordings, and the probabilities of their frames.
    """
    classes, rate = len(recordings.class_names), rate_of(how, recordings)
    known: list[Tensor] = []
    if not how.tune:  # features are computed once for all parts
        refuse_memory(recordings.frames_total, encoder.dim)
        known = list(still(encoder, side_of(encoder, recordings, how, rate, device)))
    for fold in np.unique(part):
        learnt, judged = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        train, others = (
            side_of(encoder, recordings.take(chosen), how, rate, device)
            for chosen in (learnt, judged)
        )
        lesson = lesson_of(train, how, classes, seed=seed, device=device)
        lesson = lesson._replace(check_every=how.recipe.passes(len(learnt)))
        head = new_head(encoder, how, rate, classes).to(device)
        if how.tune:
            *_, p = tuned(encoder, head, lesson, others)
        else:
            own, asked = _of(known, learnt), _of(known, judged)
            standardise(head, own)
            for _ in learn(nn.Identity(), head, lesson, partial(_of, own, device=device)):
                p = said(head, asked, others)
        yield judged, p


def _of(
    features: list[Tensor], chosen: np.ndarray, device: str | torch.device = "cpu"
) -> list[Tensor]:
    return [features[at].to(device) for at in chosen]
