import importlib
import json

import numpy as np
import pytest
from protocol_fakes import Pool, assert_same, clips, snapshot
from test_finetune import Net

from skelf.errors import InputError
from skelf.protocols import PROTOCOLS
from skelf.protocols.finetune import Finetune, finetune
from skelf.protocols.linear import Linear, linear
from skelf.protocols.semi import Semi, _seeds, semi
from skelf.protocols.subsets import percent, subset
from skelf.settings.evaluation import evaluation
from skelf.settings.options import flat, from_flat

LABELS = np.arange(35) % 7
FAST = {"epochs": 3, "lr": 0.05, "batch_size": 16, "milestones": (2,)}
MANY = np.repeat(np.arange(5), [200, 100, 40, 3, 1])


@pytest.mark.parametrize("sampling", ["plain", "balanced"])
def test_subsets(sampling):
    smaller = np.array([], int)
    for fraction in (0.05, 0.1, 0.29, 1.0):
        chosen = subset(MANY, fraction, sampling, 1)
        assert np.array_equal(chosen, np.unique(chosen))
        assert np.isin(smaller, chosen).all() and len(chosen) > len(smaller)
        assert np.array_equal(chosen, subset(MANY, fraction, sampling, 1))
        smaller = chosen
    assert np.array_equal(smaller, np.arange(344))
    assert not np.array_equal(subset(MANY, 0.1, sampling, 1), subset(MANY, 0.1, sampling, 2))
    drawn = np.bincount(
        np.concatenate([subset(MANY, 0.1, sampling, s) for s in range(300)]), minlength=344
    )
    # Each clip of the first class is as likely as any other: 30 of 300 draws, deviation 5.2.
    assert drawn[:200].mean() == pytest.approx(30, abs=1.5)
    assert drawn[:200].min() > 8 and drawn[:200].max() < 55


def test_plain_counts_clips_and_balanced_counts_classes():
    assert len(subset(MANY, 0.1, "plain", 0)) == int(344 * 0.1)
    counts = {tuple(np.bincount(MANY[subset(MANY, 0.1, "plain", s)])) for s in range(9)}
    assert len(counts) > 1
    for seed in range(9):
        found = np.bincount(MANY[subset(MANY, 0.1, "balanced", seed)])
        assert found.tolist() == [20, 10, 4, 1, 1]  # a class that rounds to none keeps one
    order = np.random.default_rng(0).permutation(344)
    again = subset(MANY[order], 0.5, "balanced", 0)
    assert np.bincount(MANY[order][again]).tolist() == [100, 50, 20, 2, 1]


@pytest.mark.parametrize("size", [37, 344, 5003])
def test_too_small_a_fraction_names_one_that_works(size):
    labels = np.arange(size) % 2
    with pytest.raises(InputError, match="is no clip") as error:
        subset(labels, 0.5 / size, "plain", 3)
    assert "eval.sampling=balanced" in str(error.value)
    named = str(error.value).partition("two classes is ")[2].partition(";")[0]
    assert len(subset(labels, float(named), "plain", 3)) >= 2
    with pytest.raises(InputError):
        subset(labels, float(named) - 1.5 / size, "plain", 3)
    assert len(subset(labels, 0.5 / size, "balanced", 3)) == 2


def test_a_draw_of_one_class_is_refused():
    labels = np.r_[np.zeros(99, int), 1]
    seed = next(s for s in range(99) if 99 not in subset_plain(100, 50, s))
    with pytest.raises(InputError, match="50 clips of one class; the smallest fraction") as error:
        subset(labels, 0.5, "plain", seed)
    named = str(error.value).partition("two classes is ")[2].partition(";")[0]
    assert 99 in subset(labels, float(named), "plain", seed)
    assert subset(labels, 0.5, "balanced", seed)[-1] == 99


def subset_plain(count, size, seed):
    return subset(np.arange(count), size / count, "plain", seed)


def test_percent():
    shares = {0.01: "1%", 0.07: "7%", 0.29: "29%", 0.125: "12.5%", 1.0: "100%", 0.0005: "0.05%"}
    assert {fraction: percent(fraction) for fraction in shares} == shares


def test_means_and_deviations_over_the_draws():
    train, test = clips(LABELS, noise=5.0), clips(LABELS, noise=5.0, seed=1)
    encoder = Net(dropout=0.5).train()
    before = snapshot(encoder)
    outcome = semi(
        encoder,
        train,
        test,
        from_flat(Semi, FAST | {"fractions": (0.2, 0.5), "repeats": 3, "test_every": 1}),
        seed=2,
    )
    assert_same(encoder, before)
    assert outcome.scores is None and np.array_equal(outcome.labels, LABELS)
    spread = 0.0
    for share in ("20%", "50%"):
        for selection in ("last", "best_on_test"):
            each = [
                float(np.mean(outcome.selected[f"{share}.run{i}.{selection}"].argmax(1) == LABELS))
                for i in range(3)
            ]
            mean = sum(each) / 3
            assert outcome.values[f"top1.{share}.{selection}"] == pytest.approx(mean)
            if selection == "last":
                deviation = (sum((value - mean) ** 2 for value in each) / 2) ** 0.5
                assert outcome.values[f"top1_std.{share}.last"] == pytest.approx(deviation)
                spread += deviation
    assert spread > 0
    assert len(outcome.values) == 6 and len(outcome.selected) == 12
    assert next(iter(outcome.by_selection())) == "20%.run0.last"
    assert "20% = 7 clips, 50% = 17 clips of 35" in outcome.definition
    assert "\n" not in outcome.definition


