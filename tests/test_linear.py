import numpy as np
import pytest
import torch
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot

from skelf.errors import InputError
from skelf.protocols import PROTOCOLS, features
from skelf.protocols.linear import Linear, hold_out, linear
from skelf.settings.evaluation import evaluation

LABELS = np.arange(70) % 7
FAST = {"epochs": 12, "lr": 0.05, "batch_size": 32, "milestones": (8,)}


def _classifier(x, labels, start, orders, rates, kept, batch_size, momentum=0.9, decay=0.01):
    """Softmax regression by hand in double precision; the clips outside `kept` are passed over."""
    weight, bias = start.double().numpy().copy(), np.zeros(len(start))
    speed_w, speed_b = np.zeros_like(weight), np.zeros_like(bias)
    for order, rate in zip(orders, rates, strict=True):
        for begin in range(0, len(order), batch_size):
            chosen = [i for i in order[begin : begin + batch_size] if i in kept]
            gradient_w, gradient_b = decay * weight, decay * bias
            for i in chosen:
                logits = weight @ x[i] + bias
                p = np.exp(logits - logits.max())
                p /= p.sum()
                p[labels[i]] -= 1
                gradient_w = gradient_w + np.outer(p, x[i]) / len(chosen)
                gradient_b = gradient_b + p / len(chosen)
            speed_w, speed_b = momentum * speed_w + gradient_w, momentum * speed_b + gradient_b
            weight, bias = weight - rate * speed_w, bias - rate * speed_b
        yield weight, bias


@pytest.mark.parametrize("standardize", [False, True])
def test_against_a_slow_classifier(standardize):
    encoder = Joints()
    train, test = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    outcome = linear(
        encoder,
        train,
        test,
        Linear(
            weight_decay=0.01,
            test_every=2,
            validation=0.2,
            standardize=standardize,
            epochs=7,
            lr=0.05,
            batch_size=32,
            milestones=(4,),
        ),
        seed=3,
    )
    x, queries = (features.extract(encoder, part).double().numpy() for part in (train, test))
    if standardize:
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        x, queries = (x - mean) / deviation, (queries - mean) / deviation
    generator = torch.Generator().manual_seed(3)
    start = torch.randn(7, 60, generator=generator) * 0.01
    orders = [torch.randperm(70, generator=generator).tolist() for _ in range(7)]
    rates = [0.05] * 4 + [0.005] * 3
    held = hold_out(torch.from_numpy(LABELS), 0.2, 3).tolist()

    def accuracies(kept, x_judged, labels_judged):
        runs = _classifier(x, LABELS, start, orders, rates, kept, 32)
        logits = [x_judged @ weight.T + bias for weight, bias in runs]
        checked = [logits[epoch - 1] for epoch in (2, 4, 6, 7)]
        return [np.mean(z.argmax(1) == labels_judged) for z in checked], logits[-1]

    on_test, scores = accuracies(set(range(70)), queries, LABELS)
    np.testing.assert_allclose(outcome.scores, scores, atol=1e-4)
    assert outcome.values["top1.last"] == pytest.approx(on_test[-1])
    assert outcome.values["top1.best_on_test"] == pytest.approx(max(on_test))
    rest = set(range(70)) - set(held)
    on_held, _ = accuracies(rest, x[held], LABELS[held])
    second, _ = accuracies(rest, queries, LABELS)
    assert outcome.values["top1.validated"] == pytest.approx(second[int(np.argmax(on_held))])


def test_separable_features_are_recognised_and_the_encoder_stays():
    encoder = Pool(dim=32).train()
    before = snapshot(encoder)
    outcome = linear(
        encoder, clips(LABELS), clips(LABELS, seed=1), Linear(standardize=True, lr=0.1)
    )
    assert_same(encoder, before)
    assert set(outcome.values) == {
        "top1.last",
        "top1.best_on_test",
        "top1.validated",
        "top5.last",
    }
    assert min(outcome.values.values()) > 0.95
    assert outcome.scores.shape == (70, 7)
    assert outcome.scores.dtype == np.float32
    assert np.array_equal(outcome.labels, LABELS)


def test_released_protocol_is_the_default():
    outcome = linear(Pool(), clips(LABELS), clips(LABELS))
    for part in ("momentum 0.9", "batch 512", "lr 0.006", "(120, 140)", "160 epochs"):
        assert part in outcome.definition
    assert "\n" not in outcome.definition
    assert PROTOCOLS["linear"] is linear


def test_chance_on_meaningless_labels():
    rng = np.random.default_rng(0)
    some = clips(np.zeros(400, int), seed=2), clips(np.zeros(400, int), seed=3)
    for part in some:
        part.label[:] = rng.integers(0, 4, 400)
    values = linear(Joints(), *some, Linear(**FAST)).values
    assert values["top1.last"] == pytest.approx(0.25, abs=0.08)
    assert values["top1.best_on_test"] >= values["top1.last"]
    assert "top5.last" not in values


