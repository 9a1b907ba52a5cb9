"""A suite: which methods, data sets, protocols and seeds a benchmark has, read from one TOML file.

Whatever can be known to be wrong is refused here, before hours of work: names, settings, stores.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import Field

from ..errors import InputError, unknown
from ..settings.options import option, options, table
from ..settings.ranges import NotEmpty, Range
from ..settings.settable import filled

OWN = "own"
"""In a protocol's `on`: the data and split that the run was pretrained on."""

Name = Annotated[str, Field(min_length=1, pattern=r"^[^/|\n]+$")]
Stream = Literal["joint", "motion", "bone"]
Seed = Annotated[int, Range(ge=0, lt=2**63)]
T = TypeVar("T")


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
    show: tuple[str, ...] = option((), "metrics in the table; none: the first one")

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.row or self.name


@options("suite")
class Head:
    """What stands above the tables."""

    seeds: Annotated[tuple[Seed, ...], NotEmpty()] = option((0, 1, 2), "every cell runs with each")
    config: str | None = option(None, "a TOML file of settings for every method")


@dataclass(frozen=True)
class Suite:
    """A suite as its file has it, names checked.

    Args:
        path: the file.
        seeds: every cell is run with each, but for methods that name some of them.
        config: the TOML file of settings for methods that name none.
        data: the data sets.
        methods: the rows.
        protocols: the groups of columns.
    """

    path: Path
    seeds: tuple[int, ...]
    config: str | None
    data: tuple[DataSet, ...]
    methods: tuple[Method, ...]
    protocols: tuple[Protocol, ...]

    def seeds_of(self, method: Method) -> tuple[int, ...]:
        """The seeds that a method is run with, in the suite's order."""
        return tuple(seed for seed in self.seeds if seed in (method.seeds or self.seeds))

    def beside(self, name: str | None) -> Path | None:
        """A file that the suite names, relative to itself."""
        return None if name is None else self.path.parent / name

    def config_of(self, method: Method) -> Path | None:
        """The file of settings of a method."""
        return self.beside(method.config or self.config)

    def pretrained_on(self, method: Method) -> list[Place]:
        """Where a method is pretrained."""
        if method.data is None:
            return [place for data in self.data if data.pretrain for place in data.places]
        return self.places(method.data, f"{method.label}: data")

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


def read_suite(path: str | Path) -> Suite:
    """Reads a suite.

    Raises:
        InputError: not to be read, an unknown key or name (with the nearest), a value of the wrong
            kind, or tables that contradict each other; one line for each key.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the suite: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not a TOML file: {error}") from None
    above = table(Head)
    keys = [*above, "data", "method", "protocol"]
    if wrong := [key for key in tables if key not in keys]:
        raise InputError(f"{path}: {unknown('key', wrong[0], keys)}")
    values = {key: value for key, value in tables.items() if key in above}
    head = filled(Head, values, section="suite", source=path.name)
    suite = Suite(
        path,
        head.seeds,
        head.config,
        _tables(DataSet, tables, "data", path),
        _tables(Method, tables, "method", path),
        _tables(Protocol, tables, "protocol", path),
    )
    _check_names(suite)
    for method in suite.methods:
        _check_method(suite, method)
    return suite


def slug(text: str) -> str:
    """A text as a file's name, never that of the folder itself or the one above."""
    name = re.sub(r"[^\w.+=-]+", "_", text).strip("_")
    return name if name.strip(".") else "_"


def _tables(cls: type[T], file: Mapping[str, object], name: str, path: Path) -> tuple[T, ...]:
    tables = file.get(name) or None  # an empty list would run nothing, and say that all is done
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        wrong = "no table" if tables is None else "not a list of tables"
        raise InputError(f"{path}: {name}: {wrong}; write [[{name}]] and keys below")
    return tuple(
        filled(cls, values, section=name, source=f"{path}: [[{name}]] {number}")
        for number, values in enumerate(tables, 1)
    )


def _check_names(suite: Suite) -> None:
    for what, names in (
        ("seeds", suite.seeds),
        ("[[data]] name", [slug(data.name) for data in suite.data]),
        ("[[method]] row", [slug(method.label) for method in suite.methods]),
        ("[[protocol]] row", [slug(protocol.label) for protocol in suite.protocols]),
        *((f"{data.name}: splits", data.splits) for data in suite.data),
        *((f"{method.label}: streams", method.streams) for method in suite.methods),
        *((f"{method.label}: seeds", method.seeds or ()) for method in suite.methods),
    ):
        if (twice := _twice(names)) is not None:
            raise InputError(f"{suite.path}: {what}: {twice!r} twice; give each a name of its own")
    if OWN in [data.name for data in suite.data]:
        raise InputError(f"{suite.path}: [[data]] name: {OWN!r} means a run's own set; rename it")


def _twice(names: Iterable[T]) -> T | None:
    listed = list(names)
    return next((name for name in listed if listed.count(name) > 1), None)


def _check_method(suite: Suite, method: Method) -> None:
    """Refuses what contradicts itself."""

    def refuse(text: str) -> None:
        raise InputError(f"{suite.path}: {method.label}: {text}")

    if method.fuse and len(method.streams) < 2:
        refuse("fuse: needs two or more streams")
    if method.official and method.run is None:
        refuse("official: says whose file `run` is; name one")
    if method.official and any(protocol.untrained for protocol in suite.protocols):
        refuse("official: a released file cannot be judged untrained; put it into another suite")
    trains = [key for key in ("after", "init", "config") if getattr(method, key) is not None]
    if method.run is not None and (trains or (method.settings and not method.official)):
        refuse(f"run: is judged as it is; leave out {(trains or ['settings'])[0]}")
    if extra := sorted(set(method.seeds or ()) - set(suite.seeds)):
        refuse(f"seeds: {extra[0]} is none of the suite's; name some of those")
    if method.seeds == ():
        refuse("seeds: an empty list runs nothing; leave the method out")
    for first in (other for other in suite.methods if other.label == method.after):
        lacking = sorted(set(suite.seeds_of(method)) - set(suite.seeds_of(first)))
        if lacking:
            refuse(f"after: {first.label} is not run with seed {lacking[0]}; give both the same")
    if method.after is not None and method.init is not None:
        refuse("after and init both name what to start from; give one")
    trained_on = suite.pretrained_on(method)
    if not trained_on:
        refuse("data: nothing to pretrain on; name a data set, or set pretrain = true in [[data]]")
    for protocol in suite.protocols:
        for place in (on for t in trained_on for on in suite.judged_on(protocol, t)):
            if not place.split:
                refuse(f"{protocol.label}: {place} has no splits to judge on; name others in `on`")
    if method.after is None:
        return
    rows = {other.label: other for other in suite.methods}
    earlier = list(rows)[: list(rows).index(method.label)]
    if method.after not in earlier:
        refuse(f"after: {unknown('earlier row', method.after, earlier)}")
    first = rows[method.after]
    lacks: list[str] = [s for s in method.streams if s not in first.streams]
    lacks += [str(place) for place in trained_on if place not in suite.pretrained_on(first)]
    if lacks or first.run is not None:
        refuse(f"after: {method.after} has no run of {(lacks or ['its own'])[0]}")
