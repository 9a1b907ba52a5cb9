"""Masked methods: views, encoder and one step of each against slow loops written from the facts."""

import copy
import math

import pytest
import torch
from layout_cases import CASES
from torch import nn
from torch.nn import functional as F

from skelf.augment.masked import (
    MotionViews,
    RandomViews,
    Stretch,
    TransformedViews,
    cut,
    draw_hidden,
    draw_stretch,
    draw_transformed,
    motion_of,
    visible,
)
from skelf.encoders import ENCODERS
from skelf.encoders.patches import Block, Patches
from skelf.layouts import KINECT20, SBU15
from skelf.losses.latent import latent_cross_entropy
from skelf.methods import METHODS, _masked, sjepa
from skelf.methods._masked import ahead
from skelf.methods.mamp import MAMP
from skelf.methods.sjepa import SJEPA
from skelf.methods.skeletonmae import SkeletonMAE

LENGTHS = torch.tensor([24, 20, 9])


def clips(count=3, channels=3, frames=24, joints=15, persons=2, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, frames, joints, persons, generator=draw)


def encoder(skeleton=SBU15, **sizes):
    torch.manual_seed(0)
    return Patches(skeleton, **{"dim": 8, "layers": 2, "frames": 10, "heads": 2, **sizes})


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- views ----


