"""Small things for a report to find: hand-written runs and rows, and two runs that were trained."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tiny_runs import clips, pretrain

from skelf import api
from skelf.pages.html import write


def config(method: str = "usdrl", stream: str = "joint", seed: int = 0, **settings: Any) -> dict:
    """The config of a run; `settings` as `encoder__alpha=0.5`."""
    made: dict[str, Any] = {
        "method": {"name": method, "form": "official"},
        "encoder": {"name": "dste", "dim": 16, "frames": 8},
        "views": {"number": 4},
        "train": {"epochs": 3, "batch_size": 8, "lr": 0.002, "devices": "cpu"},
        "data": {"normalize": "none", "persons": None},
        "input": {"stream": stream},
        "source": {"data": "made", "split": "half", "seed": seed},
    }
    for key, value in settings.items():
        part, _, name = key.partition("__")
        made[part][name] = value
    return made


def put_run(folder: Path, losses: list[float], knn: list[float] = (), **given: Any) -> Path:
    """A run folder without a checkpoint."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config(**given)))
    events: list[dict[str, Any]] = []
    for epoch, loss in enumerate(losses):
        events.append({"event": "epoch", "epoch": epoch, "step": 9 * epoch, "loss": loss})
        if epoch < len(knn):
            events.append({"event": "monitor", "epoch": epoch, "step": 9, "knn_top1": knn[epoch]})
    (folder / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def row(value: Any, untrained: bool = False, **given: Any) -> dict[str, Any]:
    """A row of results as `skelf eval` writes it; the fields of a row in `given` replace it."""
    fields = ("protocol", "metric", "selection", "version", "data", "split", "eval_seed", "clips")
    own = {key: given.pop(key) for key in fields if key in given}
    made = config(**given)
    return {
        "protocol": "linear", "metric": "top1", "value": value, "selection": "last",
        "definition": "accuracy of a judge", "data": "made", "split": "half", "eval_seed": 0,
        "method": "untrained" if untrained else made["method"]["name"], "form": "official",
        "encoder": "dste", "stream": made["input"]["stream"], "seed": made["source"]["seed"],
        "version": "0.1.0",
        "config": {k: made[k] for k in ("method", "encoder", "views", "train", "data")}
        | {"eval": {"lr": 0.1}},
    } | own  # fmt: skip


def put_rows(path: Path, *rows: Any) -> Path:
    write(path, json.dumps(rows))
    return path


@cache
def trained() -> Path:
    """A folder with two runs of USDRL, judged with scores, trained and untrained, and the store."""
    root = Path(mkdtemp(prefix="skelf-report-"))
    clips().save(root / "tiny.h5")
    for name, *settings in (("half", "encoder.alpha=0.5"), ("one", "encoder.alpha=1.0")):
        run = pretrain(root / "runs" / name, "train.epochs=2", "train.monitor_every=1", *settings)
        for untrained in (False, True):
            api.evaluate(
                ["linear", "knn"], run, root / "tiny.h5", split="half", untrained=untrained,
                out=run / f"results{'_untrained' * untrained}.json", overrides=["eval.epochs=4"],
            )  # fmt: skip
    return root
