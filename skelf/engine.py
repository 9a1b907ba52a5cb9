"""The training loop: any method, on Lightning Fabric for devices, precision and processes.

Every random draw of a step follows from (seed, step, process), so a run that is killed and resumed
from its last checkpoint goes through the same numbers as an unbroken one. Losses that look at the
whole batch gather it themselves (`distributed.gather`), so several processes train as one does.
"""

from __future__ import annotations

import copy
import ctypes
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from . import checkpoint
from .claim import claim
from .config import Train
from .data.batch import ClipBatches
from .data.clips import ClipSet
from .errors import InputError
from .log import Event, RunLog

Listener = Callable[[Event], None]

_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}

# glibc gives every freed block of more than 32 MiB back to the system and faults it in again at the
# next step, which costs a fifth of a training step on a CPU. These are mallopt's M_MMAP_MAX and
# M_TRIM_THRESHOLD.
_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1


def fit(
    method: nn.Module,
    clips: ClipSet,
    settings: Train,
    *,
    run: Path,
    seed: int,
    config: dict[str, Any],
    resume: bool = False,
    monitor: Callable[[nn.Module], dict[str, float]] | None = None,
    listener: Listener = lambda event: None,
) -> Path:
    """Trains `method` on the clips and keeps checkpoints, log and TensorBoard scalars in `run`.

    Args:
        method: see `methods`; trained in place.
        clips: the training clips; labels are never read.
        settings: the loop's settings.
        run: the run's folder, one run at a time; all machines of a distributed run share it.
        seed: every draw follows from it.
        config: the resolved config that checkpoints carry.
        resume: go on from the newest checkpoint; without one, start.
        monitor: reads the encoder every `settings.monitor_every` epochs and returns named values to
            log.
        listener: called with every event of process 0: `step`, `epoch`, `monitor`.

    Returns:
        The folder of the last checkpoint.

    Raises:
        InputError: another process works in `run`, it holds a run already, or too few clips.
        OSError: the run's folder cannot be written; older checkpoints are kept.
        RuntimeError: the loss is not finite; checkpoints are kept.
    """
    _keep_memory()
    fabric = launch(settings)
    if next(batch_plan(len(clips), settings.batch_size, fabric.world_size, seed, 0), None) is None:
        raise InputError(
            f"{clips}: each of {fabric.world_size} process(es) needs 2 clips a batch; there are "
            f"{len(clips)} training clips and train.batch_size is {settings.batch_size}"
        )
    with claim(run, config, resume) if fabric.is_global_zero else nullcontext():
        trainer = _Trainer(fabric, method, clips, settings, run, seed, config)
        start = trainer.resume() if resume else 0
        if fabric.broadcast(start) != start:
            raise InputError(f"{run}: process 0 sees other checkpoints; machines must share it")
        with RunLog(run, start - 1) if fabric.is_global_zero else nullcontext() as log:

            def tell(event: Event) -> None:
                if log is not None:
                    log(event)
                    listener(event)

            for epoch in range(start, settings.epochs):
                trainer.epoch(epoch, tell)
                # Before the checkpoint: a kill in between repeats the epoch, and loses no reading.
                if monitor and fabric.is_global_zero and _due(epoch, settings.monitor_every):
                    values = monitor(trainer.averaged_encoder())
                    tell({"event": "monitor", "epoch": epoch, "step": trainer.step, **values})
                if epoch + 1 == settings.epochs or _due(epoch, settings.save_every):
                    trainer.save(epoch + 1)
                fabric.barrier()
    return cast(Path, fabric.broadcast(checkpoint.newest(run)))


def launch(settings: Train) -> Fabric:
    """Fabric for this machine; under `torchrun` one process of its group, each with one device.

    Raises:
        InputError: `train.devices=cuda` where there is none.
    """
    accelerator = settings.devices
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    elif accelerator == "cuda" and not torch.cuda.is_available():
        raise InputError("train.devices: cuda, but torch sees no CUDA device here; use auto or cpu")
    world = int(os.environ.get("WORLD_SIZE", 1))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=max(1, world // local),
        strategy="ddp" if world > 1 else "auto",
        precision=_precision(settings.precision, accelerator),
    )
    if world > 1:
        logging.getLogger("lightning.fabric").setLevel(logging.WARNING)  # every process greets
        fabric.launch()
    if accelerator == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32 for what autocast leaves in float32
    return fabric


