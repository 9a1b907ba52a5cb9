"""Streams against loops over frames and joints."""

import pytest
import torch

from skelf.errors import InputError
from skelf.layouts import KINECT20, LAYOUTS
from skelf.streams import STREAMS, bone, derive, motion


def clips(skeleton, frames=6):
    return torch.randn(2, 3, frames, skeleton.joints, 2, generator=torch.Generator().manual_seed(0))


def test_motion_is_the_next_frame_minus_this_one():
    x = clips(KINECT20)
    expected = torch.zeros_like(x)
    for t in range(x.shape[2] - 1):
        expected[:, :, t] = x[:, :, t + 1] - x[:, :, t]
    assert torch.equal(motion(x), expected)
    assert torch.equal(motion(x[:, :, :1]), torch.zeros_like(x[:, :, :1]))


@pytest.mark.parametrize("skeleton", LAYOUTS.values(), ids=list(LAYOUTS))
def test_bone_is_the_joint_minus_its_parent(skeleton):
    x = clips(skeleton)
    x[1, :, :, :, 1] = 0  # an absent person
    expected = torch.zeros_like(x)
    for child, parent in skeleton.edges:
        expected[:, :, :, child] = x[:, :, :, child] - x[:, :, :, parent]
    result = bone(x, skeleton)
    assert torch.equal(result, expected)
    assert not result[:, :, :, skeleton.root].any()
    assert not result[1, :, :, :, 1].any()


@pytest.mark.parametrize("skeleton", LAYOUTS.values(), ids=list(LAYOUTS))
def test_flip(skeleton):
    x, order = clips(skeleton), list(skeleton.flip)
    assert torch.equal(x[:, :, :, order][:, :, :, order], x)
    # Left bones are the right ones of the flipped clip: layouts are symmetric.
    assert torch.equal(bone(x[:, :, :, order], skeleton), bone(x, skeleton)[:, :, :, order])


def test_derive_by_name():
    x = clips(KINECT20)
    derived = [derive(x, stream, KINECT20) for stream in STREAMS]
    assert derived[0] is x
    assert torch.equal(derived[1], motion(x))
    assert torch.equal(derived[2], bone(x, KINECT20))
    with pytest.raises(InputError, match="unknown stream 'bones': did you mean 'bone'"):
        derive(x, "bones", KINECT20)
