"""What a model says of recordings, file by file: `predict`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..tables import Table
from .adapt import adapted
from .answers import Answer
from .persons import PERSON
from .result import Result
from .segments import Segment
from .source import Place, each

if TYPE_CHECKING:
    from .model import Model

Say = Callable[[str], None]
KINDS: Table[Callable[..., Sequence[Answer] | Sequence[Segment]]] = Table(
    "skelf.inference", {"classifier": "classify.answers", "detector": "detect.segments"}
)
"""What answers, by the kind of a model: clips that fit it, to a row each, or to segments."""


def predict(
    model: Model,
    paths: Iterable[str | Path] | Sequence[Place],
    *,
    format: str | None = None,
    layout: str | None = None,
    options: Sequence[str] = (),
    unit: str | None = None,
    up: str | None = None,
    device: str = "cpu",
    say: Say = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    scratch: str | Path | None = None,
) -> Iterator[Result]:
    """What a model says of each file, one after the other; what cannot be read is passed over.

    A file's result does not depend on the others. Recordings of any length take little memory.

    Args:
        model: by `load_model`.
        paths: stores, files and folders, see `source.places`, or what that gave.
        format: of all of them; None: by what is in each.
        layout: of the joints in them; None: by names.
        options: of the format, as `key=value`.
        unit: of their coordinates, see `space.UNITS`; None: as the files say.
        up: the axis that points up; None: as the bodies stand.
        device: where the model runs.
        say: told in one line what is changed, once for all files alike.
        progress: called with frames done and in all of a file that takes long.
        scratch: folder for the frames of large files meanwhile; None: the system's.

    Yields:
        a result for each file, with the problem where it has one.

    Raises:
        InputError: no such path, or an unknown format.
    """
    told: set[str] = set()

    def once(text: str) -> None:
        if text not in told:
            told.add(text)
            say(text)

    for source in each(
        paths, format=format, layout=layout, options=options, say=say, scratch=scratch
    ):
        if source.clips is None:
            yield Result(source.path, None, problem=source.problem)
            continue
        try:
            ready = adapted(source.clips, model.needs, unit=unit, up=up, say=once, scratch=scratch)
            result = of_file(model, source.path, source.clips, ready, device, progress)
        except InputError as error:
            result = Result(source.path, None, problem=_naming(source.path, str(error)))
        yield result


def of_file(
    model: Model,
    path: Path,
    clips: ClipSet,
    ready: ClipSet,
    device: str,
    progress: Callable[[int, int], None],
) -> Result:
    """What a model says of clips that were brought to it.

    Args:
        model: by `load_model`.
        path: of their file.
        clips: as they were read.
        ready: as `adapted` gave them.
        device: where the model runs.
        progress: called with frames done and in all.
    """
    said = KINDS[model.kind]
    if model.kind == "classifier":
        rows = said(model, ready, device=device)
        answers = [row for row in rows if isinstance(row, Answer)]
        return Result(path, clips, answers=tuple(_of_persons(answers, ready)))
    done, total = 0, ready.frames_total

    def listener(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, total)

    rows = said(model, ready, device=device, listener=listener)
    return Result(path, clips, segments=tuple(r for r in rows if isinstance(r, Segment)))


def _of_persons(answers: Sequence[Answer], ready: ClipSet) -> Iterator[Answer]:
    """With the person where each has a clip of its own; nobody is no class."""
    persons = ready.columns.get(PERSON, np.full(len(ready), -1))
    for at, answer in enumerate(answers):
        there = bool(ready.clip(at)[..., : ready.coordinates].any())
        yield answer._replace(person=int(persons[at]), unknown=answer.unknown or not there)


def _naming(path: Path, problem: str) -> str:
    """The problem with its file in front, where it does not name it."""
    return problem if path.name in problem else f"{path}: {problem}"
