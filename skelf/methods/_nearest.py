"""What AimCLR and its cross-stream form share: three views embedded, and D3M between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from ..contracts import Encoder
from ..losses.contrastive import attention_drop, distribution_matching
from ._momentum import embed


class MapEncoder(Encoder, Protocol):
    """An encoder whose feature maps EADM can drop from (ST-GCN)."""

    def maps(self, x: Tensor) -> Tensor:
        """Feature map of each body, `(N*M, dim, T', V)`."""

    def pool(self, maps: Tensor) -> Tensor:
        """Clip vectors `(N, dim)` of maps."""


def embed_views(
    encoder: Encoder,
    projector: nn.Module,
    extreme: Tensor,
    query: Tensor,
    with_extreme: bool,
    with_eadm: bool,
    form: str,
) -> dict[str, Tensor]:
    """Unit embeddings `(B, D)` of the views that are used: normal, extreme, dropped.

    The normal view passes the encoder first: BatchNorm's running statistics end on the extreme one
    (released).
    """
    features = {"normal": encoder(query)}
    if with_extreme and with_eadm:
        mapping = cast(MapEncoder, encoder)  # `check_settings` looked
        maps = mapping.maps(extreme)
        features["extreme"] = mapping.pool(maps)
        features["dropped"] = mapping.pool(attention_drop(maps, form=form))
    elif with_extreme:
        features["extreme"] = encoder(extreme)
    return {name: embed(projector(h)) for name, h in features.items()}


def matching(logits: Mapping[str, Tensor]) -> Tensor:
    """D3M: the mean of Eq. 7 and 8, each extreme view's distribution pulled to the normal one's."""
    normal, *others = logits.values()
    halves = [distribution_matching(view, teacher=normal) for view in others]
    return torch.stack(halves).mean()


def check_settings(encoder: Encoder, with_eadm: bool, topk: int, queue: int) -> None:
    """Refuses EADM on an encoder without feature maps, and more neighbours than keys.

    Raises:
        ValueError: naming the setting.
    """
    if with_eadm and not hasattr(encoder, "maps"):
        raise ValueError(
            f"aimclr drops features of an encoder with maps (stgcn), not "
            f"{type(encoder).__name__}; give method.eadm=false for any other"
        )
    if not 1 <= topk <= queue:
        raise ValueError(f"topk={topk}: must be from 1 to queue={queue}")
