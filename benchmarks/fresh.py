"""Functions called in a process of their own, so that its memory is theirs."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from skelf.machine.memory import keep_freed
from skelf.profiling.step import peak_memory, reset_peak


def fresh(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` in a fresh process; what goes in and out is JSON."""
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path])}
    module = function.__module__
    if module == "__main__":  # of the benchmark that -m runs; in the new process it is this one
        module = sys.modules[module].__spec__.name
    order = json.dumps([module, function.__name__, arguments])
    command = [sys.executable, "-m", "benchmarks.fresh", order]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{function.__name__}{arguments}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_of(work: Callable[[], Any]) -> float:
    """GiB that this process holds at most during `work`, beyond what it held before."""
    device = torch.device("cpu")
    before = reset_peak(device)
    work()
    after = peak_memory(device)
    return float("nan") if before is None or after is None else (after - before) / 2**30


if __name__ == "__main__":
    module, name, given = json.loads(sys.argv[1])
    keep_freed()  # as both sides of a comparison do
    print(json.dumps(getattr(importlib.import_module(module), name)(*given)))
