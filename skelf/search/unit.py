"""The rows of a unit of work, by whoever does it, and read again by who puts the index together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..inference.bulk.blocks import Block, Reading, block, part_of
from ..inference.bulk.once import encoder_once
from ..inference.bulk.parts import AGAIN
from ..inference.bulk.records import Add, Texts, reading
from ..inference.bulk.units import Unit
from ..machine.devices import choose_device
from .encode import Axes, Ready, brought, encoded
from .encode import ready as ready_of
from .options import Search
from .part_file import Recordings, Windows
from .pending import Rows


class Asked(NamedTuple):
    """What is asked of every unit.

    Args:
        run: where the encoder lies.
        identity: its own.
        how: the index's settings.
        reading: how files are read.
        device: auto, cpu or cuda.
        known: a file with the digests of what is in the index whole.
    """

    run: str
    identity: str
    how: Search
    reading: Reading
    device: str
    known: str


def work(
    asked: Asked,
    unit: Unit,
    add: Add,
    summary: Texts,
    scratch: Path,
    clips: ClipSet | None = None,
    report: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> None:
    """The rows of a unit, as records; see `inference.bulk.gather.in_order`.

    Args:
        asked: what for.
        unit: what is read.
        add: takes records.
        summary: is told classes, rows, and of a file its digest.
        scratch: folder for what is large.
        clips: in memory, in place of a file.
        report: called with what is done, how much of it, and all of it.
    """
    lines: list[str] = []
    if clips is None:
        given = block(unit, asked.reading, lines.append, scratch)
    else:
        given = Block(part_of(clips, unit.first, unit.last), clips)
    summary |= {"windows": 0, "classes": [*given.clips.class_names], "lines": lines}
    if not unit.total:  # of a store the digest is known before
        summary["digest"] = given.clips.digest()
        if summary["digest"] in _known(asked.known):
            summary[AGAIN] = True
            return
    encoder = encoder_once(asked.run, asked.identity)
    some = given.whole if len(given.clips) < len(given.whole) else None
    axes = Axes(asked.reading.unit, asked.reading.up)
    fit = brought(given.clips, encoder.needs, lines.append, axes, some, scratch)
    ready = ready_of(fit, given.clips, asked.how, unit.first)
    device, total = choose_device(asked.device, "--device"), len(ready.windows)
    for place, vectors in encoded(encoder.encoder, fit, ready.places, device):
        _add(add, ready, place, vectors)
        report(f"encoding {unit.place.path.name}", place.stop, total)
    summary["windows"] = total


def _add(add: Add, ready: Ready, place: slice, vectors: np.ndarray) -> None:
    first = np.searchsorted(ready.places.recording, np.arange(len(ready.recordings)))
    own = np.flatnonzero((first >= place.start) & (first < place.stop))
    recordings = vars(ready.recordings.take(own))
    names = recordings.pop("name")
    arrays = {f"w.{key}": value[place] for key, value in vars(ready.windows).items()}
    arrays |= {f"r.{key}": value for key, value in recordings.items()}
    add(arrays | {"first": first[own] - place.start, "vectors": vectors}, {"names": names})


def rows_of(part: Path) -> Iterator[Rows]:
    """The rows of a unit, some at a time."""
    for arrays, texts in reading(part):
        of = {
            kind: {key[2:]: array for key, array in arrays.items() if key.startswith(kind)}
            for kind in ("w.", "r.")
        }
        recordings = Recordings(**of["r."], name=texts["names"])
        yield Rows(Windows(**of["w."]), recordings, arrays["first"], arrays["vectors"])


def write_known(path: Path, digests: list[str]) -> None:
    """Writes which files are in the index whole, for all who work on it."""
    path.write_text(json.dumps(digests))


def _known(path: str) -> frozenset[str]:
    file = Path(path)
    try:
        return _read(path, file.stat().st_mtime_ns)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None


@lru_cache(maxsize=1)
def _read(path: str, time: int) -> frozenset[str]:
    return frozenset(json.loads(Path(path).read_text()))
