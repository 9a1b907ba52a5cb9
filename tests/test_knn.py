import weakref

import numpy as np
import pytest
import torch
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from sklearn.neighbors import KNeighborsClassifier

from skelf.errors import InputError
from skelf.protocols import similarity
from skelf.protocols.knn import KNN, knn, knn_scores
from skelf.protocols.retrieval import retrieval
from skelf.settings.evaluation import evaluation

LABELS = np.arange(60) % 5


def _random(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("k", [1, 7, 20, 100])
def test_against_a_slow_loop(k):
    train, test = _random(50, 6, 0), _random(17, 6, 1)
    labels = torch.arange(50) % 4
    got = knn_scores(train, labels, test, 5, KNN(k=k, temperature=0.3))
    for query, row in zip(test.numpy(), got.numpy(), strict=True):
        similarity = [
            float(query @ g / np.linalg.norm(query) / np.linalg.norm(g)) for g in train.numpy()
        ]
        votes = np.zeros(5)
        for i in sorted(range(50), key=lambda i: -similarity[i])[:k]:
            votes[labels[i]] += np.exp(similarity[i] / 0.3)
        np.testing.assert_allclose(row, votes / votes.sum(), atol=1e-5)


def test_one_neighbour_equals_sklearn():
    train, test, labels = _random(200, 8, 0), _random(100, 8, 1), torch.arange(200) % 7
    model = KNeighborsClassifier(1, metric="cosine").fit(train.numpy(), labels.numpy())
    got = knn_scores(train, labels, test, 7, KNN(k=1))
    assert np.array_equal(got.argmax(1), model.predict(test.numpy()))


def test_blocks_give_what_one_matrix_gives(monkeypatch):
    train, test, labels = _random(40, 8, 0), _random(31, 8, 1), torch.arange(40) % 3
    whole = knn_scores(train, labels, test, 3)
    blocks = similarity.cosine_blocks
    monkeypatch.setattr(
        similarity, "cosine_blocks", lambda q, g, **how: blocks(q, g, 4 * 40 * 7, **how)
    )
    torch.testing.assert_close(knn_scores(train, labels, test, 3), whole)


def test_a_block_is_small_and_never_more_than_its_bytes(monkeypatch):
    few, gallery = _random(1000, 4, 0), _random(50, 4, 1)
    sizes = [similar.shape for _, similar in similarity.cosine_blocks(few, gallery)]
    assert {rows for rows, _ in sizes[:-1]} == {similarity.ROWS}
    assert sum(rows for rows, _ in sizes) == 1000 and {columns for _, columns in sizes} == {50}
    monkeypatch.setattr(similarity, "BLOCK_BYTES", 4 * 50 * 3)
    assert len(next(similarity.cosine_blocks(few, gallery))[1]) == 3


@pytest.mark.parametrize("centre", [False, True])
def test_features_may_be_overwritten_and_otherwise_stay(centre):
    train, test, labels = _random(40, 8, 0), _random(31, 8, 1), torch.arange(40) % 3
    before, how = (train.clone(), test.clone()), KNN(centre=centre)
    votes = knn_scores(train, labels, test, 3, how)
    assert torch.equal(train, before[0]) and torch.equal(test, before[1])
    assert torch.equal(knn_scores(train, labels, test, 3, how, overwrite=True), votes)
    torch.testing.assert_close(train.norm(dim=1), torch.ones(40))  # no copy was made


def test_only_one_block_is_there_at_a_time(monkeypatch):
    made = []
    linear = similarity.linear

    def product(*given):
        assert not [block for block in made if block() is not None]
        block = linear(*given)
        made.append(weakref.ref(block))
        return block

    monkeypatch.setattr(similarity, "linear", product)
    monkeypatch.setattr(similarity, "ROWS", 7)
    knn_scores(_random(40, 8, 0), torch.arange(40) % 3, _random(31, 8, 1), 3)
    retrieval(Joints(), clips(LABELS), clips(LABELS, seed=1))
    assert len(made) == 5 + 9


def test_a_low_temperature_does_not_overflow():
    got = knn_scores(
        _random(40, 8, 0), torch.arange(40) % 3, _random(9, 8, 1), 3, KNN(temperature=1e-3)
    )
    assert bool(got.isfinite().all())
    torch.testing.assert_close(got.sum(1), torch.ones(9))


def test_separable_features_are_recognised_and_the_encoder_stays():
    encoder = Pool(dim=32).train()
    before = snapshot(encoder)
    outcome = knn(encoder, clips(LABELS), clips(LABELS, seed=1))
    assert_same(encoder, before)
    assert outcome.values["top1.none"] > 0.95
    assert outcome.scores.shape == (60, 5)
    assert np.array_equal(outcome.labels, LABELS)
    assert "k=20" in outcome.definition


def test_chance_on_meaningless_labels():
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 5, 400) for _ in range(2))
    some = clips(np.zeros(400, int), seed=2), clips(np.zeros(400, int), seed=3)
    for part, labels in zip(some, (train, test), strict=True):
        part.label[:] = labels
    assert knn(Joints(), *some).values["top1.none"] == pytest.approx(0.2, abs=0.07)


def test_a_class_that_training_lacks_counts_as_wrong():
    outcome = knn(Joints(), clips(LABELS), clips([0, 1, 7, 8], seed=1))
    assert outcome.values["top1.none"] == 0.5
    assert outcome.scores.shape == (4, 9)


def test_centre_removes_a_common_offset():
    some = clips(LABELS), clips(LABELS, seed=1)
    for part in some:
        part.joints[:] += 1e4  # all cosines are 1 to within rounding
    assert knn(Joints(), *some).values["top1.none"] < 0.95
    outcome = knn(Joints(), *some, KNN(centre=True))
    assert outcome.values["top1.none"] > 0.95
    assert "minus the gallery mean" in outcome.definition


@pytest.mark.parametrize("options", [{"k": 0}, {"temperature": 0.0}, {"temperature": float("nan")}])
def test_bad_options(options):
    with pytest.raises(InputError, match=f"eval.{next(iter(options))}"):
        knn(Joints(), clips(LABELS), clips(LABELS), KNN(**options))


@pytest.mark.parametrize("value", ["k=0", "k=1.5", "temperature=0", "temperature=nan"])
def test_settings_are_refused_before_any_work(value):
    with pytest.raises(InputError, match=f"eval.{value.partition('=')[0]}: "):
        evaluation({"knn": knn}, overrides=[f"eval.{value}"])
