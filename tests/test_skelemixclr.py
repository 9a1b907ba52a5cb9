"""SkeleMixCLR against plain loops: where is pasted, pooling by regions, the loss of one step."""

import pytest
import torch
from torch.nn import functional as F

from skelf.augment.pcm3 import part_table
from skelf.augment.skelemixclr import SkeleMixViews, draw_views
from skelf.encoders.gru import GRU
from skelf.encoders.stgcn import STGCN
from skelf.layouts import NTU25, SBU15
from skelf.methods.skelemixclr import SkeleMixCLR, masked_pool

N, FRAMES = 5, 18  # five rows of the map; the last two frames are in no cell that is pasted


def made(**settings):
    torch.manual_seed(0)
    encoder = STGCN(SBU15, dim=8, width=4, frames=FRAMES, persons=2, dropout=0.0)
    given = {"queue": 11, "feature": 6, "views": SkeleMixViews(mixtures=2)} | settings
    return SkeleMixCLR(encoder, **given).double()


def clips(seed=1):
    x = torch.randn(N, 3, 30, 15, 2, generator=torch.Generator().manual_seed(seed))
    return x, torch.tensor([30, 30, 12, 7, 25])


def drawn(method):
    views = method.views(*clips(), torch.Generator().manual_seed(4))
    return [v.double() if v.is_floating_point() else v for v in views]


def test_a_mixture_holds_some_parts_of_another_clip_for_a_while():
    how = SkeleMixViews(mixtures=20)
    x, lengths = clips()
    query, _, away, cells, *mixed = draw_views(
        x, lengths, torch.Generator().manual_seed(2), FRAMES, SBU15, how
    )
    table = part_table(SBU15, torch.device("cpu"))
    shifts, spans, counts = set(), set(), set()
    for k, view in enumerate(mixed):
        (shift,) = {(i + int(a)) % N for i, a in enumerate(away[:, k])} and {int(away[0, k])}
        shifts.add(shift)
        cell = cells[0, k]
        assert (cells[:, k] == cell).all() and cell.shape == (5, 15)
        when, joints = cell.any(dim=1), cell.any(dim=0)
        assert torch.equal(cell, when[:, None] & joints)
        whole = [bool(joints[part].all()) for part in table]
        assert torch.equal(joints, table[torch.tensor(whole)].any(dim=0))  # no half parts
        counts.add(sum(whole))
        spans.add(int(when.sum()))
        own = torch.arange(N)
        partner = own + away[:, k]
        assert torch.equal(partner, (own + shift) % N)
        for t in range(FRAMES):
            for v in range(15):
                source = partner if t < 16 and cell[t // 4, v] else own
                assert torch.equal(view[:, :, t, v], query[source, :, t, v])
    assert shifts == {1, 2, 3}  # 1 to N - 2, as released
    assert counts == {2, 3} and spans == {2, 3}


@torch.no_grad()
def test_pooling_by_loops():
    encoder = made().encoder.eval()
    x = clips()[0][:, :, :FRAMES].double()
    cells = torch.rand(N, 5, 15, generator=torch.Generator().manual_seed(3)) < 0.4
    cells[0], cells[1] = True, False
    inside, rest = masked_pool(encoder, x, cells)
    maps = encoder.maps(x)
    for i in range(N):
        for found, wanted in ((inside[i], cells[i]), (rest[i], ~cells[i])):
            total = torch.zeros(8).double()
            for person in range(2):
                for t, v in wanted.nonzero().tolist():
                    total += maps[2 * i + person, :, t, v] / wanted.sum() / 2
            torch.testing.assert_close(found, total)
    both = (inside * cells.sum((1, 2))[:, None] + rest * (~cells).sum((1, 2))[:, None]) / 75
    torch.testing.assert_close(both, encoder.pool(maps))


def reference(method, query, key, away, cells, *mixed):
    """The released step as a loop over clips (sources L2), with the key encoder as it is."""
    unit = lambda h: F.normalize(method.projector(h), dim=1)  # noqa: E731
    q, queue, tau = unit(method.encoder(query)), method.key.queue.keys, method.temperature
    halves = [
        masked_pool(method.encoder, v, c) for v, c in zip(mixed, cells.unbind(1), strict=True)
    ]
    halves = [(unit(p), unit(c)) for p, c in halves]
    with torch.no_grad():
        k = F.normalize(method.key.projector(method.key.encoder(key)), dim=1)

    def term(z, positive, negatives):
        logits = torch.stack([(z * other).sum() for other in (positive, *negatives)]) / tau
        return logits.exp().sum().log() - logits[0]

    loss = 0
    for i in range(len(q)):
        loss = loss + term(q[i], k[i], queue) / len(q)
        for j, (p, c) in enumerate(halves):
            partner = k[i + int(away[i, j])]
            loss = loss + term(p[i], partner, [*queue, c[i].detach()]) / len(q) / 2
            loss = loss + term(c[i], k[i], [*queue, p[i].detach()]) / len(q) / 2
    return loss


def test_loss_and_gradients_equal_a_slow_reference():
    one, other = made(momentum=1.0), made(momentum=1.0)  # the key encoder stays
    views = drawn(one)
    terms = one(*views)
    terms["loss"].backward()
    wanted = reference(other, *views)
    wanted.backward()
    torch.testing.assert_close(terms["loss"], wanted.detach(), check_dtype=False)
    assert set(terms) == {"loss", "info_nce", "pasted", "left"}
    for (name, p), (_, r) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        assert (p.grad is None) == (r.grad is None) == name.startswith("key."), name
        if p.grad is not None:
            torch.testing.assert_close(p.grad, r.grad, rtol=1e-7, atol=1e-9, msg=name)


def test_the_other_half_pushes_and_the_weight_counts():
    method = made()
    z, k = (F.normalize(torch.randn(N, 6).double(), dim=1) for _ in range(2))
    assert method.contrast(z, k, z) > method.contrast(z, k, -z) > method.contrast(z, k)
    views = drawn(method)
    method.eval()
    full = method(*views)
    method.mixed = 0.0
    alone = method(*views)
    assert alone["pasted"] == alone["left"] == 0 < full["pasted"]
    torch.testing.assert_close(alone["loss"], full["info_nce"])


def test_forms_and_sizes():
    paper, official = made(form="paper"), made()
    same = lambda m: torch.equal(m.projector[0].weight, m.key.projector[0].weight)  # noqa: E731
    assert same(paper) and not same(official)
    full = SkeleMixCLR(STGCN(NTU25), queue=8)
    head = 256 * 256 + 256 + 2 * 256 + 256 * 128 + 128  # with its BatchNorm
    assert sum(p.numel() for p in full.projector.parameters()) == head


def test_keys_enter_after_the_step():
    method = made()
    before = method.key.queue.keys.clone()
    method(*drawn(method))
    assert torch.equal(method.key.queue.keys, before)
    method.after_step()
    assert int(method.key.queue.pointer) == N


def test_bad_settings():
    with pytest.raises(ValueError, match=r"with maps \(stgcn\), not GRU; give encoder.name=stgcn"):
        SkeleMixCLR(GRU(SBU15, dim=4))
    with pytest.raises(ValueError, match="unknown form 'x'"):
        made(form="x")
    with pytest.raises(ValueError, match="mixtures"):
        SkeleMixViews(mixtures=0)
