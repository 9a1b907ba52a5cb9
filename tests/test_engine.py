"""The loop: exact resume, one run a folder, schedules, batches, and what stops it."""

from __future__ import annotations

import io
import math
import random
import re
import resource
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_runs
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tiny_runs import ENVIRONMENT, PYTHON, SETTINGS, Stop, assert_same, pretrain, stop_in
from torch import nn

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.cli import main as cli
from skelf.data.batch import ClipBatches
from skelf.errors import InputError
from skelf.settings.options import flat
from skelf.settings.run import Train
from skelf.training import loop as engine
from skelf.training import trainer
from skelf.training.log import read_log
from skelf.training.loop import fit
from skelf.training.progress import TrainingDisplay
from skelf.training.schedule import Plan, rate_factor


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Pull(nn.Module):
    """A method in small: one weight a coordinate, pulled to the batch's mean position."""

    def __init__(self, fails_at: int = 10**9) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 1, bias=False)
        self.encoder.persons = 1
        nn.init.zeros_(self.encoder.weight)
        self.steps, self.fails_at = 0, fails_at

    def views(self, x, lengths, generator):
        return (x.sum(dim=(2, 3, 4)) / lengths[:, None],)

    def forward(self, x):
        bad = math.nan if self.steps >= self.fails_at else 0.0
        loss = (self.encoder.weight - x).square().mean() + bad
        return {"loss": loss, "term": loss.detach()}

    def after_step(self):
        self.steps += 1


