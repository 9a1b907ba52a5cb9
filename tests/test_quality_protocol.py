"""Done right or wrong: against loops over clips, on other people, and what a store must have."""

import dataclasses
import warnings

import numpy as np
import pytest
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skelf.data.annotations.labels import with_labels
from skelf.data.clips import ClipSet
from skelf.data.readers.arrays import read_arrays
from skelf.errors import InputError
from skelf.judging import evaluate
from skelf.metrics.interval import is_accuracy
from skelf.protocols import PROTOCOLS, features
from skelf.protocols.linear import Linear, linear
from skelf.protocols.quality import Quality, quality
from skelf.report.store import Store
from skelf.results.unseen import warn_of_unseen
from skelf.settings.evaluation import evaluation
from skelf.settings.options import from_flat

LABELS = np.arange(120) % 3
SUBJECTS = np.arange(120) // 12
RIGHT = np.arange(120) // 3 % 2


def done(noise=1.0, shift=0.6, seed=0):
    """Three exercises of ten people; a wrong one has some joints elsewhere, each its own."""
    some = clips(LABELS, noise=noise, seed=seed)
    joints = some.joints.copy()
    for at, (label, right) in enumerate(zip(LABELS, RIGHT, strict=True)):
        if not right:
            frames = slice(some.start[at], some.start[at] + some.length[at])
            joints[frames, :, 3 * label : 3 * label + 2] += shift
    return dataclasses.replace(
        some, joints=joints, subject=SUBJECTS, columns={"correct": RIGHT.astype(np.int64)}
    )


def sides(some=None):
    some = done() if some is None else some
    return some.take(some.subject < 5), some.take(some.subject >= 5)


def changed(some, **columns):
    columns = {key: np.asarray(v, np.int64) for key, v in columns.items()}
    return dataclasses.replace(some, columns=columns)


def judged(how=None, sides_=None, **others):
    return quality(Joints(), *(sides_ or sides()), how or Quality(), **others)


def _slow(head, c=1.0):
    """Area of each exercise, by loops."""
    train, test = sides()
    x, y = (features.extract(Joints(), side).double().numpy() for side in (train, test))
    areas = {}
    for label in range(3):
        rows = [i for i in range(len(train)) if train.label[i] == label]
        asked = [i for i in range(len(test)) if test.label[i] == label]
        right = train.columns["correct"][rows] == 1
        base = x[rows] if head == "logistic" else x[rows][right]
        mean, deviation = base.mean(axis=0), base.std(axis=0)
        scaled = (x[rows] - mean) / deviation
        queries = (y[asked] - mean) / deviation
        if head == "logistic":
            machine = LogisticRegression(C=c, max_iter=1000).fit(scaled, right)
            scores = [float(machine.coef_[0] @ q + machine.intercept_[0]) for q in queries]
        else:
            scores = [
                -min(np.sqrt(((q - clip) ** 2).sum()) for clip in scaled[right]) for q in queries
            ]
        areas[f"class {label}"] = roc_auc_score(test.columns["correct"][asked], scores)
    return areas


@pytest.mark.parametrize(("head", "c"), [("logistic", 1.0), ("logistic", 0.01), ("nearest", 1.0)])
def test_against_a_slow_loop(head, c):
    outcome = judged(Quality(head=head, logistic_c=c))
    areas = _slow(head, c)
    for name, area in areas.items():
        assert outcome.values[f"auroc.{name}.none"] == pytest.approx(area)
    assert outcome.values["auroc.none"] == pytest.approx(np.mean(list(areas.values())))
    assert 0.55 < outcome.values["auroc.none"] < 1  # neither chance nor all right
    assert 0 < outcome.values["auroc_ci95.none"] < 0.3
    assert len({round(area, 6) for area in areas.values()}) > 1
    wanted = ["auroc.none", "auroc_ci95.none", *(f"auroc.{name}.none" for name in areas)]
    assert list(outcome.values) == wanted


def test_clear_mistakes_are_found_and_none_where_there_is_nothing_to_find():
    plain = sides(done(noise=0.1, shift=2.0))
    for head in ("logistic", "nearest"):
        assert judged(Quality(head=head), plain).values["auroc.none"] > 0.99
    drawn = np.random.default_rng(5).integers(0, 2, 120)
    told = sides(changed(done(noise=1.0, shift=0.0), correct=drawn))
    assert 0.3 < judged(sides_=told).values["auroc.none"] < 0.7


def test_the_test_side_teaches_nothing():
    train, test = sides()
    known = judged().values
    # Its joints: another clip alone changes, and so only the areas of its exercise.
    joints = test.joints.copy()
    joints[test.start[0] : test.start[0] + test.length[0]] += 100
    other = quality(Joints(), train, dataclasses.replace(test, joints=joints)).values
    name = f"auroc.class {test.label[0]}.none"
    same = [key for key in known if key.startswith("auroc.class") and key != name]
    assert same and all(other[key] == known[key] for key in same)
    # Its truth: turned over, every area is one minus what it was.
    turned = changed(test, correct=1 - test.columns["correct"])
    values = quality(Joints(), train, turned).values
    for label in range(3):
        key = f"auroc.class {label}.none"
        assert values[key] == pytest.approx(1 - known[key])


