"""Contrastive losses against slow loops over clips and keys, straight from the equations."""

import math

import pytest
import torch
from torch.nn import functional as F

from skelf.losses.contrastive import (
    attention_drop,
    cosines,
    cross_stream,
    distribution_matching,
    importance,
    info_nce,
    nearest_positives,
    nnm,
)

N, K, D = 5, 11, 4


def unit(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=1)


def logits(seed=0):
    return cosines(unit(N, D, seed=seed), unit(N, D, seed=9), unit(K, D, seed=8)) / 0.07


def probabilities(row):
    largest = max(row)
    e = [math.exp(v - largest) for v in row]
    return [v / sum(e) for v in e]


def test_cosines_by_loops():
    q, k, queue = unit(N, D), unit(N, D, seed=1), unit(K, D, seed=2)
    found = cosines(q, k, queue)
    assert found.shape == (N, 1 + K)
    for n in range(N):
        for j, other in enumerate([k[n], *queue]):
            assert found[n, j].item() == pytest.approx(sum((q[n] * other).tolist()), abs=1e-12)


def test_keys_get_no_gradient():
    q, k, queue = (unit(n, D, seed=s).requires_grad_() for s, n in enumerate((N, N, K)))
    info_nce(cosines(q, k, queue)).backward()
    assert q.grad.abs().sum() > 0 and k.grad is None and queue.grad is None


def test_info_nce_by_loops():
    z = logits()
    expected = sum(-math.log(probabilities(row)[0]) for row in z.tolist()) / N
    assert info_nce(z).item() == pytest.approx(expected)


def test_distribution_matching_by_loops():
    student, teacher = logits(1).requires_grad_(), logits(2).requires_grad_()
    expected = 0.0
    for s, t in zip(student.tolist(), teacher.tolist(), strict=True):
        p, q = probabilities(t), probabilities(s)
        expected -= sum(a * math.log(b) for a, b in zip(p, q, strict=True)) / N
    loss = distribution_matching(student, teacher)
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    gradient = (student.softmax(1) - teacher.softmax(1)) / N  # of a cross-entropy
    torch.testing.assert_close(student.grad, gradient.detach())
    assert teacher.grad is None


def test_distribution_matching_survives_what_a_softmax_does_not():
    far = torch.tensor([[200.0, 0.0]])
    assert distribution_matching(far, far.flip(1)).item() == pytest.approx(200.0)


@pytest.mark.parametrize("topk", [1, 3, K])
def test_nearest_positives_by_loops(topk):
    views = [logits(seed) for seed in range(3)]
    found = nearest_positives(views, topk)
    for n in range(N):
        expected = {0}
        for view in views:
            row = view[n, 1:].tolist()
            expected |= {1 + j for j in sorted(range(K), key=lambda j: -row[j])[:topk]}
        assert set(found[n].nonzero().flatten().tolist()) == expected


@pytest.mark.parametrize("form", ["official", "paper"])
def test_nnm_by_loops(form):
    z = logits()
    positives = nearest_positives([logits(1), logits(2)], 2)
    expected = 0.0
    for row, mask in zip(z.tolist(), positives.tolist(), strict=True):
        p = [v for v, positive in zip(probabilities(row), mask, strict=True) if positive]
        if form == "paper":
            expected -= math.log(sum(p)) / N
        else:
            expected -= sum(map(math.log, p)) / len(p) / N
    assert nnm(z, positives, form).item() == pytest.approx(expected)
    alone = torch.zeros_like(positives)
    alone[:, 0] = True
    torch.testing.assert_close(nnm(z, alone, form), info_nce(z))


