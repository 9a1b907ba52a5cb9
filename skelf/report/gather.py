"""Finds runs, results and saved scores below some folders; what is damaged becomes a note."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from glob import escape
from pathlib import Path

from .. import __version__
from ..checkpoints import folder as checkpoint
from ..errors import InputError
from ..results import scores
from ..results.recordings import holds
from ..results.recordings import read as read_recordings
from ..results.rows import read_rows, verify
from ..settings.values import Value
from ..training.log import Event
from .evidence import Evidence, Place, Repeat, Row, Run, ScoredClips, ScoredRecordings
from .setup import Setup, name_setups, setup_of
from .suite_rows import flops_of, marker_of, name_elsewhere, row_of

TRIALS = "trials.journal"
"""Where this file lies, a search tried settings on training subjects: nothing for a report."""

SKIPPED = ("checkpoints", "tensorboard", "features")
"""Folders of a run that hold neither runs nor results."""


def gather(places: Sequence[str | Path]) -> Evidence:
    """Reads all runs and results below some folders; what is damaged becomes a note.

    Raises:
        InputError: no such folder, or nothing that can be shown.
    """
    evidence = Evidence()
    files: list[Path] = []
    for folder, names in _folders(places):
        if {"config.json", "log.jsonl"} <= names:
            _read_run(folder, evidence)
        elif "log.jsonl" in names:
            evidence.notes.append(f"{folder / 'log.jsonl'}: no config.json beside it; left out")
        files += [
            folder / name
            for name in sorted(names)
            if name.startswith("results") and name.endswith(".json")
        ]
    files += [Path(place) for place in places if Path(place).is_file()]
    for path in dict.fromkeys(files):
        _read_results(path, evidence)
    if not evidence.runs and not evidence.rows:
        where = ", ".join(map(str, places)) or "no folder"
        reasons = f" ({'; '.join(evidence.notes[:3])})" if evidence.notes else ""
        raise InputError(
            f"{where}: no run (a folder with config.json and log.jsonl) and no results*.json that "
            f"can be read{reasons}; name the --out folder of `skelf pretrain` or `skelf eval`"
        )
    name_elsewhere(evidence)
    setups = [run.setup for run in evidence.runs] + [row.setup for row in evidence.rows]
    evidence.names = name_setups(dict.fromkeys(setups))
    _note_twins(evidence)
    _note_versions(evidence)
    return evidence


def _folders(places: Sequence[str | Path]) -> Iterator[tuple[Path, set[str]]]:
    """Each folder once, with the names of its files, in the order of their paths."""
    seen = set()
    for place in map(Path, places):
        if place.is_file():
            continue
        if not place.is_dir():
            raise InputError(f"{place}: no such folder")
        for here, below, names in os.walk(place):
            below[:] = sorted(n for n in below if n not in SKIPPED and not n.startswith("."))
            if TRIALS in names:
                below.clear()
            real = Path(here).resolve()
            if real not in seen:
                seen.add(real)
                yield Path(here), set(names)


def _read_run(folder: Path, evidence: Evidence) -> None:
    try:
        config = checkpoint.read_object(folder / "config.json")
        source, train = config.get("source") or {}, config.get("train") or {}
        trained_on = str(source.get("data") or ""), str(source.get("split") or "")
        setup = setup_of(config, str(config["input"]["stream"]), trained_on)
        setup = setup._replace(row=row_of(folder / "config.json"))
        events = _events(folder / "log.jsonl", evidence.notes)
        seed, planned = source.get("seed"), train.get("epochs")
    except (InputError, OSError) as error:
        evidence.notes.append(f"{error}; the run is left out")
    except (KeyError, TypeError, AttributeError) as error:
        evidence.notes.append(
            f"{folder / 'config.json'}: not a run's ({error}); the run is left out"
        )
    else:
        evidence.runs.append(
            Run(
                folder,
                setup,
                seed if isinstance(seed, int) else None,
                events,
                planned if isinstance(planned, int) else None,
                source.get("synthetic") == "true",
                flops_of(folder),
            )
        )


def _events(path: Path, notes: list[str]) -> list[Event]:
    """Events of epochs; of a resumed run the later account of an epoch stands."""
    events: dict[tuple[str, int], Event] = {}
    damaged = 0
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            first = -1 if row["event"] == "monitor" else 0  # it reads before the first epoch
            if not isinstance(row["epoch"], int) or not first <= row["epoch"] < 10**9:
                raise ValueError(row["epoch"])
            events[str(row["event"]), row["epoch"]] = row
        except (ValueError, KeyError, TypeError, RecursionError):
            # The last line of a run that was killed is often cut short.
            damaged += bool(line.strip()) and number < len(lines)
    if damaged:
        notes.append(f"{path}: {damaged} damaged line{'s' * (damaged > 1)}; the others are shown")
    return list(events.values())


def _read_results(path: Path, evidence: Evidence) -> None:
    try:
        rows = read_rows(path)
    except InputError as error:
        evidence.notes.append(f"{error}; left out")
        return
    if not rows and marker_of(path).exists():
        return  # of a benchmark: the fusion of a protocol without class scores
    if not rows:
        evidence.notes.append(f"{path}: a list without rows; left out")
        return
    named = row_of(path)
    wrong: list[tuple[int, str]] = []
    for number, row in enumerate(rows):
        try:
            verify(row)
            evidence.rows.append(_row(row, path, named, evidence.runs))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            wrong.append((number, str(error)))
    if wrong:
        number, why = wrong[0]
        evidence.notes.append(
            f"{path}: {len(wrong)} of {len(rows)} rows are not of a form that skelf {__version__} "
            f"knows (the first is row {number}: {why}); left out"
        )
    for saved in sorted(path.parent.glob(f"{escape(path.stem)}.*.scores.npz")):
        protocol = saved.name.removeprefix(f"{path.stem}.").removesuffix(".scores.npz")
        if saved == scores.beside(path, protocol) and "." not in protocol:
            _read_scores(saved, path.stem, evidence)


def _row(row: Mapping[str, Value], path: Path, named: str, runs: Sequence[Run]) -> Row:
    missing = [key for key in ("protocol", "metric", "value") if key not in row]
    if missing:
        raise ValueError(f"no {missing[0]}")
    value = float(row["value"])
    if not -1e-6 <= value <= 1 + 1e-6:
        raise ValueError(f"value {row['value']} does not lie in [0, 1]")
    config = row.get("config") or {}
    first = (config.get("inputs") or [{}])[0].get("config") or {}  # of a fusion
    settings = config.get("eval") or first.get("eval") or {}
    setup, untrained, judged_on = _judged(row, path, runs)
    return Row(
        setup._replace(row=named),
        untrained,
        str(row["protocol"]),
        str(row["metric"]),
        str(row.get("selection") or "none"),
        value,
        judged_on,
        _repeat(row),
        dict(settings),
        str(row.get("definition") or ""),
        str(row.get("version") or "unknown"),
        _clips(row),
    )


def _clips(row: Mapping[str, Value]) -> int | None:
    """Rows of an earlier version do not say it."""
    clips = row.get("clips")
    if clips is None:
        return None
    if not isinstance(clips, int) or not 0 < clips < 10**12:
        raise ValueError(f"clips {clips!r} is no number of clips")
    return clips


def _repeat(row: Mapping[str, Value]) -> Repeat:
    """Seeds; a fusion of runs of several seeds names none, but its inputs do."""
    inputs = (row.get("config") or {}).get("inputs") or []
    seeds = [row.get("seed"), *(single.get("seed") for single in inputs)]
    return json.dumps(seeds), json.dumps(row.get("eval_seed"))


def _judged(row: Mapping[str, Value], path: Path, runs: Sequence[Run]) -> tuple[Setup, bool, Place]:
    """What a row says of its run, whether that was untrained, and what it was judged on.

    A row of an earlier version does not say what its run was trained on; the run does, where it was
    read too.
    """
    judged_on = str(row.get("data") or ""), str(row.get("split") or "")
    config = row.get("config") or {}
    if "method" not in config and "inputs" not in config:  # the row alone must do
        config = {"method": {"name": row.get("method")}, "encoder": {"name": row.get("encoder")}}
    elif "inputs" in config:
        method = _common_method(config["inputs"]) or row["method"]
        config = config | {"method": {"name": method}, "encoder": {"name": row["encoder"]}}
    untrained = row.get("method") == "untrained"
    setup = setup_of(config, str(row.get("stream") or ""), judged_on)
    source = config.get("source") or _common_source(config.get("inputs") or [])
    if source.get("data"):
        trained_on = str(source["data"]), str(source.get("split") or "")
        return setup._replace(source=trained_on), untrained, judged_on
    alike = [run for run in runs if run.setup._replace(source=judged_on, row="") == setup]
    nearest = [run for run in alike if run.folder in path.parents] or alike
    sources = {run.setup.source for run in nearest}
    if len(sources) == 1:
        setup = setup._replace(source=sources.pop())
    return setup, untrained, judged_on


def _common_method(inputs: Sequence[Mapping[str, Value]]) -> str:
    """The methods of a fusion's inputs, whose rows say "untrained" where they were."""
    configs = [(single.get("config") or {}).get("method") or {} for single in inputs]
    return "+".join(dict.fromkeys(str(method["name"]) for method in configs if method.get("name")))


