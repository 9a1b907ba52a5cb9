"""Messages a line each: standard input and standard output."""

from __future__ import annotations

import os

from .inbox import Inbox
from .message import LONGEST
from .run import Gone


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
