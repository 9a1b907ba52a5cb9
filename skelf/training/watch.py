"""Reads an encoder before training and every few epochs, and says when it falls below its start."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts import Encoder
from .log import Event, Listener
from .monitor import Monitor

START = -1
"""The epoch of the reading before training."""


class Watch:
    """The readings of one run, told as events: `monitor`, and `note` where k-NN has fallen.

    Args:
        read: reads the encoder.
        every: epochs between two readings.
        tell: is told the events.
        log: what an earlier part of the run has told.
    """

    def __init__(self, read: Monitor, every: int, tell: Listener, log: Sequence[Event]) -> None:
        self.read, self.every, self.tell = read, every, tell
        self.readings = [event for event in log if event.get("event") == "monitor"]

    def due(self, epoch: int) -> bool:
        """Whether the encoder is to be read after this epoch."""
        return (epoch + 1) % self.every == 0

    def __call__(self, encoder: Encoder, epoch: int, step: int) -> None:
        """Reads the encoder after `epoch`, `START` before the first one."""
        event = {"event": "monitor", "epoch": epoch, "step": step, **self.read(encoder)}
        self.tell(event)
        text = fallen(self.readings, event)
        self.readings.append(event)
        if text is not None:
            self.tell({"event": "note", "epoch": epoch, "step": step, "text": text})


def fallen(earlier: Sequence[Event], reading: Event) -> str | None:
    """What there is to say of a reading of k-NN below that of the encoder before training.

    It is said once, and again only when k-NN had recovered in between.

    Args:
        earlier: the run's readings, the one of `START` among them; without it nothing is said.
        reading: the new one.

    Examples:
        >>> start = {"epoch": START, "knn_top1": 0.5}
        >>> fallen([start], {"epoch": 4, "knn_top1": 0.25}).partition(":")[0]
        'k-NN is at 25.00 % after epoch 5, below the 50.00 % of the encoder before training'
        >>> fallen([start, {"epoch": 4, "knn_top1": 0.25}], {"epoch": 9, "knn_top1": 0.26}) is None
        True
    """
    values = {event["epoch"]: event["knn_top1"] for event in earlier if "knn_top1" in event}
    now, start = reading.get("knn_top1"), values.pop(START, None)
    if now is None or start is None or now >= start:
        return None
    if values and values[max(values)] < start:
        return None
    return (
        f"k-NN is at {100 * now:.2f} % after epoch {reading['epoch'] + 1}, below the "
        f"{100 * start:.2f} % of the encoder before training: if the next readings stay there, "
        "stop, and start again with a lower train.lr or milder views"
    )
