"""What a report shows of logs: the k-NN monitor, signs and the losses over the epochs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import mean, stdev

from ..pages import html, plots
from ..pages.html import Section
from ..protocols.knn import KNN
from ..settings.options import flat
from ..training.log import BOOKKEEPING
from .evidence import Evidence, Run
from .setup import Setup

LINES = 12
"""Most lines of one figure that can be told apart at a glance."""

_SIGNS = {
    "effective_rank": ("Effective rank of clips", "directions"),
    "frame_rank": ("Effective rank of a clip's frames", "directions"),
    "uniformity": ("Uniformity (lower: more evenly spread)", "log mean potential (no unit)"),
    "alignment": ("Alignment (lower: two crops agree)", "squared distance (no unit)"),
}
"""Key of a reading -> title and axis of its figure."""

# The settings of k-NN with which a run reads it; only such rows continue the monitor's curve.
_MONITOR = flat(KNN())

Series = dict[str, tuple[list[float], list[float]]]
"""Setup's name -> (epochs done, values)."""


def monitor(evidence: Evidence) -> Section | None:
    """The k-NN accuracy over the epochs: one figure for each set, all its setups in it."""
    series, bands = _over_seeds(evidence, "monitor", "knn_top1", evidence.names)
    if not series:
        return None
    begun = _from_untrained(evidence, series, bands)
    begun |= any(x[0] == 0 for x, _ in series.values())  # runs read it themselves
    sources = dict.fromkeys(s.source for s, name in evidence.names.items() if name in series)
    figures = []
    for source in sources:
        names = [n for s, n in evidence.names.items() if s.source == source and n in series]
        order = sorted(names, key=lambda name: -series[name][1][-1])
        labels = {n: f"{n}: {100 * series[n][1][-1]:.1f} %" for n in order[:LINES]}
        where = f" ({' '.join(filter(None, source))})" if len(sources) > 1 else ""
        figures.append(
            plots.curves(
                {label: series[n] for n, label in labels.items()},
                f"k-NN accuracy of the test clips{where}",
                plots.YAxis("top-1 accuracy", percent=True, zero=False),
                bands={label: bands[n] for n, label in labels.items() if n in bands},
                note=_left_out(len(order), "of the highest last reading")
                or (next(iter(labels.values())) if len(labels) == 1 else ""),
            )
        )
    text = (
        "Weighted k-NN on the frozen features; the labels served this reading alone. The last "
        "reading stands beside the name"
        + ("; bands show ± one deviation over seeds" if bands else "")
        + (". Epoch 0 is the encoder before training." if begun else ".")
    )
    return Section("k-NN while they trained", html.grid(*figures), text)


def _from_untrained(
    evidence: Evidence,
    series: Series,
    bands: dict[str, list[float]],
) -> bool:
    """Puts the untrained encoder's k-NN at epoch 0, where it was judged as the monitor judges and
    the run's own log does not say it."""
    any_begun = False
    for setup, name in evidence.names.items():
        values = {
            row.repeat: row.value
            for row in evidence.rows
            if row.setup == setup and row.untrained and row.judged_on == setup.source
            and (row.protocol, row.metric) == ("knn", "top1")
            and all(row.settings.get(key, value) == value for key, value in _MONITOR.items())
        }  # fmt: skip
        if name in series and series[name][0][0] > 0 and values:
            any_begun = True
            x, y = series[name]
            series[name] = ([0.0, *x], [mean(values.values()), *y])
            if name in bands:
                spread = stdev(values.values()) if len(values) > 1 else 0.0
                bands[name] = [spread, *bands[name]]
    return any_begun


