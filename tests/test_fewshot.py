import dataclasses

import numpy as np
import pytest
import torch
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from sklearn.svm import SVC
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.errors import InputError
from skelf.protocols import PROTOCOLS, features
from skelf.protocols.fewshot import CLASSES, FewShot, draw_episodes, fewshot, interval
from skelf.settings.evaluation import evaluation

LABELS = np.arange(72) % 6
FAST = {"ways": 3, "shots": (1, 3), "queries": 4, "episodes": 12}


def pair(noise=0.1, labels=LABELS):
    return clips(labels, noise=noise), clips(labels, noise=noise, seed=1)


def _slow(x, y, episodes, shots, name):
    """Accuracies of all episodes by loops over clips; the rule of each classifier by hand."""
    x, y = (z / z.norm(dim=1, keepdim=True) for z in (x.double(), y.double()))
    found = []
    for episode in episodes:
        right = []
        for true, row in enumerate(episode.queries):
            for query in row:
                if name == "nn":
                    best = [
                        max(float(x[query] @ y[s]) for s in own[:shots]) for own in episode.support
                    ]
                elif name == "centroid":
                    means = [y[torch.as_tensor(own[:shots])].mean(0) for own in episode.support]
                    best = [float(x[query] @ m / m.norm()) for m in means]
                else:
                    best = _votes(
                        x[query], [y[torch.as_tensor(o[:shots])] for o in episode.support]
                    )
                right.append(int(np.argmax(best)) == true)
        found.append(np.mean(right))
    return found


def _votes(query, classes):
    """One against one: a linear machine for each two classes, which counts one vote."""
    votes = np.zeros(len(classes))
    for a in range(len(classes)):
        for b in range(a + 1, len(classes)):
            some = torch.cat([classes[a], classes[b]]).numpy()
            side = [a] * len(classes[a]) + [b] * len(classes[b])
            machine = SVC(kernel="linear", C=2.0).fit(some, side)
            score = machine.coef_[0] @ query.numpy() + machine.intercept_[0]
            votes[b if score > 0 else a] += 1
    return votes


@pytest.mark.parametrize("support", ["test", "train"])
def test_against_a_slow_loop(support):
    train, test = pair(noise=5.0)
    outcome = fewshot(Joints(), train, test, FewShot(support=support, svm_c=2.0, **FAST), seed=5)
    x = features.extract(Joints(), test)
    y = x if support == "test" else features.extract(Joints(), train)
    pools = [np.flatnonzero(label == LABELS) for label in range(6)]
    others = None if support == "test" else pools
    episodes = list(draw_episodes(pools, others, 3, 3, 4, 12, 5))
    for shots in (1, 3):
        for name in ("svm", "centroid", "nn"):
            each = _slow(x, y, episodes, shots, name)
            key = f"3way{shots}shot.{name}.none"
            assert outcome.values[f"accuracy.{key}"] == pytest.approx(np.mean(each))
            half = 1.96 * np.sqrt(np.sum((each - np.mean(each)) ** 2) / 11) / np.sqrt(12)
            assert outcome.values[f"ci95.{key}"] == pytest.approx(half)
            assert 0.34 < np.mean(each) < 1 and half > 0  # neither chance nor all right


def test_episodes_hold_what_they_should():
    labels = np.repeat(np.arange(6), [9, 10, 11, 12, 13, 14])
    pools = [np.flatnonzero(labels == label) for label in range(6)]
    seen = set()
    for episode in draw_episodes(pools, None, 4, 3, 6, 50, 0):
        assert episode.support.shape == (4, 3) and episode.queries.shape == (4, 6)
        everything = np.concatenate([episode.support, episode.queries], axis=1)
        assert len(np.unique(everything)) == 36  # no clip twice
        found = labels[everything]
        assert (found == found[:, :1]).all() and len(set(found[:, 0])) == 4
        seen |= set(everything.ravel().tolist())
    assert seen == set(range(len(labels)))


def test_episodes_are_fixed_by_the_seed():
    pools = [np.arange(20) + 20 * label for label in range(4)]

    def draw(shots=5, count=6, seed=0):
        return list(draw_episodes(pools, None, 3, shots, 4, count, seed))

    for one, few, more in zip(draw(), draw(shots=1), draw(count=9), strict=False):
        assert np.array_equal(one.support[:, :1], few.support)
        assert np.array_equal(one.queries, few.queries)
        assert np.array_equal(one.support, more.support)
    assert not np.array_equal(draw()[0].queries, draw()[1].queries)
    assert not np.array_equal(draw()[0].queries, draw(seed=1)[0].queries)


