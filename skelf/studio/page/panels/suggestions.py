"""What the model suggests in the recording that is open, what to label next, and what is alike."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from ...model.answers import Hit
from ..elements import Rows
from ..helper import SURE
from ..pieces import Tag, asks, box, button, clock
from ..window import Window


def build(window: Window) -> None:
    """Draws it: the browser draws the suggestions themselves, as the timeline has them."""
    update_next = _next(window)
    listed: list[Hit] = []

    @ui.refreshable
    def hits() -> None:
        if window.hits:
            _hits(window)

    hits()
    rows = Rows("suggestion", SURE)

    def update() -> None:
        update_next()
        if listed != window.hits:
            listed[:] = window.hits
            hits.refresh()
        answers = window.studio.helper.answers
        total = sum(len(some) for some in answers.suggestions.values())
        rows.tell(total, answers.error or _why_none(window), bool(answers.error))

    update()
    window.parts["suggestions"] = update


def _next(window: Window) -> Callable[[], None]:
    """What the model asks about; returns what brings it up to date."""
    Tag("h2", "What teaches most")
    reason = Tag("p", "")
    with box("actions"):
        button("Next to label", style="first", action="next")
        skip = button("Pass", action="skip")

    def update() -> None:
        asked = window.stretch
        reason.set_text(f"Asked about: {asked.reason}." if asked else "")
        for part in (reason, skip):
            part.set_visibility(asked is not None)

    return update


def _why_none(window: Window) -> str:
    helper = window.studio.helper
    if window.studio.running:
        return "The recordings are being looked at; suggestions come as soon as that is done."
    if why := _failed(window):
        return why
    if helper.answers.learnt is None:
        return "Label a stretch or two, and the model begins to suggest."
    if window.recording in window.studio.history.labels.finished:
        return "This recording is labelled to the end."
    return "None left. Go to another recording, or let the model ask."


def _failed(window: Window) -> str:
    """Why the recording that is open could not be looked at; empty: it could."""
    for failed in window.studio.jobs.of("features").failed:
        if failed.source == window.recording:
            return f"The encoder cannot take this recording: {failed.reason}"
    return ""


def _hits(window: Window) -> None:
    def clear() -> None:
        window.hits = []
        window.refresh("suggestions")

    with Tag("h2", f"Alike: {len(window.hits)}"):
        button("Clear", clear, style="plain")
    with box("rows", tag="ul"):
        for hit in window.hits:
            _hit(window, hit)


def _hit(window: Window, hit: Hit) -> None:
    fps = window.studio.recording(hit.recording).fps
    there = asks("go", {"to": hit.recording, "start": hit.start, "end": hit.end})
    with box("", tag="li"):
        row = box("row-item", tag="button", type="button")
        row.props.update(there)
        with row:
            Tag("span", hit.recording, "name")
            Tag("span", f"{clock(hit.start, fps)} · {hit.score:.2f}", "end")
