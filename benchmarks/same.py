"""Proof that a change left every number and file as it was.

    python -m benchmarks.same --base 106fba9

The base commit, in a temporary folder, makes stores, runs, released checkpoints, results of every
protocol and a suite, all tiny. The code here makes the same from the same commands, and it opens
what the base wrote. Both go through the command line, so that no Python interface matters. Bits are
compared; times and versions are not. The exit code is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .same_compare import FEATURES, compare, compare_features
from .same_steps import RELEASED, RUNS, SUITE, Step, steps

ROOT = Path(__file__).parents[1]
RELEASE = 3  # the stage before which runs are written in the released layouts
FINISHED = " 0 to run"


class Side(NamedTuple):
    """A folder of files, and the code that works in it."""

    folder: Path
    code: Path


class Launchers:
    """Processes that run commands, see `same_launch`.

    Args:
        count: how many.
        scratch: where they keep what commands print.
    """

    def __init__(self, count: int, scratch: Path) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}
        command = [sys.executable, "-P", str(ROOT / "benchmarks/same_launch.py")]
        self.free: Queue[tuple[subprocess.Popen[str], Path]] = Queue()
        for number in range(count):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            self.free.put((process, scratch / f"printed{number}"))
        self.count = count

    def call(self, side: Side, *words: str) -> str:
        """What a command prints.

        Raises:
            RuntimeError: it failed; the message is the end of its complaint.
        """
        process, printed = self.free.get()
        try:
            order = {"code": str(side.code), "folder": str(side.folder), "words": words}
            assert process.stdin and process.stdout
            process.stdin.write(json.dumps(order | {"printed": str(printed)}) + "\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            if code:
                complaint = Path(f"{printed}.err").read_text(encoding="utf-8").strip()
                raise RuntimeError(f"exit code {code}: {complaint[-1000:]}")
            return Path(f"{printed}.out").read_text(encoding="utf-8")
        finally:
            self.free.put((process, printed))

    def close(self) -> None:
        """Ends them."""
        for _ in range(self.count):
            process, _ = self.free.get()
            process.communicate()


def take(launchers: Launchers, side: Side, step: Step) -> str | None:
    """Does a step; what went wrong, if anything did."""
    target = side.folder / step.name
    finished = (target / "bench").exists()  # a suite that the base has run already
    if step.copies and not target.exists():
        copy(side.folder / step.copies, target)
    target.mkdir(exist_ok=True)
    try:
        printed = launchers.call(side, "skelf", *step.words)
    except RuntimeError as error:
        return str(error)
    if step.words[0] in ("data", "report"):  # what a check says; that a page is written
        (target / "printed.txt").write_text(printed, encoding="utf-8")
    if finished and FINISHED not in printed:
        return "a suite that is done was run again"
    return None


def copy(source: Path, target: Path) -> None:
    """A folder without its cache of features."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(FEATURES))


def prove(
    base: Path, work: Path, plan: Sequence[Step], launchers: Launchers
) -> list[tuple[str, str, str]]:
    """Does all steps on all sides; rows of the table: what, made again, opened.

    Raises:
        RuntimeError: the base fails at a step of its own.
    """
    folders = {"old": base, "new": ROOT, "opened": ROOT}
    old, new, opened = (Side(work / name, code) for name, code in folders.items())
    for side in (old, new):
        (side.folder / "suite").mkdir(parents=True)
        (side.folder / "suite/suite.toml").write_text(SUITE, encoding="utf-8")
    failures: dict[tuple[Side, str], str | None] = {}

    def together(pairs: list[tuple[Side, Step]]) -> None:
        with ThreadPoolExecutor(launchers.count) as pool:
            results = pool.map(lambda pair: take(launchers, *pair), pairs)
            failures.update(
                {(s, t.name): text for (s, t), text in zip(pairs, results, strict=True)}
            )

    stages = sorted({step.stage for step in plan})
    for stage in stages:
        if stage == RELEASE:
            release(launchers, old, new)
        together([(side, step) for step in plan if step.stage == stage for side in (old, new)])
        if text := next((text for (side, _), text in failures.items() if text and side == old), ""):
            raise RuntimeError(f"the base itself fails: {text}")
    inherit(old, opened, plan)
    for stage in stages:
        together([(opened, step) for step in plan if step.stage == stage and step.reads])
    rows = []
    for step in plan:
        cells = [judge(old, side, step, failures.get((side, step.name))) for side in (new, opened)]
        rows.append((step.name, cells[0], cells[1] if step.reads else "by what follows"))
    for run in RUNS:
        first, *others = (side.folder / run / FEATURES for side in (old, new, opened))
        rows.append((f"features of {run}", *(str(compare_features(first, o)) for o in others)))
    return rows


def judge(old: Side, side: Side, step: Step, failure: str | None) -> str:
    """A cell of the table."""
    if failure:
        return f"FAILS: {failure.splitlines()[-1]}"
    return str(compare(old.folder / step.name, side.folder / step.name))


def release(launchers: Launchers, old: Side, new: Side) -> None:
    """The base writes its runs in the released layouts; the new code gets the same files."""
    (old.folder / "released").mkdir()
    launchers.call(old, str(ROOT / "benchmarks/same_official.py"), "released", *RELEASED)
    copy(old.folder / "released", new.folder / "released")


def inherit(old: Side, opened: Side, plan: Sequence[Step]) -> None:
    """What the base wrote, for the new code to open: all but what it is to make of it."""
    opened.folder.mkdir()
    for name in [step.name for step in plan if not step.reads] + ["released", "suite"]:
        copy(old.folder / name, opened.folder / name)


def check_out(base: str, folder: Path) -> Path:
    """The files of a commit, in a new folder."""
    command = ["git", "-C", str(ROOT), "archive", base]
    done = subprocess.run(command, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def real_set() -> Path | None:
    """The `.npz` of NW-UCLA, where the tests find it too."""
    root = Path(os.environ.get("SKELF_TEST_DATA", ROOT.parent / "shared/data"))
    path = root / "nw_ucla/nw_ucla.npz"
    return path if path.is_file() else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same", description=__doc__)
    parser.add_argument("--base", required=True, help="the commit to compare with")
    parser.add_argument("--workers", type=int, default=2, help="commands side by side (2)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder for all files")
    given = parser.parse_args()
    began = time.perf_counter()
    with TemporaryDirectory() as scratch:
        work = given.keep or Path(scratch) / "work"
        work.mkdir(parents=True)
        base = check_out(given.base, Path(scratch) / "base")
        launchers = Launchers(given.workers, Path(scratch))
        try:
            rows = prove(base, work.resolve(), steps(real_set()), launchers)
        finally:
            launchers.close()
    print("| what | made again by the new code | old files, opened by it |\n|---|---|---|")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    bad = [row for row in rows if any(cell.startswith(("DIFFERS", "FAILS")) for cell in row)]
    print(f"\n{len(rows) - len(bad)} of {len(rows)} equal; {time.perf_counter() - began:.0f} s")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
