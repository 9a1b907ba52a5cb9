"""Reads a suite, and refuses what can be known to be wrong before hours of work."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

from ..errors import InputError, unknown
from ..results.published import check_words
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from .suite import OWN, DataSet, Head, Method, Protocol, Search, Suite, slug

T = TypeVar("T")


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
    keys = [*above, "data", "method", "protocol", "search"]
    if wrong := [key for key in tables if key not in keys]:
        raise InputError(f"{path}: {unknown('key', wrong[0], keys)}")
    values = {key: value for key, value in tables.items() if key in above}
    head = filled(Head, values, section="suite", source=path.name)
    suite = Suite(
        path,
        head.seeds,
        head.config,
        head.equal_cost,
        head.flops,
        head.published,
        _tables(DataSet, tables, "data", path),
        _tables(Method, tables, "method", path),
        _tables(Protocol, tables, "protocol", path),
        _searches(tables, path),
        head.objective,
        head.held_out,
    )
    _check_names(suite)
    try:
        check_words(suite.published or ())
    except InputError as error:
        raise InputError(f"{path}: published: {error}") from None
    for method in suite.methods:
        _check_method(suite, method)
    check_budget(suite)
    return suite


def _tables(cls: type[T], file: Mapping[str, object], name: str, path: Path) -> tuple[T, ...]:
    tables = file.get(name) or None  # an empty list would run nothing, and say that all is done
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        wrong = "no table" if tables is None else "not a list of tables"
        raise InputError(f"{path}: {name}: {wrong}; write [[{name}]] and keys below")
    return tuple(
        filled(cls, values, section=name, source=f"{path}: [[{name}]] {number}")
        for number, values in enumerate(tables, 1)
    )


def _searches(file: Mapping[str, object], path: Path) -> tuple[Search, ...]:
    """The tables `[[search]]`, if there are any; two whole ends make a range of whole numbers."""
    if not file.get("search"):
        return ()
    read = _tables(Search, file, "search", path)
    written = cast(list[Mapping[str, Value]], file["search"])
    made = tuple(
        replace(one, whole=all(type(end) is int for end in raw.get("range", ())))
        if one.whole is None
        else one
        for one, raw in zip(read, written, strict=True)
    )
    for number, one in enumerate(made):
        for other in made[:number]:
            apart = one.rows and other.rows and not set(one.rows) & set(other.rows)
            if one.key == other.key and not apart:
                raise InputError(f"{path}: [[search]] {one.key}: twice for one row; give it once")
    return made


def _check_names(suite: Suite) -> None:
    _refuse_names(suite)
    for what, several in (
        ("seeds", suite.seeds),
        ("[[data]] name", [slug(data.name) for data in suite.data]),
        ("[[method]] row", [slug(method.label) for method in suite.methods]),
        ("[[protocol]] row", [slug(protocol.label) for protocol in suite.protocols]),
        *((f"{data.name}: splits", data.splits) for data in suite.data),
        *((f"{method.label}: streams", method.streams) for method in suite.methods),
        *((f"{method.label}: seeds", method.seeds or ()) for method in suite.methods),
    ):
        if (twice := _twice(several)) is not None:
            raise InputError(f"{suite.path}: {what}: {twice!r} twice; give each a name of its own")
    if OWN in [data.name for data in suite.data]:
        raise InputError(f"{suite.path}: [[data]] name: {OWN!r} means a run's own set; rename it")


def _refuse_names(suite: Suite) -> None:
    """Refuses names that tables or `data/split` cannot hold."""
    for what, name in (
        *(("[[data]] name", data.name) for data in suite.data),
        *((f"{data.name}: splits", split) for data in suite.data for split in data.splits),
    ):
        if "/" in name:
            instead = name.replace("/", "-")
            raise InputError(
                f"{suite.path}: {what}: {name!r} holds '/', which parts a data set from its split "
                f"where the suite names one, as ntu60/xsub; call it {instead!r}"
                + (", in the store too" if "splits" in what else "")
            )
    names = [each.name for each in suite.data]
    names += [method.label for method in suite.methods]
    names += [protocol.label for protocol in suite.protocols]
    for name in names:
        if not name.isprintable() or not name.strip():
            raise InputError(f"{suite.path}: {name!r}: a name is one line of a table; change it")


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
    if not method.official:
        trains += [key for key in ("settings", "settings_on") if getattr(method, key)]
    if method.run is not None and trains:
        refuse(f"run: is judged as it is; leave out {trains[0]}")
    for name in method.settings_on or ():
        suite.places([name], f"{method.label}: settings_on")
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


def check_budget(suite: Suite, *, over: bool = False) -> None:
    """Refuses a budget that contradicts itself, or what its rows say.

    Args:
        suite: has the budget.
        over: it was not written for this suite, whose own epochs give way to it.

    Raises:
        InputError: naming the row and the key.
    """
    with_budget = suite.equal_cost is not None or suite.flops is not None
    trained = [method for method in suite.methods if method.run is None]

    def refuse(text: str) -> None:
        raise InputError(f"{suite.path}: {text}")

    if suite.equal_cost is not None and suite.flops is not None:
        refuse("equal_cost and flops both say the budget; give one")
    if suite.equal_cost is not None and suite.equal_cost not in [m.label for m in trained]:
        refuse(f"equal_cost: {unknown('row', suite.equal_cost, [m.label for m in trained])}")
    for method in suite.methods:
        if method.cost_share != 1 and (not with_budget or method.label == suite.equal_cost):
            why = "it is the budget itself" if with_budget else "give equal_cost or flops"
            refuse(f"{method.label}: cost_share: a share of the suite's budget; {why}")
    if not with_budget:
        return
    for method in trained:
        if method.init is not None:
            refuse(
                f"{method.label}: init: what it starts from has cost that is not counted; leave it "
                "out of a suite with a budget"
            )
        if method.label == suite.equal_cost:
            if method.after is not None:
                refuse(f"equal_cost: {method.label} starts from {method.after}; name another row")
            continue
        for place in suite.pretrained_on(method):
            keys = [parse_override(text)[0] for text in suite.settings_of(method, place)]
            if "train.epochs" in keys and not over:
                refuse(f"{method.label}: train.epochs: the budget sets it; leave it out")
