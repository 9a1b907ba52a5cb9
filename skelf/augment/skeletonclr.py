"""SkeletonCLR's views of a batch, which are CrosSCLR's too.

Paper: Li et al., CrosSCLR, CVPR 2021. Code: github.com/LinguoLi/CrosSCLR (BSD-2); sources C6, C8.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Generator, Tensor

from ..settings.ranges import Amount, Form
from ..skeleton import Skeleton
from .aimclr_views import draw_extreme_view, draw_normal_view
from .basic import resize
from .usdrl import draw_views as draw_usdrl_views


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    recipe: Literal["skeletonclr", "usdrl"] = "skeletonclr",
    shear: Amount = 0.5,
    padding_ratio: Annotated[int, Field(ge=0)] = 6,
    extreme: bool = False,
    form: Form | None = None,
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Query and key view, drawn alike.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout.
        recipe: "skeletonclr": a crop of the padded clip and a shear. "usdrl": `usdrl.draw_views`,
            for the row of negatives in USDRL's Table 5.
        shear: largest shear factor (0.5; USDRL: 1); 0 for none.
        padding_ratio: a crop's padding is `T // padding_ratio` frames (6); 0 for no crop. Not for
            USDRL's recipe, like the two that follow.
        extreme: draw AimCLR's extreme views instead (the row "extreme augmentations only" of its
            Table 1).
        form: of the extreme views, see `aimclr_views.draw_extreme_view`. None: the method's.
        coordinates: see `aimclr_views.draw_normal_view`.

    Returns:
        Two tensors `(N, C, frames, V, M)`.

    Source: released code, sources C6, C8. USDRL's code does not hold its row of negatives, and the
    paper says no more of it than that it is the usual way.
    """
    if recipe == "usdrl":
        return draw_usdrl_views(
            x, lengths, generator, frames, number=2, shear=shear, coordinates=coordinates
        )
    x = resize(x, lengths, frames)
    sizes: dict[str, Any] = {"shear": shear, "padding_ratio": padding_ratio}
    sizes["coordinates"] = coordinates
    if extreme:
        sizes["form"] = form or "official"
        return tuple(draw_extreme_view(x, generator, skeleton, **sizes) for _ in range(2))
    return tuple(draw_normal_view(x, generator, **sizes) for _ in range(2))
