"""Where messages come from and where events go: standard input and output, UDP, websockets.

A wire receives in a thread of its own and sends from whoever answers.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..errors import InputError
from .inbox import Inbox
from .lines import Lines
from .packets import Packets

KINDS = "-, udp://HOST:PORT, ws://HOST:PORT/PATH or ws-listen://HOST:PORT"


class Wire(Protocol):
    """One end of a connection."""

    @property
    def name(self) -> str:
        """What a person is told of it."""

    def receive(self, inbox: Inbox) -> None:
        """Puts what comes into the inbox until one of them is closed."""

    def send(self, event: bytes) -> None:
        """Sends one event; `run.Gone` where nobody is there to read it."""

    def close(self) -> None:
        """Ends it."""


class Opened(NamedTuple):
    """Both ends.

    Args:
        source: where messages come from.
        sink: where events go; the same where both are one address.
        waits: the source may be kept waiting.
    """

    source: Wire
    sink: Wire
    waits: bool

    def close(self) -> None:
        """Closes both."""
        self.source.close()
        if self.sink is not self.source:
            self.sink.close()


def opened(source: str, sink: str) -> Opened:
    """Opens both ends.

    Args:
        source: `-` standard input; `udp://HOST:PORT` packets that come there; `ws://...` connects
            to a websocket; `ws-listen://HOST:PORT` takes those that connect.
        sink: likewise; the same address as `source`: the same connection.

    Raises:
        InputError: an address of no kind, or one that cannot be used.
    """
    first = _wire(source, bound=True)
    try:
        second = first if sink == source else _wire(sink, bound=False)
    except BaseException:
        first.close()
        raise
    return Opened(first, second, source == "-" and is_file(0))


def start(wire: Wire, inbox: Inbox) -> Callable[[], None]:
    """What a thread runs: receives, and closes the inbox when it is over."""

    def receive() -> None:
        error = None
        try:
            wire.receive(inbox)
        except OSError as failed:
            error = failed
        inbox.close(error)

    return receive


def is_file(descriptor: int) -> bool:
    """Whether a stream is a file, which has all the time in the world."""
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _wire(url: str, *, bound: bool) -> Wire:
    if url == "-":
        sys.stdout.flush()
        return Lines()
    scheme = url.partition("://")[0]
    if scheme == "udp":
        return Packets(url, bound=bound)
    if scheme in ("ws", "wss", "ws-listen"):
        from .websocket import Connected, Listening

        return Listening(url) if scheme == "ws-listen" else Connected(url)
    raise InputError(f"{url!r}: no address of a kind that is known: {KINDS}")
