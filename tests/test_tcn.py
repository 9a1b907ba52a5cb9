"""TCN: its rows and layers against slow loops, and what a frame's vector may depend on."""

import pytest
import torch
from layout_cases import CASES
from torch.nn import functional as F

from skelf.encoders.tcn import TCN, TCNLayer
from skelf.layouts import KINECT20


def clips(count=3, channels=3, frames=10, joints=20, persons=2, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, frames, joints, persons, generator=draw)


def made(skeleton=KINECT20, **sizes):
    torch.manual_seed(0)
    return TCN(skeleton, **{"dim": 6, "frames": 10, **sizes})


@pytest.mark.parametrize("skeleton", CASES)
@pytest.mark.parametrize("persons", [1, 2])
def test_every_layout_gives_vectors_and_gradients(skeleton, persons):
    encoder = made(skeleton, persons=persons)
    x = clips(joints=skeleton.joints, persons=persons)
    vector, rows = encoder.both(x)
    assert vector.shape == (3, 18) and rows.shape == (3, 10, 18) and encoder.dim == 18
    (vector.sum() + rows.square().sum()).backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_both_is_what_each_is():
    encoder, x = made().eval(), clips()
    vector, rows = encoder.both(x)
    assert torch.equal(vector, encoder(x)) and torch.equal(rows, encoder.frames(x))


def test_rows_are_the_pose_and_its_changes_by_a_slow_loop():
    encoder, x = made(spans=(3, 1)).eval(), clips(2)
    x[0, :, 4:6, 7, 1] = 0  # a joint that is absent from two frames
    found, there = encoder.rows(x)  # an untrained norm leaves numbers as they are, nearly
    assert there.all()
    for n in range(2):
        for t in range(10):
            row = []
            for shift in (0, -1, 1, -3, 3):
                other = min(max(t + shift, 0), 9)
                for m in range(2):
                    for v in range(20):
                        here, there = x[n, :, t, v, m], x[n, :, other, v, m]
                        known = bool(here.any() and there.any())
                        row.append((there - here if shift else here) * known)
            torch.testing.assert_close(found[n, t], torch.cat(row), rtol=1e-4, atol=1e-4)


def test_frames_without_anybody_change_no_clip_vector_by_themselves():
    """Spans and layers that reach no further than a frame: the rest of the clip is as it was."""
    encoder, x = made(spans=(1,), layers=1).eval(), clips(2)
    x = x[:, :, :1].expand(-1, -1, 10, -1, -1).contiguous()  # nobody moves
    hidden = x.clone()
    hidden[:, :, 5:] = 0
    with torch.no_grad():
        _, trunk, share = encoder.encode(hidden)
        assert torch.equal(share[0, :, 0], torch.tensor([0.2] * 5 + [0.0] * 5))
        whole, part = encoder(x), encoder(hidden)
        torch.testing.assert_close(part[:, 12:], whole[:, 12:])  # the stem's mean
        torch.testing.assert_close(part[:, :6], trunk[:, :5].amax(dim=1))
        assert encoder(torch.zeros_like(x)).isfinite().all()


@pytest.mark.parametrize("dilation", [1, 2, 16])
def test_a_layer_is_a_dilated_convolution_with_its_ends_repeated(dilation):
    torch.manual_seed(1)
    layer, x = TCNLayer(5, dilation), torch.randn(2, 9, 5)
    weight = torch.stack([part.weight for part in (layer.before, layer.here, layer.after)], dim=2)
    y = layer.norm(x).transpose(1, 2)
    first, last = (y[:, :, end : end + 1 or None].expand(-1, -1, dilation) for end in (0, -1))
    padded = torch.cat([first, y, last], dim=2)
    expected = F.conv1d(padded, weight, layer.here.bias, dilation=dilation).transpose(1, 2)
    expected = x + layer.out(F.gelu(expected))
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_a_frame_sees_its_surroundings_and_no_more():
    """Spans of 2 and one layer of dilation 1: three frames to either side, but for the mean."""
    encoder, x = made(spans=(2,), layers=1).eval(), clips(1)
    with torch.no_grad():
        before = encoder.frames(x)[..., :12]
        x[:, :, 9] += 1
        after = encoder.frames(x)[..., :12]
    changed = (before != after).any(dim=2)[0]
    assert changed.tolist() == [False] * 6 + [True] * 4


def test_small_motions_count_as_much_as_large_poses():
    """BatchNorm gives every number of a row one scale, whatever the unit of the joints."""
    encoder, x = made(), clips(8)
    one = encoder(x)
    torch.testing.assert_close(encoder(1000 * x), one, rtol=1e-3, atol=1e-3)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r"encoder takes \(N, C, T, V, M\)"):
        made()(clips(frames=9))
    with pytest.raises(ValueError, match="unknown stream"):
        made(stream="bones")
