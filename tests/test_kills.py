"""Every command that writes, killed a hundred times: nothing is lost and nothing is left behind."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ntu_tree import ntu_tree

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate

KILLS = int(os.environ.get("SKELF_KILLS", 3))  # of each of the ten commands; 10: a hundred
TINY = ["encoder.dim=8", "encoder.frames=8", "train.batch_size=16", "data.normalize=none"]
SUITE = """
[[data]]
name = "set"
store = "clips.h5"
splits = ["xview"]

[[method]]
name = "usdrl"
settings = ["encoder.dim=8", "encoder.frames=8", "train.epochs=2", "train.batch_size=16"]

[[protocol]]
name = "knn"
"""

# What each command writes into the folder that it runs in, beside its words.
COMMANDS = {
    "import": ("again.h5", "data import ntu raw --out again.h5 workers=2"),
    "split": ("clips.h5", "data split clips.h5 --name more --by subject --train 1,2"),
    "join": ("joined.h5", "data join clips.h5 other.h5 --out joined.h5"),
    "clean": ("clean.h5", "data clean clips.h5 --out clean.h5 median=0.1 lowpass=4"),
    "discover": ("found", "discover clips.h5 --run run --out found"),
    "export": ("clips.pkl", "data export clips.h5 --out clips.pkl"),
    "eval": ("rows.json", "eval knn,linear --run run --data clips.h5 --split xview "
             "--out rows.json eval.linear.epochs=2"),
    "bench": ("bench", "bench suite.toml --out bench"),
    "report": ("page.html", "report judged --out page.html"),
    "pretrain": ("more", "pretrain usdrl --data clips.h5 --out more train.epochs=3 "
                 + " ".join(TINY)),
}  # fmt: skip
RESUME = {"pretrain": ["--resume"]}


def start(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "skelf", *words],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1", "SKELF_KILLED": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(words: list[str], folder: Path) -> None:
    process = start(words, folder)
    said = process.communicate()[0]
    assert process.returncode == 0, said


def remains(folder: Path) -> list[str]:
    """Hidden files that a writer made: temporaries, half checkpoints."""
    return [str(p) for p in folder.rglob(".*") if p.suffix in {".tmp", ".old", ".partial"}]


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".h5", ".npz", ".json", ".safetensors", ".toml"}
    }


def orphans(folder: Path) -> list[str]:
    """Processes that a killed command left running."""
    mark = f"SKELF_KILLED={folder}".encode()
    alive = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                alive.append((entry / "cmdline").read_bytes().decode())
        except OSError:  # it has ended, or is another user's
            continue
    return alive


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, raw arrays, a run, its results and a suite."""
    folder = tmp_path_factory.mktemp("ready")
    clips = generate(clips=96)
    clips.save(folder / "clips.h5")
    generate(clips=48, seed=1).save(folder / "other.h5")
    ntu_tree(folder / "raw", 120)
    (folder / "suite.toml").write_text(SUITE)
    words = ["pretrain", "usdrl", "--data", "clips.h5", "--out", "run", "train.epochs=1", *TINY]
    finish(words, folder)
    (folder / "judged").mkdir()
    judge = "eval knn --run run --data clips.h5 --split xview --out judged/results.json"
    finish(judge.split(), folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_command_loses_nothing(command: str, ready: Path, tmp_path: Path) -> None:
    out, line = COMMANDS[command]
    words, rng = line.split(), random.Random(command)
    whole = tmp_path / "whole"
    shutil.copytree(ready, whole)
    began = time.monotonic()
    finish(words, whole)
    seconds = time.monotonic() - began
    for kill in range(KILLS):
        folder = tmp_path / f"kill{kill}"
        shutil.copytree(ready, folder)
        before = hashes(folder)
        process = start(words, folder)
        deadline = time.monotonic() + seconds * rng.uniform(0.4, 1.1)
        seek = kill % 2 == 0  # half of them in the middle of a write, half at any moment
        while process.poll() is None and time.monotonic() < deadline:
            if seek and remains(folder):
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        after = hashes(folder)
        for name, digest in before.items():
            if name != out:
                assert after.get(name) == digest, f"{name} changed"
        if out.endswith(".h5") and (folder / out).exists():
            ClipSet.open(folder / out).verify()
        time.sleep(0.2)  # for workers, to see that their parent has gone
        assert not orphans(folder)
        replaced = (folder / out).is_file() or command == "discover"
        force = ["--force"] if replaced and command not in {"split"} else []
        finish([*words, *force, *RESUME.get(command, [])], folder)
        assert not remains(folder)
        assert hashes(folder).keys() == hashes(whole).keys()
        shutil.rmtree(folder)
