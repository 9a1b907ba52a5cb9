"""What methods share that hide patches: the encoder they need, the predictor, targets of motion."""

from __future__ import annotations

from typing import NamedTuple, Protocol, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ..augment.masked import cut, draw_hidden, motion_of
from ..contracts import Encoder
from ..encoders._products import Linear
from ..encoders.patches import Block, Places, init_xavier, take
from ..losses.reconstruction import masked_error


class PatchEncoder(Encoder, Protocol):
    """An encoder that can be given a part of its tokens (patches)."""

    heads: int
    patch: int
    grid: tuple[int, int]

    def streamed(self, x: Tensor) -> Tensor:
        """The encoder's stream of joints, the same shape."""

    def cut(self, streamed: Tensor) -> Tensor:
        """Patches `(N*M, L, F)` of a stream `(N, C, T, V, M)`."""

    def encode(self, patches: Tensor, kept: Tensor | None = None) -> Tensor:
        """Tokens `(B, K, D)` of patches `(B, L, F)`."""


class HiddenViews(NamedTuple):
    """What masked autoencoders take: clips, and which patches of each person are seen."""

    clips: Tensor  # (N, C, T, V, M)
    kept: Tensor  # (N, M, K)
    hidden: Tensor  # (N, M, L - K)


def check_patches(encoder: Encoder, method: str) -> None:
    """Refuses an encoder that cannot leave tokens out.

    Raises:
        ValueError: naming it.
    """
    if not (hasattr(encoder, "encode") and hasattr(encoder, "cut")):
        raise ValueError(
            f"{method} needs an encoder that can leave tokens out (patches), "
            f"not {type(encoder).__name__}"
        )


