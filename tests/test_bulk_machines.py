"""Features and an index by a scheduler and two workers on loopback, undisturbed and with deaths."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import tiny_runs
from cluster_items import Machines, machines
from search_small import run

from skelf.data.shards import assemble
from skelf.data.synthetic.clips import generate

pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLIPS, FILES, KILLS = 3000, 60, 20
CALLS = 3  # a unit that is hit three times in a row is reported, and the same command does it


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
    killing = Killing(loopback, both, kills)
    asked = words(command, data / kind, both, "--scheduler", loopback.address)
    calls = next(n for n in range(1, CALLS + 1) if killing.through(asked) == 0)
    assert len(killing.killed) == kills and (kills or calls == 1)
    if kills:  # all but the last ones, which go as soon as they are there
        assert 2 * kills < len(killing.parts) <= FILES
    assert [p.name for p in both.iterdir()] == [p.name for p in alone.iterdir()]
    files = [p.relative_to(both) for p in sorted(both.rglob("*")) if p.is_file()]
    assert files == [p.relative_to(alone) for p in sorted(alone.rglob("*")) if p.is_file()]
    for file in files:
        assert (both / file).read_bytes() == (alone / file).read_bytes(), file


class Killing:
    """Kills workers at random while a command runs, each time some further parts are there.

    Args:
        loopback: whose workers.
        out: folder of the output, beside which the parts lie.
        most: workers.
    """

    def __init__(self, loopback: Machines, out: Path, most: int) -> None:
        self.killed: set[int] = set()
        self.parts: dict[str, tuple[int, int]] = {}
        self._loopback, self._out, self._most = loopback, out, most
        self._draw = random.Random(0)

    def through(self, command: list[str]) -> int:
        """The exit code of the command; a part that is there is never written again."""
        process = subprocess.Popen(command, env=tiny_runs.ENVIRONMENT)
        while process.poll() is None:
            self._look()
            if len(self.killed) < self._most and len(self.parts) > 2 * len(self.killed):
                self._kill()
            time.sleep(0.02)
        return process.returncode

    def _look(self) -> None:
        with suppress(FileNotFoundError):  # what is put together goes, and its folder
            for part in self._out.rglob("*.part"):
                there = part.stat()
                seen = self.parts.setdefault(part.name, (there.st_ino, there.st_mtime_ns))
                assert seen == (there.st_ino, there.st_mtime_ns), part

    def _kill(self) -> None:
        if here := sorted({*self._loopback.workers()} - self.killed):
            chosen = self._draw.choice(here)
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(chosen, signal.SIGKILL)
                self.killed.add(chosen)
