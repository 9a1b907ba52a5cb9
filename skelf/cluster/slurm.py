"""Workers that SLURM starts, as dask's own configuration file says."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from distributed.deploy.cluster import Cluster


@contextmanager
def slurm(workers: int) -> Iterator[Cluster]:
    """A scheduler in this process, and so many workers that SLURM starts and replaces.

    Raises:
        InputError: there is no SLURM here, or dask's configuration says nothing of it.
    """
    import dask

    interrupt = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError:
        raise InputError('scheduler slurm: pip install "skelf[cluster]"') from None
    finally:  # dask_jobqueue 0.9 makes Ctrl-C an exit with code 0 where it is imported
        if interrupt is not None:
            signal.signal(signal.SIGINT, interrupt)
    if shutil.which("sbatch") is None:
        raise InputError("scheduler slurm: no `sbatch` here; call it where SLURM's jobs are sent")
    given = dask.config.get("jobqueue.slurm", {})
    for key in ("cores", "memory"):
        if given.get(key) is None:
            raise InputError(
                f"scheduler slurm: jobqueue.slurm.{key} is not set; write it to "
                "~/.config/dask/jobqueue.yaml, see docs/cluster.md"
            )
    threads = max(1, int(given["cores"]) // int(given.get("processes") or 1))
    with SLURMCluster(
        scheduler_options={"dashboard_address": None, **(given.get("scheduler-options") or {})},
        worker_extra_args=[*(given.get("worker-extra-args") or []), "--nthreads", "1"],
        job_script_prologue=[
            f"export OMP_NUM_THREADS={threads}", *(given.get("job-script-prologue") or []),
        ],
    ) as cluster:  # fmt: skip
        cluster.adapt(minimum=workers, maximum=workers)
        yield cluster
