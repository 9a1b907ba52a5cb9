"""Crews of this machine: the same answers in any number of processes, whatever happens to them."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from cluster_items import (
    HERE,
    deadly,
    kill_victims,
    killed_step_by_step,
    lines,
    noted,
    pathological,
    square,
    telling,
    wrong,
)

from benchmarks import cluster_start
from skelf.cluster import Done, gathered
from skelf.cluster.local import LocalCrew
from skelf.cluster.probe import marked, misfit
from skelf.cluster.process import Given, Worker
from skelf.errors import InputError


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_once(workers):
    with gathered(None, workers) as crew:
        assert crew.places == workers
        for count in (0, 1, 40):  # the same processes
            found = list(crew.each(square, range(count)))
            assert sorted(found) == [Done(i, i * i, "") for i in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_problem_of_an_item_is_told_and_the_rest_goes_on(workers):
    with gathered(None, workers) as crew:
        found = {done.index: done for done in crew.each(pathological, range(8))}
    assert {i for i, done in found.items() if done.problem} == {3, 5}
    assert found[3].problem == "three: too few; give four"
    assert found[5].problem == "/five: No such file or directory" and found[5].value is None


@pytest.mark.parametrize("workers", [1, 2])
def test_another_error_ends_the_work(workers):
    with gathered(None, workers) as crew:
        with pytest.raises(ZeroDivisionError, match="of "):
            list(crew.each(wrong, range(4)))
        assert len(list(crew.each(square, range(4)))) == 4  # and not the crew


@pytest.mark.parametrize("workers", [1, 2])
def test_items_that_are_asked_for_when_others_are_done(workers):
    """A chain: each is there only when the one before it is done."""
    told, ready = [], [0]

    def take():
        return ready.pop() if ready else None

    with gathered(None, workers) as crew:
        for done in crew.work(telling, take, lambda index, text: told.append((index, text))):
            if done.value < 5:
                ready.append(done.value + 1)
    assert told == [(i, f"{i} begun") for i in range(6)]


def test_few_are_under_way():
    taken, most = iter(range(200)), 0
    with gathered(None, 2) as crew:
        given = 0

        def items():
            nonlocal given
            for item in taken:
                given += 1
                yield item

        for ended, _ in enumerate(crew.each(square, items()), 1):
            most = max(most, given - ended)
    assert given == 200 and most <= 2 * 2 + 1


def test_a_poisoned_item_is_reported_after_two_tries_and_one_alone(tmp_path):
    done = threading.Event()
    killer = threading.Thread(target=kill_victims, args=(tmp_path, done.is_set))
    killer.start()
    try:
        with gathered(None, 2, logs=tmp_path / "logs") as crew:
            found = {d.index: d for d in crew.each(partial(deadly, str(tmp_path)), range(20))}
    finally:
        done.set()
        killer.join()
    assert sorted(found) == list(range(20))
    assert [i for i, d in found.items() if d.problem] == [7]
    assert (
        "took its worker with it three times: its process ended with signal 9" in found[7].problem
    )
    tries = lines(tmp_path, "tries")
    assert tries.count(7) == 3
    assert sorted(lines(tmp_path, "works")) == [i for i in range(20) if i != 7]
    assert found[7] == [*found.values()][-1]  # alone, at the end


def test_what_gets_further_each_time_is_no_poison(tmp_path):
    """Five deaths with progress between them, beside an item that is stuck."""
    killed_step_by_step(tmp_path, gathered(None, 2, logs=tmp_path / "logs"))


def test_a_connection_that_failed_does_not_block_the_next(monkeypatch):
    """Python's collector may meet the first one in any thread: here it does in the worst of all."""
    pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
    monkeypatch.setattr("skelf.cluster.connect.CONNECT", 0.5)
    real = threading.Thread.run

    def run(thread):
        if thread.name == "IO loop":
            gc.collect()
        real(thread)

    gc.disable()
    try:
        with suppress(InputError), gathered("tcp://127.0.0.1"):
            pass
        monkeypatch.setattr(threading.Thread, "run", run)
        with pytest.raises(InputError, match="does not answer"), gathered("tcp://127.0.0.1:9"):
            pass
    finally:
        gc.enable()


@pytest.mark.slow
def test_many_deaths(tmp_path):
    """Twenty workers killed at random: nothing is missing, nothing is done twice."""
    draw, kills = random.Random(0), 0
    with LocalCrew(2, None) as crew:
        for done in crew.each(partial(noted, str(tmp_path)), range(300)):
            assert not done.problem
            if kills < 20 and draw.random() < 0.15:
                worker = draw.choice(crew._workers)
                if worker._process is not None and worker.is_ready:
                    worker._process.kill()
                    kills += 1
    assert kills == 20
    works = lines(tmp_path, "works")
    written = {int(path.stem) for path in tmp_path.glob("*.txt")}
    assert written == set(range(300)) == set(works)
    assert len(works) <= 300 + kills  # killed between the note and the file
    assert len(lines(tmp_path, "tries")) > 300


