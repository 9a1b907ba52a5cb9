"""AimCLR's augmentations: the released code's numbers from its own draws, loops, and properties."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.augment.aimclr import (
    blur,
    crop_padded,
    draw_angles,
    draw_axes,
    draw_flips,
    draw_noise,
    draw_sigmas,
    draw_starts,
    flip_joints,
    flip_time,
    rotations,
)
from skelf.augment.aimclr_views import (
    AimCLRViews,
    ExtremeDraws,
    NormalView,
    draw_extreme_view,
    draw_normal_view,
    extreme_view,
)
from skelf.augment.basic import crop_resize, draw_shears, map_frames, map_joints
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20, LAYOUTS, NTU25
from skelf.settings.options import from_flat

CPU = torch.device("cpu")
PADDING = 50 // 6


def take(x, at):
    """Frames `at` of each clip."""
    return map_frames(x, at, torch.eye(x.shape[1]).expand(len(x), -1, -1))


def crop(x, start, padding):
    return take(x, crop_padded(start, x.shape[2], padding))


def reverse(x, flipped):
    return take(x, flip_time(torch.arange(x.shape[2]).expand(len(x), -1), flipped))


def mask_axis(x, axis):
    return blur(x, torch.zeros(len(x)), axis)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clips(count=4, frames=12, skeleton=NTU25, channels=3, persons=2, seed=0):
    shape = (count, channels, frames, skeleton.joints, persons)
    return torch.randn(shape, generator=seeded(seed))


# ---- the released code's draws: Python's `random` and NumPy's legacy generator (sources C8) ----


def released_start():
    return torch.tensor([np.random.randint(0, 2 * PADDING + 1)])


def released_shear():
    a, b = ([random.uniform(-0.5, 0.5) for _ in range(3)] for _ in range(2))
    return torch.tensor([[[1, a[0], b[0]], [a[1], 1, b[1]], [a[2], b[2], 1]]])


def released_flip():
    return torch.tensor([random.random() < 0.5])


def released_rotation():
    main = random.randint(0, 2)
    angles = [math.radians(random.uniform(0, 30 if i == main else 1)) for i in range(3)]
    return rotations(torch.tensor([angles]))


def released_noise(shape=(3, 50, 25, 2)):
    if random.random() >= 0.5:
        return torch.zeros(1, *shape)
    return torch.from_numpy(np.random.normal(0, 0.01, shape)).float()[None]


def released_sigma():
    sigma = random.uniform(0.1, 2)
    return torch.tensor([sigma if np.random.random() < 0.5 else 0.0])


def released_axis():
    return torch.tensor([random.randint(0, 2) if random.random() < 0.5 else -1])


RELEASED = {
    "crop": lambda x: crop(x, released_start(), PADDING),
    "shear": lambda x: map_joints(x, released_shear()),
    "flip": lambda x: flip_joints(x, released_flip(), NTU25),
    "rotate": lambda x: map_joints(x, released_rotation()),
    "noise": lambda x: x + released_noise(),
    "blur": lambda x: blur(x, released_sigma()),
    "axis_mask": lambda x: mask_axis(x, released_axis()),
    "time_flip": lambda x: reverse(x, released_flip()),
}


def seed_both(seed):
    random.seed(seed)
    np.random.seed(seed)


def close(ours, released):
    released = torch.from_numpy(released).float()
    torch.testing.assert_close(ours[0], released, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", RELEASED)
def test_each_is_the_released(golden, name, seed):
    file = golden("augment")
    seed_both(seed)
    close(RELEASED[name](torch.from_numpy(file["x"])[None]), file[f"{name}_seed{seed}"])


@pytest.mark.parametrize("seed", range(6))
def test_views_are_the_released(golden, seed):
    file = golden("augment")
    x = torch.from_numpy(file["x"])[None]
    seed_both(seed)
    draws = ExtremeDraws(  # fields stand in the order of the released draws
        start=released_start(),
        padding=PADDING,
        shears=released_shear(),
        flipped=released_flip(),
        rotations=released_rotation(),
        backwards=torch.tensor([False]),
        noise=released_noise(),
        sigma=released_sigma(),
        axis=released_axis(),
    )
    close(extreme_view(x, draws, NTU25), file[f"triple12345_seed{seed}_extreme"])
    for view in ("q", "k"):
        cropped = crop(x, released_start(), PADDING)
        close(map_joints(cropped, released_shear()), file[f"triple12345_seed{seed}_{view}"])


# ---- against loops ----


@pytest.mark.parametrize("frames, padding", [(12, 2), (12, 12), (5, 0), (1, 1)])
def test_crop_by_loop(frames, padding):
    starts = range(2 * padding + 1)
    x = clips(len(starts), frames)
    result = crop(x, torch.tensor(starts), padding)
    for clip, start in enumerate(starts):
        before = [x[clip, :, t] for t in reversed(range(padding))]
        after = [x[clip, :, frames - 1 - t] for t in range(padding)]
        padded = [*before, *x[clip].unbind(1), *after]
        assert torch.equal(result[clip], torch.stack(padded[start : start + frames], dim=1))
    assert torch.equal(result[padding], x[padding])


@pytest.mark.parametrize("size", [15, 3])
def test_blur_by_loop(size):
    x, sigma = clips(3, 20, KINECT20), [0.7, 0.0, 2.0]
    result = blur(x, torch.tensor(sigma), size=size)
    assert torch.equal(result[1], x[1])
    for clip in (0, 2):
        for t in range(20):
            expected = torch.zeros(3, 20, 2)
            for d in range(-(size // 2), size // 2 + 1):
                if 0 <= t + d < 20:
                    expected += math.exp(-(d**2) / (2 * sigma[clip] ** 2)) * x[clip, :, t + d]
            torch.testing.assert_close(result[clip, :, t], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sigma, gain", [(0.1, 1.0), (0.5, 1.27), (1.0, 2.51), (2.0, 5.01)])
def test_blur_is_not_normalised(sigma, gain):
    still = torch.ones(1, 1, 30, 1, 1)
    assert float(blur(still, torch.tensor([sigma]))[0, 0, 15]) == pytest.approx(gain, abs=0.006)


@pytest.mark.parametrize("channels, persons", [(2, 1), (3, 2), (4, 3)])
def test_map_frames_by_loop(channels, persons):
    x = clips(3, 7, KINECT20, channels, persons)
    at = torch.randint(7, (3, 9), generator=seeded(1))
    matrices = torch.randn(3, channels, channels, generator=seeded(2))
    made = map_frames(x, at, matrices)
    assert made.shape == (3, channels, 9, 20, persons)
    for n in range(3):
        for t in range(9):
            expected = torch.einsum("dc,cvm->dvm", matrices[n], x[n, :, at[n, t]])
            torch.testing.assert_close(made[n, :, t], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rest", [0, 1])
@pytest.mark.parametrize("coordinates, persons", [(2, 1), (3, 2)])
def test_extreme_view_is_its_steps_in_order(coordinates, persons, rest):
    count, frames, padding = 6, 14, 3
    x = clips(count, frames, channels=coordinates + rest, persons=persons)
    x[:, coordinates:] = (x[:, coordinates:] > 0).float()
    draw = seeded(3)
    draws = ExtremeDraws(
        start=torch.tensor([0, 1, 3, 4, 5, 6]),
        padding=padding,
        shears=draw_shears(count, coordinates, 0.5, draw, CPU),
        flipped=torch.tensor([True, False] * 3),
        rotations=torch.randn(count, coordinates, coordinates, generator=draw),
        backwards=torch.tensor([True, True, False] * 2),
        noise=torch.randn(count, coordinates, frames, 25, persons, generator=draw),
        sigma=torch.tensor([0.0, 0.1, 0.5, 1.0, 1.5, 2.0]),
        axis=torch.tensor([0, 1, -1, 1, -1, 0]),
    )
    made = extreme_view(x, draws, NTU25)
    for n in range(count):
        before, after = x[n, :, :padding].flip(1), x[n, :, -padding:].flip(1)
        clip = torch.cat([before, x[n], after], dim=1)[:, draws.start[n] :][:, :frames]
        clip, score = clip.clone(), clip[coordinates:]
        for matrix in (draws.shears[n], draws.rotations[n]):
            clip[:coordinates] = torch.einsum("dc,ctvm->dtvm", matrix, clip[:coordinates])
        clip = clip[:, :, list(NTU25.flip)] if draws.flipped[n] else clip
        clip = clip.flip(1) if draws.backwards[n] else clip
        clip, score = clip[:coordinates] + draws.noise[n], clip[coordinates:]
        if draws.sigma[n]:
            distance = torch.arange(frames)[:, None] - torch.arange(frames)
            weight = torch.exp(-(distance**2) / (2 * draws.sigma[n] ** 2))
            weight[distance.abs() > 7] = 0
            clip = torch.einsum("ts,csvm->ctvm", weight, clip)
        if draws.axis[n] >= 0:
            clip[draws.axis[n]] = 0
        clip = torch.cat([clip * (score > 0), score]) if rest else clip
        torch.testing.assert_close(made[n], clip, rtol=1e-4, atol=1e-4)


# ---- properties ----


@pytest.mark.parametrize("skeleton", LAYOUTS.values(), ids=list(LAYOUTS))
def test_flips_twice_are_the_identity(skeleton):
    x, flipped = clips(skeleton=skeleton), torch.tensor([True, False, True, False])
    for flip in (reverse, lambda x, mask: flip_joints(x, mask, skeleton)):
        once = flip(x, flipped)
        assert torch.equal(once[~flipped], x[~flipped])
        assert not torch.equal(once[0], x[0]) and not torch.equal(once[2], x[2])
        assert torch.equal(flip(once, flipped), x)
    for left, right in skeleton.pairs:
        assert torch.equal(flip_joints(x, flipped, skeleton)[0, :, :, left], x[0, :, :, right])


def test_spatial_flip_is_the_released_permutation():
    x = torch.arange(25.0).view(1, 1, 1, 25, 1)
    flipped = flip_joints(x, torch.tensor([True]), NTU25).flatten().int().tolist()
    swapped = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24]
    assert flipped == [*swapped, 21, 22]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-4, 4)] * 3), min_size=1, max_size=4))
def test_rotation_keeps_distances_and_orientation(angles):
    matrices = rotations(torch.tensor(angles))
    torch.testing.assert_close(matrices.det(), torch.ones(len(angles)))
    x = clips(len(angles), 5)
    turned = map_joints(x, matrices)
    for a, b in NTU25.edges:
        before, after = ((y[:, :, :, a] - y[:, :, :, b]).norm(dim=1) for y in (x, turned))
        torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", range(3))
def test_rotation_leaves_its_axis(axis):
    angles = torch.zeros(1, 3)
    angles[0, axis] = 0.4
    x = clips(1)
    turned = map_joints(x, rotations(angles))
    torch.testing.assert_close(turned[:, axis], x[:, axis])
    others = [c for c in range(3) if c != axis]
    assert (turned[:, others] - x[:, others]).abs().mean() > 0.1


def test_flat_rotation_is_the_one_about_z():
    solid = rotations(torch.tensor([[0.0, 0.0, 0.3]]))
    assert torch.equal(rotations(torch.tensor([[0.3]])), solid[:, :2, :2])
    with pytest.raises(ValueError, match=r"\(N, 3\), or \(N, 1\)"):
        rotations(torch.zeros(2, 2))


def test_axis_mask():
    x = clips(4)
    masked = mask_axis(x, torch.tensor([0, 2, -1, 1]))
    assert torch.equal(masked[2], x[2])
    for clip, axis in ((0, 0), (1, 2), (3, 1)):
        assert not masked[clip, axis].any()
        others = [c for c in range(3) if c != axis]
        assert torch.equal(masked[clip, others], x[clip, others])


# ---- draws ----


def test_draws_have_the_released_distributions():
    count = 20000
    starts = draw_starts(count, 8, seeded(), CPU)
    assert starts.unique().tolist() == list(range(17))
    share = starts.bincount() / count
    torch.testing.assert_close(share, torch.full((17,), 1 / 17), atol=0.01, rtol=0)
    assert float(draw_flips(count, 0.3, seeded(), CPU).float().mean()) == pytest.approx(
        0.3, abs=0.02
    )
    assert not draw_flips(count, 0.0, seeded(), CPU).any()
    assert draw_flips(count, 1.0, seeded(), CPU).all()

    degrees = draw_angles(count, 3, (30.0, 1.0), seeded(), CPU).rad2deg()
    assert (degrees >= 0).all() and 29.9 < degrees.max() <= 30
    large = degrees > 1
    assert (large.sum(dim=1) <= 1).all()
    torch.testing.assert_close(
        large.float().mean(dim=0), torch.full((3,), 29 / 90), atol=0.02, rtol=0
    )
    assert draw_angles(count, 1, (30.0, 1.0), seeded(), CPU).rad2deg().median() > 14

    sigma = draw_sigmas(count, (0.1, 2.0), 0.5, seeded(), CPU)
    drawn = sigma[sigma > 0]
    assert len(drawn) / count == pytest.approx(0.5, abs=0.02)
    assert 0.1 <= drawn.min() < 0.11 and 1.99 < drawn.max() <= 2
    assert float(drawn.mean()) == pytest.approx(1.05, abs=0.02)

    axes = draw_axes(count, 3, 0.6, seeded(), CPU)
    share = (axes + 1).bincount() / count
    torch.testing.assert_close(share, torch.tensor([0.4, 0.2, 0.2, 0.2]), atol=0.015, rtol=0)


def test_drawn_noise():
    x = torch.zeros(400, 3, 10, 15, 2)
    noise = draw_noise(x, 0.01, 0.5, seeded())
    assert noise.shape == x.shape
    noisy = noise.flatten(1).any(dim=1)
    assert float(noisy.float().mean()) == pytest.approx(0.5, abs=0.08)
    assert float(noise[noisy].std()) == pytest.approx(0.01, rel=0.01)
    assert float(noise[noisy].mean()) == pytest.approx(0, abs=1e-4)


# ---- the two views ----


def views(x, seed=0, skeleton=NTU25, **options):
    yield draw_normal_view(x, seeded(seed), **options)
    for form in ("official", "paper"):
        yield draw_extreme_view(x, seeded(seed), skeleton, AimCLRViews(form=form), **options)


def test_views_follow_from_the_generator_and_differ():
    x = clips(8, 18)
    for view, again, other in zip(views(x), views(x), views(x, seed=1), strict=True):
        assert view.shape == x.shape and torch.equal(view, again)
        assert all(not torch.equal(view[n], other[n]) for n in range(8))
        assert not torch.equal(view, x)


@pytest.mark.parametrize("channels, persons", [(3, 1), (2, 2), (3, 3)])
def test_views_read_no_padding(channels, persons):
    x = clips(3, 40, COCO17, channels, persons)
    lengths = torch.tensor([40, 25, 7])
    for clip, length in enumerate(lengths):
        x[clip, :, length:] = torch.nan
    whole = crop_resize(x, torch.zeros_like(lengths), lengths, 16)
    ragged = views(x, skeleton=COCO17, lengths=lengths, frames=16)
    for view, resized in zip(ragged, views(whole, skeleton=COCO17), strict=True):
        assert view.shape == (3, channels, 16, 17, persons)
        assert torch.equal(view, resized) and view.isfinite().all()


def test_views_without_change():
    x = clips(6)
    torch.testing.assert_close(
        draw_normal_view(x, seeded(), NormalView(shear=0, padding_ratio=0)), x
    )
    off = {"shear": 0, "padding_ratio": 0, "flip": 0, "degrees": (0, 0), "time_flip": 0}
    off |= {"noise": 0, "blurred": 0, "axis_mask": 0}

    def extreme(**changes):
        return draw_extreme_view(x, seeded(), NTU25, from_flat(AimCLRViews, off | changes))

    torch.testing.assert_close(extreme(), x)
    for key, expected in (
        ("flip", flip_joints(x, torch.ones(6, dtype=torch.bool), NTU25)),
        ("time_flip", x.flip(2)),
    ):
        result = extreme(**{key: 1.0})
        torch.testing.assert_close(result, expected)
    blank = extreme(axis_mask=1.0)
    assert ((blank == 0).flatten(2).all(dim=2).sum(dim=1) == 1).all()


def test_forms_differ_in_temporal_flip_and_noise():
    x = torch.zeros(2000, 3, 6, 15, 1)
    x[:, :, 0] = 1.0
    plain = {"shear": 0, "padding_ratio": 0, "flip": 0, "degrees": (0, 0), "blurred": 0}
    for form, backwards, noisy in (("official", 0, 0.5), ("paper", 0.5, 1)):
        how = from_flat(AimCLRViews, plain | {"axis_mask": 0, "noise_std": 1e-3, "form": form})
        view = draw_extreme_view(x, seeded(), LAYOUTS["sbu15"], how)
        last = view[:, 0, -1].mean(dim=(1, 2)) > 0.5
        assert float(last.float().mean()) == pytest.approx(backwards, abs=0.04)
        changed = (view[:, 0, 2] != 0).flatten(1).any(dim=1)
        assert float(changed.float().mean()) == pytest.approx(noisy, abs=0.04)


def test_wrong_arguments():
    with pytest.raises(InputError, match=r"views.form: .*'official' or 'paper', got 'papers'"):
        AimCLRViews(form="papers")
    with pytest.raises(ValueError, match="2 or 3 coordinates"):
        draw_extreme_view(clips(channels=1), seeded(), NTU25)
    with pytest.raises(ValueError, match="frames is missing"):
        draw_normal_view(clips(), seeded(), lengths=torch.tensor([5, 5, 5, 5]))
    assert draw_shears(2, 3, 0.0, seeded(), CPU).equal(torch.eye(3).repeat(2, 1, 1))
