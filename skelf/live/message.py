"""Messages of a source: one JSON object a line, a packet, or a websocket's message."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

from ..settings.values import Value

LONGEST = 1 << 20
"""Bytes of a message; more is rubbish."""
REQUESTS = ("stats", "end")


class Rubbish(Exception):  # noqa: N818 (no error of ours: it is counted and the rest goes on)
    """A message that cannot be used.

    Args:
        kind: what all such messages have in common; one warning a kind is enough.
        text: what is wrong with this one, and the remedy.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Frame(NamedTuple):
    """One person, or persons who belong together, at one moment.

    Args:
        time: seconds; None: the message has none.
        number: of the frame; None: it has none.
        person: who; None: the only one.
        joints: as the message has them, a list or an object; None: nobody is there.
    """

    time: float | None
    number: int | None
    person: str | int | None
    joints: Value


class Request(NamedTuple):
    """A wish: "stats" or "end"."""

    what: str


def read(raw: bytes) -> Frame | Request:
    """What a message says.

    Raises:
        Rubbish: it is none.

    Examples:
        >>> read(b'{"t": 0.5, "joints": [[0, 1, 2], null]}')
        Frame(time=0.5, number=None, person=None, joints=[[0, 1, 2], None])
        >>> read(b'{"request": "stats"}')
        Request(what='stats')
    """
    if len(raw) > LONGEST:
        raise Rubbish("size", f"a message of {len(raw):,} bytes; at most {LONGEST:,} are read")
    try:
        said: Value = json.loads(raw)
    except (ValueError, RecursionError):
        raise Rubbish("json", f"no JSON: {_shown(raw)}; send one object a message") from None
    if not isinstance(said, dict):
        raise Rubbish("json", f"no JSON object: {_shown(raw)}; send one object a message")
    if "request" in said:
        if said["request"] not in REQUESTS:
            raise Rubbish("request", f"unknown request; known: {', '.join(REQUESTS)}")
        return Request(said["request"])
    if "joints" not in said:
        raise Rubbish("joints", 'no "joints"; send {"t": seconds, "joints": [[x, y, z], ...]}')
    person = said.get("person")
    if isinstance(person, bool) or not isinstance(person, str | int | None):
        raise Rubbish("person", '"person" is neither text nor a whole number')
    number = _number(said.get("frame"), "frame")
    return Frame(
        _number(said.get("t"), "t"),
        None if number is None else int(number),
        person[:64] if isinstance(person, str) else person,
        said["joints"],
    )


def _number(value: Value, key: str) -> float | None:
    if value is None:
        return None
    try:
        number = float("nan" if isinstance(value, bool | str) else value)
    except (TypeError, OverflowError):
        number = math.nan
    # Beyond 2^53 neither frames nor microseconds can be told apart.
    if not abs(number) < 2**53:
        raise Rubbish(key, f'"{key}" is no finite number')
    return number


def _shown(raw: bytes) -> str:
    text = raw[:40].decode("ascii", "backslashreplace")
    return repr(text) + ("..." if len(raw) > len(text) else "")
