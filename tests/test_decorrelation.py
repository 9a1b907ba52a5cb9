"""Loss terms: numbers of the released code (sources U18), slow loops of the paper's equations."""

from itertools import combinations, permutations

import pytest
import torch

from skelf.losses.decorrelation import (
    covariance,
    cross_correlation,
    decorrelation,
    similarity,
    variance,
)

WEIGHTS = {
    "similarity": 5.0,
    "variance": 5.0,
    "covariance": 1.0,
    "invariance": 1e-3,
    "cross_correlation": 5e-6,
}


def views(K=4, B=6, D=5, dtype=torch.float64):
    """The z of sources U18 at its default size; varied enough at any other."""
    v, i, j = (torch.arange(n, dtype=dtype) for n in (K, B, D))
    wave = torch.sin(1.3 * i[:, None] + 0.7 * j + 2.1 * v[:, None, None])
    return wave + 0.1 * j + (0 if (B, D) == (6, 5) else 0.3 * torch.cos(0.9 * i[:, None] * j))


def test_golden_terms():
    z = views(dtype=torch.float32)
    assert float(similarity(z)) == pytest.approx(4.467428, abs=1e-6)
    regularised = 5 * variance(z) + covariance(z)
    expected = torch.tensor([1.715533, 1.733974, 1.731611, 1.715497])
    torch.testing.assert_close(regularised, expected, rtol=0, atol=2e-6)
    diagonal, off_diagonal = cross_correlation(z)
    pairs = (1 - diagonal).square().sum(dim=1) + 0.005 * off_diagonal
    assert float(pairs[0]) == pytest.approx(10.078300, abs=1e-5)
    assert float(pairs.sum()) == pytest.approx(50.332603, abs=5e-5)


def test_golden_total():
    terms = decorrelation(views(dtype=torch.float32))
    assert terms.keys() == WEIGHTS.keys()
    total = sum(WEIGHTS[name] * float(terms[name]) for name in terms)
    assert total == pytest.approx(29.284088, abs=2e-5)


# ---- the paper's equations, number by number ----


def mse(a, b):
    B, D = a.shape
    return sum((a[i, j] - b[i, j]) ** 2 for i in range(B) for j in range(D)) / (B * D)


def slow_similarity(z, form):
    """Eq. 8, first term; official: three views to the hub and to their centre."""
    K, B, D = z.shape
    if form == "official":
        hub, centre = z[-1], sum(z[a] for a in range(K - 1)) / (K - 1)
        return sum(mse(z[a], hub) + mse(z[a], centre) for a in range(K - 1))
    total = 0.0
    for a in range(K):
        for i in range(B):
            mean = [sum(z[b, i, j] for b in range(K)) / K for j in range(D)]
            total += sum((z[a, i, j] - mean[j]) ** 2 for j in range(D)) ** 0.5
    return total / (K * B)


def column(z, j):
    """Mean and unbiased variance of one dimension."""
    values = [z[i, j] for i in range(len(z))]
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def slow_variance(z):
    """Eq. 9 of one view."""
    deviations = [(column(z, j)[1] + 1e-4) ** 0.5 for j in range(z.shape[1])]
    return sum(max(0.0, 1.0 - deviation) for deviation in deviations) / len(deviations)


def slow_covariance(z):
    """Eq. 10 of one view."""
    B, D = z.shape
    total = 0.0
    for i, j in permutations(range(D), 2):
        a, b = column(z, i)[0], column(z, j)[0]
        total += (sum((z[n, i] - a) * (z[n, j] - b) for n in range(B)) / (B - 1)) ** 2
    return total / D


def slow_correlation(za, zb, i, j):
    """One entry of the cross-correlation matrix of two views."""
    (mean_a, var_a), (mean_b, var_b) = column(za, i), column(zb, j)
    both = sum((za[n, i] - mean_a) * (zb[n, j] - mean_b) for n in range(len(za)))
    return both / (var_a * var_b) ** 0.5 / len(za)


def slow_invariance(z, form):
    """Eq. 8, second term: ordered pairs over K; official: squares over unordered pairs."""
    K, _, D = z.shape
    if form == "paper":
        pairs, power, scale = permutations(range(K), 2), 1, 1 / K
    else:
        pairs, power, scale = combinations(range(K), 2), 2, 1
    return scale * sum(
        (1 - slow_correlation(z[a], z[b], i, i)) ** power for a, b in pairs for i in range(D)
    )


