"""The main job in small, on figures that a program made: pretrain without labels, judge, show.

`run` takes about two minutes on two CPU cores. Its numbers say that the parts work together;
they are no result about people, since nobody was recorded.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no stubs

from . import api
from .data.clips import ClipSet
from .data.synthetic.clips import generate
from .errors import InputError
from .files import read_json, write_json
from .metrics.chance import chance
from .report.write import write_report
from .results.archive import Row
from .results.rows import write_rows
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
PROBE = ("eval.standardize=true",)
SHOWN = {
    ("linear", "top1", "last"): "Linear probe, top-1",
    ("knn", "top1", "none"): "k-NN (weighted), top-1",
    ("retrieval", "precision@1", "none"): "Retrieval, precision@1",
    ("retrieval", "map", "none"): "Retrieval, mean average precision",
}
LEAD = (
    "An encoder learns from moving skeletons without being told what they do; then it is frozen, "
    "and simple judges test what it has learnt. Pretraining read no label: only the k-NN monitor "
    "and the judges do, and they change nothing in the encoder. Test clips are of persons that "
    "training never saw."
)


class Demo(NamedTuple):
    """What a demo leaves.

    Args:
        page: the HTML page.
        rows: one mapping a protocol with its title as `protocol` and the shares `pretrained`,
            `untrained` and `chance`, in [0, 1].
        seconds: time it took.
    """

    page: Path
    rows: list[dict[str, object]]
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
    api.pretrain(
        "usdrl", data, out=folder, split=SPLIT, overrides=settings, seed=seed, listener=listener
    )
    say("judging it, and the same encoder untrained")
    judged = {
        name: _judge(folder, data, seed, name == "untrained")
        for name in ("pretrained", "untrained")
    }
    write_rows(out / "results.json", judged["pretrained"] + judged["untrained"])
    page, _ = write_report(
        [folder],
        out / "index.html",
        data=data,
        split=SPLIT,
        title="skelf demo",
        lead=LEAD,
        say=say,
    )
    return Demo(page, _rows(judged, train, test), time.perf_counter() - began)


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
    names = ("synthetic.h5", "run", "results.json", "index.html")
    if marker.exists():
        stored = read_json(marker)
        if not isinstance(stored, dict) or stored.get("made") != list(names):
            raise InputError(f"{marker}: no demo wrote it; choose another --out")
        for name in names:
            path = out / name
            whole = path.is_dir() and not path.is_symlink()
            shutil.rmtree(path) if whole else path.unlink(missing_ok=True)
    elif taken := [name for name in names if (out / name).exists()]:
        raise InputError(f"{out}: holds {taken[0]!r}, which no demo wrote; choose another --out")
    try:
        write_json(marker, {"made": names, "note": "skelf demo may replace these"})
    except OSError as error:
        raise InputError(
            f"{out}: cannot write here: {error.strerror}; choose another --out"
        ) from None


def _judge(folder: Path, data: ClipSet, seed: int, untrained: bool) -> list[Row]:
    """Rows of results; they and their class scores lie in the run's folder, for the report."""
    return api.evaluate(
        ["linear", "knn", "retrieval"],
        folder,
        data,
        split=SPLIT,
        out=folder / ("results_untrained.json" if untrained else "results.json"),
        untrained=untrained,
        overrides=PROBE,
        seed=seed,
    )


def _rows(
    judged: Mapping[str, list[Row]], train: ClipSet, test: ClipSet
) -> list[dict[str, object]]:
    guesses = chance(train.label, test.label, len(train.class_names))
    rows = []
    for key, title in SHOWN.items():
        row: dict[str, object] = {"protocol": title}
        for name, results in judged.items():
            row[name] = next(
                r["value"] for r in results if (r["protocol"], r["metric"], r["selection"]) == key
            )
        rows.append(row | {"chance": guesses[key[1]]})
    return rows
