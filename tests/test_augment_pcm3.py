"""PCM3's mixing and masking: what is drawn, by the released rules, and what is done with it."""

import pytest
import torch

from skelf.augment.pcm3 import Mix, draw_clips, draw_mask, draw_mix, mask_outside, mix, part_table
from skelf.layouts import LAYOUTS, NTU25, SBU15

CPU = torch.device("cpu")
NTU = part_table(NTU25, CPU)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def mixes(kind, count=9, frames=64, parts=NTU, draws=300):
    kinds = tuple(float(kind == name) for name in ("cut", "resize", "mixup"))
    g = generator(1)
    return [draw_mix(count, frames, parts, g, kinds) for _ in range(draws)]


@pytest.mark.parametrize("skeleton", LAYOUTS.values(), ids=list(LAYOUTS))
def test_part_table(skeleton):
    table = part_table(skeleton, CPU)
    assert (table.sum(dim=0) == 1).all()
    for row, joints in zip(table, skeleton.parts.values(), strict=True):
        assert row.nonzero().flatten().tolist() == sorted(joints)


def window(made):
    """First frame, length and joints of a pasted region, whose weight is 0 or 1."""
    assert set(made.weight.unique().tolist()) == {0.0, 1.0}
    frames = made.weight.amax(dim=1).nonzero().flatten()
    joints = made.weight.amax(dim=0).bool()
    start, length = int(frames[0]), len(frames)
    assert torch.equal(frames, torch.arange(start, start + length))
    assert torch.equal(made.weight[frames][:, joints], torch.ones(length, int(joints.sum())))
    return start, length, joints


@pytest.mark.parametrize("kind", ["cut", "resize"])
def test_pasted_regions(kind):
    starts, lengths, numbers, chosen = set(), set(), set(), torch.zeros(5)
    for made in mixes(kind):
        start, length, joints = window(made)
        parts = (NTU & joints).any(dim=1)
        assert torch.equal((NTU & parts[:, None]).any(dim=0), joints)  # whole parts
        starts.add(start), lengths.add(length), numbers.add(int(parts.sum()))
        chosen += parts
        share = length // 4 * int(joints.sum()) / 400  # the fraction of the grid, sources P5
        assert float(made.weight.mean()) == pytest.approx(share, rel=1e-5)
    assert lengths == {28, 32, 36, 40, 44} and numbers == {2, 3}
    assert {start % 4 for start in starts} == {0} and min(starts) == 0 and max(starts) == 36
    assert (chosen / 300 > 0.4).all() and (chosen / 300 < 0.6).all()


def test_which_frames_are_pasted():
    for made in mixes("cut", draws=20):
        assert torch.equal(made.source, torch.arange(64))
    for made in mixes("resize", draws=50):
        start, length, _ = window(made)
        taken = min(64, 2 * length)
        nearest = [int(i * taken / length) for i in range(length)]
        assert made.source[start : start + length].tolist() == nearest


def test_mixup_is_uniform_and_everywhere():
    weights = [made.weight for made in mixes("mixup")]
    assert all(len(weight.unique()) == 1 for weight in weights)
    blends = torch.stack([weight[0, 0] for weight in weights])
    assert 0 <= blends.min() < 0.05 and 0.95 < blends.max() <= 1
    assert float(blends.mean()) == pytest.approx(0.5, abs=0.05)


def test_partners_and_kinds():
    g, shifts, kinds = generator(2), set(), {"cut": 0, "resize": 0, "mixup": 0}
    for _ in range(400):
        made = draw_mix(9, 64, NTU, g)
        (shift,) = {(int(p) - i) % 9 for i, p in enumerate(made.partner)}
        shifts.add(shift)
        uneven = not torch.equal(made.source, torch.arange(64))
        mixup = len(made.weight.unique()) == 1
        kinds["mixup" if mixup else "resize" if uneven else "cut"] += 1
    assert shifts == set(range(1, 8))  # 1 to N - 2
    assert kinds["cut"] / 400 == pytest.approx(0.5, abs=0.08)
    assert kinds["resize"] / 400 == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("frames", [1, 3, 5, 8, 50])
def test_small_batches_and_short_clips(count, frames):
    parts, x = part_table(SBU15, CPU), torch.randn(count, 3, frames, 15, 1)
    for kinds in ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)):
        for seed in range(10):
            made = draw_mix(count, frames, parts, generator(seed), kinds)
            assert int(made.source.min()) >= 0 and int(made.source.max()) < frames
            assert 0 <= float(made.weight.mean()) <= 1
            mixed = mix(x, *made)
            assert mixed.shape == x.shape and mixed.isfinite().all()
            assert count == 1 or (made.partner != torch.arange(count)).all()


def test_mix_by_loop():
    x, g = torch.randn(4, 3, 6, 15, 2), generator(3)
    made = Mix(
        torch.tensor([1, 2, 3, 0]),
        torch.randint(6, (6,), generator=g),
        torch.rand(6, 15, generator=g).round(decimals=1),
    )
    mixed = mix(x, *made)
    for n in range(4):
        for t in range(6):
            for v in range(15):
                w = made.weight[t, v]
                other = x[made.partner[n], :, made.source[t], v]
                torch.testing.assert_close(mixed[n, :, t, v], (1 - w) * x[n, :, t, v] + w * other)
    for weight, expected in ((0.0, x), (1.0, x[made.partner][:, :, made.source])):
        assert torch.equal(mix(x, made.partner, made.source, torch.full((6, 15), weight)), expected)


def test_mask_fraction_and_segments():
    g, total = generator(4), torch.zeros(64, 25)
    for _ in range(400):
        mask = draw_mask(64, NTU, g)
        assert mask.shape == (64, 25) and mask.dtype == torch.bool
        segments = mask.view(8, 8, 25)
        assert (segments == segments[:, :1]).all()
        for segment in segments[:, 0]:
            parts = (NTU & segment).any(dim=1)
            assert int(parts.sum()) == 3
            assert torch.equal((NTU & parts[:, None]).any(dim=0), segment)
        total += mask
    share = total / 400
    assert float(share.mean()) == pytest.approx(0.6, abs=0.01)
    assert share.min() > 0.5 and share.max() < 0.7


@pytest.mark.parametrize(
    "parts, ratio, masked", [(5, 0.6, 3), (5, 0.1, 1), (10, 0.6, 6), (2, 0.6, 1), (3, 1.0, 3)]
)
def test_number_of_masked_parts(parts, ratio, masked):
    mask = draw_mask(20, torch.eye(parts, dtype=torch.bool), generator(), ratio, segment=8)
    assert (mask.sum(dim=1) == masked).all() and mask.shape == (20, parts)


def test_clips_and_what_is_outside():
    starts = draw_clips(4000, 10, 4, generator())
    assert starts.unique().tolist() == list(range(7))
    assert torch.equal(draw_clips(3, 8, 8, generator()), torch.zeros(3, dtype=torch.int64))
    x = torch.rand(2, 3, 10, 15, 2) + 1
    cut = mask_outside(x, torch.tensor([0, 5]), 4)
    for n, start in enumerate((0, 5)):
        for t in range(10):
            inside = start <= t < start + 4
            assert torch.equal(cut[n, :, t], x[n, :, t] if inside else torch.zeros(3, 15, 2))
