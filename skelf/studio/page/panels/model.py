"""The model: how right it is expected to be, what it sees with, a folder for `skelf predict`."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Sequence
from pathlib import Path

from nicegui import ui
from nicegui.events import GenericEventArguments

from ....errors import InputError
from ...model import save_model
from ...project.background import LENGTHS
from ...project.progress import Failed
from ..pieces import Tag, bar, box, button, percent
from ..window import Window

NAMED = 3
"""Recordings that a line names, of those with one reason."""


def build(window: Window) -> None:
    """Draws it; what is new is put in its place, so that no button moves under a hand."""
    updates = [_expected(window), _sees(window), _training(window)]

    def update() -> None:
        for part in updates:
            part()

    update()
    window.parts["model"] = update
    _save(window)


def _expected(window: Window) -> Callable[[], None]:
    Tag("h2", "Expected accuracy")
    figure, text = Tag("div", "", "figure"), Tag("p", "", "soft")

    def update() -> None:
        told = window.studio.helper.answers.expected
        known = told is not None and told.accuracy is not None
        figure.set_visibility(known)
        if told is None:
            text.set_text("Being found out, as soon as there are labels.")
            return
        figure.set_text(percent(told.accuracy) if told.accuracy is not None else "")
        text.set_text(told.text[:1].upper() + told.text[1:])

    return update


def _sees(window: Window) -> Callable[[], None]:
    Tag("h2", "What it sees with")
    encoder, lacks = Tag("p"), Tag("p", "", "soft")
    drawn: list[object] = []

    @ui.refreshable
    def work() -> None:
        for line in grouped(window.studio.jobs.of("features").failed):
            Tag("p", line, "note warn")
        for job in window.studio.running:
            with box("note"):
                Tag("p", job.text)
                bar(job.share, job.text)

    work()

    def update() -> None:
        studio = window.studio
        encoder.set_text(studio.encoder_text)
        lacking = len(studio.helper.lacking)
        lacks.set_text(f"{lacking:,} recordings are not looked at yet.")
        lacks.set_visibility(lacking > 0)
        now = [*studio.running, *studio.jobs.of("features").failed]
        if now != drawn:
            drawn[:] = now
            work.refresh()

    return update


def _training(window: Window) -> Callable[[], None]:
    """Of an encoder without labels, in a process of its own, which a closed page does not end."""
    jobs, chosen = window.studio.jobs, {"length": "the usual"}

    def train() -> None:
        jobs.train(LENGTHS[chosen["length"]])
        window.say("Training has begun; label on meanwhile.")

    def keep(event: GenericEventArguments) -> None:
        chosen["length"] = event.args if event.args in LENGTHS else "the usual"

    problem = Tag("p", "", "note warn")
    with box("actions") as offer:
        button("Train one on these recordings", train)
        Tag("label", "How long", "unseen", {"for": "train-length"})
        with Tag("select", "", "field", {"id": "train-length"}) as lengths:
            for name in LENGTHS:
                Tag("option", name, "", {"value": name, "selected": name == chosen["length"]})
        lengths.on("change", keep, js_handler="(e) => emit(e.target.value)")
    stop = button("Stop the training", lambda: to_thread(jobs.stop_training))

    def update() -> None:
        now = jobs.of("encoder")
        problem.set_text(f"Training has ended early: {now.problem}")
        problem.set_visibility(now.state == "stopped" and bool(now.problem))
        stop.set_visibility(now.state == "running")
        offer.set_visibility(not window.studio.running)

    return update


def _save(window: Window) -> None:
    Tag("h2", "Take the model away")
    Tag("p", "A folder with all that the command skelf predict needs for new recordings.", "soft")
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


def grouped(failed: Sequence[Failed]) -> list[str]:
    """A line for each reason: there may be hundreds of recordings of one.

    Examples:
        >>> grouped([Failed(name, "in 2D") for name in "abcde"])
        ['a, b, c and 2 more: in 2D']
    """
    by_reason: dict[str, list[str]] = {}
    for one in failed:
        by_reason.setdefault(one.reason, []).append(one.source)
    lines = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"{', '.join(names[:NAMED])}{more}: {reason}")
    return lines


def _shown(path: Path) -> str:
    text = str(path)
    return f"'{text}'" if " " in text else text
