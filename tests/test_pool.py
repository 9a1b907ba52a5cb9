"""Workers give results in order, and end with the process that started them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from skelf.data.pool import ordered

PROGRAM = """
import os, time
from skelf.data.pool import ordered

def work(item):
    os.write(1, b"x")
    time.sleep(600)

if __name__ == "__main__":
    list(ordered(work, range(8), 2, 1))
"""


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    child = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.read(2) == b"xx"  # both are at work
        child.kill()
        child.communicate(timeout=30)  # ends once the last process that holds the pipe has ended
    finally:
        child.kill()
        child.wait()


def test_one_worker_is_this_process() -> None:
    assert list(ordered(str, range(40), 1)) == [str(i) for i in range(40)]
