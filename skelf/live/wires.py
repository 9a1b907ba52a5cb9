"""Where messages come from and where events go: standard input and output, UDP, websockets.

A wire receives in a thread of its own and sends from whoever answers.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from ..errors import InputError
from .inbox import Inbox
from .message import LONGEST
from .run import Gone

LOOK = 0.2
"""Seconds between looks at whether a wire shall end."""
BUFFER = 1 << 22
"""Bytes of packets that the system is asked to keep for us."""
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


class Lines:
    """Messages a line each: standard input and standard output."""

    def __init__(self, source: int = 0, sink: int = 1) -> None:
        self.source, self.sink = source, sink
        self.name = "-"

    def receive(self, inbox: Inbox) -> None:
        """Reads lines to the end of the input; one that is too long is cut off."""
        # Not through sys.stdin: a thread that waits in its lock keeps Python from ending.
        rest, skipping = b"", False
        while not inbox.closed and (block := os.read(self.source, 1 << 16)):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if line.strip() and not skipping:
                    inbox.put(line)
                skipping = False
            if len(rest) > LONGEST:
                if not skipping:
                    inbox.put(rest)  # too long: whoever reads it says so
                rest, skipping = b"", True
        if rest.strip() and not skipping:
            inbox.put(rest)

    def send(self, event: bytes) -> None:
        """Writes a line at once."""
        line = event + b"\n"
        try:
            while line:
                line = line[os.write(self.sink, line) :]
        except BrokenPipeError:
            raise Gone from None

    def close(self) -> None:
        """Leaves the streams to the process."""


class Packets:
    """Messages a UDP packet each.

    Args:
        url: the address.
        bound: receives there; what is sent goes to whoever sent last. Else it sends there.
    """

    def __init__(self, url: str, *, bound: bool) -> None:
        host, port = address(url)
        try:
            kind, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self.socket = socket.socket(kind, socket.SOCK_DGRAM)
            self.bound = bound
            # Any: an address is another tuple for each family.
            self.peer: Any = None if bound else where
            if bound:
                with suppress(OSError):
                    self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                self.socket.bind(where)
        except OSError as error:
            raise InputError(f"{url}: {error.strerror or error}") from None
        self.socket.settimeout(LOOK)

    @property
    def name(self) -> str:
        """With the port that the system chose where 0 was asked for."""
        where = self.socket.getsockname() if self.bound else self.peer
        host, port = str(where[0]), int(where[1])
        return f"udp://{host}:{port}"

    def receive(self, inbox: Inbox) -> None:
        """Reads packets; there is no end but the inbox's."""
        while not inbox.closed:
            try:
                packet, self.peer = self.socket.recvfrom(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:  # what was sent before met nobody
                continue
            inbox.put(packet)

    def send(self, event: bytes) -> None:
        """Sends a packet, whether or not somebody is there."""
        if self.peer is not None:
            with suppress(ConnectionError):
                self.socket.sendto(event, self.peer)

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()


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


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL.

    Raises:
        InputError: one of them is missing.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{url}: {error}") from None
    if not host or port is None:
        raise InputError(f"{url}: host and port are needed, as udp://127.0.0.1:9000")
    return host, port


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
