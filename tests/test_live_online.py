"""The online rule against a slow one, and what its options mean."""

import numpy as np
import pytest
from live_fakes import NAMES

from skelf.errors import InputError
from skelf.live.online import Actions, Classes
from skelf.live.options import Live
from skelf.live.ways import Moment


def played(p, times, **how):
    rule = Actions(NAMES, **{"enter": 0.5, "leave": 0.3, "smoothing": 0.0, **how})
    events = [e for t, row in zip(times, p, strict=True) for e in rule(Moment(t, row))]
    return events + rule.finish()


def slow(p, times, enter, leave, smoothing):
    """(start, end, class, score), each frame looked at by itself."""
    found, opened = [], None
    means = []
    for at, now in enumerate(times):
        rows = [p[i] for i in range(at + 1) if times[i] >= now - smoothing - 1e-9]
        means.append(np.mean(rows, axis=0)[1:])
    for at, mean in enumerate(means):
        best = int(np.argmax(mean))
        if opened is not None and (
            (mean[best] >= enter and best != opened[1]) or mean[opened[1]] < leave
        ):
            found.append((opened[0], at, opened[1]))
            opened = None
        if opened is None and mean[best] >= enter:
            opened = (at, best)
    if opened is not None:
        found.append((opened[0], None, opened[1]))
    back = lambda at: max(times[0], times[at] - smoothing / 2)  # noqa: E731
    return [
        (back(a), times[-1] if b is None else back(b), NAMES[k],
         float(np.mean([m[k] for m in means[a:b]])))
        for a, b, k in found
    ]  # fmt: skip


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_rule_against_a_slow_one(seed, smoothing):
    random = np.random.default_rng(seed)
    z = np.repeat(random.normal(size=(30, 4)) * 2, 10, axis=0) + random.normal(size=(300, 4))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    times = np.cumsum(random.uniform(0.02, 0.05, 300))
    events = played(p, times, smoothing=smoothing)
    ends = [e for e in events if e["event"] == "end"]
    expected = slow(p, times, 0.5, 0.3, smoothing)
    assert len(expected) > 3
    found = [(e["start"], e["t"], e["label"], e["score"]) for e in ends]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[2] == theirs[2]
        numbers = [[each[i] for i in (0, 1, 3)] for each in (ours, theirs)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)
    kinds = [e["event"] for e in events]
    assert kinds == ["start", "end"] * len(expected)  # one at a time, each begun before it ends


def test_it_knows_nothing_of_what_follows():
    random = np.random.default_rng(0)
    p, times = random.dirichlet(np.ones(4) * 0.3, 60), np.arange(60) / 30
    all_of_it = played(p, times, smoothing=0.1)
    for cut in (10, 25, 40):
        end = times[cut - 1]
        some = [e for e in played(p[:cut], times[:cut], smoothing=0.1) if e["known"] < end]
        assert some == [e for e in all_of_it if e["known"] < end]
        assert all(0 <= e["known"] - e["t"] <= 0.05 + 1e-6 for e in some)


def test_a_class_that_is_unsure_is_unknown():
    classes = Classes(NAMES, unknown_below=0.5, top=2)
    (event,) = classes(Moment(1.0, np.array([0.2, 0.45, 0.35], np.float32)))
    assert event == {
        "event": "class", "label": "wave", "t": 1.0, "score": 0.45, "unknown": True,
        "probabilities": {"wave": 0.45, "sit": 0.35},
    }  # fmt: skip
    assert not classes(Moment(2.0, np.array([0.1, 0.8, 0.1])))[0]["unknown"]


def test_thresholds_the_wrong_way_round():
    with pytest.raises(InputError, match=r"leave: 0.6 is above"):
        Live(leave=0.6)
