"""An encoder of the project's own, pretrained on its recordings without labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b
from math import ceil
from pathlib import Path

from ...data.clips import ClipSet
from ...errors import InputError, Stopped
from ...locks import locked
from ...pretraining import pretrain
from ...training.log import Event
from . import progress
from .background import STEPS
from .pool import pooled
from .progress import Progress
from .project import Project

FILE = "encoder.json"
FOLDER = "encoder"
BATCH, FEWEST = 64, 4
"""Clips of a step, and epochs at least."""
SAVES = 100
"""Checkpoints of a training, at most: with few recordings an epoch is a step or two."""
SECONDS = 0.5
"""Between two notes of the progress."""


def train(project: Project, stop: Callable[[], bool] = lambda: False, steps: int = STEPS) -> Path:
    """Pretrains PartWhole's TCN on the recordings, or goes on where that ended; then it is theirs.

    Args:
        project: with recordings.
        stop: asked after each step.
        steps: about how many; another number is another run.

    Returns:
        The run, which `project.encoder` names from then on.

    Raises:
        InputError: there are no recordings, or another process is training.
        Stopped: as asked; to begin again goes on.
        OSError: the disk is full, or cannot be written.
    """
    folder = project.place / FOLDER
    busy = "an encoder is being trained already; wait for it"
    with locked(folder, ".lock", busy=busy, unwritable="cannot write here"):
        noted = _Noted(project.place / FILE)
        try:
            run = _trained(project, folder, noted, stop, steps)
            noted.say(noted.progress._replace(state="done", done=noted.progress.total))
        except (InputError, OSError, RuntimeError) as error:
            noted.say(noted.progress._replace(state="stopped", problem=str(error)))
            raise
        except Stopped:
            noted.say(noted.progress._replace(state="stopped"))
            raise
    return run


def _trained(
    project: Project, folder: Path, noted: _Noted, stop: Callable[[], bool], steps: int
) -> Path:
    """The run, which a name for these very recordings and steps tells from others."""
    noted.say(noted.progress._replace(current="recordings"))
    digests = "".join(sorted(recording.digest for recording in project.recordings))
    name = blake2b(digests.encode(), digest_size=6).hexdigest()
    store, run = folder / f"{name}.h5", folder / (name if steps == STEPS else f"{name}-{steps}")
    if not store.is_file():
        pooled(project, store)
    clips = ClipSet.open(store)
    batch = min(BATCH, len(clips))
    epochs = max(FEWEST, ceil(steps * batch / len(clips)))
    settings = [
        f"train.batch_size={batch}", f"train.epochs={epochs}",
        f"train.save_every={ceil(epochs / SAVES)}",
    ]  # fmt: skip
    noted.say(noted.progress._replace(total=epochs, current="epochs"))
    pretrain(
        "partwhole", clips, out=run, overrides=settings, resume=True, listener=noted.listen,
        stop=stop,
    )  # fmt: skip
    project.encoder = f"{FOLDER}/{run.name}"
    return run


class _Noted:
    """Progress on the disk, from the events of training.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.say(Progress("running"))

    def say(self, now: Progress) -> None:
        """Writes it."""
        self.progress = now
        progress.write(self.path, now)
        self.wrote = time.monotonic()

    def listen(self, event: Event) -> None:
        """An epoch's part that is done, at most twice a second."""
        if event["event"] == "step" and time.monotonic() - self.wrote > SECONDS:
            done = int(event["epoch"])
            share = event["batch"] / event["batches"]
            text = f"epoch {done + 1} of {event['epochs']}, {share:.0%} of it"
            self.say(self.progress._replace(done=done, current=text))
