import numpy as np
import pytest
import torch

from skelf.augment import occlusion as occlude
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25
from skelf.skeleton import Skeleton

RATIO = (0.3, 0.7)
N, C, T, V, M = 6, 3, 10, 20, 2


def generators(count, condition="x", seed=0):
    return [occlude.generator_of(f"clip{i}", condition, seed) for i in range(count)]


def poses():
    """Random clips without zeros, but for the second person, who is absent from the first half."""
    x = torch.randn(N, C, T, V, M, generator=torch.Generator().manual_seed(0)) + 5
    x[:, :, : T // 2, :, 1] = 0
    return x


@pytest.mark.parametrize("skeleton", [KINECT20, NTU25])
def test_parts_are_whole_the_closest_number_and_never_all(skeleton):
    shares, places = [], set()
    for generator, twin in zip(generators(200), generators(200), strict=True):
        hidden = occlude.draw_parts(skeleton.parts, skeleton.joints, RATIO, generator)
        named = {part for part, own in skeleton.parts.items() if hidden[list(own)].any()}
        assert all(hidden[list(skeleton.parts[part])].all() for part in named)
        share = occlude.draw_share(RATIO, twin)
        assert len(named) == round(5 * share)
        shares.append(share)
        places.add(frozenset(named))
    assert min(shares) < 0.32 and max(shares) > 0.68 and 0.3 <= min(shares) <= max(shares) <= 0.7
    assert len(places) == 10 + 10  # every pair and every three of five


@pytest.mark.parametrize(("ratio", "count"), [((0.01, 0.01), 1), ((1.0, 1.0), 4)])
def test_one_part_at_least_and_never_all(ratio, count):
    for generator in generators(20):
        hidden = occlude.draw_parts(KINECT20.parts, 20, ratio, generator)
        assert hidden.sum() == 4 * count


def test_a_layout_of_one_part_is_refused():
    lump = Skeleton.from_dict({"names": ["a", "b"], "parents": [-1, 0], "centre": 0})
    with pytest.raises(InputError, match=r"1 body part, two are needed: name its parts"):
        occlude.draw_parts(lump.parts, 2, RATIO, generators(1)[0])


def test_blocks_lie_within_the_clip_and_have_their_share():
    blocks = np.array([occlude.draw_block(RATIO, g) for g in generators(300)])
    start, share = blocks.T
    assert (start >= 0).all() and (start + share <= 1).all()
    assert (
        share.min() < 0.32 and share.max() > 0.68 and share.mean() == pytest.approx(0.5, abs=0.03)
    )
    assert (start < 0.05).any() and (start + share > 0.95).any()


def test_missing_joints_have_their_share():
    for generator, twin in zip(generators(5), generators(5), strict=True):
        missing = occlude.draw_missing(60, 20, 2, RATIO, generator)
        assert missing.shape == (60, 20, 2)
        assert missing.mean() == pytest.approx(occlude.draw_share(RATIO, twin), abs=0.04)
        assert 0.2 < missing.mean(axis=(0, 2)).min() < missing.mean(axis=(0, 2)).max() < 0.85


def test_draws_belong_to_the_clip_the_condition_and_the_seed():
    def draw(name="clip0", condition="x", seed=0, persons=1):
        generator = occlude.generator_of(name, condition, seed)
        return occlude.draw_offsets(4, 20, persons, 3, generator)

    assert draw().shape == (4, 20, 1, 3) and draw().dtype == np.float32
    assert np.array_equal(draw(), draw())
    for other in (draw(name="clip1"), draw(condition="y"), draw(seed=1)):
        assert not np.array_equal(draw(), other)
    assert np.array_equal(draw(persons=2)[:, :, :1], draw())  # the first person's are the same
    some = [
        occlude.draw_missing(4, 20, persons, RATIO, occlude.generator_of("a", "x", 0))[:, :, 0]
        for persons in (1, 2)
    ]
    assert np.array_equal(*some)


def test_frames_at_is_the_nearest_frame():
    for length, frames in [(1, 4), (7, 7), (100, 8), (5, 64), (64, 5)]:
        at = occlude.frames_at(length, frames)
        position = (np.arange(frames) + 0.5) * length / frames - 0.5  # as crop_resize reads
        assert (np.abs(at - position) <= 0.5 + 1e-9).all()
        assert at.min() >= 0 and at.max() < length


def test_hidden_is_zero_and_the_rest_keeps_its_bits():
    x = poses()
    before = x.clone()
    joints = torch.rand(N, V, generator=torch.Generator().manual_seed(1)) < 0.5
    missing = torch.rand(N, T, V, M, generator=torch.Generator().manual_seed(2)) < 0.5
    start = torch.tensor([0.0, 0.1, 0.25, 0.5, 0.0, 0.29])
    share = torch.tensor([0.3, 0.5, 0.5, 0.5, 1.0, 0.02])
    some = {
        "joints": occlude.hide_joints(x, joints),
        "block": occlude.hide_block(x, start, share),
        "missing": occlude.drop_joints(x, missing),
    }
    for n in range(N):
        for t in range(T):
            block = start[n] <= (t + 0.5) / T < start[n] + share[n]
            for v in range(V):
                for m in range(M):
                    hidden = {
                        "joints": joints[n, v],
                        "block": block,
                        "missing": missing[n, t, v, m],
                    }
                    for name, out in some.items():
                        wanted = torch.zeros(C) if hidden[name] else before[n, :, t, v, m]
                        assert torch.equal(out[n, :, t, v, m], wanted)
    assert torch.equal(x, before)
    assert not any(out[:, :, : T // 2, :, 1].any() for out in some.values())  # absent persons


def test_a_block_covers_the_same_time_whatever_the_frames():
    start, share = torch.tensor([0.22]), torch.tensor([0.41])
    for frames in (16, 64, 200):
        hidden = occlude.hide_block(torch.ones(1, 1, frames, 1, 1), start, share).flatten() == 0
        inside = hidden.nonzero().flatten()
        assert len(inside) == inside[-1] - inside[0] + 1  # one block
        assert abs(len(inside) / frames - 0.41) <= 1 / frames
        assert abs(inside[0] / frames - 0.22) <= 1 / frames


def test_noise_has_its_size_and_leaves_the_absent_and_the_confidence_alone():
    x = torch.cat([poses(), torch.full((N, 1, T, V, M), 0.7)], dim=1)
    drawn = [occlude.draw_offsets(T, V, M, 3, g) for g in generators(N)]
    offsets = torch.from_numpy(np.stack(drawn))
    out = occlude.shake(x, offsets, 0.2, KINECT20)
    assert torch.equal(out[:, 3], x[:, 3])
    assert not out[:, :3, : T // 2, :, 1].any()
    for n in range(N):
        lengths = [
            (x[n, :3, t, child, m] - x[n, :3, t, parent, m]).norm().item()
            for m in range(M)
            for t in range(T)
            if m == 0 or t >= T // 2
            for child, parent in KINECT20.edges
        ]
        wanted = x[n, :3, :, :, 0] + 0.2 * np.mean(lengths) * offsets[n, :, :, 0].permute(2, 0, 1)
        torch.testing.assert_close(out[n, :3, :, :, 0], wanted)
    assert torch.equal(occlude.shake(x * 0, offsets, 0.2, KINECT20), x * 0)
