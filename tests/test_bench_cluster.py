"""A benchmark behind a scheduler, on two "machines": the numbers and weights of one process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from cluster_items import machines
from test_bench import small
from tiny_runs import ENVIRONMENT, PYTHON, assert_same

from skelf.bench.run import bench
from skelf.checkpoints import folder as checkpoint

pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def loopback(tmp_path_factory):
    with machines(tmp_path_factory.mktemp("loopback")) as started:
        yield started


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Twelve cells."""
    streams = {"[[protocol]]": 'streams = ["joint", "bone"]\n[[protocol]]'}
    made = small(tmp_path_factory.mktemp("suite"), **streams)
    made.write_text(made.read_text().replace("seeds = [0]", "seeds = [0, 1, 2]"))
    return made


@pytest.fixture(scope="module")
def one(suite):
    done = bench(suite, suite.parent / "one")
    assert done.ran == done.cells == 12 and not done.failures
    return done


def runs(out: Path) -> list[Path]:
    return sorted(path.parent for path in out.rglob("cell_pretrain.json"))


def test_two_machines(loopback, suite, one, capfd):
    out, seen = suite.parent / "two", []
    two = bench(suite, out, scheduler=loopback.address, tell=lambda kind, *_: seen.append(kind))
    assert two.ran == 12 and not two.failures and two.left == 0
    assert seen.count("start") == seen.count("done") == 12 and "progress" in seen
    assert values(two) == values(one)
    assert len(runs(out)) == 6
    for ours, theirs in zip(runs(out), runs(suite.parent / "one"), strict=True):
        assert_same(ours, theirs)
    titles = [
        line
        for number in range(2)
        for line in (loopback.file.parent / f"machine{number}/log").read_text().splitlines()
        if line.startswith("# ")
    ]
    assert len(titles) == len(set(titles)) == 12
    assert bench(suite, out, scheduler="tcp://127.0.0.1:9").ran == 0  # nothing left to do
    assert capfd.readouterr() == ("", "")


def values(done) -> list[object]:
    return [(row["row"], row["stream"], row["seed"], row["value"]) for row in done.rows]


def test_deaths(loopback, suite, one):
    """The command line, while workers are killed at random: nothing that is finished again."""
    out, draw = suite.parent / "killed", random.Random(0)
    kills = then = 0
    log = suite.parent / "killed.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*PYTHON, "bench", str(suite), "--out", str(out), "--scheduler", loopback.address],
            env=ENVIRONMENT, stdout=file, stderr=file,
        )  # fmt: skip
        finished: dict[Path, int] = {}
        try:
            while process.poll() is None:
                time.sleep(0.3)
                for path in out.rglob("cell_*.json"):
                    if '"done": true' in path.read_text() and path not in finished:
                        finished[path] = path.stat().st_mtime_ns
                # One for a cell that has ended: three in a row would be reported, as they should.
                if kills < 6 and len(finished) > then and (here := loopback.workers()):
                    os.kill(draw.choice(here), signal.SIGKILL)
                    kills, then = kills + 1, len(finished)
        finally:
            process.kill()
            process.wait()
    assert kills >= 3
    text = log.read_text()
    assert process.returncode == 0, text
    assert "12 of 12 cells run, 0 failed, 0 left out" in text
    assert "distributed" not in text and "Traceback" not in text
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert values(bench(suite, out)) == values(one)
    for ours, theirs in zip(runs(out), runs(suite.parent / "one"), strict=True):
        a, b = (checkpoint.read_tensors(checkpoint.newest(run)) for run in (ours, theirs))
        assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_ctrl_c_ends_quickly_and_lets_go(loopback, suite, tmp_path):
    """What was under way at the workers ends as well, and the next call goes on."""
    long = suite.with_name("long.toml")
    long.write_text(suite.read_text().replace("train.epochs=3", "train.epochs=2000"))
    command = [*PYTHON, "bench", str(long), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [*command, "--scheduler", loopback.address],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    until = time.monotonic() + 200
    while not list((tmp_path / "out").rglob("log.jsonl")) and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    text, _ = process.communicate(timeout=60)
    assert time.monotonic() - begun < 30
    assert "stopped; the same command goes on where it was" in text
    assert process.returncode == 1 and "distributed" not in text and "Traceback" not in text
    until = time.monotonic() + 200
    while locks(tmp_path) and time.monotonic() < until:
        time.sleep(0.2)
    assert not locks(tmp_path)


def locks(folder: Path) -> list[Path]:
    """Runs that somebody is training."""
    return list(folder.rglob("joint_seed*/.lock"))
