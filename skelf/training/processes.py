"""Several processes of one run: how long they wait for each other, and what a loss of one says."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist
from lightning.fabric.strategies.ddp import DDPStrategy

from ..errors import LostProcess

# gloo and NCCL raise RuntimeError itself for most failures; these words stand in its text.
_SIGNS = ("gloo", "nccl", "connection closed", "connection reset", "socket timeout", "broken pipe")


def data_parallel(timeout: float) -> DDPStrategy:
    """DistributedDataParallel whose processes wait `timeout` seconds for each other."""
    return DDPStrategy(timeout=timedelta(seconds=timeout))


@contextmanager
def in_contact(run: Path, timeout: float) -> Iterator[None]:
    """Around work in which the processes of a run meet.

    Raises:
        LostProcess: the others did not answer; every process that is left raises it.
    """
    try:
        yield
    except RuntimeError as error:
        world, rank = int(os.environ.get("WORLD_SIZE", 1)), os.environ.get("RANK", "0")
        if world == 1 or not _is_lost(error):
            raise
        raise LostProcess(
            f"{run}: process {rank} of {world}: another process has died, or has not answered for "
            f"{timeout:g} s (train.timeout); checkpoints are kept, and `skelf pretrain --resume "
            f"{shlex.quote(str(run))}` goes on, started as before (torchrun)"
        ) from error


def _is_lost(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(sign in text for sign in _SIGNS)
