"""What a suite rests on, looked at before anything runs: its stores, its names, its settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..data.clips import ClipSet
from ..data.normalize_default import AUTO, Choice, choose, choose_released
from ..data.normalize_names import check as check_normalize
from ..data.presets import PRESETS, located
from ..encoders import ENCODERS
from ..errors import InputError, unknown
from ..methods import METHODS, OFFICIAL
from ..protocols import PROTOCOLS
from ..runs.build import build_method, input_of, preparation
from ..runs.start import refuse_without_first_stage
from ..settings.evaluation import evaluation
from ..settings.given import parse_override
from ..settings.run import Config, resolve
from ..settings.values import Settings
from .rival import rivals_of
from .shares import has_share, in_epochs, without_shares
from .suite import Method, Place, Suite

if TYPE_CHECKING:
    from .cost import Cost, Costs


@dataclass(frozen=True)
class Sets:
    """The data sets of a suite.

    Args:
        stores: name -> the store's file.
        contents: place -> what identifies its clips, whatever their file is called.
        clips: name -> the opened store.
        normalisations: label of a method and place -> what its clips are normalised by, where the
            method starts afresh or judges a released file.
        costs: of each row that is pretrained, where the suite has a budget.
    """

    stores: dict[str, Path]
    contents: dict[Place, dict[str, str]]
    clips: dict[str, ClipSet] = field(default_factory=dict)
    normalisations: dict[tuple[str, Place], Choice] = field(default_factory=dict)
    costs: Costs = field(default_factory=dict)


def find_sets(suite: Suite) -> Sets:
    """Opens each store and looks for its splits.

    Raises:
        InputError: a store or a split that is not there.
    """
    sets = Sets({}, {})
    for data in suite.data:
        text = data.store or data.name
        beside = suite.path.parent / text
        store = located(text) if text in PRESETS and not beside.exists() else beside
        sets.stores[data.name] = store
        clips = sets.clips[data.name] = ClipSet.open(store)
        content = clips.digest()
        for place in data.places:
            sets.contents[place] = {"data": data.name, "content": content}
            if not place.split:
                continue
            if place.split not in clips.splits:
                raise InputError(f"{store}: {unknown('split', place.split, clips.splits)}")
            sides = blake2b(clips.splits[place.split].tobytes(), digest_size=8).hexdigest()
            sets.contents[place] |= {"split": place.split, "sides": sides}
    return sets


def check_settings(suite: Suite) -> None:
    """Refuses names and settings that nothing takes.

    Raises:
        InputError: all of them in one message, a line for each.
    """
    lines: list[str] = []
    for method in suite.methods:
        try:
            if method.name not in METHODS:
                raise unknown("method", method.name, METHODS)
            if method.official and method.name not in OFFICIAL:
                raise unknown("official checkpoint layout", method.name, OFFICIAL)
            if _afresh(method):
                for place in suite.pretrained_on(method):
                    refuse_without_first_stage(resolved(suite, method, place))
        except InputError as error:
            lines.append(f"{suite.path}: {method.label}: {error}")
    for protocol in suite.protocols:
        try:
            if protocol.name not in PROTOCOLS:
                raise unknown("protocol", protocol.name, PROTOCOLS)
            evaluation({protocol.name: PROTOCOLS[protocol.name]}, overrides=protocol.settings)
            for rival in rivals_of(protocol):
                judge = {rival.protocol: PROTOCOLS[rival.protocol]}
                evaluation(judge, overrides=rival.settings)
        except InputError as error:
            lines.append(f"{suite.path}: {protocol.label}: {error}")
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))


def check_methods(suite: Suite, sets: Sets) -> None:
    """Builds each method that starts afresh for the clips it is to be trained on, without weights.

    So a layout, a stream or an encoder that a method cannot take is refused before anything runs.
    Notes in `sets` how the clips will be normalised.

    Raises:
        InputError: all of them in one message, a line for each.
    """
    lines: list[str] = []
    for method in suite.methods:
        seen: dict[tuple[str, tuple[str, ...]], Choice] = {}
        for place in suite.pretrained_on(method) if _afresh(method) or method.official else ():
            alike = place.data, suite.settings_of(method, place)
            try:
                if alike not in seen:
                    seen[alike] = _built(suite, method, place, sets.clips[place.data])
                sets.normalisations[method.label, place] = seen[alike]
            except InputError as error:
                lines.append(f"{suite.path}: {method.label}, {place.data}: {error}")
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))


def _built(suite: Suite, method: Method, place: Place, clips: ClipSet) -> Choice:
    named = preparation(method.name)
    if method.official:
        overrides = suite.settings_of(method, place)
        values = [parse_override(text) for text in overrides]
        asked = str(dict(values).get("data.normalize", AUTO))
        choice = choose_released(asked, method.name, named, clips.skeleton)
        _check_normalize(choice, clips)
        return choice
    settings = resolved(suite, method, place)
    asked = settings.data["normalize"]
    choice = choose(asked, method.name, named, clips.skeleton, clips.coordinates)
    _check_normalize(choice, clips)
    settings = replace(settings, data={**settings.data, "normalize": choice.name})
    for stream in method.streams:
        with torch.device("meta"):  # shapes without numbers: the paper's sizes in no time
            build_method(settings, input_of(settings, clips, stream), "config")
    return choice


def _check_normalize(choice: Choice, clips: ClipSet) -> None:
    try:
        check_normalize(choice.name, clips.skeleton, clips.coordinates)
    except InputError as error:
        raise InputError(f"data.normalize: {error}") from None


def _afresh(method: Method) -> bool:
    """What starts from a run has that run's settings too, which may not be there yet."""
    return method.run is None and method.after is None and method.init is None


