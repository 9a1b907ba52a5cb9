"""Workers give results in order, and end with the process that started them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skelf.data.pool import ordered
from skelf.errors import InputError

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


def arrays(item: int) -> dict[str, np.ndarray]:
    if item == 90:
        raise InputError("item 90")
    big = np.full(400_000 if item % 7 == 0 else 10, item)  # of some more than a room holds
    return {"big": big, "turned": np.arange(6.0).reshape(2, 3).T[:, ::-1] + item}


@pytest.mark.parametrize("workers", [2, 3])
def test_results_come_in_order_and_whole_until_the_first_error(workers: int) -> None:
    kept = []
    with pytest.raises(InputError, match="item 90"):
        for result in ordered(arrays, range(120), workers, 4):
            kept.append(result)  # what a room held is not overwritten later
    assert len(kept) >= 88
    for item, result in enumerate(kept):
        assert (result["big"] == item).all() and result["big"].flags.writeable
        np.testing.assert_array_equal(result["turned"], arrays(item)["turned"])


def test_a_consumer_that_stops_early() -> None:
    results = ordered(arrays, range(60), 2, 2)
    assert next(results)["big"][0] == 0
    results.close()