@pytest.mark.parametrize(("frames", "size"), [(8, 4), (10, 4), (3, 4), (5, 1)])
def test_patches_by_a_loop(frames, size):
    x = clips(frames=frames)
    found = cut(x, size)
    count = math.ceil(frames / size)
    assert found.shape == (6, count, 15, size * 3)
    for n, m, p, v in ((0, 0, 0, 0), (2, 1, count - 1, 14), (1, 0, count // 2, 7)):
        for u in range(size):
            t = min(p * size + u, frames - 1)
            assert torch.equal(found[2 * n + m, p, v, 3 * u : 3 * u + 3], x[n, :, t, v, m])


def test_motion_by_a_loop():
    patches, known = torch.randn(2, 4, 3, 6), torch.rand(2, 4, 3, 6) < 0.8
    found = motion_of(patches, known)
    for b in range(2):
        for p in range(4):
            for v in range(3):
                here, other = max(p, 1), max(p, 1) - 1
                total = sum(
                    abs(float(patches[b, here, v, f] - patches[b, other, v, f]))
                    for f in range(6)
                    if known[b, here, v, f] and known[b, other, v, f]
                )
                assert float(found[b, p, v]) == pytest.approx(total / 6, abs=1e-6)
    assert not motion_of(patches[:, :1], known[:, :1]).any()


def test_how_many_are_seen_is_rounded_as_released():
    assert [visible(750, 0.9), visible(750, 0.0), visible(2, 0.9), visible(10, 1.0)] == [
        74, 750, 1, 1,
    ]  # fmt: skip


def test_every_patch_is_seen_or_hidden_and_those_that_move_are_hidden_more_often():
    motion = torch.zeros(4000, 20)
    motion[:, :5], motion[:, 5:10] = 1.0, 0.5
    kept, hidden = draw_hidden(motion, 0.5, 0.5, generator())
    assert kept.shape == hidden.shape == (4000, 10)
    assert torch.equal(torch.cat([kept, hidden], dim=1).sort(dim=1).values[0], torch.arange(20))
    share = torch.zeros(4000, 20).scatter_(1, hidden, 1.0).mean(dim=0)
    moving, half, still = share[:5].mean(), share[5:10].mean(), share[10:].mean()
    assert moving > half + 0.1 > still + 0.2
    _, alike = draw_hidden(motion, 0.5, None, generator())
    assert torch.zeros(4000, 20).scatter_(1, alike, 1.0).mean(dim=0).sub(0.5).abs().max() < 0.04
    # The first one hidden of many is drawn with the softmax's odds.
    _, first = draw_hidden(motion[:, [0, 19]].expand(4000, 2), 0.5, 0.5, generator(1))
    assert float((first == 0).float().mean()) == pytest.approx(1 / (1 + math.exp(-2)), abs=0.02)


@pytest.mark.parametrize("channels", [2, 3])
def test_a_stretch_is_turned_as_a_whole(channels):
    x = clips(channels=channels)
    still = draw_stretch(x, LENGTHS, generator(), 10, Stretch(crop=(1, 1), turn=0.0))
    assert torch.equal(still, draw_stretch(x, LENGTHS, generator(), 10, Stretch(least=24, turn=0)))
    turned = draw_stretch(x, LENGTHS, generator(), 10, Stretch(crop=(1, 1), turn=0.3))
    assert turned.shape == (3, channels, 10, 15, 2) and not torch.allclose(turned, still, atol=0.01)
    torch.testing.assert_close(turned.norm(dim=1), still.norm(dim=1))
    a, b = (y.permute(0, 2, 4, 3, 1).flatten(1, 3).double() for y in (still, turned))
    torch.testing.assert_close(torch.cdist(a, a), torch.cdist(b, b), atol=1e-3, rtol=1e-3)


def test_a_moved_stretch_is_the_plain_one_in_another_place():
    x = torch.cat([clips(), torch.ones(3, 1, 24, 15, 2)], dim=1)
    x[:, :, :, 4] = 0  # an absent joint
    how = TransformedViews(stretch=Stretch(crop=(1, 1)), shift=0.5, mirror=1.0)
    plain, moved = draw_transformed(x, LENGTHS, generator(), 10, how, 3)
    assert not moved[:, :, :, 4].any() and torch.equal(plain[:, 3], moved[:, 3])
    a, b = (y[:, :3, :, 5:].permute(0, 2, 4, 3, 1).flatten(1, 3).double() for y in (plain, moved))
    torch.testing.assert_close(torch.cdist(a, a), torch.cdist(b, b), atol=1e-3, rtol=1e-3)
    for one, other in zip(a, b, strict=True):  # turned, mirrored and shifted by one matrix a clip
        ones = torch.ones(len(one), 1)
        map_ = torch.linalg.lstsq(torch.cat([one, ones], dim=1), other).solution
        assert float(torch.linalg.det(map_[:3])) == pytest.approx(-1, abs=1e-3)
        assert map_[3].abs().max() <= 0.5 and map_[3].abs().max() > 0.01
    off = TransformedViews(stretch=Stretch(turn=0.0), shift=0.0, mirror=0.0)
    torch.testing.assert_close(*draw_transformed(x, LENGTHS, generator(), 10, off, 3))


# ---- the encoder ----


def slow_blocks(blocks, last, h, heads):
    """The pre-norm layers by torch's own."""
    for block in blocks:
        D = h.shape[-1]
        layer = nn.TransformerEncoderLayer(
            D, heads, 4 * D, 0.0, "gelu", batch_first=True, norm_first=True, dtype=h.dtype
        )
        names = {"attention": "self_attn", "fc1": "linear1", "fc2": "linear2"}
        given = dict(block.named_parameters())
        for name, value in given.items():
            first, _, rest = name.partition(".")
            _assign(layer, f"{names.get(first, first)}.{rest}", value)
        h = layer(h)
    return F.layer_norm(h, h.shape[-1:], last.weight, last.bias)


def _assign(module, name, value):
    *path, leaf = name.split(".")
    for part in path:
        module = getattr(module, part)
    assert getattr(module, leaf).shape == value.shape
    delattr(module, leaf)
    setattr(module, leaf, value)  # the very weight, so that its gradient can be asked for


def slow_embed(made, streamed, n, m):
    """Tokens of one person, patch by patch: `(L, D)`."""
    rows = []
    for p in range(made.grid[0]):
        for v in range(made.grid[1]):
            last = streamed.shape[2] - 1
            numbers = [
                streamed[n, :, min(p * made.patch + u, last), v, m] for u in range(made.patch)
            ]
            token = made.embed.weight @ torch.cat(numbers) + made.embed.bias
            rows.append(token + made.places.time[p, 0] + made.places.joint[v])
    return torch.stack(rows)


@pytest.mark.parametrize("stream", ["joint", "motion"])
def test_vectors_by_a_loop_over_persons_and_patches(stream):
    made, x = encoder(stream=stream).double(), clips(2, frames=10).double()
    x[1, ..., 1] = 0  # nobody
    streamed = made.streamed(x)
    vectors, rows = made.both(x)
    for n in range(2):
        tokens = [
            slow_blocks(made.blocks, made.last, slow_embed(made, streamed, n, m)[None], 2)[0]
            for m in range(2)
        ]
        mean = sum(tokens) / 2
        torch.testing.assert_close(vectors[n], mean.mean(dim=0))
        for t in range(10):
            torch.testing.assert_close(rows[n, t], mean.view(3, 15, 8)[t // 4].mean(dim=0))
    assert torch.equal(made(x), vectors) and torch.equal(made.frames(x), rows)


def test_what_is_not_kept_is_not_seen():
    made, x = encoder(persons=1).eval(), clips(2, frames=10, persons=1)
    patches = made.cut(made.streamed(x))
    kept = torch.stack([torch.tensor([40, 3, 17]), torch.tensor([0, 44, 9])])
    tokens = made.encode(patches, kept)
    assert tokens.shape == (2, 3, 8)
    changed = patches + 100.0
    changed[torch.arange(2)[:, None], kept] = patches[torch.arange(2)[:, None], kept]
    assert torch.equal(made.encode(changed, kept), tokens)
    order = torch.stack([torch.randperm(45) for _ in range(2)])
    whole = made.encode(patches)[torch.arange(2)[:, None], order]
    torch.testing.assert_close(made.encode(patches, order), whole, rtol=1e-4, atol=1e-5)
    made.chunk = 1
    torch.testing.assert_close(made.encode(patches, kept), tokens)


@pytest.mark.parametrize("skeleton", CASES)
def test_every_layout_gives_vectors_and_gradients(skeleton):
    made = encoder(skeleton, layers=1, frames=6)
    x = clips(frames=6, joints=skeleton.joints)
    vectors, rows = made.both(x)
    assert vectors.shape == (3, 8) and rows.shape == (3, 6, 8)
    (vectors.sum() + rows.square().sum()).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_first_weights():
    made = encoder(dim=64)
    for module in made.blocks.modules():
        if isinstance(module, nn.Linear):
            bound = math.sqrt(6 / sum(module.weight.shape))
            assert 0.95 * bound < float(module.weight.detach().abs().max()) <= bound
            assert not module.bias.any()
    for vectors in (made.places.time, made.places.joint):
        assert float(vectors.detach().std()) == pytest.approx(0.02, rel=0.2)
    assert isinstance(made.blocks[0], Block)


# ---- one step ----


def slow_prediction(method, kept, hidden, tokens):
    """What the predictor says of the hidden patches of one person, all places in their order."""
    predictor, D = method.predictor, method.predictor.mask.shape[0]
    L = len(kept) + len(hidden)
    at = {int(patch): row for row, patch in enumerate(kept)}
    rows = []
    for p in range(L):
        here = predictor.mask
        if p in at:
            here = predictor.embed.weight @ tokens[at[p]] + predictor.embed.bias
        time, joint = divmod(p, method.encoder.grid[1])
        rows.append(here + predictor.places.time[time, 0] + predictor.places.joint[joint])
    assert rows[0].shape == (D,)
    h = slow_blocks(predictor.blocks, predictor.last, torch.stack(rows)[None], 2)[0]
    return (h @ predictor.out.weight.T + predictor.out.bias)[hidden]


def slow_goal(made, streamed, n, m, patch, stride):
    """The standardised motion of a patch, or its standardised coordinates."""
    time, v = divmod(int(patch), made.grid[1])
    numbers, last = [], streamed.shape[2] - 1
    for u in range(made.patch):
        t = min(time * made.patch + u, last)
        here = streamed[n, :3, t, v, m]
        if stride is not None:
            inside = t + stride <= last
            here = streamed[n, :3, t + stride, v, m] - here if inside else torch.zeros_like(here)
        numbers += list(here)
    values = torch.stack(numbers)
    spread = ((values - values.mean()) ** 2).sum() / (len(values) - 1)
    return (values - values.mean()) / torch.sqrt(spread + 1e-6)


def gradients(loss, method):
    named = [(name, p) for name, p in method.named_parameters() if p.requires_grad]
    return dict(
        zip([n for n, _ in named], torch.autograd.grad(loss, [p for _, p in named]), strict=True)
    )


def assert_same_step(ours, theirs, method):
    torch.testing.assert_close(ours, theirs)
    one, other = gradients(ours, method), gradients(theirs, method)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], msg=name)
        assert value.any(), name


def step_of(made, x):
    """Views of clips in float64, and the encoder's tokens of the kept patches, person by person."""
    views = made.views(x, LENGTHS[:2], generator(3))
    return [v.double() if v.is_floating_point() else v for v in views]


@pytest.mark.parametrize("which", ["mamp", "stride", "mae"])
def test_a_step_by_a_loop(which):
    if which == "mae":
        method, stride = SkeletonMAE(encoder(), RandomViews(masked=0.8), decoder_layers=1), None
    else:
        stride = 1 if which == "mamp" else 3
        views = MotionViews(masked=0.8)
        method = MAMP(encoder(), views, stride=stride, decoder=4, decoder_layers=1)
    x = clips(2)
    x[1, ..., 1] = 0  # nobody, who counts all the same
    shown, kept, hidden = step_of(method, x)
    method.double()
    made, errors = method.encoder, []
    for n in range(2):
        for m in range(2):
            tokens = slow_embed(made, shown, n, m)[kept[n, m]]
            tokens = slow_blocks(made.blocks, made.last, tokens[None], 2)[0]
            said = slow_prediction(method, kept[n, m], hidden[n, m], tokens)
            for row, patch in zip(said, hidden[n, m], strict=True):
                errors.append(((row - slow_goal(made, shown, n, m, patch, stride)) ** 2).mean())
    ours = method(shown, kept, hidden)["loss"]
    assert_same_step(ours, torch.stack(errors).mean(), method)


def test_a_step_of_sjepa_by_a_loop():
    how = TransformedViews(masked=0.8)
    method = SJEPA(encoder(), how, predictor_layers=1, momentum=0.6).train()
    with torch.no_grad():
        for parameter in method.target.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator(1)))
        method.centre.normal_()
    plain, moved, kept, hidden = step_of(method, clips(2))
    method.double()
    made, target, losses, wanted = method.encoder, method.target, [], []
    for n in range(2):
        for m in range(2):
            seen = slow_embed(made, moved, n, m)[kept[n, m]]
            seen = slow_blocks(made.blocks, made.last, seen[None], 2)[0]
            said = slow_prediction(method, kept[n, m], hidden[n, m], seen)
            whole = slow_embed(target, plain, n, m)[None]
            goal = slow_blocks(target.blocks, target.last, whole, 2)[0][hidden[n, m]].detach()
            wanted += list(goal)
            for one, other in zip(said, goal, strict=True):
                p = torch.exp((other - method.centre) / 0.06)
                q = torch.exp(one / 0.1)
                losses.append(-((p / p.sum()) * (q / q.sum()).log()).sum())
    ours = method(plain, moved, kept, hidden)["loss"]
    assert_same_step(ours, torch.stack(losses).mean(), method)
    assert all(p.grad is None for p in target.parameters())
    before, centre = copy.deepcopy(target), method.centre.clone()
    method.after_step()
    torch.testing.assert_close(method.centre, 0.9 * centre + 0.1 * torch.stack(wanted).mean(dim=0))
    for was, now, query in zip(
        before.parameters(), target.parameters(), made.parameters(), strict=True
    ):
        torch.testing.assert_close(now, 0.6 * was + 0.4 * query)