def train(run: Path, method: nn.Module, listener=lambda event: None, **settings: Any) -> Path:
    chosen = {"epochs": 2, "batch_size": 8, "devices": "cpu", "precision": "fp32", "lr": 0.1}
    chosen |= {"optimizer": "sgd", "weight_decay": 0.0, "schedule": "constant"} | settings
    made = Train(**chosen)
    config = {"train": flat(made), "method": {"name": "pull"}}
    return fit(method, tiny_runs.clips(), made, run=run, seed=0, config=config, listener=listener)


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("train.ema=0.9", "train.monitor_every=1"),
        ("train.accumulate=2", "train.clip_norm=1"),
        ("train.schedule=cosine", "train.warmup_epochs=1", "train.optimizer=adamw"),
        ("train.optimizer=muon", "train.lr=1e-2"),
        ("train.precision=bf16", "encoder.name=sttr", "train.resident=false", "train.save_every=2"),
    ],
    ids=["plain", "ema", "accumulate", "cosine", "muon", "bf16"],
)
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(tmp_path, changes):
    pretrain(tmp_path / "unbroken", *changes)
    with pytest.raises(Stop):
        pretrain(tmp_path / "broken", *changes, listener=stop_in(2))
    assert checkpoint.read_state(checkpoint.newest(tmp_path / "broken"))[1]["epoch"] == 2
    pretrain(tmp_path / "broken", *changes, resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")
    assert len([r for r in read_log(tmp_path / "broken") if r["event"] == "epoch"]) == 4


def test_more_epochs_continue_a_finished_run(tmp_path):
    pretrain(tmp_path / "unbroken")
    pretrain(tmp_path / "run", "train.epochs=2")
    pretrain(tmp_path / "run", "train.epochs=2", resume=True)  # nothing left to do
    pretrain(tmp_path / "run", resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "run")


def test_resume_without_a_checkpoint_starts(tmp_path):
    pretrain(tmp_path / "unbroken", "train.epochs=1")
    with pytest.raises(Stop):
        pretrain(tmp_path / "broken", "train.epochs=1", listener=stop_in(0))
    pretrain(tmp_path / "broken", "train.epochs=1", resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")


def killed(command: list[str], run: Path, wait: float) -> bool:
    """Starts `command`, kills it `wait` seconds after its first logged epoch; False: it ended."""
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        before = len(read_log(run))
        while process.poll() is None and len(read_log(run)) <= before:
            time.sleep(0.005)
        time.sleep(wait)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return process.returncode == -signal.SIGKILL


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_kill_at_any_moment_then_resume_gives_the_same_weights(tmp_path, kills):
    settings = (*SETTINGS, "train.epochs=12", "train.ema=0.9")
    store, run = tmp_path / "s.h5", tmp_path / "killed"
    tiny_runs.clips().save(store)
    command = [*PYTHON, "pretrain", "usdrl", "--data", str(store), "--split", "half", "--resume"]
    for _ in range(kills):
        wait = random.uniform(0, 0.1)
        print("killed after", wait)
        assert killed([*command, "--out", str(run), *settings], run, wait)
    api.pretrain("usdrl", store, out=run, split="half", overrides=settings, resume=True)
    api.pretrain("usdrl", store, out=tmp_path / "whole", split="half", overrides=settings)
    assert_same(tmp_path / "whole", run)
    assert not list((run / "checkpoints").glob(".*"))


def test_one_run_a_folder(tmp_path):
    run = tmp_path / "run"

    def again(event):
        if event["event"] == "epoch":
            with pytest.raises(InputError, match=f"{run}: another process is training here"):
                pretrain(run)
            with pytest.raises(InputError, match="another process"):
                pretrain(run, resume=True)

    pretrain(run, "train.epochs=1", listener=again)
    with pytest.raises(InputError, match=f"{run}: already holds a run; --resume"):
        pretrain(run)
    code = (
        "import sys; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]): print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, run / ".lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match=f"{run}: another process is training here"):
            pretrain(run, resume=True)
        other.kill()
    pretrain(run, "train.epochs=1", resume=True)  # the lock of a dead process is none


def test_resume_refuses_other_settings_and_names_them(tmp_path):
    run = pretrain(tmp_path / "run", "train.epochs=1")
    for changes, message in (
        (("train.batch_size=9",), r"train\.batch_size=8, not 9, .*--init .*another --out"),
        (("encoder.dim=32", "views.shear=0"), r"encoder\.dim=16, not 32; views\.shear=1\.0"),
        (("method.form=paper",), r"method\.form='official', not 'paper'"),
        (("data.normalize=centre",), r"data\.normalize"),
    ):
        with pytest.raises(InputError, match=message):
            pretrain(run, *changes, resume=True)
    with pytest.raises(InputError, match=r"input\.stream='joint', not 'bone'"):
        pretrain(run, resume=True, stream="bone")
    with pytest.raises(InputError, match=r"source\.split='half', not None"):
        pretrain(run, resume=True, split=None)
    with pytest.raises(InputError, match=r"source\.seed=0, not 1"):
        pretrain(run, resume=True, seed=1)
    cosine = pretrain(tmp_path / "cosine", "train.epochs=1", "train.schedule=cosine")
    with pytest.raises(InputError, match=r"train\.epochs=1, not 4"):
        pretrain(cosine, "train.schedule=cosine", resume=True)
    (run / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json: .*damaged"):
        pretrain(run, resume=True)


def test_a_full_disk_keeps_the_older_checkpoint(tmp_path, monkeypatch, capsys):
    store, run = tmp_path / "s.h5", tmp_path / "run"
    tiny_runs.clips().save(store)
    settings = (*SETTINGS, "train.epochs=2")
    api.pretrain("usdrl", store, out=tmp_path / "whole", split="half", overrides=settings)
    with pytest.raises(Stop):
        api.pretrain("usdrl", store, out=run, split="half", overrides=settings, listener=stop_in(1))
    older = checkpoint.newest(run)
    command = ["pretrain", "usdrl", "--data", store, "--split", "half", "--out", run, "--resume"]
    monkeypatch.setattr(sys, "argv", ["skelf", *map(str, command), *settings])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(SystemExit) as caught:
            cli.main()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert "cannot write the checkpoint: File too large; older checkpoints are kept" in lines[0]
    assert checkpoint.newest(run) == older
    assert len(api.load(run).state_dict()) > 10
    api.pretrain("usdrl", store, out=run, split="half", overrides=settings, resume=True)
    assert_same(tmp_path / "whole", run)


def test_the_loss_falls_and_the_monitor_reports(tmp_path):
    run = pretrain(
        tmp_path / "run",
        *("train.epochs=12", "train.batch_size=20", "train.lr=5e-3", "train.milestones=[99]"),
        *("views.number=2", "views.shear=0.3", "views.corruption=0.2", "train.monitor_every=4"),
    )
    rows = read_log(run)
    losses = [row["loss"] for row in rows if row["event"] == "epoch"]
    assert len(losses) == 12 and losses[-1] < 0.9 * losses[0], losses
    readings = [row for row in rows if row["event"] == "monitor"]
    assert [(row["epoch"], row["step"]) for row in readings] == [(-1, 0), (3, 4), (7, 8), (11, 12)]
    assert all(0 <= row["knn_top1"] <= 1 for row in readings)
    terms = ("similarity", "variance", "covariance", "invariance", "cross_correlation")
    for row in rows[1:2]:
        assert row["loss"] == pytest.approx(sum(row[name] for name in terms), rel=1e-5)
    assert list((run / "tensorboard").glob("events.*"))
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["step00000011", "step00000012"]  # the last two are kept


def test_the_monitor_changes_nothing_that_is_trained(tmp_path):
    for name, changes in (("with", ("train.monitor_every=1",)), ("without", ())):
        pretrain(tmp_path / name, "train.epochs=2", *changes)
    tensors = [
        checkpoint.read_tensors(checkpoint.newest(tmp_path / n)) for n in ("with", "without")
    ]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_bf16_gives_the_loss_of_fp32_within_a_few_percent(tmp_path):
    losses = {}
    for precision in ("fp32", "bf16"):
        run = pretrain(tmp_path / precision, f"train.precision={precision}", "train.epochs=1")
        losses[precision] = read_log(run)[0]["loss"]
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.03)


def test_resident_and_streamed_sets_train_alike(tmp_path):
    stories = []
    for resident in ("true", "false"):
        run = pretrain(tmp_path / resident, f"train.resident={resident}", "train.epochs=1")
        stories.append(tiny_runs.story(run))
    assert stories[0] == stories[1]


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path):
    weights = []
    for name, settings in (
        ("one", {"batch_size": 18}),
        ("two", {"batch_size": 9, "accumulate": 2}),
    ):
        method = Pull()
        train(tmp_path / name, method, **settings)
        assert method.steps == 4
        weights.append(method.encoder.weight)
    torch.testing.assert_close(weights[0], weights[1])


def test_a_short_last_group_is_averaged_over_its_own_batches(tmp_path):
    weights = []
    for accumulate in (4, 8):  # an epoch has 4 batches of 9: both make one step of all
        method = Pull()
        train(tmp_path / str(accumulate), method, batch_size=9, accumulate=accumulate)
        assert method.steps == 2
        weights.append(method.encoder.weight)
    assert torch.equal(weights[0], weights[1])


def test_clip_norm_bounds_the_step(tmp_path):
    for clip, norm in ((None, None), (1e-3, 1e-3)):
        method = Pull()
        train(tmp_path / str(clip), method, epochs=1, batch_size=36, lr=1.0, clip_norm=clip)
        moved = method.encoder.weight.norm().item()
        assert moved == pytest.approx(norm, rel=1e-3) if norm else moved > 0.1


def test_ema_is_the_running_average_that_checkpoints_hold(tmp_path):
    method, seen = Pull(), []
    train(
        tmp_path / "run",
        method,
        lambda event: event["event"] == "step" and seen.append(method.encoder.weight.clone()),
        ema=0.5,
    )
    average = torch.zeros(1, 3)
    for weight in seen:
        average = 0.5 * average + 0.5 * weight.detach()
    folder = checkpoint.newest(tmp_path / "run")
    torch.testing.assert_close(checkpoint.read_tensors(folder)["encoder.weight"], average)
    assert torch.equal(checkpoint.read_state(folder)[0]["raw.weight"], method.encoder.weight)


def test_a_loss_that_is_not_finite_stops_and_keeps_checkpoints(tmp_path):
    with pytest.raises(RuntimeError, match=r"loss is nan at step 7; checkpoints are kept; lower"):
        train(tmp_path / "run", Pull(fails_at=7))  # 5 batches an epoch
    folder = checkpoint.newest(tmp_path / "run")
    assert folder.name == "step00000005"
    assert all(value.isfinite().all() for value in checkpoint.read_tensors(folder).values())


@pytest.mark.parametrize(("count", "batch"), [(1, "8"), (20, "2")])
def test_too_few_clips_are_refused_before_a_folder_appears(tmp_path, count, batch, monkeypatch):
    if batch == "2":
        monkeypatch.setenv("WORLD_SIZE", "1")
    data = tiny_runs.clips().take(range(count))
    settings = (*SETTINGS, f"train.batch_size={batch}", "train.epochs=1")
    if count > 1:
        api.pretrain("usdrl", data, out=tmp_path / "run", overrides=settings)
        return
    with pytest.raises(InputError, match="1 training clips"):
        api.pretrain("usdrl", data, out=tmp_path / "run", overrides=settings)
    assert not (tmp_path / "run").exists()


def test_wrong_calls_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write the run's folder"):
        pretrain(tmp_path / "file" / "run")
    with pytest.raises(InputError, match="seed: -1"):
        pretrain(tmp_path / "run", seed=-1)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match=r"train\.devices: cuda, but"):
            pretrain(tmp_path / "run", "train.devices=cuda")
    assert not (tmp_path / "run").exists()