def _precision(name: str, accelerator: str) -> Any:
    if name == "auto":
        if accelerator == "cuda":
            name = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        else:  # without hardware support, bf16 on a CPU is emulated and slow
            name = "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[name]


class _Trainer:
    """State of one run: module, optimiser, average, step count."""

    def __init__(
        self,
        fabric: Fabric,
        method: nn.Module,
        clips: ClipSet,
        settings: Train,
        run: Path,
        seed: int,
        config: dict[str, Any],
    ) -> None:
        self.method = cast(Any, method)  # its contract is more than nn.Module's
        self.fabric, self.settings = fabric, settings
        self.run, self.seed, self.config, self.step = run, seed, config, 0
        options = {"momentum": settings.momentum} if settings.optimizer == "sgd" else {}
        optimizer = _OPTIMIZERS[settings.optimizer](
            method.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, **options
        )
        self.module, self.optimizer = fabric.setup(method, optimizer)
        self.forward: Any = torch.compile(self.module) if settings.compile else self.module
        self.batches = ClipBatches(
            clips, fabric.device, persons=self.method.encoder.persons, resident=settings.resident
        )
        self.generator = torch.Generator(device=fabric.device)
        self.average = _clone(self.method.encoder) if settings.ema else None

    def epoch(self, epoch: int, tell: Listener) -> None:
        """One pass over the clips."""
        settings, fabric = self.settings, self.fabric
        plan = list(
            batch_plan(len(self.batches), settings.batch_size, fabric.world_size, self.seed, epoch)
        )
        mine = (indices[fabric.global_rank] for indices in plan)
        sums: dict[str, float] = {}
        began, clips, rate = time.perf_counter(), 0, 0.0
        self.module.train()
        if hasattr(self.method, "start_epoch"):
            self.method.start_epoch(epoch)
        for number, (x, lengths) in enumerate(self.batches.stream(mine)):
            rate = settings.lr * rate_factor(settings, epoch + number / len(plan))
            first = number - number % settings.accumulate  # of the batches that make this step
            group = min(settings.accumulate, len(plan) - first)
            terms = self._train(x, lengths, rate, group, closing=number + 1 == first + group)
            clips += len(x) * fabric.world_size
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value / len(plan)
            speed = clips / (time.perf_counter() - began)
            tell(
                {"event": "step", "epoch": epoch, "step": self.step, **terms}
                | {"epochs": settings.epochs, "batch": number + 1, "batches": len(plan)}
                | {"clips_per_second": speed}
            )
        tell(
            {"event": "epoch", "epoch": epoch, "step": self.step, **sums, "lr": rate}
            | {"clips_per_second": clips / (time.perf_counter() - began)}
        )

    def _train(
        self, x: Tensor, lengths: Tensor, rate: float, group: int, closing: bool
    ) -> dict[str, float]:
        """Gradients of one batch, one of `group` that share a step; the `closing` one takes it."""
        self._seed_step()
        with torch.no_grad():
            views = self.method.views(x, lengths, self.generator)
        with self.fabric.no_backward_sync(self.module, enabled=not closing):
            terms = self.forward(*views)
            self.fabric.backward(terms["loss"] / group)
        # Stacked: on a GPU each separate read would wait for the device.
        numbers = torch.stack([value.detach().float() for value in terms.values()]).tolist()
        values = dict(zip(terms, numbers, strict=True))
        if not math.isfinite(values["loss"]):
            raise RuntimeError(
                f"{self.run}: the loss is {values['loss']} at step {self.step}; checkpoints are "
                "kept; lower train.lr, set train.clip_norm or use train.precision=fp32"
            )
        if closing:
            self._update(rate)
        self.step += 1
        return values

    def _update(self, rate: float) -> None:
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        if self.settings.clip_norm:
            self.fabric.clip_gradients(
                self.module, self.optimizer, max_norm=self.settings.clip_norm
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.method.after_step()
        self._follow()

    def _seed_step(self) -> None:
        key = (self.seed, self.step, self.fabric.global_rank)
        views, model = np.random.SeedSequence(key).generate_state(2, np.uint32)
        self.generator.manual_seed(int(views))
        torch.manual_seed(int(model))  # DropPath and the like

    def _follow(self) -> None:
        if self.average is None or self.settings.ema is None:
            return
        for name, value in self.method.encoder.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - self.settings.ema)
            else:
                self.average[name].copy_(value)

    def averaged_encoder(self) -> nn.Module:
        """The encoder as checkpoints hold it: the running average where one is kept."""
        encoder: nn.Module = self.method.encoder
        if self.average is None:
            return encoder
        averaged = copy.deepcopy(encoder)
        averaged.load_state_dict(self.average)
        return averaged

    def save(self, epochs: int) -> None:
        """Writes a checkpoint after `epochs` epochs; process 0 alone."""
        if not self.fabric.is_global_zero:
            return
        tensors = dict(self.method.state_dict())
        kept, optimizer = checkpoint.optimizer_tensors(self.optimizer.state_dict())
        if self.average is not None:  # the raw encoder is for resuming, the average for use
            kept |= {f"raw.{name}": tensors[f"encoder.{name}"] for name in self.average}
            tensors |= {f"encoder.{name}": value for name, value in self.average.items()}
        scaler = self.fabric.strategy.precision.state_dict()  # fp16's; empty for the others
        checkpoint.save(
            self.run / "checkpoints" / f"step{self.step:08d}",
            tensors=tensors,
            config=self.config,
            card=checkpoint.card(self.config, epochs=epochs, steps=self.step),
            state_tensors=kept,
            state={"epoch": epochs, "step": self.step, "optimizer": optimizer, "scaler": scaler},
        )
        checkpoint.prune(self.run, self.settings.keep)

    def resume(self) -> int:
        """Restores the newest checkpoint, if there is one; the number of finished epochs."""
        folder = checkpoint.newest(self.run)
        if folder is None:
            return 0
        tensors = checkpoint.read_tensors(folder / checkpoint.MODEL)
        kept, state = checkpoint.read_state(folder)
        raw = {name[4:]: value for name, value in kept.items() if name.startswith("raw.")}
        if self.average is not None and raw:
            self.average = {name: tensors[f"encoder.{name}"].to(self.fabric.device) for name in raw}
            tensors |= {f"encoder.{name}": value for name, value in raw.items()}
        self.method.load_state_dict(tensors)
        self.optimizer.load_state_dict(checkpoint.optimizer_state(kept, state["optimizer"]))
        if state.get("scaler"):
            self.fabric.strategy.precision.load_state_dict(state["scaler"])
        self.step = state["step"]
        return int(state["epoch"])


