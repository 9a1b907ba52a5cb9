"""A run's folder: what a start replaces, what a resume refuses, and what it says then."""

import json
import re
import shutil

import pytest
from tiny_runs import Stop, assert_same, pretrain, stop_in

from skelf.checkpoints import folder as checkpoint
from skelf.checkpoints.checksums import CHECKSUMS
from skelf.errors import InputError
from skelf.training.log import read_log


def test_a_start_that_failed_does_not_block_the_next(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(Stop):
        pretrain(run, "train.lr=1", listener=stop_in(1), split=None)
    shutil.rmtree(run / "checkpoints")
    assert read_log(run)
    pretrain(run, "train.epochs=1")
    pretrain(tmp_path / "other", "train.epochs=1")
    assert_same(run, tmp_path / "other")
    stored = [checkpoint.read_config(folder) for folder in (run, tmp_path / "other")]
    assert stored[0] == stored[1] and stored[0]["train"]["lr"] == 2e-3
    with pytest.raises(InputError, match="already holds a run"):
        pretrain(run)


def test_a_config_that_no_failed_start_left_is_not_replaced(tmp_path):
    newest = checkpoint.newest(pretrain(tmp_path / "run", "train.epochs=1"))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text('{"mine": 1}')
    for folder in (newest, tmp_path / "own"):
        before = (folder / "config.json").read_bytes()
        with pytest.raises(InputError, match="already holds a run"):
            pretrain(folder)
        assert (folder / "config.json").read_bytes() == before


def test_fewer_epochs_than_trained_are_refused_before_anything_is_written(tmp_path):
    run = pretrain(tmp_path / "run", "train.epochs=2")
    before = (run / "config.json").read_bytes()
    with pytest.raises(InputError, match=r"run: already trained 2 epochs; .* train\.epochs=1$"):
        pretrain(run, "train.epochs=1", resume=True)
    assert (run / "config.json").read_bytes() == before


def test_a_damaged_newest_checkpoint_names_the_older_one(tmp_path):
    run = pretrain(tmp_path / "run", "train.epochs=2")
    older, newest = checkpoint.saved(run)
    counters = json.loads((newest / "state.json").read_text())
    for name, content, message in (
        ("model.safetensors", b"x", "model"),
        ("state.safetensors", b"x", "state"),
        ("state.json", b"{", r"state\.json: "),
        ("state.json", b"[]", r"state\.json: damaged"),
        (CHECKSUMS, b"", "checksums"),  # from here on as an earlier version wrote it
        *(
            ("state.json", json.dumps(counters | change).encode(), rf"state\.json: .*{key}")
            for key, change in (
                ("epoch", {"epoch": None}),
                ("step", {"step": -1}),
                ("optimizer", {"optimizer": 3}),
            )
        ),
        ("state.json", json.dumps(counters | {"optimizer": {}}).encode(), "does not fit the run"),
    ):
        whole = (newest / name).read_bytes()
        (newest / name).write_bytes(content)
        said = (
            f"{message}.*; to go on from {re.escape(str(older))}, delete {re.escape(str(newest))}$"
        )
        with pytest.raises(InputError, match=said):
            pretrain(run, "train.epochs=3", resume=True)
        if name == CHECKSUMS:
            (newest / name).unlink()
        else:
            (newest / name).write_bytes(whole)
    (newest / "state.json").unlink()
    with pytest.raises(InputError, match=r"weights only.*; to go on from"):
        pretrain(run, "train.epochs=3", resume=True)
    shutil.rmtree(older)
    with pytest.raises(InputError, match=r"weights only, no training state to resume from$"):
        pretrain(run, "train.epochs=3", resume=True)
