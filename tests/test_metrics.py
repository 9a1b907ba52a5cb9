import doctest

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn import metrics as reference

from skelf.errors import InputError
from skelf.metrics import classes as metrics
from skelf.metrics import interval
from skelf.metrics.interval import Range, clearly_best, is_accuracy, wilson


def test_docstring_examples_run():
    result = doctest.testmod(metrics)
    assert result.attempted >= 5
    assert result.failed == 0


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_topk_accuracy_against_a_slow_loop(k):
    rng = np.random.default_rng(k)
    # Few distinct values, so that there are many ties.
    scores, labels = rng.integers(0, 6, (200, 9)).astype(float), rng.integers(0, 9, 200)
    hits = 0
    for row, label in zip(scores, labels, strict=True):
        order = sorted(range(9), key=lambda c: (-row[c], c))
        hits += label in order[:k]
    assert metrics.topk_accuracy(scores, labels, k) == hits / 200
    assert (
        metrics.topk_accuracy(torch.from_numpy(scores), torch.from_numpy(labels), k) == hits / 200
    )


def test_topk_accuracy_equals_sklearn_without_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(300, 7)), rng.integers(0, 7, 300)
    expected = reference.top_k_accuracy_score(labels, scores, k=3, labels=range(7))
    assert metrics.topk_accuracy(scores, labels, 3) == pytest.approx(expected)


def test_wilson_equals_scipy_and_its_examples_run():
    assert doctest.testmod(interval).failed == 0
    for clips in (1, 2, 3, 17, 400):
        for hits in {0, 1, clips // 2, clips}:
            expected = binomtest(hits, clips).proportion_ci(0.95, method="wilson")
            assert wilson(hits / clips, clips) == pytest.approx(expected, abs=1e-6)
    assert wilson(1 + 1e-7, 5)[1] <= 1 and wilson(-1e-7, 5)[0] == 0  # rounding


def test_the_best_is_clearly_so():
    assert clearly_best([]) is None
    assert clearly_best([Range(0.9, 0.8, 1.0)]) is None  # nothing to compare it with
    ends = [Range(0.5, 0.4, 0.6), Range(0.9, 0.7, 1.0), Range(0.2, 0.1, 0.3)]
    assert clearly_best(ends) == 1
    assert clearly_best([*ends, Range(0.55, 0.2, 0.7)]) is None  # it touches
    assert not is_accuracy("frame_accuracy") and not is_accuracy("accuracy.5way.1shot.svm")


def test_topk_accuracy_does_not_flatter_constants_or_nan():
    labels = torch.tensor([0, 1, 2, 3])
    assert metrics.topk_accuracy(torch.ones(4, 4), labels) == 0.25
    assert metrics.topk_accuracy(torch.full((4, 4), float("nan")), labels, k=4) == 0.0


def test_confusion_equals_sklearn():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 4, 100), rng.integers(0, 5, 100)
    expected = reference.confusion_matrix(labels, predictions, labels=range(6))
    assert np.array_equal(metrics.confusion(labels, predictions, 6), expected)


def test_precision_and_average_precision_against_slow_loops():
    rng = np.random.default_rng(0)
    relevance = rng.random((60, 23)) < rng.random((60, 1)) * 0.6
    relevance[0] = False
    ks = (1, 4, 23)
    precision, average = metrics.precision_at(relevance, ks), metrics.average_precision(relevance)
    for q, row in enumerate(relevance):
        for column, k in enumerate(ks):
            assert float(precision[q, column]) == pytest.approx(sum(row[:k]) / k)
        found, total = 0, 0.0
        for rank, relevant in enumerate(row, 1):
            if relevant:
                found += 1
                total += found / rank
        if found:
            assert float(average[q]) == pytest.approx(total / found, abs=1e-12)
        else:
            assert np.isnan(float(average[q]))


def test_average_precision_equals_sklearn_without_ties():
    rng = np.random.default_rng(1)
    for _ in range(20):
        scores, relevant = rng.permutation(50), rng.random(50) < 0.2
        relevant[3] = True
        ranked = relevant[np.argsort(-scores)][None]
        expected = reference.average_precision_score(relevant, scores)
        assert float(metrics.average_precision(ranked)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: metrics.topk_accuracy(torch.zeros(2, 3), torch.tensor([0, 3])), "labels"),
        (lambda: metrics.topk_accuracy(torch.zeros(2, 3), torch.tensor([0, -1])), "labels"),
        (lambda: metrics.topk_accuracy(torch.zeros(0, 3), torch.zeros(0).long()), "0 clips"),
        (lambda: metrics.topk_accuracy(torch.zeros(1, 3), torch.tensor([0]), k=0), "k=0"),
        (lambda: metrics.confusion(np.array([0]), np.array([2]), 2), "predictions"),
        (lambda: metrics.precision_at(torch.ones(1, 3).bool(), (4,)), "precision@4"),
    ],
)
def test_bad_input(call, field):
    with pytest.raises(InputError, match=field):
        call()
