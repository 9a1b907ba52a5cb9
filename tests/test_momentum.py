"""The momentum side: the queue around its end, the order of a step, two processes."""

import copy

import pytest
import torch
import torch.distributed as dist
from tiny_runs import SETTINGS, Stop, assert_same, clips, stop_in
from torch import nn

from skelf import api
from skelf.augment import usdrl
from skelf.augment.skeletonclr import SkeletonCLRViews
from skelf.checkpoints import folder as checkpoint
from skelf.encoders.dste import DSTE
from skelf.encoders.stgcn import STGCN
from skelf.encoders.sttr import STTR
from skelf.layouts import SBU15
from skelf.methods._momentum import KeyEncoder, Queue, embed, follow, key_copy, projector
from skelf.methods._sync_norm import SyncNorm, synchronize
from skelf.methods.aimclr import AimCLR
from skelf.methods.aimclr_cross import AimCLRCross
from skelf.methods.crossclr import CrosSCLR
from skelf.methods.skeletonclr import SkeletonCLR
from skelf.settings.options import from_flat
from skelf.training.log import read_log

METHODS = {
    "skeletonclr": SkeletonCLR,
    "aimclr": AimCLR,
    "crossclr": CrosSCLR,
    "aimclr_cross": AimCLRCross,
}


def numbered(first, count):
    return torch.arange(first, first + count, dtype=torch.float32)[:, None].expand(count, 2)


@pytest.mark.parametrize("batches", [[3, 3], [5, 5, 5], [7], [2, 8, 1], [19], [6, 15]])
@pytest.mark.parametrize("at_once", [False, True])
def test_queue_wraps_around(batches, at_once):
    queue, size = Queue(7, 2), 7
    slow, pointer, written = queue.keys.clone(), 0, 0
    for count in batches:
        keys = numbered(100 + written, count)
        queue.push(keys)
        if not at_once:
            queue.advance()
        for key in keys:
            slow[pointer] = key
            pointer = (pointer + 1) % size
        written += count
    queue.advance()
    assert torch.equal(queue.keys, slow)
    assert int(queue.pointer) == pointer
    queue.advance()  # nothing waits
    assert int(queue.pointer) == pointer


def test_queue_starts_as_random_unit_vectors():
    keys = Queue(50, 6).keys
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(50))
    assert keys.unique(dim=0).shape == (50, 6)
    assert {"keys", "pointer"} == set(Queue(3, 2).state_dict())


def test_follow_moves_parameters_only():
    query = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    key = key_copy(query, "official")
    before = {name: value.clone() for name, value in key.state_dict().items()}
    query(torch.randn(5, 3))  # moves the query's running statistics
    follow(key, query, 0.9)
    names = {name for name, _ in query.named_parameters()}
    for name, value in key.state_dict().items():
        expected = before[name]
        if name in names:
            expected = 0.9 * expected + 0.1 * query.state_dict()[name]
        torch.testing.assert_close(value, expected)


def pair(queue=16):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8))
    head = projector(8, 4)
    return encoder, head, KeyEncoder(encoder, head, queue, 4, 0.9, "official")


def test_order_of_a_step():
    encoder, head, key = pair()
    reference, queue = copy.deepcopy(key), key.queue.keys.clone()
    x = torch.randn(5, 3)
    k = key(x, encoder, head)
    # It moved first, then encoded with its own batch statistics; the queue has not changed yet.
    follow(reference.encoder, encoder, 0.9)
    follow(reference.projector, head, 0.9)
    expected = nn.functional.normalize(reference.projector(reference.encoder(x)), dim=1)
    torch.testing.assert_close(k, expected)
    assert torch.equal(key.queue.keys, queue) and int(key.queue.pointer) == 0
    key.queue.advance()
    assert torch.equal(key.queue.keys[:5], k) and torch.equal(key.queue.keys[5:], queue[5:])
    assert not k.requires_grad


def test_batches_of_one_step_move_it_once():
    encoder, head, key = pair()
    parts = [torch.randn(3, 3) for _ in range(2)]
    weight = key.encoder[0].weight.clone()
    keys = [key(part, encoder, head) for part in parts]
    torch.testing.assert_close(key.encoder[0].weight, 0.9 * weight + 0.1 * encoder[0].weight)
    key.queue.advance()
    assert torch.equal(key.queue.keys[:6], torch.cat(keys))
    moved = key.encoder[0].weight.clone()
    key(parts[0], encoder, head)  # the next step
    assert not torch.equal(key.encoder[0].weight, moved)


def test_evaluation_changes_nothing():
    encoder, head, key = pair()
    key.eval()
    before = copy.deepcopy(key.state_dict())
    key(torch.randn(5, 3), encoder, head)
    key.queue.advance()
    assert all(torch.equal(before[name], value) for name, value in key.state_dict().items())


