"""Gathers a crew: this process, processes of this machine, or what a scheduler has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .alone import Alone
from .crew import Crew
from .local import LocalCrew

PATIENCE = 60.0
"""Seconds without any worker until that is an error."""


@contextmanager
def gathered(
    scheduler: str | None = None,
    workers: int = 1,
    *,
    paths: Sequence[Path] = (),
    say: Callable[[str], None] = lambda text: None,
    logs: Path | None = None,
    patience: float = PATIENCE,
) -> Iterator[Crew]:
    """A crew, until the end of the block.

    Args:
        scheduler: of dask: `tcp://host:port`, the file that it wrote (`--scheduler-file`), or
            `slurm`, which starts workers as dask's configuration says (`jobqueue.slurm`). None: on
            this machine.
        workers: processes of this machine, with 1 this one alone; with `slurm` the workers that are
            asked for.
        paths: what every worker must see: inputs, and folders that are written to.
        say: told what people wait for.
        logs: folder for what processes of this machine print; None: where this one prints.
        patience: seconds without any worker until that is an error; SLURM's queue may last.

    Raises:
        InputError: no such scheduler, no workers, or one that has other versions or not the files.
    """
    if workers < 1:
        raise InputError(f"workers: {workers}; at least 1")
    if scheduler is None and workers == 1:
        yield Alone()
        return
    if scheduler is None:
        with LocalCrew(workers, logs) as crew:
            yield crew
        return
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError('--scheduler: pip install "skelf[cluster]"') from None
    from .connect import connected
    from .dask_crew import DaskCrew
    from .probe import marked
    from .quiet import quiet

    with (
        quiet(),
        marked(paths) as place,
        connected(scheduler, workers, patience) as (client, watch),
    ):
        watch.start(place, say)
        yield DaskCrew(client, place, watch)
