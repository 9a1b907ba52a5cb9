"""Inverse kinematics along a joint tree: rotations that bring a rest pose to recorded positions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from .kinematics import descent

_KEEP = 1e-9
"""Weight of a joint's turn with its parent against what its bones say, as a share of their squared
lengths: enough where the bones leave a turn open (one bone turns freely about itself, two in a
line too), and less than what files round."""
BLOCK = 4096  # frames at once


def rest_pose(joints: np.ndarray, parents: Sequence[int]) -> np.ndarray:
    """Offsets of a rest pose from recorded positions: bones of median length.

    Their directions are those of the frame whose bones are nearest to the median lengths, so that
    a frame with a misplaced joint is not taken for rest.

    Args:
        joints: `(T, V, 3)`.
        parents: of each joint, -1 for a root.

    Returns:
        `(V, 3)` from each joint's parent to it; zero for roots and for bones without a length.
    """
    bones = _bones(joints, parents)
    lengths = np.linalg.norm(bones, axis=-1)  # (T, V)
    median = np.median(lengths, axis=0)
    usual = bones[np.abs(lengths - median).sum(axis=1).argmin()]
    own = np.linalg.norm(usual, axis=-1, keepdims=True)
    return np.divide(usual, own, out=np.zeros_like(usual), where=own > 0) * median[:, None]


def turns(
    joints: np.ndarray,
    offsets: np.ndarray,
    parents: Sequence[int],
    carried: Collection[int] = (),
) -> np.ndarray:
    """Each joint's rotation in its parent's frame, for `kinematics.forward`.

    From where a joint comes to lie it turns towards the recorded places of its children, so that
    what a bone is too short or too long by does not add up along a limb. A joint with several bones
    takes the rotation that fits all of them best in least squares. One with a single bone points
    it, and of the rotations that do takes the one nearest to its parent's turn. So positions come
    back exactly where bones keep their lengths, and the bones of one joint their angles.

    Args:
        joints: `(T, V, 3)` positions, all finite.
        offsets: `(V, 3)` of `rest_pose`, in the same unit.
        parents: of each joint, -1 for a root, which lies where it was recorded.
        carried: further joints that lie where they were recorded, and turn nobody above them.

    Returns:
        `(T, V, 3, 3)`; the identity for joints without bones.

    Source: the orthogonal Procrustes problem with a rotation (Kabsch, 1976).
    """
    rotations = np.empty((*joints.shape[:2], 3, 3))
    for start in range(0, len(joints), BLOCK):
        block = slice(start, start + BLOCK)
        rotations[block] = _turns(joints[block], offsets, parents, carried)
    return rotations


def _turns(
    joints: np.ndarray, offsets: np.ndarray, parents: Sequence[int], carried: Collection[int]
) -> np.ndarray:
    world = np.empty((*joints.shape[:2], 3, 3))
    local = np.empty_like(world)
    placed = np.array(joints, np.float64)
    for joint in descent(parents):
        parent = parents[joint]
        above = np.broadcast_to(np.eye(3), (len(joints), 3, 3))
        if parent >= 0:
            above = world[:, parent]
            if joint not in carried:
                placed[:, joint] = placed[:, parent] + above @ offsets[joint]
        below = [child for child, up in enumerate(parents) if up == joint and child not in carried]
        rest = offsets[below]
        weight = (rest**2).sum()
        world[:, joint] = above
        if weight > 0:
            towards = joints[:, below] - placed[:, joint, None]
            wanted = np.einsum("tki,kj->tij", towards, rest)
            world[:, joint] = _nearest(wanted + _KEEP * weight * above)
        local[:, joint] = above.transpose(0, 2, 1) @ world[:, joint]
    return local


def _nearest(matrices: np.ndarray) -> np.ndarray:
    """The rotations `(T, 3, 3)` with the largest trace of their transpose times each matrix."""
    left, _, right = np.linalg.svd(matrices)
    mirrored = np.linalg.det(left @ right) < 0
    left[mirrored, :, 2] *= -1
    nearest: np.ndarray = left @ right
    return nearest


def _bones(joints: np.ndarray, parents: Sequence[int]) -> np.ndarray:
    """From each joint's parent to it `(T, V, 3)`; zero for roots."""
    own = [joint if parent < 0 else parent for joint, parent in enumerate(parents)]
    return joints - joints[:, own]
