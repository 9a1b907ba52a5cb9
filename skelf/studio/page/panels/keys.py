"""The page of keys."""

from __future__ import annotations

from .. import keys
from ..pieces import Tag, box, button
from ..window import Window


def show(window: Window) -> None:
    """All keys, by what they are for."""
    with window.dialog("Keys", wide=True) as dialog:
        with box("keys"):
            for group in dict.fromkeys(key.group for key in keys.KEYS):
                with box("", tag="section"):
                    Tag("h3", group)
                    for other, line, names in keys.listed():
                        if other == group:
                            with box("key"):
                                Tag("span", line)
                                Tag("kbd", names)
        Tag(
            "p",
            "With the mouse: drag in the timeline to mark, drag a label or its edge to move it "
            "(Alt: without snapping), double-click to mark up to the likely borders or to accept a "
            "suggestion; the wheel zooms, Shift and the wheel goes along.",
            "soft",
        )
        with box("actions"):
            button("Close", dialog.close)
