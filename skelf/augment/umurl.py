"""UmURL's views of a batch: one for each stream and one for all of them together.

Paper: Sun et al., UmURL, ACM MM 2023. Code: github.com/HuiGuanLab/UmURL (Apache-2.0); sources W3.
They are drawn as USDRL draws its views, which took them from here.
"""

from __future__ import annotations

from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Shares
from .usdrl import Distortion, draw_distorted


@options("views")
class UmURLViews:
    """How UmURL's views are drawn."""

    crop: Shares = option((0.1, 1.0), "smallest and largest share of a clip that a view keeps")
    distortion: Distortion = option(Distortion(), "what happens to the joints")


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    streams: int = 3,
    how: UmURLViews = UmURLViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """A view for each stream and one more, drawn alike; see `usdrl.draw_views`.

    Returns:
        `streams + 1` tensors `(N, C, frames, V, M)` of joints, from which streams are derived.
    """
    return draw_distorted(
        x, lengths, generator, frames, streams + 1, how.crop, how.distortion, coordinates
    )
