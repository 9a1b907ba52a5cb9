"""What all windows of a studio share: the project, its labels, the model's help, what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from nicegui import Event

from ...data.formats.members import STUDIO
from ...data.motion.axes import Up
from ...errors import InputError
from ...skeleton import Skeleton
from ..labels.history import History
from ..model import remaining
from ..model.answers import Suggestion
from ..project.project import FILE, READY, Project
from ..project.reading import Reading
from ..project.recording import Recording
from . import scene as scenes
from .helper import Helper
from .jobs import Job, Jobs
from .tally import Tally

MOST = 4096
"""Frames that are sent at a time."""
PAUSE = 0.4
"""Seconds between two looks at what runs."""


class Studio:
    """One project, or a folder that is to become one.

    Args:
        folder: of the recordings, or a project's own.
        place: the project's own folder; None: `skelf_studio` in the other.

    `changed` tells all windows of what is new: "labels", "suggestions", "expected", "features",
    "jobs", "project".
    """

    def __init__(self, folder: Path, place: Path | None = None) -> None:
        self.folder, self.place = folder, place
        self.project: Project | None = None
        self.jobs = Jobs(lambda: self.there, self.heard)
        self.changed: Event[str] = Event[str]()
        self.tally = Tally()
        self._address = ""
        self._history: History | None = None
        self._helper: Helper | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scenes: dict[str, tuple[scenes.Scene, Up]] = {}

    # The beginning and the end.

    def find(self) -> None:
        """Opens the project, if there is one.

        Raises:
            InputError: it is damaged, or another process has it open.
        """
        own = self.folder if self.place is None else self.place
        if any((place / FILE).is_file() for place in (own, own / STUDIO)):
            self.project = Project.open(own)
            self._history = self.project.history()
            return
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such folder; name the one with the recordings")

    def create(self, reading: Reading) -> None:
        """Makes a project of the folder, and begins to bring its recordings in."""
        self.project = Project.create(self.folder, self.place, reading)
        self._history = self.project.history()
        self.there.listens(self._address)
        self.jobs.bring_in()

    def listens(self, address: str) -> None:
        """The page's address, for another process that wants to open the project."""
        self._address = address
        if self.project is not None:
            self.project.listens(address)

    def go_on(self) -> None:
        """What ended early when the server did goes on; a project with recordings is entered."""
        if self.project is None:
            return
        now = self.jobs.of("import")
        if now.state == "stopped" and not now.problem:
            self.jobs.bring_in()
        if self.recordings:
            self.enter()

    def enter(self) -> None:
        """From now on the recordings that are there can be labelled."""
        if self._helper is None:
            self.there.reload()
            self.history.subscribe(lambda _: self.tell("labels"))
            self._helper = Helper(lambda: self.there, self.history, self.tell)
            self._helper.start()
            self.jobs.look()
        self.tell("project")

    async def watch(self) -> None:
        """Follows what runs, for as long as the server does."""
        self._loop = asyncio.get_running_loop()
        while True:
            if self.project is not None:
                await asyncio.to_thread(self.jobs.poll)
            await asyncio.sleep(PAUSE)

    def close(self) -> None:
        """Ends what runs, and lets the project go."""
        self.jobs.close()
        if self._helper is not None:
            self._helper.close()
        if self._history is not None:
            self._history.close()

    def watch_recording(self, name: str) -> None:
        """A window has opened it: its features and suggestions come first."""
        self.jobs.prefer(self.helper.watch(name))

    # What windows are told.

    def tell(self, what: str) -> None:
        """Tells all windows, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.changed.emit, what)

    def heard(self, what: str) -> None:
        """Something that ran is done, or has gone on."""
        if what == "imported":
            self.there.reload()
            self._scenes.clear()
            if self._helper is None and self.recordings:
                self.enter()
            elif self._helper is not None:
                self.jobs.look()
                self.tell("project")
        elif what == "encoder":
            self.project = Project.open(self.there.place)  # another encoder is in its file now
            self.jobs.look()
        elif what == "features made" and self._helper is not None:
            self._helper.features_changed()
        self.tell("jobs")

    # What is asked of it.

    @property
    def is_entered(self) -> bool:
        """Whether there is something to label."""
        return self._helper is not None

    @property
    def there(self) -> Project:
        """The project, where there is one."""
        assert self.project is not None
        return self.project

    @property
    def history(self) -> History:
        """The labels, where there is a project."""
        assert self._history is not None
        return self._history

    @property
    def helper(self) -> Helper:
        """The model's help, once the project is entered."""
        assert self._helper is not None
        return self._helper

    @property
    def made(self) -> Path:
        """Where files go that the person takes away."""
        return self.there.place / "made"

    @property
    def running(self) -> list[Job]:
        """What is being done beside the page."""
        return self.jobs.running

    @property
    def encoder_text(self) -> str:
        """What the model sees with, in words."""
        if self.there.encoder == READY:
            return "The ready encoder: untrained, but on the scale of these recordings."
        return f"An encoder that was trained: {self.there.encoder}"

    @property
    def recordings(self) -> Sequence[Recording]:
        """All of the project; none before there is one."""
        return self.project.recordings if self.project is not None else ()

    def recording(self, name: str) -> Recording:
        """The recording of a name.

        Raises:
            InputError: the project has none of that name.
        """
        return self.there.recording(name)

    def subject(self, name: str) -> int:
        """Who is in a recording, as a number; -1: unknown."""
        return int(self.there.clips(name).subject[0])

    def skeleton(self, name: str) -> Skeleton:
        """The layout of a recording's joints."""
        return self.there.clips(name).skeleton

    def scene(self, name: str) -> scenes.Scene:
        """See `scene.scene`; made once."""
        return self._looked(name)[0]

    def joints(self, name: str, start: int, stop: int) -> np.ndarray:
        """`(T, M, V, D)` float32 as the player takes them, y up, NaN where one is missing.

        Raises:
            InputError: no such recording, or frames that it does not have.
        """
        frames = self.recording(name).frames
        if not 0 <= start < stop <= frames or stop - start > MOST:
            raise InputError(
                f"{name}: frames {start} to {stop}: it has {frames}, and {MOST} go at a time"
            )
        return scenes.turned(self.there.joints(name, start, stop), self._looked(name)[1])

    def suggestions(self, name: str) -> list[Suggestion]:
        """What the model says of a recording, less what labels have said since."""
        said = self.helper.answers.suggestions.get(name, ())
        return remaining(said, self.history.labels.of(name))

    def _looked(self, name: str) -> tuple[scenes.Scene, Up]:
        if name not in self._scenes:
            self._scenes[name] = scenes.look(self.there, self.recording(name))
        return self._scenes[name]
