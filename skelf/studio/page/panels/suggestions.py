"""What the model suggests in the recording that is open, what to label next, and what is alike."""

from __future__ import annotations

from nicegui import ui

from ...model.answers import Hit, Suggestion
from ..helper import SURE
from ..pieces import Tag, bar, box, button, clock, percent, swatch
from ..window import Window, id_of

MOST = 150


def build(window: Window) -> None:
    """Draws it."""

    @ui.refreshable
    def suggestions() -> None:
        _next(window)
        if window.hits:
            _hits(window)
        _here(window)

    suggestions()
    window.parts["suggestions"] = suggestions.refresh


def _next(window: Window) -> None:
    with Tag("h2", "What teaches most"):
        pass
    if window.stretch is not None:
        Tag("p", f"Asked about: {window.stretch.reason}.")
    with box("actions"):
        button("Next to label", lambda: window.press("next"), style="first", action="next")
        if window.stretch is not None:
            button("Pass", lambda: window.press("skip"), action="skip")


def _here(window: Window) -> None:
    helper, name = window.studio.helper, window.here.recording
    own = window.studio.suggestions(name)
    total = sum(len(some) for some in helper.answers.suggestions.values())
    sure = sum(one.probability >= SURE for one in own)
    with Tag("h2", f"In this recording: {len(own)}"):
        if total > len(own):
            Tag("span", f"{total:,} in all", "soft")
    if helper.answers.error:
        Tag("p", helper.answers.error, "note warn")
    elif not own:
        Tag("p", _why_none(window), "soft")
    if sure:
        button(f"Accept the {sure} of {percent(SURE)} or more", lambda: window.press("accept_all"))
    fps = window.studio.recording(name).fps if name else 30.0
    with box("rows", tag="ul"):
        for one in own[:MOST]:
            _row(window, one, fps)


def _why_none(window: Window) -> str:
    helper = window.studio.helper
    if window.studio.running:
        return "The recordings are being looked at; suggestions come as soon as that is done."
    if why := _failed(window):
        return why
    if helper.answers.learnt is None:
        return "Label a stretch or two, and the model begins to suggest."
    if window.here.recording in window.studio.history.labels.finished:
        return "This recording is labelled to the end."
    return "None left. Go to another recording, or let the model ask."


def _failed(window: Window) -> str:
    """Why the recording that is open could not be looked at; empty: it could."""
    for failed in window.studio.jobs.of("features").failed:
        if failed.source == window.here.recording:
            return f"The encoder cannot take this recording: {failed.reason}"
    return ""


def _row(window: Window, one: Suggestion, fps: float) -> None:
    chosen = window.here.chosen
    current = chosen is not None and chosen.kind == "suggestion" and chosen.id == id_of(one)
    with box("", tag="li"):
        row = box("row-item", tag="button", type="button")
        row.props["aria-current"] = str(current).lower()
        row.on("click", lambda: window.timeline.pick("suggestion", id_of(one)), args=[])
        with row:
            swatch(window.colour(one.label))
            Tag("span", one.label, "name")
            with box("end", tag="span"):
                Tag("span", clock(one.start, fps))
                with box("share", tag="span"):
                    bar(one.probability, f"{percent(one.probability)} probable")
                Tag("span", percent(one.probability), "num")


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
    async def go() -> None:
        await window.press("go", to=hit.recording, start=hit.start, end=hit.end)

    fps = window.studio.recording(hit.recording).fps
    with box("", tag="li"):
        row = box("row-item", tag="button", type="button")
        row.on("click", go, args=[])
        with row:
            Tag("span", hit.recording, "name")
            Tag("span", f"{clock(hit.start, fps)} · {hit.score:.2f}", "end")
