"""The journal: one state live, after undo and redo, after a restart; nothing is lost by a kill."""

import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studio_actions import action, edit_of

from skelf.errors import InputError
from skelf.studio.labels import actions, history, recordings, snapshot
from skelf.studio.labels.history import History
from skelf.studio.labels.journal import Journal
from skelf.studio.labels.lines import packed, whole
from skelf.studio.labels.segment import Segment
from skelf.studio.labels.state import Labels

KILLS = int(os.environ.get("SKELF_KILLS", 50))


def opened(path):
    return History(Journal(path))


def put(story, at, label="walk"):
    return story.do(actions.add(story.labels, "a", at, at + 5, label))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.jsonl"


@pytest.fixture
def story(path):
    story = opened(path)
    for at in (0, 10, 20):
        put(story, at)
    yield story
    story.close()


class Model:
    """What the journal promises, with every state kept whole."""

    def __init__(self):
        self.states, self.at = [Labels()], 0

    def do(self, labels):
        self.states[self.at + 1 :] = [labels]
        self.at += 1

    def step(self, by):
        if 0 <= self.at + by < len(self.states):
            self.at += by

    @property
    def now(self):
        return self.states[self.at]


@given(st.lists(action, max_size=25), st.integers(0, 25))
@settings(max_examples=200, deadline=None)
def test_one_state_live_after_undo_and_redo_and_after_a_restart(told, restart):
    model = Model()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("os.fsync"),  # of speed alone: what is written is not looked at by another system
        patch.object(history, "OFTEN", 6),  # so that snapshots take part
    ):
        path = Path(folder) / "labels.jsonl"
        story = opened(path)
        for number, one in enumerate(told):
            if number == restart:
                story.close()
                story = opened(path)
            if one[0] in ("undo", "redo"):
                getattr(story, one[0])()
                model.step(-1 if one[0] == "undo" else 1)
            elif (edit := edit_of(story.labels, one)) is not None and not edit.is_empty:
                before = story.labels
                story.do(edit)
                model.do(before.apply(edit))
            assert story.labels == model.now
        for _ in range(2):
            assert (story.can_undo, story.can_redo) == (
                model.at > 0, model.at < len(model.states) - 1,
            )  # fmt: skip
            story.close()
            story = opened(path)
            assert story.labels == model.now
        where = model.at
        while story.undo():
            model.step(-1)
            assert story.labels == model.now
        story.close()
        story = opened(path)  # what was undone can be redone after a restart
        while model.at < where:
            assert story.redo()
            model.step(1)
            assert story.labels == model.now
        version, labels = story.version, story.labels
        changes = story.changes(0)
        story.close()
        followed = Labels()
        for change in changes:
            followed = followed.apply(change.edit)
        assert (followed, changes[-1].version if changes else 0) == (labels, version)


def test_a_journal_cut_anywhere_keeps_every_whole_action(story, path):
    story.undo()
    put(story, 30, "sit")
    states = [Labels()]
    for change in story.changes(0):
        states.append(states[-1].apply(change.edit))
    story.close()
    data = path.read_bytes()
    header = data.index(b"\n") + 1
    for cut in range(header, len(data) + 1):
        path.write_bytes(data[:cut])
        whole = data[header:cut].count(b"\n")
        with Journal(path) as journal:
            again = History(journal)
            assert again.labels == states[whole]
            torn = data[header:cut].rpartition(b"\n")[2]
            assert (journal.torn is None) == (not torn)
            if journal.torn:
                assert journal.torn.read_bytes() == torn
                journal.torn.unlink()
            put(again, 50)  # and goes on
        with Journal(path) as journal:
            assert len(History(journal).labels) == len(states[whole]) + 1


