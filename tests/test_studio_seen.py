"""An action is about what the person saw, also where the model or another window has changed it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from studio_project import project_in

pytest.importorskip("nicegui", reason="the studio's extra is not installed")

from skelf.errors import InputError
from skelf.studio.labels import actions
from skelf.studio.labels.segment import Segment
from skelf.studio.model import Suggestion, remaining
from skelf.studio.page.actions import ACTIONS
from skelf.studio.page.looking import look, prefer
from skelf.studio.page.studio import Studio
from skelf.studio.page.told import Told, read
from skelf.studio.page.window import Window


class Timeline:
    """Keeps what the server tells the browser's script."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def __getattr__(self, name):
        return lambda *words: self.told.append((name, *words))


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    project_in(tmp_path, names=("walk", "sit"))
    studio = Studio(tmp_path)
    studio.find()
    studio._helper = SimpleNamespace(  # as while the model has said nothing yet
        answers=SimpleNamespace(suggestions={}, learnt=None), table=None, changes=lambda name: []
    )
    window = Window(studio, None, ACTIONS)
    window.timeline = Timeline()
    window.recording = "walk"
    window.say = lambda text, warn=False: window.timeline.told.append(("say", text, warn))
    yield window
    studio.history.close()


def press(window: Window, name: str, **told: object) -> None:
    """An action as the browser's script sends it."""
    message = {"name": name, "recording": "walk", "frame": 0, "serial": 1, "turn": 0, **told}
    asyncio.run(window.act(SimpleNamespace(args=message)))


def seen(start: int, end: int, label: str = "step") -> dict[str, object]:
    """A suggestion that is chosen in the browser."""
    id = f"{start}-{end}-{label}"
    return {"kind": "suggestion", "id": id, "start": start, "end": end, "label": label}


def rows(window: Window, name: str = "walk") -> list[tuple[int, int, str, str]]:
    """The labels of a recording."""
    return [(s.start, s.end, s.label, s.kind) for s in window.studio.history.labels.of(name)]


def test_an_answer_is_to_the_suggestion_that_was_seen(window: Window) -> None:
    """The model does not say any of this: what it says has been replaced since."""
    press(window, "accept", chosen=seen(3, 9))
    assert rows(window) == [(3, 9, "step", "is")]
    press(window, "refuse", chosen=seen(12, 15))
    press(window, "label", chosen=seen(16, 18), label="turn")
    press(window, "background", chosen=seen(19, 21))
    assert rows(window)[1:] == [
        (12, 15, "step", "not"), (16, 18, "turn", "is"), (19, 21, "background", "is"),
    ]  # fmt: skip
    those = [{"start": 22, "end": 24, "label": "step"}, {"start": 25, "end": 27, "label": "turn"}]
    press(window, "accept_all", those=those)
    assert rows(window)[-2:] == [(22, 24, "step", "is"), (25, 27, "turn", "is")]


def test_an_answer_is_in_the_recording_that_was_seen(window: Window) -> None:
    """The server may have opened another one before the key came."""
    window.recording = "sit"
    press(window, "accept", chosen=seen(3, 9))
    assert rows(window) == [(3, 9, "step", "is")] and not rows(window, "sit")
    assert window.recording == "sit"


def test_what_cannot_be_an_answer_is_said(window: Window) -> None:
    frames = window.studio.recording("walk").frames
    for told in (
        {"chosen": None},
        {"chosen": seen(3, frames + 1)},
        {"chosen": seen(9, 9)},
        {"chosen": seen(3, 9, " ")},
        {"chosen": seen(3, 9), "recording": "run"},
    ):
        window.timeline.told.clear()
        press(window, "accept", serial=window.heard_of + 1, **told)
        said = [words for words in window.timeline.told if words[0] == "say"]
        assert len(said) == 1 and said[0][2], told
        shown = [words for words in window.timeline.told if words[0] == "show"]
        assert shown, "the script takes it for answered until it is told"
    press(window, "accept_all", those=[{"start": 1}])
    assert not rows(window)


