"""Dynamic time warping: against a slow recursion, as a protocol, and as a row of a suite."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise

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
from skelf.bench.suite import Protocol
from skelf.errors import InputError
from skelf.protocols import dtw as module
from skelf.protocols.dtw import DTW, dtw, nearest_of_each, warped
from skelf.protocols.progress import listening
from skelf.runs.plain import plain_encoder


def slow(a, b, radius):
    """The recursion as the papers have it, cell by cell (sources B2)."""

    @cache
    def least(i, j):
        if abs(i - j) > radius or i < 0 or j < 0:
            return np.inf
        cost = float(((a[i] - b[j]) ** 2).sum())
        if i == j == 0:
            return cost
        return cost + min(least(i - 1, j), least(i, j - 1), least(i - 1, j - 1))

    return np.sqrt(least(len(a) - 1, len(b) - 1))


@pytest.mark.parametrize("radius", [0, 1, 3, 9, 100])
def test_distances_are_those_of_a_slow_recursion(radius, monkeypatch):
    draw = torch.Generator().manual_seed(0)
    queries = torch.randn(5, 10, 4, generator=draw, dtype=torch.float64).cumsum(dim=1) + 40
    gallery = torch.randn(7, 10, 4, generator=draw, dtype=torch.float64).cumsum(dim=1) + 40
    wanted = [[slow(q.numpy(), g.numpy(), radius) for g in gallery] for q in queries]
    np.testing.assert_allclose(warped(queries, gallery, radius).numpy(), wanted, rtol=1e-9)
    monkeypatch.setattr(module, "BLOCK", 14)  # two queries at a time
    told = []
    with listening(lambda done, total: told.append((done, total))):
        again = warped(queries, gallery, radius)
    np.testing.assert_allclose(again.numpy(), wanted, rtol=1e-9)
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_properties():
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(6, 12, 3, generator=draw, dtype=torch.float64)
    apart = torch.cdist(x.flatten(1), x.flatten(1))
    torch.testing.assert_close(warped(x, x, 0), apart, atol=1e-6, rtol=1e-6)
    wider = [warped(x, x, radius) for radius in (0, 2, 5, 12)]
    for narrow, wide in pairwise(wider):
        assert bool((wide <= narrow + 1e-9).all())  # more paths are never worse
    torch.testing.assert_close(wider[2], wider[2].T)
    assert float(wider[3].diagonal().max()) < 1e-6


def test_scores_are_negated_distances_to_the_nearest_of_each_class():
    distances = torch.tensor([[3.0, 1.0, 2.0], [5.0, 4.0, 0.5]])
    scores = nearest_of_each(distances, torch.tensor([2, 2, 0]), 4)
    assert scores[:, [0, 2]].tolist() == [[-2.0, -1.0], [-0.5, -4.0]]
    assert bool((scores[:, [1, 3]] < -5).all())  # classes without clips are the last


def test_the_protocol_is_one_nearest_neighbour():
    train, test = tiny_runs.clips().split("half")
    encoder = plain_encoder(train)[0]
    before = snapshot(encoder)
    outcome = dtw(encoder, train, test, DTW(band=0.05))
    assert_same(encoder, before)
    from skelf.protocols.dtw import _frames
    from skelf.protocols.fitting import fitting

    sides = [
        _frames(encoder, fitting(encoder, c), torch.device("cpu"), "whole") for c in (train, test)
    ]
    nearest = warped(sides[1], sides[0], round(0.05 * 64)).argmin(dim=1).numpy()
    right = train.label[nearest] == test.label
    assert outcome.values == {"top1.none": pytest.approx(right.mean())}
    assert (outcome.scores.argmax(axis=1) == train.label[nearest]).all()
    assert "up to 3 of 64 frames from the diagonal (band 0.05)" in outcome.definition


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_runs.clips().save("tiny.h5")
    said = call("eval", "dtw", "--run", "joints", "--data", "tiny.h5", "--split", "half",
                "--out", "rows.json", "eval.band=0.2")  # fmt: skip
    assert said.code == 0, said
    (row,) = json.loads((tmp_path / "rows.json").read_text())
    assert (row["protocol"], row["method"], row["metric"]) == ("dtw", "joints", "top1")
    value = skelf.evaluate(["dtw"], "joints", "tiny.h5", split="half", overrides=["eval.band=0.2"])
    assert [one["value"] for one in value] == [row["value"]]
    with pytest.raises(InputError, match="band"):
        skelf.evaluate(["dtw"], "joints", "tiny.h5", split="half", overrides=["eval.band=2"])


# Rows of a suite

SUITE = """
seeds = [0, 1]
[[data]]
name = "tiny"
store = "tiny.h5"
splits = ["half"]
[[method]]
name = "usdrl"
settings = ["encoder.dim=16", "encoder.frames=8"]
[[protocol]]
name = "knn"
settings = ["eval.k=3", "eval.crop=central-95"]
rival = ["joints", "kernels", "dtw"]
[[protocol]]
name = "detection"
rival = ["kernels"]
"""


def test_rows_that_a_suite_names(tmp_path):
    tiny_runs.clips().save(tmp_path / "tiny.h5")
    (tmp_path / "suite.toml").write_text(SUITE)
    suite = read_suite(tmp_path / "suite.toml")
    check_settings(suite)
    cells = plan(suite, find_sets(suite), tmp_path / "out")
    mine = [cell for cell in cells if cell.call.get("run") in ("joints", "kernels")]
    rows = [(c.about["row"], c.about["label"], c.call["run"], *c.call["protocols"]) for c in mine]
    assert rows == 2 * [
        ("Joints", "knn", "joints", "knn"),
        ("Kernels", "knn", "kernels", "knn"),
        ("Joints, DTW", "knn", "joints", "dtw"),
        ("Kernels", "detection", "kernels", "detection"),
    ]
    assert mine[2].call["overrides"] == ["eval.crop=central-95"]  # k is not asked there


def test_rows_that_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"rival: dtw is a nearest neighbour.* not of linear"):
        rivals_of(Protocol(name="linear", rival=("dtw",)))
    tiny_runs.clips().save(tmp_path / "tiny.h5")
    (tmp_path / "suite.toml").write_text(SUITE.replace('["kernels"]', '["dtw"]'))
    with pytest.raises(InputError, match="detection: rival: dtw"):
        check_settings(read_suite(tmp_path / "suite.toml"))
    (tmp_path / "suite.toml").write_text(SUITE.replace('["kernels"]', '["kernel"]'))
    with pytest.raises(InputError, match="rival"):
        read_suite(tmp_path / "suite.toml")
