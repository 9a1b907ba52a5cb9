import numpy as np
import pytest

from skelf.errors import InputError
from skelf.protocols.proposals import (
    RULES,
    Proposals,
    argmax_growing,
    background_runs,
    class_runs,
    growing_official,
    suppress,
)
from skelf.protocols.smoothing import padded, smooth


def drawn(seed, frames=60, classes=3):
    """Probabilities that stay near to one class for some frames, then to another."""
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(1, frames))
    lengths = rng.integers(1, 12, frames)
    likely = np.repeat(rng.integers(0, classes + 1, frames), lengths)[:frames]
    logits = rng.normal(0, rng.choice([0.3, 1.5]), (frames, classes + 1))
    logits[np.arange(frames), likely] += 2
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


def frames_of(labels, classes=3, sure=0.9):
    """Probabilities whose likeliest column is `labels`."""
    p = np.full((len(labels), classes + 1), (1 - sure) / classes)
    p[np.arange(len(labels)), labels] = sure
    return p


def as_rows(found):
    assert all(len(column) == len(found.start) for column in found)
    return [(int(s), int(e), int(k), float(v)) for s, e, k, v in zip(*found, strict=True)]


def same(found, expected):
    rows = as_rows(found)
    assert [row[:3] for row in rows] == [row[:3] for row in expected]
    assert [row[3] for row in rows] == pytest.approx([row[3] for row in expected], abs=1e-12)


def slow_background_runs(p, threshold):
    rows, start = [], None
    for t in range(len(p) + 1):
        active = t < len(p) and 1 - p[t, 0] >= threshold
        if active and start is None:
            start = t
        if not active and start is not None:
            means = [
                sum(p[i, k] for i in range(start, t)) / (t - start) for k in range(1, p.shape[1])
            ]
            rows.append((start, t, means.index(max(means)), max(means)))
            start = None
    return rows


def slow_class_runs(p, threshold):
    rows = []
    for k in range(1, p.shape[1]):
        t = 0
        while t < len(p):
            end = t
            while end < len(p) and p[end, k] > threshold:
                end += 1
            if end > t:
                rows.append((t, end, k - 1, sum(p[t:end, k]) / (end - t)))
            t = end + 1
    return rows


def slow_growing(p, window, back, hit_rate):
    best = [list(row).index(max(row)) for row in p]
    rows, t = [], 0
    while t < len(best):
        label, end, passed = best[t], t + 1, False
        while label:
            look = range(max(t, end - back), max(t, end - back) + window)
            hits = [i for i in look if i < len(best) and best[i] == label]
            if len(hits) / window < hit_rate:
                break
            passed = True
            if hits[-1] + 1 == end:
                break
            end = hits[-1] + 1
        if passed:
            rows.append((t, end, label - 1, sum(p[t:end, label]) / (end - t)))
        t = end if passed else t + 1
    return rows


def slow_growing_official(p):
    """Sources E13 word by word: 15 frames a look, more than a tenth of them hits, 2 frames back."""
    best = [list(row).index(max(row)) for row in p]
    last = len(best) - 1

    def hits(label, after, upto):
        return sum(best[t] == label for t in range(after + 1, upto + 1))

    rows, t = [], 0
    while t < len(best):
        label, end = best[t], t
        while label and end + 30 <= last and hits(label, end, end + 15) / 15 > 0.1:
            end += 15
        if end == t:
            t += 1
            continue
        while hits(label, end - 2, end) == 0:
            end -= 2
        score = round(sum(float(p[i, label]) for i in range(t, end + 1)) / (end + 1 - t), 5)
        rows.append((t, end, label - 1, score))
        t = end
    return rows


def test_the_released_growing_rule_against_a_slow_loop():
    total, differ = 0, 0
    for seed in range(60):
        p = drawn(seed, frames=400)
        found, expected = growing_official(p), slow_growing_official(p)
        assert [row[:3] for row in as_rows(found)] == [row[:3] for row in expected]
        # A mean that lies between two of five digits may be rounded to either.
        assert [row[3] for row in as_rows(found)] == pytest.approx(
            [r[3] for r in expected], abs=2e-5
        )
        assert (found.score == np.round(found.score, 5)).all()
        total += len(expected)
        differ += [row[:3] for row in expected] != [row[:3] for row in as_rows(argmax_growing(p))]
    assert total > 200 and differ > 40


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1] * 30, []),  # two windows do not fit behind the first frame
        ([1] * 31, [(0, 15)]),
        ([0] * 5 + [1] * 20 + [0] * 40, [(5, 25)]),  # back in steps of 2 from 35, to a hit
        ([0] * 5 + [1] * 2 + [0] * 60, []),  # one hit of 15 is no tenth
        ([0] * 5 + [1] * 3 + [0] * 60, [(5, 8)]),
        ([0] * 20 + [1] * 40, [(20, 35)]),  # does not grow where two windows do not fit
        ([1] * 20 + [2] * 40 + [0] * 40, [(0, 20), (20, 59)]),  # 59 is the last hit
    ],
)
def test_where_the_released_growing_rule_starts_and_ends(labels, expected):
    found = growing_official(frames_of(labels))
    assert list(zip(found.start.tolist(), found.end.tolist(), strict=True)) == expected


