"""A project: a folder `skelf_studio` beside the recordings, which themselves are never changed."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...data.formats.members import STUDIO
from ...errors import InputError
from ...files import read_json, write_json
from ...settings.values import Value
from ..labels.history import History
from ..labels.journal import Journal
from . import table
from .reading import Reading
from .recording import Recording

if TYPE_CHECKING:
    from ...data.clips import ClipSet

FORMAT, VERSION = "skelf-studio", 1
FILE, TABLE, LABELS, STORES, ADDRESS = (
    "project.json", "recordings.json", "labels.jsonl", "stores", ".address",
)  # fmt: skip
READY = "ready"
_OPEN = 64  # stores that stay open


class Project:
    """An opened project; see `create` and `open`.

    Args:
        place: its own folder.
        told: what its file says.
    """

    def __init__(self, place: Path, told: dict[str, Value]) -> None:
        self.place = place
        self.folder = Path(os.path.normpath(place / str(told["folder"])))
        """Of the recordings."""
        self.reading = Reading.from_dict(told.get("reading"))
        self._told = told
        self._clips: OrderedDict[str, ClipSet] = OrderedDict()
        self._lock = threading.Lock()
        self.lengths: dict[str, int] = {}
        """Frames of each recording; goes with the table."""
        self.reload()

    @classmethod
    def create(
        cls, folder: str | Path, place: str | Path | None = None, reading: Reading | None = None
    ) -> Project:
        """A new project without recordings: `importing` brings them in.

        Args:
            folder: of the recordings; nothing in it is changed.
            place: the project's own folder; None: `skelf_studio` in `folder`.
            reading: how the recordings are read; None: as `data import auto` does.

        Raises:
            InputError: no such folder, a project is there already, or nothing can be written.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; name the one with the recordings")
        own = Path(place) if place is not None else folder / STUDIO
        if (own / FILE).exists():
            raise InputError(f"{own}: a project is there already; open it")
        within = place is None or own.resolve().parent == folder.resolve()
        told: dict[str, Value] = {
            "format": FORMAT,
            "version": VERSION,
            "folder": ".." if within else str(folder.resolve()),
            "reading": (reading or Reading()).to_dict(),
            "encoder": READY,
        }
        try:
            (own / STORES).mkdir(parents=True, exist_ok=True)
            write_json(own / FILE, told)
        except OSError as error:
            raise InputError(
                f"{own}: cannot write here: {error.strerror}; name another folder by --project"
            ) from None
        return cls(own, told)

    @classmethod
    def open(cls, path: str | Path) -> Project:
        """A project that is there: no store is opened yet.

        Args:
            path: its own folder, or that of the recordings which holds it.

        Raises:
            InputError: there is none, or it is damaged.
        """
        path = Path(path)
        own = path if (path / FILE).is_file() else path / STUDIO
        if not (own / FILE).is_file():
            raise InputError(
                f"{path}: no project of the studio in it; make one: skelf studio {path}"
            )
        told = read_json(own / FILE)
        if not isinstance(told, dict) or told.get("format") != FORMAT or "folder" not in told:
            raise InputError(f"{own / FILE}: not a project of the studio; name another folder")
        if told.get("version") != VERSION:
            raise InputError(
                f"{own / FILE}: version {told.get('version')} of projects, this skelf reads "
                f"{VERSION}; update skelf"
            )
        return cls(own, told)

    def reload(self) -> None:
        """Reads the table of recordings again, as while they come in."""
        rows = table.read(self.place / TABLE)
        with self._lock:
            self._by_name = {recording.name: recording for recording in rows}
            self._clips.clear()
            self.lengths.clear()
            self.lengths.update((recording.name, recording.frames) for recording in rows)

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """All, by name."""
        return tuple(self._by_name.values())

    def recording(self, name: str) -> Recording:
        """One by its name.

        Raises:
            InputError: there is none.
        """
        if name not in self._by_name:
            near = get_close_matches(name, self._by_name, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "look at the list of recordings"
            raise InputError(
                f"recording {name[:80]!r}: none of the {len(self._by_name)} of this project; {hint}"
            )
        return self._by_name[name]

    def clips(self, name: str) -> ClipSet:
        """A recording as the rest of skelf takes it: a set of one clip, mapped from its store.

        Raises:
            InputError: no such recording, or its store is damaged.
        """
        from ...data.clips import ClipSet  # not above: HDF5 takes as long as all the rest

        recording = self.recording(name)
        with self._lock:
            if name not in self._clips:
                self._clips[name] = ClipSet.open(self.place / STORES / recording.store)
            self._clips.move_to_end(name)
            while len(self._clips) > _OPEN:
                self._clips.popitem(last=False)
            return self._clips[name]

    def joints(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Frames of a recording, read from the disk when asked for.

        Args:
            name: of the recording.
            start: first frame.
            stop: exclusive; None: the end.

        Returns:
            `(T, M, V, C)` float32, coordinates only; a joint that is missing is NaN.

        Raises:
            InputError: no such recording or frames, or its store is damaged.
        """
        recording = self.recording(name)
        stop = recording.frames if stop is None else stop
        if not 0 <= start <= stop <= recording.frames:
            raise InputError(
                f"{name}: frames {start} to {stop}: it has {recording.frames}; use 0 to that"
            )
        clips = self.clips(name)
        frames = np.array(clips.clip(0)[start:stop, ..., : clips.coordinates])
        frames[~frames.any(axis=-1)] = np.nan
        return frames

    def video(self, name: str) -> Path | None:
        """The video beside a recording; None where there is none."""
        video = self.recording(name).video
        return None if video is None else self.folder / video

    def history(self) -> History:
        """The labels, for this process alone until they are closed.

        Raises:
            InputError: another process has them open; says where its page is, if it said so.
        """
        path = self.place / LABELS
        try:
            return History(Journal(path), self.lengths)
        except InputError as error:
            address = ""
            with suppress(OSError):
                address = (self.place / ADDRESS).read_text("utf-8").strip()
            if "another process" in str(error) and address:
                raise InputError(
                    f"{self.folder}: a studio is open on it already, at {address}: use that page, "
                    "or end it first"
                ) from None
            raise

    def listens(self, address: str) -> None:
        """Says for other processes where the page of this one is; for this user's eyes only."""
        place = self.place / ADDRESS
        place.unlink(missing_ok=True)
        made = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write(f"{address}\n")

    @property
    def encoder(self) -> str:
        """What gives features: "ready", or a run, whose path may be relative to `place`."""
        return str(self._told.get("encoder", READY))

    @encoder.setter
    def encoder(self, run: str) -> None:
        if run != READY and not (self.place / run).is_dir():
            raise InputError(f"encoder {run!r}: no such run; name its folder, or {READY!r}")
        self._told = {**self._told, "encoder": run}
        write_json(self.place / FILE, self._told)

    @property
    def run(self) -> Path:
        """Where the encoder is; one of its own the project names from its own folder."""
        own = self.place / self.encoder
        return own if own.is_dir() else Path(self.encoder)
