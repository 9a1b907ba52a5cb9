"""The start: a folder becomes a project. How far that is lies on the disk, so a reload shows it."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui
from nicegui.events import GenericEventArguments

from ....data.readers import READERS
from ...project.progress import Progress
from ...project.reading import Reading
from ..pieces import Tag, bar, box, button
from ..window import Window

SHOWN = 12
"""Files that could not be read, listed with their reasons."""


def build(window: Window) -> None:
    """Draws it."""
    with box("start"):
        with Tag("h1"):
            Tag("span", "skelf studio")
        Tag("p", str(window.studio.folder.resolve()), "soft")
        with box("sheet-card"):

            @ui.refreshable
            def state() -> None:
                if window.studio.project is None:
                    _make(window)
                else:
                    _importing(window)

            state()
            window.parts["jobs"] = state.refresh


def _make(window: Window) -> None:
    chosen = {"format": "auto", "layout": "", "options": ""}

    def field(key: str, text: str, hint: str) -> None:
        with box(""):
            Tag("label", text, "", {"for": f"start-{key}"})
            told = {"id": f"start-{key}", "placeholder": hint}
            written = Tag("input", "", "field", told)
            written.on("input", keep(key), js_handler="(e) => emit(e.target.value)")

    def keep(key: str) -> Callable[[GenericEventArguments], None]:
        def kept(event: GenericEventArguments) -> None:
            chosen[key] = str(event.args)

        return kept

    def make() -> None:
        words = tuple(chosen["options"].split())
        window.studio.create(Reading(chosen["format"], chosen["layout"].strip(), words))
        window.studio.tell("jobs")

    Tag("p", "Make a project of this folder to label what is in it.")
    Tag(
        "p", "The recordings stay as they are. Labels, and what is made of them, go into a folder "
        "of their own beside them.", "soft",
    )  # fmt: skip
    with Tag("details", "", "more"):
        Tag("summary", "How the files are to be read")
        with box("options"):
            with box(""):
                Tag("label", "Format", "", {"for": "start-format"})
                with Tag("select", "", "field", {"id": "start-format"}) as formats:
                    for name in ("auto", *READERS):
                        Tag("option", name, "", {"value": name})
                formats.on("change", keep("format"), js_handler="(e) => emit(e.target.value)")
            field("layout", "Layout", "as the files say")
            field("options", "Options", "fps=30 unit=mm")
    with box("actions"):
        button("Make a project", make, style="first")


def _importing(window: Window) -> None:
    now = window.studio.jobs.of("import")
    title = {"running": "Reading the recordings", "stopped": "The import has stopped"}
    Tag("h2", title.get(now.state, "The recordings are here"))
    bar(now.done / max(1, now.total), "recordings read")
    count = f"{now.done:,} of {now.total:,}" if now.total else "looking for recordings"
    Tag("p", f"{count} {now.current}".strip(), "soft num", {"role": "status"})
    if now.problem:
        Tag("p", now.problem, "note warn")
    _failed(now)
    with box("actions"):
        if now.state != "running":
            button("Go on", window.studio.jobs.bring_in, style="first")
        if window.studio.recordings:
            button("Begin with what is there", window.studio.enter)


def _failed(now: Progress) -> None:
    if not now.failed:
        return
    Tag("p", f"{len(now.failed):,} files could not be read:")
    with box("rows", tag="ul"):
        for failed in now.failed[:SHOWN]:
            with box("note", tag="li"):
                Tag("b", failed.source)
                Tag("div", failed.reason, "soft")
