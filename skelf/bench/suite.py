"""A suite: which methods, data sets, protocols and seeds a benchmark has, as its TOML file says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from ..errors import InputError, unknown
from ..settings.options import option, options
from ..settings.ranges import NotEmpty, Positive, Range
from ..settings.values import Value

OWN = "own"
"""In a protocol's `on`: the data and split that the run was pretrained on."""

SEARCHED = ("train", "method", "encoder", "views", "data")
"""Sections whose settings a search may draw."""

Name = Annotated[str, Field(min_length=1)]
Stream = Literal["joint", "motion", "bone"]
Seed = Annotated[int, Range(ge=0, lt=2**63)]


class Place(NamedTuple):
    """A data set and one of its splits; "" where it has none: all of its clips."""

    data: str
    split: str

    def __str__(self) -> str:
        return f"{self.data}/{self.split}" if self.split else self.data


@options("data")
class DataSet:
    """A table `[[data]]`."""

    name: Name = option(MISSING, "what tables call it; published numbers go by it")
    store: str | None = option(None, "a store, beside the suite; none: a preset's name")
    splits: tuple[Name, ...] = option((), "its splits; none: all clips, pretrained on")
    pretrain: bool = option(True, "false: methods that name no data are not trained on")
    settings: tuple[str, ...] = option((), "section.key=value of what is pretrained on it")

    @property
    def places(self) -> list[Place]:
        """Each of its splits."""
        return [Place(self.name, split) for split in self.splits or ("",)]


@options("method")
class Method:
    """A table `[[method]]`: a row of the results for each of its streams."""

    name: str = option(MISSING, "in METHODS")
    row: Name | None = option(None, "what tables call it; none: its name")
    streams: Annotated[tuple[Stream, ...], NotEmpty()] = option(("joint",), "one run for each")
    fuse: bool = option(False, "adds the late fusion of the streams")
    settings: tuple[str, ...] = option((), "section.key=value")
    settings_on: dict[str, tuple[str, ...]] | None = option(
        None, "data, or data/split -> section.key=value that hold there alone"
    )
    config: str | None = option(None, "a TOML file; wins over the suite's")
    data: tuple[str, ...] | None = option(None, "what it is pretrained on; none: all")
    seeds: tuple[int, ...] | None = option(None, "some of the suite's; none: all")
    after: str | None = option(None, "an earlier row whose weights it starts from")
    init: str | None = option(None, "a run or file whose weights it starts from")
    run: str | None = option(None, "judge this run instead of pretraining one")
    official: bool = option(False, "`run` is the authors' released file")
    judge: Literal["joint", "motion", "bone", "all"] | None = option(
        None, "of a run that trained several streams: which are judged"
    )
    cost_share: float = option(
        1.0, "of the suite's budget, with what it starts from (`after`)", gt=0, le=100
    )

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.row or self.name


@options("protocol")
class Protocol:
    """A table `[[protocol]]`: a group of columns."""

    name: str = option(MISSING, "in PROTOCOLS")
    row: Name | None = option(None, "what tables call it; none: its name")
    settings: tuple[str, ...] = option((), "eval.key=value")
    on: Annotated[tuple[str, ...], NotEmpty()] = option((OWN,), "data or data/split, or own")
    untrained: bool = option(False, "judge the encoders with fresh weights as well")
    rival: bool | tuple[Literal["joints", "kernels", "dtw"], ...] | None = option(
        None, "rows without pretraining, see `rival`; none: joints for detections alone"
    )
    show: tuple[str, ...] = option((), "metrics in the table; none: the first one")

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.row or self.name


@options("search")
class Search:
    """A table `[[search]]`: a setting that trials draw, see `search`."""

    key: Name = option(MISSING, "section.key that is searched")
    values: tuple[Value, ...] | None = option(None, "that it may have")
    range: tuple[float, float] | None = option(None, "least and largest; whole where both are")
    whole: bool | None = option(None, "whole numbers alone; none: where both ends are written so")
    log: bool = option(False, "drawn by its logarithm")
    rows: tuple[Name, ...] | None = option(None, "whose it is; none: of every row")

    def check(self) -> None:
        """Refuses what draws nothing."""
        section, _, key = self.key.partition(".")
        if section not in SEARCHED or not key:
            raise ValueError(f"key {self.key!r}: name a setting of {', '.join(SEARCHED)}")
        if (self.values is None) == (self.range is None):
            raise ValueError(f"key {self.key!r}: give values or a range, one of both")
        if self.values is not None and (len(self.values) < 2 or self.log):
            raise ValueError(f"key {self.key!r}: values: two or more, without log")
        if self.range is not None:
            low, high = self.range
            if not low < high or not all(map(isfinite, self.range)):
                raise ValueError(f"key {self.key!r}: range: the smallest first, then the largest")
            if self.log and low <= 0:
                raise ValueError(f"key {self.key!r}: log: a range from above 0")
            if self.whole and not all(end == int(end) for end in self.range):
                raise ValueError(f"key {self.key!r}: whole: a range of whole numbers")


