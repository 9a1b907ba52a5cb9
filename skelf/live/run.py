"""From a source to a sink until the source ends, somebody asks, or a signal comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from ..settings.values import Settings
from .inbox import Closed, Inbox
from .session import Session

PATIENCE = 0.1
"""Seconds between looks at whether to stop."""
Send = Callable[[bytes], None]


class Gone(Exception):  # noqa: N818 (one of the usual ends)
    """Whoever read the events has left."""


def run(
    session: Session,
    inbox: Inbox,
    send: Send,
    *,
    stop: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE,
) -> None:
    """Answers messages until there are no more; what is open is ended and sent.

    Args:
        session: answers.
        inbox: has the messages; is closed in the end.
        send: takes events, one JSON object without a line break at a time.
        stop: asked all the time; True ends in order.
        patience: seconds of silence after which `stop` is asked again.

    Raises:
        Gone: by `send`: nobody reads the events.
        InputError: frames that the model cannot take, see `Session.feed`.
        OSError: the source failed.
    """
    quiet = time.perf_counter()
    try:
        while not (session.ended or stop()):
            taken = inbox.take(patience)
            if taken is None:
                events, arrival = session.idle(time.perf_counter() - quiet), None
            else:
                raw, arrival = taken
                quiet = arrival
                events = session.feed(raw, arrival)
            session.counts.of["dropped"] = inbox.dropped
            _send(events, send)
            if arrival is not None and session.tracks is not None:
                session.counts.seconds.append(time.perf_counter() - arrival)
    except Closed:
        pass
    finally:
        inbox.close()
        session.counts.of["dropped"] = inbox.dropped
    _send(session.finish(), send)


def _send(events: Sequence[Settings], send: Send) -> None:
    for event in events:
        send(json.dumps(event, ensure_ascii=False, allow_nan=False).encode())
