"""Equal cost: epochs that make every method's pretraining count as many FLOPs.

What a clip's step costs is counted as `skelf profile` counts it (`profiling.count`): at the batch
size of the run, before any stage that begins in a later epoch. Of views, optimiser and monitor
nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch

from ..contracts import WholeBatches
from ..data.clips import ClipSet
from ..errors import InputError
from ..runs.build import build_method, input_of
from ..settings.run import Config
from ..training.schedule import Plan
from .checks import Sets, resolved
from .suite import Method, Place, Suite

COARSE = 0.05
"""Off the budget by more than this share, a line says how coarse an epoch is."""


class Cost(NamedTuple):
    """What the pretraining of a row costs at a place; FLOPs as `skelf profile` counts them.

    Args:
        epochs: of its own training.
        step: FLOPs of a clip's step, forward and backward.
        clips: an epoch trains on.
        budget: FLOPs that it is to cost.
        before: FLOPs of the row that it starts from (`after`).
    """

    epochs: int
    step: float
    clips: int
    budget: float
    before: float = 0.0

    @property
    def epoch(self) -> float:
        """FLOPs of an epoch."""
        return self.step * self.clips

    @property
    def flops(self) -> float:
        """All of it, with what it starts from."""
        return self.before + self.epochs * self.epoch

    @property
    def off(self) -> float:
        """By which share it is above the budget."""
        return self.flops / self.budget - 1

    def __str__(self) -> str:
        text = f"{self.epochs} epoch{'s' * (self.epochs != 1)}, {giga(self.flops)} GFLOPs "
        text += f"({self.off:+.1%} of the budget; a clip's step {self.step / 1e6:,.0f} MFLOPs"
        text += f"; {giga(self.before)} GFLOPs before it" if self.before else ""
        if abs(self.off) > COARSE:
            text += f"; an epoch is {self.epoch / self.budget:.0%} of the budget, too coarse"
        return text + ")"


Costs = dict[tuple[str, Place], Cost]
"""Label of a method and where it is pretrained -> its cost."""


def giga(flops: float) -> str:
    """`2,792`, in GFLOPs; small ones with their first digits."""
    value = flops / 1e9
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def costs_of(suite: Suite, sets: Sets) -> Costs:
    """Epochs and FLOPs of each row that is pretrained; empty where the suite asks for no budget.

    Raises:
        InputError: a row whose cost cannot be that of the others.
    """
    if suite.equal_cost is None and suite.flops is None:
        return {}
    costs: Costs = {}
    rows = [method for method in suite.methods if method.run is None]
    reference = next((m for m in rows if m.label == suite.equal_cost), None)
    first = [] if reference is None else [reference]
    for method in first + [other for other in rows if other is not reference]:
        for place in suite.pretrained_on(method):
            costs[method.label, place] = cost(suite, sets, method, place, costs)
    order = [(m.label, place) for m in rows for place in suite.pretrained_on(m)]
    return {key: costs[key] for key in order}


def cost(
    suite: Suite,
    sets: Sets,
    method: Method,
    place: Place,
    known: Costs,
    more: Iterable[str] = (),
) -> Cost:
    """The cost of one row at a place, its epochs set by the budget.

    Args:
        suite: names the budget.
        sets: the suite's.
        method: the row.
        place: where it is pretrained.
        known: holds the reference, and the row that it starts from.
        more: `section.key=value` that win over the suite's.

    Raises:
        InputError: the budget is spent before it begins, or is not known at this place.
    """
    clips = sets.clips[place.data]
    config = resolved(suite, method, place, more=more)
    step, count = _step(config, clips, method), _trained(config, _side(clips, place), method)
    if method.label == suite.equal_cost and (method.label, place) not in known:
        return Cost(config.train.epochs, step, count, config.train.epochs * step * count)
    budget = method.cost_share * _budget(suite, method, place, known)
    before = known[method.after, place].flops if method.after is not None else 0.0
    if before + step * count / 2 > budget and before:
        raise InputError(
            f"{suite.path}: {method.label}: {method.after}, which it starts from, costs "
            f"{giga(before)} of the {giga(budget)} GFLOPs that both may cost, and nothing is left: "
            "give that row a cost_share below 1"
        )
    epochs = max(1, round((budget - before) / (step * count)))
    resolved(suite, method, place, more=more, epochs=epochs)  # refuses a warmup without an end
    return Cost(epochs, step, count, budget, before)


def _budget(suite: Suite, method: Method, place: Place, known: Costs) -> float:
    if suite.flops is not None:
        return suite.flops
    assert suite.equal_cost is not None
    reference = known.get((suite.equal_cost, place))
    if reference is None:
        raise InputError(
            f"{suite.path}: {method.label}: equal_cost: {suite.equal_cost} is not pretrained on "
            f"{place}, so that nothing says what is to be equal; pretrain it there, or give flops"
        )
    return reference.budget


def _step(config: Config, clips: ClipSet, method: Method) -> float:
    from ..profiling.count import count  # slow to import, needed for a budget only

    return float(count(config, input_of(config, clips, method.streams[0]))["step_flops"])


def _side(clips: ClipSet, place: Place) -> ClipSet:
    return clips.split(place.split)[0] if place.split else clips


def _trained(config: Config, train: ClipSet, method: Method) -> int:
    """Clips that an epoch trains on: some methods leave its last, smaller batch out."""
    with torch.device("meta"):
        built = build_method(config, input_of(config, train, method.streams[0]), "config")
    whole = isinstance(built, WholeBatches) and built.whole_batches
    sets = train.columns.get("set") if config.train.batches == "set" else None
    plan = Plan(len(train), config.train.batch_size, 1, 0, 0, whole=whole, sets=sets)
    return sum(len(batch[0]) for batch in plan.since())
