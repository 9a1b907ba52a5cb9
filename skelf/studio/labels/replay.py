"""The labels that the entries of a journal make, and which of its actions can be undone."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

from ...errors import InputError
from .edit import Edit, from_dict
from .journal import Entry
from .segment import Segment
from .snapshot import State
from .state import Labels, ordered


class Replay:
    """Where the story of a journal stands.

    Args:
        lookup: an entry by its number.
        path: the journal's, for messages.
        start: where it stands at first; None: at its begin.
    """

    def __init__(
        self, lookup: Callable[[int], Entry], path: Path, start: State | None = None
    ) -> None:
        start = start or State(0, Labels(), array("q"), array("q"))
        self.lookup, self.path = lookup, path
        self.version, self.done, self.undone = start.entry, start.done, start.undone
        self._before = start.labels.recordings
        self._touched: dict[str, dict[str, Segment]] = {}
        self.classes, self.finished = start.labels.classes, {*start.labels.finished}

    def state(self) -> State:
        """Where it stands by now."""
        touched = {name: ordered(there.values()) for name, there in self._touched.items()}
        labels = Labels(self._before.changed(touched), self.classes, frozenset(self.finished))
        return State(self.version, labels, self.done, self.undone)

    def take(self, entries: Iterable[Entry]) -> None:
        """Goes on with further entries.

        Raises:
            InputError: one that does not fit those before it.
        """
        for entry in entries:
            self.version += 1
            try:
                self._step(entry)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise InputError(
                    f"{self.path}: line {self.version + 1} does not fit those before it ({error}); "
                    "bring a copy of the file back"
                ) from None

    def _step(self, entry: Entry) -> None:
        if "do" in entry:
            self._apply(from_dict(entry))
            self.done.append(self.version)
            self.undone = array("q")
        elif "undo" in entry:
            number = self.done.pop()
            self._refuse_other(number, entry["undo"])
            self._apply(from_dict(self.lookup(number)).inverse)
            self.undone.append(number)
        else:
            number = self.undone.pop()
            self._refuse_other(number, entry["redo"])
            self._apply(from_dict(self.lookup(number)))
            self.done.append(number)

    def _apply(self, edit: Edit) -> None:
        for segment in edit.before:
            if self._of(segment.recording).pop(segment.id) != segment:
                raise ValueError(f"segment {segment.id} is another one")
        for segment in edit.after:
            if self._of(segment.recording).setdefault(segment.id, segment) is not segment:
                raise ValueError(f"segment {segment.id} is there already")
        if edit.classes is not None:
            if edit.classes[0] != self.classes:
                raise ValueError("the classes are others")
            self.classes = edit.classes[1]
        if edit.finished:
            self.finished ^= {*edit.finished}

    def _of(self, recording: str) -> dict[str, Segment]:
        """The segments of a recording by their ids, to be changed."""
        if recording not in self._touched:
            there = self._before.get(recording, ())
            self._touched[recording] = {segment.id: segment for segment in there}
        return self._touched[recording]

    def _refuse_other(self, number: int, told: object) -> None:
        if number != told:
            raise ValueError(f"it names action {told}, and it is the turn of {number}")
