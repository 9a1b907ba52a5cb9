"""What a model says of any number of recordings, unit by unit, by a crew; see `bulk`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from ..cluster import Crew
from ..cluster.alone import Alone
from ..files import is_stream
from ..machine.devices import choose_device
from ..protocols._cache import content
from . import model as models
from .answers import Answer
from .bulk.blocks import Reading, block, fitting
from .bulk.gather import Given, Told, in_order
from .bulk.once import identity, once, remember
from .bulk.parts import parts_beside
from .bulk.records import Add, Texts
from .bulk.records import reading as records_of
from .bulk.units import Unit, cut
from .model import Model
from .predict import of_file
from .result import Heads, Result
from .segments import Segment
from .source import Place


class Asked(NamedTuple):
    """What is asked of every unit.

    Args:
        model: where it lies.
        identity: its own, see `identity_of`.
        reading: how files are read.
        device: auto, cpu or cuda.
    """

    model: str
    identity: str
    reading: Reading
    device: str


@contextmanager
def predictions(
    model: Model,
    name: str,
    listed: Sequence[Place],
    out: Path | None,
    *,
    reading: Reading = Reading(),
    device: str = "cpu",
    crew: Crew = Alone(),
    clips: bool = False,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    frames: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Iterator[Result]]:
    """What a model says of files, in their order; a store's comes in several results.

    Results wait in a hidden folder beside the output and are used again after a kill; they go at
    the end of the block.

    Args:
        model: by `load_model(name)`.
        name: where it lies.
        listed: see `source.places`.
        out: what the results are for; None, or a device: they wait in the system's folder.
        reading: how files are read.
        device: auto, cpu or cuda.
        crew: does the work; what comes out is the same to the bit, whoever does it, if torch
            counts with as many threads.
        clips: results come with their clips, a file's in one.
        say: told in one line what is changed, once for files alike.
        progress: called with units done and in all.
        frames: called with frames done and in all of a recording, where this process works.
    """
    asked = Asked(name, identity_of(model), reading, device)
    remember("model", name, asked.identity, model)
    units, told = cut(listed, "clips" if model.kind == "classifier" else "frames"), Told(say)
    task = partial(work, asked, frames=frames) if isinstance(crew, Alone) else partial(work, asked)
    with _beside(out) as place, parts_beside(place, "predictions", asked) as parts:
        every = in_order(crew, task, units, parts, progress)
        yield _whole(every, told, reading, parts.folder) if clips else _each(every, told)


def work(
    asked: Asked,
    unit: Unit,
    add: Add,
    summary: Texts,
    scratch: Path,
    frames: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """What the model says of a unit, as a record; see `bulk.gather.in_order`."""
    model = once("model", asked.model, asked.identity, _load)
    lines: list[str] = []
    given = block(unit, asked.reading, lines.append, scratch)
    ready = fitting(given, model.needs, asked.reading, lines.append, scratch)
    device = choose_device(asked.device, "--device")
    result = of_file(model, unit.place.path, given.clips, ready, device, frames)
    arrays = {"frames": given.clips.length, "fps": given.clips.fps}
    texts = {"names": given.clips.names, "answers": result.answers, "segments": result.segments}
    add(arrays, texts)
    summary |= {"lines": lines}


def identity_of(model: Model) -> str:
    """A hash of all that a model says depends on but the clips."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(identity(model.encoder).encode())
    digest.update(json.dumps([model.config.get(key) for key in ("model", "source")]).encode())
    for key, tensor in sorted(model.head.state_dict().items()):
        digest.update(repr((key, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(content(tensor))
    return digest.hexdigest()


def _load(name: object) -> tuple[str, Model]:
    model = models.load_model(str(name))
    return identity_of(model), model


@contextmanager
def _beside(out: Path | None) -> Iterator[Path]:
    if out is None or is_stream(out):
        with TemporaryDirectory() as folder:
            yield Path(folder) / "predictions"
        return
    yield out


def _each(every: Iterator[Given], told: Told) -> Iterator[Result]:
    for given in every:
        yield _result(given, told)


def _whole(every: Iterator[Given], told: Told, reading: Reading, scratch: Path) -> Iterator[Result]:
    """A file's in one, with its clips."""
    some: list[Result] = []
    for given in every:
        result = _result(given, told)
        if result.problem:
            yield result
        else:
            some.append(result)
        if some and given.unit.ends:
            unit = given.unit._replace(first=0, last=given.unit.total)
            yield Result(
                unit.place.path,
                block(unit, reading, lambda text: None, scratch).clips,
                answers=tuple(answer for one in some for answer in one.answers),
                segments=tuple(segment for one in some for segment in one.segments),
            )
            some = []


def _result(given: Given, told: Told) -> Result:
    path = given.unit.place.path
    if given.summary is None:
        return Result(path, None, problem=given.problem)
    for line in given.summary["lines"]:
        told(line)
    (record,) = records_of(given.part)
    texts, frames = record.texts, record.arrays["frames"].astype(np.int64)
    return Result(
        path,
        None,
        answers=tuple(Answer(*row) for row in texts["answers"]),
        segments=tuple(Segment(*row) for row in texts["segments"]),
        heads=Heads(texts["names"], frames, record.arrays["fps"]),
    )
