"""Labels that change by actions, each kept in a journal at once, with undo and redo without end."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ...errors import InputError
from . import collecting, snapshot
from .edit import Edit
from .journal import Journal
from .replay import Replay
from .state import Labels

OFTEN = 1000
"""Actions after which opening writes a new snapshot."""


class Change(NamedTuple):
    """What a subscriber is told.

    Args:
        version: of the labels after it.
        edit: what happened to them; of an undo the inverse of what was undone.
    """

    version: int
    edit: Edit


class History:
    """The labels of a project, for all its windows: they share one, and one order of actions.

    Args:
        journal: open; it is closed with this.
        lengths: frames of each recording; an action on another recording, or beyond its end, is
            refused. None: any goes.

    Raises:
        InputError: the journal's entries do not fit each other.
    """

    def __init__(self, journal: Journal, lengths: Mapping[str, int] | None = None) -> None:
        self.journal, self._lengths = journal, lengths
        self._lock = threading.RLock()
        self._told: list[Callable[[Change], None]] = []
        with collecting.later():
            _, self._labels, self._done, self._undone = _state(journal)

    @property
    def labels(self) -> Labels:
        """As they are now; they do not change any more when taken."""
        return self._labels

    @property
    def version(self) -> int:
        """Goes up by one with each change, also over restarts."""
        return len(self.journal)

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether an action was taken back, and none came since."""
        return bool(self._undone)

    def do(self, edit: Edit | Callable[[Labels], Edit]) -> Edit:
        """An action: it is on the disk when this returns.

        Args:
            edit: or what makes it of the labels as they are then, where other threads act too.

        Returns:
            The edit; an empty one changed nothing, and is not kept.

        Raises:
            InputError: it was made for other labels, or names frames that no recording has.
            OSError: the journal cannot be written; nothing has changed.
        """
        with self._lock:
            done = edit if isinstance(edit, Edit) else edit(self._labels)
            if done.is_empty:
                return done
            self._refuse_outside(done)
            labels = self._labels.apply(done)
            number = self.journal.append(done.to_dict())
            self._done.append(number)
            self._undone = array("q")
            self._tell(labels, done)
            return done

    def undo(self) -> Edit | None:
        """Takes the last action back, of whichever window.

        Returns:
            What this did to the labels; None where there is nothing to take back.
        """
        with self._lock:
            if not self._done:
                return None
            number = self._done[-1]
            edit = self.journal.edit(number).inverse
            labels = self._labels.apply(edit)
            self.journal.append({"undo": number})
            self._undone.append(self._done.pop())
            self._tell(labels, edit)
            return edit

    def redo(self) -> Edit | None:
        """Does again what was taken back last; None where there is nothing."""
        with self._lock:
            if not self._undone:
                return None
            number = self._undone[-1]
            edit = self.journal.edit(number)
            labels = self._labels.apply(edit)
            self.journal.append({"redo": number})
            self._done.append(self._undone.pop())
            self._tell(labels, edit)
            return edit

    def changes(self, since: int) -> list[Change]:
        """What happened after a version, for a window that has the labels of then.

        Raises:
            InputError: there was no such version.
        """
        with self._lock:
            if not 0 <= since <= self.version:
                raise InputError(f"version {since}: there are 0 to {self.version}; load the page")
            numbers = range(since + 1, self.version + 1)
            return [Change(number, self.journal.edit(number)) for number in numbers]

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Calls back after each change, in their order, in the thread that made it.

        Returns:
            What ends it.
        """
        with self._lock:
            self._told.append(callback)

        def end() -> None:
            with self._lock:
                if callback in self._told:
                    self._told.remove(callback)

        return end

    def close(self) -> None:
        """Closes the journal."""
        with self._lock:
            self.journal.close()

    def _tell(self, labels: Labels, edit: Edit) -> None:
        self._labels = labels
        failed = None
        for callback in [*self._told]:
            try:
                callback(Change(self.version, edit))
            except Exception as error:  # the others are told all the same
                failed = failed or error
        if failed is not None:
            raise failed

    def _refuse_outside(self, edit: Edit) -> None:
        if self._lengths is None:
            return
        for name in edit.recordings - {segment.recording for segment in edit.before}:
            if name not in self._lengths:
                raise InputError(f"recording {name!r}: not in this project")
        for segment in edit.after:
            length = self._lengths.get(segment.recording, segment.end)
            if segment.end > length:
                raise InputError(
                    f"{segment.recording}: frames {segment.start} to {segment.end - 1}: it has "
                    f"{length} frames; end there"
                )


def _state(journal: Journal) -> snapshot.State:
    """Where a journal stands: by its snapshot, and what was done since."""
    now = snapshot.read(journal.path, journal.checked) if journal.checked else None
    began = now.entry if now else 0
    if now is None or began < len(journal):
        story = Replay(journal.entry, journal.path, now)
        story.take(journal.entries(began))
        now = story.state()
        if len(journal) - began >= OFTEN:
            snapshot.write(journal.path, now, journal.head())
    return now
