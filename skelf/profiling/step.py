"""Memory and speed of a training step, measured by `python -m skelf.profiling.step`.

The process trains as `skelf pretrain` does, with the same loop, on random clips. It is fresh so
that its memory is the step's: what the process holds at most, less what it held before the method
was built. On a CPU that is resident memory, on CUDA what torch's allocator gave out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..data.clips import ClipSet
from ..runs.build import build_method
from ..settings.run import Config
from ..settings.values import Settings
from ..skeleton import Skeleton
from ..training.log import Event

CLIP = 100  # frames of a clip before views are cut from it, about NTU RGB+D's mean


@dataclass(frozen=True)
class Timing:
    """What was measured.

    Args:
        clips_per_second: of training: views, forward, backward and the optimiser's step.
        seconds: a step, the median.
        memory: bytes at most, of parameters, optimiser, batch and activations. None: this system
            does not tell.
        batch: clips a step.
        steps: timed steps.
        kind: cpu or cuda.
        device: the processor's or the GPU's name.
        threads: of torch, on a CPU.
        precision: 32-true, bf16-mixed or 16-mixed.
        chunk: views in the encoder at a time (`train.chunk`). None: the whole batch.
    """

    clips_per_second: float
    seconds: float
    memory: int | None
    batch: int
    steps: int
    kind: str
    device: str
    threads: int
    precision: str
    chunk: int | None = None


def measure(
    settings: Config,
    given: Settings,
    batch: int,
    steps: int,
    device: str,
    listener: Callable[[str, int, int], None],
) -> Timing:
    """Times `steps` training steps after one, in a fresh process.

    Args:
        settings: of the run.
        given: the `input` of the run's config.
        batch: clips a step.
        steps: timed steps.
        device: cpu or cuda.
        listener: see `profile.profile`.

    Raises:
        RuntimeError: the process failed; the message has its last words.
    """
    config = settings.to_dict() | {"input": given}
    config["train"] |= {"batch_size": batch, "devices": device, "accumulate": 1, "warmup_epochs": 0}
    order = json.dumps({"config": config, "steps": steps})
    environment = {k: v for k, v in os.environ.items() if "WORLD_SIZE" not in k and k != "RANK"}
    environment["PYTHONPATH"] = os.pathsep.join(path or os.curdir for path in sys.path)
    command = [sys.executable, "-m", __name__]
    answer: Settings = {}
    listener("measuring", 0, steps + 1)
    with (
        tempfile.TemporaryFile("w+") as words,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True,
            env=environment,
        ) as process,
    ):  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it ended at once; its words say why
                process.stdin.write(order)
                process.stdin.close()
            for line in process.stdout:
                answer = json.loads(line)
                listener("measuring", answer.get("step", steps + 1), steps + 1)
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        words.seek(0)
        lines = [line.strip() for line in words.read().splitlines() if line.strip()]
    if code or "clips_per_second" not in answer:
        last = lines[-1] if lines and code > 0 else "it was killed, which a lack of memory can do"
        raise RuntimeError(f"the step at batch {batch} was not measured: {last}")
    return Timing(**answer)


def train(order: Settings, tell: Callable[[Settings], None]) -> None:
    """Trains as ordered; tells of each step, then the fields of a `Timing`."""
    from ..training.loop import launch
    from ..training.trainer import Trainer

    described, steps = order["config"], order["steps"]
    settings = Config.from_dict(described)
    batch = settings.train.batch_size
    fabric = launch(settings.train)
    clips = _clips(described["input"], batch * (steps + 1))
    before = reset_peak(fabric.device)
    torch.manual_seed(0)
    method = build_method(settings, described["input"], "config")
    trainer = Trainer(fabric, method, clips, settings.train, Path(), 0, described)
    ends: list[float] = []

    def listen(event: Event) -> None:
        if event["event"] == "step":  # its loss was read, so that the device is done with it
            ends.append(time.perf_counter())
            tell({"step": len(ends)})

    trainer.epoch(0, listen)
    seconds = statistics.median(np.diff(ends).tolist())
    peak = peak_memory(fabric.device)
    tell(
        {
            "clips_per_second": batch / seconds,
            "seconds": seconds,
            "memory": None if peak is None or before is None else peak - before,
            "batch": batch,
            "steps": steps,
            "kind": fabric.device.type,
            "device": device_name(fabric.device),
            "threads": torch.get_num_threads(),
            "precision": str(fabric.strategy.precision.precision),
            "chunk": settings.train.chunk,
        }
    )


def _clips(given: Settings, count: int) -> ClipSet:
    """Random clips; no step is the faster or slower for what they show."""
    skeleton = Skeleton.from_dict(given["skeleton"])
    shape = (count * CLIP, given["persons"], skeleton.joints, given["channels"])
    joints = np.random.default_rng(0).standard_normal(shape, np.float32)
    return ClipSet.build(joints, [CLIP] * count, skeleton)


def reset_peak(device: torch.device) -> int | None:
    """Bytes that this process holds now; the peak counts from here on."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # elsewhere than on Linux, or not allowed there
        return peak_memory(device)
    return _resident("VmRSS")


def peak_memory(device: torch.device) -> int | None:
    """Bytes that this process held at most."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    if sys.platform == "linux":
        return _resident("VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    table = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(table[field].split()[0]) * 1024


def device_name(device: torch.device) -> str:
    """The GPU's or the processor's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.is_file() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "cpu"


def answer(work: Callable[[Settings, Callable[[Settings], None]], None]) -> None:
    """`work(order, tell)`: reads the order from standard input; what it tells are lines of JSON."""
    from ..machine import memory

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    memory.keep_freed()  # as the command line trains

    def tell(answer: Settings) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    work(json.loads(sys.stdin.read()), tell)


if __name__ == "__main__":
    answer(train)
