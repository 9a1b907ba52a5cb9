"""A table of matrices for the joints of any layout, by their limbs, places and names."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..joints.body import KNOWN, LIMBS, SPARE, body_places
from ..skeleton import Skeleton


class NameTable(nn.Module):
    """A matrix `(F, H)` for each joint: between its limb's two ends, and one of its name.

    Those of names begin at 0: a joint whose name was never trained is what its place says. All
    names have a row, so the weights are the same for every layout.

    Args:
        features: F.
        dim: H.
    """

    rows: Tensor
    limbs: Tensor
    along: Tensor

    def __init__(self, features: int, dim: int) -> None:
        super().__init__()
        self.ends = nn.Parameter(torch.empty(2, len(LIMBS), features, dim))
        self.names = nn.Parameter(torch.zeros(KNOWN + SPARE, features, dim))
        nn.init.trunc_normal_(self.ends, std=0.02)

    def settle(self, skeleton: Skeleton) -> None:
        """Takes the joints of a layout, whose matrices `forward` gives from now on."""
        places = body_places(skeleton)
        device = self.names.device
        limbs = [LIMBS.index(place.limb) for place in places]
        along = torch.tensor([place.along for place in places], device=device)
        rows = torch.tensor([place.row for place in places], device=device)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("limbs", torch.tensor(limbs, device=device), persistent=False)
        self.register_buffer("along", along[:, None, None], persistent=False)

    def forward(self) -> Tensor:
        """`(V, F, H)`."""
        first, last = self.ends[:, self.limbs].unbind()
        return torch.lerp(first, last, self.along) + self.names[self.rows]