@options("suite")
class Head:
    """What stands above the tables."""

    seeds: Annotated[tuple[Seed, ...], NotEmpty()] = option((0, 1, 2), "every cell runs with each")
    config: str | None = option(None, "a TOML file of settings for every method")
    equal_cost: str | None = option(None, "row: the others get epochs that cost as much as its own")
    flops: Positive | None = option(None, "FLOPs that every pretraining costs, by its epochs")
    objective: str = option("knn", "protocol, or protocol:metric, that a search maximises")
    held_out: float = option(
        1 / 3, "share of the training subjects that trials are judged on", gt=0, lt=1
    )
    published: tuple[str, ...] | None = option(
        None, "which published numbers are shown: words of their method or source; none: all"
    )


@dataclass(frozen=True)
class Suite:
    """A suite as its file has it, names checked.

    Args:
        path: the file.
        seeds: every cell is run with each, but for methods that name some of them.
        config: the TOML file of settings for methods that name none.
        equal_cost: the row whose pretraining's FLOPs are everybody's budget; None: none.
        flops: that budget where no row says it; None: none.
        published: words of the published numbers' methods or sources, of which each that is shown
            has one; None: all but ablations.
        data: the data sets.
        methods: the rows.
        protocols: the groups of columns.
        search: settings that a search draws.
        objective: the protocol, or protocol:metric, that it maximises.
        held_out: share of the training subjects that its trials are judged on.
    """

    path: Path
    seeds: tuple[int, ...]
    config: str | None
    equal_cost: str | None
    flops: float | None
    published: tuple[str, ...] | None
    data: tuple[DataSet, ...]
    methods: tuple[Method, ...]
    protocols: tuple[Protocol, ...]
    search: tuple[Search, ...] = ()
    objective: str = "knn"
    held_out: float = 1 / 3

    def seeds_of(self, method: Method) -> tuple[int, ...]:
        """The seeds that a method is run with, in the suite's order."""
        return tuple(seed for seed in self.seeds if seed in (method.seeds or self.seeds))

    def beside(self, name: str | None) -> Path | None:
        """A file that the suite names, relative to itself."""
        return None if name is None else self.path.parent / name

    def config_of(self, method: Method) -> Path | None:
        """The file of settings of a method."""
        return self.beside(method.config or self.config)

    def settings_of(self, method: Method, place: Place) -> tuple[str, ...]:
        """`section.key=value` of a method on a data set, the later ones winning.

        The data set's, then the method's, then the method's for this data set, then for this split.
        """
        of_data = next((each.settings for each in self.data if each.name == place.data), ())
        on = method.settings_on or {}
        named = dict.fromkeys((place.data, str(place)))
        return (*of_data, *method.settings, *(text for key in named for text in on.get(key, ())))

    def pretrained_on(self, method: Method) -> list[Place]:
        """Where a method is pretrained, or what stands in for it where a run is there already.

        Such a run needs no data to be pretrained on: if the suite has none, it is every set's.
        """
        if method.data is not None:
            return self.places(method.data, f"{method.label}: data")
        places = [place for data in self.data if data.pretrain for place in data.places]
        if places or method.run is None:
            return places
        places = [place for data in self.data for place in data.places]
        own = any(OWN in protocol.on for protocol in self.protocols)
        filled_in = "{data}" in method.run or "{split}" in method.run
        return places if own or filled_in else places[:1]  # else each would be judged many times

    def judged_on(self, protocol: Protocol, trained_on: Place) -> list[Place]:
        """Where a run is judged that was pretrained on `trained_on`."""
        named = [name for name in protocol.on if name != OWN]
        same = [trained_on] if OWN in protocol.on else []
        return list(dict.fromkeys(same + self.places(named, f"{protocol.label}: on")))

    def places(self, names: Sequence[str], what: str) -> list[Place]:
        """`data` (all of its splits) or `data/split`.

        Raises:
            InputError: no such data set or split in the suite.
        """
        places = []
        for name in names:
            data, _, split = name.partition("/")
            places_of = {dataset.name: dataset.places for dataset in self.data}
            if data not in places_of:
                raise InputError(f"{self.path}: {what}: {unknown('data', data, places_of)}")
            splits = [place.split for place in places_of[data]]
            if split and split not in splits:
                raise InputError(f"{self.path}: {what}: {unknown('split', split, splits)}")
            places += [place for place in places_of[data] if split in ("", place.split)]
        return places


def slug(text: str) -> str:
    """A text as a file's name, never that of the folder itself or the one above."""
    name = re.sub(r"[^\w.+=-]+", "_", text).strip("_")
    return name if name.strip(".") else "_"
