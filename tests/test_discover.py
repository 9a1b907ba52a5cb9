"""Boundaries, clusters and what follows what against slow references; no label is read."""

from __future__ import annotations

import csv
import errno
import os
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import skelf
from skelf.cli.main import app
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.discover import changes as changing
from skelf.discover import clusters as clustering
from skelf.discover.changes import changes, unit
from skelf.discover.clusters import OTHER, clusters
from skelf.discover.discovering import assembled, discover
from skelf.discover.found import Discovery, transitions
from skelf.discover.options import Discover
from skelf.discover.signals import Signals, binned, reduced
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.folders import DISCOVERED, check_folder, writing_folder
from skelf.layouts import KINECT20
from skelf.machine.guest import no_trace
from skelf.pages import discovered as page

RECORDINGS = generate(clips=0, recordings=5, seed=2)


def encoder(frames: int = 8) -> torch.nn.Module:
    with no_trace():
        torch.manual_seed(0)
        return ENCODERS["gru"](KINECT20, dim=8, layers=1, frames=frames, persons=1).eval()


# Boundaries.


def slow_changes(signal: np.ndarray, penalty: float, shortest: int) -> tuple[float, list[int]]:
    """The best of all partitions, by dynamic programming."""

    def cost(a: int, b: int) -> float:
        part = signal[a:b]
        return float(np.square(part - part.mean(axis=0)).sum())

    best: list[tuple[float, list[int]]] = [(-penalty, [])]
    for end in range(1, len(signal) + 1):
        ways = [
            (best[start][0] + cost(start, end) + penalty, [*best[start][1], start])
            for start in range(end)
            if end - start >= shortest and np.isfinite(best[start][0])
        ]
        best.append(min(ways, default=(np.inf, [])))
    total, starts = best[-1]
    return total, starts[1:]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(4, 16), st.integers(1, 3), st.floats(0.5, 6))
def test_boundaries_are_the_best_of_all(
    seed: int, count: int, shortest: int, penalty: float
) -> None:
    rng = np.random.default_rng(seed)
    signal = np.repeat(rng.normal(size=(count, 2)) * 2, 3, axis=0)[:count]
    signal += rng.normal(0, 0.3, signal.shape)
    found = changes(signal, penalty, shortest).tolist()
    bounds = [0, *found, count]
    total = sum(
        float(np.square(signal[a:b] - signal[a:b].mean(axis=0)).sum()) + penalty
        for a, b in pairwise(bounds)
    )
    best, _ = slow_changes(signal, penalty, shortest)
    assert total - penalty == pytest.approx(best)
    assert np.diff(bounds).min() >= min(shortest, count)


def test_long_signals_are_cut_and_nothing_is_lost_at_the_seams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 20, 60)
    signal = np.repeat(rng.normal(size=(60, 3)), lengths, axis=0)
    whole = changes(signal, 0.05, 2)
    monkeypatch.setattr(changing, "STRETCH", 120)
    monkeypatch.setattr(changing, "SHARED", 48)
    np.testing.assert_array_equal(changes(signal, 0.05, 2), whole)
    np.testing.assert_array_equal(whole, np.cumsum(lengths)[:-1])


def test_what_a_boundary_must_save_has_the_signals_own_unit() -> None:
    rng = np.random.default_rng(1)
    signal = np.repeat(rng.normal(size=(9, 2)), 12, axis=0)
    one = [signal + rng.normal(0, 0.01, signal.shape)]
    big = [100 * one[0] + 7]
    for penalty in (1.0, 6.0, 40.0):
        a, b = (changes(x[0], penalty * unit(x), 2).tolist() for x in (one, big))
        assert a == b
    assert len(changes(one[0], 1e9, 2)) == 0
    assert len(changes(np.ones((50, 2)), 0.0, 2)) == 0  # all alike


# Signals.


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7))
def test_bins_are_means_whatever_the_blocks(seed: int, step: int) -> None:
    rng = np.random.default_rng(seed)
    recordings = [rng.normal(size=(int(n), 2)) for n in rng.integers(1, 30, 3)]
    blocks = []
    for index, frames in enumerate(recordings):
        cuts = np.sort(rng.integers(0, len(frames) + 1, 2))
        blocks += [(index, part) for part in np.split(frames, cuts) if len(part)]
    made = binned(iter(blocks), np.full(3, step))
    for frames, bins in zip(recordings, made, strict=True):
        expected = [frames[at : at + step].mean(axis=0) for at in range(0, len(frames), step)]
        np.testing.assert_allclose(bins, expected, atol=1e-12)


