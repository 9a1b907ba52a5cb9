"""Starting a run from trained weights: a second stage, or going on with other settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from ..checkpoints import folder as checkpoint
from ..contracts import Method, SecondStage
from ..errors import InputError, unknown
from ..methods import METHODS, OFFICIAL
from ..methods.pcm3 import PCM3
from ..settings.run import Config
from ..settings.settable import settable
from ..settings.values import Value
from ..skeleton import Skeleton
from .stored import refuse_model

OF_THE_LAYOUT = ("skeleton", "channels", "confidence")
"""What of a run's `input` may be another where the encoder takes any layout."""


class Start(NamedTuple):
    """What a run starts from, see `read_start`."""

    source: Path
    config: Mapping[str, Value] | None  # of the stored run; a released file has none
    tensors: Mapping[str, Tensor]  # by the names that the source has for them


def refuse_without_first_stage(settings: Config) -> None:
    """Refuses a second stage that starts from fresh weights.

    Raises:
        InputError: with the way to name the first stage's run.
    """
    method = METHODS[settings.method]
    if isinstance(method, SecondStage) and settings.arguments.get(method.second_stage):
        raise InputError(
            f"method.{method.second_stage}=true: the second stage of a training; name the run of "
            "the first: --refine RUN or --init RUN (in a suite: after or init)"
        )


def read_start(init: str | Path, method: str) -> Start:
    """Reads the weights that `init` names.

    Args:
        init: a run folder (its newest checkpoint), a checkpoint folder, a hub name, or a released
            file of the method.
        method: the method that shall start from them.

    Raises:
        InputError: nothing there, a run of another method than this one or those that it names as
            `starts_from`, or a file of a method without a released layout.
    """
    return checkpoint.reading(init, partial(_read, init, method))


def _read(init: str | Path, method: str, place: Path) -> Start:
    if place.is_file():
        if method not in OFFICIAL:
            raise unknown("official checkpoint layout", method, OFFICIAL)
        return Start(place, None, checkpoint.read_tensors(place))
    config: Mapping[str, Value] = checkpoint.read_config(place)
    refuse_model(config, init)
    section = config.get("method")
    name = section.get("name") if isinstance(section, Mapping) else None
    if name in getattr(METHODS[method], "starts_from", ()):
        config = _of_another(config, method)
    elif name != method:
        raise InputError(f"{init}: holds a run of {name!r}, not of {method!r}; name one of its own")
    return Start(place, config, checkpoint.read_tensors(place / checkpoint.MODEL))


def _of_another(config: Mapping[str, Value], method: str) -> Mapping[str, Value]:
    """The config of another method's run, with the settings that `method` has too."""
    shared = {k: v for k, v in config["method"].items() if k in settable(METHODS[method])}
    return {**config, "method": shared, "views": {}}


def start_from(start: Start, method: Method, name: str, described: Mapping[str, Value]) -> None:
    """Loads the weights, and all else that a checkpoint's model holds, into a new method.

    Args:
        start: where they are.
        method: built with the settings of the new run.
        name: the method's name.
        described: the `input` of the new run's config, which has to be that of the stored one.

    Raises:
        InputError: the stored run is of other data or another stream, or its weights do not fit the
            settings.
    """
    tensors = _tensors(start, method, name, described)
    try:
        method.load_state_dict(tensors)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise InputError(
            f"{start.source}: its weights do not fit the settings of this run: {lines[0]}"
        ) from None


def _tensors(
    start: Start, method: Method, name: str, described: Mapping[str, Value]
) -> Mapping[str, Tensor]:
    if start.config is None:
        skeleton = Skeleton.from_dict(described["skeleton"])
        # A released file of PCM3 holds all prompts; the run's settings say which it has.
        options = {"prompts": method.prompting} if isinstance(method, PCM3) else {}
        official = OFFICIAL[name].load(
            start.tensors, skeleton, str(start.source), stream=described["stream"], **options
        )
        return official.state_dict()
    stored = start.config.get("input")
    free = OF_THE_LAYOUT if getattr(method.encoder, "any_layout", False) else ()
    for key, value in described.items():
        if key in free:
            continue
        before = stored.get(key, False) if isinstance(stored, Mapping) else None
        if before != value:
            shown = "" if key == "skeleton" else f" {before!r}, not {value!r}"
            raise InputError(
                f"{start.source}: was trained on another {key}{shown}; start from a run on clips "
                "and a stream like these"
            )
    return start.tensors
