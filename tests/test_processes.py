"""Two processes of one run: one dies, one stalls; each that is left says so in a line."""

import os
import signal
import socket
import subprocess
import time

import pytest
import tiny_runs
import torch.distributed as dist
from tiny_runs import ENVIRONMENT, PYTHON, SETTINGS

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.errors import LostProcess
from skelf.training.processes import in_contact


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:4"),
        RuntimeError("[gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 3000ms for recv"),
        dist.DistNetworkError("The client socket has timed out after 3000ms"),
        dist.DistBackendError("NCCL communicator was aborted on rank 1"),
    ],
)
def test_what_libraries_say_of_a_lost_process_becomes_one_line(tmp_path, monkeypatch, error):
    run = tmp_path / "a run"
    with pytest.raises(type(error)), in_contact(run, 3):  # one process has none to lose
        raise error
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with (
        pytest.raises(LostProcess, match=r"process 1 of 2: .*for 3 s \(train\.timeout\)") as caught,
        in_contact(run, 3),
    ):
        raise error
    assert f"`skelf pretrain --resume '{run}'`" in str(caught.value)
    assert "\n" not in str(caught.value)
    for other in (RuntimeError("the loss is nan"), ValueError("gloo")):
        with pytest.raises(type(other), match=str(other)), in_contact(run, 3):
            raise other


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_stalls_ends_the_other_in_order(tmp_path, number):
    store, run = tmp_path / "s.h5", tmp_path / "run"
    tiny_runs.clips().save(store)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    common |= {"LOCAL_WORLD_SIZE": "2", "PYTHONWARNINGS": "ignore", "TORCHELASTIC_RUN_ID": "x"}
    command = [*PYTHON, "pretrain", "usdrl", "--data", str(store), "--split", "half"]
    command += ["--out", str(run), *SETTINGS, "train.epochs=100000", "train.timeout=5"]
    both = [
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=ENVIRONMENT | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        until = time.monotonic() + 120
        while checkpoint.newest(run) is None and time.monotonic() < until:
            time.sleep(0.1)
        os.kill(both[0].pid, number)
        said = both[1].communicate(timeout=60)[1].strip().splitlines()
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert both[1].returncode == 1 and len(said) == 1, said
    assert "process 1 of 2: another process has died" in said[0] and "--resume" in said[0]
    assert api.load(run).dim == 32
