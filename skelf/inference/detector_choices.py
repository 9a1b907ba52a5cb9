"""Windows and rules that a detector may have, and its options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from ..data.clips import ClipSet
from ..errors import InputError
from ..protocols.detection import Detection
from ..protocols.laying import Laying
from ..protocols.recipe import Annealed, Recipe
from ..protocols.rules import Rules, Unit
from ..protocols.segmentation import Segmentation
from ..protocols.windows import Way
from ..settings.options import flat, option, options
from ..settings.ranges import Count, Positive, Rate, Size
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
class DilatedHead:
    """A head that sees seconds: its defaults and their reasons are those of `Segmentation`."""

    width: Size = option(64, "numbers a frame within a dilated head")
    field: Positive | None = option(
        None, "time that it sees on either side, or a little more; none: 4 s; 120 frames"
    )
    rate: Positive | None = option(
        None, "steps a second that it works at; none: the recordings' median rate"
    )
    dropout: Rate = option(0.5, "of its layers in training")
    steady: float = option(0.15, "weight in its loss of changes from frame to frame", ge=0)
    dilated_epochs: Count | None = option(
        None, "passes over the recordings; none: 40, or as many as make 300 steps"
    )
    dilated_lr: float = option(3e-3, "its learning rate, of AdamW, falling as a cosine", gt=0)
    dilated_batch: int = option(4, "recordings a step of it", ge=1)


@options("fit")
class FitDetector:
    """What is chosen, which head, and how it trains.

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
    head: Literal["dilated", "linear"] = option(
        "dilated",
        "dilated: sees seconds on either side of a frame; linear: each frame by itself, for live "
        "and export too",
    )
    dilated: DilatedHead = option(DilatedHead(), "what a dilated head is, and how it trains")
    detection: Detection = option(
        Detection(), "as of the protocol detection; how a linear head trains"
    )

    def check(self) -> None:
        """Refuses settings of the head that is not fitted."""
        own, usual = self.detection, Detection()
        if self.head == "linear":
            if strange := _set(self.dilated, DilatedHead()):
                raise ValueError(f"{strange[0]}: of head=dilated; leave it out, or take that head")
            return
        jitter, draws = own.laying.jitter, own.laying.draws
        strange = _set(own.recipe, usual.recipe) + ["standardize"] * own.standardize
        strange += ["jitter"] * bool(jitter) + ["draws"] * (draws is not None)
        if strange:
            raise ValueError(
                f"{strange[0]}: of head=linear; set fit.head=linear, or leave it out (a dilated "
                "head has dilated_epochs, dilated_lr and dilated_batch)"
            )

    def protocol(self, tune: bool) -> Detection | Segmentation:
        """The protocol that fits such a head; `tune` wins.

        Raises:
            InputError: what does not go together.
        """
        own, dilated = self.detection, self.dilated
        if self.head == "linear":
            return replace(own, tune=tune or own.tune)
        recipe = Annealed(
            epochs=dilated.dilated_epochs, lr=dilated.dilated_lr, batch_size=dilated.dilated_batch
        )
        same = ("width", "field", "rate", "dropout", "steady")
        try:
            return Segmentation(
                **{key: getattr(dilated, key) for key in same},
                tune=tune or own.tune,
                laying=own.laying,
                recipe=recipe,
                background_weight=own.background_weight,
                rules=own.rules,
            )
        except InputError as error:  # the protocol calls its keys eval.*
            raise InputError(str(error).replace("eval.", "fit.")) from None


def _set(given: object, usual: object) -> list[str]:
    """Keys of options that somebody set."""
    values, defaults = flat(given), flat(usual)
    return [key for key, value in values.items() if value != defaults[key]]


def layings(
    how: FitDetector, recordings: ClipSet, start: Detection | Segmentation
) -> Iterator[Laying]:
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


def brief(how: Detection) -> Detection:
    """A third of a training of a linear head on a frozen encoder: enough to compare windows by.

    Windows decide on the features, and which are good a head says that learns in seconds; a dilated
    one would take minutes.
    """
    return replace(how, tune=False, recipe=_brief(how.recipe))


def _brief(recipe: Recipe) -> Recipe:
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
