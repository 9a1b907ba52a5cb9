"""Augmentations: the released code's numbers (sources U18), loops, what every draw keeps to."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from skelf.augment.basic import (
    blend,
    crop_resize,
    draw_crops,
    draw_joints,
    draw_matrices,
    draw_shears,
    map_joints,
)
from skelf.augment.usdrl import Distortion, USDRLViews, draw_views

CPU = torch.device("cpu")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def distorted(**changes):
    return USDRLViews(distortion=Distortion(**changes))


def ramp(length, padded=None):
    """One clip whose joint is the number of its frame; padding is NaN."""
    x = torch.full((1, 1, padded or length, 1, 1), torch.nan)
    x[0, 0, :length, 0, 0] = torch.arange(length)
    return x


def crop(x, start, span, frames=64):
    return crop_resize(x, torch.tensor([start]), torch.tensor([span]), frames)[0, 0, :, 0, 0]


def test_resize_goldens():
    whole = crop(ramp(100), 0, 100)
    torch.testing.assert_close(whole[:3], torch.tensor([0.28125, 1.84375, 3.40625]))
    assert (float(whole[31]), float(whole[-1])) == (48.71875, 98.71875)
    centre = crop(ramp(100), 2, 96)
    assert (float(centre[0]), float(centre[-1])) == (2.25, 96.75)
    longer = crop(ramp(40), 0, 40)
    torch.testing.assert_close(longer[:4], torch.tensor([0, 0.4375, 1.0625, 1.6875]))
    torch.testing.assert_close(longer[-2:], torch.tensor([38.5625, 39]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [1, 5, 50, 3200])
def test_blend_by_loop(width, dtype):
    rows = torch.randn(6, width, generator=seeded(), dtype=dtype)
    weight = torch.randn(9, 4, generator=seeded(1), dtype=dtype)
    for kind in (torch.int32, torch.int64):
        index = torch.randint(6, (9, 4), generator=seeded(2)).to(kind)
        made = blend(rows, index, weight)
        for i in range(9):
            expected = sum(weight[i, j] * rows[index[i, j]] for j in range(4))
            torch.testing.assert_close(made[i], expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_crop_resize_is_linear_interpolation(data):
    clips, frames = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 40))
    lengths = data.draw(st.lists(st.integers(1, 80), min_size=clips, max_size=clips))
    views = data.draw(st.integers(1, 3))
    generator = seeded(data.draw(st.integers(0, 99)))
    x = torch.full((clips, 3, max(lengths), 2, 2), torch.nan)  # padding must never be read
    for clip, length in enumerate(lengths):
        x[clip, :, :length] = torch.randn(3, length, 2, 2, generator=generator)
    spans = [[data.draw(st.integers(1, length)) for length in lengths] for _ in range(views)]
    starts = [
        [
            data.draw(st.integers(0, length - span))
            for length, span in zip(lengths, row, strict=True)
        ]
        for row in spans
    ]
    out = crop_resize(x, torch.tensor(starts), torch.tensor(spans), frames)
    assert out.shape == (views * clips, 3, frames, 2, 2)
    for row, resized in enumerate(out):
        view, clip = divmod(row, clips)
        start, span = starts[view][clip], spans[view][clip]
        cut = x[clip, :, start : start + span].permute(0, 2, 3, 1).reshape(1, 12, span)
        expected = F.interpolate(cut, size=frames, mode="linear", align_corners=False)
        expected = expected.view(3, 2, 2, frames).permute(0, 3, 1, 2)
        torch.testing.assert_close(resized, expected, rtol=1e-4, atol=1e-5)


def test_any_memory_order_gives_the_same():
    x = torch.randn(3, 3, 50, 4, 2, generator=seeded())
    rows = x.permute(0, 2, 4, 3, 1).contiguous().permute(0, 4, 1, 3, 2)  # coordinates innermost
    start, span = torch.tensor([0, 5, 9]), torch.tensor([50, 20, 1])
    assert torch.equal(crop_resize(x, start, span, 16), crop_resize(rows, start, span, 16))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=8),
    st.integers(1, 100),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.integers(0, 999),
)
def test_crops_stay_within_their_clip(lengths, frames, ratio, seed):
    lengths = torch.tensor(lengths)
    start, span = draw_crops(lengths, frames, tuple(ratio), 3, seeded(seed))
    assert start.shape == span.shape == (3, len(lengths))
    assert (start >= 0).all() and (start + span <= lengths).all()
    short = lengths <= frames
    assert (span[:, short] == lengths[short]).all() and (start[:, short] == 0).all()
    assert (span[:, ~short] >= frames).all()
    assert (span <= (ratio[1] * lengths).floor().clamp_min(frames) + 1).all()


def test_every_crop_can_be_drawn():
    lengths = torch.full((40000,), 20)
    start, span = draw_crops(lengths, 16, (0.1, 1.0), 1, seeded())
    drawn = torch.stack([start[0], span[0]]).unique(dim=1)
    # floor(20 r) reaches 19 at most, as r < 1.
    assert drawn.T.tolist() == sorted([s, n] for n in (16, 17, 18, 19) for s in range(20 - n + 1))
    share = (span == 16).float().mean()  # r < 0.85, of [0.1, 1)
    assert abs(share - 0.75 / 0.9) < 0.01
    first = start[span == 16].bincount() / (span == 16).sum()
    torch.testing.assert_close(first, torch.full((5,), 0.2), atol=0.015, rtol=0)


def test_map_joints_is_a_times_x():
    x, matrices = torch.randn(3, 3, 4, 5, 2, generator=seeded()), torch.randn(3, 3, 3)
    joints = draw_joints(3, 5, 0.4, seeded(), CPU)
    result, everywhere = map_joints(x, matrices, joints), map_joints(x, matrices)
    for n in range(3):
        for t in range(4):
            for v in range(5):
                for m in range(2):
                    mapped = matrices[n] @ x[n, :, t, v, m]
                    expected = mapped if joints[n, v] else x[n, :, t, v, m]
                    torch.testing.assert_close(everywhere[n, :, t, v, m], mapped)
                    torch.testing.assert_close(result[n, :, t, v, m], expected)


def test_drawn_matrices():
    shears = draw_shears(2000, 3, 0.5, seeded(), CPU)
    assert (shears.diagonal(dim1=1, dim2=2) == 1).all()
    others = shears[:, ~torch.eye(3, dtype=torch.bool)]
    assert others.abs().max() <= 0.5 and others.max() > 0.49 and others.min() < -0.49
    assert abs(float(others.mean())) < 0.01
    matrices = draw_matrices(2000, 2, 1.0, seeded(), CPU)
    assert matrices.shape == (2000, 2, 2)
    assert matrices.abs().max() <= 1 and matrices.max() > 0.99 and matrices.min() < -0.99


@pytest.mark.parametrize("joints", [25, 20, 17, 15])
def test_drawn_joints(joints):
    chosen = draw_joints(500, joints, 0.6, seeded(), CPU)
    assert (chosen.sum(dim=1) == round(0.6 * joints)).all()
    share = chosen.float().mean(dim=0)  # every joint equally often
    torch.testing.assert_close(share, torch.full((joints,), 0.6), atol=0.08, rtol=0)


def batch(lengths=(100, 70, 20), joints=25, persons=2, channels=3):
    x = torch.full((len(lengths), channels, max(lengths), joints, persons), torch.nan)
    for row, length in enumerate(lengths):
        x[row, :, :length] = torch.randn(channels, length, joints, persons, generator=seeded(row))
    return x, torch.tensor(lengths)


@pytest.mark.parametrize("persons, channels", [(1, 3), (2, 2), (3, 3)])
def test_views_are_finite_whatever_the_padding(persons, channels):
    x, lengths = batch(persons=persons, channels=channels)
    views = draw_views(x, lengths, seeded(), 16, USDRLViews(number=3))
    assert len(views) == 3
    assert all(view.shape == (3, channels, 16, 25, persons) for view in views)
    assert all(view.isfinite().all() for view in views)


def test_views_follow_from_the_generator_and_differ():
    x, lengths = batch()
    views, again = (draw_views(x, lengths, seeded(5), 16) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(views, again, strict=True))
    other = draw_views(x, lengths, seeded(6), 16)
    for a in range(4):
        assert all(not torch.equal(views[a], views[b]) for b in range(a))
        assert not torch.equal(views[a], other[a])


def test_views_without_change_are_the_resized_crops():
    x, lengths = batch()
    generator = seeded(3)
    start, span = draw_crops(lengths, 16, (0.1, 1.0), 4, generator)
    plain = crop_resize(x, start, span, 16)
    views = torch.cat(draw_views(x, lengths, seeded(3), 16, distorted(corruption=0.0, shear=0.0)))
    torch.testing.assert_close(views, plain)


@pytest.mark.parametrize("joints", [25, 20, 17])
def test_corruption_touches_the_same_joints_everywhere(joints):
    x, lengths = batch((30, 30, 30), joints)
    plain = torch.cat(draw_views(x, lengths, seeded(), 8, distorted(corruption=0.0, shear=0.0)))
    spoiled = torch.cat(draw_views(x, lengths, seeded(), 8, distorted(corruption=1.0, erase=0.0)))
    same = (spoiled == plain).all(dim=1)  # (N, T, V, M)
    assert torch.equal(same.all(dim=3).all(dim=1), same.any(dim=3).any(dim=1))
    assert ((~same[:, 0, :, 0]).sum(dim=1) == round(0.6 * joints)).all()
    erased = torch.cat(draw_views(x, lengths, seeded(), 8, distorted(corruption=1.0, erase=1.0)))
    assert torch.equal((erased == 0).all(dim=1), ~same)
    # One matrix maps every corrupted joint of a clip, in every frame and person.
    for before, after, kept in zip(plain, spoiled, same, strict=True):
        source, target = before[:, ~kept].T, after[:, ~kept].T
        matrix = torch.linalg.lstsq(source, target).solution
        torch.testing.assert_close(source @ matrix, target, rtol=1e-3, atol=1e-4)
        assert matrix.abs().max() <= 1 + 1e-4


def test_half_of_the_views_are_corrupted_and_half_of_those_erased():
    x, lengths = torch.ones(2000, 3, 8, 10, 1), torch.full((2000,), 8)
    views = torch.cat(draw_views(x, lengths, seeded(), 8, USDRLViews(number=2)))
    zeros = (views[:, :, 0, :, 0] == 0).all(dim=1).sum(dim=1)
    untouched = (views[:, :, 0, :, 0] == 1).all(dim=1).sum(dim=1)
    assert set(zeros.tolist()) == {0, 6}
    assert abs(float((zeros == 6).float().mean()) - 0.25) < 0.03
    assert abs(float((untouched == 4).float().mean()) - 0.5) < 0.03
    assert abs(float((untouched == 0).float().mean()) - 0.5) < 0.03  # sheared: every joint


@pytest.mark.parametrize("shape", [(4, 3, 20, 7, 2), (3, 4, 5, 6, 1)])
def test_memory_order_plays_no_part(shape):
    """Batches lie in memory as (N, C, T, V, M); tensors of users may lie otherwise."""
    generator = torch.Generator().manual_seed(0)
    n, c, t, v, m = shape
    x = torch.randn(n, t, m, v, c, generator=generator).permute(0, 4, 1, 3, 2)
    matrices = torch.randn(n, c, c, generator=generator)
    joints = torch.rand(n, v, generator=generator) < 0.5
    start, span = torch.ones(2, n, dtype=torch.long), torch.full((2, n), t - 2)
    for other in (x.contiguous(), x[:, :, :-1], torch.cat([x, x], dim=3)[:, :, :, :v]):
        same = x[:, :, : other.shape[2]]
        assert torch.equal(map_joints(other, matrices, joints), map_joints(same, matrices, joints))
        expected = torch.where(
            joints[:, None, None, :, None], torch.einsum("nij,njtvm->nitvm", matrices, same), same
        )
        assert torch.allclose(map_joints(other, matrices, joints), expected, atol=1e-5)
        assert torch.equal(
            crop_resize(other, start, span - 1, 8), crop_resize(same, start, span - 1, 8)
        )
