"""Named normalisations of raw joints: stored data stays raw, batches apply the ClipSet's one.

To add one: a function here and its line in `NORMALISERS`.
"""

from __future__ import annotations

from torch import Tensor

from ..errors import unknown
from ..skeleton import Skeleton


def normalize(x: Tensor, name: str, skeleton: Skeleton) -> Tensor:
    """Applies the normalisation `name` to `(N, C, T, V, M)`.

    Raises:
        InputError: a name that `NORMALISERS` does not have.
    """
    if name not in NORMALISERS:
        raise unknown("normalisation", name, NORMALISERS)
    return NORMALISERS[name](x, skeleton)


def none(x: Tensor, skeleton: Skeleton) -> Tensor:
    """Leaves the joints as the source wrote them."""
    return x


def centre(x: Tensor, skeleton: Skeleton) -> Tensor:
    """Subtracts one point a clip: the centre joint of the first frame in which person 0 is present.

    Where the body is then starts at the origin and its later path, and the place of a second
    person, are kept. Joints that are exactly zero (absent persons, padding) stay zero. Where the
    centre joint itself is zero in that frame, nothing moves: later frames are not searched.
    """
    present = (x != 0).any(dim=1, keepdim=True)  # (N, 1, T, V, M)
    seen = present[:, 0, :, :, 0].any(dim=2)  # (N, T)
    first = seen.float().argmax(dim=1)  # the first maximum; 0 where nobody is seen
    joint = x[:, :, :, skeleton.centre, 0]  # (N, C, T)
    origin = joint.gather(2, first[:, None, None].expand(-1, x.shape[1], 1))
    return (x - origin[..., None, None]) * present


NORMALISERS = {"none": none, "centre": centre}
