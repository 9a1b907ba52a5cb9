"""Modules from a run's config, checked again, since a config may come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from torch import nn

from ..encoders import ENCODERS
from ..errors import InputError
from ..methods import METHODS
from ..settings.ranges import Depth
from ..settings.run import METHOD_SKIP, Config, encoder_class
from ..settings.signature import arguments, filled
from ..skeleton import Skeleton


class Input(BaseModel):
    """What an encoder is built for: the `input` of a run's config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    skeleton: dict[str, Any]
    channels: Depth
    persons: Depth
    stream: Literal["joint", "motion", "bone"]
    confidence: bool = False  # whether the last channel is one


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
    with building(f"{source}: encoder"):
        return cls(
            Skeleton.from_dict(takes.skeleton, source),
            in_channels=takes.channels,
            persons=takes.persons,
            stream=takes.stream,
            confidence=takes.confidence,
            **chosen,
        )


def build_method(config: Config, given: Any, source: str) -> nn.Module:
    """The config's method on its encoder, with fresh weights; see `build_encoder`.

    Raises:
        InputError: an argument that the method or the encoder does not take.
    """
    encoder = build_encoder(config, given, source)
    cls = METHODS[config.method]
    chosen = arguments(cls, config.arguments, section="method", source=source, skip=METHOD_SKIP)
    with building(f"{source}: method"):
        return cls(encoder, views=config.views, **chosen)


@contextmanager
def building(where: str) -> Iterator[None]:
    """Around the building of a module: sizes that it cannot have are wrong input.

    Raises:
        InputError: in one line, `where` first.
    """
    try:
        yield
    except InputError:
        raise
    except (ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise InputError(f"{where}: {line}") from None
