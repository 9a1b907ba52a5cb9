"""How a model reads frames that come one by one: decided once the source's rate is known."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeVar

from ..contracts import Encoder
from ..encoders.gru import GRU
from ..errors import InputError
from ..inference.adapt import NEAR
from ..inference.needs import Needs
from ..protocols.dense import NormalizeOn
from ..protocols.laying import Laying
from ..protocols.rules import RELEASED_FPS, RELEASED_SMOOTHING, Rules
from ..settings.options import from_flat, table
from ..settings.values import Settings
from .options import Live

C = TypeVar("C")
Asks = Literal["clip", "frames", "centre"]
"""What a window is asked about: itself, each of its frames, or the one in its middle."""


class Plan(NamedTuple):
    """How frames are read.

    Args:
        steps: frame by frame; else window by window.
        rate: frames a second that they are brought to; None: as they come.
        window: frames of a sliding window.
        stride: frames between windows, and between answers about clips.
        asks: what a window is asked about.
        read: of a window every so many-th frame is read.
        normalize_on: what is normalised by itself, a window or all that comes.
        smoothing: seconds before a frame that a detector's probabilities are averaged over.
    """

    steps: bool
    rate: float | None
    window: int
    stride: int
    asks: Asks
    read: int
    normalize_on: NormalizeOn
    smoothing: float

    def said(self) -> str:
        """One line for a person."""
        rate = "" if self.rate is None else f", brought to {self.rate:g} frames a second"
        if self.steps:
            return f"step by step{rate}"
        return f"windows of {self.window} frames, every {self.stride}{rate}"


def planned(
    encoder: Encoder,
    needs: Needs,
    how: Live,
    fps: float,
    *,
    windows: Settings | None,
    rules: Settings | None,
) -> Plan:
    """The plan for a source.

    Args:
        encoder: of the model.
        needs: of the model.
        how: the options.
        fps: the source's frames a second.
        windows: of a detector; None: a classifier.
        rules: of a detector.

    Raises:
        InputError: a way that the model does not have.
    """
    laying = _some(Laying, windows)
    rule = _some(Rules, rules)
    asks: Asks = "clip" if windows is None else "frames"
    if windows is not None and laying.windows == "centred":
        asks = "centre"
    steps = _steps(encoder, how, asks)
    covered = laying.covered("seconds" if rule.unit == "seconds" else "frames")
    if rule.unit == "frames":
        covered /= fps
    # Clips of any length became as many frames; the windows of a detector have one length.
    own = encoder.num_frames / covered if steps and asks == "frames" else None
    rate = how.rate or _rate(needs, fps, own)
    given = rate or fps
    if asks == "clip":
        covered = encoder.num_frames / given
    window = max(1, round((how.window or covered) * given))
    step = laying.step or 0.0
    read = 1 if asks != "centre" else round(step * given if rule.unit == "seconds" else step)
    reach = rule.smoothing
    if reach is None:
        reach = RELEASED_SMOOTHING / RELEASED_FPS
    elif rule.unit == "frames":
        reach /= given
    return Plan(
        steps,
        rate,
        window,
        max(1, min(window, round(how.stride * given))),
        asks,
        max(1, min(read, window)),
        laying.normalize_on,
        2 * reach if how.smoothing is None else how.smoothing,
    )


def can_step(encoder: Encoder) -> bool:
    """Whether an encoder goes frame by frame: a causal GRU does."""
    return isinstance(encoder, GRU) and encoder.causal


def _steps(encoder: Encoder, how: Live, asks: Asks) -> bool:
    if how.way == "step":
        if not can_step(encoder):
            raise InputError(
                f"live.way: {type(encoder).__name__} cannot go frame by frame, only a causal GRU "
                "can; leave live.way out"
            )
        if asks == "centre":
            raise InputError(
                "live.way: this detector looks ahead, at windows around each frame; leave live.way "
                "out"
            )
    return how.way != "slide" and can_step(encoder) and asks != "centre"


def _rate(needs: Needs, fps: float, own: float | None) -> float | None:
    """The rate to go to; None where the source's is near enough.

    Args:
        needs: knows the rates that the model learnt from.
        fps: the source's.
        own: at which the model's windows are read, where that is known.
    """
    low, high = (own, own) if own else (needs.fps or (fps, fps))
    if fps > high * (1 + NEAR):
        return high
    return low if fps < low / (1 + NEAR) else None


def _some(cls: type[C], stored: Settings | None) -> C:
    """The options that a model has kept, of this class."""
    known = table(cls)
    return from_flat(cls, {key: value for key, value in (stored or {}).items() if key in known})
