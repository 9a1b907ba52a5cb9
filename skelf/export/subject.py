"""What is exported: the parts of a model folder, or of a run, in one shape."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import nn

from ..checkpoints import folder as checkpoint
from ..contracts import Encoder
from ..errors import InputError
from ..inference.detect import settings
from ..inference.model import load_model
from ..inference.needs import Needs, needs_of
from ..inference.over_time import refuse_over_time
from ..protocols.laying import Laying
from ..protocols.rules import Rules
from ..runs.load import judged_encoder
from ..settings.values import Settings, Value
from .options import Export


class Subject(NamedTuple):
    """A trained encoder and what stands on it.

    Args:
        encoder: in evaluation mode.
        needs: what clips have to be like.
        head: features to logits; None: a run has none.
        temperature: by which logits are divided.
        class_names: in the order of the logits; a detector's first logit is of none of them.
        kind: classifier, detector or encoder.
        more: what else a program has to know, such as `unknown_below` or `windows`.
    """

    encoder: Encoder
    needs: Needs
    head: nn.Module | None = None
    temperature: float = 1.0
    class_names: tuple[str, ...] = ()
    kind: str = "encoder"
    more: Settings = {}  # noqa: RUF012 (nobody changes it)


def read_subject(name: str | Path, stream: str | None = None) -> Subject:
    """What a model folder, a run, a checkpoint folder or a hub name holds.

    Args:
        name: where it is.
        stream: of a run that trained several together, see `runs.load.load`.

    Raises:
        InputError: nothing there, a damaged folder, or no such stream.
    """
    config = checkpoint.reading(name, _config)
    if "model" not in config:
        encoder, described = judged_encoder(name, None, False, 0, stream=stream)
        return Subject(encoder, needs_of(encoder, described)._replace(any_layout=False))
    if stream is not None:
        raise InputError(f"{name}: a model knows its stream; leave --stream out")
    model = load_model(name)
    refuse_over_time(model.head, f"{name}: export of one window at a time")
    more: dict[str, Value] = {"unknown_below": model.unknown_below}
    if model.kind == "detector":
        more |= {"windows": _windows(*settings(model)), "rules": model.rules}
    return Subject(
        model.encoder, model.needs, model.head, model.temperature, model.class_names, model.kind,
        more,
    )  # fmt: skip


def refuse(subject: Subject, how: Export) -> None:
    """Refuses a graph that the subject cannot have.

    Raises:
        InputError: with the remedy.
    """
    if how.dense and subject.kind == "classifier":
        raise InputError(
            "export.dense: a classifier answers for clips; leave dense out, or export the run "
            "that it was fitted on"
        )


def _windows(laying: Laying, rules: Rules) -> dict[str, Value]:
    """How a detector's windows lie, in the unit of its rules.

    Raises:
        InputError: windows that a graph of single windows cannot have.
    """
    if laying.windows == "centred":
        raise InputError(
            "a detector with windows=centred answers for one frame a window and cannot be "
            "exported; fit it with windows=overlap"
        )
    if laying.normalize_on == "recording":
        raise InputError(
            "a detector with normalize_on=recording has to see the whole recording first and "
            "cannot be exported; fit it with normalize_on=window"
        )
    window = laying.covered(rules.unit)
    stride = laying.stride
    return {"way": laying.windows, "window": window, "stride": stride, "unit": rules.unit}


def _config(folder: Path) -> Settings:
    return {} if folder.is_file() else checkpoint.read_config(folder)
