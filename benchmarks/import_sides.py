"""Imports by an earlier commit and by this tree in turn, each side in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .same import check_out
from .timing import Times

ROOT = Path(__file__).parents[1]
BASE = "106fba9"


def base_tree(folder: Path, commit: str = BASE) -> Path:
    """The earlier commit's tree, or this one where git does not have it."""
    try:
        return check_out(commit, folder / "base")
    except (OSError, subprocess.CalledProcessError):
        return ROOT


def in_turn(
    sides: Mapping[str, tuple[Path, str, Path, int]], scratch: Path, repeats: int
) -> dict[str, Times]:
    """Medians of each side: its tree of skelf, format, what it reads, and workers (0: none).

    One round that does not count comes first.
    """
    seen: dict[str, list[list[float]]] = {name: [] for name in sides}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_process(*side, scratch / f"{at}.h5"))
            for at, (name, side) in enumerate(sides.items())
        }
        for repeat in range(repeats + 1):
            for name, process in processes.items():
                answer = _once(process)
                if repeat:
                    seen[name].append(answer)
    return {
        name: Times(*(statistics.median(column) for column in zip(*runs, strict=True)), {})
        for name, runs in seen.items()
    }


@contextmanager
def _process(
    tree: Path, form: str, path: Path, workers: int, store: Path
) -> Iterator[subprocess.Popen[str]]:
    script = str(Path(__file__).with_name("import_work.py"))
    process = subprocess.Popen(
        [sys.executable, "-P", script, form, str(path), str(store), str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.communicate()


def _once(process: subprocess.Popen[str]) -> list[float]:
    """Seconds and processor seconds."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    answer: list[float] = json.loads(process.stdout.readline())
    return answer
