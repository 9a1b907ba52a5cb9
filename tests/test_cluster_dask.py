"""Crews behind a scheduler: two "machines" on loopback, started by dask's command line."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from cluster_items import (
    DASK,
    HERE,
    Machines,
    deadly,
    kill_victims,
    killed_step_by_step,
    lines,
    machines,
    noted,
    pathological,
    square,
    telling,
    waiting,
    wrong,
)

from skelf.cluster import Done, gathered, probe
from skelf.errors import InputError

pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def loopback(tmp_path_factory):
    with machines(tmp_path_factory.mktemp("loopback")) as started:
        yield started


def both(loopback: Machines) -> None:
    """Waits until both workers are there."""
    until = time.monotonic() + 200
    with gathered(loopback.address) as crew:
        while crew.places < 2 and time.monotonic() < until:
            list(crew.each(square, range(2)))
            time.sleep(0.1)
        assert crew.places == 2


def test_every_item_once(loopback, capfd):
    both(loopback)
    for scheduler in (loopback.address, str(loopback.file)):
        with gathered(scheduler) as crew:
            assert crew.places == 2
            for count in (0, 1, 400):
                found = list(crew.each(square, range(count)))
                assert sorted(found) == [Done(i, i * i, "") for i in range(count)]
            found = list(crew.each(pathological, range(8)))
            problems = {done.index: done.problem for done in found if done.problem}
            assert problems == {
                3: "three: too few; give four",
                5: "/five: No such file or directory",
            }
            with pytest.raises(ZeroDivisionError, match="of "):
                list(crew.each(wrong, range(4)))
            assert len(list(crew.each(square, range(4)))) == 4
    assert capfd.readouterr() == ("", "")


def test_a_function_of_a_script_and_a_relative_path(loopback, tmp_path, monkeypatch):
    """Workers stand where the command was called, and know what only a script defines."""
    monkeypatch.chdir(tmp_path)
    Path("here.txt").write_text("found")

    def read(name):
        return Path(name).read_text() + os.getcwd()

    with gathered(loopback.address, paths=[Path("here.txt"), Path(".")]) as crew:
        assert [done.value for done in crew.each(read, ["here.txt"])] == [f"found{tmp_path}"]
    assert os.listdir() == ["here.txt"]


def test_items_that_are_asked_for_when_others_are_done(loopback):
    told, ready = [], [0]
    with gathered(loopback.address) as crew:
        work = crew.work(
            telling,
            lambda: ready.pop() if ready else None,
            lambda index, text: told.append((index, text)),
        )
        for done in work:
            if done.value < 5:
                ready.append(done.value + 1)
    assert told == [(i, f"{i} begun") for i in range(6)]


def test_few_are_under_way(loopback):
    given = most = 0

    def items():
        nonlocal given
        while given < 200:
            given += 1
            yield given

    with gathered(loopback.address) as crew:
        for ended, _ in enumerate(crew.each(partial(time_out, 0.05), items()), 1):
            most = max(most, given - ended)
    assert given == 200 and most <= 2 * 2 * 4  # parcels of 0.2 s


def time_out(seconds, number):
    time.sleep(seconds)
    return number


def test_a_poisoned_item_is_reported_after_two_tries_and_one_alone(loopback, tmp_path, capfd):
    both(loopback)
    done = threading.Event()
    killer = threading.Thread(target=kill_victims, args=(tmp_path, done.is_set))
    killer.start()
    try:
        with gathered(loopback.address) as crew:
            found = {d.index: d for d in crew.each(partial(deadly, str(tmp_path)), range(20))}
    finally:
        done.set()
        killer.join()
    assert sorted(found) == list(range(20))
    assert [i for i, d in found.items() if d.problem] == [7]
    assert "took its worker with it" in found[7].problem
    assert lines(tmp_path, "tries").count(7) == 3
    assert sorted(lines(tmp_path, "works")) == [i for i in range(20) if i != 7]
    assert capfd.readouterr() == ("", "")


def test_what_gets_further_each_time_is_no_poison(loopback, tmp_path, capfd):
    both(loopback)
    killed_step_by_step(tmp_path, gathered(loopback.address))
    assert capfd.readouterr() == ("", "")


def test_many_deaths(loopback, tmp_path):
    """Twenty workers killed at random: nothing is missing, nothing is done twice."""
    both(loopback)
    draw, kills, ended = random.Random(0), [], 0
    with gathered(loopback.address) as crew:
        for done in crew.each(partial(noted, str(tmp_path)), range(600)):
            assert not done.problem
            ended += 1
            if len(kills) < 20 and ended > 20 * len(kills) and (here := loopback.workers()):
                kills.append(draw.choice(here))
                os.kill(kills[-1], signal.SIGKILL)
    assert len(kills) == 20
    works = lines(tmp_path, "works")
    assert {int(path.stem) for path in tmp_path.glob("*.txt")} == set(range(600)) == set(works)
    assert len(works) <= 600 + len(kills)  # killed between the note and the file
    assert len(lines(tmp_path, "tries")) > 600


def test_a_worker_that_joins_later_is_used(tmp_path):
    with machines(tmp_path, count=1) as first:
        begun: list[int] = []
        with gathered(first.address) as crew:
            assert crew.places == 1
            more = None
            for done in crew.each(partial(where, 0.05), range(300)):
                begun.append(done.value)
                if len(begun) == 20:
                    more = second_worker(first.address, tmp_path / "late")
            assert more is not None
        more.terminate()
        more.wait()
    assert len(set(begun)) == 2 and len(begun) == 300


def test_a_worker_that_joins_while_all_work_gets_the_next(tmp_path):
    """Nothing ends that could give it something: the one item waits for what it does."""
    with machines(tmp_path, count=1) as first, gathered(first.address) as crew:
        items = iter(range(2))
        more = second_worker(first.address, tmp_path / "late")
        try:
            ended = [*crew.work(partial(waiting, str(tmp_path)), lambda: next(items, None))]
        finally:
            more.terminate()
            more.wait()
    assert [done.problem for done in ended] == ["", ""]
    assert len({done.value for done in ended}) == 2


def where(seconds, number):
    time.sleep(seconds)
    return os.getpid()


def second_worker(address, folder, first=""):
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(first)
    path = f"{folder}:{HERE.parent}:{HERE}"
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            [DASK, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"],
            cwd=folder, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip


OTHER_VERSION = "import skelf\nskelf.__version__ = '0.0'\n"
NO_SKELF = "import sys\nsys.modules['skelf'] = None\n"


def test_a_worker_of_another_version_that_joins_later_ends_the_work(tmp_path):
    with machines(tmp_path, count=1) as first:
        more = None
        message = r"worker tcp://\S+ has skelf 0\.0, and the command \S+; install the same on both"
        with pytest.raises(InputError, match=message), gathered(first.address) as crew:
            for done in crew.each(partial(where, 0.05), range(600)):
                if done.index == 20:
                    more = second_worker(first.address, tmp_path / "late", OTHER_VERSION)
        assert more is not None
        more.terminate()
        more.wait()


@pytest.mark.parametrize(
    ("scheduler", "worker", "message"),
    [
        (OTHER_VERSION, "", r"scheduler tcp://\S+ has skelf 0\.0, and the command"),
        (
            NO_SKELF,
            "",
            r"scheduler tcp://\S+ cannot load skelf \(.*'skelf.*install it",
        ),
        ("", OTHER_VERSION, r"worker tcp://\S+ has skelf 0\.0, and the command"),
        (
            "",
            NO_SKELF,
            r"worker tcp://\S+ cannot load skelf \(.*'skelf.*install it",
        ),
    ],
)
def test_versions_that_differ(scheduler, worker, message, tmp_path, capfd):
    with (
        machines(tmp_path, count=1, scheduler_starts=scheduler, worker_starts=worker) as one,
        pytest.raises(InputError, match=message),
        gathered(one.address),
    ):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_worker_without_the_path(loopback, tmp_path, monkeypatch):
    """As a worker sees it whose disk is another one: what is looked for is gone meanwhile."""
    data = tmp_path / "data.h5"
    data.write_text("12345")
    real = probe.marked

    @contextmanager
    def elsewhere(paths):
        with real(paths) as place:
            data.unlink()
            yield place

    monkeypatch.setattr(probe, "marked", elsewhere)
    remedy = rf"worker tcp://\S+ does not see {data}; share the disk"
    with pytest.raises(InputError, match=remedy), gathered(loopback.address, paths=[data]):
        pass


def test_no_workers(tmp_path, capfd):
    with machines(tmp_path, count=0) as only:
        said: list[str] = []
        begun = time.monotonic()
        with (
            pytest.raises(
                InputError, match=r"no workers for 1 s; start some: dask worker tcp://\S+ --nthr"
            ),
            gathered(only.address, say=said.append, patience=1),
        ):
            pass
        assert time.monotonic() - begun < 10
        assert said == [f"scheduler {only.address}: waiting for workers"]
    assert capfd.readouterr() == ("", "")


def test_a_worker_of_many_threads(tmp_path):
    with (
        machines(tmp_path, "--nthreads", "3", count=1) as one,
        pytest.raises(InputError, match=r"has 3 threads, .* start it by `dask worker tcp"),
        gathered(one.address),
    ):
        pass


def test_a_scheduler_that_goes_away(tmp_path, capfd):
    with (
        machines(tmp_path, count=1) as one,
        pytest.raises(InputError, match="has gone away; start it and its workers and call"),
        gathered(one.address) as crew,
    ):
        for done in crew.each(partial(time_out, 0.05), range(1000)):
            if done.index == 20:
                os.kill(one.scheduler, signal.SIGKILL)
    assert capfd.readouterr() == ("", "")
