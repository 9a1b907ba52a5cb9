"""An exported file beside torch: other batches, other lengths, random clips and real ones.

What torch says comes by the way that the commands take: a set of clips, batches, the encoder, the
head. So the file is compared with what `skelf predict` and `skelf features` compute, not with the
module that it was made from.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..errors import InputError
from ..protocols.dense import Reader, outputs
from ..protocols.features import extract, in_evaluation
from ..protocols.fitting import fitting
from ..protocols.windows import Windows
from .subject import Subject

Session = Any  # Any: onnxruntime is an extra, and untyped

TOLERANCE = 1e-4
"""The largest difference that is rounding: of probabilities, and of features beside the largest
feature where that is above 1."""
BATCHES = (1, 2, 3)
MOST = 200
"""Real clips that are compared."""
Feeds = dict[str, np.ndarray]


class Checked(NamedTuple):
    """How far a file is from torch.

    Args:
        random: the largest difference on random clips.
        real: on clips of a store; None: none was given.
        clips: how many of them.
    """

    random: float
    real: float | None = None
    clips: int = 0

    @property
    def largest(self) -> float:
        """Of both."""
        return max(self.random, self.real or 0.0)


def session(content: bytes) -> Session:
    """A file that onnxruntime runs on one thread of this machine's CPU.

    Raises:
        InputError: onnxruntime does not take it.
    """
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each
        line = str(error).splitlines()[0]
        raise InputError(f"onnxruntime {runtime.__version__} does not take it: {line}") from error


def compare(content: bytes, subject: Subject, of_frames: bool, data: ClipSet | None) -> Checked:
    """Runs a file of clips or frames beside torch.

    Args:
        content: of the file.
        subject: what was exported.
        of_frames: whether its rows are of frames.
        data: real clips as the model takes them; None: random ones alone.

    Raises:
        InputError: a batch or a length that it does not take, or a difference above `TOLERANCE`.
    """
    ran = session(content)
    random = max(_difference(ran, subject, clips, of_frames) for clips in random_sets(subject))
    real, count = None, 0
    if data is not None:
        count = min(len(data), MOST)
        chosen = data.take(np.linspace(0, len(data) - 1, count).astype(np.int64))
        real = _difference(ran, subject, chosen, of_frames)
    return accepted(Checked(random, real, count))


def accepted(checked: Checked) -> Checked:
    """What was found, where it is rounding.

    Raises:
        InputError: it is more, or no number.
    """
    if not checked.largest <= TOLERANCE:
        which = "random" if not checked.random <= TOLERANCE else "real"
        raise InputError(
            f"the exported file differs from torch by {checked.largest:.2g} on {which} clips, "
            f"{TOLERANCE:g} is allowed; nothing was written"
        )
    return checked


def random_sets(subject: Subject) -> Iterator[ClipSet]:
    """Sets of 1, 2 and 3 clips of several lengths, with absent persons and missing joints."""
    frames = subject.encoder.num_frames
    for count in BATCHES:
        longest = (1, frames, 2 * frames + 3)[count - 1]
        yield random_clips(subject, [max(1, longest - 3 * i) for i in range(count)])


def random_clips(subject: Subject, lengths: Sequence[int], seed: int = 0) -> ClipSet:
    """Bodies that drift at random, of the subject's layout."""
    needs = subject.needs
    rng = np.random.default_rng([seed, *lengths])
    clips = []
    for number, length in enumerate(lengths):
        pose = rng.normal(size=(1, needs.persons, len(needs.skeleton.names), needs.coordinates))
        joints = pose + rng.normal(0, 0.1, (length, *pose.shape[1:])).cumsum(axis=0)
        joints[rng.random(joints.shape[:3]) < 0.05] = 0  # missing
        if needs.confidence:
            present = (joints != 0).any(axis=3, keepdims=True)
            joints = np.concatenate([joints, present * rng.random(present.shape)], axis=3)
        if number % 2:
            joints[length // 2 :, 1:] = 0  # others leave
        clips.append(joints.astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what random bodies do
        attributes = {"confidence": "true"} if needs.confidence else {}
        return ClipSet.build(np.concatenate(clips), lengths, needs.skeleton, attributes=attributes)


def _difference(ran: Session, subject: Subject, clips: ClipSet, of_frames: bool) -> float:
    """The largest between onnxruntime and torch, over all outputs."""
    largest = 0.0
    expected = rows_of_frames(subject, clips) if of_frames else rows_of_clips(subject, clips)
    size = len(clips) if len(clips) <= max(BATCHES) else 16
    for begin in range(0, len(clips), size):
        chosen = np.arange(begin, min(begin + size, len(clips)))
        feeds = feeds_of(clips, chosen, subject.encoder.persons)
        found = run(ran, feeds)
        for name, values in found.items():
            wanted = expected[name][begin : begin + size]
            for row, one, length in zip(values, wanted, feeds["lengths"], strict=True):
                row = row[:length] if of_frames else row
                unit = max(1.0, float(one.abs().max())) if name == "features" else 1.0
                apart = float(np.abs(row - one.numpy()).max()) / unit
                largest = apart if np.isnan(apart) else max(largest, apart)
    return largest


def run(ran: Session, feeds: Feeds) -> dict[str, np.ndarray]:
    """All outputs by name.

    Raises:
        InputError: a batch or a length that it does not take.
    """
    names = [output.name for output in ran.get_outputs()]
    try:
        return dict(zip(names, ran.run(names, feeds), strict=True))
    except Exception as error:  # onnxruntime has a class of its own for each
        sizes = {key: value.shape for key, value in feeds.items()}
        line = str(error).splitlines()[0]
        raise InputError(f"the exported file does not take {sizes}: {line}") from error


def feeds_of(clips: ClipSet, chosen: np.ndarray, persons: int) -> Feeds:
    """Raw joints `(N, T, M, V, C)` and lengths `(N,)` of some clips."""
    bare = replace(clips, normalize="none")
    x, lengths = ClipBatches(bare, persons=persons, resident=False)(chosen)
    joints = x.permute(0, 2, 4, 3, 1).contiguous().numpy()
    return {"joints": joints, "lengths": lengths.numpy().astype(np.int64)}


def rows_of_clips(subject: Subject, clips: ClipSet) -> dict[str, Tensor]:
    """What torch says of clips: `(N, ...)` by output."""
    features = extract(subject.encoder, clips)
    rows = {"features": features}
    if subject.head is not None:
        with torch.no_grad():
            rows["probabilities"] = torch.softmax(
                subject.head(features) / subject.temperature, dim=-1
            )
    return rows


def rows_of_frames(subject: Subject, clips: ClipSet) -> dict[str, list[Tensor]]:
    """What torch says of the frames of clips, each one window: for each clip `(T, ...)`."""
    encoder, clips = subject.encoder, fitting(subject.encoder, clips, keep_time=True)
    every = np.arange(len(clips))
    zeros = np.zeros_like(every)
    whole = Windows(every, zeros, clips.length, zeros, clips.length)
    reader = Reader(encoder, clips, "cpu")
    rows: dict[str, list[Tensor]] = {}
    with in_evaluation(encoder, reader.device):
        for name, head in (("features", None), ("probabilities", subject.head)):
            if name == "features" or head is not None:
                blocks = [values for _, values in outputs(encoder, reader, whole, head)]
                rows[name] = list(torch.split(torch.cat(blocks), clips.length.tolist()))
    if "probabilities" in rows:
        rows["probabilities"] = [
            torch.softmax(logits / subject.temperature, dim=-1) for logits in rows["probabilities"]
        ]
    return rows
