"""GRUs over whole sequences: torch's own kernel gives the same numbers and gradients."""

import pytest
import torch
from torch import nn

from skelf.encoders import _recurrence
from skelf.encoders._recurrence import recur

SIZES = [(7, 3, 5, 4, 1), (1, 3, 5, 4, 2), (6, 1, 4, 8, 3), (1, 1, 3, 2, 1), (20, 6, 24, 32, 2)]


def grus(count, ins, width, layers=1, dtype=torch.float32):
    torch.manual_seed(0)
    return [nn.GRU(ins, width, layers).to(dtype) for _ in range(count)]


def torchs(x, *each):
    return torch.cat([gru(x)[0] for gru in each], dim=2)


def gradients(run, x, each, weight, autocast=False):
    """States, and the gradients of the input and of every weight."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        states = run(x, *each)
    parameters = [p for gru in each for p in gru.parameters()]
    return [states, *torch.autograd.grad((states * weight).sum(), [x, *parameters])]


def draw(frames, count, ins, width, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(frames, count, ins, generator=generator, dtype=dtype)
    return x, torch.randn(frames, count, width, generator=generator, dtype=dtype)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("frames, count, ins, width, layers", SIZES)
def test_same_numbers(frames, count, ins, width, layers, directions, dtype, fast, monkeypatch):
    if not fast:
        monkeypatch.setattr(_recurrence, "_FAST", set())
    each = grus(directions, ins, width, 1 if directions > 1 else layers, dtype)
    x, weight = draw(frames, count, ins, directions * width, dtype)
    found, expected = (gradients(run, x, each, weight) for run in (recur, torchs))
    tight = {"rtol": 1e-10, "atol": 1e-12} if dtype is torch.float64 else {}
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **({"rtol": 2e-5, "atol": 2e-6} | tight))
    with torch.no_grad():
        torch.testing.assert_close(recur(x, *each), found[0].detach(), rtol=0, atol=0)