def batch_plan(
    count: int, batch_size: int, processes: int, seed: int, epoch: int
) -> Iterator[list[np.ndarray]]:
    """The batches of one epoch: for each, one index array a process, all of one length.

    Clips are shuffled by (seed, epoch). The last, smaller batch is kept (`drop_last` is off in the
    released code) unless a process would get fewer than two clips; a remainder that does not divide
    among the processes waits for the next epoch.
    """
    order = np.random.default_rng((seed, epoch)).permutation(count)
    for first in range(0, count, batch_size):
        batch = order[first : first + batch_size]
        share = len(batch) // processes
        if share >= 2:
            yield list(batch[: share * processes].reshape(processes, share))


def rate_factor(settings: Train, epoch: float) -> float:
    """What the learning rate is multiplied by at a (fractional) epoch."""
    if epoch < settings.warmup_epochs:
        return max(epoch, 1e-3) / settings.warmup_epochs
    if settings.schedule == "step":
        return settings.gamma ** sum(int(epoch) >= milestone for milestone in settings.milestones)
    if settings.schedule == "cosine":
        span = settings.epochs - settings.warmup_epochs
        return 0.5 * (1 + math.cos(math.pi * (epoch - settings.warmup_epochs) / span))
    return 1.0


def _due(epoch: int, every: int) -> bool:
    return every > 0 and (epoch + 1) % every == 0


def _clone(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _keep_memory() -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
