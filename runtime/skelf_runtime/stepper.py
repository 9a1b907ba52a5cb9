"""One frame at a time, in the same time for each, with what the whole sequence gives."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .bodies import Array, as_clip
from .files import opened


class Row(NamedTuple):
    """What the model says after a frame.

    Args:
        frame: whose row it is, counted from 0. Of a motion stream it is the one before the frame
            that was given last.
        label: the most probable class; None: the model has no classes, or a detector sees none.
        probabilities: of each class `(K,)`, of a detector `(K + 1,)`; None: it has no classes.
        features: the encoder's vector `(D,)`.
    """

    frame: int
    label: str | None
    probabilities: Array | None
    features: Array


class Stepper:
    """A file that `skelf export MODEL step=true` wrote, and the states of one sequence.

    Args:
        path: the file.
        threads: of onnxruntime; None: its own choice.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: not a file of skelf's, or not one of steps.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        self._session, self.about = opened(path, threads)
        if self.about.rows != "step":
            raise ValueError(f"{path}: takes whole clips; open it by Model({str(path)!r})")
        shapes = {i.name: i.shape for i in self._session.get_inputs()}
        self._width: int = shapes["joints"][1]
        self._hidden: tuple[int, int, int] = (shapes["hidden"][0], 1, shapes["hidden"][2])
        self._names = [output.name for output in self._session.get_outputs()]
        self.reset()

    def reset(self) -> None:
        """Begins a new sequence."""
        body = (self.about.persons, len(self.about.joints), self.about.channels)
        self._states = {
            "hidden": np.zeros(self._hidden, np.float32),
            "first": np.zeros((1, *body), np.float32),
        }
        self._frame, self._before = 0, np.zeros((0, *body), np.float32)

    def step(self, joints: ArrayLike) -> Row | None:
        """The row after one more frame; None: of a motion stream, after the first.

        Args:
            joints: `(V, C)` or `(M, V, C)`, raw.
        """
        frame = as_clip(np.asarray(joints)[None], self.about)
        given = np.concatenate([self._before, frame])
        self._before = given[len(given) - self._width + 1 :]
        return self._run(given) if len(given) == self._width else None

    def finish(self) -> Row | None:
        """The last frame's row where one is still due, of a motion stream; then a new sequence."""
        last = None
        if len(self._before):
            last = self._run(np.concatenate([self._before, self._before]))
        self.reset()
        return last

    def _run(self, frames: Array) -> Row:
        feeds = {"joints": frames[None], **self._states}
        made = dict(zip(self._names, self._session.run(self._names, feeds), strict=True))
        self._states = {name: made[f"next_{name}"] for name in self._states}
        probabilities = made["probabilities"][0] if "probabilities" in made else None
        self._frame += 1
        return Row(self._frame - 1, self._label(probabilities), probabilities, made["features"][0])

    def _label(self, probabilities: Array | None) -> str | None:
        if probabilities is None:
            return None
        best = int(probabilities.argmax()) - (self.about.kind == "detector")
        return None if best < 0 else self.about.class_names[best]
