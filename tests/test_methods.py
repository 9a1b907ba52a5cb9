"""What every method of `METHODS` has in common: layouts, persons, a loss that falls, runs."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from method_cases import ELSEWHERE, SINGLE, SLOW, TOGETHER, overrides, small
from tiny_runs import Stop, assert_same, clips, stop_in
from torch import nn

from skelf import api
from skelf.contracts import Staged
from skelf.layouts import COCO17, KINECT20, NTU25, SBU15
from skelf.methods import METHODS
from skelf.skeleton import Skeleton

CHAIN = Skeleton.from_dict(
    {"names": list("abcde"), "parents": (-1, 0, 1, 1, 3), "centre": 0, "name": "chain"}
)
KINDS = {
    "ntu25, two persons": (NTU25, 3, 2, False),
    "coco17, flat with scores": (COCO17, 3, 1, True),
    "sbu15, flat": (SBU15, 2, 2, False),
    "five joints of no names": (CHAIN, 3, 1, False),
}


def batch(skeleton, channels=3, persons=1, confidence=False, seed=0):
    """Padded clips that move, and their lengths; a joint is missing throughout."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(6, channels, 1, skeleton.joints, persons, generator=draw)
    x = x + torch.randn(6, channels, 24, skeleton.joints, persons, generator=draw).cumsum(2) / 8
    if confidence:
        x[:, -1] = x[:, -1].sigmoid()
    lengths = torch.tensor([24, 24, 20, 9, 15, 24])
    x = x * (torch.arange(24) < lengths[:, None])[:, None, :, None, None]
    x[:, :, :, 3] = 0
    return x, lengths


def steps(method, views, count, rate):
    """Losses of `count` steps of Adam on the same views."""
    optimizer = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=rate)
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = method(*views)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", METHODS)
def test_any_layout_and_persons(name, kind):
    skeleton, channels, persons, confidence = KINDS[kind]
    torch.manual_seed(0)
    method = small(name, skeleton, channels=channels, persons=persons, confidence=confidence)
    x, lengths = batch(skeleton, channels, persons, confidence)
    before = x.clone()
    method.train()
    views = method.views(x, lengths, torch.Generator().manual_seed(1))
    assert torch.equal(x, before)
    terms = method(*views)
    assert all(value.isfinite().all() and value.dim() == 0 for value in terms.values())
    terms["loss"].backward()
    method.after_step()
    moved = [p.grad for p in method.encoder.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in moved) and any(g.any() for g in moved)
    method.encoder.eval()
    clip = torch.zeros(2, channels, 16, skeleton.joints, persons)  # nobody is there
    assert method.encoder(clip).isfinite().all()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in METHODS]
)
def test_the_loss_falls(name):
    torch.manual_seed(0)
    method = small(name, KINECT20)
    method.train()
    views = method.views(*batch(KINECT20), torch.Generator().manual_seed(1))
    losses = steps(method, views, 30, 3e-3)
    assert sum(losses[-5:]) < 0.97 * sum(losses[:5])


@pytest.mark.parametrize("name", METHODS)
def test_views_are_drawn_from_the_generator_alone(name):
    torch.manual_seed(0)
    method, state = small(name, KINECT20), torch.get_rng_state()
    given = batch(KINECT20)
    one, two, other = (method.views(*given, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    tensors = [(a, b, c) for a, b, c in zip(one, two, other, strict=True) if a is not None]
    assert all(torch.equal(a, b) for a, b, _ in tensors)
    assert not all(torch.equal(a, c) for a, _, c in tensors)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(tmp_path, name):
    given = [*overrides(name), "train.epochs=3", "train.batch_size=6", "train.devices=cpu"]
    given += ["data.normalize=none", "train.accumulate=2"]

    def run(out, **options):
        api.pretrain(name, clips(), out=tmp_path / out, split="half", overrides=given, **options)

    run("unbroken")
    with pytest.raises(Stop):
        run("broken", listener=stop_in(1))
    run("broken", resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")


# ---- two processes ----

PAIRED = [name for name in METHODS if name not in ELSEWHERE]


def half_views(method, half):
    """Views of three clips, drawn as the process of that half does."""
    x, lengths = batch(SBU15, seed=5)
    rows = slice(3 * half, 3 * half + 3)
    views = method.views(x[rows], lengths[rows], torch.Generator().manual_seed(7 + half))
    return list(views)


def trained(name, halves):
    """State after two steps of plain descent on the views of `halves`."""
    torch.manual_seed(3)
    method = small(name, SBU15, *TOGETHER[name])
    if isinstance(method, Staged):
        method.start_epoch(1000)
    views = [half_views(method, half) for half in halves]
    views = [None if parts[0] is None else torch.cat(parts) for parts in zip(*views, strict=True)]
    if name not in SINGLE:  # no unit crosses a ReLU's corner by rounding
        method.double()
        views = [v.double() if v is not None and v.is_floating_point() else v for v in views]
    method.train()
    module = nn.parallel.DistributedDataParallel(method) if dist.is_initialized() else method
    optimizer = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        module(*views)["loss"].backward()
        optimizer.step()
        method.after_step()
    return method.state_dict()


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save({name: trained(name, [rank]) for name in PAIRED}, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRED)
def test_two_processes_train_as_one(ranks, name):
    one, first, second = trained(name, [0, 1]), *(rank[name] for rank in ranks)
    start = small(name, SBU15, *TOGETHER[name]).state_dict()
    assert any(not torch.equal(start[key], value.to(start[key])) for key, value in one.items())
    for key, value in one.items():
        assert torch.equal(first[key], second[key]), key
        close = {"rtol": 1e-4, "atol": 1e-6} if name in SINGLE else {"rtol": 1e-7, "atol": 1e-9}
        torch.testing.assert_close(first[key], value, **close, msg=key)
