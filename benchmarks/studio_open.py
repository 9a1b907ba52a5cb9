"""`python -m benchmarks.studio_open [FOLDER]`: how long a project of 100 hours takes to open.

Made up: 600 recordings of ten minutes at 30 frames a second, 25 joints, and 100,000 labels, each an
action of its own. Stores open lazily, so that only the first has joints; the table and the journal,
which are what opening reads, are whole. Each reading is of a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RECORDINGS, MINUTES, FPS, JOINTS, LABELS, CLASSES = 600, 10, 30, 25, 100_000, 30
FRAMES = MINUTES * 60 * FPS
REPEATS = 5


def made(folder: Path) -> None:
    """The project on the disk."""
    from skelf.data.clips import ClipSet
    from skelf.layouts import NTU25
    from skelf.studio.labels.lines import HEADER, packed
    from skelf.studio.labels.segment import Segment, new_id
    from skelf.studio.project import table
    from skelf.studio.project.project import LABELS as JOURNAL
    from skelf.studio.project.project import STORES, TABLE, Project
    from skelf.studio.project.recording import Doubt, Recording

    project = Project.create(folder)
    doubts = (Doubt("jump", "warning", "joints faster than 15 body heights a second", "look", 17),)
    names = [f"day {at // 20:02}/recording {at:03}" for at in range(RECORDINGS)]
    rows = [
        Recording(
            name, f"{name}.csv", FRAMES, FPS, 1, "ntu25", JOINTS, 3, f"{at:032x}", f"{at:03}.h5",
            "1-1", doubts, None,
        )
        for at, name in enumerate(names)
    ]  # fmt: skip
    table.write(project.place / TABLE, rows)
    random = np.random.default_rng(0)
    joints = random.standard_normal((FRAMES, 1, JOINTS, 3)).astype(np.float32)
    ClipSet.build(joints, [FRAMES], NTU25, name=names[:1]).save(project.place / STORES / "000.h5")
    each = FRAMES // (LABELS // RECORDINGS + 1)
    line, crc = packed(HEADER, 0)
    lines, classes = [line], [f"class {number}" for number in range(CLASSES)]
    for at in range(LABELS):
        start = at // RECORDINGS * each
        label = classes[int(random.integers(CLASSES))]
        segment = Segment(new_id(), names[at % RECORDINGS], start, start + each // 2, label)
        entry = {"do": "add", "after": [segment.row()]}
        if not at:
            entry["classes"] = [[], [*classes]]
        line, crc = packed(entry, crc)
        lines.append(line)
    (project.place / JOURNAL).write_bytes(b"".join(lines))


def reading(folder: Path) -> dict[str, float]:
    """Seconds of each part of opening, and MiB that the process holds at most."""
    clock, began = [time.perf_counter()], time.process_time()
    from skelf.studio.labels import actions
    from skelf.studio.project.project import Project

    clock.append(time.perf_counter())
    project = Project.open(folder)
    clock.append(time.perf_counter())
    story = project.history()
    clock.append(time.perf_counter())
    processor = time.process_time() - began
    memory = peak()
    assert (len(project.recordings), len(story.labels)) == (RECORDINGS, LABELS)
    name = project.recordings[0].name
    project.joints(name, 9000, 9100)
    clock.append(time.perf_counter())
    story.do(actions.add(story.labels, name, FRAMES - 5, FRAMES, "class 3"))
    clock.append(time.perf_counter())
    story.undo()
    clock.append(time.perf_counter())
    story.close()
    keys = ("imports s", "table s", "labels s", "100 frames s", "an action s", "undo s")
    told = dict(zip(keys, np.diff(clock).tolist(), strict=True))
    opened = told["imports s"] + told["table s"] + told["labels s"]
    return told | {"opened s": opened, "of processor time s": processor, "peak MiB": memory}


def peak() -> float:
    """MiB that this process has held at most; NaN where the system does not say.

    Not `getrusage`: it counts what the process that began this one held.
    """
    try:
        told = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def serving() -> dict[str, float]:
    """Seconds until a process has all that the page's server is made of, and what it holds."""
    clock, began = time.perf_counter(), time.process_time()
    import skelf.studio.page.serve  # noqa: F401

    wall, processor = time.perf_counter() - clock, time.process_time() - began
    return {"the server's imports s": wall, "of processor time s": processor, "peak MiB": peak()}


def main(words: list[str]) -> None:
    """Makes the project, and opens it some times: first without a snapshot."""
    if words[:1] == ["--reading"]:
        print(json.dumps(reading(Path(words[1])) if words[1:] else serving()))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(words[0]) if words else Path(folder)
        made(place)
        for number in range(1 + REPEATS):
            after = "with a snapshot" if number else "the journal alone, snapshot written"
            print(after, apart(str(place)), flush=True)
        for _ in range(REPEATS):
            print(apart(), flush=True)


def apart(*words: str) -> dict[str, float]:
    """A reading of a process of its own."""
    # As a script: the package of benchmarks imports torch, which the studio does later.
    command = [sys.executable, "-P", __file__, "--reading", *words]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    return {key: round(value, 3) for key, value in json.loads(done.stdout).items()}


if __name__ == "__main__":
    main(sys.argv[1:])