def test_the_released_growing_rule_counts_its_end_in_the_score():
    labels = [1] * 20 + [2] * 40 + [0] * 40
    score = growing_official(frames_of(labels, sure=0.7)).score
    assert score.tolist() == pytest.approx([(20 * 0.7 + 0.1) / 21, 0.7], abs=1e-5)


def test_rules_against_slow_loops():
    found = dict.fromkeys(RULES, 0)
    for seed in range(40):
        p = drawn(seed)
        for threshold in (0.4, 0.7):
            same(background_runs(p, threshold), slow_background_runs(p, threshold))
        for threshold in (0.02, 0.3):
            same(class_runs(p, threshold), slow_class_runs(p, threshold))
        # Without a hit an interval cannot grow, whatever rate is asked for.
        assert len(argmax_growing(p, 6, 0, 0.0).start) <= len(p)
        for constants in ((15, 2, 0.1), (4, 1, 0.5), (6, 0, 0.2)):
            same(argmax_growing(p, *constants), slow_growing(p, *constants))
        for name, rule in RULES.items():
            found[name] += len(rule(padded(p)).start)
    assert min(found.values()) > 40


@pytest.mark.parametrize("rule", RULES.values())
def test_background_and_no_frames_give_nothing(rule):
    quiet = np.tile([1.0, 0, 0, 0], (20, 1))
    for p in (quiet, quiet[:0]):
        found = rule(p)
        assert isinstance(found, Proposals)
        assert [len(column) for column in found] == [0, 0, 0, 0]
        assert [column.dtype.kind for column in found] == ["i", "i", "i", "f"]


@pytest.mark.parametrize("rule", [background_runs, argmax_growing])
def test_two_actions_with_a_gap_are_found_exactly(rule):
    p = frames_of([0] * 20 + [1] * 30 + [0] * 20 + [3] * 40 + [0] * 5)
    same(rule(p), [(20, 50, 0, 0.9), (70, 110, 2, 0.9)])


def test_class_runs_finds_them_too_and_where_it_may_be():
    p = frames_of([0] * 4 + [1] * 6, sure=1.0)
    p[:2, 2] = 0.02  # not above the threshold
    p[2:4, 2] = 0.03
    same(class_runs(p), [(4, 10, 0, 1.0), (2, 4, 1, 0.03)])


def test_background_runs_joins_actions_without_a_gap():
    same(background_runs(frames_of([1] * 5 + [2] * 15)), [(0, 20, 1, (15 * 0.9 + 5 / 30) / 20)])


@pytest.mark.parametrize(("gap", "count"), [(12, 1), (13, 2)])
def test_growing_bridges_short_breaks_and_drops_lone_frames(gap, count):
    labels = [1] * 9 + [0] * gap + [1] * 9 + [0] * 20 + [2] + [0] * 20
    found = argmax_growing(frames_of(labels))
    assert len(found.start) == count
    assert found.end[-1] == 18 + gap
    assert set(found.label) == {0}


def slow_smooth(p, radius):
    rows = []
    for i in range(len(p)):
        near = [p[j] for j in range(len(p)) if abs(i - j) <= radius]
        rows.append(sum(near) / len(near))
    return np.array(rows)


def slow_official(p, radius, length=9000):
    """The released mean filter: numpy's mean of float32 rows."""
    padding = np.tile(np.eye(p.shape[1])[:1], (length - len(p), 1))
    rows = np.concatenate([p, padding]).astype(np.float32)
    frames = range(min(len(p) + radius, length))
    windows = [rows[max(0, i - radius) : min(i + radius, length - 1)] for i in frames]
    return np.array([window.mean(axis=0) for window in windows], np.float64)


