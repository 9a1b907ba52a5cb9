"""The model's answers, kept up to date in threads of their own: what a page shows never waits."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ...errors import InputError
from ..labels.history import History
from ..model import (
    Expected,
    Learnt,
    Suggestion,
    Table,
    expected,
    learn,
    missing,
    open_table,
    suggest,
)  # fmt: skip
from ..project.project import Project

SURE = 0.9
"""Suggestions at least as probable are accepted together."""
WATCHED = 4
"""Recordings that are open in windows, or were lately: they come first."""
IDLE = 1.0
"""Seconds without a new label before the accuracy is found out again."""


@dataclass(frozen=True)
class Answers:
    """What the model says of the labels of one moment.

    Args:
        version: of the labels.
        learnt: the head; None while there are too few labels, or no features.
        suggestions: of each recording.
        expected: how right it is, perhaps of labels a moment ago; None while that is not known.
        error: why there is nothing, in a line for the person.
        seconds: that it took from the label to the suggestions of the recording that is open.
    """

    version: int = -1
    learnt: Learnt | None = None
    suggestions: dict[str, list[Suggestion]] = field(default_factory=dict)
    expected: Expected | None = None
    error: str = ""
    seconds: float = 0.0


class Helper:
    """Learns again after each change of the labels.

    Args:
        project: gives the project, as it is now.
        history: its labels.
        tell: is told "suggestions", "expected" or "features", in one of the helper's threads.
    """

    def __init__(
        self, project: Callable[[], Project], history: History, tell: Callable[[str], None]
    ) -> None:
        self.project, self.history, self.tell = project, history, tell
        self.table: Table | None = None
        self.answers = Answers()
        self._lock = threading.Lock()
        self._watched: list[str] = []
        self._wake, self._judge = threading.Event(), threading.Event()
        self._ends, self._stale, self._opened = False, True, (0.0, 0.0)
        self._end_following = history.subscribe(lambda _: self._wake.set())

    def start(self) -> None:
        """Begins; what features are there is used at once."""
        self._wake.set()
        for work, event in ((self._answer, self._wake), (self._expect, self._judge)):
            threading.Thread(target=self._loop, args=(work, event), daemon=True).start()

    def close(self) -> None:
        """Ends the threads after what they are at."""
        self._ends = True
        self._end_following()
        self._wake.set()
        self._judge.set()

    def features_changed(self) -> None:
        """There are features of another recording, or of another encoder."""
        self._stale = True
        self._wake.set()

    def watch(self, name: str) -> list[str]:
        """A recording is open in a window; those that are, the latest first."""
        self._watched = [name, *(other for other in self._watched if other != name)][:WATCHED]
        return self._watched

    @property
    def lacking(self) -> list[str]:
        """Recordings that have no features yet."""
        return missing(self.project())

    def changes(self, name: str) -> list[int]:
        """Frames of a recording at which the motion changes."""
        table = self.table
        if table is None or name not in table.names:
            return []
        at = table.names.index(name)
        starts = table.stretches[table.stretches[:, 0] == at, 1] * int(table.step[at])
        return [int(frame) for frame in starts[1:]]

    def _loop(self, work: Callable[[], None], event: threading.Event) -> None:
        while not self._ends:
            event.wait(IDLE if self._stale else None)
            event.clear()
            if self._ends:
                return
            try:
                work()
            except InputError as error:
                self._say("suggestions", version=self.history.version, error=str(error))
            except Exception as error:  # a page without help is better than none
                traceback.print_exc()
                text = f"{type(error).__name__}: {error}; the terminal has more"
                self._say("suggestions", version=self.history.version, error=text)

    def _say(self, what: str, **new: object) -> None:
        with self._lock:
            self.answers = replace(self.answers, **new)  # type: ignore[arg-type]  # its own fields
        self.tell(what)

    def _open(self) -> None:
        """Opens the features again, not much oftener than that costs."""
        at, cost = self._opened
        if not self._stale or time.monotonic() - at < 5 * cost:
            return
        self._stale, began, project = False, time.monotonic(), self.project()
        if len(missing(project)) < len(project.recordings):
            self.table = open_table(project)
        self._opened = time.monotonic(), time.monotonic() - began
        self.tell("features")

    def _answer(self) -> None:
        """Learns, and suggests: first where somebody looks."""
        self._open()
        if self.table is None or not self.table.names:
            return
        began, table = time.monotonic(), self.table
        version, labels = self.history.version, self.history.labels
        segments, finished = [*labels], labels.finished
        learnt = learn(table, segments, finished=finished, before=self.answers.learnt)
        found: dict[str, list[Suggestion]] = {}
        for names in (self._watched, [n for n in table.names if n not in self._watched]):
            if learnt is not None:
                for one in suggest(table, learnt, segments, finished=finished, only=names):
                    found.setdefault(one.recording, []).append(one)
            if names is self._watched:
                found = {**self.answers.suggestions, **{n: [] for n in names}, **found}
                seconds = time.monotonic() - began
                self._say(
                    "suggestions", version=version, learnt=learnt, suggestions=dict(found),
                    error="", seconds=seconds,
                )  # fmt: skip
                found = {name: found[name] for name in names}
                if self._wake.is_set():  # there is a newer label
                    return
        self._say("suggestions", suggestions=found)
        self._judge.set()

    def _expect(self) -> None:
        if self.table is None or not self.table.names:
            return
        labels = self.history.labels
        told = expected(self.table, [*labels], finished=labels.finished)
        self._say("expected", expected=told)
