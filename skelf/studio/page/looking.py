"""The process that makes features: `python -m skelf.studio.page.looking PLACE`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from ...errors import InputError
from ..project import progress
from ..project.progress import Failed, Progress
from ..project.project import Project

FILE = "features.json"
LOG = "features.log"


def begun(project: Project) -> subprocess.Popen[bytes]:
    """The process, at work; it ends with this one."""
    with (project.place / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(project.place)],
            stdin=subprocess.PIPE, stdout=log, stderr=log,
            env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        )  # fmt: skip


def look(project: Project) -> Progress:
    """Makes the features of all recordings that have none; says how far it is on the disk."""
    from ..model import make_features, missing  # torch: seconds

    names = missing(project)
    now = Progress("running", total=len(names))
    for name in names:
        now = now._replace(current=name)
        progress.write(project.place / FILE, now)
        try:
            make_features(project, name)
        except InputError as error:  # the others may well fit
            now = now._replace(failed=(*now.failed, Failed(name, str(error))))
        now = now._replace(done=now.done + 1)
    now = now._replace(state="done", current="")
    progress.write(project.place / FILE, now)
    return now


def how_far(project: Project) -> Progress:
    """Where it stands."""
    return progress.read(project.place / FILE)


def main(words: list[str]) -> int:
    """Does the work."""
    threading.Thread(target=_end_with_reader, daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(5)  # the page comes first
    look(Project.open(Path(words[0])))
    return 0


def _end_with_reader() -> None:
    """Ends as soon as the pipe of whoever began this closes; features are whole or not there."""
    with suppress(OSError):
        while os.read(0, 64):
            pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