def test_nearest_learns_from_right_clips_alone():
    train, test = sides()
    how, known = Quality(head="nearest"), judged(Quality(head="nearest")).values
    alone = train.take(train.columns["correct"] == 1)
    assert quality(Joints(), alone, test, how).values == known
    with pytest.raises(InputError, match="no wrong training clip"):
        quality(Joints(), alone, test)


def test_an_exercise_without_both_sides_is_left_out_and_counted():
    train, test = sides()
    few = train.take((train.label != 1) | (train.columns["correct"] == 1))
    outcome = quality(Joints(), few, test)
    known = judged().values
    assert [key for key in outcome.values if "class" in key] == [
        "auroc.class 0.none", "auroc.class 2.none"
    ]  # fmt: skip
    assert outcome.values["auroc.class 0.none"] == known["auroc.class 0.none"]
    assert "mean over 2 exercises, 1 left out (class 1: no wrong training clip)" in (
        outcome.definition
    )
    assert outcome.clips == (test.label != 1).sum()
    one_sided = test.take((test.label != 2) | (test.columns["correct"] == 0))
    outcome = quality(Joints(), few, one_sided)
    assert "mean over 1 exercises, 2 left out" in outcome.definition
    assert "class 2: no right test clip" in outcome.definition
    assert outcome.values["auroc.none"] == known["auroc.class 0.none"]
    gone = quality(Joints(), train.take(train.label != 0), test)
    assert "class 0: no right training clip" in gone.definition
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unseen(["quality"], train.take(train.label != 0), test)


def test_clips_whose_truth_is_unknown_play_no_part():
    some, known = done(), judged().values
    extra = changed(some.take(np.arange(24)), correct=np.full(24, -1))
    joints = np.concatenate([some.joints, some.joints])
    together = dataclasses.replace(
        some,
        joints=joints,
        **{
            key: np.concatenate([getattr(some, key), getattr(extra, key)])
            for key in ("length", "label", "subject", "camera", "setup", "fps", "name")
        },
        start=np.concatenate([some.start, extra.start + len(some.joints)]),
        columns={"correct": np.concatenate([some.columns["correct"], extra.columns["correct"]])},
    )
    values = judged(sides_=sides(together)).values
    assert values == pytest.approx(known, abs=1e-9)


def test_any_yes_no_column_serves():
    some = done()
    told = changed(some, good=RIGHT, correct=np.random.default_rng(0).integers(0, 2, 120))
    assert judged(Quality(field="good"), sides(told)).values == judged().values
    assert judged(Quality(field="correct"), sides(told)).values != judged().values


def test_people_on_both_sides_are_told():
    some = done()
    first = np.arange(120) % 12 < 6
    mixed = some.take(first), some.take(~first)
    with pytest.warns(UserWarning, match="10 of the 10 test subjects are on the training side too"):
        outcome = judged(sides_=mixed)
    assert "10 test subjects, 10 of them on the training side too" in outcome.definition
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "5 test subjects, 0 of them" in judged().definition


@pytest.mark.parametrize("subjects", ["unknown", "one"])
def test_no_interval_where_people_are_unknown_or_one(subjects):
    train, test = sides()
    subject = np.full(len(test), -1 if subjects == "unknown" else 9)
    outcome = quality(Joints(), train, dataclasses.replace(test, subject=subject))
    known = judged().values
    assert outcome.values["auroc.none"] == known["auroc.none"]
    assert "auroc_ci95.none" in known and "auroc_ci95.none" not in outcome.values
    assert "ci95" not in outcome.definition


def test_nothing_is_drawn():
    assert judged(seed=1).values == judged(seed=2).values


def test_the_encoder_stays_and_features_are_those_of_linear(tmp_path):
    encoder, (train, test) = Pool().train(), sides()
    before = snapshot(encoder)
    plain = quality(encoder, train, test).values
    linear(encoder, train, test, Linear(epochs=1, milestones=()), cache=tmp_path)
    calls = len(encoder.seen)
    assert quality(encoder, train, test, cache=tmp_path).values == plain
    assert len(encoder.seen) == calls and len(list(tmp_path.iterdir())) == 2
    assert_same(encoder, before)


def test_two_exercises_of_one_name_stay_two():
    some = dataclasses.replace(done(), class_names=("bend", "bend", "lift"))
    values = judged(sides_=sides(some)).values
    assert [key for key in values if key.count(".") > 1] == [
        "auroc.bend 0.none", "auroc.bend 1.none", "auroc.lift.none"
    ]  # fmt: skip


