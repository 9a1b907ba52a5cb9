"""The process that makes features: `python -m skelf.studio.page.looking PLACE`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ...errors import InputError
from ..project import progress
from ..project.progress import Failed, Progress
from ..project.project import Project

FILE = "features.json"
LOG = "features.log"


def begun(project: Project, first: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """The process, at work; it ends with this one.

    Args:
        project: whose recordings are looked at.
        first: names of those that somebody waits for.
    """
    with (project.place / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(project.place)],
            stdin=subprocess.PIPE, stdout=log, stderr=log,
            env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        )  # fmt: skip
    prefer(process, first)
    return process


def prefer(process: subprocess.Popen[bytes], first: Sequence[str]) -> None:
    """Tells the process which recordings are to come first, in place of those told before."""
    assert process.stdin is not None
    with suppress(OSError):  # it is done
        os.write(process.stdin.fileno(), json.dumps([*first]).encode() + b"\n")


def look(project: Project, first: Callable[[], Sequence[str]] = tuple) -> Progress:
    """Makes the features of all recordings that have none; says how far it is on the disk.

    Args:
        project: the project.
        first: asked before each recording for the names that come before all others.
    """
    from ..model import make_features, missing  # torch: seconds

    left = dict.fromkeys(missing(project))
    now = Progress("running", total=len(left))
    while left:
        name = next((name for name in first() if name in left), next(iter(left)))
        del left[name]
        now = now._replace(current=name)
        progress.write(project.place / FILE, now)
        try:
            make_features(project, name)
        except InputError as error:  # the others may well fit
            now = now._replace(failed=(*now.failed, Failed(name, _why(project, name, error))))
        now = now._replace(done=now.done + 1)
    now = now._replace(state="done", current="")
    progress.write(project.place / FILE, now)
    return now


def _why(project: Project, name: str, error: InputError) -> str:
    """What stands in the way of a recording, without the file that it is kept in."""
    reason = str(error).partition(f"{project.recording(name).store}: ")
    axes = {recording.coordinates for recording in project.recordings}
    own = " Or move it into a folder of its kind, and make that a project" if len(axes) > 1 else ""
    return f"{reason[2] or reason[0]}{own and '.'}{own}"


def how_far(project: Project) -> Progress:
    """Where it stands."""
    return progress.read(project.place / FILE)


def main(words: list[str]) -> int:
    """Does the work."""
    first: list[str] = []
    threading.Thread(target=_listen, args=(first,), daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(5)  # the page comes first
    look(Project.open(Path(words[0])), lambda: [*first])
    return 0


def _listen(first: list[str]) -> None:
    """Takes over which recordings come first.

    Ends all as soon as the pipe of whoever began this closes; features are whole or not there.
    """
    with suppress(OSError, ValueError):
        for line in sys.stdin:
            first[:] = json.loads(line)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
