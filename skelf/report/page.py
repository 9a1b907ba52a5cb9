"""What a report shows of logs and results: what was run, numbers, curves."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from ..pages import html
from ..pages.html import Section
from .classes import classes
from .curves import losses, monitor, readings, signs
from .evidence import Evidence, Run
from .results import results
from .setup import Setup
from .store import Store
from .timelines import detections


def lead(evidence: Evidence) -> str:
    """How much the page rests on."""
    parts = []
    if evidence.runs:
        parts.append(_count(len(evidence.runs), "run"))
    if evidence.rows:
        parts.append(_count(len(evidence.rows), "number"))
    setups = len(evidence.names)
    what = " (a setup is what runs are that differ in the seed alone)" if setups > 1 else ""
    return f"{' and '.join(parts)} of {_count(setups, 'setup')}{what}."


def notice(evidence: Evidence) -> str:
    """What a reader must know first: made-up data, files that could not be read."""
    sentences = []
    if any(run.synthetic for run in evidence.runs):
        everything = all(run.synthetic for run in evidence.runs)
        sentences.append(
            f"{'This data' if everything else 'Some of the data'} is SYNTHETIC: a program computed "
            "every figure, nobody was recorded. Numbers on it show that the parts work together. "
            "They say nothing about people or about published benchmarks."
        )
    if evidence.notes:
        sentences.append(f"{_count(len(evidence.notes), 'remark')} on what was read: at the end.")
    return " ".join(sentences)


def remarks(notes: Sequence[str]) -> list[Section]:
    """What could not be read, or not in full."""
    return [Section("Remarks", html.listing(notes))] if notes else []


def sections(evidence: Evidence, store: Store | None = None) -> list[Section]:
    """All that needs no features; a section without content is left out."""
    parts = [
        ran(evidence, store),
        results(evidence, store),
        detections(evidence),
        monitor(evidence),
        signs(evidence),
        losses(evidence),
        *classes(evidence),
    ]
    return [section for section in parts if section is not None]


def ran(evidence: Evidence, store: Store | None) -> Section:
    """What was run: what all setups share as facts, what differs as a table."""
    rows = [{"setup": name, **_facts(evidence, setup)} for setup, name in evidence.names.items()]
    keys = dict.fromkeys(key for row in rows for key in row if key != "setup")
    shared = {k: rows[0].get(k) for k in keys if len({str(row.get(k)) for row in rows}) == 1}
    shared = {k: v for k, v in shared.items() if v is not None}
    # Where they differ, these stand in the setups' names.
    differing = [k for k in keys if k not in (*shared, "Method", "Stream", "Trained on")]
    columns = {k: k for k in differing if any(row.get(k) is not None for row in rows)}
    body = html.facts(shared | ({} if store is None else store.facts()))
    if len(rows) > 1:
        body += html.table(rows, {"setup": "Setup", **columns})
    text = (
        "A setup is called by what it has unlike the others; settings stand in its name where they "
        "are not those of most."
    )
    return Section("What was run", body, text if len(rows) > 1 else "")


def _facts(evidence: Evidence, setup: Setup) -> dict[str, object]:
    runs = [run for run in evidence.runs if run.setup == setup]
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    counted = sorted({round(run.flops / 1e9) for run in runs if run.flops is not None})
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
        "GFLOPs of pretraining": " or ".join(f"{each:,}" for each in counted) or None,
        "Seeds": ", ".join(map(str, seeds)) or None,
        "Clips a second": f"{mean(speeds):,.0f}" if speeds else None,
    }


def _epochs(runs: Sequence[Run]) -> str:
    done = [len(readings(run, "epoch", "loss")) for run in runs]
    planned = {run.planned for run in runs if run.planned is not None}
    short = min(done) < max(planned, default=0)
    span = str(min(done)) if min(done) == max(done) else f"{min(done)} to {max(done)}"
    return f"{span} of {max(planned)}" if short else span


def _text(value: object) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