def test_embed_keeps_double_and_raises_half():
    z = torch.randn(3, 4)
    assert embed(z.double()).dtype == torch.float64
    assert embed(z.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(embed(z).norm(dim=1), torch.ones(3))


def test_synchronised_batch_norm_keeps_names_and_is_batch_norm_in_one_process():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3)))
    module[2].eval()
    other = copy.deepcopy(module)
    synchronize(other)
    assert isinstance(other[1], SyncNorm) and isinstance(other[2][0], SyncNorm)
    x = torch.randn(4, 2, 3, 5)
    assert torch.equal(module(x), other(x))
    assert module.state_dict().keys() == other.state_dict().keys()
    assert all(torch.equal(other.state_dict()[k], v) for k, v in module.state_dict().items())


# ---- two processes ----


def make(name):
    torch.manual_seed(3)
    encoder = STGCN(SBU15, dim=12, width=8, frames=8, persons=1, dropout=0.0)
    method = METHODS[name](encoder, queue=20, feature=6, momentum=0.9, sync_bn=True)
    if name != "skeletonclr":
        method.start_epoch(1000)  # neighbours too
    return method.double()  # no unit crosses a ReLU's corner by rounding


def views(name, step):
    generator = torch.Generator().manual_seed(5 + step)
    number = 3 if name.startswith("aimclr") else 2
    return [torch.randn(8, 3, 8, 15, 1, generator=generator) for _ in range(number)]


def steps(name, rows):
    """State after two steps of plain gradient descent."""
    method = make(name)
    module = nn.parallel.DistributedDataParallel(method) if dist.is_initialized() else method
    optimiser = torch.optim.SGD(method.parameters(), lr=0.1)
    losses = []
    for step in range(2):
        terms = module(*(view[rows].double() for view in views(name, step)))
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        method.after_step()
        losses.append(terms["loss"].detach())
    return {"losses": torch.stack(losses), **method.state_dict()}


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    rows = slice(4 * rank, 4 * rank + 4)
    torch.save({name: steps(name, rows) for name in METHODS}, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.slow  # tests/test_distributed.py has the short form
@pytest.mark.parametrize("name", METHODS)
def test_two_processes_train_as_one(ranks, name):
    one, first, second = steps(name, slice(None)), *(rank[name] for rank in ranks)
    queues = [key for key in one if key.endswith(("keys", "pointer"))]
    assert queues
    for key, value in one.items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], value, rtol=1e-7, atol=1e-9, msg=key)
    assert all(int(one[key]) == 16 for key in queues if key.endswith("pointer"))


# ---- runs ----

STAGES = {
    "skeletonclr": (),
    "aimclr": ("mining_epoch=3",),
    "crossclr": ("cross_epoch=3",),
    "aimclr_cross": ("mining_epoch=3",),
}


def pretrain(name, out, *overrides, **options):
    given = (*STAGES[name], "queue=30", "feature=8", "momentum=0.9")
    given = (*SETTINGS, "encoder.width=8", *(f"method.{argument}" for argument in given))
    given = (*given, "train.batch_size=6", "train.accumulate=2", *overrides)
    return api.pretrain(name, clips(), out=out, split="half", overrides=given, **options)


SLOW = ("crossclr", "aimclr_cross")  # two and three encoders at once


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in METHODS]
)
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(tmp_path, name):
    pretrain(name, tmp_path / "unbroken")
    with pytest.raises(Stop):
        pretrain(name, tmp_path / "broken", listener=stop_in(2))
    pretrain(name, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")
    tensors = checkpoint.read_tensors(checkpoint.newest(tmp_path / "broken"))
    pointers = [int(value) for key, value in tensors.items() if key.endswith("pointer")]
    assert pointers and set(pointers) == {4 * 18 % 30}  # three whole batches of 6 an epoch
    terms = {"aimclr": [{"info_nce"}] * 3 + [{"mining"}]}
    if name in terms:
        rows = read_log(tmp_path / "broken")
        assert [{"info_nce", "mining"} & row.keys() for row in rows] == terms[name]
    assert api.load(tmp_path / "broken").dim == 16


# ---- USDRL's row of negatives ----


@pytest.mark.parametrize("encoder", [DSTE, STTR])
def test_contrast_on_the_views_and_encoders_of_usdrl(encoder):
    made = encoder(SBU15, dim=16, frames=8, persons=1)
    recipe = {"recipe": "usdrl", "shear": 0.7}
    views = from_flat(SkeletonCLRViews, recipe)
    method = SkeletonCLR(made, views, queue=20, feature=6, form="paper")
    x, lengths = torch.randn(5, 3, 20, 15, 1), torch.tensor([20, 7, 12, 20, 3])
    found = method.views(x, lengths, torch.Generator().manual_seed(1))
    expected = usdrl.draw_views(
        x, lengths, torch.Generator().manual_seed(1), 8,
        from_flat(usdrl.USDRLViews, {"number": 2, "shear": 0.7}), coordinates=3,
    )  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert not torch.equal(*found)
    method(*found)["loss"].backward()
    assert made.embed_t[0].weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="extreme"):
        SkeletonCLR(made, from_flat(SkeletonCLRViews, recipe | {"extreme": True}), queue=20)
