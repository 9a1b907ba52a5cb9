"""What a model's `config.json` says of it, under "model": checked when it is read and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING
from typing import Annotated, Literal

from ..errors import InputError
from ..settings.options import option, options
from ..settings.ranges import NotEmpty
from ..settings.settable import filled
from ..settings.values import Settings, Value

VERSION = 1


@options("model")
class About:
    """A model in words and numbers; all of it is JSON."""

    kind: Literal["classifier", "detector"] = option(MISSING, "what it answers")
    class_names: Annotated[tuple[str, ...], NotEmpty()] = option(MISSING, "the classes, in order")
    head: Settings = option(MISSING, 'its "kind", and the sizes that it is built with')
    version: int = option(VERSION, "of this table", ge=1)
    needs: Settings | None = option(
        None, "fps, unit, up and size of the clips that it learnt from; what is left out is unknown"
    )
    temperature: float = option(1.0, "logits are divided by it before they are exponentiated", gt=0)
    unknown_below: float = option(
        0.0, 'the answer is "unknown" where the probability is below it', ge=0, le=1
    )
    expected: Settings | None = option(
        None, "accuracy on people who were not seen, and how it was found; none: it is not known"
    )
    learnt_from: Settings | None = option(
        None, "store, digest, split, clips, subjects and versions"
    )
    windows: Settings | None = option(None, "of a detector: how it reads a recording")
    rules: Settings | None = option(None, "of a detector: how frames become segments")


def read_about(config: Mapping[str, Value], name: str, source: str) -> About:
    """The "model" of a config, checked.

    Args:
        config: the content of `config.json`.
        name: what the user called the model.
        source: the file, for messages.

    Raises:
        InputError: it has none, being a run's; it is damaged, or of a later version of skelf.
    """
    stored = config.get("model")
    if stored is None:
        raise InputError(
            f"{name}: a run, not a model; fit one on it first: skelf fit classifier --run {name} "
            "--data STORE --out MODEL"
        )
    if not isinstance(stored, Mapping):
        raise InputError(f"{source}: model: damaged, a table is needed")
    version = stored.get("version")
    if isinstance(version, int) and version > VERSION:
        raise InputError(f"{source}: model.version: {version}, made by a later skelf; update it")
    return filled(About, stored, section="model", source=source)
