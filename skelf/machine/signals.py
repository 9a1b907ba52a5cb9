"""An orderly end on SIGTERM and Ctrl-C, for programs; a library leaves signals to its caller."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

TERMINATED = 128 + signal.SIGTERM  # the shell's convention
Handler = Any  # signal's own: a function, a constant, or None where it was not set from Python


class Terminated(SystemExit):
    """SIGTERM arrived: what runs is cleaned up on the way out, and the exit code is 143."""

    def __init__(self) -> None:
        super().__init__(TERMINATED)


def end_in_order() -> None:
    """From now on SIGTERM is an exception, as Ctrl-C is: temporary files are removed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGTERM:
        raise Terminated
    raise KeyboardInterrupt


class Pause:
    """While entered, the first Ctrl-C or SIGTERM waits until work that asks can end in order.

    `pause()` asks: whether to end. Before it has been asked once, and from the second signal on, a
    signal ends the work at once. A signal that is ignored (nohup) stays ignored.

    Args:
        notice: is written to stderr when the first signal arrives.
    """

    def __init__(self, notice: str) -> None:
        self.signal: int | None = None
        self._notice, self._asked = notice, False
        self._before: dict[int, Handler] = {}

    def __enter__(self) -> Pause:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def __call__(self) -> bool:
        """Whether a signal has arrived."""
        self._asked = True
        return self.signal is not None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        waits = self._asked and self.signal is None
        self.signal = number
        if not waits:
            _raise(number, frame)
        if self._notice:  # not through Python's buffers, in the middle of whose work this may be
            os.write(2, f"{self._notice}\n".encode())