@pytest.mark.parametrize("radius", [1, 3, 10, 100])
def test_smooth_against_slow_loops(radius):
    for seed in range(5):
        p = drawn(seed)
        centred, official = smooth(p, radius), smooth(p, radius, form="official")
        assert np.allclose(centred, slow_smooth(p, radius), atol=1e-12)
        assert np.array_equal(official, slow_official(p, radius))
        assert np.allclose(centred.sum(axis=1), 1)
        assert len(centred) == len(p) and len(official) == len(p) + radius


def test_official_smoothing_of_a_recording_that_fills_the_padding():
    p = np.tile(drawn(1)[:1], (9000, 1))
    p[-1] = [0, 0, 0, 1]
    smoothed = smooth(p, form="official")
    assert smoothed.shape == p.shape
    assert np.allclose(smoothed, p[0], atol=1e-6)  # the last frame is in no window


def test_official_smoothing_runs_into_the_padding_and_centred_does_not():
    p = frames_of([1] * 50, sure=1.0)
    assert background_runs(smooth(p)).end.tolist() == [50]
    # 8 of 20 frames are sure, but float32 holds 0.6 as 0.60000002, and 1 less that is below 0.4.
    assert background_runs(smooth(p, form="official")).end.tolist() == [52]
    assert background_runs(smooth(p, form="official"), 0.3999).end.tolist() == [53]


@pytest.mark.parametrize("sure", [1, 3, 5, 7, 8])
def test_a_recording_that_ends_in_sure_action_ends_as_released(sure):
    """A recording that begins or ends so, with any share of the window: the float32 decides."""
    p = frames_of([0] * 40 + [1] * 50, sure=1.0)
    for radius in (5, 10, 15):
        threshold = sure / (2 * radius)
        exact = slow_official(p, radius)
        active = 1 - exact[:, 0] >= threshold
        found = background_runs(smooth(p, radius, form="official"), threshold)
        assert found.start.tolist() == [active.argmax()]
        assert found.end.tolist() == [np.flatnonzero(active)[-1] + 1]


def test_smoothing_by_nothing_and_closing_a_break():
    p = frames_of([1] * 30 + [0] * 3 + [1] * 30)
    assert np.allclose(smooth(p, 0), p, atol=1e-12)
    assert len(background_runs(p).start) == 2
    assert len(background_runs(smooth(p)).start) == 1


def slow_suppress(rows, tiou, across):
    kept = []
    for p in sorted(range(len(rows)), key=lambda p: -rows[p][3]):
        s, e, k, _ = rows[p]
        for other in kept:
            s2, e2, k2, _ = rows[other]
            inter = max(0, min(e, e2) - max(s, s2))
            if (across or k == k2) and inter / (e - s + e2 - s2 - inter) > tiou:
                break
        else:
            kept.append(p)
    return [rows[p] for p in sorted(kept)]


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("tiou", [0.0, 0.1, 0.5, 1.0])
def test_suppress_against_a_slow_loop(tiou, across):
    for seed in range(25):
        rng = np.random.default_rng(seed)
        count = rng.integers(0, 30)
        start = rng.integers(0, 60, count)
        end = start + rng.integers(1, 20, count)
        found = Proposals(start, end, rng.integers(0, 3, count), rng.integers(0, 9, count) / 8)
        expected = slow_suppress(as_rows(found), tiou, across)
        same(suppress(found, tiou, across=across), expected)


def test_suppress_leaves_other_classes_alone():
    found = Proposals(
        np.array([0, 1, 1]), np.array([10, 10, 10]), np.array([0, 0, 1]), np.array([0.5, 0.9, 0.1])
    )
    same(suppress(found, 0.5), [(1, 10, 0, 0.9), (1, 10, 1, 0.1)])


P = drawn(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: background_runs(np.zeros(5)), r"p: shape \(5,\)"),
        (lambda: class_runs(np.zeros((5, 1))), r"p: shape \(5, 1\)"),
        (lambda: argmax_growing(np.full((5, 3), np.nan)), "NaN"),
        (lambda: argmax_growing(P, window=2, back=2), r"back: 2 must lie in 0..1"),
        (lambda: growing_official(P, back=0), "back: 0"),
        (lambda: growing_official(P[:, :1]), "p: shape"),
        (lambda: smooth(P, -1), "radius: -1"),
        (lambda: smooth(P, 0, form="official"), "radius: 0"),
        (lambda: suppress(background_runs(P), 1.5), "tiou: 1.5"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
