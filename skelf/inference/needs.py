"""What a trained encoder takes for granted of its clips: joints, rate, unit, axes."""

from __future__ import annotations

from typing import NamedTuple

from ..contracts import AnyLayout, Encoder
from ..data.normalize_names import expand
from ..settings.values import Settings, Value
from ..skeleton import Skeleton


class Needs(NamedTuple):
    """What clips must be like for an encoder; None is not known, so that nothing can be checked.

    Args:
        skeleton: the joint layout.
        channels: numbers of a joint: its coordinates, and a confidence where it has one.
        confidence: whether the last of them is one.
        persons: that it looks at.
        normalize: the normalisation's name, which whoever encodes applies.
        fps: lowest and highest frame rate of what it was trained on.
        unit: of its coordinates, as "metre".
        up: the axis that pointed up, as "y"; empty: none did clearly.
        size: the median body's longest side, in that unit.
        name: what messages call the model.
        any_layout: whether clips may have other joints, see `protocols.fitting.suited`.
    """

    skeleton: Skeleton
    channels: int
    confidence: bool
    persons: int
    normalize: str
    fps: tuple[float, float] | None = None
    unit: str | None = None
    up: str | None = None
    size: float | None = None
    name: str = "the model"
    any_layout: bool = False

    @property
    def coordinates(self) -> int:
        """Of a joint: 2 or 3."""
        return self.channels - self.confidence

    @property
    def any_size(self) -> bool:
        """Whether a unit makes no difference, since clips are scaled to one size."""
        return "scale" in expand(self.normalize)


def needs_of(encoder: Encoder, described: Settings, name: str = "the model") -> Needs:
    """What an encoder needs, by itself and by the config that it came with.

    Args:
        encoder: by `runs.load.judged_encoder`, as is its config.
        described: the config. Of several runs together the first that says something counts.
        name: what messages call it.

    Examples:
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.layouts import KINECT20
        >>> encoder = ENCODERS["gru"](KINECT20, dim=4, layers=1, frames=8, persons=1)
        >>> needs = needs_of(encoder, {"source": {"fps": [30.0, 30.0], "size": 1.7}})
        >>> needs.fps, needs.size, needs.coordinates
        ((30.0, 30.0), 1.7, 3)
    """
    source = _sources(described)
    rates = source.get("fps")
    size, unit, up = (source.get(key) for key in ("size", "unit", "up"))
    return Needs(
        skeleton=encoder.skeleton,
        channels=encoder.in_channels,
        confidence=encoder.confidence,
        persons=encoder.persons,
        normalize=getattr(encoder, "normalize", None) or "none",
        fps=_pair(rates),
        unit=unit if isinstance(unit, str) else None,
        up=up if isinstance(up, str) else None,
        size=float(size) if isinstance(size, int | float) and size > 0 else None,
        name=name,
        any_layout=isinstance(encoder, AnyLayout) and encoder.any_layout,
    )


def _sources(described: Settings) -> Settings:
    """What a config says of the clips that it was trained on; a model's own counts first."""
    runs = [run for run in described.get("runs") or [] if isinstance(run, dict)]
    sources: list[Settings] = [(described.get("model") or {}).get("needs") or {}]
    sources += [config.get("source") or {} for config in (described, *runs)]
    merged: Settings = {}
    for source in reversed(sources):
        merged |= {key: value for key, value in source.items() if value is not None}
    return merged


def _pair(rates: Value) -> tuple[float, float] | None:
    if not isinstance(rates, list | tuple) or len(rates) != 2:
        return None
    low, high = (float(rate) if isinstance(rate, int | float) else 0.0 for rate in rates)
    return (low, high) if 0 < low <= high else None
