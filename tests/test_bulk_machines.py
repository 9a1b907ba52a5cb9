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

pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
pytestmark = pytest.mark.slow

CLIPS, FILES, KILLS = 3000, 30, 6


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("loopback")) as started:
        yield started


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stores, "files", and one that holds them together as a sharded set, "shards"."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("files", "shards"):
        (folder / name).mkdir()
    made, each = generate(clips=CLIPS, seed=7), CLIPS // FILES
    for at in range(FILES):
        made.take(range(at * each, (at + 1) * each)).save(folder / "files" / f"{at:05d}.h5")
    assemble(folder / "shards", sorted((folder / "files").glob("*.h5")))
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


@pytest.mark.parametrize(("kind", "kills"), [("shards", 0), ("files", KILLS)])
@pytest.mark.parametrize("command", COMMANDS)
def test_two_machines_give_what_one_process_does(
    command: str, kind: str, kills: int, data: Path, loopback: Machines, tmp_path: Path
) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    alone.mkdir()
    both.mkdir()
    subprocess.run(words(command, data / kind, alone), check=True, env=tiny_runs.ENVIRONMENT)
    process = subprocess.Popen(
        words(command, data / kind, both, "--scheduler", loopback.address),
        env=tiny_runs.ENVIRONMENT,
    )
    draw, killed, seen = random.Random(0), 0, set[str]()
    while process.poll() is None:
        seen |= {part.name for part in both.rglob("*.part")}
        here = loopback.workers()
        # Workers die while they work: each time some further parts are there.
        if killed < kills and here and len(seen) > 3 * killed:
            os.kill(draw.choice(here), signal.SIGKILL)
            killed += 1
        time.sleep(0.02)
    assert process.returncode == 0 and killed == kills
    assert [p.name for p in both.iterdir()] == [p.name for p in alone.iterdir()]
    files = [p.relative_to(both) for p in sorted(both.rglob("*")) if p.is_file()]
    assert files == [p.relative_to(alone) for p in sorted(alone.rglob("*")) if p.is_file()]
    for file in files:
        assert (both / file).read_bytes() == (alone / file).read_bytes(), file