def test_rates_by_hand():
    step = Train(epochs=451, milestones=(351,), gamma=0.1)
    assert [rate_factor(step, e) for e in (0, 350.999, 351, 450)] == [1, 1, 0.1, 0.1]
    twice = Train(epochs=10, milestones=(2, 4), gamma=0.5, warmup_epochs=1)
    assert rate_factor(twice, 0) == pytest.approx(1e-3)  # never 0, which would waste the step
    assert [rate_factor(twice, e) for e in (0.25, 1, 1.99, 2, 3.5, 4, 9)] == [
        0.25, 1, 1, 0.5, 0.5, 0.25, 0.25,
    ]  # fmt: skip
    cosine = Train(epochs=12, schedule="cosine", warmup_epochs=2)
    assert [rate_factor(cosine, e) for e in (1, 2, 7, 12)] == pytest.approx([0.5, 1, 0.5, 0])
    assert rate_factor(cosine, 4.5) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert rate_factor(Train(schedule="constant"), 400) == 1


def test_the_optimiser_takes_the_scheduled_rate(tmp_path):
    run = pretrain(tmp_path / "run")  # milestone 3
    rates = [row["lr"] for row in read_log(run)]
    assert rates == pytest.approx([2e-3, 2e-3, 2e-3, 2e-4])


