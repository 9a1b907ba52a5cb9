"""What a person watches during training: a live bar on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import warnings
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .log import BOOKKEEPING, Event


class TrainingDisplay:
    """A listener for `training.loop.fit`: epoch, loss and its terms, clips/s, time left.

    While it is entered, a warning is a line above the bar.

    Args:
        console: where to draw.
    """

    def __init__(self, console: Console) -> None:
        self.console, self.epochs, self.terms, self.reading = console, 0, "", ""
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[terms]}"),
            TextColumn("{task.fields[speed]:,.0f} clips/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task(
            "", total=None, epoch=0, epochs=0, terms="", speed=0.0, visible=False
        )

    def __enter__(self) -> TrainingDisplay:
        self._filters = warnings.catch_warnings()
        self._filters.__enter__()
        warnings.showwarning = self._note
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()
        self._filters.__exit__(kind, error, trace)

    def _note(self, message: Warning | str, *_: object, **__: object) -> None:
        self._say(f"note: {message}", style="yellow")

    def _say(self, line: str, style: str | None = None) -> None:
        self.console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)

    def __call__(self, event: Event) -> None:
        """Shows an event."""
        if event["event"] == "resume":
            self._say(f"goes on after epoch {event['epoch'] + 1} with {_changes(event)}")
            return
        if event["event"] == "note":
            self._note(event["text"])
            return
        if event["event"] == "monitor":
            self._show_reading(event)
            return
        if event["event"] == "step":
            self.epochs, self.terms = event["epochs"], _terms(event)
            self.bar.update(
                self.task,
                total=self.epochs * event["batches"],
                completed=event["epoch"] * event["batches"] + event["batch"],
                visible=True,
                epoch=event["epoch"] + 1,
                epochs=self.epochs,
                terms=self.terms + self.reading,
                speed=event["clips_per_second"],
            )
            return
        if not self.console.is_terminal:
            text = f"{_terms(event)}  {event['clips_per_second']:,.0f} clips/s"
            text += f"  waits {event['wait_share']:.1%}"
            self._say(f"epoch {event['epoch'] + 1}/{self.epochs}  {text}")

    def _show_reading(self, event: Event) -> None:
        """A line of it, on a terminal too; the bar has room for its first value alone."""
        text = _terms(event)
        self.reading = f"  {text.partition('  ')[0]}"
        self.bar.update(self.task, terms=self.terms + self.reading)
        done = event["epoch"] + 1
        self._say(f"{f'epoch {done}/{self.epochs}' if done else 'before training'}  {text}")


def _terms(event: Event) -> str:
    return "  ".join(f"{k} {v:.4g}" for k, v in event.items() if k not in BOOKKEEPING)


def _changes(event: Event) -> str:
    changed = event["changes"].items()
    return ", ".join(f"{key}={after} (before: {before})" for key, (before, after) in changed)