def test_interval_is_scipys():
    from scipy.stats import norm

    each = np.random.default_rng(0).random(600)
    low, high = norm.interval(0.95, loc=each.mean(), scale=each.std(ddof=1) / np.sqrt(600))
    assert interval(each) == pytest.approx((high - low) / 2, rel=1e-4)
    assert interval([0.5, 0.5]) == 0


@pytest.mark.parametrize("support", ["test", "train"])
def test_separable_clips_are_recognised_and_the_encoder_stays(support):
    encoder = Pool(dim=32).train()
    before = snapshot(encoder)
    outcome = fewshot(encoder, *pair(noise=0.02), FewShot(support=support, **FAST))
    assert_same(encoder, before)
    names = [f"3way{k}shot.{name}.none" for k in (1, 3) for name in ("svm", "centroid", "nn")]
    wanted = [f"{metric}.{name}" for name in names for metric in ("accuracy", "ci95")]
    assert list(outcome.values) == wanted
    assert min(outcome.values[f"accuracy.{name}"] for name in names) > 0.95
    assert outcome.scores is None and outcome.by_selection() == {}
    assert np.array_equal(outcome.labels, LABELS)
    assert PROTOCOLS["fewshot"] is fewshot


@pytest.mark.parametrize("support", ["test", "train"])
def test_chance_on_meaningless_labels(support):
    rng = np.random.default_rng(0)
    some = clips(np.zeros(120, int), seed=2), clips(np.zeros(120, int), seed=3)
    for part in some:
        part.label[:] = rng.permutation(np.arange(120) % 6)
    options = FAST | {"episodes": 60}
    values = fewshot(Joints(), *some, FewShot(support=support, **options)).values
    for key, value in values.items():
        if key.startswith("accuracy"):
            assert value == pytest.approx(1 / 3, abs=0.08)


def test_one_shot_classifiers_agree():
    """Of unit vectors the nearest by cosine wins every duel: all three are one rule."""
    values = fewshot(Joints(), *pair(noise=5.0), FewShot(**FAST)).values
    assert len({values[f"accuracy.3way1shot.{n}.none"] for n in ("svm", "centroid", "nn")}) == 1
    assert values["accuracy.3way1shot.nn.none"] < 0.95


def test_determinism_and_the_training_split_plays_no_part():
    train, test = pair(noise=2.0)
    first = fewshot(Joints(), train, test, FewShot(**FAST))
    again = fewshot(Joints(), clips(LABELS, seed=7), test, FewShot(**FAST))
    assert first.values == again.values
    assert fewshot(Joints(), train, test, FewShot(**FAST), seed=1).values != first.values


def test_features_are_extracted_once(tmp_path):
    encoder, some = Pool(), pair()
    for support, calls in [("test", 1), ("test", 1), ("train", 2), ("train", 2)]:
        fewshot(encoder, *some, FewShot(support=support, **FAST), cache=tmp_path)
        assert len(encoder.seen) == calls


def test_episodes_draw_from_the_classes_that_are_asked():
    train, test = pair()
    label = np.where(LABELS == 5, -1, LABELS)  # without a label a clip belongs to none
    test = dataclasses.replace(test, label=label)
    outcome = fewshot(Joints(), train, test, FewShot(**FAST))
    assert "from 5 classes, of which the training split has 5;" in outcome.definition
    assert len(outcome.labels) == 60
    # Classes 0 to 2 alone can be told apart: all other clips are alike.
    test.joints[np.repeat(LABELS > 2, test.length)] = 1.0
    some = fewshot(Joints(), train, test, FewShot(classes=[2, 0, 1], **FAST)).values
    assert some["accuracy.3way1shot.nn.none"] > 0.95
    every = fewshot(Joints(), train, test, FewShot(**FAST)).values
    assert every["accuracy.3way1shot.nn.none"] < 0.95


def test_classes_left_out_of_the_training_split_are_counted():
    train, test = pair()
    outcome = fewshot(Joints(), train.take(LABELS < 2), test, FewShot(classes=[1, 3, 4], **FAST))
    assert "from 3 classes, of which the training split has 1;" in outcome.definition
    assert "\n" not in outcome.definition


