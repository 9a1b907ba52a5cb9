"""Numbers that are not finite: how they are noticed, and what to do about them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints import folder as checkpoint

SHOWN = 3


def not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of tensors that hold infinity or NaN."""
    by_device: dict[torch.device, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if value.is_floating_point() and value.numel():
            extremes = torch.stack(value.detach().aminmax()).double()
            by_device.setdefault(value.device, {})[name] = extremes.isfinite().all()
    # All of a device in one look, since on a GPU each look waits.
    return [
        name
        for sound in by_device.values()
        for name, good in zip(sound, torch.stack(list(sound.values())).tolist(), strict=True)
        if not good
    ]


def wrong_term(values: Mapping[str, float], norm: float) -> str:
    """What is not finite of a step's terms and the norm of its gradients; "": nothing."""
    for name in ("loss", *values):
        if not math.isfinite(values[name]):
            return f"the {name} is {values[name]}"
    if not math.isfinite(norm):
        return f"the norm of the gradients is {norm} while the loss is {values['loss']:g}"
    return ""


def wrong_state(tensors: Mapping[str, Tensor], epoch: int) -> str:
    """Which weights, buffers and optimiser's numbers are not finite; "": none.

    Args:
        tensors: all that a checkpoint would hold.
        epoch: how many have been trained, the one under way included.
    """
    names = not_finite(tensors)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        names
        and (
            f"{len(names)} of {len(tensors)} tensors are not finite in epoch {epoch} "
            f"({', '.join(names[:SHOWN])}{more})"
        )
    ) or ""


def remedy(run: Path, lr: float) -> str:
    """What may help, with the command that goes on from the last good checkpoint."""
    if checkpoint.newest(run) is None:
        return (
            f"nothing was saved yet; lower train.lr (train.lr={lr / 10:g}), set train.clip_norm or "
            "use train.precision=fp32; coordinates far from a body's size do this too: see "
            "`skelf data check`"
        )
    again = f"skelf pretrain --resume {shlex.quote(str(run))} train.lr={lr / 10:g}"
    return (
        f"checkpoints are kept; lower train.lr: `{again}`; train.clip_norm and "
        "train.precision=fp32 can be set there too"
    )
