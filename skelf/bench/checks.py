"""What a suite rests on, looked at before anything runs: its stores, its names, its settings."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from ..data.clips import ClipSet
from ..data.presets import PRESETS, located
from ..encoders import ENCODERS
from ..errors import InputError, unknown
from ..methods import METHODS, OFFICIAL
from ..protocols import PROTOCOLS
from ..runs.start import refuse_without_first_stage
from ..settings.evaluation import evaluation
from ..settings.run import resolve
from .suite import Place, Suite


@dataclass(frozen=True)
class Sets:
    """The data sets of a suite.

    Args:
        stores: name -> the store's file.
        contents: place -> what identifies its clips, whatever their file is called.
    """

    stores: dict[str, Path]
    contents: dict[Place, dict[str, str]]


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
        clips = ClipSet.open(store)
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
    lines = []
    for method in suite.methods:
        try:
            if method.name not in METHODS:
                raise unknown("method", method.name, METHODS)
            if method.official and method.name not in OFFICIAL:
                raise unknown("official checkpoint layout", method.name, OFFICIAL)
            # What starts from a run has that run's settings too, which may not be there yet.
            if method.run is None and method.after is None and method.init is None:
                settings = resolve(
                    method.name,
                    methods=METHODS,
                    encoders=ENCODERS,
                    protocols=PROTOCOLS,
                    file=suite.config_of(method),
                    overrides=method.settings,
                )
                refuse_without_first_stage(settings)
        except InputError as error:
            lines.append(f"{suite.path}: {method.label}: {error}")
    for protocol in suite.protocols:
        try:
            if protocol.name not in PROTOCOLS:
                raise unknown("protocol", protocol.name, PROTOCOLS)
            evaluation({protocol.name: PROTOCOLS[protocol.name]}, overrides=protocol.settings)
        except InputError as error:
            lines.append(f"{suite.path}: {protocol.label}: {error}")
    if lines:
        raise InputError("\n".join(lines))
