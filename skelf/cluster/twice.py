"""Tells a scheduler how often a worker may die with an item of ours, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .task import PREFIX

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client, Scheduler, SchedulerPlugin


def set_apart_after_two(client: Client) -> None:
    """The second death of a worker that had an item sets it apart.

    The setting `distributed.scheduler.allowed-failures` is the scheduler's own, of all its users.
    So items of ours begin with as many deaths behind them as leave what their key says.
    """
    client.register_plugin(_plugin())


def _plugin() -> SchedulerPlugin:
    from distributed import SchedulerPlugin

    prefix = PREFIX

    class Twice(SchedulerPlugin):  # in here: travels whole, so that the scheduler need not have it
        name = "skelf-twice"
        idempotent = True

        def update_graph(self, scheduler: Scheduler, *, keys: set[Key], **_: object) -> None:
            for key in keys:
                if str(key).startswith(prefix):
                    left = int(str(key).rpartition("-")[2])
                    scheduler.tasks[key].suspicious = scheduler.allowed_failures - left

    return Twice()