def test_bounds_that_were_not_touched_stay(window: Window) -> None:
    """Another window has moved the other end meanwhile."""
    edit = window.studio.history.do(lambda labels: actions.add(labels, "walk", 5, 15, "step"))
    id = edit.after[0].id
    window.studio.history.do(lambda labels: actions.resize(labels, id, 5, 18))
    press(window, "resize", id=id, start=7)
    assert rows(window) == [(7, 18, "step", "is")]
    for _ in range(3):  # a key that is held down
        press(window, "move", id=id, by=1)
    assert rows(window) == [(10, 21, "step", "is")]
    press(window, "move", id=id, by=-99)
    assert rows(window) == [(0, 11, "step", "is")]


def test_the_label_under_the_playhead_is_the_one_that_was_seen(window: Window) -> None:
    history = window.studio.history
    mine = history.do(lambda labels: actions.add(labels, "walk", 5, 15, "step")).after[0]
    history.do(lambda labels: actions.add(labels, "walk", 2, 14, "turn"))  # another window's
    press(window, "split", under=mine.id, frame=10)
    assert (5, 10, "step", "is") in rows(window) and (2, 14, "turn", "is") in rows(window)
    press(window, "split", under="", frame=10)
    assert window.timeline.told[-2][0] == "say"


def test_a_new_label_is_not_chosen_where_the_person_has_gone_on(window: Window) -> None:
    """The script compares the number; see `pick` in timeline.js."""
    press(window, "label", label="step", marks={"start": 3, "end": 9}, turn=7)
    (name, id, turn) = window.timeline.told[-1]
    assert (name, turn) == ("pick", 7) and id == next(iter(window.studio.history.labels)).id


def test_to_finish_twice_does_not_open_again(window: Window) -> None:
    for _ in range(2):
        press(window, "finish", done=True)
        assert window.studio.history.labels.finished == {"walk"}
    press(window, "finish", done=False)
    assert not window.studio.history.labels.finished


def test_the_browser_is_told_which_action_was_heard(window: Window) -> None:
    press(window, "accept", chosen=seen(3, 9), serial=4)
    assert window.news("walk")["heard"] == 4
    press(window, "accept", chosen=None, serial=5)
    press(window, "accept", chosen=seen(3, 9), serial=2)  # came late
    assert window.news("walk")["heard"] == 5


def shown(window: Window) -> list[dict[str, object]]:
    """What the timeline was sent since it was last asked."""
    sent = [told[1] for told in window.timeline.told if told[0] == "show"]
    window.timeline.told.clear()
    return sent


def test_a_label_is_sent_once_however_often_it_is_heard_of(window: Window) -> None:
    """By what made it, by the news for all windows, and by the model that has learnt of it."""
    suggestions = window.studio.helper.answers.suggestions
    suggestions["walk"] = [Suggestion("walk", 12, 22, "turn", 0.7)]
    window.show()
    assert [*shown(window)[0]] == [
        "recording", "segments", "suggestions", "changes", "classes", "finished", "heard",
    ]  # fmt: skip
    press(window, "label", label="step", marks={"start": 3, "end": 9})
    for news in ("labels", "suggestions", "expected", "suggestions", "jobs"):
        window.heard(news)
    sent = shown(window)
    assert [{*row} - {"recording"} for row in sent] == [{"segments", "classes"}, {"heard"}]
    assert [row["label"] for row in sent[0]["segments"]] == ["step"]
    suggestions["walk"] = [Suggestion("walk", 30, 40, "turn", 0.9)]
    for news in ("suggestions", "suggestions", "features"):
        window.heard(news)
    assert [{*row} for row in shown(window)] == [{"recording", "suggestions"}]


