"""VICReg: its terms by slow loops in both forms, and what keeps vectors apart."""

import pytest
import torch

from skelf.encoders import ENCODERS
from skelf.layouts import SBU15
from skelf.methods.vicreg import VICReg


def made(**settings):
    torch.manual_seed(0)
    encoder = ENCODERS["gru"](SBU15, persons=1, dim=3, layers=1, frames=8)
    return VICReg(encoder, projection=5, **settings).double().train()


def views(count=6):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(2, count, 3, 8, 15, 1, generator=draw, dtype=torch.float64)


def by_hand(one, other):
    """Invariance, hinge and covariance of two views `(B, D)`, number by number (sources V3)."""
    B, D = one.shape
    similar = sum((one[b, j] - other[b, j]) ** 2 for b in range(B) for j in range(D)) / (B * D)
    hinge, shared = 0.0, 0.0
    for z in (one, other):
        z = z - z.mean(dim=0)
        for i in range(D):
            deviation = (z[:, i].square().sum() / (B - 1) + 1e-4).sqrt()
            hinge = hinge + (1 - deviation).relu() / D
            for j in range(D):
                if i != j:
                    shared = shared + ((z[:, i] * z[:, j]).sum() / (B - 1)) ** 2 / D
    return similar, hinge, shared


@pytest.mark.parametrize("form", ["official", "paper"])
def test_a_step_by_hand(form):
    method = made(form=form)
    terms = method(*views())
    z = method.projector(torch.stack([method.encoder(x) for x in views()]))
    similar, hinge, shared = by_hand(*z)
    expected = {
        "similarity": 25 * similar,
        "variance": 25 * (hinge / 2 if form == "official" else hinge),
        "covariance": shared,
    }
    assert set(terms) == {*expected, "loss"}
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    torch.testing.assert_close(terms["loss"], sum(expected.values()))
    parameters = [p for p in method.parameters() if p.requires_grad]
    found = torch.autograd.grad(terms["loss"], parameters)
    wanted = torch.autograd.grad(sum(expected.values()), parameters)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_vectors_that_collapse_cost_the_whole_hinge():
    method = made()
    with torch.no_grad():
        method.projector[-1].weight.zero_()
        terms = method(*views())
    assert float(terms["variance"]) == pytest.approx(
        25 * (1 - 0.01)
    )  # the deviation is 1e-4 ** 0.5
    assert float(terms["similarity"]) == float(terms["covariance"]) == 0


def test_an_unknown_form():
    with pytest.raises(ValueError, match="form"):
        made(form="printed")
