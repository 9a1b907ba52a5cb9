"""The line at the top: what is open, undo and redo, what is running."""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element

from ..pieces import Tag, bar, button
from ..window import Window


def build(window: Window) -> None:
    """Draws it."""
    with Tag("h1"):
        Tag("span", "skelf ")
        Tag("b", "studio")

    @ui.refreshable
    def line() -> None:
        history = window.studio.history
        Tag("span", window.here.recording, "where", {"title": window.here.recording})
        Element("span").classes("grow")
        with Element("span").classes("wide-only"):
            _running(window)
        saved = Tag("span", "Saved", "saved wide-only")
        saved.props["title"] = "Every action is on the disk before you see it."
        button(
            "↶", lambda: window.press("undo"), style="plain", action="undo", name="Undo",
            on=history.can_undo,
        )  # fmt: skip
        button(
            "↷", lambda: window.press("redo"), style="plain", action="redo", name="Redo",
            on=history.can_redo,
        )  # fmt: skip
        button("?", lambda: window.press("keys"), style="plain", action="keys", name="Keys")

    line()
    window.parts["head"] = line.refresh


def _running(window: Window) -> None:
    @ui.refreshable
    def running() -> None:
        for job in window.studio.running:
            with Element("span").classes("job"):
                Tag("span", job.text)
                bar(job.share, job.text)

    running()
    window.parts["jobs"] = running.refresh
