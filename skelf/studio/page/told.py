"""What a window tells the server with an action: where the person is, and what is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ...errors import InputError


class Marks(NamedTuple):
    """A stretch that is marked: first frame, and the frame after the last."""

    start: int
    end: int


class Chosen(NamedTuple):
    """A label or a suggestion that is chosen, as the window has it."""

    kind: Literal["label", "suggestion"]
    id: str
    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Told:
    """An action, and where it was done.

    Args:
        name: of the action.
        recording: that is open; "" where none is.
        frame: under the playhead.
        marks: the marked stretch.
        chosen: what is chosen.
        under: the id of the label under the playhead; "" where none is.
        turn: how often the window had chosen or marked something; another number later says that
            the person has gone on. -1: the action is no window's script's.
        serial: of the action, counted in its window from 1.
        more: what this action is told besides.
    """

    name: str
    recording: str = ""
    frame: int = 0
    marks: Marks | None = None
    chosen: Chosen | None = None
    under: str = ""
    turn: int = -1
    serial: int = 0
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def stretch(self) -> Marks | None:
        """What is marked or chosen."""
        return self.marks or (Marks(self.chosen.start, self.chosen.end) if self.chosen else None)

    def number(self, key: str) -> int:
        """A whole number of `more`.

        Raises:
            InputError: it is none.
        """
        value = self.more.get(key)
        if not isinstance(value, int | float) or value != value or abs(value) > 1e15:
            raise InputError(f"{self.name}: {key} is no number; load the page again")
        return int(value)

    def stretches(self, key: str) -> list[tuple[Marks, str]]:
        """Stretches of `more` with their labels.

        Raises:
            InputError: they are none.
        """
        rows = self.more.get(key)
        try:
            assert isinstance(rows, list)
            return [(Marks(int(r["start"]), int(r["end"])), str(r["label"])) for r in rows]
        except (AssertionError, KeyError, TypeError, ValueError, OverflowError):
            raise InputError(f"{self.name}: {key} are no stretches; load the page again") from None

    def text(self, key: str) -> str:
        """A text of `more`; "" where there is none."""
        value = self.more.get(key, "")
        return value if isinstance(value, str) else ""


def read(message: object) -> Told:
    """What came from the browser.

    Raises:
        InputError: it is no action.
    """
    if not isinstance(message, Mapping) or not isinstance(message.get("name"), str):
        raise InputError("the page sent no action; load it again")
    rest = {str(key): value for key, value in message.items()}
    name, recording, frame = rest.pop("name"), rest.pop("recording", ""), rest.pop("frame", 0)
    marks, chosen = rest.pop("marks", None), rest.pop("chosen", None)
    under, turn, serial = rest.pop("under", ""), rest.pop("turn", -1), rest.pop("serial", 0)
    try:
        return Told(
            str(name),
            str(recording or ""),
            max(0, int(frame or 0)),
            Marks(int(marks["start"]), int(marks["end"])) if marks else None,
            _chosen(chosen) if chosen else None,
            str(under),
            int(turn),
            int(serial),
            rest,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"{name}: the page sent what is no action; load it again") from None


def _chosen(said: Mapping[str, object]) -> Chosen:
    kind: Literal["label", "suggestion"] = "label" if said["kind"] == "label" else "suggestion"
    start, end = (int(str(said[key])) for key in ("start", "end"))
    return Chosen(kind, str(said["id"]), start, end, str(said["label"]))
