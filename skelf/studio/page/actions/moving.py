"""Going about: recordings, panels, the page of keys."""

from __future__ import annotations

from ..panels.keys import show
from ..told import Told
from ..window import Window


async def ready(window: Window, what: Told) -> None:
    """The scripts have started: the recording that was open, or the first."""
    names = [recording.name for recording in window.studio.recordings]
    if names:
        await window.open(window.recording if window.recording in names else names[0])


async def neighbour(window: Window, what: Told) -> None:
    """The recording before or after."""
    names = [recording.name for recording in window.studio.recordings]
    at = names.index(what.recording) if what.recording in names else 0
    to = at + what.number("by")
    if 0 <= to < len(names):
        await window.open(names[to])


async def go(window: Window, what: Told) -> None:
    """A stretch of any recording: opened and marked."""
    await visit(window, what.text("to"), what.number("start"), what.number("end"))


async def visit(window: Window, recording: str, start: int, end: int) -> None:
    """Opens a recording at a stretch, and marks it."""
    if recording != window.recording:
        await window.open(recording, start)
    window.timeline.mark_out(start, end)
    window.timeline.seek(start)


def panel(window: Window, what: Told) -> None:
    """Another panel."""
    if what.text("to") in window.sheets:
        window.panel = what.text("to")
    window.refresh("panel")


def keys(window: Window, what: Told) -> None:
    """The page of keys."""
    show(window)