def slow_cross_correlation(z):
    """Eq. 11 over the pairs of Eq. 12."""
    return sum(
        slow_correlation(z[a], z[b], i, j) ** 2
        for a, b in combinations(range(len(z)), 2)
        for i, j in permutations(range(z.shape[2]), 2)
    )


@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("K, B, D", [(4, 6, 5), (2, 3, 6), (3, 4, 4)])  # B > D, B < D, B = D
def test_terms_are_the_equations(form, K, B, D):
    z = views(K, B, D)
    terms, numbers = decorrelation(z, form), z.numpy()
    expected = {
        "similarity": slow_similarity(numbers, form),
        "variance": sum(slow_variance(view) for view in numbers),
        "covariance": sum(slow_covariance(view) for view in numbers),
        "invariance": slow_invariance(numbers, form),
        "cross_correlation": slow_cross_correlation(numbers),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(float(value), rel=1e-4), name


def test_correlation_with_itself_is_short_of_one():
    z = views(1).expand(2, -1, -1)
    torch.testing.assert_close(cross_correlation(z)[0], torch.full((1, 5), 5 / 6).double())


@pytest.mark.parametrize("K, B, D", [(3, 4, 9), (3, 9, 4)])
def test_gram_and_direct_path_are_exact(K, B, D):
    """Both sides of `B < D` against torch.cov and torch.corrcoef: values and gradients."""
    z = views(K, B, D).requires_grad_()
    direct = []
    for view in z:
        c = torch.cov(view.T)
        direct.append((c.square().sum() - c.diagonal().square().sum()) / D)
    torch.testing.assert_close(covariance(z), torch.stack(direct))
    weights = torch.arange(1.0, K + 1).double()
    ours = torch.autograd.grad((covariance(z) * weights).sum(), z)[0]
    theirs = torch.autograd.grad((torch.stack(direct) * weights).sum(), z)[0]
    torch.testing.assert_close(ours, theirs)

    direct = []
    for a, b in combinations(range(K), 2):
        c = torch.corrcoef(torch.cat([z[a], z[b]], dim=1).T)[:D, D:] * (B - 1) / B
        direct.append(c.square().sum() - c.diagonal().square().sum())
    off_diagonal = cross_correlation(z)[1]
    torch.testing.assert_close(off_diagonal, torch.stack(direct))
    weights = torch.arange(1.0, len(direct) + 1).double()
    ours = torch.autograd.grad((off_diagonal * weights).sum(), z)[0]
    theirs = torch.autograd.grad((torch.stack(direct) * weights).sum(), z)[0]
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("K, B, D", [(3, 4, 5), (3, 5, 4)])
@pytest.mark.parametrize(
    "term",
    [similarity, lambda z: similarity(z, "paper"), variance, covariance, cross_correlation],
    ids=["similarity", "paper similarity", "variance", "covariance", "cross-correlation"],
)
def test_gradients(term, K, B, D):
    assert torch.autograd.gradcheck(term, views(K, B, D).requires_grad_())


@pytest.mark.parametrize("form", ["official", "paper"])
def test_half_precision_is_computed_in_single(form):
    z = views(4, 8, 16).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = decorrelation(z, form)
    expected = decorrelation(z.float(), form)
    for name, value in expected.items():
        assert terms[name].dtype == torch.float32
        assert torch.equal(terms[name], value)


def test_without_cross_correlation():
    z = views()
    terms, everything = decorrelation(z, xc=False), decorrelation(z)
    assert terms.keys() == {"similarity", "variance", "covariance"}
    assert all(torch.equal(terms[name], everything[name]) for name in terms)


def test_collapse_is_finite():
    """Views that are all the same number: similar, yet as bad as can be; no NaN."""
    z = torch.ones(4, 6, 5, requires_grad=True)
    terms = decorrelation(z)
    assert terms["similarity"].item() == 0
    assert terms["variance"].item() == pytest.approx(4 * 0.99)
    sum(terms.values()).backward()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 6, 5), (4, 1, 5), (6, 5)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match=r"K >= 2, B >= 2, D.*got \(" + str(shape[0])):
        decorrelation(torch.zeros(shape))


def test_unknown_form():
    with pytest.raises(ValueError, match="unknown form 'papr'; known: official, paper"):
        decorrelation(views(), "papr")
