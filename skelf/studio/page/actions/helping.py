"""Suggestions, the next stretch, borders, the like: the model's help.

A suggestion is known by what the person saw: recording, bounds and class. Whether the model still
says so does not matter to their answer.
"""

from __future__ import annotations

from asyncio import to_thread

from ....errors import InputError
from ...labels import actions
from ...labels.segment import Segment
from ...model import next_stretch
from ...model import similar as likes
from ...model.table import Table
from ..told import Chosen, Told
from ..window import Window
from .labelling import around
from .moving import visit


def accept(window: Window, what: Told) -> None:
    """The chosen suggestion becomes a label."""
    one = _chosen(what)
    window.studio.history.do(
        lambda labels: actions.accept(labels, what.recording, one.start, one.end, one.label)
    )


def refuse(window: Window, what: Told) -> None:
    """The chosen suggestion is wrong: the model is told so."""
    one = _chosen(what)
    window.studio.history.do(
        lambda labels: actions.refuse(labels, what.recording, one.start, one.end, one.label)
    )


def accept_all(window: Window, what: Told) -> None:
    """All suggestions that the window showed as sure, in one action."""
    new = [
        Segment("", what.recording, start, end, label, "is", "accepted")
        for (start, end), label in what.stretches("those")
    ]
    window.studio.history.do(lambda labels: actions.put(labels, new, name="accept"))
    window.say(f"{len(new)} accepted; undo takes them back together.")


async def next_(window: Window, what: Told) -> None:
    """The stretch whose label teaches most."""
    helper, labels = window.studio.helper, window.studio.history.labels
    found = await to_thread(
        next_stretch, _table(window), helper.answers.learnt, [*labels],
        finished=labels.finished, passed=window.passed,
    )  # fmt: skip
    window.stretch = found
    if found is None:
        window.say("Nothing is left to ask about.")
        return
    await visit(window, found.recording, found.start, found.end)
    window.timeline.run("show_loop")
    window.refresh("suggestions")


async def skip(window: Window, what: Told) -> None:
    """Not this one."""
    if window.stretch is not None:
        window.passed.append(window.stretch)
    await next_(window, what)


async def grow(window: Window, what: Told) -> None:
    """Marks what goes on at a frame."""
    frame = what.number("frame") if "frame" in what.more else what.frame
    place = Told("grow", what.recording, frame)
    window.timeline.mark_out(*await around(window, place), what.turn)


async def similar(window: Window, what: Told) -> None:
    """Lists stretches like the one that is marked or chosen."""
    stretch = what.stretch
    if stretch is None:
        raise InputError("mark a stretch, or choose one, to find more like it")
    window.hits = await to_thread(likes, _table(window), what.recording, *stretch)
    window.panel = "suggestions"
    window.refresh("panel", "suggestions")


def _table(window: Window) -> Table:
    table = window.studio.helper.table
    if table is None or not table.names:
        raise InputError("the recordings are still being looked at; a moment")
    return table


def _chosen(what: Told) -> Chosen:
    if what.chosen is None or what.chosen.kind != "suggestion":
        raise InputError("choose a suggestion first, with the arrow down")
    return what.chosen
