"""A clip as the early methods saw it: all of it, resized, and no more unless it is asked for."""

from __future__ import annotations

from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Amount, Shares
from .basic import crop_resize, draw_crops, draw_shears, keep_rest, map_joints


@options("views")
class PlainViews:
    """How much of a clip is seen, and whether it is sheared."""

    crop: Shares = option((1.0, 1.0), "smallest and largest share of a clip that is seen")
    shear: Amount = option(0.0, "largest off-diagonal entry of a shear matrix; 0: no shear")


def draw_plain(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: PlainViews = PlainViews(),
    coordinates: int | None = None,
) -> Tensor:
    """One view of each clip, by default all its frames resized.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same view.
        frames: frames of the view.
        how: the options; see `basic.draw_crops` for the crop.
        coordinates: channels that are coordinates, the first ones; None: all.

    Returns:
        `(N, C, frames, V, M)`.

    Examples:
        >>> import torch
        >>> x = torch.arange(6.0).view(1, 1, 6, 1, 1)  # four frames and two of padding
        >>> draw_plain(x, torch.tensor([4]), torch.Generator(), 2).flatten()
        tensor([0.5000, 2.5000])
    """
    start, span = draw_crops(lengths, frames, how.crop, 1, generator)
    x = crop_resize(x, start[0], span[0], frames)
    if not how.shear:
        return x
    matrices = draw_shears(len(x), coordinates or x.shape[1], how.shear, generator, x.device)
    return map_joints(x, keep_rest(matrices, x.shape[1]))
