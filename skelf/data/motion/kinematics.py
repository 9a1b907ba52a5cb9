"""Forward kinematics of a whole recording at once: a loop over joints, never over frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError


def rotation(axis: str, angle: np.ndarray) -> np.ndarray:
    """Right-handed rotations `(..., 3, 3)` about "x", "y" or "z" by `angle` `(...)` radians."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., 3 - first - second, 3 - first - second] = 1
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -matrix[..., second, first]
    return matrix


def euler_rotation(axes: str, angles: np.ndarray) -> np.ndarray:
    """Rotation matrices of Euler angles: `R(axes[0]) R(axes[1]) ...`, so the last turns first.

    Args:
        axes: K letters of "xyz", as "zxy"; none gives the identity.
        angles: `(..., K)` radians, one for each axis; right-handed.

    Returns:
        `(..., 3, 3)`, which multiply column vectors.
    """
    matrix = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for column, axis in enumerate(axes):
        matrix = matrix @ rotation(axis, angles[..., column])
    return matrix


def vector_rotation(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices `(..., 3, 3)` of rotation vectors `(..., 3)`: their length is the angle.

    Source: Rodrigues' formula; near no turn by its series, so that nothing is divided by zero.

    Examples:
        >>> vector_rotation(np.array([0, 0, np.pi / 2])).round(6) + 0.0
        array([[ 0., -1.,  0.],
               [ 1.,  0.,  0.],
               [ 0.,  0.,  1.]])
    """
    vectors = np.asarray(vectors, np.float64)
    square = (vectors * vectors).sum(axis=-1)
    small = square < 1e-8
    angle = np.where(small, 1, np.sqrt(square))
    sine = np.where(small, 1 - square / 6, np.sin(angle) / angle)
    cosine = np.where(small, 0.5 - square / 24, 2 * (np.sin(angle / 2) / angle) ** 2)
    matrix = cosine[..., None, None] * (vectors[..., :, None] * vectors[..., None, :])
    turn = sine[..., None] * vectors
    for axis in range(3):
        after, before = (axis + 1) % 3, (axis + 2) % 3
        matrix[..., axis, axis] += 1 - cosine * square
        matrix[..., before, after] += turn[..., axis]
        matrix[..., after, before] -= turn[..., axis]
    return matrix


def quaternion_rotation(quaternions: np.ndarray) -> np.ndarray:
    """Rotation matrices `(..., 3, 3)` of quaternions `(..., 4)`, w first, of any length.

    >>> quaternion_rotation(np.array([2.0, 0, 0, 2])).round(9)  # a quarter turn about z
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # no turn at all is NaN
        unit = quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(unit, -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def forward(
    offsets: np.ndarray, rotations: np.ndarray, parents: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Joint positions and orientations from each joint's place and turn in its parent's frame.

    `orientation = parent's orientation @ rotation` and
    `position = parent's position + parent's orientation @ offset`; a root has the world as parent.

    Args:
        offsets: `(T, V, 3)`, or `(V, 3)` when they never change.
        rotations: `(T, V, 3, 3)`.
        parents: of each joint, -1 for a root, in any order.

    Returns:
        Positions `(T, V, 3)` in the offsets' unit, orientations `(T, V, 3, 3)`.

    Raises:
        InputError: a parent that does not exist, or parents in a cycle.
    """
    offsets = np.broadcast_to(offsets, rotations.shape[:-1])
    positions = np.array(offsets, np.float64)
    orientations = np.array(rotations, np.float64)
    for joint in descent(parents):
        parent = parents[joint]
        if parent >= 0:
            turn = orientations[:, parent]  # (T, 3, 3)
            positions[:, joint] = positions[:, parent] + (turn @ offsets[:, joint, :, None])[..., 0]
            orientations[:, joint] = turn @ rotations[:, joint]
    return positions, orientations


def places(
    offsets: np.ndarray, turns: Sequence[Sequence[tuple[str, np.ndarray]]], parents: Sequence[int]
) -> np.ndarray:
    """Joint positions alone, of Euler angles: what `forward` gives of `euler_rotation`, faster.

    Of a joint's orientation the three directions are kept, and each angle turns two of them.

    Args:
        offsets: `(V, 3, T)`, or `(V, 3, 1)` when they never change.
        turns: of each joint its axes, as "x", with the angles `(T,)` in radians, outermost first.
        parents: of each joint, -1 for a root, in any order.

    Returns:
        `(V, 3, T)` in the offsets' unit.

    Raises:
        InputError: a parent that does not exist, or parents in a cycle.
    """
    frames = max([offsets.shape[2], *(len(angle) for turn in turns for _, angle in turn)])
    positions = np.empty((len(parents), 3, frames))
    directions: dict[int, list[np.ndarray]] = {}  # of a joint's x, y and z: (3, T)
    upright = [np.broadcast_to(axis[:, None], (3, frames)) for axis in np.eye(3)]
    have_children = set(parents)
    for joint in descent(parents):
        above = directions.get(parents[joint], upright)
        positions[joint] = offsets[joint]
        if parents[joint] >= 0:
            moved = (axis * offset for axis, offset in zip(above, offsets[joint], strict=True))
            positions[joint] = positions[parents[joint]] + sum(moved)
        if joint in have_children:
            turned = list(above)
            for axis, angle in turns[joint]:
                first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
                cos, sin = np.cos(angle), np.sin(angle)
                one, other = turned[first], turned[second]
                turned[first], turned[second] = cos * one + sin * other, cos * other - sin * one
            directions[joint] = turned
    return positions


def descent(parents: Sequence[int]) -> list[int]:
    """All joints, every one after its parent: depth first, children in the order of their indices.

    Raises:
        InputError: a parent that does not exist, or parents in a cycle.
    """
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(parents):
        if not -1 <= parent < len(parents):
            raise InputError(f"joint {joint} has the unknown parent {parent}; use -1 for a root")
        children.setdefault(parent, []).append(joint)
    order: list[int] = []
    waiting = children.get(-1, [])[::-1]
    while waiting:
        order.append(waiting.pop())
        waiting += children.get(order[-1], [])[::-1]
    if len(order) < len(parents):
        lost = min(set(range(len(parents))) - set(order))
        raise InputError(f"the parents of joint {lost} form a cycle; give it a way to a root")
    return order