@pytest.mark.parametrize("sampling", ["plain", "balanced"])
def test_a_run_is_a_fine_tuning_on_its_subset(sampling):
    train, test = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    options = {**FAST, "augment": "crop", "batchnorm": "frozen"}
    outcome = semi(
        Net(dropout=0.5),
        train,
        test,
        from_flat(Semi, options | {"fractions": (0.4, 0.6), "repeats": 2, "sampling": sampling}),
        seed=5,
    )
    for number, seed in enumerate(_seeds(5, 2)):
        few = train.take(subset(LABELS, 0.6, sampling, seed))
        alone = finetune(Net(dropout=0.5), few, test, from_flat(Finetune, options), seed=seed)
        assert np.array_equal(outcome.selected[f"60%.run{number}.last"], alone.scores)


def test_frozen_is_the_linear_protocol_on_its_subset(tmp_path):
    train, test = clips(LABELS, noise=1.0), clips(LABELS, noise=1.0, seed=1)
    encoder = Pool().train()
    before = snapshot(encoder)
    outcome = semi(
        encoder,
        train,
        test,
        from_flat(Semi, FAST | {"fractions": (0.6,), "repeats": 2, "frozen": True}),
        cache=tmp_path,
    )
    assert_same(encoder, before)
    assert len(encoder.seen) == 2 and list(tmp_path.iterdir())
    for number, seed in enumerate(_seeds(0, 2)):
        few = train.take(subset(LABELS, 0.6, "plain", seed))
        alone = linear(Pool(), few, test, Linear(validation=0.0, **FAST), seed=seed)
        found = outcome.selected[f"60%.run{number}.last"]
        np.testing.assert_allclose(found, alone.scores, atol=1e-5)


def test_separable_clips_need_few_labels_and_meaningless_ones_give_chance():
    labels = np.arange(90) % 3
    options = {**FAST, "epochs": 20, "milestones": (), "fractions": (0.1,), "sampling": "balanced"}
    train, test = clips(labels), clips(labels.copy(), seed=1)
    values = semi(Net(), train, test, from_flat(Semi, options | {"repeats": 2})).values
    assert values["top1.10%.last"] > 0.95
    for number, part in enumerate((train, test)):
        part.label[:] = np.random.default_rng(number).permutation(90) % 3
    values = semi(Net(), train, test, from_flat(Semi, options | {"repeats": 3})).values
    assert values["top1.10%.last"] == pytest.approx(1 / 3, abs=0.12)


def test_seeds_and_repeats():
    train, test = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    options = {**FAST, "fractions": (0.5,)}
    one, two, other = (
        semi(Net(), train, test, from_flat(Semi, options | {"repeats": n}), seed=s).selected
        for n, s in ((1, 0), (2, 0), (1, 1))
    )
    key = "50%.run0.last"
    assert np.array_equal(one[key], two[key]) and not np.array_equal(one[key], other[key])
    assert not np.array_equal(two[key], two["50%.run1.last"])
    single = semi(Net(), train, test, from_flat(Semi, options | {"repeats": 1})).values
    assert set(single) == {"top1.50%.last", "top1.50%.best_on_test"}


def test_one_too_small_share_is_refused_before_any_training(monkeypatch):
    monkeypatch.setattr(importlib.import_module("skelf.protocols.semi"), "train_and_check", None)
    with pytest.raises(InputError, match=r"eval\.fractions: 0\.01 of 35 training clips is no clip"):
        semi(Net(), clips(LABELS), clips(LABELS), from_flat(Semi, {"fractions": (0.5, 0.01)}))


@pytest.mark.parametrize(
    "options",
    [
        {"fractions": ()},
        {"fractions": (0.0,)},
        {"fractions": (0.1, 1.5)},
        {"fractions": 0.1},
        {"sampling": "even"},
        {"repeats": 0},
        {"frozen": "maybe"},
        {"epochs": 0},
        {"lr": -1.0},
    ],
)
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}: "):
        semi(Net(), clips(LABELS), clips(LABELS), from_flat(Semi, options))
    word = json.dumps(value) if isinstance(value, tuple) else value
    with pytest.raises(InputError, match=f"eval.{key}: "):
        evaluation({"semi": semi}, overrides=[f"eval.{key}={word}"])


def test_options_that_do_not_go_together():
    some = clips(LABELS)
    with pytest.raises(InputError, match="50%, 50%: name each share once"):
        semi(Net(), some, some, from_flat(Semi, {"fractions": (0.5, 0.5)}))
    with pytest.raises(InputError, match=r"eval\.augment: frozen features are of whole clips"):
        semi(Net(), some, some, from_flat(Semi, {"frozen": True, "augment": "crop"}))


def test_the_published_recipe_is_the_default():
    options = evaluation({"semi": semi, "finetune": finetune})
    given = {name: flat(how) for name, how in options.items()}
    assert given["semi"]["fractions"] == (0.01, 0.05, 0.1, 0.2)
    shared = given["semi"].keys() & given["finetune"].keys()
    assert len(shared) == 14
    assert all(given["semi"][key] == given["finetune"][key] for key in shared)
    assert PROTOCOLS["semi"] is semi
