"""The process of `background.Worker`: `python -m skelf.studio.project.work WORK PLACE [STEPS]`."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

from ...errors import InputError, Stopped
from . import tries
from .background import STEPS
from .project import Project

MOST = 5.0
"""Seconds that work has to end in order once nobody waits for it."""


def main(words: list[str]) -> int:
    """Does the work; the exit code is 0 where it was done or ended as asked."""
    work, place, *steps = words
    ended = threading.Event()
    threading.Thread(target=_watch, args=(ended, Path(place)), daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(5)  # the page comes first
    try:
        if work == "import":
            from .importing import bring_in

            bring_in(Project.open(place), ended.is_set)
        else:
            from .encoder import train  # torch and Lightning: seconds

            train(Project.open(place), ended.is_set, int(steps[0]) if steps else STEPS)
    except Stopped:
        return 0
    except (InputError, OSError):  # its progress says so
        traceback.print_exc()
        return 2
    return 0


def _watch(ended: threading.Event, place: Path) -> None:
    """Notices that the pipe of whoever began this has closed."""
    with suppress(OSError):
        while os.read(0, 64):
            pass
    ended.set()
    threading.Event().wait(MOST)
    tries.forgive(place)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
