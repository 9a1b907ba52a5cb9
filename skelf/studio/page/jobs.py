"""What runs beside the page in processes of its own, and how far each is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import NamedTuple

from ..model import missing
from ..project import tries
from ..project.background import Worker, how_far
from ..project.progress import Progress
from ..project.project import Project
from . import looking


class Job(NamedTuple):
    """Something that is being done.

    Args:
        text: what, in a few words.
        share: that is done, in [0, 1].
    """

    text: str
    share: float


class Jobs:
    """Imports, features and encoders of one project.

    Args:
        project: gives the project, as it is now.
        tell: is told "imported", "features", "encoder" when something is done, and "jobs" when
            something has gone on.
    """

    def __init__(self, project: Callable[[], Project], tell: Callable[[str], None]) -> None:
        self._project, self._tell = project, tell
        self._workers: dict[str, Worker] = {}
        self._looking: subprocess.Popen[bytes] | None = None
        self._seen: dict[str, Progress] = {}
        self._first: list[str] = []

    def bring_in(self, anew: bool = False) -> None:
        """Imports what is new in the folder.

        Args:
            anew: also tries files again at which the process has died before.
        """
        if anew:
            tries.forget(self._project().place)
        self._workers["import"] = Worker(self._project(), "import")
        self._seen["import"] = Progress("running")

    def train(self, steps: int) -> None:
        """Trains an encoder on the recordings.

        Raises:
            InputError: one is being trained already.
        """
        self._workers["encoder"] = Worker(self._project(), "encoder", str(steps))
        self._seen["encoder"] = Progress("running")

    def stop_training(self) -> None:
        """Ends the training; to train as long again goes on from there."""
        if worker := self._workers.get("encoder"):
            worker.stop()

    def look(self) -> None:
        """Makes features that are missing, unless that is under way."""
        if self._looks:
            return
        if missing(self._project()):
            self._looking = looking.begun(self._project(), self._first)
            self._seen["features"] = Progress("running")

    def prefer(self, names: list[str]) -> None:
        """Recordings whose features come first: somebody waits for them."""
        self._first = names
        if self._looking is not None and self._looks:
            looking.prefer(self._looking, names)

    @property
    def _looks(self) -> bool:
        return self._looking is not None and self._looking.poll() is None

    def of(self, name: str) -> Progress:
        """Where "import", "encoder" or "features" stands."""
        project = self._project()
        # What is at work may not have said so yet; what lies there is of the time before.
        if name == "features":
            now, alive = looking.how_far(project), self._looks
        else:
            now = how_far(project, "import" if name == "import" else "encoder")
            alive = name in self._workers and self._workers[name].is_alive
        return Progress("running") if alive and now.state != "running" else now

    @property
    def running(self) -> list[Job]:
        """What is being done now."""
        jobs = []
        for name, text in (
            ("import", "Reading recordings"), ("features", "Looking at recordings"),
            ("encoder", "Training the encoder"),
        ):  # fmt: skip
            now = self._seen.get(name)
            if now is not None and now.state == "running":
                count = f" {now.done} of {now.total}" if now.total else ""
                jobs.append(Job(f"{text}{count}", now.done / max(1, now.total)))
        return jobs

    def poll(self) -> None:
        """Looks how far everything is, and tells what is new; a few times a second."""
        for name in ("import", "features", "encoder"):
            now, before = self.of(name), self._seen.get(name)
            if name == "import" and self._died(now):
                self.bring_in()  # the file at which it died has had a try less
                continue
            self._seen[name] = now
            if before is None or now._replace(at=0) == before._replace(at=0):
                continue
            self._tell("jobs")
            if name == "features" and now.done != before.done:
                self._tell("features made")
            if now.state != "running" and before.state == "running":
                self._tell({"import": "imported", "encoder": "encoder"}.get(name, "features made"))

    def _died(self, now: Progress) -> bool:
        """Whether the import that this process began has died at a file."""
        ours = self._workers.get("import")
        stopped = ours is not None and not ours.is_alive and now.state == "stopped"
        return stopped and not now.problem and tries.died(self._project().place)

    def close(self) -> None:
        """Ends what runs; it goes on from there the next time."""
        for worker in self._workers.values():
            worker.stop()
        if self._looking is not None:
            self._looking.kill()
            self._looking.wait()
