"""Products by oneDNN against torch's usual ones."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skelf.encoders import _products
from skelf.encoders._products import (
    Linear,
    linear,
    product,
    repeated,
    repeated_into,
    through,
    weighed,
)
from skelf.machine import private


@pytest.fixture
def fast(monkeypatch):
    """The fast way at any size, also on a processor where it would not pay."""
    monkeypatch.setattr(_products, "_AVX512", True)
    monkeypatch.setattr(_products, "SMALL", 1)
    calls, apply = [], _products._Linear.apply
    monkeypatch.setattr(_products._Linear, "apply", lambda *a: (calls.append(1), apply(*a))[1])
    return calls


@pytest.mark.skipif(
    private.onednn(torch.float32) is None, reason="this build of torch has no oneDNN"
)
@pytest.mark.parametrize("shape", [(7, 12), (3, 5, 12), (2, 3, 4, 12)])
def test_linear_and_its_gradients(fast, shape):
    torch.manual_seed(0)
    leaves = [torch.randn(shape), torch.randn(9, 12), torch.randn(9)]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    probe = torch.randn(*shape[:-1], 9)
    for used in (leaves, leaves[:1], leaves[1:]):
        for leaf in leaves:
            leaf.requires_grad_(any(leaf is one for one in used))
        ours, theirs = linear(*leaves), F.linear(*leaves)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        for mine, other in zip(
            torch.autograd.grad(ours, used, probe), torch.autograd.grad(theirs, used, probe),
            strict=True,
        ):  # fmt: skip
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
    assert len(fast) == 3


def test_a_gradient_that_is_transposed_or_expanded(fast):
    x, layer = torch.randn(4, 6, 8), Linear(8, 5)
    plain = nn.Linear(8, 5)
    plain.load_state_dict(layer.state_dict())
    for shape in (lambda y: y.transpose(0, 1).sum(0).square().sum(), lambda y: y.mean()):
        ours, theirs = (
            torch.autograd.grad(shape(module(x)), list(module.parameters()))
            for module in (layer, plain)
        )
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_without_a_bias(fast):
    x, layer = torch.randn(3, 8), Linear(8, 5, bias=False)
    layer(x).square().sum().backward()
    expected = 2 * (x @ layer.weight.T).T @ x
    torch.testing.assert_close(layer.weight.grad, expected, rtol=1e-5, atol=1e-5)
    assert len(fast) == 1


def test_what_stays_with_torch(fast):
    layer, x = Linear(8, 5), torch.randn(3, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert layer.double()(x.double()).dtype == torch.float64
    assert layer.to("meta")(x.double().to("meta")).device.type == "meta"
    assert Linear(8, 5)(x[:0]).shape == (0, 5)
    assert not fast


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_without_gradients(dtype):
    x, weight, bias = (torch.randn(*s, dtype=dtype) for s in ((6, 8), (5, 8), (5,)))
    expected = F.linear(x, weight, bias)
    for found in (
        product(x, weight, bias), product(x, weight.T.contiguous().T, bias),
        repeated(weight, bias, 6)(x), repeated(weight, bias, 4)(x),
    ):  # fmt: skip
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mkl", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_products_by_either_library(dtype, mkl, monkeypatch):
    monkeypatch.setattr(_products, "mkl_is_fast", lambda: mkl)
    close = {"rtol": 1e-5, "atol": 1e-5}
    wide = torch.randn(3, 4, 10, dtype=dtype)
    gradient, weight = wide[..., 2:7], torch.randn(5, 8, dtype=dtype)  # a part, with gaps
    torch.testing.assert_close(through(gradient, weight), gradient @ weight, **close)
    into = torch.randn(3, 4, 8, dtype=dtype)
    expected = into + gradient @ weight
    assert through(gradient, weight, into=into) is into
    torch.testing.assert_close(into, expected, **close)
    rows, x = gradient.flatten(0, 1), torch.randn(12, 9, dtype=dtype)[:, :8]
    torch.testing.assert_close(weighed(rows, x), rows.T @ x, **close)


@pytest.mark.parametrize("mkl", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_of_repeated_products_in_place(dtype, mkl, monkeypatch):
    monkeypatch.setattr(_products, "mkl_is_fast", lambda: mkl)
    x, weight = torch.randn(6, 2, 8, dtype=dtype)[:, 1], torch.randn(5, 8, dtype=dtype)
    wide = torch.randn(6, 9, dtype=dtype)
    expected = wide.clone()
    expected[:, 3:8] += 2 * x @ weight.T
    add = repeated_into(weight, 6)
    add(wide[:, 3:8], x)
    add(wide[:, 3:8], x)
    torch.testing.assert_close(wide, expected, rtol=1e-5, atol=1e-5)
