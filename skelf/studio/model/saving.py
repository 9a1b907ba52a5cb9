"""The labels as a model that works without the studio: a folder that `skelf predict` takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from .accuracy import expected
from .answers import BACKGROUND
from .features import open_table
from .head import LEAST
from .learnt import Learnt, learn
from .table import Table
from .voting import SHARPNESS

if TYPE_CHECKING:
    from ...inference.model import Model
    from ...inference.voted import Voted
    from ...settings.values import Settings
    from ..labels.segment import Segment
    from ..project.project import Project
    from .encoding import Known

NEVER = -30.0
"""Logit of the background where nobody labelled any."""


def save_model(
    project: Project,
    segments: Sequence[Segment],
    out: Path,
    *,
    finished: Collection[str] = (),
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Writes a detector's folder, that `skelf predict` takes.

    Args:
        project: the project.
        segments: all labels.
        out: the folder; a model that is there is replaced.
        finished: recordings that are labelled as a whole.
        say: told in a line what is to be expected of it.

    Raises:
        InputError: there are no labels that say what is, in recordings with features.
        OSError: the folder cannot be written.
    """
    from .encoding import encoder_of  # not above: it loads torch

    table = open_table(project)
    learnt = learn(table, segments, finished=finished)
    if learnt is None or set(learnt.class_names) <= {BACKGROUND}:
        raise InputError(
            f"{out}: there is nothing to learn from; label something of a class first, in a "
            "recording that has its features"
        )
    if BACKGROUND not in learnt.class_names:
        say(
            "nothing is labelled as background and no recording is finished: the model takes all "
            "that it sees for one of the classes"
        )
    told = expected(table, segments, finished=finished)
    say(told.text)
    known = encoder_of(project)
    return model(known, learnt, _told(project, table, segments, told.accuracy)).save(out)


def model(known: Known, learnt: Learnt, about: Settings) -> Model:
    """A detector of the encoder and what was learnt on its features.

    Args:
        known: the encoder that the table is of.
        learnt: the head.
        about: more fields of `inference.about.About`.
    """
    from ...inference.model import assembled
    from ...protocols.laying import Laying
    from ...protocols.rules import Rules
    from ...settings.options import flat

    classes = [name for name in learnt.class_names if name != BACKGROUND]
    rules = Rules().settled(learnt.short)
    return assembled(
        known.encoder,
        voted_head(learnt),
        known.described,
        kind="detector",
        class_names=tuple(classes),
        windows=flat(Laying()),
        rules=flat(rules) | {"short_action": learnt.short},
        **about,
    )


def voted_head(learnt: Learnt) -> Voted:
    """The head on the encoder's own features; the background comes first."""
    import torch

    from ...inference.voted import Voted

    space, (linear, votes), names = learnt.table.reduction, learnt.head, learnt.class_names
    weight, bias, share = linear.weight, linear.bias, votes.share
    at = [number for number, name in enumerate(names) if name == BACKGROUND]
    if not at:
        at = [len(names)]
        weight = np.concatenate([weight, np.zeros((1, weight.shape[1]))])
        bias = np.append(bias, NEVER)
        share = np.concatenate([share, np.zeros((len(share), 1))], axis=1)
    order = [*at, *(number for number in range(len(weight)) if number not in at)]
    tensors = {
        "mean": space.mean, "deviation": space.deviation, "axes": space.axes,
        "weight": weight[order], "bias": bias[order],
        "examples": votes.examples, "share": share[:, order],
    }  # fmt: skip
    head = Voted(
        dim=len(space.mean), classes=len(weight), reduced=weight.shape[1],
        examples=len(votes.examples), sharpness=SHARPNESS, least=LEAST,
    )  # fmt: skip
    head.load_state_dict({
        name: torch.from_numpy(np.ascontiguousarray(values, np.float32))
        for name, values in tensors.items()
    })  # fmt: skip
    return head


def _told(
    project: Project, table: Table, segments: Sequence[Segment], accuracy: float | None
) -> Settings:
    from ...opening import versions

    known = [s for s in segments if s.recording in table.numbers and s.kind == "is"]
    recordings = {s.recording for s in known}
    rates = [float(table.fps.min()), float(table.fps.max())]
    about: Settings = {
        "learnt_from": {
            "data": project.folder.name, "recordings": len(recordings), "segments": len(known),
            "how": "labels of the studio, frozen encoder", "versions": versions(),
        },
    }  # fmt: skip
    if accuracy is not None:
        about["expected"] = {
            "metric": "frame_accuracy", "value": accuracy, "recordings": len(recordings),
            "how": "labelled frames of recordings that were held out",
        }  # fmt: skip
    if len(recordings):
        about["needs"] = {"fps": rates}
    return about
