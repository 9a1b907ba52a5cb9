"""The training loop: any method, on Lightning Fabric for devices, precision and processes.

Every random draw of a step follows from (seed, step, process), so a run that is killed and resumed
from its last checkpoint goes through the same numbers as an unbroken one. Losses that look at the
whole batch gather it themselves (`distributed.gather`), so several processes train as one does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, cast

import torch
from lightning.fabric import Fabric

from ..checkpoints import folder as checkpoint
from ..contracts import Method
from ..data.clips import ClipSet
from ..errors import InputError, Stopped
from ..machine import private
from ..machine.devices import choose_device
from ..machine.guest import no_trace
from ..settings.run import Train
from ..settings.values import Settings
from .claim import claim
from .log import Event, Listener, RunLog, read_log
from .monitor import Monitor
from .processes import data_parallel, in_contact
from .schedule import Plan
from .trainer import Trainer
from .watch import START, Watch

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
    monitor: Monitor | None = None,
    listener: Listener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Trains `method` on the clips and keeps checkpoints, log and TensorBoard scalars in `run`.

    Args:
        method: trained in place.
        clips: the training clips; labels are never read.
        settings: the loop's settings.
        run: the run's folder, one run at a time; all machines of a distributed run share it.
        seed: every draw follows from it.
        config: the resolved config; checkpoints carry all of it but "store".
        resume: go on from the newest checkpoint; without one, start.
        monitor: reads the encoder before training and every `settings.monitor_every` epochs, and
            returns named values to log.
        listener: called with every event of process 0: `step`, `epoch`, `monitor`, `note`, and
            `resume` where settings changed.
        stop: asked after each step; once it says yes in any process, all save and end.

    Returns:
        The folder of the last checkpoint.

    Raises:
        InputError: another process works in `run`, it holds a run already, or too few clips.
        OSError: the run's folder cannot be written; older checkpoints are kept.
        RuntimeError: the loss, its gradients or the weights are not finite; checkpoints are kept.
        LostProcess: another process of the run died or stalled.
        Stopped: as `stop` asked; a resume goes on at the very step.
    """
    with in_contact(run, settings.timeout), ExitStack() as stack:
        fabric = launch(settings)
        _refuse_too_few(fabric, clips, settings, seed)
        stack.enter_context(no_trace(fabric.device))
        config = _hold(stack, fabric, run, config, resume)
        shared = {key: value for key, value in config.items() if key != "store"}
        trainer = Trainer(fabric, method, clips, settings, run, seed, shared)
        start = trainer.resume() if resume else 0
        if fabric.broadcast(start) != start:
            raise InputError(f"{run}: process 0 sees other checkpoints; machines must share it")
        # Of a run that ended before its first checkpoint nothing stays: the settings may be others.
        kept = start - 1 if trainer.step else START - 1
        log = stack.enter_context(RunLog(run, kept)) if fabric.is_global_zero else None

        def tell(event: Event) -> None:
            if log is not None:
                log(event)
                listener(event)

        before = read_log(run) if log is not None else []
        for change in config.get("source", {}).get("resumed", ()):
            event = {"event": "resume", "epoch": start - 1, **change}
            if change["step"] == trainer.step and event not in before:
                tell(event)
        watch = None
        if log is not None and monitor is not None and settings.monitor_every:
            watch = Watch(monitor, settings.monitor_every, tell, before)
            if not trainer.step:
                watch(trainer.averaged_encoder(), START, 0)
        fabric.barrier()
        for epoch in range(start, settings.epochs):
            _epoch(trainer, epoch, tell, stop, watch)
        return cast(Path, fabric.broadcast(checkpoint.newest(run)))


def _epoch(
    trainer: Trainer,
    epoch: int,
    tell: Listener,
    stop: Callable[[], bool],
    watch: Watch | None,
) -> None:
    """An epoch, what is read of it, and its checkpoint where one is due."""
    fabric, settings = trainer.fabric, trainer.settings
    whole = trainer.epoch(epoch, tell, stop)
    trainer.check(epoch + 1)
    # Before the checkpoint: a kill in between repeats the epoch, and loses no reading.
    if whole and watch is not None and watch.due(epoch):
        watch(trainer.averaged_encoder(), epoch, trainer.step)
    last = epoch + 1 == settings.epochs
    (asked,) = trainer.any_process(stop())
    stopping = not whole or (asked and not last)
    if stopping or last or (epoch + 1) % settings.save_every == 0:
        trainer.save(epoch + whole)
    fabric.barrier()
    if stopping:
        raise Stopped(f"{trainer.run}: stopped in epoch {epoch + 1}, after step {trainer.step}")


def _hold(stack: ExitStack, fabric: Fabric, run: Path, config: Settings, resume: bool) -> Settings:
    """The run's folder for process 0, until `stack` ends; all processes hear of a refusal."""
    refusal = ""
    if fabric.is_global_zero:
        try:
            config = stack.enter_context(claim(run, config, resume))
        except InputError as error:
            refusal = str(error)
    refusal = fabric.broadcast(refusal)
    if refusal:
        raise InputError(refusal)
    return config


def _refuse_too_few(fabric: Fabric, clips: ClipSet, settings: Train, seed: int) -> None:
    if not len(Plan(len(clips), settings.batch_size, fabric.world_size, seed, 0)):
        raise InputError(
            f"{clips}: each of {fabric.world_size} process(es) needs 2 clips a batch; there are "
            f"{len(clips)} training clips and train.batch_size is {settings.batch_size}"
        )


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
        strategy=data_parallel(settings.timeout) if world > 1 else "auto",
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