def signs(evidence: Evidence) -> Section | None:
    """What the monitor reads without labels, a figure a sign."""
    figures = []
    for key, (title, label) in _SIGNS.items():
        series, bands = _over_seeds(evidence, "monitor", key, evidence.names)
        if series:
            drawn = dict(list(series.items())[:LINES])
            figures.append(
                plots.curves(
                    drawn, title, plots.YAxis(label, zero=False),
                    bands={n: bands[n] for n in drawn if n in bands},
                    note=_left_out(len(series), "in the order of the table"),
                )
            )  # fmt: skip
    text = (
        "Read on training clips, of which no label is used. Epoch 0 is before training. They "
        "compare within one method and width; none of them says how accurate an encoder is."
    )
    return Section("Signs without labels", html.grid(*figures), text) if figures else None


def losses(evidence: Evidence) -> Section | None:
    """The losses, one figure a method, since those of two methods do not compare; and the terms."""
    figures = []
    for method in dict.fromkeys(setup.method for setup in evidence.names):
        setups = [setup for setup in evidence.names if setup.method == method]
        series, bands = _over_seeds(evidence, "epoch", "loss", setups)
        if len(series) > 1:
            drawn = dict(list(series.items())[:LINES])
            note = _left_out(len(series), "in the order of the table")
            figures.append(
                plots.curves(
                    drawn, f"{method}: loss", _axis(drawn), note=note,
                    bands={n: bands[n] for n in drawn if n in bands},
                )
            )  # fmt: skip
    trained = [
        s for s in evidence.names if any(run.setup == s and run.events for run in evidence.runs)
    ]
    for setup in trained if len(trained) <= 4 else ():
        figure = _terms(evidence, setup)
        figures += [figure] if figure else []
    several = len({(run.setup, run.seed) for run in evidence.runs}) > len(evidence.names)
    text = "The mean over the seeds that got so far." if several else ""
    return Section("Loss", html.grid(*figures), text) if figures else None


def _terms(evidence: Evidence, setup: Setup) -> str:
    events = [e for run in evidence.runs if run.setup == setup for e in run.events]
    # Of all epochs: a later stage of a method may have other terms than the first.
    terms = dict.fromkeys(key for e in events if e["event"] == "epoch" for key in e)
    series: Series = {}
    for term in [key for key in terms if key not in BOOKKEEPING]:
        of_term, _ = _over_seeds(evidence, "epoch", term, [setup])
        series |= {term.replace("_", " "): xy for xy in of_term.values()}
    if not series:
        return ""
    title = f"{evidence.names[setup]}: {'loss and its terms' if len(series) > 1 else 'loss'}"
    return plots.curves(series, title, _axis(series))


def _over_seeds(
    evidence: Evidence, event: str, key: str, setups: Iterable[Setup]
) -> tuple[Series, dict[str, list[float]]]:
    """Setup's name -> (epochs done, mean over the seeds that got so far), and -> deviation where
    there are several."""
    series: Series = {}
    bands: dict[str, list[float]] = {}
    for setup in setups:
        name = evidence.names[setup]
        by_epoch: dict[int, list[float]] = defaultdict(list)
        for run in evidence.runs:
            if run.setup == setup:
                for epoch, value in readings(run, event, key):
                    by_epoch[epoch].append(value)
        if by_epoch:
            epochs = sorted(by_epoch)
            series[name] = ([float(e) for e in epochs], [mean(by_epoch[e]) for e in epochs])
            if max(map(len, by_epoch.values())) > 1:
                bands[name] = [stdev(by_epoch[e]) if len(by_epoch[e]) > 1 else 0.0 for e in epochs]
    return series, bands


def readings(run: Run, event: str, key: str) -> list[tuple[int, float]]:
    """Epochs done (the first is 1) and values."""
    points = [(e["epoch"] + 1, e.get(key)) for e in run.events if e["event"] == event]
    return [(x, float(y)) for x, y in points if isinstance(y, int | float) and abs(y) < 1e300]


def _positive(series: Series) -> bool:
    return all(value > 0 for _, values in series.values() for value in values)


def _axis(series: Series) -> plots.YAxis:
    log = _positive(series)
    return plots.YAxis("loss (no unit, log scale)" if log else "loss (no unit)", log=log)


def _left_out(count: int, which: str) -> str:
    return f"{LINES} of {count} setups are drawn, those {which}." if count > LINES else ""
