"""What a classifier says of clips: a row for each, or for each person where it looks at one."""

from __future__ import annotations

import numpy as np
import torch

from ..data.clips import ClipSet
from ..errors import InputError
from ..protocols.features import extract
from .answers import Answer
from .model import Model
from .persons import PERSON, chosen_persons

BLOCK = 8192
"""Features that the head takes at a time."""


def answers(
    model: Model, clips: ClipSet, *, device: str | torch.device = "cpu", batch_size: int = 256
) -> list[Answer]:
    """The classes of clips, in their order.

    Args:
        model: a classifier.
        clips: of the model's layout, unit and rate, see `adapt.adapted`. Where the model looks at
            one person, each person who is in a clip has an answer.
        device: where the encoder runs.
        batch_size: clips a forward pass; no influence on the answers beyond rounding.

    Raises:
        InputError: a detector, or clips that the model does not take.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.inference.fit_classifier import fit_classifier
        >>> clips = generate(clips=36)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", clips, out="answers", overrides=tiny)
        >>> rows = answers(fit_classifier(run, clips), clips.take([0, 1]))
        >>> [row.name for row in rows] == clips.names[:2]
        True
        >>> rows[0].probability >= rows[0].second_probability >= rows[0].third_probability
        True
    """
    if model.kind != "classifier":
        raise InputError(f"a {model.kind}, and clips are for a classifier; give it recordings")
    clips = chosen_persons(clips, model.needs.persons, lambda text: None)
    features = extract(model.encoder, clips, device=device, batch_size=batch_size)
    with torch.no_grad():
        blocks = [model.probabilities(block) for block in torch.split(features, BLOCK)]
    p, order = torch.cat(blocks).sort(dim=1, descending=True, stable=True)
    one = model.needs.persons == 1
    person = clips.columns.get(PERSON, np.full(len(clips), 0 if one else -1))
    return [
        _answer(model, name, int(who), row, classes)
        for name, who, row, classes in zip(
            clips.names, person, p.tolist(), order.tolist(), strict=True
        )
    ]


def _answer(model: Model, name: str, person: int, p: list[float], classes: list[int]) -> Answer:
    labels = [model.class_names[label] for label in classes[:3]] + ["", ""]
    values = [*p[:3], 0.0, 0.0]
    return Answer(
        name, person, labels[0], values[0], labels[1], values[1], labels[2], values[2],
        unknown=values[0] < model.unknown_below,
    )  # fmt: skip