def test_the_momentum_of_the_target_rises_by_a_cosine():
    method = SJEPA(encoder(layers=1), predictor_layers=1, momentum=0.9, momentum_epochs=10)
    found = []
    for epoch in (0, 5, 10, 11):
        method.start_epoch(epoch)
        found.append(method.momentum)
    assert found == pytest.approx([0.9, 0.95, 1.0, 1.0])
    steady = SJEPA(encoder(layers=1), predictor_layers=1, momentum=0.9)
    steady.start_epoch(7)
    assert steady.momentum == 0.9


# ---- who is absent, what is unknown ----


@pytest.mark.parametrize("name", ["mamp", "skeletonmae", "sjepa"])
def test_absent_persons_can_be_left_out(name):
    x = clips(3)
    x[0, ..., 1] = x[2, ..., 0] = 0
    made = METHODS[name](encoder(), absent=False).train()
    views = list(made.views(x, LENGTHS, generator()))
    loss = made(*views)["loss"]
    alone = METHODS[name](encoder(persons=1), absent=True).train()
    alone.load_state_dict(made.state_dict())
    rows = torch.tensor([0, 2, 3, 5])  # person m of clip n is row 2 * n + m
    one = [v.movedim(-1, 1).flatten(0, 1)[rows][..., None] for v in views if v.dim() == 5]
    one += [v.flatten(0, 1)[rows][:, None] for v in views if v.dim() == 3]
    torch.testing.assert_close(loss, alone(*one)["loss"])
    made.absent = True
    assert not torch.isclose(loss, made(*views)["loss"])
    made.absent = False
    assert made(*(v * 0 if v.dim() == 5 else v for v in views))["loss"].isfinite()


