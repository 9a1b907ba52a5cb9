"""What a project knows of a recording without opening it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ...settings.values import Value


class Doubt(NamedTuple):
    """Something doubtful, as `skelf data check` finds it.

    Args:
        code: a short name that does not change.
        severity: "warning" or "note".
        what: a sentence.
        remedy: what to do.
        frame: to look at; -1: none.
    """

    code: str
    severity: str
    what: str
    remedy: str
    frame: int = -1


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of a project.

    Args:
        name: its path below the folder without suffix, unique in the project.
        source: the file that it is from, relative to the folder.
        frames: its length.
        fps: frames a second.
        persons: most that a frame has room for.
        layout: the name of its joint layout.
        joints: of a person.
        coordinates: 2 or 3.
        digest: identity of its content; another one means that features are void.
        store: its file in the project.
        stamp: of the source when it was read.
        doubts: what the check said, warnings first.
        video: of the same name beside it, relative to the folder; None: there is none.
    """

    name: str
    source: str
    frames: int
    fps: float
    persons: int
    layout: str
    joints: int
    coordinates: int
    digest: str
    store: str
    stamp: str = ""
    doubts: tuple[Doubt, ...] = ()
    video: str | None = None

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.fps

    def to_dict(self) -> dict[str, Value]:
        """As JSON has it."""
        told = asdict(self)
        told["doubts"] = [list(doubt) for doubt in self.doubts]
        return told


def from_dict(told: Any) -> Recording:  # Any: a row of JSON, which the class takes or refuses
    """A recording from its JSON.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    doubts = told.get("doubts") or []
    if not isinstance(doubts, list):
        raise ValueError("doubts are a list")
    return Recording(**{**told, "doubts": tuple(Doubt(*doubt) for doubt in doubts)})
