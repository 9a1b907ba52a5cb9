"""A guest in the caller's process: what torch and numpy hold for all code is left as it was.

Training seeds torch's generators at each step and lets a GPU round products to TF32; a caller whose
own draws follow must not notice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

Switches = Any  # torch makes their attributes as it is imported, where mypy does not see them
_CUDNN: Switches = torch.backends.cudnn
_MKLDNN: Switches = torch.backends.mkldnn
_CUDA: Switches = torch.cuda
# What the one function reads, the other takes.
Setting = tuple[Callable[[], object], Callable[[Any], object]]


def _attribute(owner: object, name: str) -> Setting:
    return (lambda: getattr(owner, name)), (lambda value: setattr(owner, name, value))


# How to read and to set what is one for the whole process. The older switches of precision stand
# first, since setting them sets the newer ones too.
_SETTINGS: tuple[Setting, ...] = (
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    *(_attribute(_CUDNN, name) for name in ("allow_tf32", "benchmark", "deterministic", "enabled")),
    *(
        _attribute(operation, "fp32_precision")
        for operation in (
            torch.backends.cuda.matmul,
            _CUDNN.conv,
            _CUDNN.rnn,
            _MKLDNN.matmul,
        )
    ),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.is_grad_enabled, torch.set_grad_enabled),
)


@contextmanager
def no_trace(device: torch.device | str = "cpu") -> Iterator[None]:
    """Around work for a caller; also a decorator, `@no_trace()`.

    Afterwards, after an error too, these are as before: the random states of Python, numpy and
    torch, the precision of float32 products, cuDNN's flags, torch's number of threads, default
    dtype and whether gradients are recorded.

    Args:
        device: where the work draws by torch's own generators. A GPU's generators are kept where
            this is one, or CUDA runs already; otherwise CUDA is not started.
    """
    settings = [(setting, _read(setting)) for setting in _SETTINGS]
    python, arrays, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    on_gpu = torch.device(device).type == "cuda" or _CUDA.is_initialized()
    gpus = torch.cuda.get_rng_state_all() if on_gpu else []
    try:
        yield
    finally:
        if gpus:
            torch.cuda.set_rng_state_all(gpus)
        torch.set_rng_state(cpu)
        np.random.set_state(arrays)
        random.setstate(python)
        for setting, before in settings:
            if before is not None and _read(setting) != before:
                setting[1](before)


def seed(value: int, device: torch.device | str) -> None:
    """Seeds torch's own generator of the CPU, and those of the GPUs where `device` is one.

    `torch.manual_seed` always seeds GPUs too, whose states may not be kept: where CUDA has not
    started, the seed waits for it.
    """
    if torch.device(device).type == "cuda":
        torch.manual_seed(value)
    else:
        torch.default_generator.manual_seed(value)


def _read(setting: Setting) -> object:
    """The setting's value; None where torch refuses to tell.

    It does so by the older switches of precision while the newer ones say something else.
    """
    try:
        return setting[0]()
    except RuntimeError:
        return None
