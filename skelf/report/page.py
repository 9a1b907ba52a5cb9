"""What a report shows of logs and results: what was run, numbers, curves."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from ..pages import html
from ..pages.html import Section
from .classes import classes
from .curves import losses, monitor, readings
from .found import Found, Run
from .results import results
from .setup import Setup
from .timelines import detections


def lead(found: Found) -> str:
    """How much the page rests on."""
    parts = []
    if found.runs:
        parts.append(_count(len(found.runs), "run"))
    if found.rows:
        parts.append(_count(len(found.rows), "number"))
    setups = len(found.names)
    what = " (a setup is what runs are that differ in the seed alone)" if setups > 1 else ""
    return f"{' and '.join(parts)} of {_count(setups, 'setup')}{what}."


def notice(found: Found) -> str:
    """What a reader must know first: made-up data, files that could not be read."""
    said = []
    if any(run.synthetic for run in found.runs):
        said.append(
            "Some of the data is SYNTHETIC: figures that a program computed. Numbers on it say "
            "nothing about people."
        )
    if found.notes:
        said.append(f"{_count(len(found.notes), 'remark')} on what was read: at the end.")
    return " ".join(said)


def remarks(notes: Sequence[str]) -> list[Section]:
    """What could not be read, or not in full."""
    return [Section("Remarks", html.listing(notes))] if notes else []


def sections(found: Found) -> list[Section]:
    """All that needs no store; a section without content is left out."""
    made = [ran(found), results(found), detections(found), monitor(found), losses(found)]
    made += classes(found)
    return [section for section in made if section is not None]


def ran(found: Found) -> Section:
    """What was run: what all setups share as facts, what differs as a table."""
    rows = [{"setup": name, **_facts(found, setup)} for setup, name in found.names.items()]
    keys = dict.fromkeys(key for row in rows for key in row if key != "setup")
    shared = {k: rows[0].get(k) for k in keys if len({str(row.get(k)) for row in rows}) == 1}
    shared = {k: v for k, v in shared.items() if v is not None}
    # Where they differ, these stand in the setups' names.
    differing = [k for k in keys if k not in (*shared, "Method", "Stream", "Trained on")]
    known = {k: k for k in differing if any(row.get(k) is not None for row in rows)}
    body = html.facts(shared)
    if len(rows) > 1:
        body += html.table(rows, {"setup": "Setup", **known})
    text = (
        "A setup is called by what it has unlike the others; settings stand in its name where they "
        "are not those of most."
    )
    return Section("What was run", body, text if len(rows) > 1 else "")


def _facts(found: Found, setup: Setup) -> dict[str, Any]:
    runs = [run for run in found.runs if run.setup == setup]
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    speeds = [s for run in runs for _, s in readings(run, "epoch", "clips_per_second")]
    return {
        "Method": setup.method,
        "Form": setup.setting("method.form"),
        "Encoder": setup.encoder,
        "Stream": setup.stream or None,
        "Trained on": " ".join(filter(None, setup.source)) or None,
        "Width": setup.setting("encoder.dim"),
        "Frames": setup.setting("encoder.frames"),
        "Epochs": _epochs(runs) if runs else _text(setup.setting("train.epochs")),
        "Batch": setup.setting("train.batch_size"),
        "Learning rate": _text(setup.setting("train.lr")),
        "Seeds": ", ".join(map(str, seeds)) or None,
        "Clips a second": f"{mean(speeds):,.0f}" if speeds else None,
    }


def _epochs(runs: Sequence[Run]) -> str:
    done = [len(readings(run, "epoch", "loss")) for run in runs]
    planned = {run.planned for run in runs if run.planned is not None}
    short = min(done) < max(planned, default=0)
    span = str(min(done)) if min(done) == max(done) else f"{min(done)} to {max(done)}"
    return f"{span} of {max(planned)}" if short else span


def _text(value: Any) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
