"""Rank, alignment and uniformity against slow references, their ends, and bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skelf.errors import InputError
from skelf.metrics.spread import EPSILON, alignment, effective_rank, uniformity


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def slow_rank(z: np.ndarray) -> float:
    singular = np.linalg.svd(z.astype(np.float64), compute_uv=False)
    entropy = 0.0
    for value in singular:
        share = value / sum(singular) + EPSILON
        entropy -= share * math.log(share)
    return math.exp(entropy)


def unit(row: np.ndarray) -> np.ndarray:
    return row.astype(np.float64) / np.linalg.norm(row.astype(np.float64))


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (12, 12), (1, 5), (5, 1)])
def test_rank_against_a_singular_value_decomposition(shape):
    scales = np.geomspace(1, 1e-3, shape[1]).astype(np.float32)  # as features have them
    for z in (draw(*shape), draw(*shape) * scales, draw(*shape) + 30):
        assert float(effective_rank(z)) == pytest.approx(slow_rank(z), rel=1e-4)
        assert float(effective_rank(torch.from_numpy(z) * 1e4)) == pytest.approx(
            float(effective_rank(z)), rel=1e-6
        )


def test_rank_knows_both_ends():
    orthogonal = torch.linalg.qr(torch.from_numpy(draw(20, 6)).double()).Q
    assert float(effective_rank(orthogonal)) == pytest.approx(6, rel=1e-5)
    row = torch.from_numpy(draw(1, 300))
    assert float(effective_rank(row.expand(200, -1))) == pytest.approx(1, abs=1e-3)
    assert float(effective_rank(torch.zeros(9, 4))) == 0
    assert EPSILON == 1e-7


def test_rank_of_each_of_many_is_that_of_each_alone():
    z = torch.from_numpy(draw(5, 8, 3))
    z[2] = 0
    together = effective_rank(z)
    assert together.shape == (5,)
    assert together.tolist() == pytest.approx([float(effective_rank(one)) for one in z])


def test_alignment_against_a_slow_loop():
    one, other = draw(30, 6), draw(30, 6, seed=1)
    total = 0.0
    for a, b in zip(one, other, strict=True):
        total += ((unit(a) - unit(b)) ** 2).sum() / len(one)
    assert alignment(one, other) == pytest.approx(total)
    assert alignment(one, 3 * one) == pytest.approx(0, abs=1e-12)
    assert alignment(one, -one) == pytest.approx(4)
    assert alignment(np.zeros((2, 3)), np.zeros((2, 3))) == 0


@pytest.mark.parametrize("block", [1, 8 * 31 * 7, 2**20])
def test_uniformity_against_a_slow_loop_over_pairs(block):
    z = draw(31, 6)
    terms = [
        math.exp(-2 * ((unit(z[i]) - unit(z[j])) ** 2).sum())
        for i in range(len(z))
        for j in range(i + 1, len(z))
    ]
    expected = math.log(sum(terms) / len(terms))
    assert uniformity(z, block_bytes=block) == pytest.approx(expected)


def test_uniformity_knows_both_ends():
    row = draw(1, 8)
    assert uniformity(np.repeat(row, 50, axis=0)) == pytest.approx(0, abs=1e-9)
    assert uniformity(np.concatenate([row, -row])) == pytest.approx(-8)
    even = uniformity(draw(400, 500))
    assert -4.1 < even < -3.9 < uniformity(draw(400, 500) + 1)


def test_uniformity_holds_no_square_of_all_vectors():
    z = torch.from_numpy(draw(3000, 4))
    seen: list[int] = []

    class Peak(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            seen.append(out.numel() if isinstance(out, torch.Tensor) else 0)
            return out

    with Peak():
        uniformity(z, block_bytes=2**20)
    assert max(seen) <= 2**20 // 8 < 3000**2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: effective_rank(np.zeros((0, 3))), "at least 1 vector "),
        (lambda: effective_rank(np.zeros(3)), r"\(3,\)"),
        (lambda: effective_rank(np.array([[1.0, np.nan]])), "NaN or Inf"),
        (lambda: uniformity(np.ones((1, 3))), "at least 2 vectors"),
        (lambda: uniformity(np.ones((2, 3, 3))), r"expected vectors \(N, D\)"),
        (lambda: uniformity(np.array([[np.inf], [1.0]])), "NaN or Inf"),
        (lambda: alignment(np.ones((2, 3)), np.ones((3, 3))), r"two views \(N, D\)"),
        (lambda: alignment(np.ones((2, 3)), np.full((2, 3), np.nan)), "second: NaN"),
    ],
)
def test_bad_input_is_refused(call, says):
    with pytest.raises(InputError, match=says):
        call()
