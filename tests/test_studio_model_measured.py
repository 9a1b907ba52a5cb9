"""The measurements of the studio's model: the simulated labeller, and what follows a label."""

import sys
from pathlib import Path

import numpy as np
import pytest
from studio_tables import CLASSES, table, truth

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "experiments")]

import studio_labels as labels  # noqa: E402

from benchmarks import studio_label  # noqa: E402
from skelf.data.clips import ClipSet  # noqa: E402
from skelf.layouts import KINECT20  # noqa: E402
from skelf.studio.model import BACKGROUND  # noqa: E402


def clips(segments):
    """Recordings with these segments; the joints play no part."""
    names = list(dict.fromkeys(s.recording for s in segments))
    length = [max(s.end for s in segments if s.recording == name) for name in names]
    rows = [(names.index(s.recording), s.start, s.end, CLASSES.index(s.label)) for s in segments]
    joints = np.ones((sum(length), 1, 20, 3), np.float32)
    return ClipSet.build(
        joints, length, KINECT20, class_names=CLASSES, segments=np.array(rows), name=names
    )


@pytest.fixture(scope="module")
def task():
    train, test = truth(), truth(3, seed=9)
    other = table(test, seed=9)
    made = table(train)
    # Values of the test side in the training side's numbers.
    back = [(v @ other.reduction.axes.T) * other.reduction.deviation + other.reduction.mean
            for v in other.values]  # fmt: skip
    return labels.Task(made, train, [made.reduction.of(v) for v in back], clips(test))


def test_pauses_are_segments_and_short_ones_are_not():
    given = truth(1)
    kept = [s for at, s in enumerate(given) if at not in (0, 3, 8)]
    found = labels.whole_truth(clips(kept))
    assert [(s.start, s.end, s.label) for s in found if s.label != BACKGROUND] == [
        (s.start, s.end, s.label) for s in kept
    ]
    pauses = [(s.start, s.end) for s in found if s.label == BACKGROUND]
    assert pauses == [(given[0].start, given[0].end), (given[3].start, given[3].end)]


def test_clips_of_a_person_and_a_camera_become_one_recording():
    joints = np.arange(100, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 20, 3))
    given = ClipSet.build(
        joints + 1, [30, 20, 7, 43], KINECT20, class_names=["a", "b"], label=[0, 1, 0, 1],
        subject=np.array([1, 1, 1, 2]), camera=np.zeros(4, int),
    )  # fmt: skip
    found = labels.joined(given)
    assert found.length.tolist() == [50, 43] and found.subject.tolist() == [1, 2]
    for row, start, end, label in found.segments.tolist():
        own = found.clip(row)[start:end, 0, 0, 0]
        source = next(at for at in range(4) if given.clip(at)[0, 0, 0, 0] == own[0])
        assert np.array_equal(own, given.clip(source)[:, 0, 0, 0])
        assert label == given.label[source]


@pytest.mark.parametrize("order", labels.ORDERS)
def test_each_order_learns_and_gives_rows(task, order):
    rows = labels.curve(order, task, seed=0)
    total = len(task.truth)
    assert rows and all(0 < row["labels"] <= total == row["of"] for row in rows)
    assert all(0 <= row["map@0.5"] <= 1 for row in rows)
    assert rows[-1]["frame_accuracy"] > 0.9
    if order != "uniform":  # two moments may lie in one segment
        assert [row["labels"] for row in rows] == sorted(row["labels"] for row in rows)


def test_nine_tenths_are_found_between_two_points():
    at, values = np.array([2, 4, 8]), np.array([0.1, 0.3, 0.7])
    assert np.isclose(labels.needed(at, values, 0.5), 6)
    assert labels.needed(at, values, 0.05) == 2
    assert np.isnan(labels.needed(at, values, 0.9))


def test_what_follows_a_label_is_timed():
    made, segments = studio_label.drawn(1 / 6, 3)
    assert made.names == ("r0",) and made.frames.tolist() == [18000]
    row = studio_label.row(made, segments[:8])
    assert row["labels"] == 8 and all(value > 0 for value in row.values())