@given(
    count=st.integers(0, 60),
    batch=st.integers(2, 20),
    processes=st.integers(1, 4),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 9),
)
def test_batch_plans(count, batch, processes, seed, epoch):
    plan = list(Plan(count, batch, processes, seed, epoch).since())
    used = np.concatenate([np.zeros(0, int), *(part for shares in plan for part in shares)])
    assert len(np.unique(used)) == len(used) and set(used) <= set(range(count))
    for shares in plan:
        assert len(shares) == processes
        assert len({len(share) for share in shares}) == 1 and len(shares[0]) >= 2
        assert sum(len(share) for share in shares) <= batch
    if batch >= 2 * processes:
        full, rest = divmod(count, batch)
        assert len(plan) == full + (rest >= 2 * processes)
        lost = full * (batch % processes) + (rest % processes if rest >= 2 * processes else rest)
        assert len(used) == count - lost
    again = Plan(count, batch, processes, seed, epoch).since()
    assert all(np.array_equal(a, b) for a, b in zip(plan, again, strict=True))


@pytest.mark.parametrize("whole", [False, True])
def test_batches_of_one_set_each(whole):
    sets = np.array([0] * 21 + [1] * 8 + [5] * 3 + [7])
    plans = [
        list(Plan(len(sets), 4, 1, 0, epoch, whole=whole, sets=sets).since()) for epoch in (0, 1, 2)
    ]
    orders = []
    for plan in plans:
        used = np.concatenate([shares[0] for shares in plan])
        # One clip is too few for a batch: the last of the first set, and the last set's only one.
        assert len(np.unique(used)) == len(used) == len(sets) - 2
        assert all(len(np.unique(sets[shares[0]])) == 1 for shares in plan)
        assert [len(shares[0]) for shares in plan].count(4) == 5 + 2
        orders.append([int(sets[shares[0][0]]) for shares in plan])
    assert any(order != sorted(order) for order in orders) and orders[0] != orders[1]
    assert len({int(clip) for shares in plans[0] for clip in shares[0]} - set(range(29))) == 3


def test_epochs_are_shuffled_differently_and_processes_share_one_order():
    orders = [np.concatenate([b[0] for b in Plan(40, 8, 1, 0, e).since()]) for e in (0, 1)]
    assert not np.array_equal(*orders)
    two = np.concatenate([np.concatenate(b) for b in Plan(40, 8, 2, 0, 0).since()])
    assert np.array_equal(orders[0], two)


def show(events: list[dict[str, Any]], terminal: bool) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=200 if terminal else 40)
    with TrainingDisplay(console) as display:
        for event in events:
            display(event)
    return text.getvalue()


