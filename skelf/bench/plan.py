"""The cells of a suite: pretrainings, evaluations and fusions, each with its files and settings."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ..checkpoints import folder as checkpoint
from ..errors import InputError
from ..results import scores
from ..settings.given import read_given
from ..settings.run import RESULT_FREE
from .cell import Cell
from .checks import Sets, overrides_of
from .rival import rivals
from .suite import Method, Place, Protocol, Suite, slug

READS_COLUMNS = ("quality",)
"""Protocols whose truth is a column of the table."""


class _Spot(NamedTuple):
    """One run of a method, or what stands for it: where it is trained, and where it writes."""

    method: Method
    place: Place
    stream: str
    seed: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.method.label}, {self.stream}, {self.place}, seed {self.seed}"


class _Run(NamedTuple):
    """The run that cells judge: pretrained here, or found."""

    path: str
    settings: dict[str, object]
    trained_on: str
    needs: tuple[str, ...]


def plan(suite: Suite, sets: Sets, out: Path) -> list[Cell]:
    """All cells of a suite, each behind those that it needs.

    They come seed by seed, so that a whole table of the first seed is there early.

    Raises:
        InputError: a run that is to be judged is not there, or two cells have files of one name.
    """
    cells: dict[str, Cell] = {}
    for seed in suite.seeds:
        for method in (m for m in suite.methods if seed in suite.seeds_of(m)):
            for place in suite.pretrained_on(method):
                parts = (place.data, place.split or "all", method.label)
                parent = out.joinpath(*map(slug, parts))
                judged: dict[str, list[Cell]] = {}
                for stream in method.streams:
                    spot = _Spot(method, place, stream, seed, parent / f"{stream}_seed{seed}")
                    for cell in _of_run(suite, sets, spot, cells):
                        if cell.key in cells:
                            raise _same_files(suite, cells[cell.key], cell)
                        cells[cell.key] = cell
                        if cell.kind == "judge":
                            judged.setdefault(cell.name, []).append(cell)
                if method.fuse:
                    streams = "+".join(method.streams)
                    spot = _Spot(method, place, streams, seed, parent / f"fused_seed{seed}")
                    for name, inputs in judged.items():
                        fused = _fusion(name, spot, inputs)
                        cells[fused.key] = fused
        for cell in rivals(suite, sets, out, seed):
            if cell.key in cells:
                raise _same_files(suite, cells[cell.key], cell)
            cells[cell.key] = cell
    return list(cells.values())


def _same_files(suite: Suite, first: Cell, second: Cell) -> InputError:
    return InputError(
        f"{suite.path}: {first.title!r} and {second.title!r} would both write {second.marker}; "
        "give a protocol, a data set or a split another name"
    )


def _of_run(suite: Suite, sets: Sets, spot: _Spot, before: dict[str, Cell]) -> Iterator[Cell]:
    """A pretraining and its evaluations."""
    if spot.method.run is None:
        first = _pretraining(suite, sets, spot, before)
        yield first
        run = _Run(str(spot.folder), first.settings, str(spot.place), (first.key,))
    else:
        run = _existing(suite, spot)
    for protocol in suite.protocols:
        for on in suite.judged_on(protocol, spot.place):
            for untrained in (False, True)[: 1 + protocol.untrained]:
                yield _evaluation(suite, sets, spot, run, protocol, on, untrained)


def _pretraining(suite: Suite, sets: Sets, spot: _Spot, before: dict[str, Cell]) -> Cell:
    method, place, stream, seed, folder = spot
    config, named = suite.config_of(method), _named(suite, method.init, spot)
    init = None if named is None else str(named)
    needs: tuple[str, ...] = ()
    settings: dict[str, object] = {"method": method.name, "stream": stream, "seed": seed}
    settings |= sets.contents[place]
    overrides = overrides_of(suite, sets, method, place)
    named_settings = read_given(config, overrides)
    settings |= {
        key: value for key, (value, _) in sorted(named_settings.items()) if key not in RESULT_FREE
    }
    if (choice := sets.normalisations.get((method.label, place))) is not None:
        settings["data.normalize"] = choice.name  # what "auto" means may differ from set to set
    if method.after is not None:
        start = folder.parent.with_name(slug(method.after)) / folder.name
        init, needs = str(start), (str(start / "pretrain"),)
        settings["after"] = before[needs[0]].settings
    elif init is not None:
        settings["init"] = init
    call = {
        "method": method.name,
        "data": str(sets.stores[place.data]),
        "out": str(folder),
        "split": place.split or None,
        "stream": stream,
        "config": None if config is None else str(config),
        "overrides": overrides,
        "seed": seed,
        "init": init,
    }
    title = f"{spot}: pretraining"
    about: dict[str, object] = {"row": method.label}
    if (cost := sets.costs.get((method.label, place))) is not None:
        about["flops"] = cost.flops
    return Cell("pretrain", folder, "pretrain", title, settings, call, needs, about)


def _existing(suite: Suite, spot: _Spot) -> _Run:
    """A run that is there already; it says itself what it was trained on."""
    named = _named(suite, spot.method.run, spot)
    if isinstance(named, Path) and not named.exists():
        raise InputError(f"{suite.path}: {spot}: run: {named}: no such run; name one that is there")
    path = str(named)
    settings: dict[str, object] = {"run": path}
    trained_on = ""
    if Path(path).is_dir():
        held = checkpoint.locate(path)
        source = checkpoint.read_config(held).get("source") or {}
        trained_on = "/".join(str(source[key]) for key in ("data", "split") if source.get(key))
        settings["checkpoint"] = held.name
    if spot.method.official:
        settings |= {"official": spot.method.name, "stream": spot.stream}
    return _Run(path, settings, trained_on, ())


def _named(suite: Suite, text: str | None, spot: _Spot) -> Path | str | None:
    """A path, {data}, {split}, {stream} and {seed} filled in; a name of the hub is a string."""
    if text is None:
        return None
    parts = {"data": spot.place.data, "split": spot.place.split}
    try:
        name = text.format(**parts, stream=spot.stream, seed=spot.seed)
    except (LookupError, ValueError, AttributeError, TypeError, MemoryError):
        raise InputError(
            f"{suite.path}: {spot.method.label}: {text!r}: only {{data}}, {{split}}, {{stream}} "
            "and {seed} can be filled in"
        ) from None
    path = suite.path.parent / name
    hub = name.count("/") == 1 and not name.startswith((".", "/"))
    return name if hub and not path.parent.exists() else path


def _evaluation(
    suite: Suite, sets: Sets, spot: _Spot, run: _Run, protocol: Protocol, on: Place, untrained: bool
) -> Cell:
    method = spot.method
    parts = [slug(protocol.label)]
    parts += [slug(f"on_{on.data}_{on.split}")] if on != spot.place else []
    parts += ["untrained"] if untrained else []
    released = sets.normalisations.get((method.label, spot.place)) if method.official else None
    settings = [*protocol.settings, *_of_released(suite, spot)]
    where = f" on {on}" * (on != spot.place) + ", untrained" * untrained
    of_run = {
        "untrained": untrained,
        "seed": spot.seed,
        "stream": spot.stream if method.official else method.judge,
    }
    return Cell(
        "judge",
        spot.folder,
        "_".join(parts),
        f"{spot}: {protocol.label}{where}",
        {"protocol": protocol.name, "settings": settings, **of_run}
        | ({} if released is None else {"data.normalize": released.name})
        | sets.contents[on]
        | _columns(sets, protocol, on)
        | {"run": run.settings},
        {
            "protocols": [protocol.name],
            "run": run.path,
            "data": str(sets.stores[on.data]),
            "split": on.split,
            "method": method.name if method.official else None,
            "overrides": settings,
            **of_run,
        },
        run.needs,
        {
            "row": method.label,
            "label": protocol.label,
            "pretrained_on": run.trained_on,
            "data": on.data,
            "split": on.split,
            "case": spot.seed,
            "show": list(protocol.show),
        },
    )


def _columns(sets: Sets, protocol: Protocol, on: Place) -> dict[str, str]:
    """What identifies the columns of a set, which its content leaves out, where they are read."""
    if protocol.name not in READS_COLUMNS:
        return {}
    hashed = blake2b(digest_size=8)
    for name, values in sorted(sets.clips[on.data].columns.items()):
        hashed.update(name.encode() + b"\0" + values.tobytes())
    return {"columns": hashed.hexdigest()}


def _of_released(suite: Suite, spot: _Spot) -> list[str]:
    """The settings of a released file: how its authors prepared the clips."""
    if not spot.method.official:
        return []
    data = next(data for data in suite.data if data.name == spot.place.data)
    overrides = suite.settings_of(spot.method, spot.place)
    # What a data set says of training does not concern it.
    return [s for s in overrides if s not in data.settings or s.startswith("data.normalize")]


def _fusion(name: str, spot: _Spot, inputs: list[Cell]) -> Cell:
    protocol = str(inputs[0].settings["protocol"])
    return Cell(
        "fuse",
        spot.folder,
        name,
        f"{spot}: {name}",
        {"fused": [cell.settings for cell in inputs]},
        {"files": [str(scores.beside(cell.results, protocol)) for cell in inputs]},
        tuple(cell.key for cell in inputs),
        inputs[0].about,
    )
