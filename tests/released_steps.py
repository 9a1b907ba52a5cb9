"""One step of the authors' code, recorded (sources C22): the state before and after, the gradients.

The recorded steps ran in float32; so do ours, and in float64 as well. Gradients are compared in
float64 only: a unit within float32's rounding of a ReLU's corner gets its gradient or gets none,
which is worth up to 1e-2 of a gradient further down, and more rounding (torch's BatchNorm sums in
float32 where channels are innermost, in float64 elsewhere) finds more of them.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skelf.layouts import NTU25
from skelf.methods import OFFICIAL

KEY_SIDE = ("key.", "encoders_k.", "projector_k.", "heads_k.")

File = dict[str, np.ndarray]


def close(found: Any, expected: Any, name: str = "", floor: float = 1e-3) -> None:
    """Equal to 1e-4 of the tensor's largest value, or of `floor` where that is larger."""
    found, expected = (torch.as_tensor(v).detach().double() for v in (found, expected))
    scale = max(float(expected.abs().max()), floor)
    torch.testing.assert_close(
        found, expected, rtol=1e-4, atol=1e-4 * scale, msg=lambda text: f"{name}: {text}"
    )


def tensors(file: File, dtype: torch.dtype, *names: str) -> list[Tensor]:
    return [torch.from_numpy(file[name]).to(dtype) for name in names]


def restored(file: File, name: str, dtype: torch.dtype) -> Any:
    """The method in the recorded state, training, without dropout."""
    method = OFFICIAL[name].load(_part(file, "before"), NTU25, "golden").train().to(dtype)
    for module in method.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return method


def check_state(method: nn.Module, file: File, name: str) -> None:
    """Every parameter and buffer after the step, before any optimiser."""
    found, expected = OFFICIAL[name].save(method), _part(file, "after")
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        close(found[key], value, key)


def check_gradients(method: nn.Module, file: File, name: str) -> None:
    """Every recorded gradient; the momentum side has none."""
    gradients = copy.deepcopy(method)
    for (key, into), parameter in zip(
        gradients.named_parameters(), method.parameters(), strict=True
    ):
        assert key.startswith(KEY_SIDE) == (parameter.grad is None), key
        into.data = torch.zeros_like(into) if parameter.grad is None else parameter.grad
    found, expected = OFFICIAL[name].save(gradients), _part(file, "grad")
    trained = sum(not key.startswith(KEY_SIDE) for key, _ in method.named_parameters())
    assert len(expected) == trained
    for key, value in expected.items():
        # Biases before a BatchNorm have no gradient but noise.
        close(found[key], value, f"gradient of {key}", floor=0.1)


def _part(file: File, kind: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(f"{kind}/"): torch.from_numpy(value)
        for key, value in file.items()
        if key.startswith(f"{kind}/")
    }
