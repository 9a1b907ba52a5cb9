"""The model folder: what is written is read back, and what is damaged is one clear line."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import skelf
from skelf.checkpoints import folder as checkpoint
from skelf.encoders.ensemble import Ensemble
from skelf.errors import InputError
from skelf.inference.heads import HEADS, Cosine, Linear, Neighbours, Prototype, folded, kind_of
from skelf.inference.model import assembled, load_model
from skelf.protocols.knn import KNN, knn_scores
from skelf.runs.load import judged_encoder

NAMES = ("walk", "wave", "sit")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_runs.pretrain(
        tmp_path_factory.mktemp("runs") / "run", "train.epochs=1", "train.milestones=[]"
    )


@pytest.fixture(scope="module")
def model(run):
    encoder, described = judged_encoder(run, None, False, 0)
    torch.manual_seed(0)
    head = folded(torch.randn(3, 32), torch.randn(3), torch.randn(32), torch.rand(32) + 0.5)
    return assembled(
        encoder, head, described, kind="classifier", class_names=NAMES, temperature=2.0,
        unknown_below=0.4, learnt_from={"data": "clips", "clips": 36},
        expected={"accuracy": 0.5, "interval": (0.3, 0.7), "per_class": {"wa|k": 0.5}},
    )  # fmt: skip


@pytest.fixture
def folder(model, tmp_path):
    return model.save(tmp_path / "model")


@pytest.fixture
def x():
    return torch.randn(4, 3, 8, 20, 1, generator=torch.Generator().manual_seed(1))


def test_it_comes_back_as_it_was(model, folder, x):
    loaded = skelf.load_model(folder)
    assert loaded.class_names == NAMES
    assert (loaded.kind, loaded.temperature, loaded.unknown_below) == ("classifier", 2.0, 0.4)
    expected = model.probabilities(model.encoder(x))
    assert torch.equal(loaded.probabilities(loaded.encoder(x)), expected)
    assert torch.allclose(expected.sum(dim=1), torch.ones(4))
    again = loaded.save(folder.parent / "again")
    assert (again / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert (again / "config.json").read_bytes() == (folder / "config.json").read_bytes()


def test_its_encoder_loads_as_a_runs_does(run, folder, x):
    assert torch.equal(skelf.load(folder)(x), skelf.load(run)(x))


def test_probabilities_are_of_logits_divided_by_the_temperature(model, x):
    features = model.encoder(x)
    by_hand = F.softmax(model.head(features) / 2.0, dim=1)
    assert torch.equal(model.probabilities(features), by_hand)


def test_the_card_says_what_to_expect_and_how_it_is_used(folder, model):
    text = (folder / "README.md").read_text()
    for part in ("accuracy: 0.5", "0.3, 0.7", "skelf predict", "load_model", "wa\\|k", "36"):
        assert part in text
    assert "made-up" not in text
    assert "synthetic figures" in text  # what the run was trained on
    alone = replace(model, config={**model.config, "model": {**model.config["model"]}})
    alone.config["model"]["expected"] = None
    text = (alone.save(folder.parent / "alone") / "README.md").read_text()
    assert "not known" in text


def test_the_store_of_the_run_is_not_told(folder):
    assert "store" not in json.loads((folder / "config.json").read_text())


# --- heads


def test_a_folded_head_is_the_linear_one_on_standardised_features():
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(3, 5, generator=generator), torch.randn(3, generator=generator)
    mean, deviation = torch.randn(5, generator=generator) * 9, torch.rand(5, generator=generator)
    x = torch.randn(2, 7, 5, generator=generator)
    head = folded(weight, bias, mean, deviation + 0.1)
    by_hand = F.linear((x - mean) / (deviation + 0.1), weight, bias)
    assert torch.allclose(head(x), by_hand, atol=1e-4)


def test_a_cosine_head_looks_at_directions_alone():
    head = Cosine(dim=2, classes=2)
    head.weight[:], head.bias[:] = torch.tensor([[3.0, 0.0], [0.0, 5.0]]), torch.tensor([1.0, 0.0])
    head.mean[:], head.deviation[:] = torch.tensor([1.0, 1.0]), torch.tensor([1.0, 2.0])
    x = torch.tensor([[4.0, 9.0], [1.3, 1.8]])  # 3, 4 and 0.3, 0.4 once standardised
    assert torch.allclose(head(x), torch.tensor([[2.8, 4.0]]).expand(2, 2))


def test_prototypes_are_cosines():
    head = Prototype(dim=2, classes=2)
    head.centres[0, 0] = head.centres[1, 1] = 1.0
    head.mean[:] = torch.tensor([1.0, 0.0])
    assert head(torch.tensor([[3.0, 2.0]]))[0].tolist() == pytest.approx([0.5**0.5] * 2)
    assert head(torch.tensor([[1.0, 0.0]]))[0].tolist() == [0.0, 0.0]  # at the mean itself


def test_neighbours_vote_as_in_the_protocol():
    generator = torch.Generator().manual_seed(0)
    gallery, x = (torch.randn(n, 6, generator=generator) for n in (20, 9))
    labels = torch.arange(20) % 3
    head = Neighbours(dim=6, classes=3, clips=20, k=5)
    head.gallery[:] = F.normalize(gallery, dim=1)
    head.votes[:] = F.one_hot(labels, 3).float()
    cosines = F.normalize(x, dim=1) @ F.normalize(gallery, dim=1).T
    for row, logits in zip(cosines, head(x), strict=True):
        votes, nearest = np.full(3, 0.01), row.sort(descending=True)
        for cosine, index in zip(nearest.values[:5], nearest.indices[:5], strict=True):
            votes[int(labels[index])] += float(((cosine - nearest.values[0]) / 0.1).exp())
        assert logits.exp().tolist() == pytest.approx(list(votes / votes.sum()), abs=1e-5)
    protocol = knn_scores(gallery, labels, x, 3, KNN(k=5))
    assert torch.equal(head(x).argmax(dim=1), protocol.argmax(dim=1))


@pytest.mark.parametrize("kind", HEADS)
def test_heads_take_rows_of_any_shape(kind):
    more = {
        "neighbours": {"clips": 7, "k": 2},
        "dilated": {"width": 4, "layers": 2, "rate": 15.0},
        "voted": {"reduced": 2, "examples": 6, "sharpness": 16.0, "least": 1e-6},
    }
    head = HEADS[kind](dim=4, classes=3, **more.get(kind, {})).eval()
    assert kind_of(head) == kind
    x = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    assert head(x).shape == (2, 5, 3)
    assert torch.allclose(head(x)[1], head(x[1]), atol=1e-6)


def test_a_voted_head_refuses_sizes_that_none_has():
    sizes = {"dim": 4, "classes": 3, "reduced": 2, "examples": 6, "sharpness": 16.0, "least": 1e-6}
    for wrong in ({"examples": 0}, {"sharpness": float("nan")}, {"least": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            HEADS["voted"](**(sizes | wrong))


# --- bad input


def rewrite(folder, change=None, **model):
    """Changes the stored tensors or the table "model" and drops the list of checksums."""
    (folder / "checksums.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    config["model"] |= model
    (folder / "config.json").write_text(json.dumps(config))
    if change:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")


def refused(folder, *parts):
    with pytest.raises(InputError) as error:
        load_model(folder)
    text = str(error.value)
    assert "\n" not in text
    for part in (str(folder), *parts):
        assert part in text


def without(*names):
    return lambda tensors: [tensors.pop(name) for name in names]


def put(name, value):
    return lambda tensors: tensors.update({name: value})


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (without("head.weight", "head.bias"), ["no tensor head.*"]),
        (without("head.bias"), ["do not match", "bias"]),
        (put("head.weight", torch.zeros(3, 31)), ["do not match", "[3, 31]"]),
        (put("head.bias", torch.tensor([0.0, float("nan"), 0.0])), ["head.bias", "no number"]),
        (put("head.bias", torch.zeros(3, dtype=torch.int64)), ["head.bias", "no number"]),
        (put("head.more", torch.zeros(1)), ["do not match", "more"]),
        (without("encoder.position_s"), ["do not match", "position_s"]),
        (put("encoder.position_s", torch.zeros(1, 2, 3)), ["do not match", "[1, 2, 3]"]),
    ],
)
def test_wrong_tensors(folder, change, parts):
    rewrite(folder, change)
    refused(folder, *parts)


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ({"temperature": 0.0}, ["model.temperature"]),
        ({"temperature": "warm"}, ["model.temperature"]),
        ({"unknown_below": 2.0}, ["model.unknown_below"]),
        ({"class_names": []}, ["model.class_names"]),
        ({"class_names": ["a", "b"]}, ["model.head", "2 logits"]),
        ({"kind": "oracle"}, ["model.kind"]),
        ({"version": 99}, ["later skelf"]),
        ({"colour": "red"}, ["model.colour"]),
        ({"head": {"kind": "lnear", "dim": 32, "classes": 3}}, ["did you mean 'linear'"]),
        ({"head": {"kind": "linear", "dim": 32, "classes": 10**15}}, ["do not match"]),
        ({"head": {"kind": "linear", "dim": -1, "classes": 3}}, ["model.head"]),
        ({"head": {"kind": "linear", "dim": 32}}, ["model.head", "classes"]),
        ({"head": {"kind": "linear", "dim": "32", "classes": 3}}, ["model.head"]),
        ({"head": {"kind": "neighbours", "dim": 32, "classes": 3, "clips": 2, "k": 3}}, ["k=3"]),
        ({"head": "linear"}, ["model.head"]),
        ({"needs": 3}, ["model.needs"]),
    ],
)
def test_a_wrong_table(folder, table, parts):
    rewrite(folder, **table)
    refused(folder, *parts)


def test_damaged_files(folder):
    whole = folder.parent / "whole"
    shutil.copytree(folder, whole)
    for name in ("config.json", "model.safetensors"):
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        refused(folder, name, "damaged")
        (folder / "checksums.json").unlink()
        (folder / name).write_bytes(content[: len(content) // 2])
        refused(folder, name)


def test_a_table_that_is_none(folder):
    (folder / "checksums.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model": "yes"}))
    refused(folder, "damaged")


def test_a_run_is_no_model(run, tmp_path):
    refused(run, "a run, not a model", f"skelf fit classifier --run {run}")
    refused(run / "config.json", "a file")
    refused(tmp_path / "none", "no such folder")
    refused(tmp_path, "no checkpoint here")


def test_a_model_is_no_run_to_go_on_with(folder):
    before = sorted(path.name for path in folder.iterdir())
    for call in (
        lambda: skelf.resume(folder, tiny_runs.clips()),
        lambda: skelf.pretrain("usdrl", tiny_runs.clips(), out=folder / "new", init=folder),
    ):
        with pytest.raises(InputError, match="a model, as skelf fit writes it, not a run"):
            call()
    assert sorted(path.name for path in folder.iterdir()) == before


def test_encoders_that_a_model_cannot_have(run):
    encoder, described = judged_encoder(run, None, False, 0)
    about = {"kind": "classifier", "class_names": NAMES}
    several = Ensemble([encoder, encoder])
    with pytest.raises(InputError, match="a model has one encoder, and these are 2"):
        assembled(several, Linear(dim=64, classes=3), described, **about)
    released = {"method": {}, "encoder": {}, "data": {}, "source": {}}
    with pytest.raises(InputError, match="a released file does not say"):
        assembled(encoder, Linear(dim=32, classes=3), released, **about)


def test_a_full_disk_leaves_the_model_that_was_there(folder, model, monkeypatch):
    before = (folder / "model.safetensors").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_tensors", full)
    with pytest.raises(OSError, match="No space left"):
        model.save(folder)
    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
