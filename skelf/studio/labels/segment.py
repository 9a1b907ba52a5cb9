"""A labelled stretch of a recording, and what a class may be called."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import uuid4

from ...errors import InputError
from ...settings.values import Value

Kind = Literal["is", "not"]
Origin = Literal["hand", "accepted", "imported"]
KINDS, ORIGINS = get_args(Kind), get_args(Origin)
LONGEST = 200
"""Characters of a class's name: what the readers of annotations keep."""
Row = list[Value]
"""A segment as JSON has it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A person's word about a stretch of a recording.

    Args:
        id: unique in a project, and the same for as long as the segment lives.
        recording: its name.
        start: first frame.
        end: exclusive.
        label: the class.
        kind: "is", or "not": the person refused this class here, which teaches a model and is not
            exported.
        origin: made by hand, a suggestion that was accepted, or from a file.
    """

    id: str
    recording: str
    start: int
    end: int
    label: str
    kind: Kind = "is"
    origin: Origin = "hand"

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it has a frame of this stretch."""
        return self.start < end and start < self.end

    def row(self) -> Row:
        """As JSON has it."""
        return [
            self.id, self.recording, self.start, self.end, self.label, self.kind, self.origin,
        ]  # fmt: skip


def new_id() -> str:
    """An id that no other segment has."""
    return uuid4().hex[:12]


def from_row(row: object) -> Segment:
    """A segment from its JSON.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(row, list) or len(row) != 7:
        raise ValueError(f"a segment is a list of 7, not {str(row)[:60]}")
    id, recording, start, end, label, kind, origin = row
    # One look at each, without loops: a long journal has a hundred thousand of them.
    if (
        type(id) is str and type(recording) is str and type(label) is str
        and type(start) is int and type(end) is int and 0 <= start < end
        and kind in KINDS and origin in ORIGINS
    ):  # fmt: skip
        return Segment(id, recording, start, end, label, kind, origin)
    raise ValueError(f"no segment: {str(row)[:60]}")


def class_name(text: str) -> str:
    """A class's name as labels keep it: composed characters, single blanks, none at the ends.

    Raises:
        InputError: nothing is left, it is too long, or a character that no file of annotations
            takes.

    Examples:
        >>> class_name("  stand   up ")
        'stand up'
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise InputError("the class has no name; write what happens")
    if len(name) > LONGEST:
        raise InputError(f"class {name[:40]!r}...: {len(name)} characters; use {LONGEST} at most")
    wrong = [c for c in name if unicodedata.category(c) in ("Cc", "Cs") or c in "\ufffe\uffff"]
    if wrong:
        raise InputError(f"class {name[:40]!a}: the character {wrong[0]!a} has no place in a name")
    return name


def by_recording(segments: Sequence[Segment]) -> dict[str, list[Segment]]:
    """Segments of each recording, in their order."""
    groups: dict[str, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(segment.recording, []).append(segment)
    return groups
