"""What the shell waits for: processor time of short commands, beside that of an older commit.

    python -m benchmarks.startup --base 106fba9

Old and new take turns, each command in a process of its own; medians. The old commit is checked
out into a temporary folder. Both have their bytecode, as an installed package has: one round that
does not count writes it. The floor is what Python and the libraries that a command cannot do
without take by themselves.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from skelf.data.synthetic import clips as synthetic
from skelf.layouts import KINECT20

from .machine import describe

ROOT = Path(__file__).parents[1]
# What is shown -> the words after `python`; STORE is replaced.
COMMANDS = {
    "import skelf": ("-c", "import skelf"),
    "skelf --help": ("-m", "skelf", "--help"),
    "skelf data --help": ("-m", "skelf", "data", "--help"),
    "skelf list methods": ("-m", "skelf", "list", "methods"),
    "skelf list formats": ("-m", "skelf", "list", "formats"),
    "skelf data info": ("-m", "skelf", "data", "info", "STORE"),
}
TYPER = "import typer, rich.table"
# Typer reads arguments with pydantic.
READS = f"{TYPER}\nfrom pydantic import TypeAdapter\nTypeAdapter(str)"
FLOORS = {
    "import skelf": "pass",
    "skelf --help": "import typer",
    "skelf data --help": "import typer",
    "skelf list methods": READS,
    "skelf list formats": READS,
    "skelf data info": f"{READS}\nimport h5py",
}


class Row(NamedTuple):
    """Medians in seconds of processor time."""

    command: str
    old: float
    new: float
    floor: float

    @property
    def ratio(self) -> float:
        """How many times less the new one takes."""
        return self.old / self.new


def measure(old: Path, new: Path, repeats: int, names: Sequence[str]) -> list[Row]:
    """Times commands in two trees of the repository, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "made.h5")
        synthetic.generate(KINECT20, clips=240).save(store)
        rows = []
        for name in names:
            words = [word.replace("STORE", str(store)) for word in COMMANDS[name]]
            runs = {
                "old": (old, words),
                "new": (new, words),
                "floor": (new, ["-c", FLOORS[name]]),
            }
            seconds: dict[str, list[float]] = {side: [] for side in runs}
            for repeat in range(repeats + 1):
                for side, (tree, arguments) in runs.items():
                    spent = processor_seconds(arguments, environment(tree, Path(folder, side)))
                    if repeat:
                        seconds[side].append(spent)
            rows.append(Row(name, *(statistics.median(seconds[side]) for side in runs)))
    return rows


def environment(tree: Path, bytecode: Path) -> dict[str, str]:
    """Where a process finds skelf and keeps bytecode."""
    settings = os.environ | {"PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": str(bytecode)}
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    return settings


def processor_seconds(arguments: Sequence[str], settings: Mapping[str, str]) -> float:
    """User and system time of `python arguments`, all threads."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=dict(settings),
        cwd=tempfile.gettempdir(),  # else `-m` and `-c` would find the skelf of this folder
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    complaint = process.stderr.read().decode()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"python {' '.join(arguments)}: {complaint.strip()[-2000:]}")
    return usage.ru_utime + usage.ru_stime


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit, while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        tree, git = Path(folder, "tree"), ["git", "-C", str(ROOT), "worktree"]
        command = [*git, "add", "--quiet", "--detach", str(tree), commit]
        subprocess.run(command, check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def table(rows: Sequence[Row], base: str) -> str:
    """The rows in Markdown."""
    lines = [f"| processor time | {base} | here | ratio | floor |", "|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| `{row.command}` | {row.old:.3f} s | {row.new:.3f} s | **{row.ratio:.1f}** | "
            f"{row.floor:.3f} s |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, metavar="COMMIT", help="What to compare with.")
    parser.add_argument("--repeats", type=int, default=9)
    told = parser.parse_args()
    with checked_out(told.base) as old:
        rows = measure(old, ROOT, told.repeats, list(COMMANDS))
    about = describe()
    print(", ".join(f"{key} {about[key]}" for key in ("date", "processor", "cores", "load")))
    print(f"commit {about['commit']}, Python {about['python']}, medians of {told.repeats}\n")
    print(table(rows, told.base))


if __name__ == "__main__":
    main()