def test_a_worker_that_cannot_start_tells_its_cause(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(tmp_path / "main.py")])
    main = sys.modules["__main__"]
    (tmp_path / "main.py").write_text("import there_is_no_such_module\n")
    monkeypatch.setattr(main, "__file__", str(tmp_path / "main.py"), raising=False)
    monkeypatch.setattr(main, "__spec__", None)
    with (
        pytest.raises(InputError, match=r"cannot start: .*exit code 1, see .*No module named 'the"),
        gathered(None, 2, logs=tmp_path / "logs") as crew,
    ):
        list(crew.each(square, range(4)))


def test_a_worker_that_died_between_two_items_is_replaced():
    worker = Worker(1, None, None)
    try:
        for number in range(2):
            worker.give(Given(number, number), square, False)
            assert [worker.hear() for _ in range(2)] == [("ready", None), ("end", (number**2, ""))]
            worker.items.popleft()
            worker._process.kill()
            worker._process.join()
    finally:
        worker.end()


def test_work_that_is_given_up_ends_its_processes(tmp_path):
    with LocalCrew(2, None) as crew:
        work = crew.each(partial(noted, str(tmp_path)), range(1000))
        next(work)
        work.close()
        begun = len(lines(tmp_path, "tries"))
        time.sleep(0.2)
        assert len(lines(tmp_path, "tries")) <= begun + 4 < 100


def test_what_does_not_pickle_is_an_error():
    with gathered(None, 2) as crew, pytest.raises(RuntimeError, match="pickle"):
        list(crew.each(partial(_open, os.devnull), [1]))


def _open(path, number):
    return open(path)


def test_the_number_of_workers(tmp_path):
    with pytest.raises(InputError, match="workers: 0; at least 1"), gathered(None, 0):
        pass


def test_no_dask_without_a_scheduler():
    """Neither this process nor one of several on this machine loads it."""
    script = (
        "import sys\nfrom skelf.cluster import gathered\n"
        "with gathered(None, 2) as crew: pass\n"
        "with gathered() as crew: print(list(crew.each(abs, [-1])))\n"
        "assert not {'distributed', 'dask', 'torch'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


@pytest.mark.parametrize(
    ("scheduler", "workers", "message"),
    [
        ("nothing.json", 1, "no such file; use tcp://host:8786, the file of `dask scheduler"),
        ("tcp://127.0.0.1", 1, "scheduler tcp://127.0.0.1: .*port"),
        ("tcp://127.0.0.1:9", 1, "tcp://127.0.0.1:9: does not answer; start it: `dask scheduler`"),
        ("tcp://127.0.0.1:9", 3, "--workers 3: a scheduler has its own workers; leave it out"),
        ("slurm", 2, "scheduler slurm: no `sbatch` here"),
    ],
)
def test_schedulers_that_are_not_there(scheduler, workers, message, monkeypatch, capfd):
    pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
    monkeypatch.setattr("skelf.cluster.connect.CONNECT", 0.5)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match=message), gathered(scheduler, workers):
        pass
    assert capfd.readouterr() == ("", "")


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(InputError, match=r'--scheduler: pip install "skelf\[cluster\]"'),
        gathered("tcp://127.0.0.1:9"),
    ):
        pass


def test_paths_are_not_left_marked(tmp_path):
    (tmp_path / "file").write_text("four")
    with marked([tmp_path, tmp_path / "file"]) as place:
        assert len(list(tmp_path.iterdir())) == 2
        assert misfit(place) == ""
        fits = place._replace
        assert "has skelf" in misfit(fits(versions=(("skelf", "0.0"), *place.versions[1:])))
        there = dict(place.seen)
        for path, what in there.items():
            gone = fits(seen=tuple({**there, path: "7 bytes"}.items()))
            told = misfit(gone)
            assert "sees another file at" in told and f"({what}, here 7 bytes)" in told
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    changed = fits(folder=str(tmp_path))  # not the one that it was fit for
    assert "sees another folder at" in misfit(changed)
    (tmp_path / "file").unlink()
    assert f"does not see {tmp_path / 'file'}" in misfit(fits(seen=(place.seen[1],)))
    (tmp_path / "file").write_text("four")
    assert misfit(fits(seen=(place.seen[1],))) == ""  # it may come
    assert Path.cwd() == Path(place.folder)


def test_the_benchmark_of_what_starting_costs():
    for side in ("one", "pool", "crew"):
        wall, used = cluster_start.timed(side, 20)
        assert 0.04 < wall < 30 and used > 0.03