def test_the_surveys_classes():
    assert len(CLASSES["ntu120-survey"]) == 23
    labels = np.repeat(CLASSES["ntu120-survey"], 3)
    poses = np.random.default_rng(0).normal(size=(120, 1, 1, 20, 3))
    some = clips(np.zeros(len(labels), int))
    joints = np.concatenate(
        [np.repeat(poses[k], n, 0) for k, n in zip(labels, some.length, strict=True)]
    )
    some = dataclasses.replace(
        some, joints=joints.astype(np.float32), label=labels,
        class_names=tuple(f"A{k + 1}" for k in range(120)),
    )  # fmt: skip
    options = {"shots": [1], "queries": 2, "episodes": 5, "classes": "ntu120-survey"}
    outcome = fewshot(Joints(), some, some, FewShot(**options))
    assert outcome.values["accuracy.5way1shot.nn.none"] == 1
    with pytest.raises(InputError, match=r"has no clips of class 60; it has 0, 1, 2"):
        fewshot(Joints(), *pair(), FewShot(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ways": 7}, r"eval\.ways: 7 classes .* there are 6 .*lower eval\.ways"),
        ({"classes": [0, 1]}, r"eval\.ways: 3 classes .* there are 2 to draw from \(0, 1\)"),
        ({"classes": [0, 1, 9]}, r"no clips of class 9; it has 0, 1, 2, 3, 4, 5"),
        ({"classes": [0, 1, 1]}, r"eval\.classes: 1 stands twice"),
        ({"classes": []}, r"eval\.ways: 3 classes .* there are 0 to draw from \(none\)"),
        ({"queries": 10}, r"class 0 \(class 0\) has 12 clips in the test split, .* takes 13"),
        ({"shots": [1, 9]}, "has 12 clips in the test split, an episode takes 13"),
        ({"shots": [13], "support": "train"}, "12 clips in the training split, .* takes 13"),
        ({"queries": 13, "support": "train"}, "12 clips in the test split, .* takes 13"),
        ({"shots": [1, 1]}, r"eval\.shots: 1 stands twice"),
        ({"classifiers": ["nn", "nn"]}, r"eval\.classifiers: 'nn' stands twice"),
    ],
)
def test_episodes_that_cannot_be_drawn(options, message):
    with pytest.raises(InputError, match=message):
        fewshot(Joints(), *pair(), FewShot(**FAST | options))


def test_all_clips_of_a_class_may_take_part():
    options = FAST | {"queries": 9, "episodes": 2}
    assert fewshot(Joints(), *pair(), FewShot(**options)).values
    options = FAST | {"queries": 12, "shots": [12], "episodes": 2}
    assert fewshot(Joints(), *pair(), FewShot(**options, support="train")).values


@pytest.mark.parametrize(
    "options",
    [
        {"ways": 1},
        {"shots": ()},
        {"shots": (0,)},
        {"queries": 0},
        {"episodes": 1},
        {"classifiers": ()},
        {"classifiers": ("tree",)},
        {"svm_c": 0.0},
        {"svm_c": float("nan")},
        {"support": "both"},
        {"classes": "some"},
        {"classes": (-1, 2)},
    ],
)
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}"):
        fewshot(Joints(), *pair(), FewShot(**FAST | options))
    word = list(value) if isinstance(value, tuple) else value
    with pytest.raises(InputError, match=f"eval.{key}"):
        evaluation({"fewshot": fewshot}, overrides=[f"eval.{key}={word}"])


def test_settings_as_the_command_line_gives_them():
    words = ["eval.classes=[60, 61]", "eval.shots=[1]", "eval.fewshot.support=train"]
    given = evaluation({"fewshot": fewshot}, overrides=words)["fewshot"]
    assert (given.classes, given.shots, given.support) == ((60, 61), (1,), "train")
    named = evaluation({"fewshot": fewshot}, overrides=["eval.classes=ntu120-survey"])
    assert named["fewshot"].classes == "ntu120-survey"


def test_a_split_by_label_leaves_classes_out(tmp_path):
    """As in docs/fewshot.md."""
    path = tmp_path / "clips.h5"
    clips(LABELS).save(path)
    words = ["split", str(path), "--name", "unseen", "--by", "label", "--train", "0,1,2"]
    assert CliRunner().invoke(app, words).exit_code == 0
    train, test = ClipSet.open(path).split("unseen")
    assert set(train.label) == {0, 1, 2} and set(test.label) == {3, 4, 5}
    outcome = fewshot(Joints(), train, test, FewShot(**FAST))
    assert "from 3 classes, of which the training split has 0;" in outcome.definition
