"""What an encoder makes of recordings, as a table: a row for each clip, or for each frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..cluster import Crew
from ..cluster.alone import Alone
from ..contracts import Encoder
from ..data.clips import ClipSet
from ..machine.devices import choose_device
from ..protocols.features import extract
from ..runs.load import Run
from .bulk.blocks import Reading, block, fitting
from .bulk.gather import Given, Tally, Told, in_order
from .bulk.once import encoder_once, known
from .bulk.parts import Parts, parts_beside
from .bulk.records import Add, Texts
from .bulk.records import reading as reading_records
from .bulk.units import Unit, cut
from .frames import frame_features
from .persons import PERSON
from .rate import in_file
from .source import Place


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


class Asked(NamedTuple):
    """What is asked of every unit.

    Args:
        run: where the encoder lies.
        identity: its own, see `bulk.once.identity`.
        dense: a row for each frame, at the rate that the encoder was trained at.
        reading: how files are read.
        device: auto, cpu or cuda.
    """

    run: str
    identity: str
    dense: bool
    reading: Reading
    device: str


@contextmanager
def features(
    paths: Sequence[Place],
    run: Run,
    out: Path,
    *,
    dense: bool = False,
    reading: Reading = Reading(),
    device: str = "cpu",
    crew: Crew = Alone(),
    tally: Tally,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Iterator[Rows]]:
    """Features of files, one after the other; one that cannot be read is passed over.

    What a unit gives waits in a hidden folder beside the output and is used again after a kill; it
    goes at the end of the block. Memory grows neither with the files nor with a recording's length.

    Args:
        paths: see `source.places`.
        run: the encoder.
        out: what the rows are for.
        dense: see `Asked`.
        reading: how files are read.
        device: auto, cpu or cuda, where the encoder runs.
        crew: does the work; what comes out is the same to the bit, whoever does it, if torch
            counts with as many threads.
        tally: is told what became of each file.
        say: told in one line what is changed, once for files alike.
        progress: called with units done and in all.
    """
    encoder = known(run)
    asked = Asked(str(run), encoder.identity, dense, reading, device)
    units, told = cut(paths, "frames" if dense else "clips"), Told(say)

    def rows(parts: Parts) -> Iterator[Rows]:
        for given in in_order(crew, partial(work, asked), units, parts, progress):
            if tally.take(given) and given.summary is not None:
                for line in given.summary["lines"]:
                    told(line)
                yield from _rows(given)

    with parts_beside(out, "features", asked._replace(device=""), encoder.needs) as parts:
        yield rows(parts)


def work(asked: Asked, unit: Unit, add: Add, summary: Texts, scratch: Path) -> None:
    """The features of a unit, as records; see `bulk.gather.in_order`."""
    found = encoder_once(asked.run, asked.identity)
    needs = found.needs._replace(name=asked.run)
    lines: list[str] = []
    given = block(unit, asked.reading, lines.append, scratch)
    ready = fitting(given, needs, asked.reading, lines.append, scratch)
    made = _frames if asked.dense else _clips
    count = 0
    for rows in made(
        found.encoder, ready, str(unit.place.path), choose_device(asked.device, "--device")
    ):
        count += len(rows.values)
        arrays = {"person": rows.person, "values": rows.values}
        if rows.frame is not None and rows.seconds is not None:
            arrays |= {"frame": rows.frame, "seconds": rows.seconds}
        names = rows.names[:1] if asked.dense else rows.names  # of one recording
        add(arrays, {"names": names})
    summary |= {"rows": count, "dim": found.encoder.dim, "lines": lines}


def _rows(given: Given) -> Iterator[Rows]:
    for arrays, texts in reading_records(given.part):
        values, names = arrays["values"], texts["names"]
        yield Rows(
            str(given.unit.place.path),
            names if len(names) == len(values) else names * len(values),
            arrays["person"],
            arrays.get("frame"),
            arrays.get("seconds"),
            values,
        )


def _clips(encoder: Encoder, ready: ClipSet, file: str, device: str) -> Iterator[Rows]:
    values = extract(encoder, ready, device=device).numpy()
    yield Rows(file, ready.names, _persons(ready), None, None, values)


def _frames(encoder: Encoder, ready: ClipSet, file: str, device: str) -> Iterator[Rows]:
    at, before, persons = 0, -1, _persons(ready)
    for index, values in frame_features(encoder, ready, device=device):
        at = at if index == before else 0
        before = index
        numbers = np.arange(at, at + len(values))
        at += len(values)
        frames = np.array([in_file(ready, index, int(n)) for n in numbers], np.int64)
        yield Rows(
            file,
            [str(ready.name[index])] * len(values),
            np.full(len(values), persons[index]),
            frames,
            numbers / float(ready.fps[index]),
            values.numpy(),
        )


def _persons(ready: ClipSet) -> np.ndarray:
    persons: np.ndarray = ready.columns.get(PERSON, np.full(len(ready), -1, np.int64))
    return persons
