"""A benchmark behind a scheduler, on two "machines": the numbers and weights of one process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from cluster_items import Machines, machines
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


KILLS = 20
CALLS = 4  # a cell that is hit three times with no progress is reported, and `--retry` does it


def test_deaths(loopback, suite):
    """The command line, while twenty workers are killed: nothing that is finished again."""
    long, out = suite.with_name("many.toml"), suite.parent / "killed"
    long.write_text(suite.read_text().replace("train.epochs=3", "train.epochs=30"))
    alone = bench(long, suite.parent / "alone")
    assert alone.ran == alone.cells == 12 and not alone.failures
    killing = Killing(loopback, out)
    asked = ["bench", str(long), "--out", str(out), "--scheduler", loopback.address]
    calls = next(n for n in range(CALLS) if killing.through([*asked, *["--retry"] * (n > 0)]) == 0)
    print(f"{len(killing.killed)} kills, {calls + 1} calls")
    assert len(killing.killed) == KILLS
    text = killing.log.read_text()
    assert "0 failed, 0 left out" in text
    assert "distributed" not in text and "Traceback" not in text
    assert len(killing.finished) == 12
    assert {path: path.stat().st_mtime_ns for path in killing.finished} == killing.finished
    assert values(bench(long, out)) == values(alone)
    for ours, theirs in zip(runs(out), runs(suite.parent / "alone"), strict=True):
        a, b = (checkpoint.read_tensors(checkpoint.newest(run)) for run in (ours, theirs))
        assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Killing:
    """Kills workers at random while a command runs, each time some cell has got further.

    Args:
        loopback: whose workers.
        out: folder of the benchmark.
    """

    def __init__(self, loopback: Machines, out: Path) -> None:
        self.killed: set[int] = set()
        self.finished: dict[Path, int] = {}
        self.log = out.with_suffix(".log")
        self._loopback, self._out = loopback, out
        self._draw, self._then = random.Random(0), 0

    def through(self, words: list[str]) -> int:
        """The exit code of the command."""
        with self.log.open("w") as file:
            process = subprocess.Popen([*PYTHON, *words], env=ENVIRONMENT, stdout=file, stderr=file)
            try:
                while process.poll() is None:
                    time.sleep(0.2)
                    self._look()
                    if len(self.killed) < KILLS and self._reached() > self._then:
                        self._kill()
            finally:
                process.kill()
                process.wait()
        return process.returncode

    def _look(self) -> None:
        for path in self._out.rglob("cell_*.json"):
            if '"done": true' in path.read_text() and path not in self.finished:
                self.finished[path] = path.stat().st_mtime_ns

    def _reached(self) -> int:
        """Checkpoints' steps, and cells that have ended."""
        newest = [checkpoint.newest(log.parent) for log in self._out.rglob("log.jsonl")]
        return len(self.finished) + sum(checkpoint.step_of(path) for path in newest if path)

    def _kill(self) -> None:
        if here := sorted({*self._loopback.workers()} - self.killed):
            chosen = self._draw.choice(here)
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(chosen, signal.SIGKILL)
                self.killed.add(chosen)
            self._then = self._reached()


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
