"""An encoder's features of a project's recordings, made once and kept in the project.

They lie in `features/<encoder's identity>/`, a file for each recording: means of the encoder's
frames over tenths of a second, float16, and where its motion changes. What is there for the
recording's digest is never made again, so a worker that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import BadZipFile

import numpy as np

from ...errors import InputError
from ...files import read_json, replacing, write_json
from . import stretches
from .table import Table, reduction

if TYPE_CHECKING:
    from ...data.clips import ClipSet
    from ..project.project import Project
    from .encoding import Known

RATE = 10.0
"""Bins a second: about as far apart as the encoder's own frames."""
FOLDER, CURRENT = "features", "current.json"


class Kept(NamedTuple):
    """What is kept of one recording.

    Args:
        features: `(B, F)` float16.
        bounds: ascending bins, from 0 to `B` with both.
        step: frames of a bin.
    """

    features: np.ndarray
    bounds: np.ndarray
    step: int


def make_features(
    project: Project, recording: str, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Makes the features of one recording and keeps them; does nothing where they are there.

    For a process beside the page.

    Args:
        project: the project.
        recording: its name.
        progress: called with windows done and in all.

    Raises:
        InputError: a recording that does not fit the encoder.
        OSError: the project's folder cannot be written.
    """
    from .encoding import encoder_of  # not above: it loads torch

    known = encoder_of(project)
    folder = project.place / FOLDER / known.identity
    folder.mkdir(parents=True, exist_ok=True)
    write_json(project.place / FOLDER / CURRENT, _told(project) | {_stamp(project): known.identity})
    path = _path(folder, project.recording(recording).digest)
    if _read(path) is None:
        write(path, made(known, project.clips(recording), progress))


def made(
    known: Known, clips: ClipSet, progress: Callable[[int, int], None] = lambda *_: None
) -> Kept:
    """The features of a recording.

    Args:
        known: the encoder.
        clips: a set of one, without a normalisation.
        progress: see `make_features`.

    Raises:
        InputError: it does not fit the encoder.
    """
    from ...discover.signals import binned
    from ...inference.adapt import adapted
    from ...inference.frames import frame_features

    # Windows of so many seconds suit any rate; the persons that come first are looked at.
    needs = known.needs._replace(fps=None, persons=max(known.needs.persons, clips.persons))
    one = adapted(clips, needs)
    fps = float(one.fps[0])
    step = np.maximum(1, np.rint(one.fps / RATE)).astype(np.int64)
    blocks = frame_features(known.encoder, one, progress=progress)
    values = binned(((at, block.numpy()) for at, block in blocks), step)[0]
    bounds = stretches.cut(values, fps / int(step[0]))
    return Kept(values.astype(np.float16), bounds, int(step[0]))


def missing(project: Project) -> list[str]:
    """Names of recordings whose features are not there, or are of another encoder."""
    folder = _current(project)
    if folder is None:
        return [recording.name for recording in project.recordings]
    there = {path.name for path in folder.iterdir()}
    return [r.name for r in project.recordings if _path(folder, r.digest).name not in there]


def open_table(project: Project) -> Table:
    """The features of all recordings that have them; about 9 MB an hour in memory."""
    folder = _current(project)
    names, rows, kept = [], [], []
    for recording in project.recordings if folder is not None else ():
        assert folder is not None
        one = _read(_path(folder, recording.digest))
        if one is not None:
            names.append(recording.name)
            rows.append((recording.frames, recording.fps))
            kept.append(one)
    return tabled(names, rows, kept)


def tabled(names: list[str], rows: list[tuple[int, float]], kept: list[Kept]) -> Table:
    """A table of what is kept of recordings.

    Args:
        names: of them.
        rows: frames and rate of each.
        kept: their features.
    """
    features = [one.features for one in kept]
    space = reduction(features or [np.zeros((1, 1))])
    frames, fps = (np.array([row[at] for row in rows]) for at in (0, 1))
    return Table(
        names=tuple(names),
        frames=frames.astype(np.int64),
        fps=fps.astype(np.float64),
        step=np.array([one.step for one in kept], np.int64),
        values=tuple(space.of(part) for part in features),
        stretches=stretches.rows([one.bounds for one in kept]),
        reduction=space,
    )


def write(path: Path, kept: Kept) -> None:
    """Keeps features: all of the file or nothing."""
    with replacing(path) as hidden, hidden.open("wb") as file:
        np.savez(file, features=kept.features, bounds=kept.bounds, step=kept.step)


def _read(path: Path) -> Kept | None:
    """None: not there, or damaged, so that they are made again."""
    try:
        with np.load(path, allow_pickle=False) as held:
            kept = Kept(held["features"], held["bounds"], int(held["step"]))
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return None
    whole = kept.features.ndim == 2 and len(kept.features) == kept.bounds[-1]
    return kept if whole and np.isfinite(kept.features).all() else None


def _path(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.npz"


def _current(project: Project) -> Path | None:
    """The folder of the encoder's features, without a look at its weights; None: not begun."""
    identity = _told(project).get(_stamp(project))
    folder = project.place / FOLDER / str(identity)
    return folder if identity and folder.is_dir() else None


def _told(project: Project) -> dict[str, str]:
    """The identity of each encoder that the project has had, by its stamp."""
    try:
        told = read_json(project.place / FOLDER / CURRENT)
    except (InputError, OSError):
        return {}
    return dict(told) if isinstance(told, dict) else {}


def _stamp(project: Project) -> str:
    """The encoder's name, and when its weights were written: a run may be trained further."""
    run = project.run
    files = [*run.glob("model.safetensors"), *run.glob("checkpoints/*/model.safetensors")]
    return f"{project.encoder}@{max((file.stat().st_mtime_ns for file in files), default=0)}"
