"""Which normalisation a run has where none is named, who knows of it, and who refuses another."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch
from test_cli import call, good
from test_pcm3_official import released as released_pcm3

import skelf
from skelf import api
from skelf.bench.checks import check_settings
from skelf.bench.read import read_suite
from skelf.bench.run import preview
from skelf.checkpoints import folder as checkpoint
from skelf.data.clips import ClipSet
from skelf.data.normalize_default import GENERAL, choose, choose_released
from skelf.data.normalize_names import NORMALISERS
from skelf.data.readers import ntu
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.encoders.ensemble import Ensemble
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20, NTU25
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS
from skelf.protocols.features import extract
from skelf.protocols.fitting import fitting
from skelf.runs.build import preparation
from skelf.settings.run import resolve
from skelf.skeleton import Skeleton

ROOT = Path(__file__).parents[1]
TINY = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
# What each method's released scripts prepare NTU RGB+D with: sources D1, D2, Q4, T4.
AUTHORS = {
    "usdrl": "agcn-noz",
    "umurl": "agcn-noz",
    "pcm3": "agcn",
    "predict_cluster": "centre+upright+facing+scale",
    **dict.fromkeys(("ms2l", "jigsaw"), "agcn"),
    "isc": "agcn",
    **dict.fromkeys(("skeletonclr", "crossclr", "aimclr", "aimclr_cross"), "aimclr"),
    **dict.fromkeys(("skelemixclr", "actclr"), "aimclr"),
    "cmd": "agcn",
    **dict.fromkeys(("skeletonclr", "crossclr", "aimclr", "aimclr_cross", "hiclr"), "aimclr"),
}


def usual(method, skeleton, coordinates=3, asked="auto"):
    return choose(asked, method, preparation(method), skeleton, coordinates)


@pytest.fixture(scope="module")
def ntu_clips():
    return generate(NTU25, clips=24, persons=2, seed=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory, ntu_clips):
    """A run on the layout of its method's authors, without a word of a normalisation."""
    folder = tmp_path_factory.mktemp("prepared") / "run"
    return api.pretrain("usdrl", ntu_clips, out=folder, split="xsub", overrides=TINY)


def old(folder, *remove, **data):
    """A stored run whose config says something else of its data, as runs of long ago do."""
    config = json.loads((folder / "config.json").read_text())
    config["data"] = {k: v for k, v in config["data"].items() if k not in remove} | data
    for path in (folder, checkpoint.newest(folder)):
        (path / "config.json").write_text(json.dumps(config))
        (path / "checksums.json").unlink(missing_ok=True)  # there were none
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_the_authors_preparation_where_the_layout_is_theirs(method):
    authors = AUTHORS.get(method, GENERAL[3])  # a method of ours has no other authors
    assert usual(method, NTU25).name == authors
    renamed = replace(NTU25, name="mine", names=tuple(n.upper() for n in NTU25.names))
    assert usual(method, renamed).name == authors
    other = replace(NTU25, names=tuple(f"j{i}" for i in range(25)))  # called ntu25, other joints
    assert usual(method, other).name == GENERAL[3]
    assert usual(method, KINECT20).name == GENERAL[3]
    assert usual(method, COCO17, 2).name == usual(method, NTU25, 2).name == GENERAL[2]
    for skeleton, coordinates in ((NTU25, 3), (KINECT20, 3), (COCO17, 2)):
        assert usual(method, skeleton, coordinates, "none").name == "none"


def test_the_page_has_the_table():
    page = (ROOT / "docs" / "normalise.md").read_text("utf-8")
    rows = re.findall(r"^\| \[[^|]*\| ([^|]*) \| `ntu25`[^|]* \| `([\w+-]+)` \|", page, flags=re.M)
    table = {name: what for names, what in rows for name in re.findall(r"`(\w+)`", names)}
    assert table == AUTHORS
    assert all(f"`{name}`" in page for name in GENERAL.values())


