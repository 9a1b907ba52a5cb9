"""What the suite of a benchmark calls the runs and results in its folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..files import read_json
from .evidence import Evidence
from .setup import Setup


def marker_of(path: Path) -> Path:
    """The file that a benchmark writes beside results: `results_x.json` has `cell_x.json`."""
    return path.with_name(f"cell_{path.stem.removeprefix('results').removeprefix('_')}.json")


def row_of(path: Path) -> str:
    """The row of a run's config or of a file of results; "" where no benchmark wrote it.

    What was judged by hand in a run's folder has the run's row.
    """
    for marker in (marker_of(path), path.with_name("cell_pretrain.json")):
        try:
            stored = read_json(marker)
        except InputError:
            continue
        if isinstance(stored, Mapping) and isinstance(stored.get("row"), str):
            return str(stored["row"])
    return ""


def flops_of(folder: Path) -> float | None:
    """What the pretraining of a run counts, where a benchmark with a budget trained it."""
    try:
        stored = read_json(folder / "cell_pretrain.json")
    except InputError:
        return None
    value = stored.get("flops") if isinstance(stored, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def name_elsewhere(evidence: Evidence) -> None:
    """Gives what lies outside of a benchmark the row of the same setup in it, if there is one."""
    rows: dict[Setup, set[str]] = defaultdict(set)
    setups = [run.setup for run in evidence.runs] + [row.setup for row in evidence.rows]
    for setup in filter(lambda setup: setup.row, setups):
        rows[setup._replace(row="")].add(setup.row)
    alone = {setup: next(iter(named)) for setup, named in rows.items() if len(named) == 1}

    def named(setup: Setup) -> Setup:
        return setup._replace(row=alone[setup]) if setup in alone else setup

    evidence.runs = [replace(entry, setup=named(entry.setup)) for entry in evidence.runs]
    evidence.rows = [replace(entry, setup=named(entry.setup)) for entry in evidence.rows]
    evidence.scored_clips = [replace(s, setup=named(s.setup)) for s in evidence.scored_clips]
    evidence.scored_recordings = [
        replace(s, setup=named(s.setup)) for s in evidence.scored_recordings
    ]
