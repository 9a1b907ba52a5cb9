"""HiCLR: one step against a loop, growing views, hidden joints, cut links, bad settings."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from skelf.augment.hiclr import HiCLRViews, Views, draw_hidden, draw_links
from skelf.encoders.gru import GRU
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.methods.hiclr import HiCLR
from skelf.streams import derive

CPU = torch.device("cpu")


def hiclr(stream="joint", views=None, **arguments) -> HiCLR:
    torch.manual_seed(0)
    encoder = STGCN(SBU15, dim=12, width=8, frames=8, persons=1, dropout=0.0, stream=stream)
    sizes = {"queue": 12, "feature": 5, "momentum": 0.9, "topk": 2}
    return HiCLR(encoder, views or HiCLRViews(mask=0.4), **sizes | arguments)


def batch(method: HiCLR, count: int = 5) -> Views:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(count, 3, 20, 15, 1, generator=generator)
    return method.views(x, torch.full((count,), 20), generator)


def doubled(views: Views) -> Views:
    return Views(
        *[v.double() if torch.is_tensor(v) and v.is_floating_point() else v for v in views]
    )


def slow_step(method: HiCLR, v: Views) -> dict[str, Tensor]:
    """Loss terms, clip by clip (sources K6, K9)."""
    side = copy.deepcopy(method.key)
    pairs = [(side.encoder, method.encoder), (side.projector, method.projector)]
    for module, followed in pairs:
        for mine, other in zip(module.parameters(), followed.parameters(), strict=True):
            mine.data = 0.9 * mine.data + 0.1 * other.data
    strong = v.strong.clone()
    for frame in range(strong.shape[2]):
        for joint in range(strong.shape[3]):
            if v.hidden[0, frame, joint]:
                strong[:, :, frame, joint] = method.stand_in
    z = {}
    for name, view in (("basic", v.query), ("normal", v.normal), ("strong", strong)):
        z[name] = method.projector(method.encoder(view))
        z[name] = z[name] / z[name].norm(dim=1, keepdim=True)
    k = side.projector(side.encoder(v.key)).detach()
    k = k / k.norm(dim=1, keepdim=True)
    terms = {"mining" if method.mining else "info_nce": 0.0, "normal": 0.0, "strong": 0.0}
    first = next(iter(terms))
    for i in range(len(k)):
        rows = torch.cat([k[i : i + 1], side.queue.keys])
        logits = {name: rows @ view[i] / method.temperature for name, view in z.items()}
        log_p = {name: row - row.exp().sum().log() for name, row in logits.items()}
        positives = {0}
        if method.mining:
            for row in logits.values():
                order = sorted(range(1, len(row)), key=lambda j, row=row: -row[j].item())
                positives |= set(order[: method.topk])
        own = [log_p["basic"][j] for j in sorted(positives)]
        terms[first] = terms[first] - sum(own) / len(own) / len(k)
        for weak, student in (("basic", "normal"), ("normal", "strong")):
            p = log_p[weak].exp().detach()
            terms[student] = terms[student] - (p * log_p[student]).sum() / 2 / len(k)
    return terms


@pytest.mark.parametrize("mining_epoch", [0, 1])
def test_a_step_is_that_of_a_loop(mining_epoch):
    method = hiclr(mining_epoch=mining_epoch).double()
    method.stand_in.data.fill_(0.3)
    views = doubled(batch(method))
    reference = copy.deepcopy(method)
    expected = slow_step(reference, views)
    sum(expected.values()).backward()
    terms = method(*views)
    terms["loss"].backward()
    assert terms.keys() == {"loss", *expected}
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    torch.testing.assert_close(terms["loss"], sum(expected.values()))
    named = dict(reference.named_parameters())
    assert method.stand_in.grad != 0
    for name, parameter in method.named_parameters():
        if name.startswith("key."):
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, named[name].grad, msg=name)


def test_views_grow():
    """Basic views are linear in the joints with one matrix a clip; the others are not."""
    method = hiclr()
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(40, 3, 8, 15, 1, generator=generator)
    views = method.views(x, torch.full((40,), 8), generator)

    def linear(view: Tensor) -> Tensor:
        a, b = (v.movedim(1, -1).reshape(40, -1, 3) for v in (x[:, :, 4:5], view))
        frames = b.view(40, 8, 15, 3)
        fits = [torch.linalg.lstsq(a, frames[:, t]) for t in range(8)]
        errors = [
            (a @ fit.solution - frames[:, t]).abs().amax(dim=(1, 2)) for t, fit in enumerate(fits)
        ]
        return torch.stack(errors).amin(dim=0) < 1e-4

    assert linear(views.query).all() and linear(views.key).all()
    assert not linear(views.normal).all() and not linear(views.strong).all()
    assert not torch.equal(views.normal, views.strong)


def test_what_is_hidden():
    generator = torch.Generator().manual_seed(0)
    for joints, share, count in (
        (25, 0.1, 2),
        (20, 0.1, 2),
        (15, 0.1, 1),
        (5, 0.1, 1),
        (1, 0.5, 0),
    ):
        hidden = draw_hidden(50, joints, share, generator, CPU)
        assert hidden.shape == (50, joints) and (hidden.sum(dim=1) == count).all()
    often = torch.stack([draw_hidden(200, 10, 0.3, generator, CPU) for _ in range(10)]).float()
    assert (often.mean(dim=(0, 1)) - 0.3).abs().max() < 0.04
    assert (draw_hidden(9, 4, 1.0, generator, CPU).sum(dim=1) == 3).all()  # one is to be seen


@pytest.mark.parametrize("stream", ["joint", "motion", "bone"])
@torch.no_grad()
def test_joints_are_hidden_in_the_stream(stream):
    method = hiclr(stream)  # in training BatchNorm keeps numbers from vanishing
    method.stand_in.fill_(0.7)
    views = batch(method)
    x = derive(views.strong, stream, SBU15)
    x[:, :, views.hidden[0]] = 0.7
    same = copy.copy(method.encoder)
    same.stream = "joint"
    found = method.encode_strong(views.strong, views.hidden, None)
    torch.testing.assert_close(found, same(x))
    assert method.encoder.stream == stream


@torch.no_grad()
def test_a_missing_joint_stays_missing():
    encoder = STGCN(SBU15, 4, 1, "joint", True, dim=8, width=4, frames=8)
    method = HiCLR(encoder, HiCLRViews(mask=0.4), queue=8, feature=5)
    method.stand_in.fill_(0.7)
    x = torch.randn(2, 4, 8, 15, 1)
    x[:, 3] = 1.0
    x[:, :, :, 3] = 0.0  # nobody saw this joint
    seen = []
    encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    hidden = torch.zeros(2, 8, 15, dtype=torch.bool)
    hidden[:, :, 3] = hidden[:, :, 5] = True
    method.encode_strong(x, hidden, None)
    assert not seen[0][:, :, :, 3].any() and (seen[0][:, :3, :, 5] == 0.7).all()
    assert torch.equal(seen[0][:, 3], x[:, 3])


def test_links_are_cut_block_by_block():
    adjacency = STGCN(SBU15, dim=8, width=4).adjacency
    generator = torch.Generator().manual_seed(0)
    cut = torch.stack([draw_links(adjacency, 10, 0.4, generator) for _ in range(300)])
    torch.testing.assert_close(cut.mean(dim=(0, 1)), adjacency, rtol=0.1, atol=0)
    scale = (cut / adjacency).nan_to_num(0.0).flatten(3).amax(dim=(2, 3))
    assert 1 < scale.min() < 1.1 and 1.5 < scale.max() < 1 / 0.6  # a rate of each block's own
    assert torch.equal(draw_links(adjacency, 2, 0.0, generator)[1], adjacency)


def test_cut_links_reach_the_encoder():
    views = HiCLRViews(mask=0.0, drop_edges=0.5)
    method = hiclr(views=views)
    assert method.stand_in is None
    drawn = batch(method)
    assert drawn.hidden is None and drawn.links.shape == (10, 3, 15, 15)
    whole = method.encoder.adjacency.expand(10, -1, -1, -1)
    x = drawn.strong
    with torch.no_grad():  # in training BatchNorm keeps numbers from vanishing
        torch.testing.assert_close(method.encode_strong(x, None, whole), method.encoder(x))
        assert not torch.allclose(method.encode_strong(x, None, drawn.links), method.encoder(x))
        for depth in (0, 5, 9):  # each block has its own
            one = whole.clone()
            one[depth] = 0
            assert not torch.allclose(method.encode_strong(x, None, one), method.encoder(x))
    terms = method(*drawn)
    terms["loss"].backward()
    assert terms["loss"].isfinite()


def test_a_key_encoder_of_its_own_or_a_copy():
    for form in ("official", "paper"):
        method = hiclr(form=form)
        weights = (m.blocks[0].temporal.weight for m in (method.encoder, method.key.encoder))
        assert torch.equal(*weights) == (form == "paper")
        assert method.whole_batches == (form == "official")


def test_other_encoders_and_bad_settings():
    encoder = GRU(SBU15, dim=4, layers=1, frames=8, persons=1, stream="bone")
    method = HiCLR(encoder, queue=8, feature=5)
    method(*batch(method))["loss"].backward()
    assert method.stand_in.grad is not None and method.stand_in.grad.isfinite()
    with pytest.raises(ValueError, match="hiclr cuts links of an encoder with a graph"):
        HiCLR(encoder, HiCLRViews(drop_edges=0.1), queue=8)
    with pytest.raises(ValueError, match="topk=13: must be from 1 to queue=12"):
        hiclr(topk=13)
    with pytest.raises(ValueError, match="unknown form 'x'"):
        hiclr(form="x")
    with pytest.raises(InputError, match=r"views\.mask"):
        HiCLRViews(mask=1.5)