def test_a_run_records_the_name_and_says_it(tmp_path, run, ntu_clips):
    for where in (run, checkpoint.newest(run)):
        assert checkpoint.read_config(where)["data"]["normalize"] == "agcn-noz"
    said = []
    kinect = tiny_runs.clips()
    for name, clips, words in (
        ("auto", kinect, "Normalisation: centre (usual for a layout"),
        ("none", kinect, "No normalisation: coordinates as they are in the store"),
        ("auto", replace(kinect, normalize="root"), "Normalisation: root (as the clips were open"),
        ("auto", ntu_clips, "Normalisation: agcn-noz (as the authors of usdrl prepare ntu25)"),
    ):
        overrides = [*TINY, f"data.normalize={name}"]
        folder = tmp_path / str(len(said))
        api.pretrain("usdrl", clips, out=folder, overrides=overrides, say=said.append)
        assert words in said[-1]
        said_of = re.match(r"(?:Normalisation: ([\w+-]+)|No)", said[-1])
        assert skelf.load(folder).normalize == ((said_of and said_of[1]) or "none")
    with pytest.raises(InputError, match="opened with normalize='root', and the model takes 'cen"):
        overrides = [*TINY, "data.normalize=centre"]
        api.pretrain("usdrl", replace(kinect, normalize="root"), out=tmp_path / "r",
                     overrides=overrides)  # fmt: skip


def test_rows_say_it_and_old_runs_are_judged_as_they_were(tmp_path, run, ntu_clips):
    said = []
    rows = api.evaluate(["knn"], run, ntu_clips, split="xsub", say=said.append)
    assert rows[0]["config"]["data"]["normalize"] == "agcn-noz"
    assert said == ["Normalisation: agcn-noz (as the run was trained)"]
    with pytest.raises(InputError, match="opened with normalize='root', and the model takes 'agc"):
        api.evaluate(["knn"], run, replace(ntu_clips, normalize="root"), split="xsub")
    folder = api.pretrain("usdrl", ntu_clips, out=tmp_path / "old", overrides=TINY)
    for change in ({"normalize": "none"}, "normalize"):
        old(folder, *([change] if isinstance(change, str) else []),
            **({} if isinstance(change, str) else change))  # fmt: skip
        rows = api.evaluate(["knn"], folder, ntu_clips, split="xsub", say=said.append)
        assert rows[0]["config"]["data"]["normalize"] == "none" == skelf.load(folder).normalize
        assert said[-1].startswith("No normalisation: coordinates as they are in the store")
    with pytest.raises(InputError, match=r"config\.json: data\.normalize: 'auto'; a run records"):
        skelf.load(old(folder, normalize="auto"))


def test_a_resumed_run_and_one_that_starts_from_another_keep_theirs(tmp_path, ntu_clips):
    folder = tmp_path / "run"
    more = [*TINY[:2], "train.epochs=2", "train.batch_size=16"]
    api.pretrain("usdrl", ntu_clips, out=folder, overrides=[*TINY, "data.normalize=root"])
    api.pretrain("usdrl", ntu_clips, out=folder, overrides=more, resume=True)
    assert checkpoint.read_config(folder)["data"]["normalize"] == "root"
    with pytest.raises(InputError, match=r"data\.normalize='root', not 'agcn'"):
        overrides = [*more, "data.normalize=agcn"]
        api.pretrain("usdrl", ntu_clips, out=folder, overrides=overrides, resume=True)
    api.pretrain("usdrl", ntu_clips, out=tmp_path / "next", overrides=TINY, init=folder)
    assert skelf.load(tmp_path / "next").normalize == "root"


