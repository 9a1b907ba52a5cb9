"""What a run leaves to read: `log.jsonl`, one JSON object an event, and TensorBoard scalars."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..files import write_text
from ..settings.values import Value

Event = dict[str, Value]
Listener = Callable[[Event], None]

BOOKKEEPING = frozenset(
    {"event", "epoch", "epochs", "step", "batch", "batches", "lr", "clips_per_second", "wait_share"}
)
"""Keys of an event that are no term of the loss and no reading of the monitor."""


class RunLog:
    """Writes events to `run/log.jsonl` and `run/tensorboard/`; a context manager.

    A resumed run drops what was logged after the checkpoint that it resumes from, so that its log
    reads like that of an unbroken run.

    Args:
        run: the run's folder.
        epoch: events of later epochs are dropped.
    """

    def __init__(self, run: Path, epoch: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import, needed in training only

        self.path = run / "log.jsonl"
        earlier = [row for row in read_log(run) if row["epoch"] <= epoch]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in earlier))
        self._file = self.path.open("a", encoding="utf-8")
        step = earlier[-1].get("step", 0) + 1 if earlier else 0
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # every event was flushed; what failed has been said already
            self._file.close()
        with suppress(OSError):
            self._board.close()

    def __call__(self, event: Event) -> None:
        """Writes an event; single steps are for the display alone.

        Raises:
            OSError: naming the log, when it cannot be written.
        """
        if event["event"] == "step":
            return
        try:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()
            for key, value in event.items():
                if isinstance(value, float):
                    self._board.add_scalar(f"{event['event']}/{key}", value, event["step"])
        except OSError as error:
            raise OSError(f"{self.path}: cannot write the log: {error.strerror or error}") from None


def read_log(run: Path) -> list[Event]:
    """All events of a run, in order; a last line that a kill cut short is left out.

    So is what is no event of an epoch.
    """
    path = run / "log.jsonl"
    rows: list[Event] = []
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                break
            if isinstance(row, dict) and isinstance(row.get("epoch"), int):
                rows.append(row)
    return rows