def test_reduced_keeps_angles_and_never_fails() -> None:
    rng = np.random.default_rng(0)
    bins = [rng.normal(size=(20, 4)), rng.normal(size=(9, 4))]
    made = reduced(bins, np.array([6, 6]), dims=4)
    x = np.concatenate(bins)
    x = x - x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    z = np.concatenate(made.values)
    np.testing.assert_allclose(z @ z.T, (x - x.mean(axis=0)) @ (x - x.mean(axis=0)).T, atol=1e-9)
    assert made.explained == pytest.approx(1)
    assert [len(part) for part in reduced(bins, np.array([6, 6]), 2).values] == [20, 9]
    for few in ([np.ones((1, 4))], [np.ones((5, 4)), np.ones((2, 4))]):
        assert all(np.isfinite(part).all() for part in reduced(few, np.ones(len(few)), 3).values)


# Clusters and what follows.


def test_clusters_are_numbered_by_weight_and_large_sets_by_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    points = np.array([[0, 0], [9, 0], [0, 9]])[truth] + rng.normal(0, 0.5, (300, 2))
    label, sure = clusters(points, 10)
    sizes = np.bincount(label[label >= 0])
    assert len(sizes) == 3 and (np.diff(sizes) <= 0).all() and sure.max() <= 1
    weight = np.where(truth == 2, 100.0, 1.0)
    heavy, _ = clusters(points, 10, weight=weight)
    assert np.bincount(truth[heavy == 0]).argmax() == 2
    monkeypatch.setattr(clustering, "MOST", 150)
    some, _ = clusters(points, 10)
    both = (some >= 0) & (label >= 0)
    pairs = set(zip(some[both].tolist(), label[both].tolist(), strict=True))
    assert both.mean() > 0.8 and len(pairs) == 3
    assert clusters(np.zeros((3, 2)), 5)[0].tolist() == [OTHER] * 3
    assert clusters(np.zeros((9, 2)), 5)[0].tolist() == [0] * 9


def found_of(labels: list[list[int]]) -> Discovery:
    """Segments of a second each, in recordings of these clusters."""
    lengths = [30 * len(row) for row in labels]
    joints = np.random.default_rng(0).normal(size=(sum(lengths), 1, 20, 3))
    clips = ClipSet.build(joints, lengths, KINECT20, name=[f"r{i}" for i in range(len(labels))])
    rows = [
        (at, 30 * number, 30 * number + 30, label)
        for at, row in enumerate(labels)
        for number, label in enumerate(row)
    ]
    points = np.random.default_rng(1).normal(size=(len(rows), 3))
    return Discovery(clips, np.array(rows), np.ones(len(rows)), points, 1.0, Discover())


@given(st.lists(st.lists(st.integers(-1, 3), min_size=1, max_size=6), min_size=1, max_size=4))
def test_transitions_against_a_loop(labels: list[list[int]]) -> None:
    found = found_of(labels)
    expected = np.zeros((found.count + 1, found.count + 1), int)
    for row in labels:
        for before, after in pairwise(row):
            expected[before, after] += 1
    np.testing.assert_array_equal(transitions(found), expected)


