"""Actions on labels: against frames that are painted one by one, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studio_actions import CLASSES, FRAMES, action, edit_of

from skelf.errors import InputError
from skelf.studio.labels import actions, classes
from skelf.studio.labels.edit import Edit, from_dict
from skelf.studio.labels.segment import Segment, class_name
from skelf.studio.labels.state import Labels

IS, NOT = 1, -1


def labels_of(*rows):
    """Labels of recording "a" by add and refuse: start, end, label, and "not" where it is."""
    labels = Labels()
    for start, end, label, *kind in rows:
        kind = kind[0] if kind else "is"
        labels = labels.apply(actions.add(labels, "a", start, end, label, kind=kind))
    return labels


def rows(labels, recording="a"):
    return [(s.start, s.end, s.label, s.kind) for s in labels.of(recording)]


def painted(labels, recording="a"):
    """Class -> what is said of each frame."""
    frames = {}
    for s in labels.of(recording):
        line = frames.setdefault(s.label, np.zeros(2 * FRAMES, int))
        assert not line[s.start : s.end].any(), "two segments of one label overlap"
        line[s.start : s.end] = IS if s.kind == "is" else NOT
    return {label: line.tolist() for label, line in frames.items() if line.any()}


words = st.lists(
    st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 15), st.sampled_from(CLASSES),
              st.sampled_from(["is", "not"])),
    max_size=12,
)  # fmt: skip


@given(words)
@settings(max_examples=150, deadline=None)
def test_the_last_word_about_a_frame_counts(said):
    labels, reference = Labels(), {}
    for start, length, label, kind in said:
        edit = actions.add(labels, "a", start, start + length, label, kind=kind)
        labels = labels.apply(edit)
        line = reference.setdefault(label, np.zeros(2 * FRAMES, int))
        line[start : start + length] = IS if kind == "is" else NOT
    assert painted(labels) == {label: line.tolist() for label, line in reference.items()}
    assert list(labels.classes) == list(dict.fromkeys(label for _, _, label, _ in said))


@given(words)
@settings(max_examples=50, deadline=None)
def test_many_at_once_are_as_one_after_the_other(said):
    labels = Labels()
    segments = [Segment("", "a", at, at + n, label, kind) for at, n, label, kind in said]
    assert painted(labels.apply(actions.put(labels, segments))) == painted(
        labels_of(*((at, at + n, label, kind) for at, n, label, kind in said))
    )


@given(st.lists(action, max_size=15))
@settings(max_examples=150, deadline=None)
def test_every_action_has_an_inverse_and_goes_through_json(told):
    labels = Labels()
    for one in told:
        edit = None if one[0] in ("undo", "redo") else edit_of(labels, one)
        if edit is None:
            continue
        after = labels.apply(edit)
        assert after.apply(edit.inverse) == labels
        assert from_dict(edit.to_dict()) == edit
        assert edit.is_empty == (after == labels)
        for recording in after.recordings:
            painted(after, recording)  # no overlap within a label
        assert {s.label for s in after} <= {*after.classes}
        labels = after


def test_what_overlaps_of_one_label_becomes_one():
    labels = labels_of((0, 10, "walk"), (20, 30, "walk"), (5, 25, "walk"))
    assert rows(labels) == [(0, 30, "walk", "is")]
    assert rows(labels_of((0, 10, "walk"), (10, 20, "walk"))) == [
        (0, 10, "walk", "is"), (10, 20, "walk", "is"),
    ]  # fmt: skip


def test_labels_of_different_classes_overlap():
    labels = labels_of((0, 10, "walk"), (5, 15, "wave"))
    assert rows(labels) == [(0, 10, "walk", "is"), (5, 15, "wave", "is")]


def test_a_refusal_cuts_what_was_labelled_so():
    labels = labels_of((0, 30, "walk"), (10, 20, "walk", "not"), (12, 14, "sit", "not"))
    assert rows(labels) == [
        (0, 10, "walk", "is"), (10, 20, "walk", "not"), (12, 14, "sit", "not"),
        (20, 30, "walk", "is"),
    ]  # fmt: skip
    assert len({s.id for s in labels}) == 4


def test_ids_stay_where_a_segment_changes():
    labels = labels_of((0, 10, "walk"), (20, 30, "sit"))
    (first, second) = labels.of("a")
    for edit in (
        actions.resize(labels, first.id, 2, 12),
        actions.move(labels, first.id, 5),
        actions.relabel(labels, [first.id], "sit"),
    ):
        assert {s.id for s in labels.apply(edit)} == {first.id, second.id}
    parts = labels.apply(actions.split(labels, first.id, 4))
    assert [(s.start, s.end) for s in parts.of("a")] == [(0, 4), (4, 10), (20, 30)]
    whole = parts.apply(actions.join(parts, [s.id for s in parts.of("a")[:2]]))
    assert rows(whole) == rows(labels)


def test_classes_are_renamed_merged_and_taken_away():
    labels = labels_of((0, 10, "walk"), (5, 20, "go"), (30, 35, "sit"))
    labels = labels.apply(classes.add_class(labels, "wave"))
    assert labels.classes == ("walk", "go", "sit", "wave")
    merged = labels.apply(classes.merge_class(labels, "go", "walk"))
    assert rows(merged) == [(0, 20, "walk", "is"), (30, 35, "sit", "is")]
    assert merged.classes == ("walk", "sit", "wave")
    renamed = merged.apply(classes.rename_class(merged, "walk", "stroll"))
    assert renamed.classes == ("stroll", "sit", "wave")
    assert rows(renamed)[0] == (0, 20, "stroll", "is")
    less = renamed.apply(classes.remove_class(renamed, "sit"))
    assert rows(less) == [(0, 20, "stroll", "is")]
    assert less.classes == ("stroll", "wave")


def test_a_hand_outlasts_an_accepted_suggestion():
    labels = labels_of((0, 10, "walk"))
    labels = labels.apply(actions.accept(labels, "a", 5, 15, "walk"))
    assert [s.origin for s in labels] == ["hand"]
    labels = labels.apply(actions.accept(labels, "a", 20, 25, "walk"))
    assert [s.origin for s in labels] == ["hand", "accepted"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b", "a\ud800", "a\ufffe"])
def test_names_that_no_file_takes_are_refused(name):
    with pytest.raises(InputError, match="class"):
        class_name(name)


@pytest.mark.parametrize(
    ("name", "kept"), [(" stand\t up ", "stand up"), ("e\u0301", "\u00e9"), ("می\u200cروم",) * 2]
)
def test_names_are_kept_in_one_form(name, kept):
    assert class_name(name) == kept


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda labels, a, b: actions.add(labels, "a", 5, 5, "walk"), "no stretch"),
        (lambda labels, a, b: actions.add(labels, "a", -1, 5, "walk"), "no stretch"),
        (lambda labels, a, b: actions.remove(labels, ["none"]), "not there"),
        (lambda labels, a, b: actions.split(labels, a, 0), "from 1 on"),
        (lambda labels, a, b: actions.split(labels, a, 10), "from 1 on"),
        (lambda labels, a, b: actions.join(labels, [a]), "two segments"),
        (lambda labels, a, b: actions.join(labels, [a, b]), "one recording and class"),
        (lambda labels, a, b: actions.move(labels, a, -1), "no stretch"),
        (lambda labels, a, b: classes.rename_class(labels, "walk", "sit"), "merge"),
        (lambda labels, a, b: classes.rename_class(labels, "wlak", "go"), "did you mean 'walk'"),
        (lambda labels, a, b: classes.merge_class(labels, "walk", "walk"), "itself"),
        (lambda labels, a, b: classes.remove_class(labels, "none"), "unknown class"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(act, said):
    labels = labels_of((0, 10, "walk"), (20, 30, "sit"))
    with pytest.raises(InputError, match=said) as told:
        act(labels, *(s.id for s in labels.of("a")))
    assert "\n" not in str(told.value)


def test_an_action_made_for_other_labels_is_refused():
    labels = labels_of((0, 10, "walk"))
    (one,) = labels.of("a")
    late = actions.resize(labels, one.id, 0, 5)
    moved = labels.apply(actions.move(labels, one.id, 3))
    for edit in (late, late.inverse, Edit("new", classes=((), ("sit",)))):
        with pytest.raises(InputError, match="changed meanwhile"):
            moved.apply(edit)


@pytest.mark.parametrize(
    "row",
    [{}, [], ["a"] * 7, ["i", "r", 5, 5, "l", "is", "hand"], ["i", "r", 0, 5, "l", "no", "hand"],
     ["i", "r", True, 5, "l", "is", "hand"], ["i", "r", 0, 5, 3, "is", "hand"]],
)  # fmt: skip
def test_what_is_no_segment_is_seen(row):
    with pytest.raises(ValueError, match="segment"):
        from_dict({"do": "add", "after": [row]})
