"""One side of the imports, in a process of its own, by whichever tree of skelf its path has first.

`python import_work.py FORMAT PATH STORE WORKERS` reads PATH and writes STORE once for each line
that it reads, and answers with seconds and processor seconds, those of its workers among them.
WORKERS is 0 for a format that has none.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def side(form: str, path: str, store: str, workers: int) -> Callable[[], Any]:
    """What imports once."""
    several: dict[str, Any] = {"workers": workers} if workers else {}
    try:
        reader = importlib.import_module(f"skelf.data.readers.{form}")
        read = getattr(reader, f"read_{form}")
        how = [getattr(reader, form.upper())(**several)]
        several = {}
    except ModuleNotFoundError:  # an early commit has it otherwise
        read, how = importlib.import_module(f"skelf.data.{form}").read, []

    def work() -> None:
        clips = read(path, None, *how, scratch=Path(store).parent, **several)
        clips.save(store)

    return work


def keep_freed() -> None:
    """As the command line does."""
    try:
        from skelf.machine import memory
    except ModuleNotFoundError:
        from skelf import memory  # type: ignore[attr-defined, no-redef]  # an early commit's place
    memory.keep_freed()


def spent() -> float:
    """Processor seconds of this process and of those that it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def main() -> None:
    form, path, store, workers = sys.argv[1:]
    warnings.simplefilter("ignore")
    keep_freed()
    work = side(form, path, store, int(workers))
    for _ in sys.stdin:
        began, used = time.perf_counter(), spent()
        work()
        print(json.dumps([time.perf_counter() - began, spent() - used]), flush=True)


if __name__ == "__main__":
    main()
