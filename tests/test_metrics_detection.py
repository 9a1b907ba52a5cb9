import doctest

import numpy as np
import pytest

from skelf.errors import InputError
from skelf.metrics import detection as metrics_detection
from skelf.metrics.detection import (
    average_precision_pku,
    average_precision_voc,
    average_precisions,
    mean_ap,
    mean_aps,
)
from skelf.metrics.matching import Detections, match

A, B = 0, 1
GOLDEN_TRUTH = np.array(
    [[A, 10, 30, 2], [A, 40, 60, 3], [A, 70, 90, 2], [B, 5, 25, 3], [B, 50, 80, 2]]
)
GOLDEN_FOUND = [
    (A, 12, 31, 2, 0.9), (A, 45, 58, 3, 0.8), (A, 62, 68, 3, 0.3), (A, 72, 85, 2, 0.6),
    (A, 5, 9, 2, 0.95), (B, 0, 20, 3, 0.7), (B, 45, 90, 2, 0.5), (B, 52, 70, 2, 0.4),
]  # fmt: skip


def detections(rows):
    """Detections of `(recording, start, end, label, score)` rows."""
    table = np.array(rows, np.float64).reshape(-1, 5)
    return Detections(*table[:, :4].astype(np.int64).T, table[:, 4])


def slow_voc(truth, rows, tiou):
    """Sources E9 word by word: one class or many, labels must match."""
    used, hits = set(), []
    if len(truth) == 0:
        return 0.0
    for recording, start, end, label, _ in sorted(rows, key=lambda row: -row[4]):
        best, nearest = -np.inf, None
        for g, (where, s, e, k) in enumerate(truth):
            if where != recording or k != label:
                continue
            inter = min(end, e) - max(start, s) + 1
            union = (end - start + 1) + (e - s + 1) - inter
            if inter / union > best:
                best, nearest = inter / union, g
        hits.append(best >= tiou and nearest not in used)
        if hits[-1]:
            used.add(nearest)
    precision = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    recall = [sum(hits[: n + 1]) / len(truth) for n in range(len(hits))]
    area, before = 0.0, 0.0
    for n in range(len(hits)):
        if recall[n] != before:
            area += (recall[n] - before) * max(precision[n:])
            before = recall[n]
    return area


def slow_pku(truth, rows, tiou):
    """Sources E10 word by word."""
    rows = sorted(rows, key=lambda row: row[4])
    if not rows or len(truth) == 0:
        return 0.0
    matched = []
    for recording, start, end, label, _ in rows:
        best, nearest = -np.inf, None
        for g, (where, s, e, k) in enumerate(truth):
            if where == recording and k == label:
                overlap = (min(end, e) - max(start, s)) / (max(end, e) - min(start, s))
                if overlap >= tiou and overlap > best:
                    best, nearest = overlap, g
        matched.append(nearest)

    def state(n):
        left = matched[n:]
        found = len({g for g in left if g is not None})
        return (found / len(left) if left else 0.0), found / len(truth)

    best, recall = state(0)
    area = 0.0
    for n in range(len(rows)):
        if matched[n] is None:
            continue
        precision, after = state(n + 1)
        best = max(best, precision)
        area += best * (recall - after)
        recall = after
    return area


def slow_match(truth, rows, tiou):
    used, found = set(), [-1] * len(rows)
    for p in sorted(range(len(rows)), key=lambda p: -rows[p][4]):
        recording, start, end, label, _ = rows[p]
        best, nearest = -np.inf, None
        for g, (where, s, e, k) in enumerate(truth):
            if where == recording and k == label:
                overlap = (min(end, e) - max(start, s)) / (max(end, e) - min(start, s))
                if overlap > best:
                    best, nearest = overlap, g
        if best >= tiou and nearest not in used:
            used.add(nearest)
            found[p] = nearest
    return found


def drawn(seed):
    """Random truth and detections: ties in score and overlap, recordings and classes on one side
    only, on some seeds no truth or no detections at all."""
    rng = np.random.default_rng(seed)
    recordings, classes = rng.integers(1, 4, 2)
    truth = []
    for recording in range(recordings):
        edges = np.sort(rng.choice(60, 2 * rng.integers(0, 6), replace=False))
        truth += [(recording, s, e, rng.integers(classes)) for s, e in edges.reshape(-1, 2)]
    truth = np.array(truth, np.int64).reshape(-1, 4)[rng.permutation(len(truth))]
    rows = []
    for _ in range(rng.integers(0, 25)):
        start = int(rng.integers(0, 55))
        end = start + int(rng.integers(1, 15))
        label, recording = int(rng.integers(classes + 1)), int(rng.integers(recordings + 1))
        if len(truth) and rng.random() < 0.6:  # near to a segment
            recording, s, e, label = map(int, truth[rng.integers(len(truth))])
            start = max(0, s + int(rng.integers(-2, 3)))
            end = max(start + 1, e + int(rng.integers(-2, 3)))
        rows.append((recording, start, end, label, int(rng.integers(0, 8)) / 8))
    return truth, rows, float(rng.choice([0.1, 0.3, 0.5, 0.7, 1.0]))


