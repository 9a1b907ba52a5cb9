"""ISC and HCN: one step by loops, who is asked for whose key, partners; HCN as released."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skelf.encoders.gru import GRU
from skelf.encoders.hcn import HCN
from skelf.encoders.stgcn import STGCN
from skelf.encoders.tcn import TCN
from skelf.layouts import NTU25, SBU15
from skelf.methods.isc import ISC
from skelf.streams import motion

FRAMES = 16


def made(encoder=None, **settings):
    torch.manual_seed(0)
    encoder = encoder or GRU(SBU15, persons=1, dim=4, layers=1, frames=FRAMES)
    return ISC(encoder, **{"partner_dim": 8, "queue": 7, "feature": 5} | settings)


def drawn(method, count=4):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, 30, 15, 1, generator=generator)
    return method.views(x, torch.tensor([30, 20, 9, 30][:count]), generator)


def reference(method, query, key):
    """The released step as a loop over clips (sources L5), with key encoders as they are."""
    unit = lambda head, h: F.normalize(head(h), dim=1)  # noqa: E731
    asked = [
        unit(method.projector, method.encoder(query)),
        unit(method.partner_projector, method.partner(query)),
    ]
    with torch.no_grad():
        keys = [
            unit(side.projector, side.encoder(key)) for side in (method.key, method.partner_key)
        ]
    queues = [method.key.queue.keys, method.partner_key.queue.keys]
    losses = []
    for own, other in ((0, 1), (1, 0)):
        total = 0
        for i in range(len(query)):
            rivals = [keys[other][i], *queues[other]]
            logits = torch.stack([(asked[own][i] * k).sum() for k in rivals]) / method.temperature
            total = total - (logits[0].exp() / logits.exp().sum()).log() / len(query)
        losses.append(total)
    return losses


@pytest.mark.parametrize("partner", ["hcn", "stgcn"])
def test_loss_and_gradients_equal_a_slow_reference(partner):
    one, other = (made(partner=partner, momentum=1.0).double() for _ in range(2))
    views = [v.double() for v in drawn(made())]
    torch.manual_seed(5)  # dropout within the partner
    terms = one(*views)
    terms["loss"].backward()
    torch.manual_seed(5)
    first, second = reference(other, *views)
    (first + second).backward()
    torch.testing.assert_close(terms["first"], first)
    torch.testing.assert_close(terms["second"], second)
    torch.testing.assert_close(terms["loss"], first + second)
    for (name, p), (_, r) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        assert (p.grad is None) == name.startswith(("key.", "partner_key.")), name
        if p.grad is not None:
            torch.testing.assert_close(p.grad, r.grad, rtol=1e-6, atol=1e-9, msg=name)


def test_keys_start_as_copies_follow_and_enter_both_queues():
    method = made(partner="hcn", momentum=0.9)
    pairs = [(method.key, method.encoder), (method.partner_key, method.partner)]
    for side, query in pairs:
        for k, q in zip(side.encoder.parameters(), query.parameters(), strict=True):
            assert torch.equal(k, q) and not k.requires_grad
            q.data += 1
    before = [next(side.encoder.parameters()).clone() for side, _ in pairs]
    method(*drawn(method))
    method.after_step()
    for (side, _), was in zip(pairs, before, strict=True):
        moved = next(side.encoder.parameters())
        torch.testing.assert_close(moved, was + 0.1)
        assert int(side.queue.pointer) == 4
    assert not torch.equal(method.key.queue.keys[:4], method.partner_key.queue.keys[:4])


def test_partners():
    assert isinstance(made().partner, STGCN) and made().partner.dim == 8
    graph = STGCN(SBU15, persons=1, dim=8, width=4, frames=FRAMES, stream="bone")
    found = made(graph).partner
    assert isinstance(found, GRU) and found.dim == 16
    assert (found.stream, found.num_frames, found.persons) == ("bone", FRAMES, 1)
    assert isinstance(made(TCN(SBU15, persons=1, dim=4, frames=FRAMES)).partner, STGCN)
    with pytest.raises(ValueError, match=r"not GRU with another: give method\.partner=gru, stgcn"):
        made(partner="gru")
    full = ISC(GRU(NTU25, dim=2, layers=1), partner="hcn", queue=8)
    assert full.partner.dim == 1024  # 4 * 64 channels, 4 columns


def slow_hcn(encoder, x):
    """The released layers, person by person, with torch's own padding and pooling (sources L6)."""
    persons = []
    for m in range(x.shape[4]):
        halves = []
        for name, view in (("joint", x), ("motion", motion(x))):
            b = encoder.branches[name]
            y = F.conv2d(view[..., m], b.point.weight, b.point.bias).relu()
            y = F.conv2d(y, b.time.weight, b.time.bias, padding=(1, 0))
            y = y.permute(0, 3, 2, 1)
            for conv in (b.joints[0], b.joints[2]):
                y = F.max_pool2d(F.conv2d(y, conv.weight, conv.bias, padding=1), 2)
            halves.append(y)
        y = torch.cat(halves, dim=1)
        for conv in (encoder.layers[0], encoder.layers[4]):
            y = F.max_pool2d(F.conv2d(y, conv.weight, conv.bias, padding=1).relu(), 2)
        persons.append(y)
    return torch.stack(persons).amax(dim=0)  # (N, 4 dim, T / 16, dim / 16)


@torch.no_grad()
def test_hcn_by_its_released_layers():
    torch.manual_seed(0)
    encoder = HCN(SBU15, dim=32, frames=32).eval()
    x = torch.randn(2, 3, 32, 15, 2)
    maps = slow_hcn(encoder, x)
    assert maps.shape == (2, 128, 2, 2) and encoder.dim == 256
    torch.testing.assert_close(encoder(x), maps.mean(dim=2).flatten(1))
    dense, rows = encoder.frames(x), maps.transpose(1, 2).flatten(2)
    torch.testing.assert_close(dense[:, :8], rows[:, :1].expand(-1, 8, -1))
    torch.testing.assert_close(dense[:, 24:], rows[:, 1:].expand(-1, 8, -1))
    torch.testing.assert_close(dense[:, 15], torch.lerp(rows[:, 0], rows[:, 1], 7.5 / 16))
    swapped = encoder(x.flip(4))
    torch.testing.assert_close(encoder(x), swapped)  # the larger of two persons


def test_hcn_sizes_and_starts():
    full = HCN(NTU25)
    convs = [m for m in full.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 10 and not any(m.bias.any() for m in convs)
    for conv in convs:  # Xavier's uniform draw
        fan = conv.weight[0].numel() + conv.weight[:, 0].numel()
        limit = (6 / fan) ** 0.5
        assert 0.9 * limit < conv.weight.abs().max() <= limit
    odd = HCN(SBU15, dim=1, frames=3, persons=1, dropout=0.0)
    assert odd(torch.randn(2, 3, 3, 15, 1)).shape == (2, 4)
    with pytest.raises(ValueError, match=r"encoder takes \(N, C, T, V, M\)"):
        full(torch.zeros(1, 3, 32, 25, 2))
