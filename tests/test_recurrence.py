"""GRUs over whole sequences: torch's own kernel gives the same numbers and gradients."""

import pytest
import torch
from torch import nn

from skelf.encoders import _products, _recurrence
from skelf.encoders._recurrence import recur
from skelf.machine import private

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
        monkeypatch.setattr(private, "onednn", lambda dtype: None)
    each = grus(directions, ins, width, 1 if directions > 1 else layers, dtype)
    x, weight = draw(frames, count, ins, directions * width, dtype)
    found, expected = (gradients(run, x, each, weight) for run in (recur, torchs))
    tight = {"rtol": 1e-10, "atol": 1e-12} if dtype is torch.float64 else {}
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **({"rtol": 2e-5, "atol": 2e-6} | tight))
    with torch.no_grad():
        torch.testing.assert_close(recur(x, *each), found[0].detach(), rtol=0, atol=0)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("frames, count", [(1, 1), (4, 3)])
def test_gradients_against_differences(frames, count, directions):
    each = grus(directions, 3, 2, 1, torch.float64)
    x, _ = draw(frames, count, 3, 2, torch.float64)
    inputs = [x, *(p.detach() for gru in each for p in gru.parameters())]
    for given in inputs:
        given.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, *weights: _recurrence._Layer.apply(x, torch.float64, True, *weights), inputs
    )


@pytest.mark.parametrize("count, width", [(4, 64), (16, 256)])
def test_half_precision_is_no_further_off_than_torchs(count, width):
    each = grus(2, 96, width)
    x, weight = draw(32, count, 96, 2 * width)
    found, theirs = (gradients(run, x, each, weight, autocast=True) for run in (recur, torchs))
    assert all(a.dtype is b.dtype for a, b in zip(found, theirs, strict=True))
    exact = gradients(torchs, x.double(), [gru.double() for gru in each], weight.double())
    for ours, torch_s, true in zip(found, theirs, exact, strict=True):
        off, allowed = ((y.double() - true).norm() / true.norm() for y in (ours, torch_s))
        assert off <= 1.05 * allowed, (true.shape, float(off), float(allowed))


@pytest.mark.parametrize("mkl", [True, False])
def test_half_precision_without_onednn(mkl, monkeypatch):
    monkeypatch.setattr(private, "onednn", lambda dtype: None)
    monkeypatch.setattr(_products, "mkl_is_fast", lambda: mkl)
    each = grus(2, 12, 8)
    x, weight = draw(5, 3, 12, 16)
    found, theirs = (gradients(run, x, each, weight, autocast=True) for run in (recur, torchs))
    for ours, torch_s in zip(found, theirs, strict=True):
        torch.testing.assert_close(ours, torch_s, rtol=0.1, atol=0.1)


def test_only_what_is_asked_for():
    (gru,), (x, _) = grus(1, 3, 4), draw(5, 2, 3, 4)
    gru.weight_hh_l0.requires_grad_(False)
    recur(x, gru).sum().backward()
    assert gru.weight_hh_l0.grad is None and gru.weight_ih_l0.grad.any() and x.grad is None
    for parameter in gru.parameters():
        parameter.requires_grad_(False)
    assert not recur(x, gru).requires_grad
    assert recur(x.clone().requires_grad_(), gru).requires_grad
    with torch.no_grad():
        assert recur(x.bfloat16(), gru.bfloat16()).dtype is torch.bfloat16  # torch's own


def test_traced_and_standing_for_others():
    (gru,), (x, _) = grus(1, 3, 4), draw(5, 2, 3, 4)
    expected = gru(x)[0]
    compiled = torch.compile(lambda y: recur(y, gru), backend="eager")
    torch.testing.assert_close(compiled(x), expected)
    assert recur(x.to("meta"), gru.to("meta")).shape == (5, 2, 4)
