"""The recordings: how long, how much of each is labelled, what is doubtful."""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from ...project.recording import Recording
from ..pieces import Tag, bar, box, button, duration, percent
from ..window import Window
from . import doubts

MOST = 300
"""Recordings that are listed at a time; the filter finds the others."""


def side(window: Window) -> None:
    """The column at the left of a wide window."""
    _build(window, "side")


def listing(window: Window) -> None:
    """The same as a panel, on a narrow one."""
    _build(window, "recordings")


def _build(window: Window, part: str) -> None:
    wanted, drawn = {"text": ""}, dict[str, Element]()

    @ui.refreshable
    def rows() -> None:
        drawn.clear()
        found = [r for r in window.studio.recordings if wanted["text"] in r.name.lower()]
        with box("rows", tag="ul"):
            for recording in found[:MOST]:
                drawn[recording.name] = _row(window, recording)
        if len(found) > MOST:
            Tag("p", f"{len(found) - MOST:,} more; write a part of a name above.", "soft")
        update()

    def update() -> None:
        """Only what has changed is sent: there may be hundreds."""
        for name, row in drawn.items():
            _show(window, name, row)

    def find(event: GenericEventArguments) -> None:
        wanted["text"] = str(event.args).lower()
        rows.refresh()

    def again() -> None:
        window.studio.jobs.bring_in(anew=True)
        window.say("Looking for new recordings in the folder.")

    def others() -> None:
        """The project has other recordings now."""
        said.set_text(_in_all(window))
        rows.refresh()

    with box("top"):
        with box("line"):
            said = Tag("span", _in_all(window), "soft")
            button("↻", again, style="plain", name="Look for new recordings in the folder")
        if len(window.studio.recordings) > 8:
            told = {"placeholder": "Find", "aria-label": "Find a recording", "type": "search"}
            field = Tag("input", "", "field", told)
            field.on("input", find, js_handler="(e) => emit(e.target.value)")
    with box("sheet" if part == "side" else ""):
        rows()
    window.parts[part], window.parts[f"{part} list"] = update, others


def _in_all(window: Window) -> str:
    count = len(window.studio.recordings)
    total = sum(recording.seconds for recording in window.studio.recordings)
    return f"{count:,} recording{'s' * (count != 1)}, {duration(total)}"


def _row(window: Window, recording: Recording) -> Element:
    async def go() -> None:
        await window.open(recording.name)

    with box("row-line", tag="li"):
        row = box("row-item", tag="button", type="button", title=recording.name)
        row.on("click", go, args=[])
        with row, box("stack"):
            with box("line"):
                Tag("span", recording.name, "name")
                with box("end", tag="span"):
                    Tag("span", "done", "tag good")
                    Tag("span", duration(recording.seconds))
            bar(0.0, "labelled")
        if recording.doubts:
            bad = any(doubt.severity == "warning" for doubt in recording.doubts)
            name = f"What is doubtful in {recording.name}"
            style = "plain more warn" if bad else "plain more"
            button(
                "!" if bad else "i", lambda: doubts.show(window, recording), style=style, name=name
            )
    return row


def _show(window: Window, name: str, row: Element) -> None:
    """Brings a row up to date: whether it is open, done, and how much is labelled."""
    labels = window.studio.history.labels
    frames = sum(share.frames for share in window.studio.tally.of(labels, name).values())
    done = name in labels.finished
    share = min(1.0, frames / max(1, window.studio.recording(name).frames))
    told = (name == window.recording, done, f"{percent(share)} labelled")
    if row.props.get("data-told") == str(told):
        return
    row.props["data-told"] = str(told)
    row.props["aria-current"] = str(told[0]).lower()
    row.update()
    tag = next(part for part in row.descendants() if "tag" in part.classes)
    tag.set_visibility(done)
    line = next(part for part in row.descendants() if "bar" in part.classes)
    line.props["aria-label"] = told[2]
    line.props["aria-valuenow"] = str(round(100 * share))
    line.update()
    fill = next(iter(line.descendants()))
    fill.style(replace=f"width:{100.0 if done else 100 * share:.1f}%")
