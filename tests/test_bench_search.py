"""An equal search of settings: on training subjects, resumable, with a suite that comes out."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from test_bench import TINY
from test_cli import call
from tiny_runs import Stop, clips, stop_in

from skelf import api
from skelf.bench import cost
from skelf.bench.read import read_suite
from skelf.bench.run import bench, preview
from skelf.bench.search.develop import NAME, development, training_side
from skelf.bench.search.run import search
from skelf.bench.suite import Place
from skelf.data.clips import ClipSet
from skelf.errors import InputError
from skelf.report.gather import gather

optuna = pytest.importorskip("optuna", reason="optuna is not here; skelf[search] has it")

SUITE = """
seeds = [3]
config = "tiny.toml"
[[data]]
name = "tiny"
store = "tiny.h5"
splits = ["half"]
[[method]]
name = "usdrl"
row = "first"
[[method]]
name = "usdrl"
row = "second"
settings = ["train.lr=1e-2"]
[[search]]
key = "train.lr"
range = [1e-3, 1e-1]
log = true
[[search]]
key = "views.crop"
values = [[0.1, 1.0], [0.5, 1.0]]
rows = ["second"]
[[protocol]]
name = "knn"
settings = ["eval.k=3"]
"""


def put(folder: Path, text: str = SUITE, made: ClipSet | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (made or clips()).save(folder / "tiny.h5")
    (folder / "tiny.toml").write_text(TINY)
    (folder / "suite.toml").write_text(text)
    return folder / "suite.toml"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    suite = put(tmp_path_factory.mktemp("searched"))
    return suite, search(suite, suite.parent / "out", trials=3)


# The development split


def test_subjects_are_held_out_and_the_test_side_is_not_there():
    made, place = clips(), Place("tiny", "half")
    train, test = made.split("half")
    side = training_side(made, place)
    assert side.names == train.names and side.splits == {}
    learn, choose = development(side, 1 / 3, "here").split(NAME)
    assert not set(learn.subject.tolist()) & set(choose.subject.tolist())
    assert set(learn.start.tolist() + choose.start.tolist()) == set(train.start.tolist())
    assert not set(learn.start.tolist() + choose.start.tolist()) & set(test.start.tolist())


@pytest.mark.parametrize(
    ("subjects", "share", "held"),
    [
        ([0, 2, 4, 6, 8], 1 / 3, {2, 6}),
        ([5, 7], 0.9, {7}),
        ([1, 2, 3, 4, 5, 6], 0.01, {4}),
        ([-1, 3, 9], 1 / 3, {9}),
    ],
)
def test_which_subjects_are_held_out(subjects, share, held):
    made = clips().take(range(len(subjects)))
    object.__setattr__(made, "subject", np.asarray(subjects, made.subject.dtype))
    sides = development(made, share, "here").splits[NAME]
    assert {s for s, side in zip(subjects, sides, strict=True) if side == 2} == held
    assert all(side == 0 for s, side in zip(subjects, sides, strict=True) if s < 0)


def test_one_subject_is_too_few():
    made = clips()
    alone = made.take(made.subject == made.subject[0])
    with pytest.raises(
        InputError, match=r"here: a search needs two subjects or more .* there are 1"
    ):
        development(alone, 1 / 3, "here")


def test_clips_that_share_frames_are_no_two_sides():
    made = clips()
    twice = made.take([0, 0, 1]).with_split("wrong", [1, 2, 1])
    with pytest.raises(InputError, match="a test clip shares frames"):
        training_side(twice, Place("tiny", "wrong"))


@pytest.mark.slow
def test_nothing_of_the_test_side_is_read(found, tmp_path):
    """Other motion and labels there: the trials come out the same, to the bit."""
    made, before = clips(), found[1]
    joints, label = np.array(made.joints), made.label.copy()
    for i in np.flatnonzero(made.splits["half"] == 2):
        joints[made.start[i] : made.start[i] + made.length[i]] = 7.0 * i
        label[i] = 0
    other = ClipSet(**{**vars(made), "joints": joints, "label": label, "stored": None})
    again = search(put(tmp_path, made=other), tmp_path / "out", trials=3)
    assert [trial._replace(seconds=0) for trial in again.trials] == [
        trial._replace(seconds=0) for trial in before.trials
    ]


# Trials


def test_every_row_has_as_many_trials(found):
    suite, done = found
    assert [(t.row, t.number, t.state) for t in done.trials] == [
        (row, number, "complete") for row in ("first", "second") for number in range(3)
    ]
    assert not done.lost and all(t.value is not None and t.seconds > 0 for t in done.trials)
    first, second = (
        next(t for t in done.trials if (t.row, t.number) == (row, 0)) for row in ("first", "second")
    )
    assert first.settings == ("train.lr=0.002",)  # the suite's own come first
    assert "train.lr=0.01" in second.settings or len(second.settings) == 2
    for trial in done.trials:
        rate = float(trial.settings[0].partition("=")[2])
        assert 1e-3 <= rate <= 1e-1 and len(trial.settings) == 1 + (trial.row == "second")
    for best in done.best:
        mine = [t.value for t in done.trials if t.row == best.row]
        assert best.value == max(mine)
    with (suite.parent / "out/search/trials.csv").open(newline="") as file:
        assert [row["value"] for row in csv.DictReader(file)] == [str(t.value) for t in done.trials]
    assert not list((suite.parent / "out").rglob("checkpoints"))


def test_a_trial_s_value_is_the_protocol_s_by_hand(found, tmp_path):
    suite, done = found
    trial = done.trials[1]
    made = development(training_side(ClipSet.open(suite.parent / "tiny.h5"),
                                     Place("tiny", "half")), 1 / 3, "x")  # fmt: skip
    run = api.pretrain("usdrl", made, out=tmp_path / "run", split=NAME, seed=3,
                       config=suite.parent / "tiny.toml", overrides=trial.settings)  # fmt: skip
    rows = api.evaluate(["knn"], run, made, split=NAME, overrides=["eval.k=3"], seed=3)
    assert [row["value"] for row in rows] == [trial.value]


def test_the_suite_that_comes_out_runs_on_the_test_side(found, tmp_path):
    suite, done = found
    chosen = suite.parent / "out/search/chosen.toml"
    assert done.files[-1] == chosen
    read, before = read_suite(chosen), read_suite(suite)
    assert read.seeds == before.seeds and read.protocols == before.protocols
    for method, best in zip(read.methods, done.best, strict=True):
        assert (method.settings_on or {})["tiny/half"] == best.settings
    (cell,) = [c for c, _ in preview(chosen, tmp_path / "o")
               if c.kind == "pretrain" and "first" in c.title]  # fmt: skip
    assert f"train.lr={cell.settings['train.lr']}" == done.best[0].settings[0]
    result = bench(chosen, suite.parent / "out")  # beside its search, which no report shows
    assert not result.failures and {row["split"] for row in result.rows} == {"half"}
    assert len(gather([suite.parent / "out"]).runs) == 2


def test_more_trials_go_on_and_a_second_call_runs_none(found):
    suite, done = found
    told: list[str] = []
    again = search(suite, suite.parent / "out", trials=3,
                   tell=lambda what, *_: told.append(what))  # fmt: skip
    assert again.trials == done.trials and told == []


@pytest.mark.slow
def test_a_killed_trial_goes_on_with_what_it_drew(tmp_path, monkeypatch):
    brief = SUITE[: SUITE.index('[[method]]\nname = "usdrl"\nrow = "second"')]
    brief += SUITE[SUITE.index("[[search]]") : SUITE.index('[[search]]\nkey = "views')]
    brief += '[[protocol]]\nname = "knn"\nsettings = ["eval.k=3"]\n'
    suite = put(tmp_path, brief)
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 1", "epochs = 3"))
    whole = search(suite, tmp_path / "whole", trials=2).trials
    real, calls = api.pretrain, []

    def killed(*given, listener, **others):
        calls.append(others["resume"])
        try:
            return real(*given, listener=stop_in(1) if len(calls) == 2 else listener, **others)
        except Stop:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(api, "pretrain", killed)
    with pytest.raises(KeyboardInterrupt):
        search(suite, tmp_path / "out", trials=2)
    rest = search(suite, tmp_path / "out", trials=2).trials
    assert calls == [False, False, True]
    assert [t._replace(seconds=0) for t in rest] == [t._replace(seconds=0) for t in whole]


def test_a_failed_trial_counts_and_a_pruned_one_is_told(tmp_path, monkeypatch):
    suite = put(
        tmp_path, SUITE.replace("range = [1e-3, 1e-1]\nlog = true", "values = [1e-3, 2e-3]")
    )
    real = api.pretrain

    def broken(*given, out, **others):
        if "first" in str(out):
            raise RuntimeError("the loss is not finite\nat step 3")
        if out.name == "trial_001":
            raise optuna.TrialPruned
        return real(*given, out=out, **others)

    monkeypatch.setattr(api, "pretrain", broken)
    said = call("bench", suite, "--out", tmp_path / "out", "--sampler", "optuna", "--trials", 2)
    assert said.code == 1 and "2 failed" in said.out and "1 pruned" in said.out
    assert "no trial of first, tiny/half was completed" in said.out.replace("\n", " ")
    assert "failed: first, tiny/half, trial 1: the loss is not finite\n" in said.out
    assert "A new study" not in said.out + said.err and "chosen.toml" in said.out
    first, second = read_suite(tmp_path / "out/search/chosen.toml").methods
    assert first.settings_on is None and second.settings_on is not None


def test_a_trial_keeps_to_the_budget(tmp_path, monkeypatch):
    widths = SUITE.replace("train.lr", "encoder.dim").replace("range = [1e-3, 1e-1]\nlog = true",
                                                              "values = [16, 32]")  # fmt: skip
    widths = widths.replace('settings = ["encoder.dim=1e-2"]\n', "")
    suite = put(tmp_path, 'equal_cost = "first"\n' + widths)
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 1", "epochs = 4"))
    monkeypatch.setattr(cost, "_step", lambda config, *_: float(config.encoder["dim"]))
    epochs: list[tuple[str, int]] = []

    def noted(*given, out, overrides, **others):
        dim = next(t for t in overrides[::-1] if t.startswith("encoder.dim="))
        epochs.append((dim, int(overrides[-1].partition("train.epochs=")[2])))
        raise RuntimeError("enough")

    monkeypatch.setattr(api, "pretrain", noted)
    search(suite, tmp_path / "out", trials=4)
    assert set(epochs) == {("encoder.dim=16", 4), ("encoder.dim=32", 2)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('key = "train.lr"', 'key = "train.rl"', r"\[\[search\]\] train.rl: first: .*did you mean"),
        ('key = "train.lr"', 'key = "eval.k"', "key 'eval.k': name a setting of train"),
        ('rows = ["second"]', 'rows = ["secnd"]', "unknown row 'secnd': did you mean 'second'"),
        ("range = [1e-3, 1e-1]\nlog = true\n", "", "values or a range"),
        ("[1e-3, 1e-1]", "[1e-1, 1e-3]", "the smallest first"),
        ("[1e-3, 1e-1]", "[0, 1]", "log: a range from above 0"),
        ("[1e-3, 1e-1]", "[-1.0, 1.0]", "log: a range from above 0"),
        ("[[0.1, 1.0], [0.5, 1.0]]", "[[0.1, 1.0]]", "values: two or more"),
        ("[[0.1, 1.0], [0.5, 1.0]]", "[[1.0, 0.1], [0.5, 1.0]]", "views.crop: second: .*smallest"),
        ('key = "views.crop"', 'key = "train.lr"', "train.lr: twice for one row"),
        ("seeds = [3]", 'seeds = [3]\nobjective = "kn"', "objective: unknown protocol 'kn'"),
        ("seeds = [3]", "seeds = [3]\nheld_out = 1", "held_out"),
        (SUITE[SUITE.index("[[search]]") : SUITE.index("[[protocol]]")], "", "nothing to search"),
        (
            'row = "second"\nsettings = ["train.lr=1e-2"]',
            'row = "second"\nafter = "first"',
            "second starts from another row",
        ),
    ],
)
def test_searches_that_are_refused(tmp_path, old, new, message):
    assert old in SUITE
    with pytest.raises(InputError, match=message):
        search(put(tmp_path, SUITE.replace(old, new)), tmp_path / "out", trials=1)
    assert not (tmp_path / "out").exists()


def test_another_search_in_the_same_folder_is_refused(found):
    suite = found[0]
    other = suite.with_name("other.toml")
    other.write_text(SUITE.replace("range = [1e-3, 1e-1]", "range = [1e-3, 1e-2]"))
    with pytest.raises(InputError, match="its trials had another keys; choose another --out"):
        search(other, suite.parent / "out", trials=3)


def test_an_objective_s_metric_that_is_not_there(tmp_path):
    suite = put(tmp_path, 'objective = "knn:map"\n' + SUITE)
    done = search(suite, tmp_path / "out", trials=1)
    assert {trial.message for trial in done.trials} == {"objective: knn has no 'map'; it has top1"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sampler", "optuna"], "go together"),
        (["--trials", "3"], "go together"),
        (["--sampler", "optuna", "--trials", "3", "--workers", "2"], "leave out --workers"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, words, message):
    said = call("bench", put(tmp_path), "--out", tmp_path / "out", *words)
    assert said.code == 2 and message in said.err


def test_without_optuna(tmp_path, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "optuna"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'skelf\[search\]'"):
        search(put(tmp_path), tmp_path / "out", trials=1)
