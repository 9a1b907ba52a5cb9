"""The page's own elements: their scripts lie in `assets/`; here the server speaks to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nicegui.element import Element

from . import keys
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
        self._props["keys"] = keys.told()

    def open(self, scene: Scene, frame: int = 0) -> None:
        """Shows a recording: its `scene.scene`, at a frame."""
        self.run_method("open", dict(scene), frame)

    def show(self, news: Row) -> None:
        """Takes over the labels and suggestions of the recording `news["recording"]`."""
        self.run_method("show", dict(news))

    def mark_out(self, start: int, end: int, turn: int = -1) -> None:
        """Marks a stretch of the recording, and brings it into view.

        Args:
            start: first frame.
            end: exclusive.
            turn: see `Told.turn`; where the person has gone on meanwhile nothing is marked. -1: it
                is marked all the same.
        """
        self.run_method("mark", {"start": start, "end": end}, turn)

    def pick(self, id: str, turn: int) -> None:
        """Chooses a label, unless the person has gone on since a turn; see `Told.turn`."""
        self.run_method("pick", id, turn)

    def seek(self, frame: int) -> None:
        """Moves the playhead."""
        self.run_method("seek", frame)

    def run(self, action: str, detail: object = None) -> None:
        """Does what a key does."""
        self.run_method("run", action, detail)


class Choice(Element, component="assets/choice.js", esm=_SHARED):
    """What is chosen in the timeline, and what can be done with it."""

    def __init__(self) -> None:
        super().__init__()
        self._props["keys"] = keys.by_action()


class Rows(Element, component="assets/rows.js", esm=_SHARED):
    """The labels or the suggestions of the timeline as rows.

    Args:
        kind: "label" or "suggestion".
        sure: suggestions at least as probable are accepted together.
    """

    def __init__(self, kind: str, sure: float = 1.0) -> None:
        super().__init__()
        self._props.update(kind=kind, sure=sure, keys=keys.by_action(), total=0, note="")

    def tell(self, total: int, note: str, warn: bool = False) -> None:
        """Says how many there are in all recordings, and why there are none, or what is wrong."""
        new = {"total": total, "note": note, "warn": warn}
        if any(self._props.get(key) != value for key, value in new.items()):
            self._props.update(new)
            self.update()


class Plane(Element, component="assets/plane.js", esm=_SHARED):
    """The map; sends "go" for the stretch to be opened."""

    def __init__(self) -> None:
        super().__init__()
        self._props.update(joints="/joints", scene="/scene")

    def show(self, points: Sequence[tuple[object, ...]]) -> None:
        """Shows points: recording, start, end, x, y, number of the colour or -1, words."""
        self.run_method("show", [list(point) for point in points])
