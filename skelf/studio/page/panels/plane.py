"""The map: all stretches of all recordings in the plane, near ones alike."""

from __future__ import annotations

from asyncio import to_thread

from nicegui import ui
from nicegui.events import GenericEventArguments

from ....pages.embedding import installed
from ...model import plane
from ...model.answers import Point
from ..elements import Plane
from ..pieces import Tag, box, button, clock
from ..window import Window

BY = {"label": "label", "cluster": "cluster", "recording": "recording", "subject": "subject"}
METHODS = {"tsne": "t-SNE", "umap": "UMAP"}


def build(window: Window) -> None:
    """Draws it; the points are found in a thread."""
    state = {"by": "label", "method": "tsne"}
    points: list[Point] = []

    async def find() -> None:
        table = window.studio.helper.table
        if table is None or not table.names:
            said.set_text("The recordings are still being looked at.")
            return
        said.set_text("Finding where each stretch belongs …")
        labels = [*window.studio.history.labels]
        points[:] = await to_thread(plane, table, labels, method=state["method"])
        draw()

    def draw() -> None:
        colours = _colours(window, points, state["by"])
        drawn.show([_row(window, p, colour) for p, colour in zip(points, colours, strict=True)])
        said.set_text(f"{len(points):,} stretches; near ones are alike. Double-click opens one.")

    async def go(event: GenericEventArguments) -> None:
        await window.press(
            "go", to=event.args["recording"], start=event.args["start"], end=event.args["end"]
        )

    def colour(event: object) -> None:
        state["by"] = str(getattr(event, "args", "label"))
        draw()

    async def method(event: object) -> None:
        state["method"] = str(getattr(event, "args", "tsne"))
        await find()

    with box("actions"):
        Tag("label", "Colour by", "soft", {"for": "map-by"})
        with Tag("select", "", "field", {"id": "map-by"}) as by:
            for key, text in BY.items():
                Tag("option", text, "", {"value": key})
        by.on("change", colour, js_handler="(e) => emit(e.target.value)")
        if len(installed()) > 1:
            Tag("label", "Laid out by", "soft", {"for": "map-method"})
            with Tag("select", "", "field", {"id": "map-method"}) as chosen:
                for key in installed():
                    Tag("option", METHODS[key], "", {"value": key})
            chosen.on("change", method, js_handler="(e) => emit(e.target.value)")
        button("Again", find, name="Find the map again, with the labels of now")
    drawn = Plane()
    drawn.on("go", go)
    said = Tag("p", "", "soft", {"role": "status"})
    ui.timer(0.1, find, once=True)
    window.parts["map"] = lambda: find() if not points else None


def _colours(window: Window, points: list[Point], by: str) -> list[int]:
    """The number of each point's colour; -1 is grey."""
    if by == "cluster":
        return [point.cluster for point in points]
    if by == "recording":
        names = {recording.name: k for k, recording in enumerate(window.studio.recordings)}
        return [names.get(point.recording, -1) for point in points]
    if by == "subject":
        return [window.studio.subject(point.recording) for point in points]
    return [window.colour(point.label) for point in points]


def _row(window: Window, point: Point, colour: int) -> tuple[object, ...]:
    fps = window.studio.recording(point.recording).fps
    words = f"{point.label or 'not labelled'} · {point.recording}, {clock(point.start, fps)}"
    return point.recording, point.start, point.end, point.x, point.y, colour, words
