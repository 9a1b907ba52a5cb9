"""A made-up body model in the form of the true ones, and its forward kinematics by 4x4 matrices."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

# Written out for the tests: parents of SMPL-X, of which the others are parts.
BODY = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
PARENTS = {
    24: [*BODY, 20, 21],
    52: BODY + [p for s, w in ((22, 20), (37, 21)) for f in range(5)
                for p in (w, s + 3 * f, s + 3 * f + 1)],
    55: BODY + [15, 15, 15] + [p for s, w in ((25, 20), (40, 21)) for f in range(5)
                               for p in (w, s + 3 * f, s + 3 * f + 1)],
}  # fmt: skip
REST = np.array([
    [0, 0, 0], [.07, -.08, 0], [-.07, -.08, 0], [0, .11, -.02], [.1, -.46, 0], [-.1, -.46, 0],
    [0, .24, 0], [.09, -.87, -.03], [-.09, -.87, -.03], [0, .3, 0], [.12, -.93, .09],
    [-.12, -.93, .09], [0, .5, -.03], [.08, .41, -.02], [-.08, .41, -.02], [0, .58, .02],
    [.18, .44, -.03], [-.18, .44, -.03], [.44, .43, -.05], [-.44, .43, -.05], [.69, .43, -.05],
    [-.69, .43, -.05],
])  # fmt: skip


def write_model(
    file: Path, joints: int, shapes: int = 16, points: int = 80, seed: int = 0, **more: np.ndarray
) -> dict[str, np.ndarray]:
    """A model whose regressor picks points of a cloud about the joints."""
    rng = np.random.default_rng(seed)
    rest = np.zeros((joints, 3))
    rest[:22] = REST
    for joint in range(22, joints):
        rest[joint] = rest[PARENTS[joints][joint]] + rng.normal(0, 0.03, 3)
    owner = np.r_[np.arange(joints), rng.integers(0, joints, points - joints)]
    regressor = rng.uniform(0.2, 1, (joints, points)) * (owner == np.arange(joints)[:, None])
    regressor /= regressor.sum(axis=1, keepdims=True)
    skin = rest[owner] + 0.01 * rng.normal(size=(points, 3))
    table = np.array([PARENTS[joints], range(joints)], np.int64)
    table[0, 0] = 2**32 - 1  # as in the true files
    fields = {
        "v_template": skin,
        "shapedirs": 0.01 * rng.normal(size=(points, 3, shapes)),
        "J_regressor": regressor,
        "kintree_table": table,
        "weights": rng.uniform(size=(points, joints)),
        "part2num": np.array({"Head": 15}, object),  # SMPL-X's files hold such
        **more,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **fields)  # type: ignore[arg-type]  # numpy types no field as bool
    return fields


def turn(vector: np.ndarray) -> np.ndarray:
    """A rotation as the exponential of its generator, by the power series."""
    x, y, z = vector
    generator = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    total, term = np.eye(3), np.eye(3)
    for k in range(1, 60):
        term = term @ generator / k
        total = total + term
    return total


def slow(
    model: dict[str, np.ndarray], vectors: np.ndarray, betas: np.ndarray, moves: np.ndarray
) -> np.ndarray:
    """Joints `(T, V, 3)` of turns `(T, V, 3)`: chains of 4x4 matrices, a joint at a time."""
    parents = PARENTS[len(model["J_regressor"])]
    skin = model["v_template"].copy()
    for k, beta in enumerate(betas):
        skin = skin + model["shapedirs"][:, :, k] * beta
    rest = np.array([sum(w * p for w, p in zip(row, skin, strict=True))
                     for row in model["J_regressor"]])  # fmt: skip
    frames = []
    for pose, move in zip(vectors, moves, strict=True):
        chain: list[np.ndarray] = []
        for joint in range(pose.shape[0]):
            local = np.eye(4)
            local[:3, :3] = turn(pose[joint])
            above = parents[joint]
            local[:3, 3] = rest[joint] - (rest[above] if above >= 0 else 0)
            chain.append(chain[above] @ local if above >= 0 else local)
        frames.append([matrix[:3, 3] + move for matrix in chain])
    return np.array(frames)


def poses(frames: int, joints: int, seed: int = 1, upright: str = "z") -> np.ndarray:
    """Turns of a body that stands and waves: small ones, and the pelvis turned upright."""
    rng = np.random.default_rng(seed)
    vectors = 0.25 * rng.normal(size=(frames, joints, 3))
    vectors[0, 3] = 0  # no turn at all
    vectors[:, 0] = [math.pi / 2, 0, 0] if upright == "z" else [0, 0.3, 0]
    vectors[:, 0] += 0.05 * rng.normal(size=(frames, 3))
    return vectors