def test_an_encoder_applies_its_preparation_or_refuses(run, ntu_clips):
    encoder = skelf.load(run)
    assert encoder.normalize == "agcn-noz" == skelf.load(run, untrained=True).normalize
    wanted = extract(encoder, replace(ntu_clips, normalize="agcn-noz"))
    for name in ("none", "fill+centre-frames+facing", "none+agcn-noz"):
        assert torch.equal(extract(encoder, replace(ntu_clips, normalize=name)), wanted)
    by_hand = ENCODERS["dste"](NTU25, persons=2, dim=8, frames=8)
    by_hand.load_state_dict(encoder.state_dict())
    as_stored = extract(by_hand, ntu_clips)  # knows of none: takes clips as they are
    assert (as_stored - wanted).abs().max() > 0.01
    assert torch.equal(extract(by_hand, replace(ntu_clips, normalize="agcn-noz")), wanted)
    with pytest.raises(InputError, match="opened with normalize='agcn', and the model takes 'agc"):
        extract(encoder, replace(ntu_clips, normalize="agcn"))
    encoder.normalize = "none"  # trained on coordinates as they are: that is a preparation, too
    with pytest.raises(InputError, match="opened with normalize='centre', and the model takes 'n"):
        extract(encoder, replace(ntu_clips, normalize="centre"))


@pytest.mark.parametrize(
    "protocol", ["linear", "knn", "retrieval", "finetune", "semi", "occlusion", "early"]
)
def test_protocols_called_by_hand_apply_it(protocol, run, ntu_clips):
    encoder, judge = skelf.load(run), PROTOCOLS[protocol]
    train, test = ntu_clips.split("xsub")
    other = replace(test, normalize="root")
    with pytest.raises(InputError, match="opened with normalize='root', and the model takes"):
        judge(encoder, train, other)


def test_protocols_give_the_same_for_stored_and_for_prepared_clips(run, ntu_clips):
    encoder = skelf.load(run)
    train, test = ntu_clips.split("xsub")
    prepared = [replace(clips, normalize="agcn-noz") for clips in (train, test)]
    for name in ("knn", "retrieval"):
        one, other = PROTOCOLS[name](encoder, train, test), PROTOCOLS[name](encoder, *prepared)
        assert np.array_equal(one.values, other.values) and one.values == other.values


def test_an_ensemble_has_one_preparation(run, ntu_clips):
    one, other = skelf.load(run), skelf.load(run)
    assert Ensemble([one, other]).normalize == "agcn-noz"
    other.normalize = "root"
    with pytest.raises(InputError, match="has normalize agcn-noz and the joint one root"):
        Ensemble([one, other])
    assert fitting(Ensemble([one, one]), ntu_clips).normalize == "agcn-noz"


def official(folder: Path) -> Path:
    torch.manual_seed(1)
    path = folder / "released.pth.tar"
    torch.save(released_pcm3(), path)
    return path


def test_a_released_file_has_its_authors_preparation(tmp_path, ntu_clips):
    path, said = official(tmp_path), []
    encoder = skelf.load_official(path, "pcm3").encoder
    assert encoder.normalize == "agcn"
    assert skelf.load_official(path, "pcm3", normalize="none").encoder.normalize == "none"
    with pytest.raises(InputError, match="unknown normalisation 'agnc'"):
        skelf.load_official(path, "pcm3", normalize="agnc")
    asked = {"split": "xsub", "method": "pcm3", "say": said.append}
    for overrides, name, words in (
        ([], "agcn", "Normalisation: agcn (as the authors of pcm3 prepare ntu25)"),
        (["data.normalize=none"], "none", "No normalisation: coordinates as they are"),
        (["data.normalize=auto"], "agcn", "Normalisation: agcn"),
    ):
        rows = api.evaluate(["knn"], path, ntu_clips, **asked, overrides=overrides)
        assert rows[0]["config"]["data"]["normalize"] == name and words in said[-1]
    elsewhere = choose_released("auto", "pcm3", preparation("pcm3"), KINECT20)
    assert elsewhere.name == "none" and "nothing is known" in str(elsewhere)


def test_a_released_file_on_real_clips(tmp_path, real_data):
    raw = real_data("nw_ucla").parents[1] / "ntu_samples" / "raw"
    with pytest.warns(UserWarning):
        clips = ntu.read_ntu(raw)
    encoder = skelf.load_official(official(tmp_path), "pcm3").encoder
    assert encoder.normalize == "agcn"
    by_hand = replace(clips, normalize="fill+centre-frames+upright+facing")
    given = extract(encoder, clips)
    assert torch.equal(given, extract(encoder, by_hand))
    encoder.normalize = "none"
    assert (given - extract(encoder, clips)).abs().max() > 0.01  # raw coordinates are another input


