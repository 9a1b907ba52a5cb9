"""PartWhole: its views against slow loops, its loss term by term, collapse, and who may use it."""

import pytest
import torch
from torch.nn import functional as F

from skelf.augment.basic import crop_resize
from skelf.augment.partwhole import PartWholeViews, _instants, draw_views, mirror
from skelf.augment.usdrl import Distortion
from skelf.encoders import ENCODERS
from skelf.layouts import KINECT20, SBU15
from skelf.losses.decorrelation import covariance, similarity, variance
from skelf.methods.partwhole import PartWhole, at_instants, whole_frames

PLAIN = Distortion(corruption=0.0, shear=0.0)


def clips(count=4, frames=24, skeleton=KINECT20, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, frames, skeleton.joints, 1, generator=draw)
    return x, torch.tensor([frames, frames // 2, 5, 1][:count])


def made(name="tcn", skeleton=KINECT20, **settings):
    torch.manual_seed(0)
    encoder = ENCODERS[name](skeleton, persons=1, dim=8, frames=16)
    return PartWhole(encoder, **settings)


def drawn(how, seed=1, **more):
    x, lengths = clips(**more)
    views = draw_views(x, lengths, torch.Generator().manual_seed(seed), 16, KINECT20, how)
    return x, lengths, views


# ---- views ----


def test_wholes_are_one_stretch_of_a_clip():
    how = PartWholeViews(distortion=PLAIN, mirror=0.0)
    _, _, (views, _) = drawn(how)
    wholes = views[: 3 * 4].view(3, 4, *views.shape[1:])
    assert torch.equal(wholes[0], wholes[1]) and torch.equal(wholes[0], wholes[2])


def test_a_short_part_shows_what_its_whole_shows_at_its_instants():
    """Motion that is linear in time survives both resizings, so that frames can be compared."""
    x = torch.arange(40.0).view(1, 1, 40, 1, 1).expand(3, 3, 40, 20, 1).contiguous()
    lengths = torch.tensor([40, 33, 17])
    how = PartWholeViews(distortion=PLAIN, mirror=0.0, short=1.0)
    views, instants = draw_views(x, lengths, torch.Generator().manual_seed(3), 16, KINECT20, how)
    whole, part = views[:3, 0, :, 0, 0], views[-3:, 0, :, 0, 0]  # (N, T)
    expected = at_instants(whole[..., None], instants)[0, :, :, 0]
    inner = (instants[0] > 0) & (instants[0] < 15)  # beyond its ends a view repeats its last frame
    assert inner.float().mean() > 0.8
    torch.testing.assert_close(part[inner], expected[inner], rtol=1e-4, atol=1e-3)


def test_instants_of_a_whole_are_its_own_frames():
    span = torch.tensor([7, 30])
    found = _instants(torch.zeros(1, 2, dtype=torch.long), span[None], span, 16)
    # A clip that is shorter than a view is stretched: its ends stand still.
    torch.testing.assert_close(found[0, 1], torch.arange(16.0), atol=0.5, rtol=0)
    assert (found.diff(dim=2) >= 0).all() and found.min() >= 0 and found.max() <= 15


@pytest.mark.parametrize("short", [0.0, 1.0])
def test_a_part_lacks_joints_or_frames_or_is_short(short):
    how = PartWholeViews(distortion=PLAIN, short=short, hidden=(0.5, 0.6), block=(0.4, 0.7))
    x = torch.ones(64, 3, 20, 20, 1)
    lengths, draw = torch.full((64,), 20), torch.Generator().manual_seed(0)
    views, _ = draw_views(x, lengths, draw, 16, KINECT20, how)
    wholes, part = views[: 3 * 64], views[3 * 64 :]
    assert (wholes != 0).all()
    lost = (part[:, 1, ..., 0] == 0).float()  # (N, T, V)
    if short:
        assert not lost.any()
        return
    frames = lost.mean(dim=2) == 1
    blocks = (lost == frames[..., None]).all(dim=2).all(dim=1)  # nothing but whole frames
    assert 16 <= int(blocks.sum()) <= 48  # one half of 64
    assert (frames[blocks].sum(dim=1) >= 6).all()
    masks = lost[~blocks]
    parts = [list(joints) for joints in KINECT20.parts.values()]
    for joints in parts:  # a body part is hidden as one, an eighth of the frames at a time
        assert (masks[:, :, joints] == masks[:, :, joints[:1]]).all()
        by_segment = masks[:, :, joints[0]].view(len(masks), 8, 2)
        assert (by_segment[..., 0] == by_segment[..., 1]).all()
    assert 0.4 < masks.mean() < 0.7


def test_a_mirror_is_drawn_for_a_clip_and_not_for_a_view():
    how = PartWholeViews(distortion=PLAIN, crop=(1.0, 1.0), short=1.0, part_crop=(1.0, 1.0))
    x, lengths = clips(3)
    views, _ = draw_views(x, lengths, torch.Generator().manual_seed(2), 16, KINECT20, how)
    views = views.view(4, 3, *views.shape[1:])
    plain = crop_resize(x, torch.zeros_like(lengths), lengths, 16)
    image = mirror(plain, torch.ones(3, dtype=torch.bool), KINECT20)
    kinds = []
    for n in range(3):
        kinds.append(torch.allclose(views[0, n], image[n]))
        for view in views[:, n]:
            torch.testing.assert_close(view, image[n] if kinds[-1] else plain[n])
    assert set(kinds) == {True, False}


def test_a_mirror_by_a_slow_loop():
    x, _ = clips(2)
    found = mirror(x, torch.tensor([True, False]), KINECT20)
    assert torch.equal(found[1], x[1])
    swap = dict(KINECT20.pairs) | {right: left for left, right in KINECT20.pairs}
    for joint in range(20):
        other = x[0, :, :, swap.get(joint, joint)]
        assert torch.equal(found[0, :, :, joint], other * torch.tensor([-1.0, 1, 1])[:, None, None])


# ---- the loss ----


def test_the_loss_by_hand():
    method = made(part=3.0, frame=0.5)
    x, lengths = clips()
    views, instants = method.views(x, lengths, torch.Generator().manual_seed(0))
    terms = method(views, instants)
    vectors, frames = method.encoder.both(views)
    z = method.projector(vectors.view(4, 4, -1))
    wholes, part = z[:3], z[3]
    expected = {
        "similarity": 5 * similarity(wholes),
        "variance": 5 * variance(wholes).sum(),
        "covariance": covariance(wholes).sum(),
        "part": 3 * (part - wholes.mean(dim=0)).square().mean(),
    }
    target = F.layer_norm(frames[:12].view(3, 4, 16, -1).mean(dim=0), (24,))
    total, predicted = 0.0, method.predictor(frames[12:])
    for n in range(4):
        for t, at in enumerate(instants[0, n].tolist()):
            low, high = int(at), min(int(at) + 1, 15)
            there = target[n, low] + (at - low) * (target[n, high] - target[n, low])
            total = total + (predicted[n, t] - there).square().mean() / (4 * 16)
    expected["frame"] = 0.5 * total
    assert set(terms) == {*expected, "loss"}
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, rtol=1e-4, atol=1e-4, msg=name)
    torch.testing.assert_close(terms["loss"], sum(expected.values()), rtol=1e-4, atol=1e-4)


def test_targets_get_no_gradient():
    dense = torch.randn(3, 2, 4, 5, requires_grad=True)
    target = whole_frames(dense)
    assert not target.requires_grad
    torch.testing.assert_close(target.mean(dim=-1), torch.zeros(2, 4), atol=1e-5, rtol=0)


def test_terms_of_weight_0_are_left_out():
    method = made(part=0.0, frame=0.0)
    views = method.views(*clips(), torch.Generator().manual_seed(0))
    assert set(method(*views)) == {"loss", "similarity", "variance", "covariance"}
    assert method.predictor is None


def test_the_loss_falls_and_vectors_do_not_collapse():
    method = made()
    optimiser = torch.optim.Adam(method.parameters(), lr=3e-3)
    x, lengths = clips(16, 24)[0], torch.full((16,), 24)
    losses = []
    for step in range(40):
        views = method.views(x, lengths, torch.Generator().manual_seed(step))
        loss = method(*views)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    method.eval()
    with torch.no_grad():
        vectors, frames = method.encoder.both(crop_resize(x, lengths * 0, lengths, 16))
    assert vectors.std(dim=0).mean() > 0.05 and frames.std(dim=1).mean() > 0.05


@pytest.mark.parametrize("name", ["tcn", "sttr", "dste", "gru"])
def test_encoders_that_give_both(name):
    method = made(name, SBU15)
    x, lengths = clips(4, 24, SBU15)
    loss = method(*method.views(x, lengths, torch.Generator().manual_seed(0)))["loss"]
    loss.backward()
    for key, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
    encoder = method.encoder.eval()
    x = torch.randn(2, 3, 16, 15, 1)
    with torch.no_grad():
        vector, rows = encoder.both(x)
        torch.testing.assert_close(vector, encoder(x))
        torch.testing.assert_close(rows, encoder.frames(x))


def test_another_encoder_is_refused():
    encoder = ENCODERS["stgcn"](KINECT20, persons=1, width=2, frames=16)
    with pytest.raises(ValueError, match=r"partwhole needs an encoder .*, not STGCN"):
        PartWhole(encoder)
