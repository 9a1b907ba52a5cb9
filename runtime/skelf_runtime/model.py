"""A model that answers what is in a clip, or in each frame of a recording."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .bodies import Array, as_clip, padded
from .files import opened
from .stepper import Stepper
from .windows import laid

BATCH = 32


class Answer(NamedTuple):
    """What a classifier says of a clip.

    Args:
        label: the most probable class.
        probability: its probability.
        probabilities: of each class, by name.
        unknown: whether the model would rather not say.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    unknown: bool


class Model:
    """A file that `skelf export` wrote, but for steps, which are a `Stepper`'s.

    Args:
        path: the file.
        threads: of onnxruntime; None: its own choice.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: not a file of skelf's, or one of steps.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        self.path, self.threads = Path(path), threads
        self._session, self.about = opened(path, threads)
        if self.about.rows == "step":
            raise ValueError(f"{path}: takes single frames; open it by Stepper({str(path)!r})")
        self._outputs = [output.name for output in self._session.get_outputs()]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the probabilities."""
        return self.about.class_names

    def predict(self, joints: ArrayLike, names: Sequence[str] | None = None) -> Answer:
        """What a clip shows.

        Args:
            joints: `(T, V, C)` or `(T, M, V, C)`, raw, in the unit that the model learnt from.
            names: of the joints given, in their order; None: they are the model's.

        Raises:
            ValueError: the model is no classifier, or joints of another shape.
        """
        return next(self.predict_all([joints], names))

    def predict_all(
        self, clips: Iterable[ArrayLike], names: Sequence[str] | None = None
    ) -> Iterator[Answer]:
        """What each of many clips shows, in their order; see `predict`."""
        if self.about.kind != "classifier":
            raise ValueError(f"{self.path}: a {self.about.kind}, not a classifier; {self._instead}")
        for rows in self._rows(clips, names, "probabilities"):
            best = int(rows.argmax())
            by_name = dict(zip(self.class_names, rows.tolist(), strict=True))
            sure = float(rows[best])
            unknown = sure < self.about.unknown_below
            yield Answer(self.class_names[best], sure, by_name, unknown)

    def features(self, joints: ArrayLike, names: Sequence[str] | None = None) -> Array:
        """The encoder's vector `(D,)` of a clip, or `(T, D)` where rows are of frames."""
        return next(self.features_all([joints], names))

    def features_all(
        self, clips: Iterable[ArrayLike], names: Sequence[str] | None = None
    ) -> Iterator[Array]:
        """Those of each of many clips, in their order; see `features`."""
        return self._rows(clips, names, "features")

    def frames(self, joints: ArrayLike, fps: float, names: Sequence[str] | None = None) -> Array:
        """A detector's probabilities `(T, K + 1)` of a recording's frames; column 0: no class.

        Windows of the length that the model learnt from overlap, and what they say of a frame is
        averaged, as `skelf predict` does.

        Args:
            joints: see `predict`; of any length.
            fps: frames a second.
            names: see `predict`.

        Raises:
            ValueError: the model is no detector, or a rate that is none.
        """
        if self.about.kind != "detector" or self.about.windows is None:
            raise ValueError(f"{self.path}: a {self.about.kind}, not a detector; {self._instead}")
        recording = as_clip(joints, self.about, names)
        windows = list(laid(len(recording), fps, self.about.windows))
        pieces = (recording[window.start : window.end] for window in windows)
        total = np.zeros((len(recording), len(self.class_names) + 1))
        count = np.zeros((len(recording), 1))
        for window, rows in zip(windows, self._rows(pieces, None, "probabilities"), strict=True):
            total[window.asked : window.end] += rows[window.asked - window.start :]
            count[window.asked : window.end] += 1
        return (total / count).astype(np.float32)

    def stepper(self, path: str | os.PathLike[str] | None = None) -> Stepper:
        """The same model frame by frame, of a causal GRU.

        Args:
            path: what `skelf export MODEL step=true` wrote; None: `model.step.onnx` beside
                `model.onnx`.
        """
        beside = self.path.with_suffix(f".step{self.path.suffix}")
        return Stepper(beside if path is None else path, self.threads)

    def _rows(
        self, clips: Iterable[ArrayLike], names: Sequence[str] | None, output: str
    ) -> Iterator[Array]:
        """An output of each clip; batches are of clips that follow each other."""
        prepared = (as_clip(clip, self.about, names) for clip in clips)
        while some := list(islice(prepared, BATCH)):
            joints, lengths = padded(some)
            (rows,) = self._session.run([output], {"joints": joints, "lengths": lengths})
            of_frames = self.about.rows == "frame"
            for row, length in zip(rows, lengths.tolist(), strict=True):
                yield row[:length] if of_frames else row

    @property
    def _instead(self) -> str:
        by_kind = {"classifier": "use predict", "detector": "use frames"}
        return by_kind.get(self.about.kind, "it has features alone, use features")