def test_a_suite_says_it_and_its_cells_depend_on_it(tmp_path, ntu_clips):
    ntu_clips.save(tmp_path / "ntu.h5")
    tiny_runs.clips().save(tmp_path / "kinect.h5")
    text = """
    seeds = [0]
    [[data]]
    name = "ntu"
    store = "ntu.h5"
    splits = ["xsub"]
    [[data]]
    name = "kinect"
    store = "kinect.h5"
    splits = ["half"]
    [[method]]
    name = "usdrl"
    [[method]]
    name = "pcm3"
    row = "raw"
    settings = ["data.normalize=none"]
    [[protocol]]
    name = "knn"
    """
    (tmp_path / "suite.toml").write_text(text)
    said = []
    cells = [cell for cell, _ in preview(tmp_path / "suite.toml", tmp_path / "b", say=said.append)]
    assert said == [
        "usdrl, ntu: Normalisation: agcn-noz (as the authors of usdrl prepare ntu25)",
        "usdrl, kinect: Normalisation: centre (usual for a layout that the authors of usdrl did "
        "not use)",
        *(
            f"raw, {name}: No normalisation: coordinates as they are in the store (as "
            "data.normalize says)"
            for name in ("ntu", "kinect")
        ),
    ]
    named = [c.settings["data.normalize"] for c in cells if c.kind == "pretrain"]
    assert named == ["agcn-noz", "centre", "none", "none"]
    shown = good("bench", tmp_path / "suite.toml", "--out", tmp_path / "b", "--dry-run")
    assert said[0] in shown


@pytest.mark.parametrize("path", sorted((ROOT / "experiments/suites").glob("*.toml")), ids=str)
def test_shipped_suites_name_theirs(path):
    """What they were run with long ago, whatever becomes of the default."""
    suite = read_suite(path)
    check_settings(suite)
    of_the_data = suite.data[0].settings  # where it is pretrained
    for method in suite.methods:
        given = [*of_the_data, *method.settings]  # shares of the epochs aside
        config = resolve(
            method.name, methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS,
            file=suite.config_of(method), overrides=[s for s in given if "%" not in s],
        )  # fmt: skip
        assert config.data["normalize"] in ("centre", "root+facing-frames"), method.label


def test_the_command_line_says_it(tmp_path, ntu_clips):
    ntu_clips.save(tmp_path / "ntu.h5")
    store, folder = tmp_path / "ntu.h5", tmp_path / "run"
    text = good("pretrain", "usdrl", "--data", store, "--out", folder, *TINY)
    assert text.startswith("Normalisation: agcn-noz (as the authors of usdrl prepare ntu25)\n")
    text = good("eval", "knn", "--run", folder, "--data", store, "--split", "xsub")
    assert text.startswith("Normalisation: agcn-noz (as the run was trained)\n")
    text = good("profile", "usdrl", "--no-time", *TINY[:2], "train.batch_size=4")
    assert "usdrl: Normalisation: agcn-noz (as the authors of usdrl" in text
    text = good("list", "normalizations")
    assert all(re.search(rf"^{re.escape(name)} ", text, re.M) for name in NORMALISERS)
    said = call("data", "view", store, "--normalize", "auto")
    assert said.code == 2 and "unknown normalisation 'auto'" in said.err


def test_a_custom_layout_and_a_store_keep_their_coordinates_when_told(tmp_path):
    bare = Skeleton(("a", "b", "c"), (-1, 0, 1), (), {"body": (0, 1, 2)}, 0)
    joints = np.random.default_rng(0).normal(size=(200, 1, 3, 3))
    clips = ClipSet.build(joints, [10] * 20, bare)
    folder = api.pretrain("usdrl", clips, out=tmp_path / "run", overrides=TINY)
    assert skelf.load(folder).normalize == "centre"
