"""The model: how right it is expected to be, what it sees with, a folder for `skelf predict`."""

from __future__ import annotations

from asyncio import to_thread
from pathlib import Path

from nicegui import ui

from ....errors import InputError
from ...model import save_model
from ..pieces import Tag, bar, box, button, percent
from ..window import Window


def build(window: Window) -> None:
    """Draws it."""

    @ui.refreshable
    def model() -> None:
        _expected(window)
        _encoder(window)

    model()
    window.parts["model"] = model.refresh
    _save(window)


def _expected(window: Window) -> None:
    told = window.studio.helper.answers.expected
    Tag("h2", "Expected accuracy")
    if told is None:
        Tag("p", "Being found out, as soon as there are labels.", "soft")
        return
    if told.accuracy is not None:
        Tag("div", percent(told.accuracy), "figure")
    Tag("p", told.text, "soft")


def _encoder(window: Window) -> None:
    studio = window.studio
    Tag("h2", "What it sees with")
    Tag("p", studio.encoder_text)
    lacking = studio.helper.lacking
    if lacking:
        done = 1 - len(lacking) / max(1, len(studio.recordings))
        Tag("p", f"{len(lacking):,} recordings are not looked at yet.", "soft")
        bar(done, "recordings looked at")
    for failed in studio.jobs.of("features").failed:
        Tag("p", f"{failed.source}: {failed.reason}", "note warn")
    for job in studio.running:
        with box("note"):
            Tag("p", job.text)
            bar(job.share, job.text)
    if not studio.running:
        button("Train one on these recordings", lambda: train(window))


def train(window: Window) -> None:
    """Begins the training of an encoder without labels, in a process of its own."""
    window.studio.jobs.train()
    window.say("Training has begun; label on meanwhile.")


def _save(window: Window) -> None:
    Tag("h2", "Take the model away")
    Tag("p", "A folder with all that `skelf predict` needs for new recordings.", "soft")
    said: dict[str, str] = {}

    async def save() -> None:
        studio = window.studio
        labels = studio.history.labels
        out = studio.made / "model"
        press.props["disabled"] = True
        try:
            path = await to_thread(
                save_model, studio.there, [*labels], out, finished=labels.finished
            )
        except InputError as error:
            window.say(str(error), warn=True)
            return
        finally:
            del press.props["disabled"]
        said["path"] = str(path)
        where.refresh()

    press = button("Save the model", save, style="first")

    @ui.refreshable
    def where() -> None:
        if "path" in said:
            Tag("p", f"Saved as {said['path']}", "", {"role": "status"})
            Tag(
                "div",
                f"skelf predict {_shown(Path(said['path']))} NEW_RECORDING --out found.csv",
                "code",
            )

    where()


def _shown(path: Path) -> str:
    text = str(path)
    return f"'{text}'" if " " in text else text
