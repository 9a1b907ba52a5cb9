"""Messages between the thread that receives them and the one that answers."""

from __future__ import annotations

import time
from collections import deque
from threading import Condition


class Closed(Exception):  # noqa: N818 (the usual end)
    """Nothing more will come."""


class Inbox:
    """Messages in order; of too many the oldest go, or the source waits.

    Args:
        size: messages that may wait.
        waits: a full inbox lets the source wait; else the oldest message goes and is counted.
            Requests stay.

    Examples:
        >>> inbox = Inbox(2)
        >>> for raw in (b"1", b"2", b"3"):
        ...     inbox.put(raw)
        >>> inbox.take(0)[0], inbox.dropped
        (b'2', 1)
    """

    def __init__(self, size: int, *, waits: bool = False) -> None:
        self.size, self.waits, self.dropped = size, waits, 0
        self._messages: deque[tuple[bytes, float]] = deque()
        self._changed = Condition()
        self._closed = False
        self._error: OSError | None = None

    def put(self, raw: bytes) -> None:
        """Adds a message that has come just now; nothing where the inbox is closed."""
        with self._changed:
            while self.waits and len(self._messages) >= self.size and not self._closed:
                self._changed.wait()
            if self._closed:
                return
            if len(self._messages) >= self.size:
                self._drop()
            self._messages.append((raw, time.perf_counter()))
            self._changed.notify_all()

    def take(self, timeout: float) -> tuple[bytes, float] | None:
        """The oldest message and when it came (`time.perf_counter`); None: none for so long.

        Raises:
            Closed: nothing is left, and nothing will come.
            OSError: the source failed, and all that it had sent was taken.
        """
        with self._changed:
            if not self._messages and not self._closed:
                self._changed.wait(timeout)
            if self._messages:
                self._changed.notify_all()
                return self._messages.popleft()
            if not self._closed:
                return None
            if self._error is not None:
                raise self._error
            raise Closed

    def close(self, error: OSError | None = None) -> None:
        """Says that nothing more comes, and why where something failed."""
        with self._changed:
            self._closed, self._error = True, self._error or error
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nobody wants more."""
        return self._closed

    def _drop(self) -> None:
        for place, (raw, _) in enumerate(self._messages):
            if b'"request"' not in raw:
                del self._messages[place]
                self.dropped += 1
                return
        self._messages.popleft()
        self.dropped += 1
