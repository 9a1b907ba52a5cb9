"""The settings of a run, from four sources; a later one wins.

The defaults where a setting is written, then `configs/<method>.toml`, then the user's TOML file,
then `key=value`. Only `[train]` and `[data]` are written here: those of an encoder, a method, its
views and the protocols stand with the class or function that takes them (`settable.py`). So a new
one needs no code here.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, TypeVar

from ..errors import InputError, unknown
from .evaluation import refuse_wrong
from .given import SECTIONS, Given, flatten, over, pick, read_given
from .options import flat, option, options
from .ranges import Count, Decay, Depth, Epochs, Positive, Size
from .settable import arguments, filled, options_of, settable
from .values import Settings, Value, plain

E = TypeVar("E")


@options("train")
class Train:
    """How a run is trained; the defaults are USDRL's on NTU RGB+D. The seed belongs to the run."""

    epochs: int = option(451, "passes over the training split", ge=1)
    batch_size: int = option(356, "clips a step, over all devices together", ge=2)
    batches: Literal["mixed", "set"] = option(
        "mixed", "set: each batch of one set of a joined pool, so that nothing is learnt of sets"
    )
    shuffle: Literal["full", "windows"] = option(
        "full", "full: any clip next to any other; windows: neighbours are read together"
    )
    neighbours: int = option(16, "clips of a chunk, for shuffle windows", ge=1)
    window: int = option(1024, "chunks mixed at a time, for shuffle windows", ge=1)
    lr: float = option(5e-4, "learning rate after the warmup", gt=0, le=1e6)
    weight_decay: float = option(
        1e-5, "L2 for adam and sgd, decoupled for adamw and muon", ge=0, le=1e6
    )
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = option(
        "adam", "torch's, its defaults; muon: of matrices, adamw at a fifth of the rate of the rest"
    )
    momentum: float = option(0.9, "of sgd", ge=0, lt=1)
    schedule: Literal["step", "cosine", "constant"] = option("step", "of the lr")
    milestones: Epochs = option((351,), "epochs from which step multiplies lr")
    gamma: float = option(0.1, "factor of schedule step at a milestone", gt=0, le=1)
    warmup_epochs: int = option(0, "epochs of linear rise of the lr from 0", ge=0)
    clip_norm: Positive | None = option(None, "largest gradient norm; none: no limit")
    accumulate: int = option(1, "batches whose gradients make one step", ge=1)
    chunk: Size | None = option(
        None, "views in the encoder at a time, computed twice; none: the whole batch"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = option(
        "auto", "auto: bf16 where the device has it, else fp32"
    )
    devices: Literal["auto", "cpu", "cuda"] = option("auto", "auto: cuda where present")
    compile: bool = option(False, "torch.compile the method; eager where that fails")
    ema: Decay | None = option(None, "decay of a running average of the encoder; none: off")
    save_every: int = option(1, "epochs between two checkpoints", ge=1)
    save_steps: Count | None = option(
        None, "steps between two checkpoints within an epoch; none: at the end of epochs alone"
    )
    keep: int = option(2, "checkpoints that stay on disk", ge=1)
    monitor_every: int = option(
        0, "epochs between two readings of k-NN and of signs without labels; 0: off", ge=0
    )
    timeout: float = option(
        1800.0, "seconds that processes of one run wait for each other", gt=0, le=1e6
    )
    resident: bool | Literal["auto"] = option(
        "auto", "hold the split in the device's memory; auto: when it fits"
    )

    def check(self) -> None:
        """Refuses a warmup without an end."""
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs must be below epochs = {self.epochs}")


RESULT_FREE = frozenset(
    f"train.{key}"
    for key in (
        *("devices", "resident", "compile", "chunk"),
        *("save_every", "save_steps", "keep", "monitor_every", "timeout"),
    )
)
"""Settings that say where and how a run is computed, not what: results are equal up to rounding, or
up to draws of the same distribution. A resume may change them, and runs that differ in nothing else
are repeats of one setup."""


@options("data")
class Data:
    """How a store's clips become batches."""

    normalize: str = option(
        "auto", "normalisation applied on load; steps joined by +; auto: docs/normalise.md"
    )
    persons: Depth | None = option(None, "persons kept; none: all of the store's")


@dataclass(frozen=True)
class Config:
    """All settings of a run, every default filled in; sequences are tuples.

    Args:
        method: name of the method.
        arguments: the method's own arguments.
        encoder: "name" and the encoder's arguments.
        views: arguments of the method's view function.
        train: the training loop's settings.
        data: "normalize" and "persons", see `Data`. A run that trains records the normalisation
            that "auto" stands for.
        eval: options of protocols that were given; `evaluation` has the rest of them.
    """

    method: str
    arguments: Settings
    encoder: Settings
    views: Settings
    train: Train
    data: Settings
    eval: Settings

    @property
    def encoder_arguments(self) -> Settings:
        """The encoder's arguments without its name."""
        return {key: value for key, value in self.encoder.items() if key != "name"}

    def to_dict(self) -> Settings:
        """All settings as JSON has them: one object a section, names under "name"."""
        sections = {
            "method": {"name": self.method, **self.arguments},
            "encoder": self.encoder,
            "views": self.views,
            "train": flat(self.train),
            "data": self.data,
            "eval": self.eval,
        }
        return {name: _json(section) for name, section in sections.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Value], *, source: str = "config.json") -> Config:
        """Reads `to_dict` back; other top-level keys (what a run stores beside) are left alone.

        Names and arguments are checked again where a module is built: `encoder_class`.

        Raises:
            InputError: a section is missing or no object, or train or data hold a wrong value.
        """
        sections: dict[str, Settings] = {}
        for name in SECTIONS:
            section = values.get(name)
            if not isinstance(section, Mapping):
                raise InputError(f"{source}: {name}: a table of settings is missing")
            sections[name] = {str(key): plain(value) for key, value in section.items()}
        for name in ("method", "encoder"):
            given = sections[name].get("name")
            if not isinstance(given, str):
                said = "missing" if given is None else f"must be a name, got {given!r}"
                raise InputError(f"{source}: {name}.name: {said}")
        method = sections["method"].pop("name")
        return cls(
            method=method,
            arguments=sections["method"],
            encoder=sections["encoder"],
            views=sections["views"],
            train=filled(Train, sections["train"], section="train", source=source),
            data=arguments(Data, sections["data"], section="data", source=source),
            eval=sections["eval"],
        )


