"""What the tests of crews do, and the two machines on loopback that do it; loads no torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from skelf.cluster import Crew
from skelf.cluster.quiet import quiet
from skelf.errors import InputError
from skelf.files import write_text

HERE = Path(__file__).parent
DASK = Path(sys.executable).with_name("dask")


def square(number: int) -> int:
    return number * number


def pathological(number: int) -> int:
    if number == 3:
        raise InputError("three: too few; give four")
    if number == 5:
        raise FileNotFoundError(2, "No such file or directory", "/five")
    return number


def wrong(number: int) -> int:
    raise ZeroDivisionError(f"of {number}")


def noted(folder: str, number: int) -> str:
    """Writes its result once; every try that begins and every one that ends leaves a line."""
    target = Path(folder, f"{number}.txt")
    note(folder, "tries", number)
    if not target.exists():
        time.sleep(0.02)
        note(folder, "works", number)
        write_text(target, f"{number * number}\n")
    return target.name


def deadly(folder: str, number: int) -> str:
    """As `noted`; whoever gets number 7 waits to be killed."""
    if number == 7:
        note(folder, "tries", number)
        write_text(Path(folder, f"victim.{os.getpid()}"), "")
        time.sleep(60)
    return noted(folder, number)


STEPS = 5
STUCK = 1


def stepping(folder: str, number: int) -> int:
    """A step further at each try, then it waits to be killed; done behind the last step.

    Number `STUCK` gets nowhere.
    """
    note(folder, "tries", number)
    if number == STUCK or stepped(folder, number) < STEPS:
        if number != STUCK:
            note(folder, f"steps{number}", number)
        write_text(Path(folder, f"victim.{os.getpid()}"), "")
        time.sleep(60)
    return number


def stepped(folder: str, number: int) -> int:
    """Steps of an item that are done for good."""
    file = Path(folder, f"steps{number}")
    return len(file.read_text().split()) if file.exists() else 0


def waiting(folder: str, number: int) -> int:
    """Number 0 ends when somebody else has done number 1."""
    there, until = Path(folder, "one"), time.monotonic() + 100
    if number == 1:
        write_text(there, "")
    while not there.exists() and time.monotonic() < until:
        time.sleep(0.05)
    if not there.exists():
        raise InputError("nobody came")
    return os.getpid()


def note(folder: str, kind: str, number: int) -> None:
    handle = os.open(Path(folder, kind), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{number}\n".encode())
    os.close(handle)


def lines(folder: Path, kind: str) -> list[int]:
    return [int(line) for line in (folder / kind).read_text().split()]


def telling(number: int, told) -> int:
    told(f"{number} begun")
    return number


def kill_victims(folder: Path, until) -> None:
    """Kills every process that says that it waits for that, from outside."""
    while not until():
        for file in folder.glob("victim.*"):
            os.kill(int(file.suffix[1:]), signal.SIGKILL)
            file.unlink()
        time.sleep(0.02)


def killed_step_by_step(folder: Path, crew: AbstractContextManager[Crew]) -> None:
    """What gets a step further before each death is done in the end, what is stuck is reported."""
    done, items = threading.Event(), iter(range(4))
    killer = threading.Thread(target=kill_victims, args=(folder, done.is_set))
    killer.start()
    try:
        with crew as opened:
            work = opened.work(
                partial(stepping, str(folder)),
                lambda: next(items, None),
                reached=lambda index: stepped(str(folder), index),
            )
            found = {ended.index: ended for ended in work}
    finally:
        done.set()
        killer.join()
    assert sorted(found) == list(range(4))
    assert [index for index, ended in found.items() if ended.problem] == [STUCK]
    assert "took its worker with it" in found[STUCK].problem
    tries = lines(folder, "tries")
    assert tries.count(STUCK) == 3
    assert {tries.count(index) for index in found if index != STUCK} == {STEPS + 1}


class Machines(NamedTuple):
    """A scheduler and two workers, each in its folder.

    Args:
        address: of the scheduler.
        file: that it wrote.
        scheduler: its process.
    """

    address: str
    file: Path
    scheduler: int

    def workers(self) -> list[int]:
        """Processes of workers that have come; a nanny gives up if one dies before that."""
        from distributed import Client

        try:
            with quiet(), Client(self.address, timeout=5, set_as_default=False) as client:
                return list(client.run(os.getpid, on_error="ignore").values())
        except (OSError, TimeoutError):
            return []


@contextmanager
def machines(
    folder: Path, *worker: str, count: int = 2, scheduler_starts: str = "", worker_starts: str = ""
) -> Iterator[Machines]:
    """Started by the command line, ended at the end of the block.

    Args:
        folder: theirs are below it.
        worker: options of the workers.
        count: of workers.
        scheduler_starts: Python that the scheduler runs first.
        worker_starts: Python that each worker runs first.
    """
    file = folder / "scheduler.json"
    started = []
    path = f"{HERE.parent}{os.pathsep}{HERE}"

    def start(name: str, first: str, *words: str) -> int:
        place = folder / name
        place.mkdir(parents=True)
        (place / "sitecustomize.py").write_text(first)
        settings = {**os.environ, "PYTHONPATH": f"{place}:{path}", "OMP_NUM_THREADS": "1"}
        with (place / "log").open("w") as log:
            process = subprocess.Popen(
                [str(DASK), *words], cwd=place, env=settings, stdout=log, stderr=log
            )
        started.append(process)
        return process.pid

    try:
        words = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        scheduler = start("scheduler", scheduler_starts, "scheduler", *words, "--no-dashboard")
        until, address = time.monotonic() + 120, ""
        while not address and time.monotonic() < until:
            time.sleep(0.05)
            with suppress(OSError, ValueError):  # not there, or half of it
                address = json.loads(file.read_text())["address"]
        options = ("--no-dashboard", "--memory-limit", "0", *(worker or ("--nthreads", "1")))
        words = ("worker", address, *options)
        for number in range(count):
            start(f"machine{number}", worker_starts, *words)
        yield Machines(address, file, scheduler)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