def test_what_is_said_and_shown():
    outcome = judged()
    assert outcome.scores is None and outcome.by_selection() == {}
    assert outcome.clips == 60 and set(outcome.labels.tolist()) == {0, 1}
    for said in ("'correct'", "logistic regression (L2, C 1)", "60 training and 60 test clips"):
        assert said in outcome.definition
    assert "\n" not in outcome.definition and PROTOCOLS["quality"] is quality
    assert not is_accuracy("auroc") and not is_accuracy("auroc.class 0")
    store = Store(("set", "xsub"), None, *sides())
    assert store.chance(("set", "xsub"), "quality", "auroc") == 0.5
    assert store.chance(("set", "xsub"), "early", "auc") == pytest.approx(1 / 3)
    assert store.chance(("set", "xsub"), "linear", "auc") is None
    assert store.chance(("other", "xsub"), "quality", "auroc") is None


@pytest.mark.parametrize(
    ("columns", "field", "told"),
    [
        ({}, "correct", r"unknown column 'correct'.*labels=TABLE\.csv.*'correct' \(1 right, 0"),
        ({"corect": RIGHT}, "correct", "did you mean 'corect'"),
        ({"correct": RIGHT + 1}, "correct", "'correct' holds 2, and is no yes/no"),
        ({"correct": RIGHT - 2}, "correct", "'correct' holds -2"),
        ({"correct": RIGHT * 0 - 1}, "correct", "'correct' is unknown for every labelled clip"),
        ({"correct": RIGHT * 0}, "correct", "no exercise can be judged by 'correct'.*class 0: no"),
    ],
)
def test_stores_that_are_refused(columns, field, told):
    with pytest.raises(InputError, match=told) as error:
        judged(Quality(field=field), sides(changed(done(), **columns)))
    assert "eval.field" in str(error.value) and "\n" not in str(error.value)


def test_unlabelled_clips_are_refused():
    train, test = sides()
    with pytest.raises(InputError, match="training split holds no labelled clips"):
        quality(Joints(), dataclasses.replace(train, label=train.label * 0 - 1), test)


@pytest.mark.parametrize("options", [{"head": "svm"}, {"logistic_c": 0.0}, {"logistic_c": "x"}])
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}"):
        from_flat(Quality, options)
    with pytest.raises(InputError, match=f"eval.{key}"):
        evaluation({"quality": quality}, overrides=[f"eval.{key}={value}"])


# How the truth gets into a store.


def test_from_arrays_and_from_a_table_to_a_result(tmp_path):
    import tiny_runs

    some = tiny_runs.clips()
    some = dataclasses.replace(some, label=some.label % 3, class_names=some.class_names[:3])
    # Of each class every other clip.
    right = np.array([(some.label[:at] == some.label[at]).sum() % 2 for at in range(len(some))])
    np.savez(
        tmp_path / "set.npz",
        frames=some.joints, offsets=[0, *np.cumsum(some.length)], labels=some.label,
        subjects=some.subject, joint_names=some.skeleton.names, parents=some.skeleton.parents,
        class_names=some.class_names, fps=30.0, names=some.names, correct=right == 1,
    )  # fmt: skip
    read = read_arrays(tmp_path / "set.npz")
    assert read.columns["correct"].tolist() == right.tolist()
    words = "".join(
        f"{name},{'Yes' if done_ else 'no'}\n"
        for name, done_ in zip(some.names, right, strict=True)
    )
    (tmp_path / "t.csv").write_text("name,correct\n" + words)
    by_table = with_labels(some, tmp_path / "t.csv")
    assert by_table.columns["correct"].tolist() == right.tolist()
    by_table.save(tmp_path / "s.h5")
    run = tiny_runs.pretrain(tmp_path / "run", "train.epochs=1", "train.milestones=[]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # people stand on both sides
        rows = evaluate(["quality"], run, tmp_path / "s.h5", split="half", device="cpu")
    assert rows[0]["metric"] == "auroc" and rows[0]["selection"] == "none"
    assert {row["metric"] for row in rows} > {"auroc", f"auroc.{some.class_names[0]}"}
    with pytest.raises(InputError, match=r"eval\.field"):
        evaluate(["quality"], run, some, split="half", device="cpu")


def test_words_that_are_not_all_yes_or_no_are_no_column(tmp_path):
    some = done()
    rows = "".join(f"{n},{'yes' if i else 'maybe'}\n" for i, n in enumerate(some.names))
    (tmp_path / "t.csv").write_text("name,fine\n" + rows)
    with pytest.warns(UserWarning, match="left out: fine"):
        assert "fine" not in with_labels(some, tmp_path / "t.csv").columns


@pytest.mark.slow
def test_real_exercises(real_data):
    some: ClipSet = read_arrays(real_data("open/uiprmd_kinect.npz"))
    some = dataclasses.replace(some.take(np.arange(0, 2000, 2)), normalize="root")
    odd = some.subject % 2 == 0
    outcome = quality(Joints(16), some.take(odd), some.take(~odd))
    assert "mean over 10 exercises:" in outcome.definition and outcome.clips == 500
    assert 0.5 < outcome.values["auroc.none"] < 1
