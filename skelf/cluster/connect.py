"""A client of dask: of a scheduler that runs, or of one that SLURM's workers come to."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .deaths import tell_each_death
from .slurm import slurm
from .watch import Watch

if TYPE_CHECKING:
    from distributed import Client
    from distributed.deploy.cluster import Cluster

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
            client = _named(scheduler)
            name = str(client.scheduler_info()["address"])
            remedy = f"start some: dask worker {name} --nthreads 1"
            watch = Watch(client, name, patience, remedy)
        stack.callback(_close, client)
        tell_each_death(client)
        yield client, watch


def _named(scheduler: str) -> Client:
    if "://" in scheduler:
        return _client(scheduler)
    path = Path(scheduler)
    if path.is_file():
        return _client(None, str(path))
    raise InputError(
        f"scheduler {scheduler!r}: no such file; use tcp://host:8786, the file of `dask scheduler "
        "--scheduler-file FILE`, or slurm"
    )


def _client(address: str | Cluster | None, file: str | None = None) -> Client:
    from distributed import Client

    # One that failed waits for a lock when it is collected, which the next holds while its thread
    # starts: should that thread be where it is collected, both wait for ten seconds.
    gc.collect()
    try:
        return Client(address, timeout=CONNECT, scheduler_file=file, set_as_default=False)
    except (OSError, TimeoutError):
        raise InputError(
            f"scheduler {address or file}: does not answer; start it: `dask scheduler`, which "
            "prints its address"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"scheduler {address or file}: {error}") from None


def _close(client: Client) -> None:
    with suppress(Exception):  # the scheduler may be gone
        client.close(timeout=2)
