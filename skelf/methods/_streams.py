"""What methods that train several streams together share."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from ..encoders.stgcn import initialize
from ..errors import unknown
from ..streams import STREAMS


def sibling(encoder: nn.Module, stream: str) -> nn.Module:
    """An encoder like `encoder` for another stream, its weights drawn anew."""
    made: Any = copy.deepcopy(encoder)
    made.stream = stream
    initialize(made)
    return made


def check_streams(encoder: Any, streams: tuple[str, ...], method: str) -> None:
    """Refuses streams that a method cannot train together.

    Raises:
        InputError: an unknown stream.
        ValueError: not joint first and one or two others, or an encoder of another stream.
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
