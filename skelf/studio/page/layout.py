"""The page of a project: recordings at the left, player and timeline, panels at the right.

On a phone they stand beneath one another, and the recordings become a panel too.
"""

from __future__ import annotations

from collections.abc import Callable

from nicegui.element import Element

from .elements import Choice, Player, Timeline
from .panels import files, head, labels, model, plane, recordings, suggestions
from .pieces import Tag, asks, box, set_
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
        with box("main", role="region", aria_label="Player and timeline"):
            window.player = Player()
            window.timeline = Timeline()
            window.timeline.on("act", window.act)
            Choice()
        with box("panel", tag="aside", aria_label="Panels"):
            _panels(window)


def _panels(window: Window) -> None:
    drawn: set[str] = set()
    sheets: dict[str, Element] = {}

    def turn() -> None:
        for name, sheet in sheets.items():
            chosen = name == window.panel
            set_(tabs[name], "aria-selected", str(chosen).lower())
            sheet.set_visibility(chosen)
        if window.panel not in drawn:  # a panel is built when it is first looked at
            drawn.add(window.panel)
            with sheets[window.panel]:
                SHEETS[window.panel][1](window)
        elif window.panel in window.stale:
            window.refresh(window.panel)

    with box("tabs", role="tablist", aria_label="Panels"):
        tabs = {name: _tab(name, title) for name, (title, _) in SHEETS.items()}
    for name, (title, _) in SHEETS.items():
        sheets[name] = box("sheet", role="tabpanel", aria_label=title)
    window.parts["panel"], window.sheets = turn, (*SHEETS,)
    turn()


def _tab(name: str, title: str) -> Tag:
    style = "tab narrow-only" if name == "recordings" else "tab"
    told = {"role": "tab", "type": "button"} | asks("panel", {"to": name})
    return Tag("button", title, style, told)
