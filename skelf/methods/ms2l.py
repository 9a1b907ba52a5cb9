"""MS2L: motion prediction, jigsaws and contrast, three tasks on one encoder.

Paper: Lin et al., MS2L: Multi-Task Self-Supervised Learning for Skeleton Based Action Recognition,
ACM MM 2020. Code: github.com/LanglandsLin/MS2L (no licence file); sources T1 to T4.

From the beginning of a clip the whole of it is predicted, the order of its stretches is recognised,
and the clip, its beginning and its puzzle are one clip. Clips are resized to the encoder's frames,
where the released code pads them; the three views pass the encoder as one batch.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from ..augment.jigsaw import check_stretches
from ..augment.ms2l import MS2LViews, Views, draw_views
from ..contracts import Encoder, torch_module
from ..encoders._recurrence import recur
from ..losses.context import contrast_with_mean, recognition
from ..losses.reconstruction import masked_error
from ..machine.distributed import gather
from ..settings.ranges import Amount, Positive, Size
from ._context import Head, numbers, prediction_target
from ._sync_norm import synchronize


class ClipAndFrames(Encoder, Protocol):
    """An encoder that gives clip and dense vectors in one pass: gru, tcn, sttr, dste, byname."""

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, dim)` and `(N, T, dim)`."""


class MS2L(nn.Module):
    """MS2L pretraining; the authors' encoder is gru with `causal=false`.

    Args:
        encoder: see `ClipAndFrames`. differs: heads read its clip vector, there the mean of its
            frames.
        views: how its views are drawn.
        motion: weight of the prediction (released: 1, and so the next two); 0: no such task.
        jigsaw: weight of the puzzle; 0: no such task.
        contrast: weight of the contrast; 0: no such task.
        width: hidden width of the heads (2048).
        feature: numbers that are contrasted (1024).
        temperature: of the contrast (0.9).
        decoder: width of the decoder. None: the encoder's `dim` (released).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.

    The numbers are the released configuration's (sources T4).

    Raises:
        ValueError: an encoder without `both`, more stretches than frames, or no task at all.
    """

    preparation = MappingProxyType({"ntu25": "agcn"})  # layout -> normalisation, sources T4
    encoder: ClipAndFrames

    def __init__(
        self,
        encoder: ClipAndFrames,
        views: MS2LViews = MS2LViews(),
        *,
        motion: Amount = 1.0,
        jigsaw: Amount = 1.0,
        contrast: Amount = 1.0,
        width: Size = 2048,
        feature: Size = 1024,
        temperature: Positive = 0.9,
        decoder: Size | None = None,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        if not hasattr(encoder, "both"):
            raise ValueError(
                "ms2l needs an encoder with clip and frame vectors of one pass (gru, tcn, sttr, "
                f"dste, byname), not {type(encoder).__name__}"
            )
        check_stretches(encoder.num_frames, views.puzzle.stretches)
        self.weights = {"motion": motion, "jigsaw": jigsaw, "contrast": contrast}
        if not any(self.weights.values()):
            raise ValueError("motion, jigsaw and contrast are 0: there is no task left")
        self.encoder, self.view_options, self.temperature = encoder, views, temperature
        self.heads, dim = nn.ModuleDict(), encoder.dim
        if motion:
            inner = decoder or dim
            self.heads["motion"] = MotionDecoder(dim, inner, numbers(encoder))
        if jigsaw:
            self.heads["jigsaw"] = Head(dim, width, views.puzzle.number)
        if contrast:
            self.heads["contrast"] = Head(dim, width, feature)
        if sync_bn:  # heads are given the clips of all processes
            synchronize(torch_module(self.encoder))

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Plain, masked and shuffled padded clips `(N, C, T, V, M)`, and in which order."""
        encoder = self.encoder
        return draw_views(
            x, lengths, generator, encoder.num_frames, self.view_options, encoder.coordinates
        )

    def forward(
        self, plain: Tensor, masked: Tensor, shuffled: Tensor, label: Tensor
    ) -> dict[str, Tensor]:
        """The loss of the views and its weighted terms.

        Returns:
            `motion`, `jigsaw` and `contrast`, as far as they are used; `loss` is their sum.
        """
        views, count = torch.stack([plain, masked, shuffled]), len(plain)
        vectors, frames = self.encoder.both(views.flatten(0, 1))
        vectors = gather(vectors.view(3, count, -1), dim=1)
        terms = {}
        if "motion" in self.heads:
            target, there = prediction_target(plain, self.encoder)
            predicted = self.heads["motion"](frames[count : 2 * count].transpose(0, 1))
            terms["motion"] = masked_error(predicted, target, there)
        if "jigsaw" in self.heads:
            logits = self.heads["jigsaw"](vectors[2:])[0]
            terms["jigsaw"] = recognition(logits, gather(label))
        if "contrast" in self.heads:
            z = self.heads["contrast"](vectors)
            terms["contrast"] = contrast_with_mean(z, self.temperature)
        terms = {name: self.weights[name] * value for name, value in terms.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""


class MotionDecoder(nn.Module):
    """Two layers of GRU and a linear layer on every frame vector (sources T2).

    Args:
        dim: numbers a frame vector.
        width: of the GRU.
        features: numbers a frame to predict.
    """

    def __init__(self, dim: int, width: int, features: int) -> None:
        super().__init__()
        self.gru = nn.GRU(dim, width, 2)
        self.out = nn.Linear(width, features)

    def forward(self, frames: Tensor) -> Tensor:
        """Rows `(T, N, features)` of vectors `(T, N, dim)`."""
        return self.out(recur(frames, self.gru))
