"""What methods share that train several streams together, or change one that is derived."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast, runtime_checkable

from torch import nn

from ..contracts import Encoder, Module, torch_module
from ..encoders.stgcn import initialize
from ..errors import unknown
from ..streams import STREAMS

M = TypeVar("M", bound=Module)


@runtime_checkable
class Drawn(Protocol):
    """An encoder that draws its weights itself."""

    def draw(self) -> None:
        """All weights anew, as when it was made."""


def registered(parts: Mapping[str, M]) -> Mapping[str, M]:
    """Modules by name, as parts of the module that they are assigned to."""
    modules = nn.ModuleDict({name: torch_module(part) for name, part in parts.items()})
    return cast(Mapping[str, M], modules)  # torch types what it holds as modules alone


def sibling(encoder: Encoder, stream: str) -> Encoder:
    """An encoder like `encoder` for another stream, its weights drawn anew.

    By its own `draw` where it has one (gru); a recurrence has no layers that `initialize` knows.
    """
    other = copy.deepcopy(encoder)
    other.stream = stream
    if isinstance(other, Drawn):
        other.draw()
    else:
        initialize(other)
    return other


@contextmanager
def as_derived(encoder: Encoder) -> Iterator[None]:
    """Within, the encoder takes its stream itself, not the joints that it derives it from."""
    stream, encoder.stream = encoder.stream, "joint"
    try:
        yield
    finally:
        encoder.stream = stream


def check_streams(encoder: Encoder, streams: tuple[str, ...], method: str) -> None:
    """Refuses streams that a method cannot train together.

    Raises:
        InputError: an unknown stream.
        ValueError: not joint first and one or two others, or an encoder of another stream or of
            several.
    """
    for name in streams:
        if name not in STREAMS:
            raise unknown("stream", name, STREAMS)
    if len(streams) < 2 or streams[0] != "joint" or len(set(streams)) < len(streams):
        raise ValueError(f"streams={streams}: joint first, then one or two others")
    if encoder.stream != "joint":
        raise ValueError(
            f"{method} derives its streams itself: use stream joint, not {encoder.stream!r}"
        )
    if hasattr(encoder, "streams"):
        raise ValueError(f"{method} needs encoders of one stream, not {type(encoder).__name__}")
