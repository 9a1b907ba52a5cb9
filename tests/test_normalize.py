"""Normalisations of raw joints."""

import pytest
import torch

from skelf.data.normalize import NORMALISERS, normalize
from skelf.errors import InputError
from skelf.layouts import KINECT20


def clips():
    """Clip 0: person 0 appears in frame 2, person 1 in frame 1. Clip 1: padding from frame 3."""
    x = torch.randn(2, 3, 6, 20, 2, generator=torch.Generator().manual_seed(0)) + 5
    x[0, :, :2, :, 0] = 0
    x[0, :, 0, :, 1] = 0
    x[0, :, 4, 7, 0] = 0  # a joint that was not seen
    x[1, :, 3:] = 0
    return x


def test_none_changes_nothing():
    x = clips()
    assert normalize(x, "none", KINECT20) is x


def test_centre_puts_the_first_body_at_the_origin():
    x = clips()
    result = normalize(x, "centre", KINECT20)
    assert not result[0, :, 2, KINECT20.centre, 0].any()
    assert not result[1, :, 0, KINECT20.centre, 0].any()
    assert not result[(x == 0).all(dim=1, keepdim=True).expand_as(x)].any()
    # One offset a clip: whatever is present keeps its place to everything else.
    for n, first in enumerate((2, 0)):
        origin = x[n, :, first, KINECT20.centre, 0]
        present = (x[n] != 0).any(dim=0)
        expected = x[n][:, present] - origin[:, None]
        torch.testing.assert_close(result[n][:, present], expected)
    torch.testing.assert_close(
        result[0, :, 3, :, 1] - result[0, :, 3, :, 0], x[0, :, 3, :, 1] - x[0, :, 3, :, 0]
    )


def test_centre_of_an_empty_clip():
    empty = torch.zeros(1, 3, 4, 20, 2)
    assert torch.equal(normalize(empty, "centre", KINECT20), empty)
    empty[:, :, :, :, 1] = 1  # nobody but a second person: there is no origin, so it stays
    assert torch.equal(normalize(empty, "centre", KINECT20), empty)


@pytest.mark.parametrize("name", NORMALISERS)
def test_shape_and_zeros_are_kept(name):
    x = clips()
    result = normalize(x, name, KINECT20)
    assert result.shape == x.shape
    assert not result[1, :, 3:].any()


def test_unknown_name():
    with pytest.raises(InputError, match="unknown normalisation 'center': did you mean 'centre'"):
        normalize(clips(), "center", KINECT20)
