"""Runs that end early: asked to, by a signal, by numbers that are not finite; and going on."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
from tiny_runs import SETTINGS, assert_same, clips, pretrain
from torch import nn

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.cli import main as cli
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError, Stopped
from skelf.machine.signals import Pause, Terminated
from skelf.training import trainer
from skelf.training.finite import not_finite
from skelf.training.log import read_log


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run in the background of a shell that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def after(steps):
    """A `stop` that says yes once so many steps are done."""
    asked = []

    def stop():
        asked.append(1)
        return len(asked) >= steps

    return stop


def stopped(run, steps, *overrides, **options):
    with pytest.raises(Stopped, match="stopped in epoch"):
        pretrain(run, *overrides, stop=after(steps), **options)
    return checkpoint.newest(run).name


# ---- stopping and going on ----


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("train.ema=0.9", "train.save_every=4", "train.resident=false"),
        ("train.accumulate=2", "train.optimizer=sgd"),
    ],
    ids=["plain", "ema", "accumulate"],
)
def test_a_run_that_was_stopped_goes_on_at_the_very_step(tmp_path, changes):
    run = tmp_path / "run"
    changes = (*changes, "train.epochs=3")
    pretrain(tmp_path / "unbroken", *changes)
    # 3 batches an epoch: within the second one, and at once again when it has gone on.
    names = [stopped(run, 5, *changes), stopped(run, 1, *changes, resume=True)]
    assert "step00000003" < names[0] < names[1] < "step00000009"
    pretrain(run, *changes, resume=True)
    assert_same(tmp_path / "unbroken", run)


def test_what_an_epoch_has_left_is_saved_at_its_end_though_none_is_due(tmp_path):
    run, seen = tmp_path / "run", []

    def listen(event):
        if event["event"] == "epoch":
            seen.append(event)

    with pytest.raises(Stopped):
        pretrain(
            run, "train.save_every=4", listener=listen, stop=lambda: len(seen) == 1, split=None
        )
    state = checkpoint.read_state(checkpoint.newest(run))[1]
    assert state["epoch"] == 1 and "batch" not in state


@pytest.mark.parametrize("change", [{"batch": -1}, {"batch": "x"}, {"sums": 3}, {"sums": {"a": 1}}])
def test_a_damaged_part_of_an_epoch_is_refused(tmp_path, change):
    run = tmp_path / "run"
    stopped(run, 2)
    newest = checkpoint.newest(run)
    state = json.loads((newest / "state.json").read_text())
    (newest / "checksums.json").unlink()
    (newest / "state.json").write_text(json.dumps(state | change))
    with pytest.raises(InputError, match=r"state\.json: damaged"):
        pretrain(run, resume=True)


# ---- signals ----


def test_the_first_signal_waits_and_the_second_does_not():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Pause("") as pause:
        assert not pause()
        os.kill(os.getpid(), signal.SIGTERM)
        assert pause() and pause.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            pause()
    with Pause("") as pause, pytest.raises(Terminated) as caught:  # nothing asks: at once
        os.kill(os.getpid(), signal.SIGTERM)
        pause()
    assert caught.value.code == 143
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Pause("") as pause:
            pause()
            os.kill(os.getpid(), signal.SIGINT)
            assert not pause()
    finally:
        signal.signal(signal.SIGINT, before)


def command(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["skelf", *map(str, words)])
    before = signal.getsignal(signal.SIGTERM)
    try:
        cli.main()
    except SystemExit as error:
        return error.code or 0, *capsys.readouterr()
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0, *capsys.readouterr()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_a_signal_ends_pretrain_with_a_checkpoint_and_the_way_on(
    tmp_path, monkeypatch, capsys, number, code
):
    store, run = tmp_path / "s.h5", tmp_path / "run"
    clips().save(store)
    real, steps = api.pretrain, []

    def signalled(*words, listener, **options):
        def listen(event):
            listener(event)
            steps.extend([event] if event["event"] == "step" else [])
            if len(steps) == 4 and event["event"] == "step":
                os.kill(os.getpid(), number)

        return real(*words, listener=listen, **options)

    monkeypatch.setattr(api, "pretrain", signalled)
    begin = ("pretrain", "usdrl", "--data", store, "--split", "half", "--out", run, *SETTINGS)
    said = command(monkeypatch, capsys, *begin, "train.save_every=4")
    assert said[0] == code
    assert f"stopped in epoch 2, after step 5; `skelf pretrain --resume {run}`" in said[1]
    assert checkpoint.newest(run).name == "step00000005"
    monkeypatch.undo()
    code, out, err = command(monkeypatch, capsys, "pretrain", "--resume", run, "train.epochs=2")
    assert (code, err) == (0, "") and f"Run: {run}" in out
    api.pretrain(
        "usdrl", store, out=tmp_path / "whole", split="half",
        overrides=(*SETTINGS, "train.save_every=4", "train.epochs=2"),
    )  # fmt: skip
    assert_same(tmp_path / "whole", run)


# ---- `--resume RUN` alone, and other settings on record ----


def test_a_run_knows_its_settings(tmp_path, monkeypatch, capsys):
    store, run = tmp_path / "s.h5", tmp_path / "run"
    clips().save(store)
    options = {"split": "half", "stream": "bone", "seed": 5}
    api.pretrain("usdrl", store, out=run, overrides=(*SETTINGS, "train.epochs=1"), **options)
    longer = (*SETTINGS, "train.epochs=2")
    api.pretrain("usdrl", store, out=tmp_path / "whole", overrides=longer, **options)
    for words in (("--resume", run), ("--out", run, "--resume"), (run, "--resume")):
        assert command(monkeypatch, capsys, "pretrain", *words, "train.epochs=2")[0] == 0
        assert_same(tmp_path / "whole", run)
    assert "store" not in checkpoint.read_config(checkpoint.newest(run))
    store.rename(tmp_path / "moved.h5")
    for words, message in (
        (("--resume", run), "which is not there; add --data STORE"),
        (("--resume", run, "--seed", "3"), "the run knows its --seed"),
        (("--resume", tmp_path / "no"), "no run to resume here"),
        (("--resume", checkpoint.newest(run)), "one checkpoint; name the run's folder"),
        (("--resume", run, "encoder.dim=8"), "--init"),
        (("--resume", "usdrl"), "--out"),
        (("--resume",), "which run?"),
        (("usdrl", "--out", run), "--data"),
        ((), "METHOD"),
    ):
        if words[-1:] == ("encoder.dim=8",):
            words = (*words, "--data", tmp_path / "moved.h5")
        code, _, err = command(monkeypatch, capsys, "pretrain", *words)
        assert code == 2 and message in err, (words, err)
    moved = ("--resume", run, "--data", tmp_path / "moved.h5", "train.epochs=3")
    code, _, err = command(monkeypatch, capsys, "pretrain", *moved)
    assert (code == 2 and "moved" in err) or code == 0


def test_a_resume_with_another_rate_is_on_record(tmp_path):
    run = pretrain(tmp_path / "run", "train.epochs=1", "train.schedule=constant")
    changes = ("train.lr=1e-3", "train.clip_norm=2", "train.weight_decay=0.1", "train.epochs=2")
    api.resume(run, clips(), overrides=changes)
    api.resume(run, clips(), overrides=("train.epochs=3",))
    config = checkpoint.read_config(checkpoint.newest(run))
    (entry,) = config["source"]["resumed"]
    assert entry == {
        "step": 3,
        "changes": {
            "train.clip_norm": [None, 2.0], "train.lr": [2e-3, 1e-3],
            "train.weight_decay": [1e-5, 0.1],
        },
    }  # fmt: skip
    assert config["train"]["lr"] == 1e-3
    rows = read_log(run)
    assert [row["event"] for row in rows] == ["epoch", "resume", "epoch", "epoch"]
    assert [row["lr"] for row in rows if "lr" in row] == [2e-3, 1e-3, 1e-3]
    (group,) = checkpoint.read_state(checkpoint.newest(run))[1]["optimizer"]["param_groups"]
    assert group["weight_decay"] == 0.1
    card = (checkpoint.newest(run) / "README.md").read_text()
    assert "at step 3: train.clip_norm None → 2.0, train.lr 0.002 → 0.001" in card
    with pytest.raises(InputError, match=r"train\.optimizer='adam', not 'sgd', .*--init"):
        api.resume(run, clips(), overrides=("train.optimizer=sgd", "train.epochs=4"))


def test_a_run_without_a_checkpoint_starts_from_what_it_began_with(tmp_path):
    first = pretrain(tmp_path / "first", "train.epochs=1")
    with pytest.raises(tiny_runs.Stop):
        pretrain(tmp_path / "run", "train.epochs=1", init=first, listener=tiny_runs.stop_in(0))
    api.resume(tmp_path / "run", clips())
    pretrain(tmp_path / "whole", "train.epochs=1", init=first)
    assert_same(tmp_path / "whole", tmp_path / "run")


# ---- what is not finite ----

STGCN = (
    "encoder.dim=8", "encoder.width=4", "encoder.frames=8", "method.queue=16", "method.feature=8",
    "train.epochs=6", "train.batch_size=6", "train.precision=fp32", "train.devices=cpu",
)  # fmt: skip
GRU = tuple(s for s in STGCN if not s.startswith("encoder.width"))


@pytest.mark.parametrize(
    ("method", "settings", "factor"),
    [
        ("skeletonclr", (*STGCN, "train.lr=1e6"), 1.0),
        ("aimclr", STGCN, 1e20),
        ("aimclr", (*STGCN, "train.lr=1e6"), 1.0),
        ("pcm3", (*GRU, "train.lr=1e6"), 1.0),
        ("usdrl", (*SETTINGS, "train.lr=1e6", "train.optimizer=sgd"), 1.0),
        ("usdrl", (*SETTINGS, "train.ema=0.9"), 1e20),
    ],
)
def test_no_run_ends_well_with_numbers_that_are_not_finite(tmp_path, method, settings, factor):
    data = generate(clips=18, seed=1)
    data = replace(data, joints=data.joints * np.float32(factor))
    run = tmp_path / "run"
    try:
        api.pretrain(method, data, out=run, overrides=settings)
    except (RuntimeError, InputError) as error:
        assert str(error).startswith(str(run)) and "train.lr" in str(error)
        if checkpoint.newest(run) is not None:
            assert f"`skelf pretrain --resume {run} train.lr=" in str(error)
    for folder in checkpoint.saved(run):
        tensors = checkpoint.read_tensors(folder) | checkpoint.read_state(folder)[0]
        assert not_finite(tensors) == []
    if factor > 1:
        assert checkpoint.saved(run) == []


@pytest.mark.parametrize("part", ["weight", "buffer", "optimizer", "average"])
def test_what_is_not_finite_is_not_saved_and_the_last_good_one_stays(tmp_path, monkeypatch, part):
    run = tmp_path / "run"
    real = trainer.Trainer.epoch

    def broken(self, epoch, *given):
        whole = real(self, epoch, *given)
        if epoch == 2:
            tensors = {
                "weight": dict(self.method.named_parameters()),
                "buffer": {k: v for k, v in self.method.state_dict().items() if "running" in k},
                "optimizer": next(iter(self.optimizer.state.values())),
                "average": self.average,
            }[part]
            floats = [t for t in tensors.values() if t.is_floating_point() and t.dim()]
            floats[0].data.view(-1)[0] = float("inf")
        return whole

    monkeypatch.setattr(trainer.Trainer, "epoch", broken)
    changes = ("train.keep=1", "train.ema=0.9", "train.save_every=1")
    with pytest.raises(RuntimeError, match=r"run: 1 of \d+ tensors are not finite in epoch 3 \("):
        pretrain(run, *changes)
    assert [folder.name for folder in checkpoint.saved(run)] == ["step00000006"]
    monkeypatch.undo()
    api.resume(run, clips(), overrides=("train.lr=2e-4",))
    assert checkpoint.newest(run).name == "step00000012"


def test_gradients_that_overflow_stop_the_run_before_the_step(tmp_path, monkeypatch):
    monkeypatch.setattr(nn.utils, "get_total_norm", lambda _: torch.tensor(float("inf")))
    with pytest.raises(
        RuntimeError, match=r"norm of the gradients is inf while the loss is .*0; no"
    ):
        pretrain(tmp_path / "run")
    assert checkpoint.saved(tmp_path / "run") == []


def test_tensors_that_are_not_finite():
    tensors = {
        "good": torch.ones(3), "int": torch.tensor(3), "empty": torch.zeros(0),
        "nan": torch.tensor([1.0, float("nan")]), "inf": torch.tensor(-float("inf")),
        "half": torch.full((2,), float("inf"), dtype=torch.bfloat16),
        "large": torch.full((2,), 1e300, dtype=torch.float64),
    }  # fmt: skip
    assert not_finite(tensors) == ["nan", "inf", "half"]