def resolve(
    method: str,
    *,
    methods: Mapping[str, Callable[..., object]],
    encoders: Mapping[str, Callable[..., object]],
    protocols: Mapping[str, Callable[..., object]] | None = None,
    base: Mapping[str, Value] | None = None,
    resumed: bool = False,
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Config:
    """Settings of a run from the four sources; a later one wins.

    Args:
        method: a key of `methods`.
        methods: name -> class; what its `views` is annotated with is what the `views` section sets.
        encoders: name -> class; `encoder.name` picks one.
        protocols: name -> function; an `eval` key must be an option of one of them.
        base: the stored config of a run that this one starts from: its model, views and data win
            over the shipped file's, and its training settings do not.
        resumed: `base` goes on, with all of its settings.
        file: the user's TOML file.
        overrides: `section.key=value`, the value as TOML writes it, or a bare word.

    Raises:
        InputError: an unknown method, encoder or key (with the nearest name), a value of the wrong
            kind or out of range, an unreadable file; one line each, with where it came from.
    """
    if method not in methods:
        raise unknown("method", method, methods)
    shipped = _shipped(method, methods[method]) | _stored(
        base or {}, SECTIONS if resumed else _OF_MODEL
    )
    given = read_given(file, overrides)
    name, named_by = given.get("encoder.name", shipped.get("encoder.name", (None, "")))
    cls = _encoder(encoders, name, source=named_by)
    if "encoder.name" in given:
        # Numbers for the method's usual encoder say nothing about arguments that another one lacks.
        takes = {f"encoder.{key}" for key in settable(cls)}
        shipped = {k: v for k, v in shipped.items() if k in takes or not k.startswith("encoder.")}
    merged = over(shipped, given)
    merged.pop("encoder.name")
    lines: list[str] = []

    def attempt(section: str, check: Callable[..., Value]) -> Value:
        values, source = pick(merged, section)
        try:
            return check(values, source=source)
        except InputError as error:  # the other sections' mistakes belong to the same message
            lines.append(str(error))
            return {}

    parts: dict[str, Callable[..., Value]] = {
        "encoder": partial(arguments, cls, section="encoder"),
        "method": partial(arguments, methods[method], section="method"),
        "views": partial(arguments, options_of(methods[method], "views"), section="views"),
        "train": partial(filled, Train, section="train"),
        "data": partial(arguments, Data, section="data"),
        "eval": partial(refuse_wrong, protocols or {}),
    }
    done = {section: attempt(section, check) for section, check in parts.items()}
    if lines:
        raise InputError("\n".join(lines))
    return Config(
        method=method,
        arguments=done["method"],
        encoder={"name": name, **done["encoder"]},
        views=done["views"],
        train=done["train"],
        data=done["data"],
        eval=plain(pick(merged, "eval")[0]),
    )


def encoder_class(
    encoders: Mapping[str, Callable[..., E]],
    section: Mapping[str, Value],
    *,
    source: str = "config.json",
) -> tuple[Callable[..., E], Settings]:
    """The class that `section["name"]` names, and its arguments checked and completed.

    Raises:
        InputError: an unknown encoder, an argument that it does not take, or a wrong value.
    """
    cls = _encoder(encoders, section.get("name"), source=source)
    given = {key: value for key, value in section.items() if key != "name"}
    return cls, arguments(cls, given, section="encoder", source=source)


_OF_MODEL = ("method", "encoder", "views", "data")


def _shipped(method: str, cls: Callable[..., object]) -> dict[str, Given]:
    """`configs/<method>.toml`, of another package's method the file of this name beside its module;
    a method without one has its signatures' defaults only.
    """
    path: Traversable = files("skelf") / "configs" / f"{method}.toml"
    home = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if home and not path.is_file():
        path = Path(home).with_name(f"{method}.toml")
    return flatten(tomllib.loads(path.read_text("utf-8")), path.name) if path.is_file() else {}


def _stored(config: Mapping[str, Value], sections: Sequence[str]) -> dict[str, Given]:
    chosen = {section: config[section] for section in sections if section in config}
    values = flatten(chosen, "the stored run")
    values.pop("method.name", None)
    return values


def _encoder(
    encoders: Mapping[str, Callable[..., E]], name: object, *, source: str
) -> Callable[..., E]:
    if name is not None and not isinstance(name, str):
        raise InputError(f"{source}: encoder.name: must be a name, got {name!r}")
    if name is None:
        raise InputError("encoder.name: missing, give encoder.name=" + "|".join(sorted(encoders)))
    if name not in encoders:
        raise InputError(f"{source}: encoder.name: {unknown('encoder', name, encoders)}")
    return encoders[name]


def _json(value: object) -> Value:
    if isinstance(value, Mapping):
        return {key: _json(inner) for key, inner in value.items()}
    return [_json(inner) for inner in value] if isinstance(value, list | tuple) else value
