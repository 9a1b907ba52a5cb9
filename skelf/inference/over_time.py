"""A model's head that sees seconds: the dilated one of `protocols.segmentation`, and its answers in
bounded memory.

What it says of a frame depends on what comes up to `reach` steps later. So it answers block by
block, each with as much around it, and what comes out is what the whole recording at once gives.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..protocols.dilated import Dilated
from ..protocols.rules import Unit
from ..protocols.segmentation import steps_of

BLOCK = 1024
"""Steps that are answered at once, at least; no influence beyond rounding."""
MOST_LAYERS = 20
"""A frame sees a million steps on either side then."""


class OverTime(Dilated):
    """`protocols.dilated.Dilated` as it lies in a model's folder.

    Args:
        dim: length of a feature `D`.
        classes: length of the logits `K`.
        width: numbers a frame within.
        layers: residual layers.
        rate: steps a second, or, where the model's rules count frames, 1 a frame.

    Raises:
        ValueError: sizes that none has.
    """

    def __init__(self, *, dim: int, classes: int, width: int, layers: int, rate: float) -> None:
        if not 1 <= layers <= MOST_LAYERS or not 0 < rate < float("inf"):
            raise ValueError(
                f"layers={layers}, rate={rate}: up to {MOST_LAYERS} layers, and a rate above 0"
            )
        super().__init__(dim, classes, width=width, layers=layers, dropout=0.0)
        self.sizes = {
            "dim": dim, "classes": classes, "width": width, "layers": layers, "rate": rate,
        }  # fmt: skip
        self.rate = rate

    @property
    def reach(self) -> int:
        """Steps before and after a step that decide on it."""
        return 2 ** len(self.layers) - 1

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits `(..., T, K)` of the features of whole recordings `(..., T, D)` at its rate."""
        rows = x.reshape(-1, *x.shape[-2:])
        if lengths is None:
            lengths = torch.full((len(rows),), rows.shape[1], device=x.device)
        return super().forward(rows, lengths).view(*x.shape[:-1], -1)


def refuse_over_time(head: object, what: str) -> None:
    """Refuses a head that sees what is still to come.

    Args:
        head: of a model.
        what: what cannot have it.

    Raises:
        InputError: with the remedy.
    """
    if isinstance(head, OverTime):
        seconds = head.reach / head.rate
        raise InputError(
            f"{what}: this detector's head (head=dilated) sees {seconds:.3g} s, or frames, of a "
            "recording on either side of a frame, and what is to come is not there yet; fit one "
            "with fit.head=linear"
        )


class Stream:
    """Answers of an `OverTime` for a recording whose features come block by block.

    Args:
        head: in evaluation, on the device that computes.
        frames: of the recording.
        fps: frames a second of it.
        unit: of the model's rules.
    """

    def __init__(self, head: OverTime, frames: int, fps: float, unit: Unit) -> None:
        self.head, self.frames = head, frames
        rate = head.rate if unit == "seconds" else None
        self.steps = int(steps_of(np.array([frames]), np.array([fps]), rate)[0])
        # Features of frames, of steps, and logits of steps: each a queue that forgets.
        self.features, self.inputs, self.logits = _Queue(), _Queue(), _Queue()
        self.answered = 0

    def add(self, features: np.ndarray, last: bool) -> Tensor:
        """Takes the next frames' `(T, D)`; gives logits `(F, K)` of those settled by now."""
        self.features.add(torch.from_numpy(features).to(self.head.mean.device))
        self._read()
        self._answer(last)
        end = self.frames if last else _known(self.logits.end, self.frames, self.steps)
        rows = _between(
            self.logits, self.answered, max(end, self.answered), self.steps, self.frames
        )
        self.answered = max(end, self.answered)
        self.logits.forget(_place(self.answered, self.steps, self.frames))
        return rows

    def _read(self) -> None:
        """Brings the frames that are there to steps."""
        end = _known(self.features.end, self.steps, self.frames)
        if self.features.end == self.frames:
            end = self.steps
        rows = _between(self.features, self.inputs.end, end, self.frames, self.steps)
        self.inputs.add(rows)
        self.features.forget(_place(end, self.frames, self.steps))

    def _answer(self, last: bool) -> None:
        """The head's answers for the steps whose surroundings are there."""
        begin, known, reach = self.logits.end, self.inputs.end, self.head.reach
        end = known if last else known - reach
        if end - begin < (1 if last else BLOCK):
            return
        first = max(0, begin - reach)
        logits = self.head(self.inputs.take(first, known))
        self.logits.add(logits[begin - first : end - first])
        self.inputs.forget(end - reach)


class _Queue:
    """Rows one after the other, of which the first are forgotten."""

    def __init__(self) -> None:
        self.first, self.rows = 0, torch.zeros(0)

    @property
    def end(self) -> int:
        """Rows that came so far."""
        return self.first + len(self.rows)

    def add(self, rows: Tensor) -> None:
        """The next ones."""
        self.rows = torch.cat([self.rows, rows]) if len(self.rows) else rows

    def take(self, begin: int, end: int) -> Tensor:
        """Rows from `begin` to before `end`."""
        return self.rows[begin - self.first : end - self.first]

    def forget(self, before: int) -> None:
        """Rows before this one are not asked for again; the last one stays."""
        count = min(before - self.first, len(self.rows) - 1)
        if count > 0:
            self.rows, self.first = self.rows[count:].clone(), self.first + count


def _place(row: int, of: int, count: int) -> int:
    """The lower one of the `of` rows that row `row` of `count` lies between."""
    return min(max(math.floor((row + 0.5) * (of / count) - 0.5), 0), of - 1)


def _known(there: int, count: int, of: int) -> int:
    """How many of `count` rows lie between the first `there` of `of` rows."""
    # Row i asks for the rows before and after (i + 0.5) * of / count - 0.5.
    return max(0, min(count, math.floor((there - 0.5) * count / of - 0.5)))


def _between(rows: _Queue, begin: int, end: int, of: int, count: int) -> Tensor:
    """Rows `begin` to before `end` of `count`, linear between the `of` rows that there are; as
    `windows.to_frames`, from a part of them."""
    if of == count:
        return rows.take(begin, end)
    if end <= begin:
        return rows.rows[:0]
    device = rows.rows.device
    at = torch.arange(begin, end, dtype=torch.float64) + 0.5
    position = (at * (of / count) - 0.5).clamp(0, of - 1)
    lower = position.long()
    upper = (lower + 1).clamp_max(of - 1)
    weight = (position - lower).to(device, rows.rows.dtype)[:, None]
    below, above = (rows.rows[(place - rows.first).to(device)] for place in (lower, upper))
    return torch.lerp(below, above, weight)