def _common_source(inputs: Sequence[Mapping[str, Value]]) -> Mapping[str, Value]:
    """What the inputs of a fusion were trained on, where it is one."""
    sources = [(single.get("config") or {}).get("source") or {} for single in inputs]
    named = {(source.get("data"), source.get("split")) for source in sources}
    return sources[0] if len(named) == 1 else {}


def _read_scores(path: Path, stem: str, evidence: Evidence) -> None:
    """Reads scores that lie beside the results `stem.json`."""
    try:
        read = read_recordings(path) if holds(path) else scores.read(path)
        setup, untrained, judged_on = _judged(read.row, path, evidence.runs)
        setup = setup._replace(row=row_of(path.with_name(f"{stem}.json")))
    except (InputError, KeyError, TypeError, AttributeError) as error:
        evidence.notes.append(f"{error}; the scores are left out")
        return
    if isinstance(read, scores.Scores):
        protocol = str(read.row["protocol"])
        evidence.scored_clips.append(
            ScoredClips(setup, untrained, protocol, judged_on, _repeat(read.row), read)
        )
    else:
        evidence.scored_recordings.append(ScoredRecordings(setup, untrained, judged_on, read))


def _note_twins(evidence: Evidence) -> None:
    """Says where one number was read twice with two values: of those the last is shown."""
    seen: dict[tuple[object, ...], float] = {}
    differing = 0
    for row in evidence.rows:
        key = (
            row.setup, row.untrained, row.judged_on, row.protocol, row.metric, row.selection,
            row.repeat, repr(sorted(row.settings.items())),
        )  # fmt: skip
        differing += abs(seen.get(key, row.value) - row.value) > 1e-6
        seen[key] = row.value
    if differing:
        evidence.notes.append(
            f"{differing} number{'s were' if differing > 1 else ' was'} found more than once with "
            "different values; the one whose file sorts last is shown"
        )


def _note_versions(evidence: Evidence) -> None:
    versions = sorted({row.version for row in evidence.rows})
    if versions and versions != [__version__]:
        evidence.notes.append(
            f"The results were written by skelf {', '.join(versions)}, this page by {__version__}; "
            "the definitions beneath the tables say what was computed."
        )
