"""From labels to a model: the choice, what is to be expected, and the answers."""

import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
from protocol_fakes import Pool
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.utils.estimator_checks import parametrize_with_checks
from typer.testing import CliRunner

import skelf
from skelf.cli.main import app
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.inference.candidates import fitted
from skelf.inference.classify import answers
from skelf.inference.encode import Encode
from skelf.inference.estimator import FewLabelClassifier
from skelf.inference.fit_classifier import FitClassifier, fit_classifier, people
from skelf.inference.folds import folds
from skelf.inference.heads import Linear
from skelf.inference.model import Model, assembled

SOON = FitClassifier(heads=("prototype", "neighbours"), folds=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_runs.pretrain(
        tmp_path_factory.mktemp("runs") / "run", "train.epochs=1", "train.milestones=[]"
    )


@pytest.fixture(scope="module")
def clips():
    """36 clips of 3 classes and 4 people."""
    made = generate(clips=144, seed=3)
    kept = made.take(np.flatnonzero(made.label % 4 == 1))
    return replace(kept, subject=np.arange(len(kept)) // 3 % 4)


@pytest.fixture(scope="module")
def model(run, clips):
    return fit_classifier(run, clips, how=SOON)


def blobs(count=60, people=6, classes=3, apart=2.5, dim=8, seed=0):
    """Features of people who differ, of whom each shows each class."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(classes), count // classes)
    whose = np.repeat(np.arange(people), count // people)
    centres, habits = rng.normal(size=(classes, dim)) * apart, rng.normal(size=(people, dim))
    return centres[labels] + habits[whose] + rng.normal(size=(count, dim)), labels, whose


# --- folds


@pytest.mark.parametrize("count", [2, 3, 5])
def test_nobody_is_on_both_sides_and_all_are_judged_once(count):
    _, labels, whose = blobs()
    parts = folds(labels, whose, count, seed=1)
    assert len(parts) == count
    assert sorted(np.concatenate([b for _, b in parts])) == list(range(60))
    for learnt, judged in parts:
        assert not set(whose[learnt]) & set(whose[judged])
        assert len(learnt) + len(judged) == 60


def test_folds_without_groups_have_each_class_alike():
    labels = np.repeat([0, 1, 2], [30, 15, 5])
    for _, judged in folds(labels, None, 5, seed=0):
        assert np.bincount(labels[judged]).tolist() == [6, 3, 1]


def test_a_class_of_one_person_is_not_judged_when_he_is_held_out():
    labels, whose = np.array([0, 1, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 1, 1])
    parts = folds(labels, whose, 5, seed=0)
    assert sorted(np.concatenate([judged for _, judged in parts])) == [0, 1, 2, 3]


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0], [0, 1]])
def test_nothing_to_hold_out(labels):
    assert folds(np.array(labels), None, 5, seed=0) == []


# --- candidates, against scikit-learn's own


def test_candidates_are_what_scikit_learn_fits():
    x, labels, _ = blobs(dim=80)  # more features than clips: the short way
    for width in (80, 5):
        z, shares = StandardScaler().fit_transform(x[:, :width]), np.full(3, 1 / 3)
        heads = fitted(x[:, :width], labels, shares, ["logistic", "prototype"])
        unit = normalize(z)
        machine = LogisticRegression(C=10.0, max_iter=5000, tol=1e-8).fit(unit, labels)
        mine = torch.softmax(heads["logistic C=10"](torch.from_numpy(x[:, :width]).float()), dim=1)
        assert np.abs(mine.numpy() - machine.predict_proba(unit)).max() < 5e-3
        nearest = NearestCentroid(metric="euclidean").fit(unit, labels)
        centres = normalize(nearest.centroids_)
        assert np.allclose(heads["prototype"].centres, centres, atol=1e-5)


def test_two_classes_and_one_that_is_missing():
    x, labels, _ = blobs(classes=3)
    few = labels < 2
    heads = fitted(x[few], labels[few], np.full(3, 1 / 3), ["logistic", "prototype", "neighbours"])
    for head in heads.values():
        z = head(torch.from_numpy(x[few]).float())
        assert z.shape == (few.sum(), 3)
        assert (z[:, :2].argmax(dim=1).numpy() == labels[few]).mean() > 0.9


def test_a_class_that_is_rare_in_a_fold_counts_as_in_the_whole():
    x, labels, _ = blobs(apart=0.0)  # nothing to tell apart but how often a class is met
    keep = np.flatnonzero((labels > 0) | (np.arange(60) % 4 == 0))
    head = fitted(x[keep], labels[keep], np.full(3, 1 / 3), ["logistic"])["logistic C=1"]
    p = torch.softmax(head(torch.from_numpy(x[keep]).float()), dim=1).double()
    weight = torch.from_numpy(1 / np.bincount(labels[keep])[labels[keep]] / 3)
    # What the free bias of a likeliest fit gives: each class as often as it counts.
    assert (weight @ p).tolist() == pytest.approx([1 / 3] * 3, abs=1e-3)


# --- the estimator


SKIPPED = {
    "check_array_api_input": "scikit-learn leaves it out without SCIPY_ARRAY_API",
    "check_classifier_data_not_an_array": "scikit-learn leaves its last part out without pandas",
}


@parametrize_with_checks([FewLabelClassifier(heads=("prototype",), folds=2)])
def test_scikit_learns_checks(estimator, check):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(estimator)
    except pytest.skip.Exception:
        assert check.func.__name__ in SKIPPED
        raise
    except Exception as error:
        if type(error).__name__ != "SkipTest" or check.func.__name__ not in SKIPPED:
            raise


@pytest.mark.slow
@parametrize_with_checks([FewLabelClassifier(folds=2)])
def test_scikit_learns_checks_of_all_heads(estimator, check):
    test_scikit_learns_checks(estimator, check)


def test_what_is_expected_is_what_new_people_give():
    x, labels, whose = blobs(count=1260, people=42, apart=1.2, seed=4)
    known = whose < 6
    few = FewLabelClassifier().fit(x[known], labels[known], whose[known])
    told, right = few.expected_, few.predict(x[~known]) == labels[~known]
    low, high = told["interval"]
    assert low <= right.mean() <= high
    assert 0.5 < right.mean() < 0.95  # neither easy nor hopeless
    assert told["clips"] == known.sum()
    for name, share in told["per_class"].items():
        assert 0 <= share <= 1 and int(name) in labels
    lost = few.is_unknown(x[~known])
    assert lost[right].mean() < 0.15 < lost[~right].mean()


def test_the_estimate_is_not_fooled_by_the_choice():
    rng = np.random.default_rng(0)  # labels that mean nothing
    shares = []
    for seed in range(8):
        x, labels = rng.normal(size=(30, 5)), rng.permutation(np.arange(30) % 2)
        few = FewLabelClassifier(("neighbours", "prototype"), 3, random_state=seed)
        few.fit(x, labels)
        shares.append(few.expected_["accuracy"])
    assert abs(np.mean(shares) - 0.5) < 0.1


def test_the_same_seed_gives_the_same_classifier():
    x, labels, whose = blobs()
    one, other = (FewLabelClassifier(folds=3).fit(x, labels, whose) for _ in range(2))
    assert one.expected_ == other.expected_
    assert np.array_equal(one.predict_proba(x), other.predict_proba(x))


def test_few_of_many_clips_are_cross_validated():
    x, labels, whose = blobs(count=300)
    few = FewLabelClassifier(heads=("neighbours",), folds=2, most=50).fit(x, labels, whose)
    assert few.expected_["clips"] == 50
    assert few.head_.sizes["clips"] == 300


def test_one_clip_a_class():
    x, labels, _ = blobs(count=3, people=3)
    few = FewLabelClassifier().fit(x, labels)
    assert (few.choice_, few.expected_, few.unknown_below_) == ("prototype", None, 0.0)
    assert few.predict(x).tolist() == [0, 1, 2]


def test_groups_for_other_clips():
    x, labels, whose = blobs()
    with pytest.raises(InputError, match="3 groups for 60 clips"):
        FewLabelClassifier().fit(x, labels, whose[:3])


# --- from a run and clips


def test_a_model_says_where_it_comes_from(model, clips):
    about, told = model.about, model.about.expected
    assert model.class_names == tuple(clips.class_names[k] for k in np.unique(clips.label))
    assert about.learnt_from["clips"] == len(clips)
    assert about.learnt_from["subjects"] == (0, 1, 2, 3)
    assert about.learnt_from["digest"] == clips.digest()
    assert told["by"] == "subject" and told["interval"][0] <= told["accuracy"]
    assert set(told["per_class"]) == set(model.class_names)
    assert about.needs["fps"] == (30.0, 30.0) and about.needs["size"] > 0


def test_answers_are_the_models_and_do_not_depend_on_company(model, clips, tmp_path):
    rows = answers(model, clips)
    assert [row.name for row in rows] == clips.names
    alone = [answers(model, clips.take([i]))[0] for i in range(6)]
    small = answers(skelf.load_model(model.save(tmp_path / "model")), clips, batch_size=5)
    for one, other in [*zip(rows, alone, strict=False), *zip(rows, small, strict=True)]:
        assert (one.name, one.person, one.label) == (other.name, other.person, other.label)
        assert one.probability == pytest.approx(other.probability, abs=1e-5)
    for row in rows:
        assert row.probability >= row.second_probability >= row.third_probability >= 0
        assert len({row.label, row.second, row.third}) == 3
        assert row.unknown == (row.probability < model.unknown_below)
        assert row.person == 0
    total = [row.probability + row.second_probability + row.third_probability for row in rows]
    assert total == pytest.approx([1.0] * len(rows), abs=1e-5)  # three classes


def test_each_person_has_an_answer_where_the_model_looks_at_one(model, clips):
    two = replace(clips, joints=np.repeat(clips.joints, 2, axis=1).copy(), path=None)
    two.joints[two.start[1] : two.start[1] + two.length[1], 1] = 0  # alone in the second clip
    rows = answers(model, two.take([0, 1]))
    assert [(row.name, row.person) for row in rows] == [
        (clips.names[0], 0), (clips.names[0], 1), (clips.names[1], 0),
    ]  # fmt: skip
    assert rows[0][2:] == rows[1][2:]


def test_two_people_who_are_looked_at_together_have_one_answer(clips):
    encoder = Pool()
    described = {key: {} for key in ("method", "encoder", "train", "data", "source")}
    described["input"] = {"stream": "joint"}
    head = Linear(dim=encoder.dim, classes=2)
    about = {"kind": "classifier", "class_names": ["a", "b"]}
    model = assembled(encoder, head, described, **about)
    from protocol_fakes import clips as still

    rows = answers(model, still([0, 1]))
    expected = -1 if encoder.persons > 1 else 0
    assert [row.person for row in rows] == [expected] * len(rows)
    assert {row.third for row in rows} == {""}


def test_unlabelled_clips_and_the_other_side_play_no_part(run, clips):
    side = np.where(np.arange(len(clips)) % 2, 2, 1)
    split = clips.with_split("even", side)
    some = replace(split, label=np.where(np.arange(len(clips)) < 24, clips.label, -1))
    said = []
    model = fit_classifier(run, some, split="even", how=SOON, say=said.append)
    assert model.about.learnt_from["clips"] == 12
    assert any("6 clips without a label" in line for line in said)
    other = replace(some, label=np.where(side == 2, (some.label + 4) % 12, some.label))
    again = fit_classifier(run, other, split="even", how=SOON)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            model.head.state_dict().values(), again.head.state_dict().values(), strict=True
        )
    )


def test_one_labelled_clip_a_class_says_how_little_that_is(run, clips, tmp_path):
    first = [int(np.flatnonzero(clips.label == k)[0]) for k in np.unique(clips.label)]
    said = []
    model = fit_classifier(run, clips.take(first), how=SOON, say=said.append)
    assert model.about.expected is None and model.unknown_below == 0
    assert any("is not known" in line for line in said)
    rows = answers(model, clips.take(first))
    assert [row.label for row in rows] == [clips.class_names[clips.label[i]] for i in first]
    assert "not known" in (model.save(tmp_path / "m") / "README.md").read_text()


def test_one_class_or_no_label_is_an_error(run, clips):
    with pytest.raises(InputError, match="all labelled clips are of one class"):
        fit_classifier(run, clips.take(clips.label == clips.label[0]))
    with pytest.raises(InputError, match="none of the 36 clips has a label"):
        fit_classifier(run, replace(clips, label=np.full(36, -1)))
    with pytest.raises(InputError, match="unknown split"):
        fit_classifier(run, clips, split="none")


def test_people_are_known_by_subject_or_by_recording(clips):
    assert people(clips)[1] == "subject"
    unknown = replace(clips, subject=np.full(len(clips), -1))
    assert people(unknown) == (None, "clip")
    named = replace(unknown, name=np.array([f"r{i // 4}" for i in range(len(clips))]))
    groups, by = people(named)
    assert by == "recording" and len(set(groups.tolist())) == len(clips) // 4
    groups, by = people(replace(clips, subject=np.full(len(clips), 7)))
    assert groups is None and "one subject" in by


def test_a_tuned_model(run, clips, tmp_path):
    from skelf.settings.options import from_flat

    how = from_flat(FitClassifier, {"epochs": 2, "milestones": (), "tune_folds": 2, "lr": 0.05})
    steps = []
    before = skelf.load(run).state_dict()
    model = fit_classifier(run, clips, tune=True, how=how, step=lambda *at: steps.append(at))
    assert steps == [(k, 6) for k in range(1, 7)]
    assert "trained without its clips" in model.about.expected["how"]
    loaded = skelf.load_model(model.save(tmp_path / "model"))
    assert answers(loaded, clips.take([0, 1])) == answers(model, clips.take([0, 1]))
    after = loaded.encoder.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_detector_does_not_answer(model, clips):
    table = {**model.config["model"], "kind": "detector"}
    with pytest.raises(InputError, match="a detector"):
        answers(Model(model.encoder, model.head, {**model.config, "model": table}), clips)


def test_clips_in_a_pipeline(run, clips):
    pipeline = make_pipeline(Encode(run), FewLabelClassifier(heads=("prototype",), folds=2))
    pipeline.fit(clips, clips.label)
    assert pipeline.predict(clips).shape == (len(clips),)
    assert (pipeline.predict(clips) == clips.label).mean() > 0.4


# --- the command


def test_the_command(run, clips, tmp_path):
    store, out = tmp_path / "clips.h5", tmp_path / "model"
    clips.save(store)
    command = ["fit", "classifier", "--run", str(run), "--data", str(store), "--out", str(out)]
    quick = ["folds=2", 'heads=["prototype"]']
    done = CliRunner().invoke(app, [*command, *quick])
    assert done.exit_code == 0, done.output
    assert "expected accuracy" in done.output and "calibration error" in done.output
    assert skelf.load_model(out).about.head["kind"] == "prototype"
    again = CliRunner().invoke(app, [*command, *quick])
    assert isinstance(again.exception, InputError) and "exists already" in str(again.exception)
    assert CliRunner().invoke(app, [*command, *quick, "--force", "fit.lost=0.2"]).exit_code == 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["folds=1"], "fit.folds"),
        (["fold=3"], "did you mean 'fit.folds'"),
        (["heads=x"], "fit.heads"),
    ],
)
def test_wrong_settings_of_the_command(run, clips, tmp_path, words, part):
    command = [
        "fit",
        "classifier",
        "--run",
        str(run),
        "--data",
        "none",
        "--out",
        str(tmp_path / "m"),
    ]
    done = CliRunner().invoke(app, [*command, *words])
    assert isinstance(done.exception, InputError) and part in str(done.exception)


def test_several_runs_and_a_released_file_are_refused(run, clips, tmp_path):
    shutil.copytree(run, tmp_path / "other")
    with pytest.raises(InputError, match="a model has one encoder, and these are 2"):
        fit_classifier([run, tmp_path / "other"], clips)
    (tmp_path / "released.pth").write_bytes(b"weights")
    with pytest.raises(InputError, match="a file, and a model is fitted on a run"):
        fit_classifier(tmp_path / "released.pth", clips)


def test_a_place_that_holds_something_else(run, clips, tmp_path):
    command = ["fit", "classifier", "--run", str(run), "--data", "none", "--force", "--out"]
    (tmp_path / "file").write_text("mine")
    for place, part in (
        (run, "is no model"),
        (tmp_path, "is no model"),
        (tmp_path / "file", "a file"),
    ):
        done = CliRunner().invoke(app, [*command, str(place)])
        assert isinstance(done.exception, InputError) and part in str(done.exception)
    assert (tmp_path / "file").read_text() == "mine"
