"""What a person does to labels. Each action is in the journal before the page shows it."""

from __future__ import annotations

from asyncio import to_thread

from ....errors import InputError
from ...labels import actions, classes
from ...labels.edit import Edit
from ...labels.state import Labels
from ...model import grow
from ...model.answers import BACKGROUND
from ..panels.naming import ask
from ..told import Marks, Told
from ..window import Window

AROUND = 0.5
"""Seconds to either side of the playhead that are labelled while the model knows no borders."""


async def label(window: Window, what: Told) -> None:
    """Gives a class to what is chosen, to the marks, or to what goes on at the playhead."""
    name = what.text("label")
    if not name:
        known = window.studio.history.labels.classes
        number = what.number("number")
        if not 0 <= number < len(known):
            raise InputError(f"there is no class {number + 1} yet; press C for a new one")
        name = known[number]
    await give(window, what, name)


async def give(window: Window, what: Told, name: str) -> None:
    """The same, with the class's name."""
    history, chosen = window.studio.history, what.chosen
    if chosen is not None and chosen.kind == "label":
        history.do(lambda labels: actions.relabel(labels, [chosen.id], name))
        return
    if chosen is not None:
        start, end = chosen.start, chosen.end
        history.do(lambda labels: actions.accept(labels, what.recording, start, end, name))
        return
    start, end = what.marks or await around(window, what)
    edit = history.do(lambda labels: actions.add(labels, what.recording, start, end, name))
    pick(window, what, edit)


async def around(window: Window, what: Told) -> Marks:
    """The likely borders of what goes on at the playhead; half a second to either side at first."""
    recording, helper = window.studio.recording(what.recording), window.studio.helper
    if helper.table is not None and what.recording in helper.table.names:
        learnt = helper.answers.learnt
        found = await to_thread(grow, helper.table, what.recording, what.frame, learnt)
        return Marks(*found)
    reach = round(AROUND * recording.fps)
    return Marks(max(0, what.frame - reach), min(recording.frames, what.frame + reach + 1))


def pick(window: Window, what: Told, edit: Edit) -> None:
    """Chooses what an action has made, unless the person has gone on meanwhile."""
    window.show()  # or the window does not know it yet
    if edit.after:
        window.timeline.pick(edit.after[-1].id, what.turn)


def new_class(window: Window, what: Told) -> None:
    """Asks for a name, and goes on as with any class."""

    async def named(name: str) -> None:
        if what.stretch is None:
            window.studio.history.do(lambda labels: classes.add_class(labels, name))
        else:
            await give(window, what, name)

    ask(window, "New class", "", named)


async def background(window: Window, what: Told) -> None:
    """Nothing that matters happens in what is marked or chosen."""
    await give(window, what, BACKGROUND)


def resize(window: Window, what: Told) -> None:
    """Another start, another end, or both, for a label; what is not told stays as it is."""
    frames = window.studio.recording(what.recording).frames
    start = max(0, what.number("start")) if "start" in what.more else None
    end = min(frames, what.number("end")) if "end" in what.more else None

    def resized(labels: Labels) -> Edit:
        (old,) = labels.find([what.text("id")])
        first = old.start if start is None else start
        return actions.resize(labels, old.id, first, old.end if end is None else end)

    pick(window, what, window.studio.history.do(resized))


def move(window: Window, what: Told) -> None:
    """A label some frames later, or earlier: as many keys, as many frames."""
    by, frames = what.number("by"), window.studio.recording(what.recording).frames

    def moved(labels: Labels) -> Edit:
        (old,) = labels.find([what.text("id")])
        return actions.move(labels, old.id, max(-old.start, min(by, frames - old.end)))

    pick(window, what, window.studio.history.do(moved))


def split(window: Window, what: Told) -> None:
    """Two labels of the one under the playhead."""
    id = _id(what)
    window.studio.history.do(lambda labels: actions.split(labels, id, what.frame))


def join(window: Window, what: Told) -> None:
    """One label of this and the next of its class."""

    def joined(labels: Labels) -> Edit:
        (first,) = labels.find([_id(what)])
        same = [s for s in labels.of(first.recording) if (s.label, s.kind) == (first.label, "is")]
        after = [s for s in same if s.start >= first.end]
        if not after:
            raise InputError(f"join: no label {first.label!r} after this one")
        return actions.join(labels, [first.id, after[0].id])

    pick(window, what, window.studio.history.do(joined))


def remove(window: Window, what: Told) -> None:
    """Takes the chosen label away."""
    if what.chosen is None or what.chosen.kind != "label":
        raise InputError("choose a label first; a suggestion is refused with X")
    id = what.chosen.id
    window.studio.history.do(lambda labels: actions.remove(labels, [id]))


def undo(window: Window, what: Told) -> None:
    """Takes the last action back."""
    if window.studio.history.undo() is None:
        window.say("There is nothing to undo.")


def redo(window: Window, what: Told) -> None:
    """Does again what was taken back."""
    if window.studio.history.redo() is None:
        window.say("There is nothing to redo.")


def finish(window: Window, what: Told) -> None:
    """Marks the recording as labelled to the end, or not any more."""
    done = bool(what.more.get("done"))
    window.studio.history.do(lambda labels: classes.finish(labels, what.recording, done))
    window.say("Labelled to the end." if done else "This recording is open again.")


def _id(what: Told) -> str:
    """The label that is chosen, or the one that the window shows under the playhead."""
    if what.chosen is not None and what.chosen.kind == "label":
        return what.chosen.id
    if not what.under:
        raise InputError("there is no label at the playhead; choose one")
    return what.under
