"""What is known of each joint of a clip in each frame, whatever the layout, in 2D and 3D."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..joints.aliases import places, together
from ..joints.body import LIMBS, body_places
from ..skeleton import Skeleton
from ..streams import derive

FEATURES = 4
"""Three coordinates, from the middle of the body, and 1 for a joint without a third one."""
LEAST = 1e-6  # a sum of confidence that nothing is divided by


class JointFeatures(nn.Module):
    """Clips to features of each joint and of each person's place.

    The middle of the body is that of both hips, else the hip centre, else that of all joints:
    layouts have their roots and centres at other places.

    Args:
        skeleton: the joint layout.
        stream: joint, motion or bone.
        coordinates: of a joint, 2 or 3.
        confidence: the last channel is one.
    """

    middle: Tensor
    limbs: Tensor
    always: Tensor

    def __init__(self, skeleton: Skeleton, stream: str, coordinates: int, confidence: bool) -> None:
        super().__init__()
        self.skeleton, self.stream = skeleton, stream
        self.coordinates, self.confidence = coordinates, confidence
        by_part = places(skeleton.names)
        middle = torch.zeros(2, skeleton.joints)
        for at, part in enumerate(("hip", "hips")):
            for joint, weight in together(by_part, "", part).items():
                middle[at, joint] = weight
        limbs = torch.tensor([LIMBS.index(place.limb) for place in body_places(skeleton)])
        always = torch.zeros(skeleton.joints, dtype=torch.bool)
        always[[skeleton.root, skeleton.centre]] = True
        self.register_buffer("middle", middle, persistent=False)
        self.register_buffer("limbs", F.one_hot(limbs, len(LIMBS)).float(), persistent=False)
        self.register_buffer("always", always, persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of `(N, C, T, V, M)` what is known of joints, of persons, and which joints are there.

        Returns:
            `(N, T, M, V, F)`, 0 for joints that are absent; `(N, T, M, F)`; bool `(N, T, M, V)`;
            and the joints' confidence, 1 where there is none and 0 for those that are absent.
        """
        D = self.coordinates
        seen = self.there(x)
        derived = derive(x, self.stream, self.skeleton, D).permute(0, 2, 4, 3, 1)
        joints = derived[..., :D].masked_fill(~seen[..., None], 0.0)  # (N, T, M, V, D)
        score = derived[..., D] * seen if self.confidence else seen.to(x.dtype)
        middle = self.origin(joints, seen)  # (N, T, M, D)
        joints = (joints - middle[..., None, :]).masked_fill(~seen[..., None], 0.0)
        person = seen.any(dim=3)
        return self._features(joints, seen), self._features(middle, person), seen, score

    def there(self, x: Tensor) -> Tensor:
        """Which joints of `(N, C, T, V, M)` are there, `(N, T, M, V)`.

        Without a confidence a joint at the origin is absent, but for root and centre of somebody
        who is there: normalisation puts them there.
        """
        if self.confidence:
            return (x[:, -1] > 0).transpose(2, 3)
        seen = (x != 0).any(dim=1).transpose(2, 3)  # (N, T, M, V)
        return seen | (seen.any(dim=3, keepdim=True) & self.always)

    def origin(self, joints: Tensor, seen: Tensor) -> Tensor:
        """The middle of each person `(N, T, M, D)`, of joints that are 0 where they are absent."""
        weight = seen.to(joints.dtype)
        count = weight.sum(dim=3, keepdim=True).clamp_min(1)
        middle = joints.sum(dim=3) / count
        for part in self.middle.flip(0):  # the first one that is there counts
            needed = (part > 0).to(joints.dtype)
            whole = (weight @ needed >= needed.sum()) & (needed.sum() > 0)
            own = (joints * part[:, None]).sum(dim=3)
            middle = torch.where(whole[..., None], own, middle)
        return middle

    def in_limb(self, score: Tensor) -> Tensor:
        """The sum of confidences over each joint's limb, above 0, `(N, T, M, V)`."""
        return ((score @ self.limbs) @ self.limbs.T).clamp_min(LEAST)

    def _features(self, points: Tensor, seen: Tensor) -> Tensor:
        """Points `(..., D)` to `(..., F)`."""
        none = torch.zeros_like(points[..., :1])
        rest = [none] if self.coordinates == 3 else [none, seen[..., None].to(points.dtype)]
        return torch.cat([points, *rest], dim=-1)


def in_bins(rows: Tensor, score: Tensor, bins: int) -> Tensor:
    """Means of a joint's features, by its confidence, in as many parts of the clip.

    Args:
        rows: `(N, T, M, V, F)`.
        score: `(N, T, M, V)`, 0 where it is not there.
        bins: K; they overlap where the clip has fewer frames, or a number that K does not divide.

    Returns:
        `(N, M, V, K*F)`.
    """
    N, T, M, V, features = rows.shape
    each = torch.eye(T, dtype=rows.dtype, device=rows.device)[None]
    share = F.adaptive_avg_pool1d(each, bins)[0].T  # (K, T)
    total = (share @ (rows * score[..., None]).flatten(2)).view(N, bins, M, V, features)
    mean = total / (share @ score.flatten(2)).view(N, bins, M, V, 1).clamp_min(LEAST)
    return mean.permute(0, 2, 3, 1, 4).flatten(3)
