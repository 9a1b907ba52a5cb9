"""SkeletonCLR's views of a batch, which are CrosSCLR's too.

Paper: Li et al., CrosSCLR, CVPR 2021. Code: github.com/LinguoLi/CrosSCLR (BSD-2); sources C6, C8.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Form
from ..skeleton import Skeleton
from .aimclr_views import AimCLRViews, NormalView, draw_extreme_view, draw_normal_view
from .basic import resize
from .usdrl import USDRLViews, draw_distorted


@options("views")
class SkeletonCLRViews:
    """How SkeletonCLR's views are drawn.

    The recipe skeletonclr is a crop of the padded clip and a shear. The recipe usdrl is
    `usdrl.draw_views` with the shear of these options (USDRL: 1), for the row of negatives in
    USDRL's Table 5.
    """

    recipe: Literal["skeletonclr", "usdrl"] = option("skeletonclr", "whose augmentations")
    normal: NormalView = option(NormalView(), "the crop, not for USDRL's recipe, and the shear")
    extreme: bool = option(
        False, 'draw AimCLR\'s extreme views (its Table 1, "extreme augmentations only")'
    )
    form: Form | None = option(None, "of the extreme views; none: the method's")

    def check(self) -> None:
        """Refuses what would be ignored."""
        if self.extreme and self.recipe == "usdrl":
            raise ValueError("extreme: of the recipe skeletonclr, not of usdrl; choose one")


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: SkeletonCLRViews = SkeletonCLRViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Query and key view, drawn alike.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout.
        how: the options.
        coordinates: see `aimclr_views.draw_normal_view`.

    Returns:
        Two tensors `(N, C, frames, V, M)`.

    Source: released code, sources C6, C8. USDRL's code does not hold its row of negatives, and the
    paper says no more of it than that it is the usual way.
    """
    if how.recipe == "usdrl":
        distortion = replace(_USDRL.distortion, shear=how.normal.shear)
        return draw_distorted(
            x, lengths, generator, frames, 2, _USDRL.crop, distortion, coordinates
        )
    x = resize(x, lengths, frames)
    if how.extreme:
        extreme = AimCLRViews(normal=how.normal, form=how.form)
        return tuple(
            draw_extreme_view(x, generator, skeleton, extreme, coordinates=coordinates)
            for _ in range(2)
        )
    return tuple(
        draw_normal_view(x, generator, how.normal, coordinates=coordinates) for _ in range(2)
    )


_USDRL = USDRLViews()
