"""The page's own elements: their scripts lie in `assets/`; here the server speaks to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nicegui.element import Element

from .keys import told
from .scene import Scene

_SHARED = {"skelf-studio": "assets/studio"}
Row = Mapping[str, object]
"""What goes to the browser as JSON."""


class Player(Element, component="assets/player.js", esm=_SHARED):
    """The stage with the figures, and a video; it shows what the timeline has opened."""

    def __init__(self) -> None:
        super().__init__()
        self._props.update(joints="/joints", video="/video")


class Timeline(Element, component="assets/timeline.js", esm=_SHARED):
    """Labels, suggestions and change points in time; keys and hands send "act" to the server."""

    def __init__(self) -> None:
        super().__init__()
        self._props["keys"] = told()

    def open(self, scene: Scene, frame: int = 0) -> None:
        """Shows a recording: its `scene.scene`, at a frame."""
        self.run_method("open", dict(scene), frame)

    def show(self, news: Row) -> None:
        """Takes over the labels and suggestions of the recording `news["recording"]`."""
        self.run_method("show", dict(news))

    def mark_out(self, start: int, end: int) -> None:
        """Marks a stretch of the recording, and brings it into view."""
        self.run_method("mark", {"start": start, "end": end})

    def pick(self, kind: str, id: str) -> None:
        """Chooses a label or a suggestion."""
        self.run_method("pick", kind, id)

    def seek(self, frame: int) -> None:
        """Moves the playhead."""
        self.run_method("seek", frame)

    def run(self, action: str, detail: object = None) -> None:
        """Does what a key does."""
        self.run_method("run", action, detail)


class Plane(Element, component="assets/plane.js", esm=_SHARED):
    """The map; sends "go" for the stretch to be opened."""

    def __init__(self) -> None:
        super().__init__()
        self._props.update(joints="/joints", scene="/scene")

    def show(self, points: Sequence[tuple[object, ...]]) -> None:
        """Shows points: recording, start, end, x, y, number of the colour or -1, words."""
        self.run_method("show", [list(point) for point in points])
