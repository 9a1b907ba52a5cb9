"""The plain rival: joints without an encoder, in `eval` and as a row of `bench`."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
from protocol_fakes import assert_same, snapshot
from test_cli import call

import skelf
from skelf.bench.checks import check_settings, find_sets
from skelf.bench.plan import plan
from skelf.bench.read import read_suite
from skelf.bench.rival import rivals_of
from skelf.bench.run import bench
from skelf.bench.suite import Protocol
from skelf.contracts import Encoder
from skelf.data.synthetic.clips import generate
from skelf.encoders.joints import Joints
from skelf.errors import InputError
from skelf.layouts import COCO17, SBU15
from skelf.protocols.segmentation import Segmentation, segmentation
from skelf.report.gather import gather
from skelf.runs.plain import is_plain, plain_encoder
from skelf.settings.options import from_flat

# The encoder that is none


def test_it_has_an_encoders_contract():
    made = Joints(SBU15, 3, 2, frames=8)
    assert isinstance(made, Encoder) and not list(made.parameters())
    x = torch.randn(4, 3, 8, 15, 2)
    assert made(x).shape == (4, made.dim) and made.frames(x).shape == (4, 8, made.dim)


def test_frames_hold_each_joint_and_its_central_difference():
    made, x = Joints(SBU15, 3, 2, frames=6), torch.randn(2, 3, 6, 15, 2)
    place, change = made.frames(x).tensor_split(2, dim=2)
    for n, t, m, v in [(0, 0, 0, 0), (1, 3, 1, 7), (0, 5, 1, 14)]:
        before, after = max(t - 1, 0), min(t + 1, 5)
        expected = (x[n, :, after, v, m] - x[n, :, before, v, m]) / (after - before)
        for part, wanted in ((change, expected), (place, x[n, :, t, v, m])):
            rows = part[n, t].unflatten(0, (3, 2, 15))  # C, M, V
            torch.testing.assert_close(rows[:, m, v], wanted)


def test_clip_vectors_are_mean_and_deviation():
    made, x = Joints(SBU15, 3, 1, frames=5), torch.randn(2, 3, 5, 15, 1)
    mean, deviation = made(x).tensor_split(2, dim=1)
    torch.testing.assert_close(mean, x.mean(dim=2).flatten(1))
    torch.testing.assert_close(deviation, x.std(dim=2, correction=0).flatten(1))


def test_a_missing_joint_moves_no_one():
    made, x = Joints(SBU15, 3, 1, confidence=True, frames=6), torch.rand(1, 3, 6, 15, 1) + 1
    x[:, :, 3, 4] = 0  # coordinates and confidence
    change = made.frames(x)[0, :, 3 * 15 :].unflatten(1, (2, 15))
    assert not change[2:5, :, 4].any()
    assert change[1, :, 4].all() and change[2:5, :, 3].all()
    assert made.dim == 5 * 15


def test_one_frame_moves_not_at_all():
    made = Joints(SBU15, 3, 1, frames=1)
    assert not made.frames(torch.randn(2, 3, 1, 15, 1))[:, :, 45:].any()
    assert made(torch.randn(2, 3, 1, 15, 1)).isfinite().all()


def test_an_unknown_stream():
    with pytest.raises(ValueError, match="stream 'bones'"):
        Joints(SBU15, stream="bones")


# In place of a run


@pytest.mark.parametrize(
    ("clips", "name"),
    [
        (generate(clips=4), "root+facing-frames"),
        (
            replace(
                generate(clips=4), skeleton=COCO17,
                joints=np.zeros((generate(clips=4).frames_total, 1, 17, 2), np.float32),
            ),
            "root+scale",
        ),
    ],
)  # fmt: skip
def test_the_usual_normalisation_suits_the_clips(clips, name):
    encoder, described, choice = plain_encoder(clips)
    assert encoder.normalize == choice.name == described["data"]["normalize"] == name
    assert plain_encoder(clips, "centre")[2].name == "centre"
    with pytest.raises(InputError, match="normalisation 'rot'"):
        plain_encoder(clips, "rot")


@pytest.fixture(scope="module")
def found():
    """Recordings of several people, with a split of both sides."""
    made = generate(clips=0, recordings=6, subjects=6, seed=3)
    return made.with_split("half", [1, 1, 1, 1, 2, 2])


def test_eval_judges_joints(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    brief = ["eval.epochs=1", "eval.width=8"]
    said = []
    rows, again = (
        skelf.evaluate(
            ["segmentation"], run, found, split="half", device="cpu", overrides=brief,
            out=tmp_path / "results.json", say=said.append,
        )
        for run in ("joints", ["joints"])
    )  # fmt: skip
    assert {(row["method"], row["encoder"], row["seed"]) for row in rows} == {
        ("joints", "joints", None)
    }
    assert [row["value"] for row in rows] == [row["value"] for row in again]
    assert "root+facing-frames (usual for joints without an encoder)" in said[0]
    assert rows[0]["config"]["data"]["normalize"] == "root+facing-frames"
    other = skelf.evaluate(
        ["segmentation"], "joints", found, split="half", device="cpu",
        overrides=[*brief, "data.normalize=centre"],
    )  # fmt: skip
    assert "(centre, steps that move" in other[0]["definition"]
    assert gather([tmp_path]).rows[0].setup.method == "joints"


def test_other_protocols_take_joints_too():
    clips = tiny_runs.clips()
    rows = skelf.evaluate(["knn", "retrieval"], "joints", clips, split="half", device="cpu")
    assert {row["protocol"] for row in rows} == {"knn", "retrieval"}


def test_what_makes_no_sense_with_joints(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for wrong in ({"untrained": True}, {"stream": "bone"}, {"method": "usdrl"}):
        option = next(iter(wrong))
        with pytest.raises(InputError, match=f"--run joints: has no weights; leave out --{option}"):
            skelf.evaluate(["segmentation"], "joints", found, split="half", **wrong)
    with pytest.raises(InputError, match="stands alone"):
        skelf.evaluate(["segmentation"], ["joints", "run"], found, split="half")
    with pytest.raises(InputError, match=r"only eval\.\* can change"):
        skelf.evaluate(
            ["segmentation"], "joints", found, split="half", overrides=["encoder.frames=3"]
        )


def test_a_run_that_is_called_so_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "joints").mkdir()
    assert is_plain(["joints"]) and not is_plain(["./joints"]) and not is_plain(["run"])
    (tmp_path / "joints" / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"a run of that name is here: \./joints names it"):
        is_plain(["joints"])


def test_a_protocol_leaves_it_as_it_is(found):
    train, test = found.split("half")
    encoder = plain_encoder(found)[0]
    before = snapshot(encoder)
    for tune in (False, True):
        how = from_flat(Segmentation, {"epochs": 1, "width": 4, "tune": tune})
        segmentation(encoder, train, test, how)
        assert_same(encoder, before)


def test_the_command(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found.save("found.h5")
    result = call(
        "eval", "segmentation", "--run", "joints", "--data", "found.h5", "--split", "half",
        "--out", "rows.json", "eval.epochs=1", "eval.width=4",
    )  # fmt: skip
    assert result.code == 0, result
    assert json.loads((tmp_path / "rows.json").read_text())[0]["method"] == "joints"


# In a suite

SUITE = """
seeds = [0, 1]
[[data]]
name = "found"
store = "found.h5"
splits = ["half"]
[[data]]
name = "clips"
store = "clips.h5"
splits = ["half"]
[[method]]
name = "usdrl"
data = ["clips"]
settings = {settings}
[[protocol]]
name = "detection"
row = "frozen"
on = ["found"]
settings = ["eval.proposals=background", "eval.detection.smoothing=0.1", "eval.standardize=true", \
"eval.epochs=1", "eval.milestones=[]"]
[[protocol]]
name = "segmentation"
row = "tuned"
on = ["found"]
settings = ["eval.epochs=1", "eval.width=4", "eval.tune=true"]
[[protocol]]
name = "knn"
"""


def put(folder, found, more=""):
    found.save(folder / "found.h5")
    tiny_runs.clips().save(folder / "clips.h5")
    settings = json.dumps([*tiny_runs.SETTINGS, "train.epochs=1", "train.milestones=[]"])
    (folder / "suite.toml").write_text(SUITE.format(settings=settings) + more)
    return folder / "suite.toml"


def test_a_suite_has_the_row_by_itself(found, tmp_path):
    suite = read_suite(put(tmp_path, found))
    check_settings(suite)
    cells = plan(suite, find_sets(suite), tmp_path / "out")
    mine = [cell for cell in cells if cell.call.get("run") == "joints"]
    assert [(cell.about["row"], cell.about["label"], cell.about["case"]) for cell in mine] == [
        ("Joints, dilated head", label, seed) for seed in (0, 1) for label in ("frozen", "tuned")
    ]
    assert not any(cell.needs for cell in mine)
    assert mine[0].call["protocols"] == ["segmentation"]
    assert mine[0].call["overrides"] == ["eval.proposals=background", "eval.smoothing=0.1"]
    assert mine[1].call["overrides"][-1] == "eval.tune=false"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("detection", None, "Joints, dilated head"),
        ("detection", False, None),
        ("segmentation", None, "Joints, dilated head"),
        ("knn", None, None),
        ("knn", True, "Joints"),
    ],
)
def test_which_protocols_have_a_rival(name, given, expected):
    rows = [rival.row for rival in rivals_of(Protocol(name=name, rival=given))]
    assert rows == ([] if expected is None else [expected])


def test_a_rule_that_does_not_suit_the_rival_is_refused_before_anything_runs(found, tmp_path):
    more = '[[protocol]]\nname = "knn"\nrow = "plain"\nrival = 3\n'
    with pytest.raises(InputError, match="rival"):
        read_suite(put(tmp_path, found, more))


@pytest.mark.slow
def test_the_row_is_in_the_tables(found, tmp_path):
    suite = put(tmp_path, found)
    suite.write_text(suite.read_text().replace("seeds = [0, 1]", "seeds = [0]"))
    done = bench(suite, tmp_path / "out")
    assert not done.failures
    text = (tmp_path / "out" / "results.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("| Joints, dilated head |"))
    assert all(cell.strip() for cell in line.split("|")[2:3])
    assert {row["method"] for row in done.rows if row["row"] == "Joints, dilated head"} == {
        "joints"
    }
    assert bench(suite, tmp_path / "out").ran == 0
    names = gather([tmp_path / "out"]).names.values()
    assert any(name.startswith("Joints, dilated head") for name in names)
