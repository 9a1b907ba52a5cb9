"""One window of a browser: what is open and chosen in it, and how it hears of what is new."""

from __future__ import annotations

import inspect
import traceback
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Mapping

from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from ...errors import InputError
from ..model.answers import BACKGROUND, Hit, Stretch, Suggestion
from . import told
from .elements import Player, Row, Timeline
from .studio import Studio
from .told import Told

Refresh = Callable[[], object]
_SHOWN = {
    "labels": ("head", "side", "recordings", "labels", "suggestions", "choice"),
    "suggestions": ("suggestions", "choice", "model"),
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
        self.here = Told("here")
        self.panel = "suggestions"
        self.hits: list[Hit] = []
        self.passed: list[Stretch] = []
        self.stretch: Stretch | None = None
        self.last_file = ""
        self.parts: dict[str, Refresh] = {}
        self.sheets: tuple[str, ...] = ()
        self.stale: set[str] = set()
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
            self.client.run_javascript("location.reload()")
            return
        if what in ("labels", "suggestions", "features"):
            self.show()
        self.refresh(*_SHOWN.get(what, ()))

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
        self.here = Told("here", name, frame)
        self.timeline.open(scene, frame)
        self.studio.helper.watch(name)
        self.show()
        self.refresh("head", "side", "recordings", "labels", "suggestions", "choice")

    def show(self) -> None:
        """Sends what is labelled and suggested in the recording that is open."""
        if self.here.recording:
            self.timeline.show(self.news(self.here.recording))

    def colour(self, label: str) -> int:
        """The number of a class's colour; -1 is grey: no class, or that of the background."""
        classes = self.studio.history.labels.classes
        return classes.index(label) if label in classes and label != BACKGROUND else -1

    def news(self, name: str) -> Row:
        """Labels, suggestions, change points and classes of a recording, for the timeline."""
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
        }

    async def act(self, event: GenericEventArguments) -> None:
        """Does what the script, a key or a hand asks for; what cannot be is said in a line."""
        try:
            await self.do(told.read(event.args))
        except InputError as error:
            self.say(str(error), warn=True)

    async def do(self, what: Told) -> None:
        """Does an action; what it says of where the person is stays."""
        before, self.here = self.here, what if what.recording else self.here
        if what.name in self.actions:
            done = self.actions[what.name](self, what)
            if inspect.isawaitable(done):
                await done
        if (before.marks, before.chosen) != (self.here.marks, self.here.chosen):
            self.refresh("choice", "suggestions", "labels")

    async def press(self, name: str, **more: object) -> None:
        """Does an action that a button stands for, where the person is."""
        here = self.here
        try:
            await self.do(Told(name, here.recording, here.frame, here.marks, here.chosen, more))
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
