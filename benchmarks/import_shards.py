"""Import into shards by one and by two workers, beside the import into one file by two processes.

    python -m benchmarks.import_shards --files 1200 --repeats 3 [--workers 2,3,4]

Files are generated: NTU RGB+D's text and CSV with a row a frame, 60 frames each. Each side runs in
a fresh process; the sides take turns; medians of seconds from the listing of the files to the
finished set, and of the processor time of all its processes. On a machine that does other work the
processor time says what is added; seconds say what is gained.

shards 1   `import_shards`, this process alone
shards 2   `import_shards`, two processes; others by `--workers`
halves 2   two processes that each make a set of half of the files, from when both have started and
           listed: what two of this machine's cores give at most, as they share caches and memory
file 2     the reader with `workers=2` where it has that (CSV's has not), then `save`
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
FRAMES = 60


def ntu(folder: Path, files: int) -> None:
    """One body in every frame of each file."""
    rest = " 277.4 191.8 1036.2 519.2 -0.206 0.0535 0.969 -0.124 2"
    joints = np.random.default_rng(0).uniform(-1, 3, (FRAMES, 25, 3))
    lines = [f"{FRAMES}"]
    for frame in joints:
        lines += ["1", "72057594037931101 0 1 1 1 1 0 0.0276 0.0551 2", "25"]
        lines += [f"{x:.7f} {y:.7f} {z:.7f}{rest}" for x, y, z in frame]
    for at in range(files):
        name = f"S001C{at % 3 + 1:03}P{at // 180 + 1:03}R001A{at // 3 % 60 + 1:03}.skeleton"
        (folder / name).write_text("\n".join(lines) + "\n")


def csv(folder: Path, files: int) -> None:
    """The 20 joints of a Kinect in every row."""
    from skelf.layouts import KINECT20

    values = np.random.default_rng(0).uniform(-1, 3, (FRAMES, 60))
    head = ",".join(f"{name}_{axis}" for name in KINECT20.names for axis in "xyz")
    text = "\n".join([head, *(",".join(f"{v:.6f}" for v in row) for row in values)]) + "\n"
    for at in range(files):
        (folder / f"{at:05}.csv").write_text(text)


FORMATS: dict[str, tuple[Callable[[Path, int], None], int]] = {"ntu": (ntu, 4), "csv": (csv, 1)}
"""What writes files, and how many times as many: NTU's are read faster."""


def side(name: str, format_: str, data: Path, out: Path, files: int) -> tuple[int, float]:
    """Does it, and gives the number of clips and the seconds."""
    from skelf.data.auto import Found
    from skelf.data.importing import import_shards
    from skelf.data.importing.listed import listing_of
    from skelf.data.reading import read, reader_arguments

    kind, workers = name.split()
    most = max(1, files // 16)
    if kind == "halves":
        return halves(format_, data, out, most)
    began = time.perf_counter()
    if kind == "file":
        words = ["workers=2"] if format_ == "ntu" else []
        clips = read(format_, data, None, reader_arguments(format_, words), scratch=out.parent)
        clips.save(out.with_suffix(".h5"))
    else:
        listing, _ = listing_of(Found(format_, "", (data,)), None, ())
        clips = import_shards(listing, out, format_, workers=int(workers), files=most).clips
    return len(clips), time.perf_counter() - began


def halves(format_: str, data: Path, out: Path, files: int) -> tuple[int, float]:
    """Clips of two processes that share no work and wait for nobody, and seconds of the slower."""
    context = get_context("spawn")
    ready, said = context.Barrier(2), context.SimpleQueue()
    both = [
        context.Process(target=half, args=(which, format_, data, out, files, ready, said))
        for which in (0, 1)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    clips, seconds = zip(*(said.get() for _ in both), strict=True)
    return sum(clips), max(seconds)


def half(
    which: int,
    format_: str,
    data: Path,
    out: Path,
    files: int,
    ready: Barrier,
    said: SimpleQueue[tuple[int, float]],
) -> None:
    """Makes a set of one half, when the other has started and listed, too."""
    from skelf.data.auto import Found
    from skelf.data.importing import import_shards
    from skelf.data.importing.listed import listing_of
    from skelf.machine.memory import keep_freed

    warnings.simplefilter("ignore")
    keep_freed()
    listing, _ = listing_of(Found(format_, "", (data,)), None, ())
    items = listing.items[which::2]
    ready.wait()
    began = time.perf_counter()
    made = import_shards(replace(listing, items=items), out / str(which), format_, files=files)
    said.put((len(made.clips), time.perf_counter() - began))


def timed(name: str, format_: str, data: Path, files: int) -> tuple[float, float]:
    """Seconds and processor seconds of a side, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=data.parent) as out:
        words = ["--side", name, format_, str(data), str(Path(out) / "set")]
        command = [sys.executable, __file__, "--files", str(files), *words]
        settings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=settings
        )
    wall, used = json.loads(done.stdout.splitlines()[-1])
    return wall, used


def table(files: int, repeats: int, workers: list[int]) -> str:
    """Medians in Markdown, and how many times faster than one process each is."""
    sides = ("shards 1", *(f"shards {count}" for count in workers), "halves 2", "file 2")
    heads = ["format", *(f"{name}, s (processor)" for name in sides)]
    heads += [f"shards 1 : {name}" for name in sides[1:]]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for format_, (write, times) in FORMATS.items():
        count = files * times
        place = Path(tempfile.mkdtemp(prefix="skelf-"))
        try:
            data = place / "data"
            data.mkdir()
            write(data, count)
            seen: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
            for _ in range(repeats):
                for name, found in seen.items():
                    found.append(timed(name, format_, data, count))
        finally:
            shutil.rmtree(place)
        medians = [
            [statistics.median(column) for column in zip(*found, strict=True)]
            for found in seen.values()
        ]
        cells = [f"{wall:.2f} ({used:.2f})" for wall, used in medians]
        cells += [f"**{medians[0][0] / wall:.2f}**" for wall, _ in medians[1:]]
        lines.append(f"| {' | '.join([format_, *cells])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", default="2", help="of further imports, with commas")
    parser.add_argument("--side", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        warnings.simplefilter("ignore")
        name, format_, data, out = given.side
        import skelf.data.importing  # noqa: F401  what every side loads does not count
        from skelf.machine.memory import keep_freed

        keep_freed()  # as the command line does

        clips, wall = side(name, format_, Path(data), Path(out), given.files)
        assert clips == given.files
        both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(json.dumps([wall, sum(each.ru_utime + each.ru_stime for each in both)]))
        return
    from .machine import describe

    about = describe()
    print(", ".join(f"{key} {about[key]}" for key in ("date", "processor", "cores", "load")))
    print(f"{given.files} files, medians of {given.repeats}\n")
    print(table(given.files, given.repeats, [int(count) for count in given.workers.split(",")]))


if __name__ == "__main__":
    main()