def test_what_was_refused_is_shown_as_it_was(window: Window) -> None:
    """The script has hidden what it took for done until this action is heard."""
    window.show()
    shown(window)
    press(window, "accept", chosen=None, serial=7)
    assert shown(window) == [{"recording": "walk", "heard": 7}]


def test_suggestions_that_labels_have_answered_are_gone(window: Window) -> None:
    one, other = Suggestion("walk", 3, 9, "step", 0.8), Suggestion("walk", 12, 22, "turn", 0.7)
    window.studio.helper.answers.suggestions["walk"] = [one, other]
    assert window.studio.suggestions("walk") == [one, other]
    press(window, "accept", chosen=seen(3, 9))
    assert window.studio.suggestions("walk") == [other]
    press(window, "undo")
    assert window.studio.suggestions("walk") == [one, other]


def test_the_recordings_that_are_open_are_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, opened, looked = [f"r{n}" for n in range(5)], [], []
    monkeypatch.setattr("skelf.studio.model.missing", lambda project: names)

    def make_features(project, name):
        looked.append(name)
        if name == "r3":
            opened[:] = ["r2", "r3"]  # the person goes on while it is looked at

    monkeypatch.setattr("skelf.studio.model.make_features", make_features)
    opened[:] = ["r3", "strange"]
    told = look(SimpleNamespace(place=tmp_path), lambda: opened)
    assert looked == ["r3", "r2", "r0", "r1", "r4"] and (told.done, told.total) == (5, 5)


def test_the_process_that_looks_is_told_what_is_open(tmp_path: Path) -> None:
    code = "import sys; sys.stdin.readline(); print(sys.stdin.readline(), end='')"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    prefer(process, [])
    prefer(process, ["monday/wälk"])
    assert process.stdout is not None and json.loads(process.stdout.read()) == ["monday/wälk"]
    process.wait()
    prefer(process, ["a"])  # it has ended: nobody minds
    process.communicate()


def test_labels_are_counted_again_where_they_change(window: Window) -> None:
    history, tally = window.studio.history, window.studio.tally
    for start, name in ((0, "walk"), (20, "walk"), (0, "sit")):
        history.do(lambda labels, at=start, of=name: actions.add(labels, of, at, at + 5, "step"))
    history.do(lambda labels: actions.refuse(labels, "walk", 10, 15, "step"))
    sit = tally.of(history.labels, "sit")
    assert tally.of(history.labels, "walk") == {"step": (2, 10)} and sit == {"step": (1, 5)}
    history.do(lambda labels: actions.add(labels, "walk", 3, 8, "turn"))
    assert tally.of(history.labels, "walk") == {"step": (2, 10), "turn": (1, 5)}
    assert tally.of(history.labels, "sit") is sit and tally.of(history.labels, "none") == {}


@pytest.mark.parametrize(
    ("label", "kind", "start", "end", "left"),
    [
        ("step", "is", 0, 6, []),  # less than half is left
        ("step", "is", 0, 4, [(4, 10)]),
        ("turn", "is", 0, 4, [(4, 10)]),
        ("turn", "not", 0, 4, [(0, 10)]),
        ("step", "not", 7, 20, [(0, 7)]),
        ("step", "is", 4, 5, [(5, 10)]),
        ("step", "is", 10, 20, [(0, 10)]),
    ],
)
def test_what_labels_leave_of_a_suggestion(label, kind, start, end, left) -> None:
    one = Suggestion("walk", 0, 10, "step", 0.8)
    found = remaining([one], [Segment("a", "walk", start, end, label, kind)])
    assert [(s.start, s.end) for s in found] == left


def test_a_message_says_which_turn_it_is_of() -> None:
    what = read({"name": "grow", "turn": 3, "under": "k", "serial": 8, "frame": 2})
    assert (what.turn, what.under, what.serial, dict(what.more)) == (3, "k", 8, {})
    assert Told("grow").turn == -1
    with pytest.raises(InputError):
        read({"name": "grow", "turn": "x"})