def resolved(
    suite: Suite,
    method: Method,
    place: Place,
    *,
    more: Iterable[str] = (),
    epochs: int | None = None,
) -> Config:
    """All settings of a method at a place, shares of the epochs as numbers.

    Args:
        suite: has the method.
        method: one that is pretrained.
        place: where.
        more: `section.key=value` that win over the suite's.
        epochs: instead of those that the settings say.

    Raises:
        InputError: as `settings.run.resolve`.
    """
    given = [*suite.settings_of(method, place), *more]
    given += [] if epochs is None else [f"train.epochs={epochs}"]
    base: Settings | None = None
    if method.after is not None:
        first = next((other for other in suite.methods if other.label == method.after), None)
        base = None if first is None else resolved(suite, first, place).to_dict()

    def attempt(overrides: Sequence[str]) -> Config:
        return resolve(
            method.name,
            methods=METHODS,
            encoders=ENCODERS,
            protocols=PROTOCOLS,
            base=base,
            file=suite.config_of(method),
            overrides=overrides,
        )

    if not any(map(has_share, given)):
        return attempt(given)
    return attempt(in_epochs(given, epochs or attempt(without_shares(given)).train.epochs))


def overrides_of(
    suite: Suite,
    sets: Sets,
    method: Method,
    place: Place,
    *,
    more: Sequence[str] = (),
    counted: Cost | None = None,
) -> list[str]:
    """What a pretraining is called with: the suite's settings, and epochs that its budget says.

    Args:
        suite: has the method.
        sets: the suite's.
        method: one that is pretrained.
        place: where.
        more: `section.key=value` that win over the suite's.
        counted: its cost with those; None: that of `sets`.
    """
    given = [*suite.settings_of(method, place), *more]
    cost = counted or sets.costs.get((method.label, place))
    epochs = None if cost is None else cost.epochs
    if counted is not None or (cost is not None and method.label != suite.equal_cost):
        given.append(f"train.epochs={epochs}")
    if not any(map(has_share, given)):
        return given
    return in_epochs(given, resolved(suite, method, place, more=more, epochs=epochs).train.epochs)
