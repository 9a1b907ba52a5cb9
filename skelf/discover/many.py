"""Discovery in recordings of any number: they are encoded unit by unit, by a crew.

Clusters are found by one process, of what a few numbers a second say. Means over bins lie on the
disk until then, so that memory has the signals and the table of segments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..cluster import Crew
from ..cluster.alone import Alone
from ..data.clips import ClipSet
from ..data.formats.signs import STORE
from ..errors import InputError
from ..inference.bulk.blocks import Reading, block, part_of
from ..inference.bulk.gather import in_order
from ..inference.bulk.once import Known, encoder_once
from ..inference.bulk.parts import Parts, parts_beside
from ..inference.bulk.records import Add, Texts, reading
from ..inference.bulk.units import Unit, pieces
from ..inference.source import Place
from ..machine.devices import choose_device
from ..machine.guest import no_trace
from ..runs.load import Run
from .discovering import assembled, without_labels
from .found import Discovery
from .options import Discover
from .signals import bins_of, reduced, steps


class Asked(NamedTuple):
    """What is asked of every unit.

    Args:
        run: where the encoder lies.
        identity: its own.
        rate: bins a second.
        window: seconds that the encoder sees at once; None: the usual ones.
        device: auto, cpu or cuda.
    """

    run: str
    identity: str
    rate: float
    window: float | None
    device: str


@no_trace()
def discover(
    crew: Crew,
    run: Run,
    encoder: Known,
    clips: ClipSet,
    how: Discover,
    out: Path,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Discovery:
    """`discovering.discover` by a crew; the same to the bit, if torch has as many threads.

    Means over bins wait in a hidden folder beside the output, and are used again after a kill.

    Args:
        crew: encodes.
        run: where the encoder lies.
        encoder: what `known(run)` gave.
        clips: recordings as it takes them (`inference.adapt.adapted`).
        how: the settings.
        out: what it is for.
        device: auto, cpu or cuda.
        progress: called with units done and in all.

    Raises:
        InputError: recordings that the encoder cannot take.
    """
    bare = without_labels(clips)
    asked = Asked(str(run), encoder.identity, how.rate, how.window, device)
    with parts_beside(out, "discover", asked, clips.digest()) as parts:
        place = _place(crew, clips, parts)
        units = [
            Unit(place, first, last, len(clips), f"{first}-{last}")
            for first, last in pairwise(pieces(clips.length, "frames"))
        ]
        alone = isinstance(crew, Alone)
        task = partial(work, asked, clips=bare) if alone else partial(work, asked)
        done = []
        for given in in_order(crew, task, units, parts, progress, not alone):
            if given.problem:
                raise InputError(given.problem)
            done.append(given.part)
        made = reduced(_Bins(done), steps(clips, how.rate), how.dims)
    return assembled(bare, made, how)


def work(
    asked: Asked,
    unit: Unit,
    add: Add,
    summary: Texts,
    scratch: Path,
    clips: ClipSet | None = None,
) -> None:
    """The bins of a unit, a record for each recording; see `inference.bulk.gather.in_order`."""
    if clips is None:
        some = block(unit, Reading(), lambda text: None, scratch).clips
    else:
        some = part_of(clips, unit.first, unit.last)
    encoder = encoder_once(asked.run, asked.identity).encoder
    device = choose_device(asked.device, "--device")
    for bins in bins_of(encoder, some, asked.rate, window=asked.window, device=device):
        add({"bins": bins}, {})


class _Bins:
    """Bins of all recordings in order, as often as they are asked for."""

    def __init__(self, parts: list[Path]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[np.ndarray]:
        return (record.arrays["bins"] for part in self._parts for record in reading(part))


def _place(crew: Crew, clips: ClipSet, parts: Parts) -> Place:
    """Where others read the clips: the store that they are of, or one that is made for that."""
    path = clips.path
    stored = clips.stored is not None and clips.stored.joints is clips.joints
    if path is None or not stored or len(ClipSet.open(path)) != len(clips):
        path = parts.folder / "recordings.h5"
        if not isinstance(crew, Alone) and not path.is_file():
            clips.save(path)
    return Place(path, STORE, path)