def test_the_display_prints_a_line_an_epoch_off_a_terminal(tmp_path):
    events: list[dict[str, Any]] = []
    pretrain(tmp_path / "run", "train.epochs=2", "train.monitor_every=2", listener=events.append)
    lines = show([e for e in events if e["event"] != "note"], terminal=False).splitlines()
    assert len(lines) == 4
    number = r"[\d.e+-]+"
    assert re.fullmatch(rf"before training  knn_top1 {number}  effective_rank .*", lines.pop(0))
    terms = rf"loss {number}  similarity {number}  variance {number}  covariance {number}.*"
    assert re.fullmatch(rf"epoch 1/2  {terms}  [\d,]+ clips/s  waits [\d.]+%", lines[0])
    assert re.fullmatch(rf"epoch 2/2  {terms}  [\d,]+ clips/s  waits [\d.]+%", lines[1])
    signs = ("effective_rank", "uniformity", "alignment", "frame_rank")
    values = "".join(f"  {sign} {number}" for sign in signs)
    assert re.fullmatch(rf"epoch 2/2  knn_top1 {number}{values}", lines[2])
    drawn = show(events, terminal=True)
    assert "epoch 2/2" in drawn and "clips/s" in drawn and "knn_top1" in drawn


def test_a_warning_is_a_line_of_the_display():
    text, before = io.StringIO(), warnings.showwarning
    with TrainingDisplay(Console(file=text, width=40)), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("train.compile: [no] compiler; the run goes on", stacklevel=1)
    assert text.getvalue() == "note: train.compile: [no] compiler; the run goes on\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize("resident", ["true", "false"])
def test_the_share_of_the_time_that_the_loop_waits_for_batches(tmp_path, monkeypatch, resident):
    finish = ClipBatches._finish

    def slow(*given: Any) -> Any:
        time.sleep(0.2)
        return finish(*given)

    shares = []
    for name in ("quick", "slow"):
        run = pretrain(tmp_path / name, "train.epochs=1", f"train.resident={resident}")
        shares += [row["wait_share"] for row in read_log(run) if row["event"] == "epoch"]
        monkeypatch.setattr(ClipBatches, "_finish", slow)
    assert 0 < shares[0] < shares[1] < 1
    assert shares[1] > 0.3


def test_an_optimiser_resumes_from_a_checkpoint_of_either_kind(tmp_path):
    before = trainer.optimizer

    def plain(*given: Any, **more: Any) -> torch.optim.Optimizer:
        made = before(*given, **more)
        made.param_groups[0]["fused"] = None
        return made

    weights = []
    for kinds in ((before, before), (plain, before), (before, plain)):
        run = tmp_path / str(len(weights))
        for epochs, kind in zip(("1", "3"), kinds, strict=True):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(trainer, "optimizer", kind)
                pretrain(run, f"train.epochs={epochs}", resume=True)
        folder = checkpoint.newest(run)
        weights.append(checkpoint.read_tensors(folder)["projectors.instance.0.weight"])
        (group,) = checkpoint.read_state(folder)[1]["optimizer"]["param_groups"]
        assert group["fused"] == (None if kinds[1] is plain else True)
    for other in weights[1:]:
        torch.testing.assert_close(other, weights[0], rtol=1e-3, atol=1e-4)


def test_lines_of_a_log_that_are_no_events_of_an_epoch_are_skipped(tmp_path):
    run = pretrain(tmp_path / "run", "train.epochs=1")
    before = read_log(run)
    with (run / "log.jsonl").open("ab") as file:
        file.write(b'{"event": "epoch"}\n[]\n3\n{"epoch": "x"}\n')
    assert read_log(run) == before
    pretrain(run, "train.epochs=2", resume=True)


@pytest.mark.parametrize(("precision", "tf32"), [("fp32", False), ("bf16", True), ("auto", True)])
def test_fp32_on_a_gpu_is_float32(monkeypatch, precision, tf32):
    set_to = []
    monkeypatch.setattr(engine, "Fabric", lambda **options: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch, "set_float32_matmul_precision", set_to.append)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", not tf32)
    engine.launch(Train(precision=precision, devices="cuda"))
    assert set_to == ["high" if tf32 else "highest"]
    assert torch.backends.cudnn.allow_tf32 is tf32
