"""Long work of a project in a process of its own, which ends with the one that began it.

It ends with it killed or not, since the pipe between them closes then. What it had done stays, and
it goes on from there when it is begun again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ...errors import InputError
from . import progress
from .project import Project

Work = Literal["import", "encoder"]
FILES: dict[Work, str] = {"import": "import.json", "encoder": "encoder.json"}
"""Where each says how far it is, in the project's folder."""
LOG = "work.log"
STEPS = 2000
"""About so many steps train an encoder: minutes on two cores."""
LENGTHS = {"a try": STEPS // 20, "the usual": STEPS, "long": 5 * STEPS}
"""Steps by what a person chooses."""
PATIENCE = 10.0


class Worker:
    """A process at work.

    Args:
        project: that it works for.
        work: what it does: "import" brings recordings in, "encoder" trains one on them.
        how: more words for it: of "encoder" the steps.
    """

    def __init__(self, project: Project, work: Work, *how: str) -> None:
        if how_far(project, work).state == "running":
            raise InputError(f"{project.folder}: this runs already; wait for it")
        with (project.place / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "skelf.studio.project.work",
                    work,
                    str(project.place),
                    *how,
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the studio, which ends this in order
                env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
            )

    @property
    def is_alive(self) -> bool:
        """Whether it works still."""
        return self._process.poll() is None

    def wait(self, seconds: float | None = None) -> int:
        """Waits until it has ended; its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Ends it, what it had done stays."""
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def how_far(project: Project, work: Work) -> progress.Progress:
    """Where it stands, whoever began it."""
    return progress.read(Path(project.place) / FILES[work])
