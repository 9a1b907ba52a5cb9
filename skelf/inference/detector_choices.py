"""Windows and rules that a detector may have, and its options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..data.clips import ClipSet
from ..protocols.detection import Detection
from ..protocols.laying import Laying
from ..protocols.recipe import Recipe
from ..protocols.rules import Rules, Unit
from ..protocols.windows import Way
from ..settings.options import option, options
from ..settings.ranges import Positive
from ..settings.values import Settings

RULES: tuple[Settings, ...] = (
    {"proposals": "growing", "threshold": None},
    {"proposals": "growing", "threshold": 0.3},
    {"proposals": "growing", "threshold": 0.5},
    {"proposals": "class", "threshold": 0.2},
    {"proposals": "class", "threshold": 0.4},
    {"proposals": "background", "threshold": 0.4},
    {"proposals": "background", "threshold": 0.6},
)
"""Rules to choose from. Lower thresholds of "class" please average precision and nobody else."""
SMOOTHING = (1.0, 0.0, 0.5, 2.0)
"""Times the default smoothing."""
WAYS: tuple[tuple[Way, float | None], ...] = (
    ("overlap", None),
    ("overlap", 0.75),
    ("disjoint", None),
)
"""How windows lie to choose from, and how far apart, in windows."""


@options("fit")
class FitDetector:
    """What is chosen, and how the head trains.

    What is set of windows or rules stays so: `window`, `stride`, `windows` or `step` settle all of
    where windows lie, `proposals` or `threshold` the rule, `smoothing` the smoothing. Of windows
    the cheapest ones are taken whose mean over the parts is within one standard error of the best.
    """

    choose: bool = option(
        True, "choose windows and rules on held-out training recordings; false: as they are set"
    )
    parts: int = option(4, "in which training recordings are held out in turn", ge=2)
    spans: tuple[Positive, ...] = option(
        (1.0, 2.0, 4.0), "windows to choose from, times the usual one of 2.13 s"
    )
    detection: Detection = option(Detection(), "as of the protocol detection")


def layings(how: FitDetector, recordings: ClipSet, start: Detection) -> Iterator[Laying]:
    """Windows as they are, then the others to choose from; those alone where any are set."""
    given, usual = start.laying, Laying()
    yield given
    free = ("windows", "window", "stride", "step")
    if any(getattr(given, key) != getattr(usual, key) for key in free):
        return
    covered, unit = given.covered(start.rules.unit), start.rules.unit
    longest = recordings.length.max()
    if unit == "seconds":
        longest = (recordings.length / recordings.fps).max()
    for span in how.spans:
        window = _whole(covered * span, unit)
        if window > longest and span != 1:
            continue
        chosen = None if span == 1 else window
        for windows, stride in WAYS:
            between = None if stride is None else _whole(stride * window, unit)
            laying = replace(given, windows=windows, window=chosen, stride=between)
            if laying != given:
                yield laying


def _whole(time: float, unit: Unit) -> float:
    """A time that its unit can have."""
    return float(round(time)) if unit == "frames" else round(time, 4)


def brief(recipe: Recipe) -> Recipe:
    """A third of a training: enough to compare windows by."""
    third = max(1, recipe.epochs // 3)
    return replace(recipe, epochs=third, milestones=tuple(m // 3 for m in recipe.milestones))


def still(laying: Laying) -> Laying:
    """Without what only tuning takes."""
    return replace(laying, jitter=0.0, draws=None)


def cost(laying: Laying, rules: Rules) -> float:
    """Windows that the encoder sees in a time."""
    covered = laying.covered(rules.unit)
    if laying.windows == "disjoint":
        return 1 / covered
    return 1 / (covered / 2 if laying.stride is None else laying.stride)


def rules(given: Rules, start: Rules) -> Iterator[Rules]:
    """Rules as they are, then the others to choose from.

    Args:
        given: as the user set them.
        start: the same with the times that nobody set.
    """
    usual = Rules()
    shapes = RULES
    if (given.proposals, given.threshold) != (usual.proposals, usual.threshold):
        shapes = ({"proposals": given.proposals, "threshold": given.threshold},)
    times = (1.0,) if given.smoothing is not None else SMOOTHING
    for factor in times:
        smoothing = _whole((start.smoothing or 0.0) * factor, start.unit)
        for shape in shapes:
            yield replace(start, smoothing=smoothing, **shape)
