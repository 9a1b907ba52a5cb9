"""One head's attention with folded weights: the numbers and gradients of torch's four products."""

import pytest
import torch
from torch.nn import functional as F

from skelf.encoders import _attention, _products
from skelf.encoders._attention import attend, foldable
from skelf.encoders._tokens import Attention


def usual(x, w_in, b_in, w_out, b_out):
    q, k, v = F.linear(x, w_in, b_in).chunk(3, dim=2)
    shares = (q @ k.mT / q.shape[2] ** 0.5).softmax(dim=2)
    return F.linear(shares @ v, w_out, b_out)


def drawn(N, L, D, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = (N, L, D), (3 * D, D), (3 * D,), (D, D), (D,)
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in shapes]


@pytest.mark.parametrize("mkl", [True, False])
@pytest.mark.parametrize("dtype, close", [(torch.float64, 1e-11), (torch.float32, 2e-5)])
@pytest.mark.parametrize("N, L, D", [(5, 7, 4), (1, 1, 3), (3, 2, 16)])
def test_as_four_products(N, L, D, dtype, close, mkl, monkeypatch):
    monkeypatch.setattr(_products, "mkl_is_fast", lambda: mkl)
    leaves = drawn(N, L, D, dtype)
    ours, theirs = attend(*leaves), usual(*leaves)
    probe = torch.linspace(-1, 1, ours.numel(), dtype=dtype).view(ours.shape)
    gradients = (torch.autograd.grad(y, leaves, probe) for y in (ours, theirs))
    for mine, other in [(ours, theirs), *zip(*gradients, strict=True)]:
        scale = float(other.detach().abs().max()) or 1.0
        torch.testing.assert_close(mine, other, rtol=0, atol=close * scale)


def test_gradients_against_differences():
    assert torch.autograd.gradcheck(attend, drawn(2, 3, 2))


def test_a_bias_of_the_keys_changes_nothing():
    x, w_in, b_in, w_out, b_out = drawn(2, 5, 4)
    other = b_in.detach().clone()
    other[4:8] += 3.0
    torch.testing.assert_close(
        attend(x, w_in, b_in, w_out, b_out), attend(x, w_in, other, w_out, b_out)
    )


def test_where_weights_are_folded():
    x = torch.randn(128, 16, 32)
    assert foldable(x, heads=1) and foldable(x.double(), heads=1)
    with torch.no_grad():
        assert not foldable(x, heads=1)
    assert not foldable(x, heads=2)
    assert not foldable(x[:64], heads=1)  # too little work
    assert not foldable(torch.randn(1, 100, 256), heads=1)  # fewer tokens than it is worth
    assert not foldable(torch.randn(64, 65, 32), heads=1)  # more scores than queries and keys
    assert not foldable(x.to("meta"), heads=1) and not foldable(x.bfloat16(), heads=1)
    with torch.autocast("cpu", torch.bfloat16):
        assert not foldable(x, heads=1)


@pytest.mark.parametrize("heads", [1, 2])
def test_the_module_either_way(heads, monkeypatch):
    torch.manual_seed(0)
    module, x = Attention(16, heads), torch.randn(4, 10, 16)
    torch.nn.init.normal_(module.in_proj_bias)
    found = []
    for small in (1, 10**9):
        monkeypatch.setattr(_attention, "SMALL", small)
        assert foldable(x, heads) == (heads == 1 and small == 1)
        y = module(x)
        module.zero_grad()
        y.square().sum().backward()
        found.append([y.detach(), *(p.grad for p in module.parameters())])
    for folded, plain in zip(*found, strict=True):
        torch.testing.assert_close(folded, plain, rtol=1e-4, atol=1e-4)
