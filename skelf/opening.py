"""Clips as calls are given them, and what runs and rows say of them and of the versions."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from .data.clips import ClipSet
from .data.presets import located
from .errors import InputError
from .protocols.fitting import normalized


def opened(data: str | Path | ClipSet) -> ClipSet:
    """The clips of a store, of a set by name, or those that are given."""
    return data if isinstance(data, ClipSet) else ClipSet.open(located(data))


def prepared(clips: ClipSet, normalize: str) -> ClipSet:
    """Clips with a normalisation; InputError names the setting."""
    try:
        return normalized(clips, normalize)
    except InputError as error:
        raise InputError(f"data.normalize: {error}") from None


def refuse_seed(seed: int) -> None:
    """Raises InputError where NumPy and torch would not both take it."""
    if not 0 <= seed < 2**63:
        raise InputError(f"seed: {seed}; use 0 to 2**63 - 1")


def name_of(clips: ClipSet) -> str:
    """What runs and rows call the clips: their store's name."""
    return clips.path.stem if clips.path else str(clips)


def versions() -> dict[str, str]:
    """Of what decides numbers."""
    return {name: version(name) for name in ("skelf", "torch", "numpy", "lightning")}
