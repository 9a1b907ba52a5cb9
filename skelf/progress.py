"""What a person watches during training: a live bar on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .log import Event


class TrainingDisplay:
    """A listener for `engine.fit`: epoch, loss and its terms, clips/s, time left.

    Args:
        console: where to draw.
        epochs: how many epochs the run has.
    """

    def __init__(self, console: Console, epochs: int) -> None:
        self.console, self.epochs, self.reading = console, epochs, ""
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
        self.task = self.bar.add_task("", total=None, epoch=1, epochs=epochs, terms="", speed=0.0)

    def __enter__(self) -> TrainingDisplay:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def __call__(self, event: Event) -> None:
        """Shows an event."""
        if event["event"] == "monitor":
            self.reading = f"  k-NN {event['knn_top1']:.1%}"
            if not self.console.is_terminal:
                self.console.print(f"epoch {event['epoch'] + 1}/{self.epochs}{self.reading}")
        elif event["event"] == "step":
            done = event["epoch"] * event["batches"] + event["batch"]
            self.bar.update(
                self.task,
                total=self.epochs * event["batches"],
                completed=done,
                epoch=event["epoch"] + 1,
                terms=_terms(event) + self.reading,
                speed=event["clips_per_second"],
            )
        elif not self.console.is_terminal:
            self.console.print(
                f"epoch {event['epoch'] + 1}/{self.epochs}  {_terms(event)}  "
                f"{event['clips_per_second']:,.0f} clips/s",
                highlight=False,
            )


_PLAIN = {"event", "epoch", "step", "batch", "batches", "clips_per_second", "lr"}


def _terms(event: Event) -> str:
    return "  ".join(f"{k} {v:.4g}" for k, v in event.items() if k not in _PLAIN)
