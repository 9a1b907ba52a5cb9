"""An earlier commit and this tree in turn, each side in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from .same import check_out
from .timing import Times

ROOT = Path(__file__).parents[1]
BASE = "106fba9"


class Side(NamedTuple):
    """What a process runs.

    Args:
        tree: the skelf that it imports.
        script: in this folder; for each line that it reads it works once and prints a JSON list
            that begins with seconds and processor seconds.
        arguments: of the script.
    """

    tree: Path
    script: str
    arguments: tuple[str, ...]


def importing(tree: Path, form: str, path: Path, workers: int, store: Path) -> Side:
    """Reads a path and saves it; 0 workers for formats that have no such option."""
    return Side(tree, "import_work.py", (form, str(path), str(store), str(workers)))


def base_tree(folder: Path, commit: str = BASE) -> Path:
    """The earlier commit's tree, or this one where git does not have it."""
    try:
        return check_out(commit, folder / "base")
    except (OSError, subprocess.CalledProcessError):
        return ROOT


def in_turn(sides: Mapping[str, Side], repeats: int) -> dict[str, Times]:
    """Medians of each side; one round that does not count comes first."""
    return {
        name: Times(
            *(statistics.median(column) for column in list(zip(*runs, strict=True))[:2]), {}
        )
        for name, runs in answers(sides, repeats).items()
    }


def answers(sides: Mapping[str, Side], repeats: int) -> dict[str, list[list[float]]]:
    """What each side answered, in turn; one round that does not count comes first."""
    seen: dict[str, list[list[float]]] = {name: [] for name in sides}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(_process(side)) for name, side in sides.items()}
        for repeat in range(repeats + 1):
            for name, process in processes.items():
                answer = _once(process)
                if repeat:
                    seen[name].append(answer)
    return seen


@contextmanager
def _process(side: Side) -> Iterator[subprocess.Popen[str]]:
    script = str(Path(__file__).with_name(side.script))
    process = subprocess.Popen(
        [sys.executable, "-P", script, *side.arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(side.tree), "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.communicate()


def _once(process: subprocess.Popen[str]) -> list[float]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    answer: list[float] = json.loads(process.stdout.readline())
    return answer