def test_torn_lines_are_kept_side_by_side(story, path):
    story.close()
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b'{"crc":"0000')
        Journal(path).close()
    assert sorted(p.name for p in path.parent.glob("*.torn*")) == [
        "labels.jsonl.torn1", "labels.jsonl.torn2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"walk", b"wave"), *lines[2:]], "line 2 is dam"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 is damaged"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2 is damaged"),
        (lambda lines: lines[1:], "bring a copy"),
        (lambda lines: [], "empty"),
        (lambda lines: [packed({"format": "x"}, 0)[0]], "not a journal"),
        (lambda lines: [packed({"format": "skelf-labels", "version": 9}, 0)[0]], "update skelf"),
        (lambda lines: [b"\x00" * 64 + b"\n"], "bring a copy"),
    ],
)
def test_a_damaged_journal_is_refused_in_one_line(story, path, spoil, said):
    story.close()
    spoilt = b"".join(spoil(path.read_bytes().splitlines(keepends=True)))
    path.write_bytes(spoilt)
    with pytest.raises(InputError, match=said) as told:
        Journal(path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == spoilt  # and left as it is
    Journal(path.with_name("other.jsonl")).close()  # no lock is left


@pytest.mark.parametrize(
    "entry",
    [{"undo": 1}, {"redo": 1}, {"do": 3}, {"x": 1}, {"do": "x", "before": [["none"] * 7]},
     {"do": "x", "classes": [["other"], []]}]
)  # fmt: skip
def test_entries_that_do_not_fit_are_refused(story, path, entry):
    story.journal.append(entry)
    story.close()
    with Journal(path) as journal, pytest.raises(InputError, match="line 5 does not fit"):
        History(journal)


def test_one_process_writes_at_a_time(story, path):
    with pytest.raises(InputError, match="another process has"):
        Journal(path)
    story.close()
    Journal(path).close()


def test_a_journal_may_be_closed_by_another_thread(path):
    story = opened(path)
    thread = threading.Thread(target=story.close)
    thread.start()
    thread.join()
    opened(path).close()


def test_a_failed_write_changes_nothing(story, path):
    data, labels = path.read_bytes(), story.labels
    with patch("os.fsync", side_effect=OSError(28, "No space left on device")):
        with pytest.raises(OSError, match="No space left") as told:
            put(story, 40)
        with pytest.raises(OSError, match="No space left"):
            story.undo()
    assert told.value.filename == str(path)
    assert (path.read_bytes(), story.labels, story.version) == (data, labels, 3)
    put(story, 40)
    story.close()
    with Journal(path) as journal:
        assert len(History(journal).labels) == 4


@pytest.mark.parametrize("how", ["longer", "gone", "replaced"])
def test_a_journal_that_another_program_changed_is_left_alone(story, path, how):
    if how == "longer":
        path.write_bytes(path.read_bytes() + b"x")
    elif how == "gone":
        path.unlink()
    else:
        other = path.with_name("other")
        other.write_bytes(path.read_bytes())
        os.replace(other, path)
    labels = story.labels
    with pytest.raises(InputError, match="another program"):
        put(story, 40)
    assert story.labels == labels


def test_an_empty_action_is_not_kept(story):
    (one, *_) = story.labels.of("a")
    edit = story.do(actions.resize(story.labels, one.id, one.start, one.end))
    assert edit.is_empty
    assert story.version == 3


def test_frames_that_no_recording_has_are_refused(path):
    story = History(Journal(path), {"a": 20})
    put(story, 15)
    for recording, start, said in (("b", 0, "not in this project"), ("a", 16, "it has 20 frames")):
        with pytest.raises(InputError, match=said):
            story.do(actions.add(story.labels, recording, start, start + 5, "walk"))
    assert story.version == 1
    story.close()


def test_two_windows_see_each_other(story):
    windows = [story.labels, story.labels]

    def window(number):
        def follow(change):
            windows[number] = windows[number].apply(change.edit)

        return follow

    ends = [story.subscribe(window(number)) for number in (0, 1)]
    put(story, 40, "sit")
    story.undo()
    story.redo()
    put(story, 50)
    assert windows[0] == windows[1] == story.labels
    seen, labels = story.version, story.labels
    ends[0]()
    put(story, 60)
    story.undo()
    put(story, 70)
    assert windows[0] == labels  # it went away, and comes back:
    for change in story.changes(seen):
        windows[0] = windows[0].apply(change.edit)
    assert windows[0] == windows[1] == story.labels
    with pytest.raises(InputError, match="load the page"):
        story.changes(story.version + 1)


def test_a_window_that_fails_keeps_nobody_else_from_hearing(story):
    heard = []

    def broken(change):
        raise RuntimeError("of a window")

    story.subscribe(broken)
    story.subscribe(lambda change: heard.append(change.version))
    with pytest.raises(RuntimeError, match="of a window"):
        put(story, 40)
    assert (heard, story.version, len(story.labels)) == ([4], 4, 4)


def test_many_threads_act_at_once(path):
    versions = []
    story = opened(path)
    story.subscribe(lambda change: versions.append(change.version))

    def act(number):
        for at in range(20):
            name = f"r{number}"
            story.do(lambda labels: actions.add(labels, name, at * 10, at * 10 + 5, "walk"))  # noqa: B023

    threads = [threading.Thread(target=act, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == list(range(1, 121))
    labels = story.labels
    story.close()
    with Journal(path) as journal:
        assert History(journal).labels == labels
    assert len(labels) == 120


def test_a_snapshot_says_what_the_journal_says(story, path, monkeypatch):
    monkeypatch.setattr(history, "OFTEN", 3)
    story.undo()
    labels = story.labels
    story.close()
    opened(path).close()
    place = snapshot.place_of(path)
    assert place.exists()
    with Journal(path) as journal, patch.object(Journal, "entries", return_value=iter(())):
        again = History(journal)  # from the snapshot alone
        assert again.labels == labels
        assert again.can_redo
    text = place.read_text()
    for spoilt in ("", "zz", text[:-20], text.replace("walk", "wave"), "00000000\n{}\n"):
        place.write_text(spoilt)
        with Journal(path) as journal:
            assert History(journal).labels == labels
    other = path.with_name("other.jsonl")
    with Journal(other) as journal:
        for at in (1, 2, 3, 4):
            put(History(journal), at * 50)
    place.write_text(text)
    os.replace(place, snapshot.place_of(other))
    with Journal(other) as journal:
        assert len(History(journal).labels) == 4


def test_a_line_that_was_changed_is_named_also_where_a_snapshot_vouches(story, path, monkeypatch):
    monkeypatch.setattr(history, "OFTEN", 3)
    story.close()
    opened(path).close()
    data = path.read_bytes()
    with patch("skelf.studio.labels.journal.whole", wraps=whole) as looks, Journal(path):
        assert looks.call_args.args[2] == len(data)  # line by line it was checked once
    path.write_bytes(data.replace(b"walk", b"wave", 1))
    with pytest.raises(InputError, match="line 2 is damaged"):
        Journal(path)
    path.write_bytes(data[:-1])  # its end is missing, as the last line was torn
    with Journal(path) as journal:
        assert len(journal) == 2 and journal.torn is not None
    path.write_bytes(data)
    head, _, body = snapshot.place_of(path).read_bytes().partition(b"\n")
    for spoilt in (head.replace(b"3", b"2"), head[:-3], b"", b"0 []", b"00000000 []"):
        snapshot.place_of(path).write_bytes(spoilt + b"\n" + body)
        with Journal(path) as journal:
            assert journal.checked is None and len(History(journal).labels) == 3


@pytest.mark.parametrize("together", [1, 2, 3, 4])
def test_entries_are_read_in_parts(story, path, monkeypatch, together):
    monkeypatch.setattr("skelf.studio.labels.journal.TOGETHER", together)
    story.undo()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for after in range(5):
        told = [*story.journal.entries(after)]
        crcs = [{"crc": line["crc"]} for line in lines[after + 1 :]]
        assert [a | b for a, b in zip(crcs, told, strict=True)] == lines[after + 1 :]


@pytest.mark.parametrize("on", [True, False])
def test_opening_leaves_the_collector_as_it_was(story, path, on):
    story.close()
    was = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        opened(path).close()
        assert gc.isenabled() is on
        with Journal(path) as journal:
            journal.append({"undo": 1})  # not its turn
            with pytest.raises(InputError, match="does not fit"):
                History(journal)
        assert gc.isenabled() is on
    finally:
        (gc.enable if was else gc.disable)()


def test_recordings_that_nobody_looks_at_are_not_unpacked(path, monkeypatch):
    monkeypatch.setattr(history, "OFTEN", 3)
    story = opened(path)
    for name in ("a", "b", "c"):
        story.do(actions.add(story.labels, name, 0, 5, "walk"))
    before = story.labels
    story.close()
    opened(path).close()
    unpacked = []
    monkeypatch.setattr(recordings, "Segment", lambda *row: unpacked.append(row) or Segment(*row))
    story = opened(path)
    assert len(story.labels) == 3 and not unpacked
    story.do(actions.add(story.labels, "b", 20, 25, "walk"))
    story.close()
    story = opened(path)  # an action follows the snapshot
    assert [row[1] for row in unpacked] == ["b", "b"] and len(story.labels) == 4
    story.undo()
    assert story.labels == before
    story.close()


def test_lines_are_json(story, path):
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["crc"] for line in told] == [f"{story.journal.crc(n):08x}" for n in range(4)]
    assert [line.get("do") for line in told] == [None, "add", "add", "add"]


LABELLER = """
import sys
from pathlib import Path
from skelf.studio.labels import actions
from skelf.studio.labels.history import History
from skelf.studio.labels.journal import Journal
story = History(Journal(Path(sys.argv[1])))
while True:
    n = story.version
    if n % 7 == 3:
        story.undo()
    elif n % 7 == 4:
        story.redo()
    else:
        story.do(actions.add(story.labels, f"r{n % 5}", n * 10, n * 10 + 5, f"class {n % 3}"))
    print(story.version, flush=True)
"""


def expected(versions):
    """The labels after each version of `LABELLER`, by frames alone."""
    states, done, undone = [[]], [], []
    for n in range(versions):
        if n % 7 == 3:
            undone.append(done.pop())
        elif n % 7 == 4:
            done.append(undone.pop())
        else:
            done.append((f"r{n % 5}", n * 10, n * 10 + 5, f"class {n % 3}"))
            undone = []
        states.append(sorted(done))
    return states


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills_lose_nothing_but_the_action_under_way(path):
    rng, acknowledged = random.Random(0), 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", LABELLER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        for line in process.stdout:
            acknowledged = int(line) if line.endswith("\n") else acknowledged
        process.wait()
        with Journal(path) as journal:
            story = History(journal)
            assert acknowledged <= story.version <= acknowledged + 1
            told = sorted((s.recording, s.start, s.end, s.label) for s in story.labels)
            assert told == expected(story.version)[-1]
    assert acknowledged > KILLS
    for undone in count():
        if undone == 20:
            break
        with Journal(path) as journal:  # undo goes on behind all the kills
            assert History(journal).undo()