def test_same_seed_same_numbers_and_the_global_generator_stays():
    some = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = (linear(Pool(), *some, Linear(**FAST), seed=1) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.values == again.values
    assert np.array_equal(first.scores, again.scores)
    other = linear(Pool(), *some, Linear(**FAST), seed=2)
    assert not np.array_equal(first.scores, other.scores)


def test_features_are_extracted_once(tmp_path):
    encoder = Pool()
    for _ in range(2):
        linear(encoder, clips(LABELS), clips(LABELS, seed=1), Linear(**FAST), cache=tmp_path)
    assert len(encoder.seen) == 2  # the training and the test split


def test_hold_out_is_stratified():
    labels = torch.tensor([0] * 40 + [1] * 10 + [2] * 2 + [3])
    held = hold_out(labels, 0.1, 0)
    assert torch.bincount(labels[held], minlength=4).tolist() == [4, 1, 1, 0]
    assert len(held.unique()) == len(held)
    assert not torch.equal(held, hold_out(labels, 0.1, 1))


@pytest.mark.parametrize("validation", [0.0, 0.1])
def test_no_validated_figure_without_a_hold_out(validation):
    train = LABELS if validation == 0 else np.arange(7)  # one clip a class: none can be spared
    options = {**FAST, "validation": validation}
    outcome = linear(Pool(), clips(train), clips(LABELS), Linear(**options))
    assert "top1.validated" not in outcome.values
    assert "validated" not in outcome.definition


def test_validation_leaves_the_other_figures_alone():
    some = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    with_it, without = (linear(Joints(), *some, Linear(validation=v, **FAST)) for v in (0.2, 0.0))
    np.testing.assert_allclose(with_it.scores, without.scores, atol=1e-5)


def test_constant_features_survive_standardizing():
    some = clips(LABELS)
    some.joints[:, :, 3] = 0.1
    values = linear(Joints(), some, some, Linear(standardize=True, **FAST)).values
    assert values["top1.last"] > 0.9


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"test_every": 0},
        {"lr": 0.0},
        {"validation": 1.0},
        {"validation": -0.1},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"gamma": 0.0},
        {"gamma": 1.5},
        {"momentum": -0.1},
        {"momentum": 1.0},
        {"weight_decay": -1e-4},
        {"milestones": (0,)},
        {"milestones": 8},
    ],
)
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}: "):
        linear(Joints(), clips(LABELS), clips(LABELS), Linear(**options))
    word = list(value) if isinstance(value, tuple) else value
    with pytest.raises(InputError, match=f"eval.{key}: "):
        evaluation({"linear": linear}, overrides=[f"eval.{key}={word}"])


def test_no_milestones_and_numpy_numbers_are_fine():
    options = {**FAST, "milestones": (), "epochs": np.int64(3), "lr": np.float32(0.05)}
    assert linear(Joints(), clips(LABELS), clips(LABELS), Linear(**options)).values


def test_divergence_is_an_error_with_a_remedy():
    with pytest.raises(InputError, match=r"diverged by epoch .* lower eval\.lr"):
        linear(Joints(), clips(LABELS), clips(LABELS), Linear(lr=1e38, epochs=5, validation=0))


def test_scores_of_each_selection():
    """Of equal checks on the test clips the later counts, of those on held-out clips the first."""
    some = clips(LABELS), clips(LABELS, seed=1)
    options = {"standardize": True, "lr": 0.1, "milestones": (), "batch_size": 32, "test_every": 4}
    once, often = (linear(Pool(dim=32), *some, Linear(epochs=e, **options)) for e in (4, 12))
    for outcome in (once, often):
        assert set(outcome.values.values()) == {1.0}
        assert list(outcome.by_selection()) == ["last", "best_on_test", "validated"]
        assert np.array_equal(outcome.selected["best_on_test"], outcome.scores)
    assert not np.array_equal(often.scores, once.scores)
    assert np.array_equal(often.selected["validated"], once.selected["validated"])
    assert not np.array_equal(once.selected["validated"], once.scores)


def test_scores_of_a_selection_give_its_value():
    some = clips(LABELS, noise=6.0), clips(LABELS, noise=6.0, seed=1)
    outcome = linear(Joints(), *some, Linear(**FAST | {"epochs": 24, "lr": 0.5, "test_every": 1}))
    assert outcome.values["top1.best_on_test"] > outcome.values["top1.last"]
    for name, scores in outcome.by_selection().items():
        assert scores.dtype == np.float32 and scores.flags.c_contiguous
        found = np.mean(scores.argmax(axis=1) == LABELS)
        assert outcome.values[f"top1.{name}"] == pytest.approx(found)
    without = linear(Joints(), *some, Linear(**FAST, validation=0))
    assert list(without.by_selection()) == ["last", "best_on_test"]