def test_docstring_examples_run():
    result = doctest.testmod(metrics_detection)
    assert result.attempted >= 6
    assert result.failed == 0


def test_the_golden_case_of_the_released_codes():
    truth, found = GOLDEN_TRUTH, detections(GOLDEN_FOUND)

    def values(tiou, definition, over):
        return average_precisions(truth, found, tiou, definition=definition, over=over)

    def mean(tiou, definition, over):
        return round(mean_ap(truth, found, tiou, definition=definition, over=over), 6)

    assert values(0.5, "voc", "action") == {2: 0.75, 3: 1.0}
    assert values(0.5, "pku", "action") == {2: 0.75, 3: 1.0}
    assert values(0.5, "pku", "video") == pytest.approx({A: 2 / 3, B: 1.0}, abs=1e-12)
    assert mean(0.5, "voc", "action") == mean(0.5, "pku", "action") == 0.875
    assert mean(0.5, "pku", "video") == 0.833333
    assert values(0.7, "voc", "action") == pytest.approx({2: 1 / 6, 3: 0.0}, abs=1e-12)
    assert mean(0.7, "voc", "action") == 0.083333
    assert mean(0.7, "pku", "action") == mean(0.7, "pku", "video") == 0.033333


def test_right_false_right_and_right_twice_right():
    truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    false = detections([(0, 10, 30, 0, 0.9), (0, 31, 45, 0, 0.8), (0, 50, 70, 0, 0.7)])
    twice = detections([(0, 10, 30, 0, 0.9), (0, 11, 30, 0, 0.8), (0, 50, 70, 0, 0.7)])
    assert average_precision_voc(truth, false, 0.5) == pytest.approx(5 / 6)
    assert average_precision_pku(truth, false, 0.5) == pytest.approx(2 / 3)
    assert average_precision_voc(truth, twice, 0.5) == pytest.approx(5 / 6)
    assert average_precision_pku(truth, twice, 0.5) == pytest.approx(5 / 6)


def test_against_slow_loops():
    partly = 0
    for seed in range(150):
        truth, rows, tiou = drawn(seed)
        found = detections(rows)
        voc = average_precision_voc(truth, found, tiou)
        pku = average_precision_pku(truth, found, tiou)
        assert voc == pytest.approx(slow_voc(truth, rows, tiou), abs=1e-12), seed
        assert pku == pytest.approx(slow_pku(truth, rows, tiou), abs=1e-12), seed
        assert match(truth, found, tiou).tolist() == slow_match(truth, rows, tiou), seed
        partly += 0 < voc < 1 and voc != pku
    assert partly > 40  # the draws are no trivial cases


@pytest.mark.parametrize("definition", ["voc", "pku"])
@pytest.mark.parametrize(("over", "column"), [("action", 3), ("video", 0)])
def test_groups_against_slow_loops(definition, over, column):
    slow = {"voc": slow_voc, "pku": slow_pku}[definition]
    for seed in range(25):
        truth, rows, tiou = drawn(seed)
        expected = {}
        for group in sorted({int(row[column]) for row in truth}):
            own = truth[truth[:, column] == group]
            expected[group] = slow(own, [row for row in rows if row[column] == group], tiou)
        values = average_precisions(truth, detections(rows), tiou, definition=definition, over=over)
        assert list(values) == list(expected)
        assert values == pytest.approx(expected, abs=1e-12), seed
        if expected:
            mean = mean_ap(truth, detections(rows), tiou, definition=definition, over=over)
            assert mean == pytest.approx(sum(expected.values()) / len(expected), abs=1e-12)


def test_several_overlaps_at_once_against_slow_loops():
    tious, seen = (0.5, 0.1, 0.9, 0.3), set()
    for seed in range(25):
        truth, rows, _ = drawn(seed)
        if len(truth) == 0:
            continue
        made = mean_aps(truth, detections(rows), tious)
        for over, column in (("action", 3), ("video", 0)):
            groups = sorted({int(row[column]) for row in truth})
            for definition, slow in (("voc", slow_voc), ("pku", slow_pku)):
                expected = [
                    np.mean(
                        [
                            slow(
                                truth[truth[:, column] == g],
                                [row for row in rows if row[column] == g],
                                tiou,
                            )
                            for g in groups
                        ]
                    )
                    for tiou in tious
                ]
                assert made[over, definition] == pytest.approx(expected, abs=1e-12), seed
                seen |= set(made[over, definition])
    assert len(seen) > 40  # the draws are no trivial cases


@pytest.mark.parametrize("measure", [average_precision_voc, average_precision_pku])
def test_perfect_detections_and_none(measure):
    truth = GOLDEN_TRUTH
    perfect = Detections(*truth.T, np.linspace(0.2, 0.9, len(truth)))
    assert measure(truth, perfect, 1.0) == pytest.approx(1.0, abs=1e-12)
    assert measure(truth, detections([]), 0.5) == 0.0
    assert measure(truth[:0], perfect, 0.5) == 0.0
    assert measure(truth[:0], detections([]), 0.5) == 0.0


