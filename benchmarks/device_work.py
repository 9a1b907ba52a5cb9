"""What `benchmarks.device` measures, each in a process of its own: peaks, a method, search.

The process reads an order in JSON from standard input and answers in lines of JSON, after each
stage one, so that what is known stays when it is stopped.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.encoders import ENCODERS
from skelf.layouts import LAYOUTS
from skelf.methods import METHODS
from skelf.profiling.count import count
from skelf.profiling.step import answer, device_name, peak_memory, reset_peak
from skelf.protocols import features
from skelf.runs.build import build_method
from skelf.settings.run import Config, resolve
from skelf.training.clock import Laps
from skelf.training.loop import launch
from skelf.training.trainer import Trainer

from . import search

Tell = Callable[[dict[str, Any]], None]
PARTS = ("data", "views", "forward", "backward", "update")
WARM = 2  # steps that do not count: compilation, choice of kernels, the optimiser's first
LENGTHS = (60, 141)  # frames of a clip, about 100 in the mean, as NTU RGB+D's
TINY = {
    "dste": ("encoder.dim=16", "encoder.layers=1", "encoder.frames=16"),
    "sttr": ("encoder.dim=16", "encoder.layers=1", "encoder.frames=16"),
    "stgcn": ("encoder.dim=16", "encoder.width=4", "encoder.frames=16", "method.queue=64"),
    "gru": ("encoder.dim=16", "encoder.layers=1", "encoder.frames=16", "method.queue=64"),
}


def peaks(order: dict[str, Any], tell: Tell) -> None:
    """FLOP/s of a large matrix product by precision, and bytes a second of a copy."""
    device = torch.device(order["device"])
    cuda, tiny = device.type == "cuda", order["tiny"]
    tell({"name": device_name(device), "cuda": torch.version.cuda or ""})
    if cuda:
        free, total = torch.cuda.mem_get_info(device)
        tell({"free GiB": free / 2**30, "memory GiB": total / 2**30})
    size, repeats = (8192, 20) if cuda else (128, 3) if tiny else (2048, 5)
    kinds = {"bf16": (torch.bfloat16, "highest"), "fp32": (torch.float32, "highest")}
    if cuda:
        kinds["tf32"] = (torch.float32, "high")
    for name, (dtype, precision) in kinds.items():
        # Emulated on a CPU, bfloat16 takes a hundred times as long.
        n = size // 4 if dtype is torch.bfloat16 and not cuda else size
        torch.set_float32_matmul_precision(precision)
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        tell({name: 2 * n**3 / median_of(lambda a=a, b=b: a @ b, device, repeats)})
    source = torch.ones((2**30 if cuda else 2**22 if tiny else 2**28) // 4, device=device)
    target = torch.empty_like(source)
    seconds = median_of(lambda: target.copy_(source), device, repeats)
    tell({"copy": 2 * 4 * source.numel() / seconds})


def method(order: dict[str, Any], tell: Tell) -> None:
    """A method's training step, resident and streamed, and its encoder's features."""
    began, limit = time.perf_counter(), order["seconds"]
    settings, given = described(order)
    batch, epochs = settings.train.batch_size, settings.train.epochs
    tell({"batch": batch, "epochs": epochs, "encoder": settings.encoder["name"]})
    tell({"flops": count(settings, given)["step_flops"] * batch})
    fabric = launch(settings.train)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clips = stored(Path(folder, "clips.h5"), order["clips"])
        many = np.resize(np.arange(len(clips)), batch * (order["steps"] + WARM))
        before = reset_peak(fabric.device)
        torch.manual_seed(0)
        made: Any = build_method(settings, given, "config")
        config = settings.to_dict() | {"input": given}
        taken = clips.take(many)
        trainer = Trainer(fabric, made, taken, settings.train, Path(folder), 0, config)
        tell(timed(trainer, 0, began + 0.7 * limit))
        peak = peak_memory(fabric.device)
        tell({"peak memory": None if peak is None or before is None else peak - before})
        lines = [str(one.message) for one in said if str(one.message).startswith("train.compile")]
        tell({"compile failed": lines[0]} if lines else {})
        trainer.batches = ClipBatches(
            taken, fabric.device, persons=made.encoder.persons, resident=False
        )
        streamed = timed(trainer, 1, began + 0.85 * limit)
        tell({f"streamed {key}": streamed[key] for key in ("clips/s", "wait share")})
        if not order["compile"]:
            tell({"features clips/s": encoded(made.encoder, clips, fabric.device)})


def described(order: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """Settings and input of a run: the shipped ones, on random clips of NTU's shape."""
    name, train = order["method"], {"devices": order["device"], "precision": order["precision"]}
    train |= {"compile": order["compile"], "resident": True}
    if order["batch"]:
        train["batch_size"] = order["batch"]
    overrides = [
        f"train.{key}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in train.items()
    ]
    known: dict[str, Any] = {"methods": METHODS, "encoders": ENCODERS}
    if order["tiny"]:
        overrides += TINY[resolve(name, **known).encoder["name"]]
    given = {"skeleton": LAYOUTS["ntu25"].to_dict(), "channels": 3, "persons": 2}
    return resolve(name, **known, overrides=overrides), given | {"stream": "joint"}


