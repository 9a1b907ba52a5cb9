"""What a run leaves to read: `log.jsonl`, one JSON object an event, and TensorBoard scalars."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class RunLog:
    """Writes events to `run/log.jsonl` and `run/tensorboard/`.

    A resumed run drops what was logged after the checkpoint that it resumes from, so that its log reads like that of an
    unbroken run.

    Args:
        run: the run's folder.
        epoch: events of later epochs are dropped.
    """

    def __init__(self, run: Path, epoch: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import, needed in training only

        path = run / "log.jsonl"
        kept = [row for row in read_log(run) if row["epoch"] <= epoch]
        beside = path.with_suffix(".part")
        beside.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        os.replace(beside, path)
        self._file = path.open("a", encoding="utf-8")
        step = kept[-1]["step"] + 1 if kept else 0
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step)

    def __call__(self, event: Event) -> None:
        """Writes an event; single steps are for the display alone."""
        if event["event"] == "step":
            return
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        for key, value in event.items():
            if isinstance(value, float):
                self._board.add_scalar(f"{event['event']}/{key}", value, event["step"])

    def close(self) -> None:
        """Flushes and closes both."""
        self._file.close()
        self._board.close()


def read_log(run: Path) -> list[Event]:
    """All events of a run, in order; a last line that a kill cut short is left out."""
    path = run / "log.jsonl"
    rows: list[Event] = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows
