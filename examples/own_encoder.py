"""An encoder of one's own, pretrained with SkeletonCLR and judged beside its untrained self.

Any module with these attributes, `forward` and `frames` is an encoder: methods, protocols and
`extract` ask for nothing else. The motion is synthetic.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from skelf.data.batch import ClipBatches
from skelf.data.synthetic.clips import generate
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS
from skelf.skeleton import Skeleton
from skelf.streams import derive


class TemporalConvolution(nn.Module):
    """Two convolutions over time on all joints of a frame."""

    confidence = False  # the clips have coordinates alone
    stream = "motion"

    def __init__(self, skeleton: Skeleton, *, persons: int, frames: int = 32, dim: int = 64):
        super().__init__()
        self.skeleton, self.persons = skeleton, persons
        self.num_frames, self.dim = frames, dim
        self.in_channels = self.coordinates = 3
        self.layers = nn.Sequential(
            nn.Conv1d(3 * skeleton.joints * persons, dim, 5, padding=2),
            nn.BatchNorm1d(dim),
            nn.ReLU(),
            nn.Conv1d(dim, dim, 5, padding=2),
        )

    def frames(self, x: Tensor) -> Tensor:
        """One vector a frame, `(N, T, dim)`, of clips `(N, C, T, V, M)`."""
        x = derive(x, self.stream, self.skeleton)
        rows = x.permute(0, 1, 3, 4, 2).flatten(1, 3)  # (N, C * V * M, T)
        return self.layers(rows).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """One vector a clip, `(N, dim)`."""
        return self.frames(x).amax(dim=1)


def main() -> None:
    torch.manual_seed(0)
    train, test = generate(clips=144, seed=0).split("xview")
    encoder = TemporalConvolution(train.skeleton, persons=train.persons)
    untrained = copy.deepcopy(encoder)
    method = METHODS["skeletonclr"](encoder, queue=96, momentum=0.9)
    optimizer = torch.optim.AdamW(method.parameters(), lr=1e-3)
    read_batch, generator = ClipBatches(train), torch.Generator().manual_seed(0)
    for _ in range(15):
        for indices in torch.randperm(len(train), generator=generator).split(24):
            loss = method(*method.views(*read_batch(indices), generator))["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            method.after_step()

    for name in ("knn", "retrieval"):
        judged = {
            title: PROTOCOLS[name](module, train, test).values
            for title, module in (("pretrained", encoder), ("untrained", untrained))
        }
        for metric in judged["pretrained"]:
            figures = ", ".join(f"{values[metric]:.1%} {title}" for title, values in judged.items())
            print(f"{name} {metric}: {figures}")


if __name__ == "__main__":
    main()
