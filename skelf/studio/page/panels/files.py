"""Labels out and in: files that other programs read, and those that they write."""

from __future__ import annotations

import shutil
from asyncio import to_thread
from pathlib import Path
from tempfile import TemporaryDirectory

from nicegui import ui
from nicegui.events import UploadEventArguments

from ....errors import InputError
from ...labels import actions
from ..pieces import Tag, box, button
from ..studio import Studio
from ..window import Window

FORMATS = {
    "csv": ("CSV", "labels.csv"),
    "eaf": ("ELAN", "elan"),
    "boris": ("BORIS", "labels.boris.csv"),
    "audacity": ("Audacity", "audacity"),
    "store": ("skelf store", "labels.h5"),
}
"""What labels are written as: the button's text, and the file or folder."""
MOST = 50_000_000
"""Bytes of a file of labels."""


def build(window: Window) -> None:
    """Draws it."""
    Tag("h2", "Labels out")
    Tag("p", "Written into the project's folder, and sent to this browser.", "soft")
    with box("actions"):
        for name, (text, _) in FORMATS.items():
            _format(window, name, text)
    said = Tag("p", "", "soft", {"role": "status"})
    window.parts["files said"] = lambda: said.set_text(window.last_file)
    Tag("h2", "Labels in")
    Tag("p", "CSV, ELAN, BORIS, Audacity or a store; undo takes all of it back.", "soft")
    _reading(window)


def written(studio: Studio, name: str) -> Path:
    """Writes the labels in a format; several files as one archive.

    Raises:
        InputError: nothing is labelled, or what `exchange.out.write` refuses.
    """
    from ...exchange import out  # not above: it loads what writes every format

    studio.made.mkdir(exist_ok=True)
    path = studio.made / FORMATS[name][1]
    out.write(studio.there, studio.history.labels, path, name, overwrite=True)
    if path.is_dir():
        return Path(shutil.make_archive(str(path), "zip", path))
    return path


def _format(window: Window, name: str, text: str) -> None:
    async def write() -> None:
        path = await to_thread(written, window.studio, name)
        window.last_file = f"Written: {path}"
        window.refresh("files said")
        ui.download(f"/made?name={path.name}", path.name)

    button(text, write)


def _reading(window: Window) -> None:
    async def read(event: UploadEventArguments) -> None:
        from ...exchange import bring

        studio = window.studio
        with TemporaryDirectory() as folder:
            file = Path(folder) / (Path(event.file.name).name or "labels")
            await event.file.save(file)
            upload.reset()
            try:
                brought = await to_thread(bring.read, studio.there, file)
            except InputError as error:
                window.say(str(error).replace(f"{file}", file.name), warn=True)
                return
        edit = studio.history.do(lambda labels: actions.put(labels, brought.segments))
        notes = " ".join(brought.notes)
        window.say(f"{len(edit.after)} labels taken over. {notes}".strip())

    upload = ui.upload(on_upload=read, auto_upload=True, max_file_size=MOST)
    upload.set_visibility(False)  # its own button would have no name

    async def came() -> None:
        from ...exchange import bring

        studio = window.studio
        brought = await to_thread(bring.came_with, studio.there)
        if not brought.segments:
            window.say("The recordings came without labels.")
            return
        edit = studio.history.do(lambda labels: actions.put(labels, brought.segments))
        window.say(f"{len(edit.after)} labels taken over.")

    with box("actions"):
        choose = Tag("button", "Choose a file", "button", {"type": "button"})
        choose.on("click", js_handler=f"() => runMethod({upload.id}, 'pickFiles', [])")
        button("Labels that the recordings came with", came)
