"""Two processes (gloo, on the CPU) train as one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_runs
import torch
import torch.distributed as dist
from tiny_runs import ENVIRONMENT, SETTINGS
from torch import Tensor, nn

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.encoders import ENCODERS
from skelf.layouts import SBU15
from skelf.losses.decorrelation import decorrelation
from skelf.machine.distributed import gather
from skelf.methods.partwhole import PartWhole
from skelf.methods.usdrl import USDRL
from skelf.training.log import read_log

CASES = [(encoder, form) for encoder in ("dste", "sttr") for form in ("official", "paper")]


PART_WHOLE = ("tcn", "gru", "sttr")


def make(encoder: str, form: str) -> USDRL:
    torch.manual_seed(3)
    options = {"drop_path": 0.0} if encoder == "dste" else {}
    made = ENCODERS[encoder](SBU15, dim=16, frames=8, persons=1, **options)
    return USDRL(made, form=form)


def views() -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    base = torch.randn(12, 3, 8, 15, 1, generator=generator)
    return [base + 0.3 * torch.randn(base.shape, generator=generator) for _ in range(3)]


def outcome(module: nn.Module, method: USDRL, batch: list[Tensor]) -> dict[str, Tensor]:
    """Terms, gradients and buffers after one step forward and backward."""
    terms = module(*batch)
    terms["loss"].backward()
    gradients = {f"grad {name}": p.grad for name, p in method.named_parameters()}
    return (
        {name: value.detach() for name, value in terms.items()}
        | gradients
        | dict(method.named_buffers())
    )


def pure(z: Tensor) -> tuple[Tensor, Tensor]:
    """In float64: the loss of gathered `z`, and its gradient."""
    z = z.clone().requires_grad_()
    values = decorrelation(gather(z, dim=1), "official", xc=True)
    loss = torch.stack(list(values.values())).sum()
    return loss.detach(), torch.autograd.grad(loss, z)[0]


def projected() -> Tensor:
    return torch.randn(3, 12, 7, generator=torch.Generator().manual_seed(8)).double()


def part_whole(name: str) -> PartWhole:
    torch.manual_seed(3)
    options = {"drop_path": 0.0} if name == "dste" else {}
    encoder = ENCODERS[name](SBU15, dim=8, frames=16, persons=1, **options)
    return PartWhole(encoder, sync_bn=True)


def part_whole_step(name: str, half: slice) -> dict[str, Tensor]:
    """`outcome` of the clips of `half`, in all their views."""
    method = part_whole(name)
    module = nn.parallel.DistributedDataParallel(method) if dist.is_initialized() else method
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(8, 3, 24, 15, 1, generator=generator)
    x[:, :, :, 4, :] = 0  # an absent joint
    clips, instants = method.views(x, torch.full((8,), 24), generator)
    own = clips.view(-1, 8, *clips.shape[1:])[:, half].flatten(0, 1)
    return outcome(module, method, [own, instants[:, half]])


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    half = slice(6 * rank, 6 * rank + 6)
    results = {}
    for encoder, form in CASES:
        method = make(encoder, form)
        module = nn.parallel.DistributedDataParallel(method)
        results[encoder, form] = outcome(module, method, [view[half] for view in views()])
    results["pure"] = pure(projected()[:, half])
    for name in PART_WHOLE:
        results[name] = part_whole_step(name, slice(4 * rank, 4 * rank + 4))
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize(("encoder", "form"), CASES)
def test_two_processes_give_the_loss_and_gradients_of_one(ranks, encoder, form):
    method, threads = make(encoder, form), torch.get_num_threads()
    torch.set_num_threads(1)  # as in the processes: more threads sum in another order
    one = outcome(method, method, views())
    torch.set_num_threads(threads)
    assert any(name.endswith("running_var") for name in one)
    assert sum(name.startswith("grad ") for name in one) == len(list(method.parameters()))
    for two in (rank[encoder, form] for rank in ranks):
        assert two.keys() == one.keys()
        for name, value in one.items():
            # Gradients reach 0.3 here: sums over other batch sizes round otherwise, by processor.
            torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("name", PART_WHOLE)
def test_two_processes_train_partwhole_as_one(ranks, name):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = part_whole_step(name, slice(None))
    torch.set_num_threads(threads)
    norms = [key for key in one if key.startswith("encoder") and "running_var" in key]
    assert {"part", "frame", "covariance"} < one.keys() and bool(norms) == (name != "sttr")
    for two in (rank[name] for rank in ranks):
        assert two.keys() == one.keys()
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_a_loss_of_gathered_features_is_exact_in_float64(ranks):
    loss, gradient = pure(projected())
    for rank, two in enumerate(rank["pure"] for rank in ranks):
        torch.testing.assert_close(two[0], loss, rtol=1e-12, atol=0)
        # Times two: DistributedDataParallel will take the mean over the processes.
        mine = 2 * gradient[:, 6 * rank : 6 * rank + 6]
        torch.testing.assert_close(two[1], mine, rtol=1e-10, atol=1e-13)


def test_gather_in_one_process_is_the_identity():
    x = torch.randn(3, 2)
    assert gather(x) is x


@pytest.mark.slow
def test_torchrun_trains_one_run(tmp_path: Path):
    store, run = tmp_path / "s.h5", tmp_path / "run"
    tiny_runs.clips().save(store)
    changes = ("train.epochs=2", "train.monitor_every=1", "train.accumulate=2", "train.ema=0.9")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "-m", "skelf", "pretrain", "usdrl", "--data", str(store)),
            *("--split", "half", "--out", str(run), *SETTINGS, *changes),
        ],
        env=ENVIRONMENT | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # Process 1 says nothing and writes nothing: each line stands there once.
    starts = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert starts.pop(0).startswith("No normalisation: ")
    starts = [start for start in starts if not start.startswith("note: ")]
    epochs = ["epoch 1/2", "epoch 1/2", "epoch 2/2", "epoch 2/2"]
    assert starts == ["before training", *epochs, f"Run: {run}"]
    assert "RANK: 1" not in done.stderr
    told = [row["event"] for row in read_log(run) if row["event"] != "note"]
    assert told == ["monitor", *["epoch", "monitor"] * 2]
    assert read_log(run)[-1]["step"] == 6  # 8 + 8 + 4 clips an epoch, over both
    assert len(list((run / "tensorboard").iterdir())) == 1
    assert checkpoint.newest(run).name == "step00000006"
    assert api.load(run).dim == 32
    # A run of two processes goes on in one.
    api.pretrain(
        "usdrl", store, out=run, split="half", resume=True,
        overrides=(*SETTINGS, *changes, "train.epochs=3"),
    )  # fmt: skip
    assert [row["event"] for row in read_log(run)].count("monitor") == 4
