"""Readings while a run trains: with labels and without, before training, once, and when they fall.

That they change nothing that is trained stands in `test_engine.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny_runs
import torch
from rich.console import Console
from tiny_runs import SETTINGS, Stop, assert_same, pretrain, stop_in

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.metrics.spread import alignment, effective_rank, uniformity
from skelf.protocols.features import extract
from skelf.training import monitor
from skelf.training.log import RunLog, read_log
from skelf.training.progress import TrainingDisplay
from skelf.training.watch import START, Watch, fallen

SIGNS = {"effective_rank", "uniformity", "alignment", "frame_rank"}
BOOKS = {"event", "epoch", "step"}


def monitored(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["event"] == "monitor"]


def encoder(clips, name="sttr", **arguments):
    torch.manual_seed(0)
    return ENCODERS[name](clips.skeleton, dim=8, frames=8, persons=1, **arguments)


def test_signs_are_those_of_the_encoder_s_vectors():
    clips = generate(clips=20)
    made = encoder(clips)
    found = monitor.signs(made, clips, seed=3)
    vectors = extract(made, clips)
    assert found["effective_rank"] == pytest.approx(float(effective_rank(vectors)))
    assert found["uniformity"] == pytest.approx(uniformity(vectors), rel=1e-6)
    views = [extract(made, clips, cut=monitor._crop(3, number)) for number in (0, 1)]
    assert found["alignment"] == alignment(*views) > 0
    ranks = []
    for number in range(len(clips)):
        (frames,) = made.frames(monitor.read(*batch(clips, number), 8)).detach()
        ranks.append(float(effective_rank(frames)))
    assert found["frame_rank"] == pytest.approx(np.mean(ranks), rel=1e-4)


def batch(clips, number):
    return monitor.ClipBatches(clips, persons=1)(np.array([number]))


def test_the_same_draws_at_every_reading_and_others_by_another_seed():
    clips = generate(clips=20)
    made = encoder(clips)
    first = monitor.signs(made, clips, seed=3)
    torch.manual_seed(7)
    assert monitor.signs(made, clips, seed=3) == first
    assert monitor.signs(made, clips, seed=4)["alignment"] != first["alignment"]


def test_a_large_set_is_sampled(monkeypatch):
    monkeypatch.setattr(monitor, "CLIPS", 12)
    monkeypatch.setattr(monitor, "FEW", 5)
    clips, seen = generate(clips=40), []
    made = encoder(clips)
    whole = type(made).forward
    monkeypatch.setattr(type(made), "forward", lambda *a: seen.append(len(a[1])) or whole(*a))
    found = monitor.signs(made, clips, seed=0)
    assert seen == [12, 5, 5]
    assert monitor.signs(made, clips, 0, extract(made, clips)) == pytest.approx(found)
    assert seen[3:] == [40, 5, 5]


def test_short_clips_have_two_views():
    clips = generate(clips=12)
    short = replace(clips, length=np.full_like(clips.length, 6))  # fewer than the encoder reads
    assert monitor.signs(encoder(clips), short, seed=0)["alignment"] > 0


def test_the_rank_of_frames_sees_frames_that_are_all_alike():
    clips = generate(clips=12)
    made = encoder(clips)
    before = monitor.signs(made, clips, seed=0)["frame_rank"]
    frames = type(made).frames

    class Collapsed(type(made)):
        def frames(self, x):
            return frames(self, x).mean(dim=1, keepdim=True).expand(-1, x.shape[2], -1)

    made.__class__ = Collapsed
    assert before > 1.5
    assert monitor.signs(made, clips, seed=0)["frame_rank"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ["dste", "gru", "stgcn"])
def test_every_kind_of_encoder_can_be_read(name):
    clips = generate(clips=6)
    found = monitor.signs(encoder(clips, name), clips, seed=0)
    assert set(found) == SIGNS and all(np.isfinite(list(found.values())))
    assert 1 <= found["frame_rank"] <= 8.01


@pytest.mark.parametrize("what", ["no split", "no labels", "no test labels", "one class"])
def test_without_labels_the_signs_alone_are_read(tmp_path, what):
    clips, said = tiny_runs.clips(), []
    label = clips.label.copy()
    if what == "no test labels":
        label[20:] = -1
    elif what != "no split":
        label[:] = 0 if what == "one class" else -1
    run = api.pretrain(
        "usdrl", replace(clips, label=label, path=None), out=tmp_path / "run", say=said.append,
        split=None if what == "no split" else "half",
        overrides=(*SETTINGS, "train.epochs=1", "train.monitor_every=1"),
    )  # fmt: skip
    readings = monitored(read_log(run))
    assert [row["epoch"] for row in readings] == [START, 0]
    assert all(row.keys() - BOOKS == SIGNS for row in readings)
    assert len(said) == 2 and "k-NN needs a split with labelled clips on both sides" in said[1]


@pytest.mark.parametrize("method", ["skeletonclr", "pcm3"])
def test_before_training_batchnorm_has_the_statistics_that_judging_gives(tmp_path, method):
    changes = ["train.epochs=1", "train.monitor_every=1", "encoder.frames=16", "encoder.dim=16"]
    run = api.pretrain(
        method, tiny_runs.clips(), out=tmp_path, split="half", seed=3,
        overrides=[s for s in SETTINGS if "encoder" not in s] + changes,
    )  # fmt: skip
    first, *_ = read_log(run)
    rows = api.evaluate(["knn"], run, tiny_runs.clips(), split="half", untrained=True)
    assert first["epoch"] == START and first["knn_top1"] == rows[0]["value"]
    assert "BatchNorm's statistics of 20 training clips" in rows[0]["definition"]


def test_the_reading_before_training_is_that_of_the_untrained_encoder(tmp_path):
    run = pretrain(tmp_path / "run", "train.epochs=1", "train.monitor_every=1")
    first, *_ = read_log(run)
    assert (first["event"], first["epoch"], first["step"]) == ("monitor", START, 0)
    rows = api.evaluate(["knn"], run, tiny_runs.clips(), split="half", untrained=True)
    assert first["knn_top1"] == rows[0]["value"]
    again = pretrain(tmp_path / "again", "train.epochs=1", "train.monitor_every=1", init=run)
    last = monitored(read_log(run))[-1]
    assert read_log(again)[0] == first | {key: last[key] for key in last.keys() - BOOKS}


def test_a_run_without_a_monitor_reads_nothing(tmp_path):
    said: list[str] = []
    run = pretrain(tmp_path / "run", "train.epochs=1", split=None, say=said.append)
    assert [row["event"] for row in read_log(run)] == ["epoch"] and len(said) == 1


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_killed_run_has_one_reading_before_training(tmp_path, epoch):
    changes = ("train.epochs=3", "train.monitor_every=1", "train.lr=0.1")
    pretrain(tmp_path / "unbroken", *changes)
    with pytest.raises(Stop):
        pretrain(tmp_path / "broken", *changes, listener=stop_in(epoch))
    assert (checkpoint.newest(tmp_path / "broken") is None) == (epoch == 0)
    pretrain(tmp_path / "broken", *changes, resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")
    events = [(row["event"], row["epoch"]) for row in read_log(tmp_path / "broken")]
    assert events.count(("monitor", START)) == 1 and events[0] == ("monitor", START)


def test_a_stop_within_the_first_epoch_keeps_the_reading_before_training(tmp_path):
    changes = ("train.epochs=2", "train.monitor_every=1")
    pretrain(tmp_path / "unbroken", *changes)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tmp_path / "broken", *changes, stop=lambda: True)
    assert checkpoint.newest(tmp_path / "broken").name == "step00000001"
    pretrain(tmp_path / "broken", *changes, resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")


def test_a_monitor_that_begins_with_a_resume_knows_no_start(tmp_path):
    pretrain(tmp_path / "run", "train.epochs=1")
    pretrain(tmp_path / "run", "train.epochs=2", "train.monitor_every=1", resume=True)
    assert [row["epoch"] for row in monitored(read_log(tmp_path / "run"))] == [1]


def story(*values: float | None) -> list[str | None]:
    """What is said of readings, the first before training."""
    told: list[dict[str, Any]] = []
    left = iter(values)
    read = lambda _: {"effective_rank": 1.0} | ({"knn_top1": v} if (v := next(left)) else {})  # noqa: E731
    watch = Watch(read, 1, told.append, [])
    for epoch in range(START, len(values) - 1):
        watch(None, epoch, epoch + 1)
    notes = {row["epoch"]: row["text"] for row in told if row["event"] == "note"}
    return [notes.get(epoch) for epoch in range(START, len(values) - 1)]


def test_a_fall_below_the_start_is_said_once_until_it_recovers():
    said = story(0.5, 0.6, 0.4, 0.3, 0.5, 0.45, 0.7)
    assert [text is not None for text in said] == [False, False, True, False, False, True, False]
    assert said[2] is not None
    assert "40.00 % after epoch 2" in said[2] and "50.00 %" in said[2] and "train.lr" in said[2]
    assert story(None, 0.2, 0.1) == [None] * 3  # the start was not read


def test_a_resumed_run_says_it_once():
    log = [
        {"event": "monitor", "epoch": START, "knn_top1": 0.5},
        {"event": "monitor", "epoch": 0, "knn_top1": 0.4},
        {"event": "note", "epoch": 0, "text": "said"},
        {"epoch": 0},
    ]
    told: list[dict[str, Any]] = []
    Watch(lambda _: {"knn_top1": 0.3}, 1, told.append, log)(None, 1, 2)
    assert [row["event"] for row in told] == ["monitor"]
    assert fallen(log[:1], {"epoch": 1, "knn_top1": 0.3}) is not None


def test_the_note_is_in_the_log_and_a_line_of_the_display(tmp_path, capsys):
    note = {"event": "note", "epoch": 0, "step": 1, "text": "k-NN [fell]"}
    with RunLog(tmp_path, 0) as log, TrainingDisplay(Console(width=40)) as display:
        log(note)
        display(note)
    assert read_log(tmp_path) == [note]
    assert capsys.readouterr().out == "note: k-NN [fell]\n"
