"""The page of a project: recordings at the left, player and timeline, panels at the right.

On a phone they stand beneath one another, and the recordings become a panel too.
"""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui
from nicegui.element import Element

from .elements import Player, Timeline
from .panels import choice, files, head, labels, model, plane, recordings, suggestions
from .pieces import Tag, box
from .window import Window

SHEETS: dict[str, tuple[str, Callable[[Window], None]]] = {
    "recordings": ("Recordings", recordings.listing),
    "labels": ("Labels", labels.build),
    "suggestions": ("Suggestions", suggestions.build),
    "map": ("Map", plane.build),
    "model": ("Model", model.build),
    "files": ("Files", files.build),
}
"""The panels by their names."""


def build(window: Window) -> None:
    """All of it."""
    with box("studio"):
        with box("head", tag="header"):
            head.build(window)
        with box("side", tag="nav", aria_label="Recordings"):
            recordings.side(window)
        with box("main", tag="main"):
            window.player = Player()
            window.timeline = Timeline()
            window.timeline.on("act", window.act)
            with box("choice", role="region", aria_label="What is chosen"):
                choice.build(window)
        with box("panel", tag="aside", aria_label="Panels"):
            _panels(window)


def _panels(window: Window) -> None:
    drawn: set[str] = set()
    sheets: dict[str, Element] = {}

    @ui.refreshable
    def tabs() -> None:
        with box("tabs", role="tablist", aria_label="Panels"):
            for name, (title, _) in SHEETS.items():
                _tab(window, name, title)

    def turn() -> None:
        tabs.refresh()
        for name, sheet in sheets.items():
            sheet.set_visibility(name == window.panel)
        if window.panel not in drawn:  # a panel is built when it is first looked at
            drawn.add(window.panel)
            with sheets[window.panel]:
                SHEETS[window.panel][1](window)
        elif window.panel in window.stale:
            window.refresh(window.panel)

    tabs()
    for name, (title, _) in SHEETS.items():
        sheets[name] = box("sheet", role="tabpanel", aria_label=title)
    window.parts["panel"], window.sheets = turn, (*SHEETS,)
    turn()


def _tab(window: Window, name: str, title: str) -> None:
    chosen = window.panel == name
    told = {"role": "tab", "aria-selected": str(chosen).lower(), "type": "button"}
    style = "tab narrow-only" if name == "recordings" else "tab"
    made = Tag("button", title, style, told)

    async def turn() -> None:
        await window.press("panel", to=name)

    made.on("click", turn, args=[])
