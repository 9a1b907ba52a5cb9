"""The model folder: an encoder and the head on it, with all that a new recording needs.

It lies on disk as a checkpoint in the hub layout: the tensors `encoder.*` and `head.*`, the run's
`config.json` with a table "model" more (`about.About`), and a card. So `skelf.load` reads its
encoder as it reads a run's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoints import folder as checkpoint
from ..contracts import Encoder
from ..encoders.ensemble import Ensemble
from ..errors import InputError, unknown
from ..machine.guest import no_trace
from ..runs.build import building
from ..runs.load import judged_encoder
from ..settings.settable import filled
from ..settings.values import Settings, Value, plain
from .about import About, read_about
from .card import model_card
from .heads import HEADS, kind_of
from .needs import Needs, needs_of


@dataclass(frozen=True, eq=False)
class Model:
    """A model that answers what is in a clip, or where in a recording something is.

    Args:
        encoder: clips or frames to features.
        head: features `(..., dim)` to logits `(..., K)`; a detector's to `(..., K + 1)`, the first
            of which is for none of the classes. A dilated one takes whole recordings `(T, dim)`.
        config: the run's `config.json` and the table "model".
    """

    encoder: Encoder
    head: nn.Module
    config: Settings

    @cached_property
    def about(self) -> About:
        """All that the config says of the model."""
        return filled(About, self.config["model"], section="model", source="config.json")

    @property
    def kind(self) -> str:
        """Either classifier or detector."""
        return self.about.kind

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the logits."""
        return self.about.class_names

    @property
    def needs(self) -> Needs:
        """What clips have to be like; what the run does not tell, the labelled clips do."""
        told = [self.about.needs or {}, self.config.get("source") or {}]
        source = {key: value for part in told for key, value in part.items() if value is not None}
        # The head learnt from one layout: others are brought into it.
        needs = needs_of(self.encoder, {**self.config, "source": source})
        return needs._replace(any_layout=False)

    @property
    def temperature(self) -> float:
        """By which logits are divided."""
        return self.about.temperature

    @property
    def unknown_below(self) -> float:
        """The probability below which the answer is "unknown"."""
        return self.about.unknown_below

    @property
    def windows(self) -> Settings | None:
        """How a detector reads a recording."""
        return self.about.windows

    @property
    def rules(self) -> Settings | None:
        """How frames become segments."""
        return self.about.rules

    def probabilities(self, features: Tensor) -> Tensor:
        """Calibrated probabilities `(..., K)` of features `(..., dim)`."""
        logits: Tensor = self.head(features)
        return torch.softmax(logits / self.temperature, dim=-1)

    def save(self, folder: str | Path) -> Path:
        """Writes the model folder: all of it or nothing; a checkpoint that is there is replaced.

        Raises:
            OSError: it cannot be written, and what was there before is untouched.
        """
        parts = {"encoder": self.encoder.state_dict(), "head": self.head.state_dict()}
        tensors = {f"{p}.{k}": v for p, state in parts.items() for k, v in state.items()}
        card = model_card(self.config, self.about)
        return checkpoint.save(folder, tensors=tensors, config=self.config, card=card)


def assembled(
    encoder: Encoder, head: nn.Module, described: Mapping[str, Value], **about: object
) -> Model:
    """A model from its parts.

    Args:
        encoder: of a run, or a copy that was trained further.
        head: one of `heads.HEADS`.
        described: the config that came with the encoder, see `runs.load.judged_encoder`.
        about: fields of `About`; `head` is filled in here.

    Raises:
        InputError: an encoder of several runs, or of a released file, or a value that is wrong.
    """
    if isinstance(encoder, Ensemble):
        raise InputError(
            f"a model has one encoder, and these are {len(encoder.members)} "
            f"({', '.join(encoder.streams)}); fit it on one run, and name the stream of a run that "
            "trained several"
        )
    if "train" not in described:
        raise InputError(
            "a released file does not say how its encoder is built, as a model has to; start a run "
            "from it first: skelf pretrain METHOD --init FILE --data STORE --out RUN"
        )
    table = {**about, "head": {"kind": kind_of(head), **sizes_of(head)}}
    checked = filled(About, plain(table), section="model", source="")
    config = {k: v for k, v in described.items() if k not in ("store", "model")}
    config["input"] = {
        **described["input"],
        "skeleton": encoder.skeleton.to_dict(),
        "channels": encoder.in_channels,
        "confidence": encoder.confidence,
        "stream": encoder.stream,
    }
    return Model(encoder, head.eval(), {**config, "model": asdict(checked)})


def sizes_of(head: nn.Module) -> Mapping[str, float]:
    """What a head has to be built with."""
    sizes: Mapping[str, float] = getattr(head, "sizes")  # noqa: B009 (of every head in `HEADS`)
    return sizes


@no_trace()
def load_model(name: str | Path) -> Model:
    """A model that `skelf fit` has written, ready to answer.

    Args:
        name: the model's folder, or its name on the hub, `owner/name` or `owner/name@revision`.

    Raises:
        InputError: nothing there, a run that has no head yet, or a folder that is damaged.
    """
    return checkpoint.reading(name, partial(_read, str(name)))


def _read(name: str, folder: Path) -> Model:
    if folder.is_file():
        raise InputError(f"{name}: a file; a model is a folder, as skelf fit writes it")
    described = checkpoint.read_config(folder)
    source = str(folder / checkpoint.CONFIG)
    about = read_about(described, name, source)
    encoder, config = judged_encoder(folder, None, False, 0)
    tensors = checkpoint.read_tensors(folder / checkpoint.MODEL)
    weights = {k.removeprefix("head."): v for k, v in tensors.items() if k.startswith("head.")}
    head = _head(about.head, weights, folder)
    wanted = encoder.dim, len(about.class_names) + (about.kind == "detector")
    if (sizes_of(head)["dim"], sizes_of(head)["classes"]) != wanted:
        raise InputError(
            f"{source}: model.head: {dict(sizes_of(head))}, but the encoder's features have "
            f"{wanted[0]} numbers and the {about.kind} {wanted[1]} logits; fit the model again"
        )
    return Model(encoder, head, config)


def _head(table: Mapping[str, Value], weights: Mapping[str, Tensor], folder: Path) -> nn.Module:
    """A head from its tensors; no memory is taken for what the table merely claims."""
    source = folder / checkpoint.CONFIG
    sizes = {key: value for key, value in table.items() if key != "kind"}
    kind = str(table.get("kind"))
    if kind not in HEADS:
        raise InputError(f"{source}: model.{unknown('head', kind, HEADS)}")
    if not weights:
        raise InputError(f"{folder}: no tensor head.* in {checkpoint.MODEL}; fit the model again")
    for key, value in weights.items():
        if value.dtype != torch.float32 or not bool(value.isfinite().all()):
            raise InputError(f"{folder}: head.{key} holds what is no number; fit the model again")
    with building(f"{source}: model.head"):
        try:
            with torch.device("meta"):
                head: nn.Module = HEADS[kind](**sizes)
        except TypeError as error:
            raise InputError(f"{source}: model.head: {error}; fit the model again") from None
    try:
        head.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise InputError(f"{folder}: head and config.json do not match: {detail}") from None
    return head.requires_grad_(False).eval()
