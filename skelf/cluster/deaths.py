"""Makes a scheduler tell each death of a worker that had an item of ours, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .task import PREFIX

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client, Scheduler, SchedulerPlugin


def tell_each_death(client: Client) -> None:
    """A worker's death gives its items back, and whoever sent them counts (`Tries`).

    The setting `distributed.scheduler.allowed-failures` is the scheduler's own, of all its users.
    So items of ours begin with as many deaths behind them as it allows.
    """
    client.register_plugin(_plugin())


def _plugin() -> SchedulerPlugin:
    from distributed import SchedulerPlugin

    prefix = PREFIX

    class Told(SchedulerPlugin):  # in here: travels whole, so that the scheduler need not have it
        name = "skelf-deaths"
        idempotent = True

        def update_graph(self, scheduler: Scheduler, *, keys: set[Key], **_: object) -> None:
            for key in keys:
                if str(key).startswith(prefix):
                    scheduler.tasks[key].suspicious = scheduler.allowed_failures

    return Told()
