"""Modules from a run's config, checked again, since a config may come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING
from typing import Literal

from ..contracts import Encoder, Method
from ..data.clips import ClipSet
from ..data.normalize_default import AUTO
from ..encoders import ENCODERS
from ..errors import InputError
from ..methods import METHODS
from ..settings.options import option, options
from ..settings.ranges import Depth
from ..settings.run import Config, encoder_class
from ..settings.settable import arguments, filled, options_of
from ..settings.values import Settings
from ..skeleton import Skeleton


@options("input")
class Input:
    """What an encoder is built for: the `input` of a run's config."""

    skeleton: Settings = option(MISSING, "the joint layout, as `Skeleton.to_dict` writes it")
    channels: Depth = option(MISSING, "numbers a joint")
    persons: Depth = option(MISSING, "persons in a clip")
    stream: Literal["joint", "motion", "bone"] = option(MISSING, "what is derived from the joints")
    confidence: bool = option(False, "whether the last channel is one")


def input_of(config: Config, clips: ClipSet, stream: str) -> Settings:
    """What an encoder of a run is built for, see `Input`."""
    return {
        "skeleton": clips.skeleton.to_dict(),
        "channels": clips.channels,
        "persons": config.data["persons"] or clips.persons,
        "stream": stream,
        "confidence": clips.confidence,
    }


def build_encoder(config: Config, stored: object, source: str) -> Encoder:
    """The config's encoder with fresh weights.

    Args:
        config: names it and its arguments.
        stored: the config's `input`, see `Input`.
        source: what messages call the config.

    Raises:
        InputError: an unknown encoder, or an argument that it does not take.
    """
    if not isinstance(stored, Mapping):
        raise InputError(f"{source}: input: a table of settings is missing")
    takes = filled(Input, stored, section="input", source=source)
    cls, settings = encoder_class(ENCODERS, config.encoder, source=source)
    with building(f"{source}: encoder"):
        encoder = cls(
            Skeleton.from_dict(takes.skeleton, source),
            in_channels=takes.channels,
            persons=takes.persons,
            stream=takes.stream,
            confidence=takes.confidence,
            **settings,
        )
    if config.data["normalize"] != AUTO:  # what a profile counts has no data
        know(encoder, config.data["normalize"])
    return encoder


def know(encoder: Encoder, normalize: str) -> None:
    """Tells an encoder which normalisation its clips have; protocols ask it."""
    setattr(encoder, "normalize", normalize)  # noqa: B010 (one made by hand knows of none)


def preparation(method: str) -> Mapping[str, str]:
    """What a method's authors prepared their data with: layout -> name of the normalisation."""
    stated: Mapping[str, str] = getattr(METHODS[method], "preparation", {})
    return stated


def build_method(config: Config, stored: object, source: str) -> Method:
    """The config's method on its encoder, with fresh weights; see `build_encoder`.

    Raises:
        InputError: an argument that the method or the encoder does not take.
    """
    encoder = build_encoder(config, stored, source)
    cls = METHODS[config.method]
    settings = arguments(cls, config.arguments, section="method", source=source)
    views = filled(options_of(cls, "views"), config.views, section="views", source=source)
    with building(f"{source}: method"):
        return cls(encoder, views, **settings)


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
