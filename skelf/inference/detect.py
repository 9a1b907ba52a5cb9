"""What a detector finds in recordings of any length, read window by window from where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.paging import let_go
from ..encoders.folded import frame_logits
from ..errors import InputError
from ..protocols.dense import Reader, answered, taking
from ..protocols.features import in_evaluation
from ..protocols.laying import Laying
from ..protocols.proposals import Proposals
from ..protocols.rules import Rules, refuse_rates
from ..protocols.windows import Laid, lay, rows
from ..settings.options import from_flat
from .flow import Finder, Means
from .heads import Linear
from .model import Model
from .over_time import OverTime, Stream
from .persons import PERSON, chosen_persons
from .rate import in_file
from .segments import Segment

AT_ONCE = 512
"""Windows that are read and normalised together; no influence on the result beyond rounding."""
BATCH = 32
"""Windows that the encoder is given at a time: what they become stays in a processor's cache."""


def segments(
    model: Model,
    clips: ClipSet,
    *,
    device: str | torch.device = "cpu",
    batch_size: int = BATCH,
    listener: Callable[[int], None] = lambda frames: None,
) -> list[Segment]:
    """What happens when in recordings, by a detector.

    Windows are read from where the recordings lie, block by block, and a rule forgets the frames
    that it has settled, so that memory does not grow with their length; a normalisation of whole
    recordings (`normalize_on`) and the released rules hold one recording at a time.

    Args:
        model: a detector.
        clips: recordings as the model needs them, see `adapt.adapted`. Where they have room for
            more persons than the model looks at, `persons.chosen_persons` says who is looked at.
        device: where to compute.
        batch_size: windows a forward pass; no influence on the result beyond rounding.
        listener: told of every block how many frames are done.

    Returns:
        recording by recording, by start; `end_frame` is exclusive.

    Raises:
        InputError: no detector, recordings without a rate above 0, another joint layout or
            normalisation, or an encoder that gives what is no number.
    """
    laying, rules = settings(model)
    clips = chosen_persons(clips, model.encoder.persons, say=lambda text: None)
    refuse_rates(clips.fps, rules.unit, str(clips))
    found: list[Segment] = []
    for number in range(len(clips)):
        one = clips.take([number])
        finder = Finder(rules, rules.counts(float(one.fps[0]), 0.0))
        for p, last in probabilities(model, one, laying, rules, device, batch_size):
            finder.add(p, last)
            listener(len(p))
        found += _named(one, finder.end(), model.class_names)
    return found


def settings(model: Model) -> tuple[Laying, Rules]:
    """How a detector reads a recording, and how frames become segments.

    Raises:
        InputError: the model is no detector.
    """
    if model.windows is None or model.rules is None:
        raise InputError(
            f"a {model.kind} says what a cut clip is, and finds nothing in a recording; fit a "
            "detector: skelf fit detector --run RUN --data STORE --out MODEL"
        )
    own = {key: value for key, value in model.rules.items() if key != "short_action"}
    return from_flat(Laying, model.windows), from_flat(Rules, own)


def probabilities(
    model: Model,
    recording: ClipSet,
    laying: Laying,
    rules: Rules,
    device: str | torch.device = "cpu",
    batch_size: int = BATCH,
) -> Iterator[tuple[np.ndarray, bool]]:
    """Frame probabilities of one recording, in order.

    Args:
        model: the detector.
        recording: a set of one.
        laying: of windows.
        rules: say what times count.
        device: where to compute.
        batch_size: windows a forward pass.

    Yields:
        `(T, K + 1)` float32 of the next frames, column 0 the background; whether they are the last.
    """
    laid = laying.laid(recording.fps, rules.unit)
    reader = Reader(
        model.encoder,
        recording,
        device,
        normalize_on=laying.normalize_on,
        centred=laid.way == "centred",
        step=laid.step,
        window=laid.window,
    )
    total = int(recording.length[0])
    model.head.to(reader.device)
    stream = None
    if isinstance(model.head, OverTime):
        stream = Stream(model.head, total, float(recording.fps[0]), rules.unit)
    means = Means(model.encoder.dim if stream else len(model.class_names) + 1, reader.device)
    with in_evaluation(model.encoder, reader.device), taking(model.encoder, reader.frames):
        answer = _answer(model.encoder, model.head, centred=reader.centred)
        if stream:
            answer = partial(reader.encode, model.encoder)
        for frame, values, settled in _blocks(answer, reader, laid, batch_size):
            p = _settled(means, frame, values.float(), settled, model.temperature, stream, total)
            if not np.isfinite(p).all():
                raise InputError(
                    f"{recording}: {recording.names[0]}: the model gives what is no number; are "
                    "its coordinates in the right unit?"
                )
            if len(p):
                yield p, settled == total


def _settled(
    means: Means,
    frame: Tensor,
    values: Tensor,
    settled: int,
    temperature: float,
    stream: Stream | None,
    total: int,
) -> np.ndarray:
    """Probabilities of the next frames, by a window's logits, or by its features and a stream."""
    if stream is None:
        means.add(frame, torch.softmax(values / temperature, dim=1))
        return means.take(settled)
    means.add(frame, values)
    logits = stream.add(means.take(settled), settled == total)
    if not len(logits):
        return np.zeros((0, 1), np.float32)
    p: np.ndarray = torch.softmax(logits / temperature, dim=1).cpu().numpy()
    return p


def _answer(
    encoder: Encoder, head: torch.nn.Module, *, centred: bool
) -> Callable[[Tensor], Tensor]:
    if centred:
        return lambda x: head(encoder(x))[:, None]
    if isinstance(head, Linear | torch.nn.Linear):
        return frame_logits(encoder, head.weight, head.bias)
    return lambda x: head(encoder.frames(x))


def _blocks(
    answer: Callable[[Tensor], Tensor], reader: Reader, laid: Laid, batch_size: int
) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Frames `(R,)`, their logits, and how many of the first frames are settled then."""
    length = reader.recordings.length
    between = 1 if reader.centred else laid.between
    windows = lay(length, laid.way, laid.window, between)
    count = len(windows.start)
    for begin in range(0, count, AT_ONCE):
        chosen = windows.take(slice(begin, begin + AT_ONCE))
        logits = answered(answer, reader, chosen, batch_size)
        last = begin + AT_ONCE >= count
        settled = int(length[0]) if last else int(windows.begin[begin + AT_ONCE])
        let_go(reader.recordings.joints)
        yield torch.from_numpy(rows(chosen, length)[2]).to(logits.device), logits, settled


def _named(clips: ClipSet, found: Proposals, class_names: tuple[str, ...]) -> list[Segment]:
    """Segments of one recording, by start; frames are those of the file that it was read from."""
    fps, name = float(clips.fps[0]), clips.names[0]
    person = int(clips.columns[PERSON][0]) if PERSON in clips.columns else -1
    order = np.lexsort((found.label, found.end, found.start))
    return [
        Segment(
            name=name,
            start=round(int(found.start[at]) / fps, 6),
            end=round(int(found.end[at]) / fps, 6),
            start_frame=in_file(clips, 0, int(found.start[at])),
            end_frame=in_file(clips, 0, int(found.end[at])),
            label=class_names[int(found.label[at])],
            score=float(found.score[at]),
            person=person,
        )
        for at in order
    ]
