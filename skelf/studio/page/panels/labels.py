"""The classes, and the labels of the recording that is open."""

from __future__ import annotations

from asyncio import to_thread
from collections import Counter

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from ....errors import InputError
from ...labels import actions, classes
from ...labels.segment import Segment
from ...model import split_class
from ..elements import Rows
from ..pieces import Tag, asks, box, button, duration, swatch
from ..window import Window
from .naming import ask


def build(window: Window) -> None:
    """Draws it: the browser draws the labels themselves, as the timeline has them."""
    with Tag("h2", "Classes"):
        button("New", style="plain", action="new_class")
    none = Tag("p", "None yet. Mark a stretch and press C to name what happens in it.", "soft")
    known: list[str] = []
    drawn: list[TextElement] = []
    rows = box("rows", tag="ul")
    Rows("label")

    def update() -> None:
        """Only what has changed is sent."""
        names = window.studio.history.labels.classes
        if [*names] != known:
            known[:] = names
            none.set_visibility(not known)
            rows.clear()
            with rows:
                drawn[:] = [_class(window, name) for name in known]
        for said, text in zip(drawn, _counted(window), strict=True):
            said.set_text(text)

    update()
    window.parts["labels"] = update


def _counted(window: Window) -> list[str]:
    """How much of each class is labelled, in the order of the classes."""
    labels, tally = window.studio.history.labels, window.studio.tally
    counts, seconds = Counter[str](), dict.fromkeys(labels.classes, 0.0)
    rates = {recording.name: recording.fps for recording in window.studio.recordings}
    for recording in labels.recordings:
        for label, share in tally.of(labels, recording).items():
            counts[label] += share.labels
            seconds[label] += share.frames / rates.get(recording, 30.0)
    return [f"{counts[name]} · {duration(seconds[name])}" for name in labels.classes]


def _class(window: Window, name: str) -> TextElement:
    """A row; what says how much there is."""
    with box("row-line", tag="li"):
        row = box("row-item", tag="button", type="button", title=f"Label as {name}")
        row.props.update(asks("label", {"label": name}))
        with row:
            swatch(window.colour(name))
            Tag("span", name, "name")
            said = Tag("span", "", "end")
        more = Tag("button", "⋯", "more", {"type": "button", "aria-label": f"More on {name}"})
        with more, ui.menu(), box("menu"):
            _menu(window, name)
    return said


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
    with window.dialog(f"{name}: {len(groups)} groups of like labels") as dialog:
        for number, group in enumerate(groups):
            _group(window, name, number, group)
        with box("actions"):
            button("Done", dialog.close)


def _group(window: Window, name: str, number: int, group: list[Segment]) -> None:
    first = group[0]
    there = {"to": first.recording, "start": first.start, "end": first.end}

    def named(new: str) -> None:
        ids = [segment.id for segment in group]
        window.studio.history.do(lambda labels: actions.relabel(labels, ids, new))
        window.say(f"{len(ids)} labels are {new} now.")

    async def look() -> None:
        await window.press("go", **there)

    with box("actions"):
        Tag("b", f"{len(group)} labels")
        button("Look at one", look)
        button(
            "Name them", lambda: ask(window, "Name of this group", f"{name} {number + 1}", named)
        )
