"""BYOL: a step by hand, how its target moves over a training, and that nothing else moves it."""

import math

import pytest
import torch
from tiny_runs import SETTINGS, clips

from skelf import api
from skelf.encoders import ENCODERS
from skelf.layouts import SBU15
from skelf.losses.bootstrap import prediction_error
from skelf.methods.byol import BYOL


def made(**settings):
    torch.manual_seed(0)
    encoder = ENCODERS["stgcn"](SBU15, persons=1, width=2, frames=8, dropout=0.0)
    return BYOL(encoder, projection=16, feature=4, **settings).double().train()


def views(count=5):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(2, count, 3, 8, 15, 1, generator=draw, dtype=torch.float64)


def head(layers, y):
    """Linear, BatchNorm, ReLU, Linear (sources V6)."""
    y = y @ layers[0].weight.T + layers[0].bias
    y = y - y.mean(dim=0)
    y = y / (y.square().mean(dim=0) + 1e-5).sqrt() * layers[1].weight + layers[1].bias
    return y.relu() @ layers[3].weight.T + layers[3].bias


def by_hand(method, one, other):
    """Each view predicts the other's target, clip by clip (sources V5)."""
    total = 0.0
    for seen, hidden in ((one, other), (other, one)):
        predicted = head(method.predictor, head(method.projector, method.encoder(seen)))
        target = head(method.projector_k, method.encoder_k(hidden)).detach()
        for p, t in zip(predicted, target, strict=True):
            total = total + 2 - 2 * (p @ t) / (p.norm() * t.norm())
    return total / len(one)


def test_a_step_by_hand():
    method = made()
    with torch.no_grad():  # a target of its own
        for parameter in method.encoder_k.parameters():
            parameter.mul_(0.9)
    loss = method(*views())["loss"]
    expected = by_hand(method, *views())
    torch.testing.assert_close(loss, expected)
    online = [p for p in method.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, online, allow_unused=True)
    wanted = torch.autograd.grad(expected, online, allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)
    followers = [*method.encoder_k.parameters(), *method.projector_k.parameters()]
    assert len(online) + len(followers) == len(list(method.parameters()))


@pytest.mark.parametrize(("done", "share"), [(0.0, 0.2), (0.5, 0.1), (0.75, None), (1.0, 0.0)])
def test_the_target_moves_ever_less(done, share):
    method = made(momentum=0.8)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.no_grad():
        for parameter in [*method.encoder.parameters(), *method.projector.parameters()]:
            parameter.add_(1.0)
    method.pace(done)
    method.after_step()
    share = 0.2 * (math.cos(math.pi * done) + 1) / 2 if share is None else share
    for name, value in method.named_parameters():
        part, _, rest = name.partition(".")
        if part.endswith("_k"):
            torch.testing.assert_close(value, before[name] + share, msg=name)
            assert f"{part[:-2]}.{rest}" in before
    assert torch.equal(
        before["encoder_k.blocks.0.graph.weight"], before["encoder.blocks.0.graph.weight"]
    )  # a copy


def test_a_target_is_a_direction_and_gets_no_gradient():
    one, other = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 3, 4, requires_grad=True)
    torch.testing.assert_close(prediction_error(one, 3 * one), torch.tensor(0.0))
    torch.testing.assert_close(prediction_error(one, -one), torch.tensor(4.0))
    prediction_error(one, other).backward()
    assert one.grad.any() and other.grad is None


def test_training_tells_how_much_of_it_is_done(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(BYOL, "pace", lambda self, done: told.append(done))
    given = ["encoder.name=gru", "encoder.dim=4", "encoder.layers=1", "method.projection=4"]
    given += ["encoder.frames=8", *SETTINGS[2:], "train.epochs=2", "train.schedule=constant"]
    api.pretrain("byol", clips(), out=tmp_path / "run", split="half", overrides=given)
    assert len(told) > 3 and told == pytest.approx([k / len(told) for k in range(len(told))])
