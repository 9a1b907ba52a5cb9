"""The area under the ROC curve against every pair, scikit-learn, and its interval against loops."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skelf.errors import InputError
from skelf.metrics.roc import half_width, pairs


def drawn(seed, clips=60, groups=7, ties=True):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 9, clips).astype(float) if ties else rng.normal(size=clips)
    return scores, rng.random(clips) < 0.4, rng.integers(0, groups, clips)


@pytest.mark.parametrize("seed", range(6))
def test_against_every_pair_and_scikit_learn(seed):
    scores, positive, groups = drawn(seed, ties=seed % 2 == 0)
    table = pairs(scores, positive, groups, 8)
    won = np.zeros((8, 8))
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive):
            won[groups[i], groups[j]] += float(scores[i] > scores[j]) + (scores[i] == scores[j]) / 2
    assert np.array_equal(table.won, won)
    assert table.positive.sum() == positive.sum() and table.negative.sum() == (~positive).sum()
    assert table.area() == pytest.approx(roc_auc_score(positive, scores))
    turned = pairs(-scores, positive, groups, 8).area()
    assert turned == pytest.approx(1 - table.area())


def weighted(raw, counts):
    """The mean area where group `g` counts `counts[g]` times, pair by pair."""
    areas = []
    for scores, positive, groups in raw:
        won, every = 0.0, 0.0
        for i in np.flatnonzero(positive):
            for j in np.flatnonzero(~positive):
                weight = counts[groups[i]] * counts[groups[j]]
                won += weight * (float(scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
                every += weight
        areas.append(won / every)
    return float(np.mean(areas))


def test_the_interval_is_of_what_a_little_of_each_group_changes():
    raw = [drawn(seed, groups=5) for seed in (1, 2)]
    tables = [pairs(*one, 5) for one in raw]
    pulls = []
    for group in range(5):
        more, less = np.ones(5), np.ones(5)
        more[group] += 1e-4
        less[group] -= 1e-4
        pulls.append((weighted(raw, more) - weighted(raw, less)) / 2e-4)
    deviation = np.sqrt(5 / 4 * np.sum(np.square(pulls)))
    assert half_width(tables) == pytest.approx(2.776445 * deviation, rel=1e-5)


def test_it_holds_the_truth_as_often_as_it_says():
    """People differ in what they score and in how much worse they are when wrong; five of them."""
    rng = np.random.default_rng(0)
    positive, groups = np.arange(50) % 2 == 0, np.arange(50) // 10

    def judged(people, positive, groups):
        base, effect = rng.normal(size=people), 1 + 0.5 * rng.normal(size=people)
        scores = rng.normal(size=len(groups)) + base[groups] + positive * effect[groups]
        return pairs(scores, positive, groups, people)

    many = np.arange(20_000)
    truth = judged(2_000, many % 2 == 0, many // 10).area()
    tables = [judged(5, positive, groups) for _ in range(400)]
    held = np.mean([abs(table.area() - truth) <= half_width([table]) for table in tables])
    assert 0.9 < held < 0.99


@pytest.mark.parametrize(
    ("scores", "positive", "told"),
    [
        ([1.0, 2.0], [True, True], "positive and negative"),
        ([1.0, 2.0], [False, False], "positive and negative"),
        ([1.0, float("nan")], [True, False], "NaN"),
    ],
)
def test_bad_input(scores, positive, told):
    with pytest.raises(InputError, match=told):
        pairs(np.array(scores), np.array(positive), np.zeros(2, int), 1)