def test_nnm_has_finite_gradients():
    positives = nearest_positives([logits(1)], 2)
    for form in ("official", "paper"):
        z = logits().requires_grad_()
        nnm(z, positives, form).backward()
        assert z.grad.isfinite().all()
        assert z.grad[~positives].min() > 0  # every negative is pushed away
    with pytest.raises(ValueError, match="unknown form 'x'; known: official, paper"):
        nnm(z, positives, "x")


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("topk", [1, 3])
def test_cross_stream_by_loops(context, topk):
    own, other = (0.07 * logits(s) for s in (1, 2))
    own.requires_grad_(), other.requires_grad_()
    found, positives = cross_stream(own, other, topk, context)
    assert found.shape == positives.shape == (N, 1 + (2 if context else 1) * K)
    for n in range(N):
        a, b = own[n].tolist(), other[n].tolist()
        near = sorted(range(K), key=lambda j: -b[1 + j])[:topk]
        row = a + [a[1 + j] * b[1 + j] for j in range(K)] * context
        mask = {0} | {1 + j for j in near} | {1 + K + j for j in near if context}
        assert found[n].tolist() == pytest.approx(row)
        assert set(positives[n].nonzero().flatten().tolist()) == mask
    nnm(found / 0.07, positives).backward()
    assert own.grad.abs().sum() > 0
    assert (other.grad is not None) == context


# ---- EADM ----


def maps():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 5, 6, generator=generator, dtype=torch.float64)
    x[..., 2] *= 4  # a joint that stands out
    x[:, :, 1] *= 3  # and a frame
    return x


@pytest.mark.parametrize("form", ["official", "paper"])
def test_importance_by_loops(form):
    x, lam = maps(), 1e-2
    found = importance(x, lam, form)
    count = 5 * 6
    for b in range(3):
        for c in range(4):
            values = x[b, c].flatten().tolist()
            mean = sum(values) / count
            spread = sum((v - mean) ** 2 for v in values) / (count - (form == "official"))
            for v, alpha in zip(values, found[b, c].flatten().tolist(), strict=True):
                # Eq. 3, the energy of one neuron.
                energy = 4 * (spread + lam) / ((v - mean) ** 2 + 2 * spread + 2 * lam)
                assert alpha == pytest.approx(1 / (1 + math.exp(-1 / energy)))
                assert alpha > 0.6224


def drop_by_loops(x, margin, form):
    """Algorithm 1."""
    alpha = importance(x, form=form)
    B, C, T, V = x.shape
    spatial, temporal = torch.ones_like(x), torch.ones_like(x)
    for b in range(B):
        for v in range(V):
            spatial[b, :, :, v] = float(alpha[b, :, :, v].mean() < margin)
        for t in range(T):
            if form == "paper":
                temporal[b, :, t] = float(alpha[b, :, t].mean() < margin)
                continue
            for c in range(C):
                for v in range(V):
                    temporal[b, c, t, v] = float(alpha[b, c, t, v] < margin)
    bodies = range(B) if form == "paper" else [slice(None)]
    out = torch.empty_like(x)
    for b in bodies:
        out[b] = x[b] * spatial[b] * spatial[b].numel() / spatial[b].sum()
        out[b] = out[b] * temporal[b] * temporal[b].numel() / temporal[b].sum()
    return out, spatial.min() == 0, temporal.min() == 0


@pytest.mark.parametrize("form", ["official", "paper"])
def test_attention_drop_by_loops(form):
    x, margin = maps(), 0.68
    expected, joints, rest = drop_by_loops(x, margin, form)
    assert joints and rest  # both masks drop something here
    torch.testing.assert_close(attention_drop(x, margin, form=form), expected)


def test_attention_drop_passes_gradients_through_what_it_keeps():
    x = maps().requires_grad_()
    y = attention_drop(x, 0.68)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x.detach(), y.detach())


def test_attention_drop_edges():
    x = maps()
    for form in ("official", "paper"):
        assert torch.equal(attention_drop(x, 1.1, form=form), x)
        assert torch.equal(attention_drop(x, 0.0, form=form), torch.zeros_like(x))
    half = attention_drop(x.bfloat16())
    assert half.dtype == torch.float32 and half.isfinite().all()
    with pytest.raises(ValueError, match="unknown form 'x'; known: official, paper"):
        attention_drop(x, form="x")


def test_cosines_keep_their_precision_under_autocast():
    generator = torch.Generator().manual_seed(4)
    q, k, queue = (F.normalize(torch.randn(n, 16, generator=generator), dim=1) for n in (5, 5, 40))
    with torch.autocast("cpu", torch.bfloat16):
        found = cosines(q, k, queue)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, cosines(q, k, queue))
