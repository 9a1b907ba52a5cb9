"""ActCLR by loops: actionlets, bones, speed, which key a mixture has, relations, one step."""

import pytest
import torch
from tiny_runs import clips as tiny_clips
from torch.nn import functional as F

from skelf import api
from skelf.augment.actclr import bone_lengths, play, scale_bones, with_lengths
from skelf.augment.pcm3 import part_table
from skelf.encoders.gru import GRU
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.layouts import NTU25, SBU15
from skelf.losses.distillation import nearest_relational
from skelf.methods.actclr import ActCLR, mixed_keys, swap

N, FRAMES, K = 4, 18, 9


def made(**settings):
    torch.manual_seed(0)
    encoder = STGCN(SBU15, dim=8, width=4, frames=FRAMES, persons=2, dropout=0.0)
    return ActCLR(encoder, **{"queue": K, "feature": 6, "nearest": 5} | settings).double()


def drawn(method, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(N, 3, 30, 15, 2, generator=generator)
    views = method.views(x, torch.tensor([30, 20, 9, 30]), generator)
    return views._make(v.double() if v.is_floating_point() else v for v in views)


@torch.enable_grad()
def region(method, encoder, head, maps, anchor):
    """The actionlet by loops: Grad-CAM of each clip alone, the mean over a part's joints."""
    out = torch.zeros(len(maps), *maps.shape[2:]).double()
    table = part_table(SBU15, torch.device("cpu"))
    for n in range(len(maps) // 2):
        own = maps[2 * n : 2 * n + 2].detach().requires_grad_()
        similar = F.cosine_similarity(head(own.mean(dim=(2, 3)).mean(dim=0)), anchor[0], dim=0)
        (gradient,) = torch.autograd.grad(-similar, own)
        for m in range(2):
            weight = gradient[m].mean(dim=(1, 2))
            for t in range(maps.shape[2]):
                for part in table:
                    heat = [(weight * own[m, :, t, v]).sum() for v in part.nonzero()[:, 0]]
                    out[2 * n + m, t, part] = float(sum(heat) > 0)
    return out


def reference(method, v):
    """A step by loops over what the released code does (sources L11), key encoder as it is."""
    queue, keyed = method.key.queue.keys, method.key
    with torch.no_grad():
        anchor = keyed.projector(keyed.encoder(v.key.mean(dim=0, keepdim=True)))
        maps = keyed.encoder.maps(v.key)
    moving = region(method, keyed.encoder, keyed.projector, maps, anchor)
    with torch.no_grad():
        k = []
        for n in range(N):
            pooled = []
            for b in (2 * n, 2 * n + 1):
                total = sum(maps[b, :, t, j] for t, j in moving[b].nonzero().tolist())
                pooled.append(total / (moving[b].sum() + 1e-5))
            whole = maps[2 * n : 2 * n + 2].mean(dim=(0, 2, 3))
            z = keyed.projector(whole) / 2 + keyed.projector(sum(pooled) / 2) / 2
            k.append(z / z.norm())
        k = torch.stack(k)
        q_region, p_region = (
            region(method, method.encoder, method.projector, method.encoder.maps(x), anchor)
            for x in (v.query, v.plain)
        )
    own_keys = []
    for n in range(N):
        other = n + int(v.away[n])
        weigh = lambda i, m: (p_region[2 * i + m] / 0.1).exp()  # noqa: E731
        p = sum((weigh(other, m) * v.taken[n]).sum() / weigh(other, m).sum() / 2 for m in (0, 1))
        c = sum((weigh(n, m) * (1 - v.covered[n])).sum() / weigh(n, m).sum() / 2 for m in (0, 1))
        z = k[n] * c / (p + c) + k[other] * p / (p + c)
        own_keys.append(z / z.norm())
    pairs = [
        (swap(v.query, v.strong, q_region), k),
        (swap(v.boned, v.mixed, p_region), k),
        (v.pasted, torch.stack(own_keys)),
    ]
    terms = []
    for x, keys in pairs:
        z = F.normalize(method.projector(method.encoder(x)), dim=1)
        terms.append(relations(z @ queue.T, keys @ queue.T, squared=True))
    return terms


def relations(student, teacher, squared, count=5):
    total = 0
    for s, t in zip(student, teacher, strict=True):
        far = [-1.0 if float(value) > 0.95 else float(value) for value in t]
        places = sorted(range(len(far)), key=lambda j: -far[j])[:count]
        p = torch.tensor([far[j] / 0.04 for j in places], dtype=torch.float64).softmax(0)
        q = torch.stack([s[j] ** 2 if squared else s[j] for j in places]).div(0.1).log_softmax(0)
        total = total + (p * (p.log() - q)).sum() / len(student)
    return total


def test_loss_and_gradients_equal_a_slow_reference():
    one, other = made(momentum=1.0), made(momentum=1.0)
    v = drawn(one)
    terms = one(*v)
    terms["loss"].backward()
    wanted = reference(other, v)
    sum(wanted).backward()
    found = [terms[name] for name in ("distorted", "transferred", "mixed")]
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(terms["loss"], sum(found))
    for (name, p), (_, r) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        assert (p.grad is None) == (r.grad is None) == name.startswith("key."), name
        if p.grad is not None:
            torch.testing.assert_close(p.grad, r.grad, rtol=1e-7, atol=1e-9, msg=name)
    one.after_step()
    assert int(one.key.queue.pointer) == N


def test_an_actionlet_is_some_parts_for_some_time_and_leaves_no_gradient():
    method = made()
    maps = method.encoder.maps(drawn(method).query)
    anchor = torch.randn(1, 6).double()
    found = method.actionlet(method.encoder, method.projector, maps, anchor)
    assert found.shape == (2 * N, 5, 15) and not found.requires_grad
    assert set(found.unique().tolist()) == {0.0, 1.0}
    for part in part_table(SBU15, torch.device("cpu")):
        assert (found[:, :, part] == found[:, :, part][:, :, :1]).all()
    assert all(p.grad is None for p in method.parameters())
    torch.testing.assert_close(
        found, region(method, method.encoder, method.projector, maps, anchor)
    )


def test_swap_keeps_the_actionlet():
    x, other = torch.zeros(1, 3, 9, 2, 1), torch.ones(1, 3, 9, 2, 1)
    moving = torch.tensor([[[1.0, 0], [1, 0], [0, 0]]])  # one person, three cells, two joints
    found = swap(x, other, moving)[0, 0, :, :, 0]
    assert torch.equal(found[:, 1], torch.ones(9))
    torch.testing.assert_close(found[:, 0], torch.tensor([0, 0, 0, 0, 0, 0.25, 0.5, 0.75, 1]))


def test_bones_take_other_lengths_and_keep_their_directions():
    generator = torch.Generator().manual_seed(0)
    x, other = (torch.randn(3, 3, 7, 15, 2, generator=generator) for _ in range(2))
    other[1, ..., 1] = 0  # that clip has one person
    given = bone_lengths(other, SBU15)
    found = with_lengths(x, given, SBU15)
    own = bone_lengths(x, SBU15)
    wanted = torch.where(given > 0, given, own)
    torch.testing.assert_close(bone_lengths(found, SBU15), wanted, rtol=1e-4, atol=1e-5)
    parents = list(SBU15.bones)
    before, after = x - x[:, :, :, parents], found - found[:, :, :, parents]
    joints = [j for j in range(15) if parents[j] != j]
    cosine = F.cosine_similarity(before, after, dim=1)[:, :, joints]
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    assert torch.equal(found[:, :, :, SBU15.root], x[:, :, :, SBU15.root])
    torch.testing.assert_close(scale_bones(x, torch.ones(()), SBU15), x)
    scored = torch.cat([x, torch.ones(3, 1, 7, 15, 2)], dim=1)
    scored[:, :, :, 2] = 0  # missing: what hangs on it stays, too
    half = scale_bones(scored, torch.tensor(0.5), SBU15, 3)
    assert torch.equal(half[:, :, :, 2], scored[:, :, :, 2])
    assert torch.equal(half[:, 3], scored[:, 3])


def test_speed():
    x = torch.randn(3, 2, 8, 4, 1)
    found = play(x, torch.tensor([1.0, 0.5, 1.5]))
    torch.testing.assert_close(found[0], x[0])
    for i in range(4):
        torch.testing.assert_close(found[1][:, i], (x[1][:, 2 * i] + x[1][:, 2 * i + 1]) / 2)
    assert not found[1][:, 4:].any()
    for i in range(8):
        at = max((i + 0.5) / 1.5 - 0.5, 0)
        low = int(at)
        wanted = torch.lerp(x[2][:, low], x[2][:, low + 1], at - low)
        torch.testing.assert_close(found[2][:, i], wanted)


def test_a_mixture_that_shows_nothing_of_one_clip_has_the_others_key():
    method = made()
    v = drawn(method)
    keys = F.normalize(torch.randn(N, 6).double(), dim=1)
    moving = torch.ones(2 * N, 5, 15).double()
    none, everything = torch.zeros_like(v.covered), torch.ones_like(v.covered)
    left = mixed_keys(keys, moving, v._replace(covered=none, taken=none), 2)
    torch.testing.assert_close(left, keys)
    taken = mixed_keys(keys, moving, v._replace(covered=everything, taken=everything), 2)
    torch.testing.assert_close(taken, keys[torch.arange(N) + v.away])
    half = mixed_keys(keys, moving, v._replace(covered=everything / 2, taken=everything / 2), 2)
    torch.testing.assert_close(half, F.normalize(keys + keys[torch.arange(N) + v.away], dim=1))


def test_nearest_relations_by_loops():
    torch.manual_seed(0)
    student, teacher = (torch.rand(3, 9).double() * 1.8 - 0.9 for _ in range(2))
    teacher[0, 3] = 0.97
    before = teacher.clone()
    found = nearest_relational(student, teacher, 5)
    torch.testing.assert_close(found, relations(student, teacher, squared=False))
    assert torch.equal(teacher, before)
    assert nearest_relational(teacher[1:], teacher[1:], 9, 0.1, 0.1).abs() < 1e-12


def test_a_run_starts_from_aimclrs_weights_and_from_no_others(tmp_path):
    small = ["encoder.dim=8", "encoder.width=4", "encoder.frames=8", "method.queue=16"]
    small += ["encoder.dropout=0", "train.epochs=1", "train.batch_size=8", "train.lr=1e-30"]
    small += ["train.optimizer=sgd", "train.weight_decay=0", "data.normalize=none"]
    data = {"split": "half"}
    first = api.pretrain(
        "aimclr", tiny_clips(), out=tmp_path / "a", overrides=small, seed=1, **data
    )
    small += ["method.nearest=8", "train.warmup_epochs=0"]
    run = api.pretrain(
        "actclr", tiny_clips(), out=tmp_path / "b", overrides=small, init=first, **data
    )
    one, other = (dict(api.load(folder).named_parameters()) for folder in (first, run))
    for name, value in one.items():  # of another seed: what was drawn for the second is not left
        torch.testing.assert_close(other[name], value, rtol=0, atol=1e-20, msg=name)
    with pytest.raises(InputError, match="holds a run of 'actclr', not of 'aimclr'"):
        api.pretrain(
            "aimclr", tiny_clips(), out=tmp_path / "c", overrides=small[:-2], init=run, **data
        )


def test_bad_settings():
    with pytest.raises(ValueError, match=r"with maps \(stgcn\), not GRU; give encoder.name=stgcn"):
        ActCLR(GRU(SBU15, dim=4))
    with pytest.raises(ValueError, match="nearest=10: must be from 1 to queue=9"):
        made(nearest=10)
    assert (
        sum(p.numel() for p in ActCLR(STGCN(NTU25), queue=8, nearest=8).projector.parameters())
        == 98_688
    )
