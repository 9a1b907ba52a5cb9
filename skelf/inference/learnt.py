"""What a model's folder says of the recordings that it was fitted on."""

from __future__ import annotations

import numpy as np

from ..data.clips import ClipSet
from ..data.quality.stature import stature
from ..opening import name_of, versions
from ..settings.values import Settings


def needs_from(clips: ClipSet) -> Settings:
    """What the model takes for granted of other recordings: rate, unit, axis and size of these."""
    bodies, unit = stature(clips), clips.attributes.get("unit")
    rates = [float(clips.fps.min()), float(clips.fps.max())]
    return {"fps": rates, "unit": unit, "up": bodies.up, "size": bodies.size}


def learnt_from(
    whole: ClipSet, taken: ClipSet, split: str | None, seed: int, **facts: object
) -> Settings:
    """Where a model comes from.

    Args:
        whole: the set that was named.
        taken: those of it that the head learnt from.
        split: whose training side they are; None: all.
        seed: of the fit.
        facts: further ones, JSON-safe.
    """
    source: Settings = {"data": name_of(whole), "digest": whole.digest(), "split": split}
    source |= {"seed": seed, **facts}
    source["subjects"] = np.unique(taken.subject[taken.subject >= 0]).tolist()
    source["versions"] = versions()
    if "synthetic" in whole.attributes:  # the card warns
        source["synthetic"] = whole.attributes["synthetic"]
    return source
