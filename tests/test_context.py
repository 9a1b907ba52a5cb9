"""Jigsaw, order and MS2L: views and losses against slow loops, what guessing costs, bad input."""

import math
from itertools import permutations

import pytest
import torch

from skelf.augment import jigsaw, ms2l, order
from skelf.augment.jigsaw import JigsawViews, Puzzle, orders, rearrange, shuffle
from skelf.augment.ms2l import MS2LViews
from skelf.augment.order import OrderViews
from skelf.augment.plain import PlainViews, draw_plain
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.losses.context import contrast_with_mean, recognition
from skelf.methods.jigsaw import Jigsaw
from skelf.methods.ms2l import MS2L
from skelf.methods.order import Order

LENGTHS = torch.tensor([20, 20, 13, 7])


def clips(frames=20, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 3, frames, 15, 1, generator=draw, dtype=torch.float64)
    x[:, :, :, 2] = 0  # a joint that is never there
    return x * (torch.arange(frames) < LENGTHS[:, None])[:, None, :, None, None]


def encoder(name="gru", stream="joint", frames=11):
    torch.manual_seed(0)
    more = {"gru": {"causal": False, "layers": 1}, "tcn": {"layers": 1}}.get(name, {})
    return ENCODERS[name](SBU15, persons=1, stream=stream, dim=6, frames=frames, **more)


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


# ---- views ----


@pytest.mark.parametrize(("frames", "stretches"), [(11, 3), (12, 3), (7, 7), (13, 4)])
def test_rearranging_by_a_loop(frames, stretches):
    x = torch.randn(5, 3, frames, 4, 2)
    chosen = torch.stack([torch.randperm(stretches) for _ in range(5)])
    found, length = rearrange(x, chosen), frames // stretches
    for n in range(5):
        parts = [x[n, :, s * length : (s + 1) * length] for s in chosen[n].tolist()]
        rest = x[n, :, stretches * length :]
        assert torch.equal(found[n], torch.cat([*parts, rest], dim=1))


def test_every_order_and_those_far_apart():
    assert [tuple(row) for row in orders(3).tolist()] == list(permutations(range(3)))
    for stretches, count, least in ((3, 3, 3), (4, 4, 4), (5, 10, 3), (6, 24, 4)):
        table = orders(stretches, count)
        assert table.shape == (count, stretches)
        assert torch.equal(table[0], torch.arange(stretches))
        assert torch.equal(table.sort(dim=1).values, torch.arange(stretches).expand_as(table))
        distance = (table[:, None] != table).sum(dim=2)
        assert int(distance[~torch.eye(count, dtype=torch.bool)].min()) >= least
    assert len(orders(4, 24).unique(dim=0)) == 24


def test_puzzles_have_the_order_of_their_label():
    x = torch.arange(12.0).view(1, 1, 12, 1, 1).expand(600, 1, 12, 1, 1)
    shuffled, label = shuffle(x, generator())
    for n in range(60):
        starts = (shuffled[n, 0, ::4, 0, 0] / 4).long()
        assert torch.equal(starts, orders(3)[label[n]])
    assert label.bincount(minlength=6).min() > 60  # 100 each, give or take


