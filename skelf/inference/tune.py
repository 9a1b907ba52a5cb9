"""A classifier whose encoder was trained further with the labels, and what is to be expected of it.

Each fold trains a copy of its own, which takes as long as training the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import softmax

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..metrics.calibration import fitted_temperature
from ..protocols._inputs import part
from ..protocols.finetune import Tuning, logits_of, trained
from .choosing import Chosen, Held
from .folds import Fold
from .heads import Linear

Step = Callable[[int, int], None]


class Tuned(NamedTuple):
    """A fine-tuned encoder, its head, and what copies said of clips that they did not learn from.

    Args:
        encoder: on the CPU.
        head: of it.
        chosen: held-out answers and their temperature; None: nothing could be held out.
        held: the same with the temperature of each fold's answers fitted on the other folds'; None
            with a single fold.
    """

    encoder: Encoder
    head: Linear
    chosen: Chosen | None
    held: Held | None


def tuned(
    encoder: Encoder,
    clips: ClipSet,
    classes: int,
    parts: list[Fold],
    how: Tuning,
    *,
    seed: int,
    device: str,
    step: Step,
) -> Tuned:
    """Trains a copy on each fold and one on all clips.

    Args:
        encoder: comes back bit-equal.
        clips: of its layout and normalisation; labels are `0..classes-1`.
        classes: how many.
        parts: folds that are held out in turn.
        how: how a copy trains.
        seed: of its draws.
        device: where it trains.
        step: called with epochs done and in all.
    """
    how = replace(how, test_every=1)
    total, done = (len(parts) + 1) * how.recipe.epochs, 0

    def train(rows: np.ndarray) -> tuple[Encoder, torch.nn.Linear]:
        nonlocal done
        learned = part(encoder, clips.take(rows), device, how.augment, how.crop)
        sizes = {"dim": encoder.dim, "classes": classes}
        checks = trained(encoder, learned, how=how, seed=seed, device=device, **sizes)
        for copy in checks:
            last = copy
            done += 1
            step(done, total)
        return last

    blocks = []
    for learnt, judged in parts:
        model, head = train(learnt)
        asked = part(encoder, clips.take(judged), device, crop=how.crop)
        with torch.no_grad():
            z = logits_of(model.eval(), head, asked).double().numpy()
        strange = ~np.isin(np.arange(classes), clips.label[learnt])
        blocks.append(np.where(strange, -np.inf, z))
    model, head = train(np.arange(len(clips)))
    mine = Linear(dim=encoder.dim, classes=classes)
    mine.load_state_dict({k: v.detach().cpu() for k, v in head.state_dict().items()})
    chosen, held = _judged(blocks, parts, clips.label)
    last = model.eval().requires_grad_(False).to("cpu")
    return Tuned(last, mine.requires_grad_(False), chosen, held)


def _judged(
    blocks: list[np.ndarray], parts: list[Fold], labels: np.ndarray
) -> tuple[Chosen | None, Held | None]:
    if not parts:
        return None, None
    rows, z = np.concatenate([judged for _, judged in parts]), np.concatenate(blocks)
    truth = labels[rows]
    chosen = Chosen("fine-tuned", fitted_temperature(z, truth), rows, z)
    if len(parts) == 1:
        return chosen, None
    fold = np.repeat(np.arange(len(parts)), [len(judged) for _, judged in parts])
    calibrated = [
        softmax(block / fitted_temperature(z[fold != at], truth[fold != at]), axis=1)
        for at, block in enumerate(blocks)
    ]
    return chosen, Held(rows, softmax(z, axis=1), np.concatenate(calibrated))
