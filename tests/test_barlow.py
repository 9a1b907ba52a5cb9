"""Barlow Twins: one step by slow loops, what its two terms mean, and the deviation it takes."""

import pytest
import torch

from skelf.augment.skeletonclr import SkeletonCLRViews
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.losses.decorrelation import cross_correlation, redundancy
from skelf.methods.barlow import Barlow


def made(**settings):
    torch.manual_seed(0)
    encoder = ENCODERS["stgcn"](SBU15, persons=1, width=2, frames=8, dropout=0.0)
    return Barlow(encoder, projection=5, **settings).double().train()


def views(count=6):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(2, count, 3, 8, 15, 1, generator=draw, dtype=torch.float64)


def normed(y, weight, bias, eps=1e-5):
    """BatchNorm by its definition."""
    centred = y - y.mean(dim=0)
    return centred / (centred.square().mean(dim=0) + eps).sqrt() * weight + bias


def projected(method, x):
    """One view through encoder and projector, layer by layer (sources V2)."""
    layers = method.projector
    y = method.encoder(x)
    for at in (0, 3):
        y = y @ layers[at].weight.T + layers[at].bias
        y = normed(y, layers[at + 1].weight, layers[at + 1].bias).relu()
    return y @ layers[6].weight.T + layers[6].bias


def by_hand(one, other, weight):
    """The loss of two projected views, entry by entry (sources V1)."""
    one, other = one - one.mean(dim=0), other - other.mean(dim=0)
    total = 0.0
    for i in range(one.shape[1]):
        for j in range(one.shape[1]):
            a, b = one[:, i], other[:, j]
            c = (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())
            total = total + ((1 - c) ** 2 if i == j else weight * c**2)
    return total


def test_a_step_by_hand():
    method = made(redundancy=0.3)
    terms = method(*views())
    expected = by_hand(*(projected(method, x) for x in views()), 0.3)
    torch.testing.assert_close(terms["loss"], expected)
    assert set(terms) == {"loss", "invariance", "redundancy"}
    torch.testing.assert_close(terms["invariance"] + terms["redundancy"], terms["loss"])
    parameters = list(method.parameters())
    found = torch.autograd.grad(terms["loss"], parameters, allow_unused=True)
    wanted = torch.autograd.grad(expected, parameters, allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("B", [4, 40])  # both sides of the Gram matrix
def test_views_that_agree_and_share_nothing_cost_nothing(B):
    z = torch.linalg.qr(torch.randn(B, 3, dtype=torch.float64).sub(1))[0]
    z = torch.linalg.qr(torch.cat([torch.ones(B, 1, dtype=torch.float64), z], dim=1))[0][:, 1:]
    terms = redundancy(torch.stack([z, 7 * z + 2]))  # of any scale and place
    assert float(terms["invariance"]) < 1e-20 and abs(float(terms["redundancy"])) < 1e-12
    same = redundancy(torch.stack([z[:, :1].repeat(1, 3)] * 2))
    assert float(same["redundancy"]) == pytest.approx(6)


def test_usdrls_correlation_is_smaller_by_what_it_counts_less():
    z = torch.randn(2, 7, 4, dtype=torch.float64)
    (usdrl, _), (barlow, _) = cross_correlation(z), cross_correlation(z, correction=0)
    torch.testing.assert_close(usdrl, barlow * 6 / 7)


def test_extreme_views_are_of_one_recipe():
    with pytest.raises(InputError, match=r"views\.extreme: of the recipe skeletonclr, not of usdr"):
        SkeletonCLRViews(recipe="usdrl", extreme=True)