@pytest.mark.parametrize("measure", [average_precision_voc, average_precision_pku])
@pytest.mark.parametrize("column", [0, 3])
def test_recording_and_label_must_match(measure, column):
    moved = list(Detections(*GOLDEN_TRUTH.T, np.ones(len(GOLDEN_TRUTH))))
    moved[column] = moved[column] + 10
    assert measure(GOLDEN_TRUTH, Detections(*moved), 0.1) == 0.0


@pytest.mark.parametrize("measure", [average_precision_voc, average_precision_pku])
def test_a_duplicate_lowers_the_value_unless_it_comes_last(measure):
    truth = GOLDEN_TRUTH
    found = Detections(*truth.T, np.array([0.9, 0.8, 0.7, 0.6, 0.5]))

    def with_duplicate(score):
        again = Detections(*(np.append(column, column[:1]) for column in found))
        again.score[-1] = score
        return measure(truth, again, 0.5)

    assert with_duplicate(0.85) < with_duplicate(0.55) < measure(truth, found, 0.5)
    assert with_duplicate(0.1) == measure(truth, found, 0.5) == pytest.approx(1, abs=1e-12)


def test_only_the_order_of_scores_counts_and_lower_overlaps_are_easier():
    for seed in range(40):
        truth, rows, _ = drawn(seed)
        found = detections(rows)
        bent = found._replace(score=np.exp(3 * found.score) - 5)
        for measure in (average_precision_voc, average_precision_pku):
            assert measure(truth, bent, 0.4) == measure(truth, found, 0.4)
        easy = average_precision_voc(truth, found, 0.1)
        assert easy >= average_precision_voc(truth, found, 0.8) - 1e-12


def test_pku_is_lower_than_voc_on_average():
    rng = np.random.default_rng(0)
    difference = []
    for _ in range(200):
        start = np.arange(0, 1000, 50) + rng.integers(0, 10, 20)
        truth = np.stack([np.zeros(20, np.int64), start, start + 30, np.zeros(20, np.int64)], 1)
        shift = rng.normal(0, 8, 20).round().astype(np.int64)
        found = Detections(
            truth[:, 0], start + shift, start + shift + 30, truth[:, 3], rng.random(20)
        )
        voc = average_precision_voc(truth, found, 0.5)
        difference.append(voc - average_precision_pku(truth, found, 0.5))
    assert 0.005 < np.mean(difference) < 0.1


def test_what_the_truth_does_not_hold_does_not_count():
    truth = GOLDEN_TRUTH
    perfect = [(*row, 0.5) for row in truth.tolist()]
    stray = detections([*perfect, (9, 0, 10, 2, 0.9), (A, 0, 9, 7, 0.9)])
    by_video = average_precisions(truth, stray, 0.5, definition="voc", over="video")
    by_action = average_precisions(truth, stray, 0.5, definition="voc", over="action")
    assert list(by_video) == [A, B] and by_video[A] < 1 == by_video[B]
    assert list(by_action) == [2, 3] and by_action[2] < 1 == by_action[3]


def test_match_gives_each_segment_once():
    truth = np.array([[0, 10, 20, 1], [0, 30, 40, 1]])
    found = detections(
        [(0, 11, 20, 1, 0.5), (0, 10, 20, 1, 0.9), (0, 30, 40, 2, 0.8), (0, 30, 39, 1, 0.1)]
    )
    assert match(truth, found, 0.5).tolist() == [-1, 0, -1, 1]


def one(**changed):
    return detections(GOLDEN_FOUND)._replace(**changed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average_precision_voc(GOLDEN_TRUTH[:, :3], one(), 0.5), r"truth: shape \(5, 3\)"),
        (lambda: average_precision_pku(GOLDEN_TRUTH, one(), 0.0), "tiou: 0"),
        (lambda: average_precision_pku(GOLDEN_TRUTH, one(), 1.5), "tiou: 1.5"),
        (lambda: match(GOLDEN_TRUTH, one(score=np.ones(3)), 0.5), "score 3"),
        (lambda: match(GOLDEN_TRUTH, one(score=np.full(8, np.nan)), 0.5), "NaN"),
        (lambda: match(GOLDEN_TRUTH, one(start=np.ones((8, 1))), 0.5), "detections.start"),
        (
            lambda: mean_ap(GOLDEN_TRUTH, one(), 0.5, definition="coco", over="action"),
            "definition: 'coco' is none of voc, pku",
        ),
        (
            lambda: mean_ap(GOLDEN_TRUTH, one(), 0.5, definition="voc", over="class"),
            "over: 'class' is none of action, video",
        ),
        (
            lambda: mean_ap(GOLDEN_TRUTH[:0], one(), 0.5, definition="voc", over="action"),
            "no segments",
        ),
        (lambda: mean_aps(GOLDEN_TRUTH[:0], one(), [0.5]), "no segments"),
        (lambda: mean_aps(GOLDEN_TRUTH, one(), [0.5, 1.5]), "tiou: 1.5"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
