"""The recordings of a folder as stores of a project; a kill loses at most the file under way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ... import __version__
from ...data.clips import ClipSet, strings
from ...data.quality.inspect import inspect
from ...data.writers.file_names import file_name
from ...errors import InputError
from ...inference.source import Place, Source, each, places
from ...locks import locked
from . import naming, progress, table
from .progress import Failed, Progress
from .project import STORES, TABLE, Project
from .recording import Doubt, Recording
from .tries import Tries

FILE = "import.json"
LOCK = ".import.lock"
SECONDS, MOMENT = 1.0, 0.2
"""Between two writings of the table, and of the progress."""
OF_LABELS = {"unlabelled", "unused-class", "imbalance"}
"""What the check finds of labels, which the project does not have yet."""


def bring_in(project: Project, stop: Callable[[], bool] = lambda: False) -> Progress:
    """Reads what is new or has changed in the project's folder; the rest stays as it is.

    A recording whose file is gone stays too, since labels may be of it. Where the progress stands
    is in the project's `import.json` meanwhile.

    Args:
        project: whose table has all recordings at the end.
        stop: asked before each file.

    Returns:
        How it ended; files that could not be read are in `failed`.

    Raises:
        InputError: no recordings in the folder, or another process is importing.
        OSError: a disk that is full, or cannot be written.
    """
    busy = "recordings are being imported already; wait for it"
    with locked(project.place, LOCK, busy=busy, unwritable="cannot write here"):
        work = _Work(project)
        try:
            return work.all(stop)
        except (InputError, OSError) as error:
            work.say(work.progress._replace(state="stopped", problem=str(error)))
            raise


class _Work:
    """One import.

    Args:
        project: that is filled.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.rows = {recording.name: recording for recording in project.recordings}
        self.of_source: dict[str, list[str]] = {}
        for row in project.recordings:
            self.of_source.setdefault(row.source, []).append(row.name)
        self.tries = Tries(project.place)
        self.stores = {Path(row.store).stem for row in project.recordings}
        self.saved = 0.0
        self.say(Progress("running", current=str(project.folder)))

    def all(self, stop: Callable[[], bool]) -> Progress:
        """Every source of the folder."""
        project, how = self.project, self.project.reading
        format_ = None if how.format == "auto" else how.format
        own = project.place.resolve()
        found = [
            place for place in places([project.folder], format=format_)
            if not place.path.resolve().is_relative_to(own)
        ]  # fmt: skip
        names = naming.stems([place.path for place in found], project.folder)
        self.say(self.progress._replace(total=len(found)))
        for place, stem in zip(found, names, strict=True):
            if stop():
                self._save()
                return self.say(self.progress._replace(state="stopped"))
            source = naming.relative(place.path, project.folder)
            self._tell(self.progress._replace(current=source))
            failed = self.progress.failed
            if reason := self._problem(place, stem, source):
                failed = (*failed, Failed(source, reason))
            self._tell(self.progress._replace(done=self.progress.done + 1, failed=failed))
            if time.monotonic() - self.saved > SECONDS:
                self._save()
        self._save()
        return self.say(self.progress._replace(state="done", current=""))

    def say(self, now: Progress) -> Progress:
        """Writes where it stands."""
        self.progress = now
        progress.write(self.project.place / FILE, now)
        self.told = time.monotonic()
        return now

    def _tell(self, now: Progress) -> None:
        """The same, unless that was a moment ago."""
        self.progress = now
        if time.monotonic() - self.told > MOMENT:
            self.say(now)

    def _problem(self, place: Place, stem: str, source: str) -> str:
        """Reads a source; why that cannot be done, empty where it was."""
        try:
            self._one(place, stem, source)
        except InputError as error:
            return str(error)
        except OSError:
            raise
        except Exception as error:  # a reader's mistake is one file's, not the folder's
            return f"unexpected: {type(error).__name__}: {error}"
        return ""

    def _one(self, place: Place, stem: str, source: str) -> None:
        stamp = naming.stamp(place.path, self.project.place)
        there = [self.rows[name] for name in self.of_source.get(source, ())]
        stores = self.project.place / STORES
        if there and all(r.stamp == stamp and (stores / r.store).is_file() for r in there):
            return
        if problem := self.tries.problem(source, f"{stamp} {__version__}"):
            raise InputError(problem)
        self.tries.begin(source, f"{stamp} {__version__}")
        try:
            self._read(place, stem, source, stamp)
        finally:
            self.tries.end()

    def _read(self, place: Place, stem: str, source: str, stamp: str) -> None:
        how = self.project.reading
        read = next(
            each(
                [place], layout=how.layout or None, options=how.options,
                scratch=self.project.place,
            )
        )  # fmt: skip
        if read.clips is None:
            raise InputError(read.problem)
        names = naming.called(stem, read.clips.names)
        for at, name in enumerate(names):
            row = self.rows.get(name)
            store = row.store if row else f"{file_name(name, self.stores)}.h5"
            self.stores.add(Path(store).stem)
            self.rows[name] = self._kept(read, at, name, store, source, stamp)
        self.of_source[source] = names

    def _kept(
        self, read: Source, at: int, name: str, store: str, source: str, stamp: str
    ) -> Recording:
        """One recording as a store of its own."""
        assert read.clips is not None
        one = read.clips.take([at])
        one = replace(one, name=strings([name]), splits={}, path=None, stored=None)
        path = self.project.place / STORES / store
        one.save(path)
        saved = ClipSet.open(path)
        return Recording(
            name=name, source=source, stamp=stamp, store=store,
            frames=int(saved.length[0]), fps=float(saved.fps[0]), persons=saved.persons,
            layout=saved.skeleton.name, joints=len(saved.skeleton.names),
            coordinates=saved.coordinates, digest=saved.digest(),
            doubts=(*_doubts(saved), *(Doubt("reader", "note", told, "") for told in read.remarks)),
            video=naming.video_beside(read.path, name, self.project.folder),
        )  # fmt: skip

    def _save(self) -> None:
        table.write(self.project.place / TABLE, sorted(self.rows.values(), key=lambda r: r.name))
        self.project.reload()
        self.saved = time.monotonic()


def _doubts(clips: ClipSet) -> list[Doubt]:
    """What the check says of the recording alone, without labels."""
    none = np.zeros((0, 4), np.int64)
    bare = replace(clips, label=np.full(1, -1), class_names=(), segments=none)
    return [
        Doubt(f.code, f.severity, f.what, f.remedy, -1 if f.frames is None else _first(f.frames))
        for f in inspect(bare).findings
        if f.code not in OF_LABELS
    ]


def _first(frames: np.ndarray) -> int:
    return int(frames[0]) if len(frames) else -1
