"""What is exported: modules from raw joints to features and probabilities.

Joints come as people have them, `(N, T, M, V, C)`: clip, frame, person, joint, coordinate. A joint
that holds NaN or infinity is missing, and so is one with all coordinates zero.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ..augment.basic import resize
from ..contracts import Encoder, torch_module
from ..data.normalize import normalize
from ..data.normalize_names import keeping_time
from ..protocols.windows import between_frames


class Preparation(nn.Module):
    """Raw joints to what an encoder takes: normalised and resized to its frames.

    Args:
        encoder: says layout, frames and normalisation.
        keep_time: leave out steps that drop or move frames, as dense features do.
    """

    def __init__(self, encoder: Encoder, *, keep_time: bool = False) -> None:
        super().__init__()
        name = getattr(encoder, "normalize", None) or "none"
        self.normalize = keeping_time(name) if keep_time else name
        self.skeleton, self.coordinates = encoder.skeleton, encoder.coordinates
        self.num_frames = encoder.num_frames

    def forward(self, joints: Tensor, lengths: Tensor) -> Tensor:
        """`(N, T, M, V, C)` and the clips' frames `(N,)` to `(N, C, frames, V, M)`."""
        lengths = lengths.clamp(1, joints.shape[1])
        x = known(joints, lengths)
        x, lengths = normalize(x, lengths, self.normalize, self.skeleton, self.coordinates)
        return resize(x, lengths, self.num_frames)


class Answers(nn.Module):
    """Features to what a graph gives: probabilities and features, or the features alone.

    Args:
        head: `(..., dim)` to logits; None: there is none.
        temperature: by which logits are divided.
    """

    def __init__(self, head: nn.Module | None, temperature: float = 1.0) -> None:
        super().__init__()
        self.head, self.temperature = head, temperature

    @property
    def names(self) -> tuple[str, ...]:
        """Of the outputs, in their order."""
        return ("features",) if self.head is None else ("probabilities", "features")

    def forward(self, features: Tensor, logits: Tensor | None = None) -> tuple[Tensor, ...]:
        """Of features `(..., dim)`, and of logits where they are not simply the head's of them."""
        if self.head is None:
            return (features,)
        logits = self.head(features) if logits is None else logits
        return torch.softmax(logits / self.temperature, dim=-1), features


class ClipGraph(nn.Module):
    """One row a clip."""

    def __init__(self, encoder: Encoder, answers: Answers) -> None:
        super().__init__()
        self.prepare, self.answers = Preparation(encoder), answers
        self.encoder = torch_module(encoder)

    def forward(self, joints: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """`(N, T, M, V, C)` and `(N,)` to rows `(N, ...)`."""
        return self.answers(self.encoder(self.prepare(joints, lengths)))


class FrameGraph(nn.Module):
    """One row for each frame of a clip or window; beyond a clip's end its last row again."""

    def __init__(self, encoder: Encoder, answers: Answers) -> None:
        super().__init__()
        self.prepare, self.answers = Preparation(encoder, keep_time=True), answers
        self.encoder = torch_module(encoder)

    def forward(self, joints: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """`(N, T, M, V, C)` and `(N,)` to rows `(N, T, ...)`."""
        T, lengths = joints.shape[1], lengths.clamp(1, joints.shape[1])
        encoder = cast(Encoder, self.encoder)
        rows = encoder.frames(self.prepare(joints, lengths))  # (N, frames, dim)
        features = between_frames(rows, lengths, T)
        if self.answers.head is None:
            return self.answers(features)
        # As detection does: logits find the way back to frames, and probabilities are of those.
        return self.answers(features, between_frames(self.answers.head(rows), lengths, T))


def known(joints: Tensor, lengths: Tensor) -> Tensor:
    """Joints `(N, T, M, V, C)` as `(N, C, T, V, M)`: zero where missing or after the end."""
    time = torch.arange(joints.shape[1], device=joints.device)
    inside = (time < lengths[:, None])[:, :, None, None, None]
    seen = joints.isfinite().all(dim=4, keepdim=True) & inside
    return torch.where(seen, joints, 0.0).permute(0, 4, 1, 3, 2)
