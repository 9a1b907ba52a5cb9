"""ISC's views of a batch: a crop of time, then joint corruption or a shear.

Paper: Thoker et al., Skeleton-Contrastive 3D Action Representation Learning, ACM MM 2021. Code:
github.com/fmthoker/skeleton-contrast (no licence file); sources L7. USDRL and PCM3 took these
augmentations from here, so that they stand in `usdrl.py`.
"""

from __future__ import annotations

from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Shares
from .usdrl import Distortion, draw_distorted


@options("views")
class ISCViews:
    """How ISC's two views are drawn."""

    crop: Shares = option((0.1, 1.0), "smallest and largest share of a clip that a view keeps")
    distortion: Distortion = option(Distortion(), "what happens to the joints")


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: ISCViews = ISCViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Query and key view `(N, C, frames, V, M)` of padded clips, drawn alike; see `usdrl`."""
    return draw_distorted(x, lengths, generator, frames, 2, how.crop, how.distortion, coordinates)
