"""One action of a person: what it takes away and what it puts there; its inverse swaps them."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.values import Value
from .segment import Segment, from_row

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One action. What it takes away must be there as it says, see `Labels.apply`.

    Args:
        name: of the action, as "add", for the page's list.
        before: segments that go.
        after: segments that come.
        classes: all classes before and after, where the action changes them.
        finished: recordings whose mark "finished" it flips.
    """

    name: str
    before: tuple[Segment, ...] = ()
    after: tuple[Segment, ...] = ()
    classes: tuple[Names, Names] | None = None
    finished: Names = ()

    @property
    def inverse(self) -> Edit:
        """What takes it back."""
        classes = None if self.classes is None else (self.classes[1], self.classes[0])
        return Edit(self.name, self.after, self.before, classes, self.finished)

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return (
            self.before == self.after
            and not self.finished
            and (self.classes is None or self.classes[0] == self.classes[1])
        )

    @property
    def recordings(self) -> set[str]:
        """Names of those whose segments or marks it changes."""
        return {segment.recording for segment in (*self.before, *self.after)} | {*self.finished}

    def to_dict(self) -> dict[str, Value]:
        """As JSON has it; what is empty is left out."""
        told: dict[str, Value] = {"do": self.name}
        if self.before:
            told["before"] = [segment.row() for segment in self.before]
        if self.after:
            told["after"] = [segment.row() for segment in self.after]
        if self.classes:
            told["classes"] = [list(names) for names in self.classes]
        if self.finished:
            told["finished"] = list(self.finished)
        return told


def from_dict(told: dict[str, Value]) -> Edit:
    """An edit from its JSON.

    Raises:
        ValueError: it is none.
    """
    of, name = told.get, told.get("do")
    if not isinstance(name, str):
        raise ValueError("an action without a name")
    both, classes = None, of("classes")
    if classes is not None:
        if not isinstance(classes, list) or len(classes) != 2:
            raise ValueError("classes are two lists")
        both = (names(classes[0]), names(classes[1]))
    finished = names(told["finished"]) if of("finished") else ()
    return Edit(name, _segments(of("before")), _segments(of("after")), both, finished)


def names(value: object) -> Names:
    """A list of texts as a tuple; ValueError where it is none."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"no list of names: {str(value)[:60]}")
    return tuple(value)


def _segments(rows: object) -> tuple[Segment, ...]:
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise ValueError(f"no list of segments: {str(rows)[:60]}")
    return tuple([from_row(row) for row in rows])
