"""The classes, and the labels of the recording that is open."""

from __future__ import annotations

from asyncio import to_thread
from collections import Counter

from nicegui import ui

from ....errors import InputError
from ...labels import actions, classes
from ...labels.segment import Segment
from ...model import split_class
from ..pieces import Tag, box, button, clock, duration, swatch
from ..window import Window
from .naming import ask

MOST = 200


def build(window: Window) -> None:
    """Draws it."""

    @ui.refreshable
    def labels() -> None:
        _classes(window)
        _here(window)

    labels()
    window.parts["labels"] = labels.refresh


def _classes(window: Window) -> None:
    labels = window.studio.history.labels
    own = [segment for segment in labels if segment.kind == "is"]
    counts, seconds = Counter(s.label for s in own), dict.fromkeys(labels.classes, 0.0)
    rates = {recording.name: recording.fps for recording in window.studio.recordings}
    for segment in own:
        seconds[segment.label] += (segment.end - segment.start) / rates.get(segment.recording, 30.0)
    with Tag("h2", "Classes"):
        button("New", lambda: window.press("new_class"), style="plain", action="new_class")
    if not labels.classes:
        Tag("p", "None yet. Mark a stretch and press C to name what happens in it.", "soft")
    with box("rows", tag="ul"):
        for name in labels.classes:
            _class(window, name, f"{counts[name]} · {duration(seconds[name])}")


def _class(window: Window, name: str, said: str) -> None:
    async def give() -> None:
        await window.press("label", label=name)

    with box("row-line", tag="li"):
        row = box("row-item", tag="button", type="button", title=f"Label as {name}")
        row.on("click", give, args=[])
        with row:
            swatch(window.colour(name))
            Tag("span", name, "name")
            Tag("span", said, "end")
        more = Tag("button", "⋯", "more", {"type": "button", "aria-label": f"More on {name}"})
        with more, ui.menu(), box("menu"):
            _menu(window, name)


def _menu(window: Window, name: str) -> None:
    history = window.studio.history

    def rename() -> None:
        def renamed(new: str) -> None:
            history.do(lambda labels: classes.rename_class(labels, name, new))

        ask(window, f"Rename {name}", name, renamed)

    def merge() -> None:
        def merged(into: str) -> None:
            history.do(lambda labels: classes.merge_class(labels, name, into.strip()))

        others = ", ".join(other for other in history.labels.classes if other != name)
        ask(window, f"Merge {name} into", "", merged, hint=f"One of: {others}")

    async def split() -> None:
        await _split(window, name)

    def gone() -> None:
        history.do(lambda labels: classes.remove_class(labels, name))
        window.say(f"{name} and its labels are gone; undo brings them back.")

    for text, do, style in (
        ("Rename", rename, ""), ("Merge into another", merge, ""), ("Split this class", split, ""),
        ("Remove with its labels", gone, "bad"),
    ):  # fmt: skip
        button(text, do, style=style)


async def _split(window: Window, name: str) -> None:
    """Groups of like ones within a class, each to be shown, and to be named."""
    table, labels = window.studio.helper.table, window.studio.history.labels
    if table is None:
        window.say("The recordings are still being looked at; a moment.", warn=True)
        return
    try:
        groups = await to_thread(split_class, table, [*labels], name)
    except InputError as error:
        window.say(str(error), warn=True)
        return
    if len(groups) < 2:
        window.say(f"The labels of {name} look alike; there is nothing to split.")
        return
    with (
        window.client,
        ui.dialog(value=True).props("transition-duration=60") as dialog,
        box("window"),
    ):
        Tag("h2", f"{name}: {len(groups)} groups of like labels")
        for number, group in enumerate(groups):
            _group(window, name, number, group)
        with box("actions"):
            button("Done", dialog.close)


def _group(window: Window, name: str, number: int, group: list[Segment]) -> None:
    first = group[0]

    def named(new: str) -> None:
        ids = [segment.id for segment in group]
        window.studio.history.do(lambda labels: actions.relabel(labels, ids, new))
        window.say(f"{len(ids)} labels are {new} now.")

    async def look() -> None:
        await window.press("go", to=first.recording, start=first.start, end=first.end)

    with box("actions"):
        Tag("b", f"{len(group)} labels")
        button("Look at one", look)
        button(
            "Name them", lambda: ask(window, "Name of this group", f"{name} {number + 1}", named)
        )


def _here(window: Window) -> None:
    """The labels of this recording, in time's order."""
    name = window.here.recording
    if not name:
        return
    labels = window.studio.history.labels
    own, fps = labels.of(name), window.studio.recording(name).fps
    done = name in labels.finished
    with Tag("h2", f"In this recording: {len(own)}"):
        text = "Open again" if done else "Labelled to the end"
        button(text, lambda: window.press("finish"), style="plain", action="finish")
    with box("rows", tag="ul"):
        for segment in own[:MOST]:
            _segment(window, segment, window.colour(segment.label), fps)
    if len(own) > MOST:
        Tag("p", f"{len(own) - MOST:,} more in the timeline.", "soft")


def _segment(window: Window, segment: Segment, colour: int, fps: float) -> None:
    chosen = window.here.chosen
    with box("", tag="li"):
        row = box("row-item", tag="button", type="button")
        row.props["aria-current"] = str(chosen is not None and chosen.id == segment.id).lower()
        row.on("click", lambda: window.timeline.pick("label", segment.id), args=[])
        with row:
            swatch(colour if segment.kind == "is" else -1)
            Tag("span", ("not " if segment.kind == "not" else "") + segment.label, "name")
            Tag("span", f"{clock(segment.start, fps)} to {clock(segment.end, fps)}", "end")
