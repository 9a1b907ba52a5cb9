import doctest

import numpy as np
import pytest

from skelf.errors import InputError
from skelf.metrics import segmentation as metrics_segmentation
from skelf.metrics.segmentation import edit_score, f1_at, frame_accuracy, segments

OVERLAPS = (0.10, 0.25, 0.50)


def slow_segments(labels, background):
    runs = []
    for frame, label in enumerate(labels):
        if runs and runs[-1][2] == label:
            runs[-1][1] = frame + 1
        else:
            runs.append([frame, frame + 1, int(label)])
    return [run for run in runs if run[2] != background]


def slow_distance(a, b):
    table = [
        [i + j if i == 0 or j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)
    ]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
            )
    return table[-1][-1]


def slow_edit(truth, predicted, background):
    scores = []
    for own, guess in zip(truth, predicted, strict=True):
        a = [run[2] for run in slow_segments(own, background)]
        b = [run[2] for run in slow_segments(guess, background)]
        scores.append(1 - slow_distance(a, b) / max(len(a), len(b)) if a or b else 1.0)
    return sum(scores) / len(scores)


def slow_f1(truth, predicted, overlap, background):
    tp = fp = fn = 0
    for own, guess in zip(truth, predicted, strict=True):
        true, used = slow_segments(own, background), set()
        for start, end, label in slow_segments(guess, background):
            best, nearest = 0.0, None
            for g, (s, e, k) in enumerate(true):
                inter = max(0, min(end, e) - max(start, s))
                iou = inter / (end - start + e - s - inter)
                if k == label and iou > best:
                    best, nearest = iou, g
            if best >= overlap and nearest not in used:
                tp += 1
                used.add(nearest)
            else:
                fp += 1
        fn += len(true) - len(used)
    if tp + fp + fn == 0:
        return 1.0
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def drawn(seed):
    """Labels of several recordings, predictions near to them; some recordings of one label only."""
    rng = np.random.default_rng(seed)
    truth, predicted = [], []
    for _ in range(rng.integers(1, 4)):
        lengths = rng.integers(1, 9, rng.integers(1, 9))
        own = np.repeat(rng.integers(0, 4, len(lengths)), lengths)
        guess = np.roll(own, rng.integers(-2, 3))
        noise = rng.random(len(own)) < rng.choice([0, 0.1, 0.5])
        truth.append(own)
        predicted.append(np.where(noise, rng.integers(0, 4, len(own)), guess))
    return truth, predicted


def test_docstring_examples_run():
    result = doctest.testmod(metrics_segmentation)
    assert result.attempted >= 4
    assert result.failed == 0


@pytest.mark.parametrize("background", [None, 0])
def test_against_slow_loops(background):
    seen = set()
    for seed in range(60):
        truth, predicted = drawn(seed)
        frames = [
            (int(a), int(b))
            for o, g in zip(truth, predicted, strict=True)
            for a, b in zip(o, g, strict=True)
        ]
        assert frame_accuracy(truth, predicted) == pytest.approx(
            sum(a == b for a, b in frames) / len(frames)
        )
        edit = edit_score(truth, predicted, background=background)
        assert edit == pytest.approx(slow_edit(truth, predicted, background), abs=1e-12), seed
        f1 = f1_at(truth, predicted, OVERLAPS, background=background)
        expected = [slow_f1(truth, predicted, o, background) for o in OVERLAPS]
        assert f1 == pytest.approx(expected, abs=1e-12), seed
        for own in truth:
            assert segments(own, background).tolist() == slow_segments(own, background)
        seen.add((round(edit, 6), *f1.round(6)))
    assert len(seen) > 30  # the draws are no trivial cases


def test_perfect_labels_and_wrong_ones():
    truth, _ = drawn(3)
    assert frame_accuracy(truth, truth) == edit_score(truth, truth) == 1
    assert f1_at(truth, truth, (0.1, 1.0)).tolist() == [1, 1]
    wrong = [labels + 10 for labels in truth]
    assert frame_accuracy(truth, wrong) == edit_score(truth, wrong) == 0
    assert f1_at(truth, wrong).tolist() == [0, 0, 0]


def test_cuts_hurt_edit_and_f1_and_hardly_accuracy():
    truth = np.repeat([0, 1, 2], 20)
    cut = truth.copy()
    cut[[5, 12, 28, 33, 51]] = 3
    assert frame_accuracy(truth, cut) > 0.9
    assert edit_score(truth, cut) < 0.4
    assert f1_at(truth, cut, (0.5,))[0] < 0.4


def test_edit_does_not_look_at_times():
    assert edit_score(np.repeat([0, 1, 2], [1, 1, 30]), np.repeat([0, 1, 2], [20, 10, 2])) == 1


def test_background_is_left_out_of_segments_only():
    truth, predicted = np.array([0, 0, 5, 5, 0, 0]), np.array([0, 0, 5, 5, 5, 5])
    assert edit_score(truth, predicted) == pytest.approx(2 / 3)
    assert edit_score(truth, predicted, background=0) == 1
    assert f1_at(truth, predicted, (0.5,), background=0)[0] == 1
    assert frame_accuracy(truth, predicted) == pytest.approx(4 / 6)
    assert frame_accuracy(truth, predicted, ignore=[0]) == 1


def test_nothing_but_background():
    quiet, loud = np.zeros(5, np.int64), np.ones(5, np.int64)
    assert edit_score(quiet, quiet, background=0) == 1
    assert f1_at(quiet, quiet, background=0).tolist() == [1, 1, 1]
    assert edit_score(quiet, loud, background=0) == 0
    assert f1_at(quiet, loud, background=0).tolist() == [0, 0, 0]


def test_counts_are_summed_and_edits_averaged():
    a, b = np.repeat([0, 1], 5), np.repeat([2, 3, 4, 5, 6, 7], 5)
    wrong = np.repeat([8, 9, 8, 9, 8, 9], 5)
    assert f1_at([a, b], [a, wrong], (0.5,))[0] == pytest.approx(2 * 2 / 16)
    assert edit_score([a, b], [a, wrong]) == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frame_accuracy(np.zeros(3), np.zeros(4)), r"recording 0 has shape \(4,\)"),
        (lambda: edit_score([np.zeros(3)], [np.zeros(3)] * 2), "2 recordings, truth: 1"),
        (lambda: edit_score([], []), "at least one"),
        (lambda: frame_accuracy(np.zeros(3), np.zeros(3), ignore=[0]), "no frames to count"),
        (lambda: f1_at(np.zeros(3), np.zeros(3), (0.5, 0.0)), "overlaps: 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
