"""CMD's views of a batch.

Paper: Mao et al., CMD, ECCV 2022. Code: github.com/maoyunyao/CMD (no licence file); sources K1.
"""

from __future__ import annotations

from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Shares, Size
from .usdrl import Distortion, draw_distorted


@options("views")
class CMDViews:
    """How CMD's views are drawn."""

    crop: Shares = option((0.1, 1.0), "smallest and largest share of a clip that a view keeps")
    longest: Size | None = option(
        300, "only so many first frames of a clip are read (released: 300); none: all"
    )
    distortion: Distortion = option(Distortion(), "what happens to the joints")


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: CMDViews = CMDViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Query and key view, drawn alike: a crop resized, then joint corruption or a shear.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        how: the options.
        coordinates: channels that are coordinates, the first ones; None: all. See
            `usdrl.draw_views` for a confidence that follows.

    Returns:
        Two tensors `(N, C, frames, V, M)`.

    Source: the released code, sources K1; the same augmentations as PCM3's and USDRL's.
    """
    if how.longest is not None:
        lengths = lengths.clamp_max(how.longest)
    return draw_distorted(x, lengths, generator, frames, 2, how.crop, how.distortion, coordinates)
