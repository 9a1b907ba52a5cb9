"""The line at the top: what is open, undo and redo, what is running."""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element

from ..pieces import Tag, bar, button, set_
from ..window import Window


def build(window: Window) -> None:
    """Draws it."""
    with Tag("h1"):
        Tag("span", "skelf ")
        Tag("b", "studio")
    where = Tag("span", "", "where")
    Element("span").classes("grow")
    with Element("span").classes("wide-only"):
        _running(window)
    saved = Tag("span", "Saved", "saved wide-only")
    saved.props["title"] = "Every action is on the disk before you see it."
    undo = button("↶", style="plain", action="undo", name="Undo")
    redo = button("↷", style="plain", action="redo", name="Redo")
    button("?", style="plain", action="keys", name="Keys")

    def line() -> None:
        where.set_text(window.recording)
        set_(where, "title", window.recording or None)
        history = window.studio.history
        set_(undo, "disabled", None if history.can_undo else True)
        set_(redo, "disabled", None if history.can_redo else True)

    line()
    window.parts["head"] = line


def _running(window: Window) -> None:
    @ui.refreshable
    def running() -> None:
        for job in window.studio.running:
            with Element("span").classes("job"):
                Tag("span", job.text)
                bar(job.share, job.text)

    running()
    window.parts["jobs"] = running.refresh
