"""Order: two stretches of a clip may have changed places, and the encoder has to say whether.

Paper: Chen et al., Hi-TRS, ECCV 2022, of which it is one task: at the level of clips two frames of
a short window are exchanged, at the level of videos two of its windows. Code:
github.com/yuxiaochen1103/Hi-TRS (Apache 2.0); sources T5.

There windows change places behind the encoder of windows; here the frames do, so that any encoder
can be asked. The number of stretches says which level it is.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from ..augment.jigsaw import check_stretches
from ..augment.order import OrderViews, Views, draw_views
from ..contracts import Encoder, torch_module
from ..losses.context import recognition
from ..machine.distributed import gather
from ._sync_norm import synchronize


class Order(nn.Module):
    """Pretraining by whether a clip is in order; any encoder.

    Args:
        encoder: its clip vector is what a linear layer reads.
        views: which stretches change places.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.

    Raises:
        ValueError: more stretches than frames.
    """

    encoder: Encoder

    def __init__(
        self, encoder: Encoder, views: OrderViews = OrderViews(), *, sync_bn: bool = False
    ) -> None:
        super().__init__()
        check_stretches(encoder.num_frames, views.stretches)
        self.encoder, self.view_options = encoder, views
        self.head = nn.Linear(encoder.dim, 2)
        if sync_bn:
            synchronize(torch_module(self.encoder))

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Padded clips `(N, C, T, V, M)` in order and not, and which of them can be told apart."""
        encoder = self.encoder
        return draw_views(
            x, lengths, generator, encoder.num_frames, self.view_options, encoder.coordinates
        )

    def forward(self, plain: Tensor, swapped: Tensor, told: Tensor) -> dict[str, Tensor]:
        """The loss of both views, of those clips that move: guessing has 0.69."""
        logits = self.head(self.encoder(torch.cat([plain, swapped]))).view(2, len(plain), 2)
        label = torch.ones(2, len(plain), dtype=torch.long, device=plain.device)
        label[1] = 0
        parts = logits, label, told.expand(2, -1)
        return {"loss": recognition(*(gather(part, dim=1).flatten(0, 1) for part in parts))}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""
