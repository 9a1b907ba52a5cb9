"""Messages a UDP packet each."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from ..errors import InputError
from .address import LOOK, address
from .inbox import Inbox

BUFFER = 1 << 22
"""Bytes of packets that the system is asked to keep for us."""


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
