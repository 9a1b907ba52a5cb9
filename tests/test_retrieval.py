import numpy as np
import pytest
import torch
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier

from skelf.errors import InputError
from skelf.protocols import features, similarity
from skelf.protocols.knn import KNN, knn
from skelf.protocols.retrieval import Retrieval, retrieval
from skelf.protocols.retrieval import ranked as ranked_by
from skelf.settings.evaluation import evaluation

LABELS = np.arange(60) % 5


def test_against_a_slow_loop_and_sklearn():
    train, test = clips(LABELS, noise=3.0), clips(np.arange(43) % 6, noise=3.0, seed=1)
    encoder = Joints()
    values = retrieval(encoder, train, test, Retrieval(ks=(1, 3, 60))).values
    x, queries = (features.extract(encoder, part).double().numpy() for part in (train, test))
    x, queries = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, queries))
    precision, averages = {1: [], 3: [], 60: []}, []
    for query, label in zip(queries, test.label, strict=True):
        similarity = x @ query
        ranked = LABELS[np.argsort(-similarity)] == label
        for k, shares in precision.items():
            shares.append(ranked[:k].mean())
        if ranked.any():  # nothing in the gallery shows class 5
            averages.append(average_precision_score(label == LABELS, similarity))
    for k, shares in precision.items():
        assert values[f"precision@{k}.none"] == pytest.approx(np.mean(shares), abs=1e-6)
    assert len(averages) < 43
    assert values["map.none"] == pytest.approx(np.mean(averages), abs=1e-6)

    nearest = KNeighborsClassifier(1, metric="cosine").fit(x, LABELS).score(queries, test.label)
    assert values["precision@1.none"] == pytest.approx(nearest)
    assert values["precision@1.none"] == knn(encoder, train, test, KNN(k=1)).values["top1.none"]


def test_ties_keep_the_gallery_order():
    some = clips(LABELS, noise=0.0)  # within a class all features are equal
    some.joints[:] = 1.0  # and now between classes too
    values = retrieval(Joints(), some, some.take(np.arange(5)), Retrieval(ks=(1, 5))).values
    assert values["precision@1.none"] == pytest.approx(0.2)  # clip 0, whose class is 0, comes first
    assert values["precision@5.none"] == pytest.approx(0.2)


def test_separable_features_rank_perfectly_and_the_encoder_stays():
    encoder = Pool(dim=32).train()
    before = snapshot(encoder)
    outcome = retrieval(encoder, clips(LABELS, noise=0.01), clips(LABELS, noise=0.01, seed=1))
    assert_same(encoder, before)
    assert set(outcome.values) == {
        "precision@1.none",
        "precision@5.none",
        "precision@10.none",
        "map.none",
    }
    assert min(outcome.values.values()) > 0.99
    assert outcome.scores is None
    assert np.array_equal(outcome.labels, LABELS)


def test_chance_on_meaningless_labels():
    rng = np.random.default_rng(0)
    some = clips(np.zeros(300, int), seed=2), clips(np.zeros(300, int), seed=3)
    for part in some:
        part.label[:] = rng.integers(0, 5, 300)
    values = retrieval(Joints(), *some).values
    assert values["precision@10.none"] == pytest.approx(0.2, abs=0.05)
    assert values["map.none"] == pytest.approx(0.2, abs=0.05)


def test_blocks_give_what_one_matrix_gives(monkeypatch):
    some = clips(LABELS, noise=3.0), clips(LABELS, noise=3.0, seed=1)
    whole = retrieval(Joints(), *some).values
    blocks = similarity.cosine_blocks
    monkeypatch.setattr(
        similarity, "cosine_blocks", lambda q, g, **how: blocks(q, g, 4 * 60 * 7, **how)
    )
    assert retrieval(Joints(), *some).values == pytest.approx(whole)
    monkeypatch.setattr("skelf.protocols.retrieval.PIECE_BYTES", 4 * 60 * 3)  # 7 = 3 + 3 + 1
    assert retrieval(Joints(), *some).values == pytest.approx(whole)


def test_bad_input():
    with pytest.raises(InputError, match=r"eval\.ks: precision@61"):
        retrieval(Joints(), clips(LABELS), clips(LABELS), Retrieval(ks=(1, 61)))
    with pytest.raises(InputError, match="no label of the test split"):
        retrieval(Joints(), clips(LABELS), clips([6, 7]))
    assert torch.is_grad_enabled()


def test_default_ranks_are_those_that_the_gallery_has():
    def keys(**options):
        return set(
            retrieval(Joints(), clips(np.arange(7) % 2), clips([0, 1]), Retrieval(**options))[0]
        )

    assert keys() == keys(ks=[1, 5]) == {"precision@1.none", "precision@5.none", "map.none"}
    with pytest.raises(InputError, match=r"eval\.ks: precision@10 needs 1 <= k <= 7"):
        keys(ks=(1, 5, 10))


@pytest.mark.parametrize("ks", [(), (0,), (1, -5)])
def test_bad_ranks(ks):
    with pytest.raises(InputError, match=r"eval\.ks: "):
        retrieval(Joints(), clips(LABELS), clips(LABELS), Retrieval(ks=ks))
    with pytest.raises(InputError, match=r"eval\.ks: "):
        evaluation({"retrieval": retrieval}, overrides=[f"eval.ks={list(ks)}"])


@pytest.mark.parametrize(("word", "ks"), [("[2]", (2,)), ("none", None)])
def test_ranks_as_settings(word, ks):
    got = evaluation({"retrieval": retrieval}, overrides=[f"eval.ks={word}"])
    assert got == {"retrieval": Retrieval(ks=ks)}


@pytest.mark.parametrize("gallery", [1, 2, 50, 3000])
def test_ranked_is_a_stable_argsort(gallery):
    generator = torch.Generator().manual_seed(gallery)
    similarity = torch.rand(6, gallery, generator=generator) * 2 - 1
    similarity[0] = (similarity[0] * 3).round() / 3  # many equal ones, 0 and -0 among them
    similarity[1] = 0.0
    similarity[2, ::2] = -0.0
    relevant = torch.rand(6, gallery, generator=generator) < 0.3
    order = similarity.argsort(dim=1, descending=True, stable=True)
    assert torch.equal(ranked_by(similarity, relevant), relevant.gather(1, order))