@pytest.mark.parametrize("name", ["mamp", "skeletonmae", "sjepa"])
def test_what_has_no_score_is_not_asked_for(name, monkeypatch):
    torch.manual_seed(0)
    sizes = {"in_channels": 4, "confidence": True, "frames": 8, "persons": 1}
    made = METHODS[name](encoder(**sizes)).train()
    x = torch.cat([clips(persons=1), torch.ones(3, 1, 24, 15, 1)], dim=1)
    views = list(made.views(x, LENGTHS, generator()))
    for view in views:
        if view.dim() == 5:
            view[:, :, :, 6:] = 0  # these joints are nowhere, as far as is known
    asked = []
    for n in range(3):
        asked += [int(p) % 15 < 6 for p in views[-1][n, 0]]
    counted = []

    def spy(original, place):
        def call(predicted, target, *more):
            counted.extend(more[place].flatten().tolist())
            return original(predicted, target, *more)

        return call

    monkeypatch.setattr(_masked, "masked_error", spy(_masked.masked_error, 0))
    monkeypatch.setattr(sjepa, "latent_cross_entropy", spy(latent_cross_entropy, 1))
    made(*views)
    assert counted == asked and any(asked) and not all(asked)


def test_motion_reaches_as_far_as_its_stride():
    x = clips(1, frames=5)
    for stride in (1, 2, 5, 9):
        found = ahead(x, stride)
        for t in range(5):
            inside = t + stride < 5
            right = x[:, :, t + stride] - x[:, :, t] if inside else torch.zeros_like(x[:, :, t])
            assert torch.equal(found[:, :, t], right)


def test_a_loss_of_nothing_is_nothing():
    zero = torch.zeros(2, 3, dtype=torch.bool)
    loss = latent_cross_entropy(torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.zeros(4), zero)
    assert float(loss) == 0


# ---- bad settings ----


@pytest.mark.parametrize("name", ["mamp", "skeletonmae", "sjepa"])
def test_an_encoder_that_sees_everything_is_refused(name):
    other = ENCODERS["sttr"](KINECT20, dim=8, frames=8)
    with pytest.raises(ValueError, match=rf"{name} needs an encoder .*\(patches\), not STTR"):
        METHODS[name](other)
    width = {"sjepa": "predictor"}.get(name, "decoder")
    with pytest.raises(ValueError, match="=7: must be divided by the encoder's 2 heads"):
        METHODS[name](encoder(), **{width: 7})
    with pytest.raises(ValueError, match=r"momentum=1\.5"):
        SJEPA(encoder(), momentum=1.5)
