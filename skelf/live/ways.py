"""Frames to probabilities, of one person: frame by frame, or window by window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ..augment.basic import resize
from ..contracts import Encoder
from ..data.normalize import normalize
from ..data.normalize_frames import FrameNormalizer
from ..data.normalize_names import keeping_time
from ..encoders._steps import Steps
from ..protocols.dense import recurrent, taking
from ..protocols.windows import to_frames
from .plan import Plan
from .timeline import Stamped

Probabilities = Callable[[Tensor], Tensor]
"""Features `(..., dim)` to probabilities `(..., K)`."""


class Moment(NamedTuple):
    """What a model says of a moment.

    Args:
        time: seconds.
        p: `(K,)` probabilities.
    """

    time: float
    p: np.ndarray


class Way(Protocol):
    """How one person's frames become probabilities."""

    def __call__(self, frame: Stamped) -> list[Moment]:
        """What is known now."""

    def finish(self) -> list[Moment]:
        """What else can be said when no more comes."""


class Stepping:
    """A causal GRU frame by frame.

    Args:
        steps: of the encoder.
        normalizer: of the frames.
        probabilities: of features.
        every: frames between answers; the first comes with that many.
    """

    def __init__(
        self,
        steps: Steps,
        normalizer: FrameNormalizer,
        probabilities: Probabilities,
        every: int = 1,
    ) -> None:
        self.steps, self.normalizer, self.every = steps, normalizer, every
        self.probabilities = probabilities
        self.state, self.seen = steps.start(), 0
        self.times: deque[float] = deque()  # of frames whose vectors are to come

    def __call__(self, frame: Stamped) -> list[Moment]:
        """The frame's probabilities; of a motion stream those of the one before."""
        self.times.append(frame.time)
        vector, self.state = self.steps(self.normalizer(frame.joints), self.state)
        return self._judged(vector)

    def finish(self) -> list[Moment]:
        """Those of a last frame that waits for the next."""
        vector, self.state = self.steps.finish(self.state)
        return self._judged(vector)

    def _judged(self, vector: np.ndarray | None) -> list[Moment]:
        if vector is None:
            return []
        time, self.seen = self.times.popleft(), self.seen + 1
        if self.seen % self.every:
            return []
        with torch.no_grad():
            return [Moment(time, self.probabilities(torch.from_numpy(vector)).numpy())]


class Sliding:
    """The latest frames as a window, every so often, from the first that is full.

    A clip's answer is about the window. Where each frame is asked about, it has the answer of the
    first window that it is in. At the end come the frames that no window has answered, and where
    none was full what there is.

    Args:
        encoder: in evaluation.
        name: its normalisation.
        probabilities: of features.
        plan: how long windows are, how often they come, what they are asked about.
    """

    def __init__(
        self, encoder: Encoder, name: str, probabilities: Probabilities, plan: Plan
    ) -> None:
        self.encoder, self.probabilities, self.plan = encoder, probabilities, plan
        self.name = name if plan.asks == "clip" else keeping_time(name)
        self.normalizer: FrameNormalizer | None = None
        if plan.asks != "clip" and plan.normalize_on == "recording":
            skeleton, coordinates = encoder.skeleton, encoder.coordinates
            self.normalizer = FrameNormalizer(name, skeleton, coordinates, plan.window)
            self.name = "none"
        self.frames: deque[Stamped] = deque(maxlen=plan.window)
        self.fresh = 0  # frames that no window has been asked about
        self.answered = False

    def __call__(self, frame: Stamped) -> list[Moment]:
        """What a window says that this frame completes."""
        if self.normalizer is not None:
            frame = frame._replace(joints=self.normalizer(frame.joints))
        self.frames.append(frame)
        self.fresh += 1
        full = len(self.frames) == self.plan.window
        due = self.fresh >= self.plan.stride if self.answered else full
        return self._answers() if due else []

    def finish(self) -> list[Moment]:
        """What no window has said yet."""
        wanted = self.fresh if self.plan.asks == "frames" else not self.answered and self.fresh
        return self._answers() if wanted else []

    def _answers(self) -> list[Moment]:
        plan, window = self.plan, list(self.frames)
        fresh, self.fresh, self.answered = min(self.fresh, len(window)), 0, True
        with torch.no_grad():
            p = self.encoded([frame.joints for frame in window]).numpy()
        if plan.asks == "clip":
            return [Moment(window[-1].time, p[0])]
        if plan.asks == "centre":
            return [Moment(window[len(window) // 2].time, p[0])]
        rows = zip(window[-fresh:], p[-fresh:], strict=True)
        return [Moment(frame.time, row) for frame, row in rows]

    def encoded(self, joints: Sequence[np.ndarray]) -> Tensor:
        """Probabilities of a window of joints `(C, V, M)`: `(1, K)`, or `(T, K)` of its frames."""
        encoder, plan = self.encoder, self.plan
        x = torch.from_numpy(np.stack(joints, axis=1))[None]  # (1, C, T, V, M)
        lengths = torch.tensor([len(joints)])
        x, lengths = normalize(x, lengths, self.name, encoder.skeleton, encoder.coordinates)
        read = -(lengths // -plan.read)
        frames = encoder.num_frames
        if plan.asks == "centre" and recurrent(encoder):
            frames = int(read)  # a recurrence takes the frames as they are
        x = resize(x[:, :, :: plan.read], read, frames)
        with taking(encoder, frames):
            if plan.asks != "frames":
                return self.probabilities(encoder(x))
            return self.probabilities(to_frames(encoder.frames(x), lengths)[0])