def stored(path: Path, number: int) -> ClipSet:
    """Random clips in a store, opened as a run opens it; half of them without a second person."""
    random = np.random.default_rng(0)
    lengths = random.integers(*LENGTHS, number)
    joints = random.standard_normal((int(lengths.sum()), 2, 25, 3), np.float32)
    joints[: len(joints) // 2, 1] = 0
    ClipSet.build(joints, lengths, LAYOUTS["ntu25"]).save(path)
    return ClipSet.open(path)


class Enough(Exception):  # noqa: N818
    """What ends an epoch in its middle: the time is up."""


def timed(trainer: Trainer, epoch: int, until: float) -> dict[str, Any]:
    """An epoch of the training loop, its first steps left out; ends early once it is `until`."""
    ends: list[float] = []

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            ends.append(time.perf_counter())
            if len(ends) > WARM + 1 and ends[-1] > until:
                raise Enough

    began = time.perf_counter()
    with suppress(Enough):
        trainer.epoch(epoch, listen)
    each, laps = np.diff(ends[WARM - 1 :]), trainer.laps
    seconds = statistics.median(each.tolist())
    found: dict[str, Any] = {"steps": len(each), "s/step": seconds, "first step s": ends[0] - began}
    found["clips/s"] = trainer.settings.batch_size / seconds
    for part in PARTS:
        found[f"{part} s"] = statistics.median(laps.device[part][WARM:])
    busy = ("forward", "backward")
    host = sum(statistics.median(laps.host[part][WARM:]) for part in busy)
    found["host share"] = min(host / sum(found[f"{part} s"] for part in busy), 1.0)
    found["wait share"] = min(sum(laps.device["data"][WARM:]) / float(each.sum()), 1.0)
    return found


def encoded(encoder: Any, clips: ClipSet, device: torch.device) -> float:
    """Clips a second of `protocols.features`, as an evaluation computes them: in float32."""
    torch.set_float32_matmul_precision("highest")
    features.extract(encoder, clips.take(range(min(len(clips), 256))), device=device)
    began = time.perf_counter()
    features.extract(encoder, clips, device=device)
    return len(clips) / (time.perf_counter() - began)


def searching(order: dict[str, Any], tell: Tell) -> None:
    """Seconds of k-NN and retrieval as the protocols run them, features on the device."""
    device = torch.device(order["device"])
    size = "tiny" if order["tiny"] else "paper" if device.type == "cuda" else "small"
    f, s = search.data(size), search.SIZES[size]
    f = f._replace(train=f.train.to(device), test=f.test.to(device))
    tell(dict(s) | {"flops": 2 * s["queries"] * s["gallery"] * s["dim"]})
    for name in search.NEIGHBOURS:
        times = []
        for _ in range(3):  # the first one does not count
            began = time.perf_counter()
            search.ours(name, f, device)  # its answer is on the host: the device is done
            times.append(time.perf_counter() - began)
        tell({f"{name} s": statistics.median(times[1:])})


def median_of(work: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Seconds of `work` on the device, after twice that do not count."""
    laps = Laps(device)
    for _ in range(repeats + 2):
        work()
        laps("work")
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    laps.settle()
    return statistics.median(laps.device["work"][2:])


WORK = {"peaks": peaks, "method": method, "search": searching}


if __name__ == "__main__":
    answer(lambda order, tell: WORK[order["work"]](order, tell))
