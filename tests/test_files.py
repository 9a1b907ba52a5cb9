"""What a killed writer leaves goes with the next write; what a living one writes stays."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skelf import files
from skelf.files import replacing, sweep, temporary, write_text
from skelf.machine import processes

# Writes half a file and waits; the parent ends it while it does.
WRITER = """
import sys, time
from pathlib import Path
from skelf.files import replacing, temporary
with replacing(Path(sys.argv[1])) as beside:
    beside.write_text("half")
    folder = temporary(Path(sys.argv[1]).with_name("step5"))
    (folder / "inner").mkdir(parents=True)
    print("ready", flush=True)
    time.sleep(600)
"""


def hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "a.h5")], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"ready\n"
        write_text(tmp_path / "b.json", "{}")
        assert len(hidden(tmp_path)) == 2  # a living process writes them
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not yet collected
    write_text(tmp_path / "b.json", "{}")  # of another name: it is the folder that counts
    assert hidden(tmp_path) == []
    child.wait()


def test_own_and_foreign_temporaries(tmp_path: Path) -> None:
    own = temporary(tmp_path / "x.h5")
    own.write_text("half")
    host, number, began = processes.MARK.fullmatch(processes.mark()).groups()
    others = [
        f".x.h5.00000000-{number}-{began}.0000.tmp",  # of another machine
        f".x.h5.{host}-{number}-{int(began) + 1}.0000.tmp",  # its number came again
        f".x.h5.{host}-{2**31 - 1}-1.0000.tmp",  # no such process
        f".x.h5.{host}-1-0.0000.tmp",  # it lives, and when it began is unknown
    ]
    theirs = [".x.h5.0badf00d.tmp", f"x.h5.{host}-4194304-1.0000.tmp", ".x.tmp"]
    for name in [*others, *theirs]:
        (tmp_path / name).write_text("")
    sweep(tmp_path)
    assert hidden(tmp_path) == sorted([own.name, others[0], others[3], theirs[0], theirs[2]])
    aged = time.time() - files.FOREIGN - 60
    for name in (own.name, others[0], others[3]):
        os.utime(tmp_path / name, (aged, aged))
    sweep(tmp_path)
    assert hidden(tmp_path) == sorted([own.name, others[3], theirs[0], theirs[2]])
    sweep(tmp_path / "nowhere")


def test_a_zombie_of_one_thread_has_ended_and_this_process_lives() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    realm = processes.mark().split("-")[0]
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(f"{realm}-{child.pid}-5")
    child.wait()
    assert processes.is_alive(processes.mark())
    assert processes.is_alive("no mark") is None


@pytest.mark.parametrize("name", ["n" * 255, "ä" * 127, "x" * 200 + ".h5"])
def test_names_as_long_as_the_system_takes(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as beside:
        beside.write_text("whole")
        assert files._TEMPORARY.fullmatch(beside.name)
    assert (tmp_path / name).read_text() == "whole"
    assert hidden(tmp_path) == []


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a") as beside:
        beside.write_text(str(1 // 0))
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a") as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_mark_is_a_name_of_a_file() -> None:
    assert re.fullmatch(r"[0-9a-f-]+", processes.mark())
    assert len(processes.mark()) < 40
