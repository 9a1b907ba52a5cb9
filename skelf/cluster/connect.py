"""A client of dask: of a scheduler that runs, or of one that SLURM's workers come to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .slurm import slurm
from .twice import set_apart_after_two
from .watch import Watch

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0
"""Seconds that a scheduler has to answer."""


@contextmanager
def connected(scheduler: str, workers: int, patience: float) -> Iterator[tuple[Client, Watch]]:
    """A client, and who looks after its workers; see `gathered`."""
    with ExitStack() as stack:
        if scheduler == "slurm":
            cluster = stack.enter_context(slurm(workers))
            client = _client(cluster)
            watch = Watch(client, "slurm", None, "")  # its queue may be long: waiting is no error
        else:
            if workers != 1:
                raise InputError(
                    f"--workers {workers}: a scheduler has its own workers; leave it out"
                )
            client, name = _named(scheduler)
            remedy = f"start some: dask worker {name} --nthreads 1"
            watch = Watch(client, name, patience, remedy)
        stack.callback(_close, client)
        set_apart_after_two(client)
        yield client, watch


def _named(scheduler: str) -> tuple[Client, str]:
    if "://" in scheduler:
        return _client(scheduler), scheduler
    path = Path(scheduler)
    if path.is_file():
        return _client(None, scheduler_file=str(path)), f"--scheduler-file {path}"
    raise InputError(
        f"scheduler {scheduler!r}: no such file; use tcp://host:8786, the file of `dask scheduler "
        "--scheduler-file FILE`, or slurm"
    )


def _client(address: Any, **more: Any) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT, set_as_default=False, **more)
    except (OSError, TimeoutError):
        raise InputError(
            f"scheduler {address or more['scheduler_file']}: does not answer; start it: `dask "
            "scheduler`, which prints its address"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"scheduler {address or more['scheduler_file']}: {error}") from None


def _close(client: Client) -> None:
    with suppress(Exception):  # the scheduler may be gone
        client.close(timeout=2)
