"""Predict & Cluster: an encoder whose clip vector has to do what a weak decoder cannot.

Paper: Su, Liu and Shlizerman, PREDICT & CLUSTER: Unsupervised Skeleton Based Action Recognition,
CVPR 2020. Code: github.com/shlizee/Predict-Cluster (BSD, four clauses), notebooks in TensorFlow
that gave the paper's kind of numbers and a later version in PyTorch, which differ (sources Q1, Q2).

A recurrent encoder reads a sequence; a recurrent decoder, started from the clip vector, has to give
it again. Were the decoder strong, it could do so without much from the encoder. So its weights are
never trained, or its state is the clip vector at every step.

Clips are resized to the encoder's frames, where the released code takes every k-th one and pads
short ones. The autoencoder that it trains on finished clip vectors before the k-NN is left out: it
judges vectors, and does not train the encoder.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from torch import Generator, Tensor, nn

from ..augment.plain import PlainViews, draw_plain
from ..contracts import Encoder, torch_module
from ..losses.reconstruction import sequence_error
from ..machine.distributed import gather
from ._context import numbers, prediction_target
from ._sync_norm import synchronize
from ._weak_decoder import WeakDecoder

Weak = Literal["weights", "states", "none"]


class PredictCluster(nn.Module):
    """Predict & Cluster pretraining; any encoder, the authors' is gru with `causal=false`.

    Args:
        encoder: its clip vector starts the decoder.
        views: how much of a clip it sees; released: all of it.
        weak: what of the decoder is fixed: its weights (the paper's FW), its states (FS), or
            nothing (ablation), see `_weak_decoder.WeakDecoder`.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.

    Raises:
        ValueError: an unknown way to be weak, or a single frame, of which none is left to predict.
    """

    preparation = MappingProxyType({"ntu25": "centre+upright+facing+scale"})  # sources Q4
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: PlainViews = PlainViews(),
        *,
        weak: Weak = "weights",
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        if weak not in ("weights", "states", "none"):
            raise ValueError(f"unknown weak {weak!r}; known: weights, states, none")
        if encoder.num_frames < 2:
            raise ValueError("encoder.frames=1: predict_cluster predicts later frames; give more")
        self.encoder, self.view_options = encoder, views
        self.decoder = WeakDecoder(encoder.dim, numbers(encoder), weak)
        if sync_bn:
            synchronize(torch_module(self.encoder))

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """The clip that is read and predicted, of padded clips `(N, C, T, V, M)`."""
        encoder = self.encoder
        return (
            draw_plain(
                x, lengths, generator, encoder.num_frames, self.view_options, encoder.coordinates
            ),
        )

    def forward(self, clip: Tensor) -> dict[str, Tensor]:
        """The error of the sequence; with fixed states that of all frames but the first."""
        target, there = prediction_target(clip, self.encoder)
        first = target[0]
        if self.decoder.of_frame is not None:
            target, there = target[1:], there[1:]
        predicted = self.decoder(self.encoder(clip), len(target), first)
        return {"loss": gather(sequence_error(predicted, target, there)).mean()}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""
