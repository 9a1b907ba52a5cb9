"""One window of a browser: what is open in it, and how it hears of what is new.

What is chosen and marked the browser knows alone, and says it with every action: so an action is
about what the person saw, whatever the server has learnt since.
"""

from __future__ import annotations

import inspect
import traceback
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from ...errors import InputError
from ..model.answers import BACKGROUND, Hit, Stretch, Suggestion
from ..project.recording import Recording
from . import told
from .elements import Player, Row, Timeline
from .pieces import Tag, box
from .studio import Studio
from .told import Told

TURN = 60
"""Milliseconds in which a dialog comes and goes."""
Refresh = Callable[[], object]
_SHOWN = {
    "labels": ("head", "side", "recordings", "labels", "suggestions"),
    "suggestions": ("suggestions", "model"),
    "expected": ("model",),
    "features": ("model", "suggestions", "map", "jobs"),
    "jobs": ("jobs", "model"),
}
"""What is drawn anew when this is new."""


Action = Callable[["Window", Told], Awaitable[None] | None]
"""What a key, a hand or a button does."""


class Window:
    """What one window shows.

    Args:
        studio: what all windows share.
        client: the browser's window.
        actions: what it can be asked to do, by name.
    """

    def __init__(self, studio: Studio, client: Client, actions: Mapping[str, Action]) -> None:
        self.studio, self.client, self.actions = studio, client, actions
        self.recording = ""
        self.opened: Recording | None = None
        self.heard_of = 0
        self.panel = "suggestions"
        self.hits: list[Hit] = []
        self.passed: list[Stretch] = []
        self.stretch: Stretch | None = None
        self.last_file = ""
        self.parts: dict[str, Refresh] = {}
        self.sheets: tuple[str, ...] = ()
        self.stale: set[str] = set()
        self._sent: Row = {}
        self.player: Player
        self.timeline: Timeline

    def refresh(self, *names: str) -> None:
        """Draws parts of the page anew; a panel that nobody sees waits until it is seen."""
        for name in names:
            if name in self.sheets and name != self.panel:
                self.stale.add(name)
            elif name in self.parts:
                self.stale.discard(name)
                self.parts[name]()

    def heard(self, what: str) -> None:
        """Something is new, of whichever window."""
        if what == "project":
            self._other_recordings()
            return
        if what in ("labels", "suggestions", "features"):
            self.show()
        self.refresh(*_SHOWN.get(what, ()))

    def _other_recordings(self) -> None:
        """Other recordings are listed; what the person is at is left alone where it can be."""
        by_name = {recording.name: recording for recording in self.studio.recordings}
        if self.recording and by_name.get(self.recording) == self.opened:
            self.refresh("side list", "recordings list")
        else:
            self.client.run_javascript("location.reload()")

    @contextmanager
    def dialog(self, title: str, *, wide: bool = False) -> Iterator[ui.dialog]:
        """A dialog that is open, to be filled; its title is its name for a screen reader too."""
        style = "window wide" if wide else "window"
        with self.client, ui.dialog(value=True) as made, box(style):
            made.props(f"transition-duration={TURN}").props["aria-label"] = title
            Tag("h2", title)
            yield made

    def say(self, text: str, *, warn: bool = False) -> None:
        """A line for the person, for some seconds."""
        with self.client:
            ui.notify(
                text, position="bottom", type="warning" if warn else None,
                multi_line=len(text) > 80,
                timeout=6000 if warn else 2600,
            )  # fmt: skip

    def failed(self, error: Exception) -> None:
        """What went wrong in the window: a line for the person, more in the terminal."""
        if isinstance(error, InputError):
            self.say(str(error), warn=True)
            return
        self.say(f"{type(error).__name__}: {error}; the terminal has more", warn=True)
        traceback.print_exception(error)

    async def open(self, name: str, frame: int = 0) -> None:
        """Opens a recording; the one that is open moves to the frame."""
        scene = await to_thread(self.studio.scene, name)
        self.recording, self.opened = name, self.studio.recording(name)
        self.timeline.open(scene, frame)
        self._sent = {}  # the script has forgotten all of another recording
        self.studio.watch_recording(name)
        self.show()
        self.refresh("head", "side", "recordings", "labels", "suggestions")

    def show(self) -> None:
        """Sends what is new of the labels and suggestions of the recording that is open.

        A label is heard of several times: when it is made, when all windows are told, when the
        model has answered. Each list goes once all the same, and where nothing is new, nothing.
        """
        if not self.recording:
            return
        news = self.news(self.recording)
        new = {key: told for key, told in news.items() if self._sent.get(key) != told}
        if new:
            self._sent = news
            self.timeline.show({"recording": self.recording, **new})

    def colour(self, label: str) -> int:
        """The number of a class's colour; -1 is grey: no class, or that of the background."""
        classes = self.studio.history.labels.classes
        return classes.index(label) if label in classes and label != BACKGROUND else -1

    def news(self, name: str) -> Row:
        """All that the timeline shows of a recording, and which action it comes after."""
        labels = self.studio.history.labels
        segments = [
            {"id": s.id, "start": s.start, "end": s.end, "label": s.label, "kind": s.kind}
            for s in labels.of(name)
        ]
        return {
            "recording": name,
            "segments": segments,
            "suggestions": [suggested(s) for s in self.studio.suggestions(name)],
            "changes": self.studio.helper.changes(name),
            "classes": list(labels.classes),
            "finished": name in labels.finished,
            "heard": self.heard_of,
        }

    async def act(self, event: GenericEventArguments) -> None:
        """Does what the script, a key or a hand asks for; what cannot be is said in a line."""
        serial, refused = self.heard_of, ""
        try:
            what = told.read(event.args)
            serial = what.serial
            await self.do(what)
        except InputError as error:
            refused = str(error)
        finally:
            self.heard_of = max(self.heard_of, serial)
        if refused:
            self.say(refused, warn=True)
            self.show()  # what the script took for done is as it was: all that it hides comes back

    async def do(self, what: Told) -> None:
        """Does an action."""
        if what.name in self.actions:
            done = self.actions[what.name](self, what)
            if inspect.isawaitable(done):
                await done

    async def press(self, name: str, **more: object) -> None:
        """Does an action that is about nothing that is chosen."""
        try:
            await self.do(Told(name, self.recording, more=more))
        except InputError as error:
            self.say(str(error), warn=True)


def suggested(one: Suggestion) -> Row:
    """A suggestion for the timeline; its id lasts as long as it does."""
    return {
        "id": id_of(one),
        "start": one.start,
        "end": one.end,
        "label": one.label,
        "probability": round(one.probability, 3),
    }


def id_of(one: Suggestion) -> str:
    """What the script calls a suggestion."""
    return f"{one.start}-{one.end}-{one.label}"
