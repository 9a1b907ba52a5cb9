"""What an encoder makes of recordings, as a table: a row for each clip, or for each frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..protocols.features import extract
from .adapt import adapted
from .frames import frame_features
from .needs import Needs
from .persons import PERSON
from .rate import in_file
from .source import Source


class Rows(NamedTuple):
    """Some rows of the table, all of one file.

    Args:
        file: as text.
        names: of the clips or recordings that the rows are of, one each.
        person: `(n,)` int64, whose motion it is; -1: of all together.
        frame: `(n,)` int64, the frame in the file; None: rows are whole clips.
        seconds: `(n,)` float64 from the recording's start; None as well.
        values: `(n, D)` float32.
    """

    file: str
    names: list[str]
    person: np.ndarray
    frame: np.ndarray | None
    seconds: np.ndarray | None
    values: np.ndarray


@dataclass
class Tally:
    """What became of the files.

    Args:
        files: that gave rows.
        problems: of those that did not, a line each.
    """

    files: int
    problems: list[str]


def encoded(
    encoder: Encoder,
    needs: Needs,
    sources: Iterable[Source],
    tally: Tally,
    *,
    dense: bool = False,
    unit: str | None = None,
    up: str | None = None,
    device: str = "cpu",
    say: Callable[[str], None] = lambda text: None,
    scratch: str | Path | None = None,
) -> Iterator[Rows]:
    """Features of files, one after the other; one that cannot be read is passed over.

    Args:
        encoder: comes back as it was.
        needs: of it.
        sources: by `source.each`.
        tally: is told what became of each file.
        dense: a row for each frame, at the rate that the encoder was trained at.
        unit: of the coordinates; None: as the files say.
        up: the axis that points up; None: as the bodies stand.
        device: where the encoder runs.
        say: told in one line what is changed, once for files alike.
        scratch: folder for the frames of large files meanwhile; None: the system's.
    """
    told: set[str] = set()

    def once(text: str) -> None:
        if text not in told:
            told.add(text)
            say(text)

    for source in sources:
        if source.clips is None:
            tally.problems.append(source.problem)
            continue
        try:
            ready = adapted(source.clips, needs, unit=unit, up=up, say=once, scratch=scratch)
        except InputError as error:
            tally.problems.append(str(error))
            continue
        file = str(source.path)
        yield from (_frames if dense else _clips)(encoder, ready, file, device)
        tally.files += 1


def _clips(encoder: Encoder, ready: ClipSet, file: str, device: str) -> Iterator[Rows]:
    values = extract(encoder, ready, device=device).numpy()
    yield Rows(file, ready.names, _persons(ready), None, None, values)


def _frames(encoder: Encoder, ready: ClipSet, file: str, device: str) -> Iterator[Rows]:
    at, before, persons = 0, -1, _persons(ready)
    for index, block in frame_features(encoder, ready, device=device):
        at = at if index == before else 0
        before = index
        numbers = np.arange(at, at + len(block))
        at += len(block)
        frames = np.array([in_file(ready, index, int(n)) for n in numbers], np.int64)
        yield Rows(
            file,
            [str(ready.name[index])] * len(block),
            np.full(len(block), persons[index]),
            frames,
            numbers / float(ready.fps[index]),
            block.numpy(),
        )


def _persons(ready: ClipSet) -> np.ndarray:
    persons: np.ndarray = ready.columns.get(PERSON, np.full(len(ready), -1, np.int64))
    return persons