def test_what_repeats_is_found_again() -> None:
    """Three motions in an order that is drawn: they are cut where they change, and told apart."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 40)
    kinds = kinds[np.append(True, np.diff(kinds) != 0)]
    lengths = rng.integers(10, 25, len(kinds))
    signal = np.repeat(np.eye(3)[kinds], lengths, axis=0)
    signal += rng.normal(0, 0.05, signal.shape)
    clips = ClipSet.build(np.ones((6 * len(signal), 1, 20, 3)), [6 * len(signal)], KINECT20)
    found = assembled(clips, Signals([signal], np.array([6]), 1.0), Discover())
    np.testing.assert_array_equal(found.segments[1:, 1], 6 * np.cumsum(lengths)[:-1])
    assert len(set(zip(kinds.tolist(), found.segments[:, 3].tolist(), strict=True))) == 3


def test_python_gives_the_same_twice_and_leaves_the_encoder() -> None:
    frozen = encoder()
    before = {key: value.clone() for key, value in frozen.state_dict().items()}
    how = Discover(penalty=0.2)
    one, two = discover(frozen, RECORDINGS, how), discover(frozen, RECORDINGS, how)
    np.testing.assert_array_equal(one.segments, two.segments)
    np.testing.assert_array_equal(one.points, two.points)
    assert all(torch.equal(before[key], value) for key, value in frozen.state_dict().items())
    for at in range(len(RECORDINGS)):  # segments cover each recording once
        rows = one.segments[one.segments[:, 0] == at]
        assert rows[0, 1] == 0 and rows[-1, 2] == RECORDINGS.length[at]
        np.testing.assert_array_equal(rows[1:, 1], rows[:-1, 2])


def test_one_frame_and_none() -> None:
    tiny = ClipSet.build(np.ones((1, 1, 20, 3)), [1], KINECT20)
    assert discover(encoder(), tiny).segments.tolist() == [[0, 0, 1, OTHER]]
    with pytest.raises(InputError, match="there are no recordings"):
        discover(encoder(), RECORDINGS.take([]))


# Files.


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = ["encoder.name=sttr", "encoder.dim=8", "encoder.layers=1", "encoder.frames=8"]
    tiny += ["train.epochs=1", "train.batch_size=16", "train.monitor_every=0"]
    out = tmp_path_factory.mktemp("discover") / "run"
    return skelf.pretrain("usdrl", generate(clips=16), out=out, overrides=tiny)


def call(*words: object) -> str:
    done = CliRunner().invoke(app, ["discover", *map(str, words)])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def test_labels_are_not_read_and_the_files_say_the_same(run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(len(RECORDINGS.segments))
    shuffled = RECORDINGS.segments.copy()
    shuffled[:, 3] = shuffled[order, 3]
    texts = []
    for name, segments in (("a", RECORDINGS.segments), ("b", shuffled), ("c", shuffled[:0])):
        store = tmp_path / name / "set.h5"
        store.parent.mkdir()
        replace(RECORDINGS, segments=segments).save(store)
        out = store.parent / "found"
        said = call(store, "--run", run, "--out", out, "penalty=0.1", "min_cluster_size=3")
        assert "segments in 5 recordings" in said.replace("\n", " ")
        files = {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}
        files = {key: re.sub(r'DATE="[^"]*"', "", text) for key, text in files.items()}
        texts.append({key: text.replace(str(store.parent), "") for key, text in files.items()})
    assert texts[0] == texts[1] == texts[2]
    assert len([key for key in texts[0] if key.endswith(".eaf")]) == 5
    out = tmp_path / "a" / "found"
    rows = list(csv.DictReader((out / "segments.csv").open()))
    pairs = list(csv.DictReader((out / "transitions.csv").open()))
    seconds = sum(float(row["end_s"]) - float(row["start_s"]) for row in rows)
    assert seconds == pytest.approx(float((RECORDINGS.length / RECORDINGS.fps).sum()), abs=0.1)
    assert sum(int(row["count"]) for row in pairs) == len(rows) - len(RECORDINGS)
    table = list(csv.DictReader((out / "clusters.csv").open()))
    assert sum(int(row["segments"]) for row in table) == len(rows)
    assert {row["cluster"] for row in table} == {row["label"] for row in rows}


def test_a_folder_that_is_there_stays_unless_it_is_ours_and_told(run: Path, tmp_path: Path) -> None:
    store, out = tmp_path / "set.h5", tmp_path / "found"
    RECORDINGS.save(store)
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not written by `skelf discover`"):
        check_folder(out, DISCOVERED, replace=True)
    with pytest.raises(InputError, match="a file; name a folder"):
        check_folder(store, DISCOVERED, replace=True)
    (out / "thesis.txt").unlink()  # an empty one may be taken
    call(store, "--run", run, "--out", out)
    with pytest.raises(InputError, match="replace it with --force"):
        check_folder(out, DISCOVERED, replace=False)
    before = (out / "segments.csv").read_text()
    call(store, "--run", run, "--out", out, "--force", "penalty=0.1", "shortest=0.2")
    assert (out / "segments.csv").read_text() != before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found", "set.h5"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "found"
    out.mkdir()
    (out / DISCOVERED.mark).write_text('{"format": "skelf-discover"}')
    told = re.escape(f"No space left on device: '{out}'")
    with pytest.raises(OSError, match=told), writing_folder(out) as folder:
        (folder / "segments.csv").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    assert [p.name for p in tmp_path.iterdir()] == ["found"]
    assert [p.name for p in out.iterdir()] == [DISCOVERED.mark]


def test_settings_that_do_not_hold(run: Path, tmp_path: Path) -> None:
    store = tmp_path / "set.h5"
    RECORDINGS.save(store)
    for words, told in (
        (["penalti=1"], "did you mean 'discover.penalty'"),
        (["penalty=0"], "greater than 0"),
        (["min_cluster_size=1"], "greater than or equal to 2"),
        (["more.h5"], "one folder or file is read at a time"),
    ):
        done = CliRunner().invoke(
            app, ["discover", str(store), "--run", str(run), "--out", str(tmp_path / "x"), *words]
        )
        assert told in str(done.exception) and not (tmp_path / "x").exists()


# The page.


def test_the_page_is_bounded_and_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    many = found_of([rng.integers(-1, 20, 40).tolist() for _ in range(12)])
    many = replace(many, clips=replace(many.clips, name=np.array(["<b>&"] * 12)))
    monkeypatch.setattr(page, "BARS", 100)
    text = page.discovered(many, "<i>", "made")
    assert "<b>&" not in text and "<i>" not in text.replace("<i class", "")
    assert text.count("<rect") <= 100 + 40 and "10 recordings are left out here" in text
    assert text.count('class="player"') == page.CLUSTERS
    assert text == page.discovered(many, "<i>", "made")
    assert "No cluster was found" in page.discovered(found_of([[-1, -1]]), "few")
