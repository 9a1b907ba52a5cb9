"""The main job in small, on figures that a program made: pretrain without labels, judge, show.

`run` takes about two minutes on two CPU cores. Its numbers say that the parts work together;
they are no result about people, since nobody was recorded.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from . import __version__, api, demo_page
from .data.clips import ClipSet
from .data.synthetic.clips import generate
from .errors import InputError
from .files import read_json, write_json
from .pages import html
from .pages.html import Section
from .protocols.features import extract_splits
from .protocols.linear import Linear, linear
from .training.log import Event

CLIPS, SPLIT, MARKER = 960, "xsub", "demo.json"
OVERRIDES = (
    "data.normalize=centre",
    "encoder.dim=64",
    "encoder.frames=24",
    "views.number=2",
    "views.crop=[0.5,1.0]",
    "views.shear=0.5",
    "train.epochs=40",
    "train.batch_size=64",
    "train.lr=2e-3",
    "train.schedule=cosine",
    "train.warmup_epochs=2",
    "train.precision=fp32",
    "train.monitor_every=4",
    "train.save_every=10",
)
# Standardised, since a probe takes few steps on so few clips (see `Linear`).
PROBE: dict[str, Any] = {"standardize": True}
SHOWN = {
    ("linear", "top1", "last"): "Linear probe, top-1",
    ("knn", "top1", "none"): "k-NN (weighted), top-1",
    ("retrieval", "precision@1", "none"): "Retrieval, precision@1",
    ("retrieval", "map", "none"): "Retrieval, mean average precision",
}


class Demo(NamedTuple):
    """What a demo leaves.

    Args:
        page: the HTML page.
        rows: one mapping a protocol with the keys of `COLUMNS`; values in [0, 1].
        seconds: time it took.
    """

    page: Path
    rows: list[dict[str, Any]]
    seconds: float


def run(
    out: str | Path,
    *,
    seed: int = 0,
    clips: int = CLIPS,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
    listener: Callable[[Event], None] = lambda event: None,
) -> Demo:
    """Makes a synthetic set, pretrains USDRL on it without labels, judges it and writes a page.

    Args:
        out: folder for `synthetic.h5`, `run/`, `results.json` and `index.html`; an earlier demo
            there is replaced.
        seed: of the set, the weights and every draw.
        clips: size of the set; half of the subjects train.
        overrides: `section.key=value`, win over the demo's own.
        say: told what happens, a line a step.
        listener: told of training events, see `training.loop.fit`.

    Raises:
        InputError: `out` holds something that no demo wrote, or a wrong override.
    """
    out = Path(out)
    _make_room(out)
    with _one_thread():
        return _run(out, seed, clips, (*OVERRIDES, *overrides), say, listener)


def _run(
    out: Path,
    seed: int,
    clips: int,
    settings: Sequence[str],
    say: Callable[[str], None],
    listener: Callable[[Event], None],
) -> Demo:
    began = time.perf_counter()
    store, folder = out / "synthetic.h5", out / "run"
    say(f"making {clips} synthetic clips")
    generate(clips=clips, seed=seed).save(store)
    data = ClipSet.open(store)
    train, test = data.split(SPLIT)
    say(f"pretraining USDRL on {len(train)} clips without labels")
    at = time.perf_counter()
    api.pretrain(
        "usdrl", data, out=folder, split=SPLIT, overrides=settings, seed=seed, listener=listener
    )
    pretraining = time.perf_counter() - at
    say("judging it, and the same encoder untrained")
    judged = {
        name: _judge(folder, data, seed, name == "untrained")
        for name in ("pretrained", "untrained")
    }
    write_json(out / "results.json", judged["pretrained"] + judged["untrained"])
    rows = _rows(judged, train, test)
    say("drawing the page")
    sections = _sections(folder, rows, data, seed, settings, pretraining)
    seconds = time.perf_counter() - began
    page = html.write(
        out / "index.html",
        html.page(
            "skelf demo",
            sections,
            lead="An encoder learns from moving skeletons without being told what they do; then it "
            "is frozen, and simple judges test what it has learnt.",
            notice="This data is SYNTHETIC. Every figure was computed by a program; nobody was "
            "recorded. The numbers show that the parts work together and say nothing about "
            "people or about published benchmarks.",
            footer=f"skelf {__version__}, torch {torch.__version__}, seed {seed}, "
            f"{seconds:.0f} s in all. "
            "This page holds everything it shows and loads nothing.",
        ),
    )
    return Demo(page, rows, seconds)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch and scikit-learn to one thread.

    Matrices of this size gain little from a second one, and on a busy machine threads that wait for
    each other made the demo ten times slower. The numbers no longer depend on the cores either.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _make_room(out: Path) -> None:
    """Removes what an earlier demo left in `out`, and nothing else."""
    marker = out / MARKER
    made = ("synthetic.h5", "run", "results.json", "index.html")
    if marker.is_file() and read_json(marker).get("made") == list(made):
        for name in made:
            path = out / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    elif taken := [name for name in made if (out / name).exists()]:
        raise InputError(f"{out}: holds {taken[0]!r}, which no demo wrote; choose another --out")
    try:
        write_json(marker, {"made": made, "note": "skelf demo may replace these"})
    except OSError as error:
        raise InputError(
            f"{out}: cannot write here: {error.strerror}; choose another --out"
        ) from None


def _judge(folder: Path, data: ClipSet, seed: int, untrained: bool) -> list[dict[str, Any]]:
    given = [f"eval.{key}={str(value).lower()}" for key, value in PROBE.items()]
    return api.evaluate(
        ["linear", "knn", "retrieval"], folder, data,
        split=SPLIT, untrained=untrained, overrides=given, seed=seed,
    )  # fmt: skip


def _rows(
    judged: Mapping[str, list[dict[str, Any]]], train: ClipSet, test: ClipSet
) -> list[dict[str, Any]]:
    chance = _chance(train.label, test.label, len(train.class_names))
    rows = []
    for key, title in SHOWN.items():
        row: dict[str, Any] = {"protocol": title}
        for name, results in judged.items():
            row[name] = next(
                r["value"] for r in results if (r["protocol"], r["metric"], r["selection"]) == key
            )
        rows.append(row | {"chance": chance[key[1]]})
    return rows


def _chance(train: np.ndarray, test: np.ndarray, classes: int) -> dict[str, float]:
    """What guessing gives: a class drawn evenly for top-1, a random order of the gallery else.

    With `R` of `n` gallery clips relevant, a random order has the expected precision `R / n` and
    the expected average precision `(H + (n - H) (R - 1) / (n - 1)) / n`, `H` the `n`-th harmonic
    number.
    """
    n = len(train)
    relevant = np.bincount(train, minlength=classes)[test]  # (queries,)
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    average = (harmonic + (n - harmonic) * (relevant - 1) / max(n - 1, 1)) / n
    return {
        "top1": 1 / classes,
        "precision@1": float((relevant / n).mean()),
        "map": float(average[relevant > 0].mean()),
    }


def _sections(
    folder: Path,
    rows: list[dict[str, Any]],
    data: ClipSet,
    seed: int,
    settings: Sequence[str],
    pretraining: float,
) -> list[Section]:
    names = data.class_names
    train, test = replace(data, normalize=_normalize(folder)).split(SPLIT)
    trained = api.load(folder)
    fresh = api.load(folder, untrained=True, seed=seed)  # the baseline that `evaluate` judged
    cache = folder / "features"
    features = {
        "Untrained": extract_splits(fresh, train, test),
        "Pretrained": extract_splits(trained, train, test, cache=cache),
    }
    weights = sum(p.numel() for p in trained.parameters())
    facts = {
        "Method": "USDRL",
        "Encoder": f"DSTE, {weights / 1e6:.2f} M weights",
        "Clips": f"{len(train)} train, {len(test)} test",
        "Actions": len(names),
        "Frames a clip": f"{data.length.min()} to {data.length.max()} at {data.fps[0]:g}/s",
        "Pretraining": f"{pretraining:.0f} s",
    }
    knn = next(row for row in rows if row["protocol"] == SHOWN["knn", "top1", "none"])
    probe = linear(trained, train, test, Linear(**PROBE), seed=seed, cache=cache)
    return [
        demo_page.results(rows),
        Section("What was run", html.facts(facts)),
        demo_page.training(folder, knn),
        demo_page.maps(features, names, seed),
        demo_page.mistakes(probe, names),
        demo_page.neighbours(train, test, features["Pretrained"]),
        demo_page.commands(folder.with_name("synthetic.h5"), SPLIT, seed, settings, PROBE),
    ]


def _normalize(folder: Path) -> str:
    return str(read_json(folder / "config.json")["data"]["normalize"])
