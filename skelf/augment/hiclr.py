"""HiCLR's growing views of a batch: basic, normal and strong.

Paper: Zhang et al., HiCLR, AAAI 2023. Code: github.com/JHang2020/HiCLR (MIT); sources K6, K7.

The basic views (query and key) are AimCLR's normal one, a crop and a shear; HiCLR's normal view is
AimCLR's extreme one. The strong view is one more of these of which a few joints are hidden in each
frame, and of which some links of the graph may be cut. What is hidden and cut is drawn here and
done by the method, since what stands in for a joint is learned.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Rate, Share
from ..skeleton import Skeleton
from .aimclr_views import AimCLRViews, draw_extreme_view, draw_normal_view
from .basic import resize


@options("views")
class HiCLRViews:
    """How HiCLR's views are drawn."""

    grown: AimCLRViews = option(AimCLRViews(), "the basic views, and what more the others have")
    mask: Share = option(
        0.1, "share of the joints hidden in each frame of the strong view (released: 2 of 25)"
    )
    drop_edges: Rate = option(
        0.0, "largest share of the graph's links that a block loses in the strong view; stgcn only"
    )


class Views(NamedTuple):
    """What `HiCLR.forward` takes; joints are `(N, C, T, V, M)`.

    The same joints are hidden in all clips of a batch, and the same links cut (released).
    """

    query: Tensor
    key: Tensor
    normal: Tensor
    strong: Tensor
    hidden: Tensor | None  # (N, T, V), True is hidden
    links: Tensor | None  # (blocks, 3, V, V): the adjacency of each block, some links cut


def draw_hidden(
    frames: int, joints: int, share: float, generator: Generator, device: torch.device
) -> Tensor:
    """Draws hidden joints, bool `(T, V)`: in each frame the same number of others.

    Args:
        frames: frames T.
        joints: joints V.
        share: of the joints, rounded down; at least one is hidden and at least one is not.
        generator: on `device`.
        device: where to draw.

    Source: sources K7. differs: released, fewer than ten joints hide none.
    """
    count = min(max(int(joints * share + 1e-9), 1), joints - 1)
    rank = torch.rand(frames, joints, generator=generator, device=device).argsort(1).argsort(1)
    return rank < count


def draw_links(adjacency: Tensor, blocks: int, share: float, generator: Generator) -> Tensor:
    """Draws an adjacency with links cut for each of some blocks: `(blocks, *adjacency.shape)`.

    Each block cuts links with a probability of its own, `U(0, share)`, and scales up the others so
    that their expected sum stays. Links of joints to themselves count too.

    Source: the released ST-GCN, sources K8.

    Examples:
        >>> import torch
        >>> cut = draw_links(torch.ones(3, 5, 5), 2, 0.5, torch.Generator().manual_seed(0))
        >>> cut.shape, [len(block.unique()) for block in cut]  # 0 and a scale of its own
        (torch.Size([2, 3, 5, 5]), [2, 2])
    """
    shape, device = (blocks, *adjacency.shape), adjacency.device
    rate = torch.rand(blocks, *[1] * adjacency.dim(), generator=generator, device=device) * share
    kept = torch.rand(shape, generator=generator, device=device) >= rate
    return adjacency * kept / (1 - rate)


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: HiCLRViews = HiCLRViews(),
    coordinates: int | None = None,
    adjacency: tuple[Tensor, int] | None = None,
) -> Views:
    """HiCLR's two basic views, its normal and its strong one.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout.
        how: the options.
        coordinates: see `aimclr_views.draw_extreme_view`.
        adjacency: the encoder's graph `(3, V, V)` and its number of blocks, of which links are cut.

    Source: the released code, sources K6 to K8.
    """
    x = resize(x, lengths, frames)
    query, key = (
        draw_normal_view(x, generator, how.grown.normal, coordinates=coordinates) for _ in range(2)
    )
    normal, strong = (
        draw_extreme_view(x, generator, skeleton, how.grown, coordinates=coordinates)
        for _ in range(2)
    )
    hidden = links = None
    if how.mask:
        hidden = draw_hidden(frames, x.shape[3], how.mask, generator, x.device)
        hidden = hidden.expand(len(x), -1, -1)
    if how.drop_edges and adjacency is not None:
        links = draw_links(*adjacency, how.drop_edges, generator)
    return Views(query, key, normal, strong, hidden, links)
