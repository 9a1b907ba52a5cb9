"""Modules from a run's config, checked again, since a config may come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from .arguments import arguments, filled
from .config import METHOD_SKIP, Config, encoder_class
from .encoders import ENCODERS
from .errors import InputError
from .methods import METHODS
from .skeleton import Skeleton


class Input(BaseModel):
    """What an encoder is built for: the `input` of a run's config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    skeleton: dict[str, Any]
    channels: int = Field(ge=1)
    persons: int = Field(ge=1)
    stream: Literal["joint", "motion", "bone"]


def build_encoder(config: Config, given: Any, source: str) -> Any:
    """The config's encoder with fresh weights; its contract is more than nn.Module's.

    Args:
        config: names it and its arguments.
        given: the config's `input`, see `Input`.
        source: what messages call the config.

    Raises:
        InputError: an unknown encoder, or an argument that it does not take.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"{source}: input: a table of settings is missing")
    takes = filled(Input, given, "input", source)
    cls, chosen = encoder_class(ENCODERS, config.encoder, source=source)
    try:
        return cls(
            Skeleton.from_dict(takes.skeleton, source),
            in_channels=takes.channels,
            persons=takes.persons,
            stream=takes.stream,
            **chosen,
        )
    except ValueError as error:
        raise _named(error, f"{source}: encoder") from None


def build_method(config: Config, given: Any, source: str) -> nn.Module:
    """The config's method on its encoder, with fresh weights; see `build_encoder`.

    Raises:
        InputError: an argument that the method or the encoder does not take.
    """
    encoder = build_encoder(config, given, source)
    cls = METHODS[config.method]
    chosen = arguments(cls, config.arguments, section="method", source=source, skip=METHOD_SKIP)
    try:
        return cls(encoder, views=config.views, **chosen)
    except ValueError as error:
        raise _named(error, f"{source}: method") from None


def _named(error: ValueError, where: str) -> InputError:
    return error if isinstance(error, InputError) else InputError(f"{where}: {error}")
