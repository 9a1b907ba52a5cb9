"""Beneath the timeline: what is chosen or marked, and what can be done with it."""

from __future__ import annotations

from nicegui import ui

from ..keys import CLASSES
from ..pieces import Tag, box, button, clock, percent, swatch
from ..told import Chosen
from ..window import Window

MARKED = "Marked"


def build(window: Window) -> None:
    """Draws it."""

    @ui.refreshable
    def choice() -> None:
        chosen, marks = window.here.chosen, window.here.marks
        if not window.here.recording:
            return
        if chosen is not None:
            _what(window, chosen.label, chosen.start, chosen.end, _said(window, chosen))
            if chosen.kind == "suggestion":
                _suggestion(window)
            else:
                _label(window)
        elif marks is not None:
            _what(window, MARKED, marks.start, marks.end, "")
            _press(window, "More like this", "similar")
        else:
            Tag("span", "Drag in the timeline to mark a stretch, or let the model ask:", "soft")
            _press(window, "Next to label", "next", "first")
        _classes(window)

    choice()
    window.parts["choice"] = choice.refresh


def _what(window: Window, name: str, start: int, end: int, more: str) -> None:
    fps = window.studio.recording(window.here.recording).fps
    with box("what"):
        if name != MARKED:
            swatch(window.colour(name))
        Tag("span", name)
        long = f"{clock(start, fps)} to {clock(end, fps)}"
        Tag("span", " · ".join(part for part in (more, long) if part), "soft num")
        Tag("span", f"{end - start:,} frames", "soft num wide-only")


def _said(window: Window, chosen: Chosen) -> str:
    """How sure the model is, or what the label is."""
    if chosen.kind == "suggestion":
        for one in window.studio.suggestions(window.here.recording):
            if (one.start, one.end, one.label) == (chosen.start, chosen.end, chosen.label):
                return f"suggested, {percent(one.probability)}"
        return "suggested"
    for segment in window.studio.history.labels.of(window.here.recording):
        if segment.id == chosen.id and segment.kind == "not":
            return "refused here"
    return ""


def _suggestion(window: Window) -> None:
    _press(window, "Accept", "accept", "first")
    _press(window, "Refuse", "refuse")
    _press(window, "More like this", "similar", "wide-only")


def _label(window: Window) -> None:
    for text, action in (
        ("Split", "split"), ("Join", "join"), ("More like this", "similar"), ("Remove", "remove"),
    ):  # fmt: skip
        _press(window, text, action, "bad" if action == "remove" else "")


def _press(window: Window, text: str, action: str, style: str = "") -> None:
    button(text, lambda: window.press(action), style=style, action=action)


def _classes(window: Window) -> None:
    """The classes to give, the first nine with their digits."""
    with box("chips", role="group", aria_label="Classes"):
        for number, name in enumerate(window.studio.history.labels.classes):
            _chip(window, number, name)
        button(
            "+ class", lambda: window.press("new_class"), style="plain", action="new_class",
            name="New class",
        )  # fmt: skip


def _chip(window: Window, number: int, name: str) -> None:
    async def give() -> None:
        await window.press("label", label=name)

    made = box("chip", tag="button", type="button", title=f"Label as {name}")
    made.on("click", give, args=[])
    with made:
        swatch(window.colour(name))
        Tag("span", name)
        if number < CLASSES:
            Tag("kbd", str(number + 1), "wide-only")