def test_padding_is_never_part_of_a_puzzle():
    x = clips()
    spoiled = torch.where((torch.arange(20) < LENGTHS[:, None])[:, None, :, None, None], x, 100.0)
    for module in (jigsaw, order, ms2l):
        one, two = (module.draw_views(given, LENGTHS, generator(), 11) for given in (x, spoiled))
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_two_stretches_change_places():
    x = clips(24)
    how = OrderViews(stretches=5, apart=2)
    seen = set()
    for seed in range(20):
        plain, swapped, told = order.draw_views(x, LENGTHS, generator(seed), 11, how)
        assert told.all()
        for n in range(4):
            moved = (plain[n] != swapped[n]).any(dim=0).flatten(1).any(dim=1).nonzero().flatten()
            places = sorted({int(t) // 2 for t in moved})
            a, b = places
            assert b - a >= 2 and b < 5
            assert torch.equal(swapped[n, :, 2 * a : 2 * a + 2], plain[n, :, 2 * b : 2 * b + 2])
            assert torch.equal(swapped[n, :, 2 * b : 2 * b + 2], plain[n, :, 2 * a : 2 * a + 2])
            seen.add((a, b))
    assert len(seen) == 6  # all pairs of five that are two apart


def test_a_clip_that_stands_still_does_not_count():
    x = clips()
    x[1:] = x[1:, :, :1]
    views = order.draw_views(x, torch.full((4,), 20), generator(), 11)
    assert views.told.tolist() == [True, False, False, False]
    method = Order(encoder()).double().eval()
    alone = method(*(view[:1] for view in views))["loss"]
    torch.testing.assert_close(method(*views)["loss"], alone)
    nobody = method(*(view[1:] for view in views))["loss"]
    assert float(nobody.detach()) == 0 and nobody.requires_grad


def test_the_end_is_hidden():
    plain, masked, shuffled, label = ms2l.draw_views(clips(), LENGTHS, generator(), 11)
    for t in range(11):
        assert torch.equal(masked[:, :, t], plain[:, :, t] * (t < 7.7))
    assert torch.equal(shuffled, rearrange(plain, orders(3)[label]))


def test_plain_views_may_be_cropped_and_sheared():
    x = clips().float()
    whole = draw_plain(x, LENGTHS, generator(), 5)
    sheared = draw_plain(x, LENGTHS, generator(), 5, PlainViews(shear=0.5))
    cropped = draw_plain(x, LENGTHS, generator(), 5, PlainViews(crop=(0.4, 0.6)))
    assert not torch.allclose(whole, sheared) and not torch.allclose(whole, cropped)
    flat = [v[0].reshape(3, -1) for v in (whole, sheared)]
    matrix = torch.linalg.lstsq(flat[0].T, flat[1].T).solution.T
    torch.testing.assert_close(matrix @ flat[0], flat[1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(matrix.diagonal(), torch.ones(3), rtol=1e-4, atol=1e-4)


# ---- losses ----


def test_contrast_with_the_mean_by_loops():
    views = torch.randn(3, 5, 4, dtype=torch.float64)
    total = 0.0
    for view in views:
        mean = (views[0] + views[1] + views[2]) / 3
        z = [v / v.norm() for v in (*view, *mean)]
        for i in range(10):
            own = (i + 5) % 10
            logits = [(-1.0 if j == i else float(z[i] @ z[j])) / 0.9 for j in range(10)]
            total += -logits[own] + math.log(sum(math.exp(value) for value in logits))
    torch.testing.assert_close(float(contrast_with_mean(views)), total / 30)


def test_gradients_of_the_contrast_reach_the_mean():
    views = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: contrast_with_mean(v, 0.5), views)


def test_guessing_costs_the_logarithm_of_what_there_is():
    for count in (2, 6, 24):
        loss = recognition(torch.zeros(8, count), torch.arange(8) % count)
        assert float(loss) == pytest.approx(math.log(count))


def test_recognition_counts_those_that_count():
    logits, label = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    counts = torch.tensor([True, False, True, True])
    terms = [-float(logits[n].log_softmax(dim=0)[label[n]]) for n in (0, 2, 3)]
    assert float(recognition(logits, label, counts)) == pytest.approx(sum(terms) / 3)
    assert float(recognition(logits, label, counts & False)) == 0


# ---- steps ----


def same_gradients(method, found, wanted):
    torch.testing.assert_close(found, wanted)
    weights = [p for p in method.parameters() if p.requires_grad]
    one, other = (
        torch.autograd.grad(value, weights, allow_unused=True) for value in (found, wanted)
    )
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)


def through(head, vectors):
    """MS2L's head on the vectors of one view, BatchNorm written out."""
    first, norm, _, last = head
    y = vectors @ first.weight.T + first.bias
    deviation = (y - y.mean(dim=0)).square().mean(dim=0).add(norm.eps).sqrt()
    y = (y - y.mean(dim=0)) / deviation * norm.weight + norm.bias
    return y.clamp_min(0) @ last.weight.T + last.bias


def test_a_step_of_the_jigsaw():
    method = Jigsaw(encoder(), JigsawViews(puzzle=Puzzle(stretches=4, orders=5)), width=7).double()
    views = method.views(clips(), LENGTHS, generator())
    logits = through(method.head, method.encoder(views.shuffled))
    assert logits.shape == (4, 5)
    wanted = -sum(logits[n].log_softmax(dim=0)[views.label[n]] for n in range(4)) / 4
    same_gradients(method, method(*views)["loss"], wanted)


def test_a_step_of_the_order():
    method = Order(encoder("tcn"), OrderViews(stretches=5)).double()
    plain, swapped, told = method.views(clips(), LENGTHS, generator())
    told[2] = False
    vectors = method.encoder(torch.cat([plain, swapped]))  # one batch, one BatchNorm
    total = 0.0
    for n in (0, 1, 3):
        for label, vector in ((1, vectors[n]), (0, vectors[4 + n])):
            logits = method.head.weight @ vector + method.head.bias
            total = total - logits.log_softmax(dim=0)[label] / 6
    same_gradients(method, method(plain, swapped, told)["loss"], total)


@pytest.mark.parametrize("stream", ["joint", "bone"])
def test_a_step_of_ms2l(stream):
    method = MS2L(
        encoder(stream=stream), motion=2.0, jigsaw=0.5, contrast=3.0, width=7, feature=5, decoder=4
    ).double()
    plain, masked, shuffled, label = views = method.views(clips(), LENGTHS, generator())
    terms = method(*views)
    vectors, frames = method.encoder.both(torch.cat([plain, masked, shuffled]))
    heads = method.heads
    states, _ = heads["motion"].gru(frames[4:8].transpose(0, 1))
    predicted = states @ heads["motion"].out.weight.T + heads["motion"].out.bias
    predicted = predicted.view(11, 4, 3, 15)
    parents, error, counted = SBU15.bones, 0.0, 0
    for n in range(4):
        for t in range(11):
            for v in range(15):
                pose = plain[n, :, t, :, 0]
                if not pose[:, v].any():
                    continue
                there = pose[:, v] - (pose[:, parents[v]] if stream == "bone" else 0)
                error = error + (predicted[t, n, :, v] - there).square().sum()
                counted += 3
    assert counted == 4 * 11 * 14 * 3
    logits = through(heads["jigsaw"], vectors[8:])
    named = -sum(logits[n].log_softmax(dim=0)[label[n]] for n in range(4)) / 4
    z = torch.stack([through(heads["contrast"], view) for view in vectors.chunk(3)])
    wanted = {
        "motion": 2 * error / counted, "jigsaw": 0.5 * named, "contrast": 3 * contrast_with_mean(z),
    }  # fmt: skip
    assert set(terms) == {*wanted, "loss"}
    for name, value in wanted.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    same_gradients(method, terms["loss"], sum(wanted.values()))


def test_tasks_of_weight_0_are_left_out():
    for name in ("motion", "jigsaw", "contrast"):
        off = {key: 0.0 for key in ("motion", "jigsaw", "contrast") if key != name}
        method = MS2L(encoder(), width=7, feature=5, **off).double()
        terms = method(*method.views(clips(), LENGTHS, generator()))
        assert set(terms) == {"loss", name} and set(method.heads) == {name}


def test_the_encoder_learns_to_name_orders():
    """A body that rises: whoever looks at heights can tell its stretches apart."""
    x = torch.linspace(0, 1, 20).view(1, 1, 20, 1, 1) + 0.02 * torch.randn(32, 3, 20, 15, 1)
    method, lengths = Jigsaw(encoder(), width=16), torch.full((32,), 20)
    optimizer = torch.optim.Adam(method.parameters(), lr=2e-2)
    for seed in range(25):
        loss = method(*method.views(x, lengths, generator(seed)))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.9 < math.log(6)


# ---- bad settings ----


def test_bad_settings():
    short = encoder(frames=2)
    for made in (Jigsaw, MS2L, Order):
        with pytest.raises(ValueError, match=r"encoder\.frames=2: too few to cut in \d"):
            made(short)
    with pytest.raises(InputError, match=r"views\.orders=7: 3 stretches have 6; take 2 to 6"):
        Puzzle(orders=7)
    with pytest.raises(InputError, match=r"views\.orders=1: "):
        Puzzle(stretches=2, orders=1)
    with pytest.raises(InputError, match=r"views\.stretches: .* less than or equal to 7"):
        Puzzle(stretches=8)
    with pytest.raises(InputError, match=r"views\.apart=5: must be below stretches = 5"):
        OrderViews(stretches=5, apart=5)
    with pytest.raises(InputError, match=r"views\.mask: .*less than 1"):
        MS2LViews(mask=1.0)
    with pytest.raises(ValueError, match="there is no task left"):
        MS2L(encoder(), motion=0, jigsaw=0, contrast=0)
    stgcn = ENCODERS["stgcn"](SBU15, persons=1, width=2, frames=16)
    with pytest.raises(ValueError, match=r"ms2l needs an encoder .*, not STGCN"):
        MS2L(stgcn)
