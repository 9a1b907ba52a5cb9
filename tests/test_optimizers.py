"""Muon beside AdamW as one optimiser: against torch's own apart, its state, its rates."""

import copy

import pytest
import torch
from torch import nn

from skelf.settings.run import Train
from skelf.training.optimizers import SHARE, Together, optimizer, set_rate


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.Conv1d(5, 4, 1), nn.Flatten())


def gradients(module, seed):
    draw = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn(parameter.shape, generator=draw)


def made(module, **settings):
    options = Train(optimizer="muon", lr=0.01, weight_decay=0.1, **settings)
    return optimizer(module.parameters(), options, fused=True)


def values(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def test_matrices_are_muons_and_the_rest_adamws():
    module, apart = network(), network()
    both = made(module)
    muon = torch.optim.Muon(
        [apart[0].weight], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    others = [p for p in apart.parameters() if p.dim() != 2]
    adamw = torch.optim.AdamW(others, lr=0.002, weight_decay=0.1, fused=True)
    for step in range(3):
        set_rate(both, 0.01)
        for network_, optimisers in ((module, [both]), (apart, [muon, adamw])):
            gradients(network_, step)
            for each in optimisers:
                each.step()
                each.zero_grad()
    for one, two in zip(values(module), values(apart), strict=True):
        assert torch.equal(one, two)


def test_the_rate_reaches_both_each_its_share():
    both = made(network())
    set_rate(both, 0.5)
    assert [group["lr"] for group in both.param_groups] == [0.5, 0.5 * SHARE]
    assert [part.param_groups[0]["lr"] for part in both.parts] == [0.5, 0.5 * SHARE]


def test_what_takes_no_gradient_is_left_alone():
    module = network()
    module[0].weight.requires_grad_(False)
    before = module[0].weight.clone()
    both = made(module)
    gradients(module, 0)
    both.step()
    assert len(both.parts) == 1 and torch.equal(module[0].weight, before)


def test_a_state_taken_back_goes_on_to_the_bit():
    whole = network()
    through = made(whole)
    for step in range(2):
        gradients(whole, step)
        through.step()
    other = network()
    other.load_state_dict(whole.state_dict())
    again = made(other)
    again.load_state_dict(copy.deepcopy(through.state_dict()))
    for step in (2, 3):
        for module, each in ((whole, through), (other, again)):
            gradients(module, step)
            each.step()
    assert all(torch.equal(a, b) for a, b in zip(values(whole), values(other), strict=True))


def test_a_closure_is_refused():
    with pytest.raises(ValueError, match="closure"):
        made(network()).step(lambda: 0.0)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_others_are_torchs_own(name):
    found = optimizer(network().parameters(), Train(optimizer=name), fused=True)
    assert not isinstance(found, Together) and len(found.param_groups) == 1
    set_rate(found, 0.25)
    assert found.param_groups[0]["lr"] == 0.25