class Predictor(nn.Module):
    """A light transformer that sees all places: tokens where they were kept, one vector elsewhere.

    Tokens stand in the order kept, hidden; where each one belongs, its place vectors say.

    Args:
        encoder: whose tokens it takes.
        out: numbers predicted of each hidden patch.
        layers: its layers.
        dim: its width; None: the encoder's.

    Raises:
        ValueError: a width that the encoder's heads do not divide.

    Source: sources G2.
    """

    def __init__(self, encoder: PatchEncoder, out: int, layers: int, dim: int | None) -> None:
        super().__init__()
        dim = dim or encoder.dim
        if dim % encoder.heads:
            raise ValueError(
                f"decoder={dim}: must be divided by the encoder's {encoder.heads} heads"
            )
        self.embed, self.out = Linear(encoder.dim, dim), Linear(dim, out)
        self.mask = nn.Parameter(torch.empty(dim))
        self.places = Places(*encoder.grid, dim)
        self.blocks = nn.ModuleList(Block(dim, encoder.heads) for _ in range(layers))
        self.last = nn.LayerNorm(dim)
        nn.init.trunc_normal_(self.mask, std=0.02)
        init_xavier(self.embed)
        init_xavier(self.out)

    def forward(self, tokens: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
        """Predictions `(B, L - K, out)` for the hidden patches.

        Args:
            tokens: of the kept ones, `(B, K, D)`.
            kept: which they are, `(B, K)`.
            hidden: which the others are, `(B, L - K)`.
        """
        place = self.places()
        seen = self.embed(tokens) + F.embedding(kept, place)
        h = torch.cat([seen, F.embedding(hidden, place + self.mask)], dim=1)
        for block in self.blocks:
            h = block(h)
        return cast(Tensor, self.out(self.last(h[:, kept.shape[1] :])))


def hide(
    encoder: PatchEncoder,
    clips: Tensor,
    masked: float,
    temperature: float | None,
    generator: Generator,
) -> HiddenViews:
    """Draws which patches of clips `(N, C, T, V, M)` are hidden; see `draw_hidden`."""
    streamed, count = encoder.streamed(clips), encoder.coordinates
    patches = cut(streamed[:, :count], encoder.patch)
    there = known(encoder, streamed).expand(-1, count, -1, -1, -1)
    motion = motion_of(patches, cut(there, encoder.patch)).view(len(clips), encoder.persons, -1)
    return HiddenViews(clips, *draw_hidden(motion, masked, temperature, generator))


def known(encoder: PatchEncoder, streamed: Tensor) -> Tensor:
    """Where joints are known, `(N, 1, T, V, M)` bool: all of them where nothing says."""
    there = streamed[:, -1:]
    return there > 0 if encoder.confidence else torch.ones_like(there, dtype=torch.bool)


def known_patches(encoder: PatchEncoder, streamed: Tensor, stride: int = 0) -> Tensor:
    """Which patches are known in all their frames, and `stride` frames later, `(N*M, L)` bool."""
    there = known(encoder, streamed)
    step = min(stride, there.shape[2])
    there = there & F.pad(there[:, :, step:], (0, 0, 0, 0, 0, step), value=True)
    return cut(there, encoder.patch).flatten(1, 2).all(dim=2)


def ahead(streamed: Tensor, stride: int) -> Tensor:
    """The change to the frame `stride` later, of `(N, C, T, V, M)`; 0 in the last ones.

    Source: sources G6.

    Examples:
        >>> ahead(torch.tensor([1.0, 2.0, 4.0]).view(1, 1, 3, 1, 1), 1).flatten()
        tensor([1., 2., 0.])
    """
    stride = min(stride, streamed.shape[2])
    change = streamed[:, :, stride:] - streamed[:, :, : streamed.shape[2] - stride]
    return F.pad(change, (0, 0, 0, 0, 0, stride))


def targets(
    encoder: PatchEncoder, streamed: Tensor, stride: int | None, standardised: bool
) -> tuple[Tensor, Tensor]:
    """What is to be predicted of each patch, its coordinates alone.

    Args:
        encoder: says what a patch is.
        streamed: the stream of the clips, `(N, C, T, V, M)`.
        stride: the motion over so many frames; None: the coordinates themselves.
        standardised: less the patch's mean, over its deviation (released: yes).

    Returns:
        `(N*M, L, F')`, and which patches are known in all their frames, `(N*M, L)`.

    Source: sources G6.
    """
    values = streamed[:, : encoder.coordinates]
    if stride is not None:
        values = ahead(values, stride)
    goal = cut(values, encoder.patch).flatten(1, 2)
    goal = goal.to(torch.promote_types(goal.dtype, torch.float32))
    if standardised:
        variance, mean = torch.var_mean(goal, dim=2, keepdim=True)
        goal = (goal - mean) / (variance + 1e-6).sqrt()
    return goal, known_patches(encoder, streamed, stride or 0)


def counted(patches: Tensor, absent: bool) -> Tensor | slice:
    """Which rows of patches `(B, L, F)` count: with `absent` all, else those that anybody is in.

    All, too, where nobody is, and of tensors without values.
    """
    if absent or patches.is_meta:
        return slice(None)
    there = (patches != 0).flatten(1).any(dim=1)
    return there | ~there.any()


def prediction_error(
    encoder: PatchEncoder,
    predictor: Predictor,
    views: HiddenViews,
    stride: int | None,
    standardised: bool,
    absent: bool,
) -> Tensor:
    """The squared error of what is predicted of the hidden patches; see `targets`.

    Args:
        encoder: sees the kept patches.
        predictor: of `targets`' numbers.
        views: the clips and what is hidden of them.
        stride: see `targets`.
        standardised: see `targets`.
        absent: whether absent persons count, who do not move (released: they do).
    """
    streamed = encoder.streamed(views.clips)
    parts = (
        encoder.cut(streamed),
        views.kept.flatten(0, 1),
        views.hidden.flatten(0, 1),
        *targets(encoder, streamed, stride, standardised),
    )
    rows = counted(parts[0], absent)
    patches, kept, hidden, goal, there = (part[rows] for part in parts)
    predicted = predictor(encoder.encode(patches, kept), kept, hidden)
    return masked_error(predicted, take(goal, hidden), there.gather(1, hidden)[..., None])
