"""Websockets as wires: connected to somebody, or taking all who connect."""

from __future__ import annotations

from contextlib import ExitStack
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from ..errors import InputError
from .address import LOOK, address
from .inbox import Inbox
from .run import Gone

try:
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
    from websockets.sync.client import connect
    from websockets.sync.server import ServerConnection, serve
except ImportError:
    raise InputError(
        "a websocket needs the package websockets: pip install 'skelf[live]'"
    ) from None

LARGEST = 1 << 24
"""Bytes of a message before the connection is given up; what is too long to read is counted."""
BEHIND = 1000
"""Events that a reader may be behind; then its connection is closed."""


class Connected:
    """A websocket that we connect to.

    Args:
        url: as ws://127.0.0.1:9000/pose.

    Raises:
        InputError: nobody answers there.
    """

    def __init__(self, url: str) -> None:
        self.name, self._open = url, ExitStack()
        try:
            self.connection = self._open.enter_context(connect(url, max_size=LARGEST))
        except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
            raise InputError(f"{url}: cannot connect: {error}") from None

    def receive(self, inbox: Inbox) -> None:
        """Reads messages until either side ends it."""
        while not inbox.closed:
            try:
                inbox.put(_bytes(self.connection.recv(timeout=LOOK)))
            except TimeoutError:
                continue
            except ConnectionClosed:
                return

    def send(self, event: bytes) -> None:
        """Sends a text message."""
        try:
            self.connection.send(event.decode())
        except ConnectionClosed:
            raise Gone from None

    def close(self) -> None:
        """Says goodbye."""
        self._open.close()


class Listening:
    """Websockets that connect to us: messages of all of them in, events to each.

    Args:
        url: as ws-listen://127.0.0.1:9000.

    Raises:
        InputError: the address is in use, or not ours.
    """

    def __init__(self, url: str) -> None:
        self.inbox: Inbox | None = None
        # Any: who connects; the queue holds text, and None as the end.
        self.readers: dict[Any, SimpleQueue[str | None]] = {}
        self.lock = Lock()
        host, port = address(url)
        try:
            self.server = serve(self._meet, host, port, max_size=LARGEST)
        except OSError as error:
            raise InputError(f"{url}: {error.strerror or error}") from None
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def name(self) -> str:
        """With the port that the system chose where 0 was asked for."""
        host, port = self.server.socket.getsockname()[:2]
        return f"ws-listen://{host}:{port}"

    def receive(self, inbox: Inbox) -> None:
        """Takes messages of all who connect until the inbox is closed."""
        self.inbox = inbox
        while not inbox.closed:
            self.thread.join(LOOK)
            if not self.thread.is_alive():
                return

    def send(self, event: bytes) -> None:
        """To all who are connected; one who does not read is cut off."""
        text = event.decode()
        with self.lock:
            for connection, queue in list(self.readers.items()):
                if queue.qsize() > BEHIND:
                    del self.readers[connection]
                    queue.put(None)
                    connection.socket.close()
                else:
                    queue.put(text)

    def close(self) -> None:
        """Lets what is written go out, then ends all connections."""
        with self.lock:
            queues = list(self.readers.values())
        for queue in queues:
            queue.put(None)
        self.server.shutdown()

    def _meet(self, connection: ServerConnection) -> None:
        queue: SimpleQueue[str | None] = SimpleQueue()
        with self.lock:
            self.readers[connection] = queue
        Thread(target=self._write, args=(connection, queue), daemon=True).start()
        try:
            for message in connection:
                if self.inbox is not None:
                    self.inbox.put(_bytes(message))
        except ConnectionClosed:
            pass
        finally:
            with self.lock:
                self.readers.pop(connection, None)
            queue.put(None)

    def _write(self, connection: ServerConnection, queue: SimpleQueue[str | None]) -> None:
        try:
            while (text := queue.get()) is not None:
                connection.send(text)
            connection.close()
        except (ConnectionClosed, OSError, Empty):
            return


def _bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else bytes(message)
