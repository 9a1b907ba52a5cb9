"""The skeleton as a graph: which joints ST-GCN sums, in three partitions.

Paper: Yan et al., Spatial Temporal Graph Convolutional Networks, AAAI 2018. Code:
github.com/Levigty/AimCLR (MIT), sources C1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..skeleton import Skeleton

PARTITIONS = 3  # a joint itself; neighbours farther from the root; neighbours closer to it


def partitions(skeleton: Skeleton, kind: str = "official") -> Tensor:
    """The normalised adjacency `(3, V, V)`, indexed by partition, source and destination joint.

    A joint's neighbours are itself (partition 0), those as far from the root as it is or farther
    (1) and those closer to it (2). Entries are divided by the number of neighbours of the
    destination, itself included: the columns of the three together sum to 1.

    Args:
        skeleton: the joint layout; an edge for each bone, distances in bones from its root.
        kind: "textbook": true distances. "official": only distances up to 1 are known and all
            others count as equal, so that partition 2 holds just the edges that leave the root or
            come into a joint from one beside the root.

    Raises:
        ValueError: an unknown kind.

    Source: sources C1. differs: ST-GCN's paper measures distances to the centre of gravity.
    """
    if kind not in ("official", "textbook"):
        raise ValueError(f"unknown partition {kind!r}; known: official, textbook")
    V = skeleton.joints
    distance = [0] * V
    for joint in range(V):
        at = joint
        while skeleton.parents[at] >= 0:
            at, distance[joint] = skeleton.parents[at], distance[joint] + 1
    if kind == "official":
        distance = [min(d, 2) for d in distance]
    edges = [(joint, joint) for joint in range(V)]
    edges += [edge for a, b in skeleton.edges for edge in ((a, b), (b, a))]
    adjacency = torch.zeros(PARTITIONS, V, V)
    for source, destination in edges:
        closer = distance[source] < distance[destination]
        adjacency[0 if source == destination else 1 + closer, source, destination] = 1
    return adjacency / adjacency.sum(dim=(0, 1))
