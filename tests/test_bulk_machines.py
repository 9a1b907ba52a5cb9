"""Features and an index by a scheduler and two workers on loopback, undisturbed and with deaths."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_runs
from cluster_items import Machines, machines
from search_small import run

from skelf.data.shards import assemble
from skelf.data.synthetic.clips import generate
from skelf.inference.bulk.units import cut
from skelf.inference.source import places

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

CLIPS, SHARDS, KILLS = 9000, 3, 6


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("loopback")) as started:
        yield started


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sharded set."""
    folder = tmp_path_factory.mktemp("data") / "set"
    folder.mkdir()
    made = generate(clips=CLIPS, seed=7)
    for at in range(SHARDS):
        some = range(at * CLIPS // SHARDS, (at + 1) * CLIPS // SHARDS)
        made.take(some).save(folder / f"shard-{at:05d}.h5")
    assemble(folder, sorted(folder.glob("*.h5")))
    return folder


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of it."""
    folder = tmp_path_factory.mktemp("alone")
    for command in COMMANDS:
        subprocess.run(words(command, data, folder), check=True, env=tiny_runs.ENVIRONMENT)
    return folder


COMMANDS = {
    "features": ("features", "{data}", "--run", "{run}", "--out", "{out}/features.npz"),
    "index": ("search", "index", "{data}", "--run", "{run}", "--out", "{out}/index"),
}


def words(command: str, data: Path, out: Path, *more: str) -> list[str]:
    named = {"data": data, "run": run(), "out": out}
    filled = [word.format(**named) for word in COMMANDS[command]]
    scales = ["scales=[1.0,2.0]", "stride=1"] if command == "index" else []
    return [*tiny_runs.PYTHON, *filled, *scales, *more]


@pytest.mark.parametrize("kills", [0, KILLS])
@pytest.mark.parametrize("command", COMMANDS)
def test_two_machines_give_what_one_process_does(
    command: str, kills: int, data: Path, alone: Path, loopback: Machines, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        words(command, data, tmp_path, "--scheduler", loopback.address), env=tiny_runs.ENVIRONMENT
    )
    draw, done, finished = random.Random(0), 0, set[str]()
    while process.poll() is None:
        finished |= {part.name for part in tmp_path.rglob("*.part")}
        here = loopback.workers()
        # Workers die while they work: each time once a further part is there.
        if done < kills and here and len(finished) > done:
            os.kill(draw.choice(here), signal.SIGKILL)
            done += 1
        time.sleep(0.02)
    assert process.returncode == 0
    assert done == min(kills, len(cut(places([data]), "frames" if command == "index" else "clips")))
    (made,) = tmp_path.iterdir()  # nothing waits there any more
    files = [made] if made.is_file() else sorted(p for p in made.rglob("*") if p.is_file())
    for file in files:
        wanted = alone / file.relative_to(tmp_path)
        assert file.read_bytes() == wanted.read_bytes(), file
    assert len(files) == sum(
        p.is_file() for p in [alone / made.name, *(alone / made.name).rglob("*")]
    )
