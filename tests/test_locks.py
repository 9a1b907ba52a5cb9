"""Nothing is lost where several processes change, or write, one file at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skelf import locks
from skelf.cli.data import app
from skelf.cli.data_split import split
from skelf.data import store
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.locks import holding, locked


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"})


@pytest.fixture
def made(tmp_path: Path) -> Path:
    generate(clips=12).save(tmp_path / "made.h5")
    return tmp_path / "made.h5"


@contextmanager
def elsewhere(path: Path) -> Iterator[None]:
    """Held by another thread, which is to the system as another process is."""
    begun, end = threading.Event(), threading.Event()

    def work() -> None:
        with holding(path):
            begun.set()
            end.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(20)
    try:
        yield
    finally:
        end.set()
        thread.join()


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_splits_at_once_are_all_there(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, real = threading.Barrier(3), ClipSet.open
    ended: list[str] = []

    def together(path: Path) -> ClipSet:
        clips = real(path)
        with suppress(threading.BrokenBarrierError):  # without a lock all read before one writes
            opened.wait(0.2)
        return clips

    def work(name: str) -> None:
        split(made, name=name, by="random", train="0.5")
        ended.append(name)

    monkeypatch.setattr(ClipSet, "open", together)
    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["a", "b", "c"]
    assert {"a", "b", "c"} <= set(real(made).splits)
    assert hidden(made.parent) == []


@pytest.mark.parametrize(
    "words",
    [
        ("import", "synthetic", "--clips", 12, "--out"),
        ("map", "made.h5", "--layout", "ntu25", "--out"),
        ("join", "made.h5", "other.h5", "--out"),
    ],
)
def test_of_several_writers_of_one_store_one_wins(
    made: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...]
) -> None:
    monkeypatch.chdir(made.parent)
    generate(clips=6, seed=1).save("other.h5")
    with elsewhere(Path("new.h5")):
        result = call(*words, "new.h5", "--force")
        assert isinstance(result.exception, InputError), result.output
        assert str(result.exception).startswith("new.h5: another process is writing it")
    assert call(*words, "new.h5").exit_code == 0
    assert "exists already" in str(call(*words, "new.h5").exception)
    assert hidden(made.parent) == []


def test_whoever_waits_says_so_and_ends_in_time(made: Path) -> None:
    lines: list[str] = []
    late = pytest.raises(InputError, match="nothing was changed")
    with elsewhere(made), late, holding(made, 0.1, lines.append):
        pass
    assert lines == [f"{made}: another process is changing it; waiting, for 0.1 seconds at most"]
    warned = pytest.warns(UserWarning, match="waiting")
    with elsewhere(made), warned, pytest.raises(InputError), holding(made, 0.1):
        pass
    with holding(made), holding(made.parent / "." / made.name):  # again, by the same thread
        pass
    with elsewhere(made):
        assert len(ClipSet.open(made)) == 12  # whoever reads does not wait


def test_a_link_is_the_file_that_it_names(made: Path) -> None:
    link = made.with_name("link.h5")
    link.symlink_to(made.name)
    with elsewhere(link), pytest.raises(InputError, match="another process"), holding(made):
        pass


def test_a_lock_ends_with_its_process_and_its_file_with_the_next(made: Path) -> None:
    text = (
        "import sys; from pathlib import Path; from skelf.locks import holding\n"
        "with holding(Path(sys.argv[1])): print(1, flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", text, str(made)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout and child.stdout.readline() == b"1\n"
        with pytest.raises(InputError, match="another process"), holding(made):
            pass
        child.kill()
    assert hidden(made.parent) == [".made.h5.lock"]
    with holding(made):
        pass
    assert hidden(made.parent) == []


def test_who_waited_at_a_removed_lock_takes_the_new_one(tmp_path: Path) -> None:
    inside, most, overlap = [0], [0], threading.Lock()

    def work() -> None:
        for _ in range(8):
            with holding(tmp_path / "a", 60, lambda text: None):
                with overlap:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                os.sched_yield()
                with overlap:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and hidden(tmp_path) == []


def test_a_folders_lock_is_no_litter(tmp_path: Path) -> None:
    with locked(tmp_path / "run", ".lock", busy="busy", unwritable="no"):
        assert (tmp_path / "run/.lock").exists()
    assert hidden(tmp_path / "run") == []


def test_what_needs_no_lock(tmp_path: Path) -> None:
    with holding(Path(os.devnull)):
        pass
    missing = pytest.raises(InputError, match="the folder does not exist; create")
    with missing, holding(tmp_path / "none" / "a.h5"):
        pass
    with holding(tmp_path / ("n" * 250)):
        assert hidden(tmp_path) == [".long-name.lock"]


def test_a_change_by_others_is_not_overwritten(made: Path) -> None:
    first = ClipSet.open(made)
    store.add_splits(made, {"theirs": np.ones(12, np.int8)})
    with pytest.raises(InputError, match=r"has changed since .*open it again"):
        first.with_split("mine", [1] * 12).save(made)
    assert "theirs" in ClipSet.open(made).splits
    ClipSet.open(made).with_split("mine", [1] * 12).save(made)
    assert {"mine", "theirs"} <= set(ClipSet.open(made).splits)
    first.save(made.with_name("copy.h5"))  # another file is free
    with pytest.raises(InputError, match="is for 5 clips, the store has 12"):
        store.add_splits(made, {"short": np.ones(5, np.int8)})
    assert hidden(made.parent) == []


def test_two_writers_of_one_small_file_leave_a_whole_one(tmp_path: Path) -> None:
    """Features and rows are written whole under names of their own, so that they need no lock."""
    from skelf.files import replacing

    path = tmp_path / "features.safetensors"
    with replacing(path) as one, replacing(path) as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert path.read_text() == "one" and hidden(tmp_path) == []
    assert locks.PATIENCE == 600
