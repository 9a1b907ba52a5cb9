"""The training loop: any method, on Lightning Fabric for devices, precision and processes.

Every random draw of a step follows from (seed, step, process), so a run that is killed and resumed
from its last checkpoint goes through the same numbers as an unbroken one. Losses that look at the
whole batch gather it themselves (`distributed.gather`), so several processes train as one does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Literal, cast

import torch
from lightning.fabric import Fabric

from ..checkpoints import folder as checkpoint
from ..contracts import Encoder, Method
from ..data.clips import ClipSet
from ..errors import InputError
from ..machine import private
from ..machine.devices import choose_device
from ..machine.guest import no_trace
from ..settings.run import Train
from ..settings.values import Settings
from .claim import claim
from .log import Event, Listener, RunLog
from .schedule import batch_plan
from .trainer import Trainer

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
_PRECISIONS: dict[str, Precision] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@no_trace()  # of precision; of a GPU's generators see below, once it is chosen
def fit(
    method: Method,
    clips: ClipSet,
    settings: Train,
    *,
    run: Path,
    seed: int,
    config: Settings,
    resume: bool = False,
    monitor: Callable[[Encoder], dict[str, float]] | None = None,
    listener: Listener = lambda event: None,
) -> Path:
    """Trains `method` on the clips and keeps checkpoints, log and TensorBoard scalars in `run`.

    Args:
        method: trained in place.
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
    fabric = launch(settings)
    if next(batch_plan(len(clips), settings.batch_size, fabric.world_size, seed, 0), None) is None:
        raise InputError(
            f"{clips}: each of {fabric.world_size} process(es) needs 2 clips a batch; there are "
            f"{len(clips)} training clips and train.batch_size is {settings.batch_size}"
        )
    hold = claim(run, config, resume) if fabric.is_global_zero else nullcontext()
    with hold, no_trace(fabric.device):
        trainer = Trainer(fabric, method, clips, settings, run, seed, config)
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
    accelerator = choose_device(settings.devices, "train.devices")
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
        _allow_tf32(settings.precision != "fp32")  # for what autocast leaves in float32
    return fabric


def _precision(name: str, accelerator: str) -> Precision:
    if name == "auto":
        if accelerator == "cuda":
            name = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        else:  # without hardware support, bf16 on a CPU is emulated and slow
            name = "bf16" if private.bf16_on_cpu() else "fp32"
    return _PRECISIONS[name]


def _allow_tf32(allowed: bool) -> None:
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed  # torch's default is yes, for convolutions


def _due(epoch: int, every: int) -> bool:
    return every > 0 and (epoch + 1) % every == 0
