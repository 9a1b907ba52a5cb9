"""What a model tells a person who labels: against slow references, and what must always hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from studio_tables import CLASSES, table, truth

from skelf.errors import InputError
from skelf.studio.labels.segment import Segment
from skelf.studio.model import (
    BACKGROUND,
    Stretch,
    expected,
    grow,
    learn,
    next_stretch,
    plane,
    similar,
    split_class,
    suggest,
)
from skelf.studio.model.choosing import gains
from skelf.studio.model.features import Kept, tabled
from skelf.studio.model.growing import moving_mean
from skelf.studio.model.head import LEAST, head_of
from skelf.studio.model.lessons import MOST, lessons
from skelf.studio.model.likeness import parts
from skelf.studio.model.placing import named
from skelf.studio.model.recount import Recount, change
from skelf.studio.model.saving import voted_head
from skelf.studio.model.softmax import fit
from skelf.studio.model.suggesting import columns, without
from skelf.studio.model.table import directions, reduction
from skelf.studio.model.voting import MOST as MOST_EXAMPLES
from skelf.studio.model.voting import PARTS, SHARPNESS, Votes, votes


@pytest.fixture(scope="module")
def segments():
    return truth()


@pytest.fixture(scope="module")
def made(segments):
    return table(segments)


def some(segments, count, seed=0):
    """One of each class at least, and more at random."""
    random = np.random.default_rng(seed)
    first = [next(s for s in segments if s.label == name) for name in CLASSES]
    rest = [s for s in segments if s not in first]
    return first + [rest[at] for at in random.permutation(len(rest))[: count - len(first)]]


def test_bins_hold_most_of_a_stretch_and_lead_back(made):
    assert made.bins(0, 0, 3) == (0, 1)
    assert made.bins(0, 1, 10) == (0, 3)
    assert made.bins(0, 2, 10) == (1, 3)
    assert made.bins(0, 4, 5) == (1, 2)  # shorter than a bin
    for start in range(0, 30, 7):
        first, last = made.bins(1, start, start + 20)
        a, b = made.span(1, first, last)
        assert abs(a - start) <= 1 and abs(b - start - 20) <= 1


@pytest.mark.parametrize("stretch", [(5, 5), (9, 3), (10_000, 10_010), (-9, -2)])
def test_a_stretch_without_frames_is_refused(made, stretch):
    with pytest.raises(InputError, match="there is nothing"):
        made.bins(0, *stretch)


def test_the_reduction_is_that_of_standardised_features():
    draw = np.random.default_rng(1).normal(size=(80, 7)) * [1, 2, 3, 4, 5, 6, 0] + 3
    found = reduction([draw[:30], draw[30:]], dims=3)
    scaled = (draw - draw.mean(axis=0)) / np.where(draw.std(axis=0) > 1e-9, draw.std(axis=0), 1)
    _, _, axes = np.linalg.svd(scaled, full_matrices=False)
    assert np.allclose(np.abs(found.of(draw)), np.abs(scaled @ axes[:3].T), atol=1e-4)


def test_plain_rows_give_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(2)
    x, y = random.normal(size=(90, 4)), np.arange(90) % 3
    x += np.eye(3, 4)[y]
    weight = random.uniform(0.5, 2, 90)
    ours = fit(x, np.eye(3, dtype=bool)[y], weight, 0.5).probabilities(x)
    theirs = LogisticRegression(C=2.0, tol=1e-8).fit(x, y, sample_weight=weight).predict_proba(x)
    assert np.abs(ours - theirs).max() < 2e-3


def test_a_refused_class_goes_down_and_the_others_keep_their_order():
    x = np.zeros((2, 1))
    allowed = np.array([[True, True, False], [True, False, False]])
    p = fit(x, allowed, np.ones(2), 1e-3).probabilities(x)[0]
    assert p[2] < 0.01 and p[1] < p[0]


def test_the_loss_is_what_a_loop_says():
    random = np.random.default_rng(3)
    x, weight = random.normal(size=(20, 3)), random.uniform(0.5, 2, 20)
    allowed = random.random((20, 4)) < 0.5
    allowed[:, 0] |= ~allowed.any(axis=1)

    def loss(head):
        value = 0.0
        for row, may, w in zip(x, allowed, weight, strict=True):
            z = head.weight.astype(float) @ row + head.bias
            p = np.exp(z) / np.exp(z).sum()
            value -= w * np.log(p[may].sum())
        return value + 0.05 * (head.weight.astype(float) ** 2).sum()

    best = fit(x, allowed, weight, 0.1)
    for _ in range(50):
        other = best._replace(weight=best.weight + random.normal(0, 0.03, best.weight.shape))
        assert loss(best) <= loss(other) + 1e-6


def test_to_go_on_from_the_head_before_is_to_begin_anew(made, segments):
    """Label by label, a refusal among them: what was learnt on the way leaves no trace."""
    said = [*segments[:20]]
    said.insert(9, Segment("x", "r3", 0, 60, said[0].label, "not"))
    before = None
    for count in range(1, len(said) + 1):
        before = learn(made, said[:count], before=before)
        anew = learn(made, said[:count])
        for recording in range(len(made.names)):
            assert np.allclose(
                before.probabilities(recording), anew.probabilities(recording), atol=0.01
            )


def test_votes_that_are_recounted_are_those_that_are_counted(made, segments, monkeypatch):
    """Labels come, go, and are refused; what is kept says what would be said anew."""
    random, said, recount, found_again = np.random.default_rng(0), [*segments[:8]], Recount(), []
    left = [*segments[8:]]
    monkeypatch.setattr(
        "skelf.studio.model.recount.change",
        lambda *both: found_again.append(change(*both)) or found_again[-1],
    )
    first = lessons(made, said).class_names
    for step in range(40):
        if step % 3 == 2:
            said.pop(int(random.integers(3, len(said))))
        else:
            kind = "not" if step % 7 == 0 else "is"
            said.append(replace(left.pop(int(random.integers(len(left)))), kind=kind))
        found = lessons(made, said)
        if found.class_names != first:  # begins anew, as `learn` does
            first, recount = found.class_names, Recount()
        head = votes(found.rows(made), found.allowed, found.weight, found.label)
        recount = Recount(recount)
        for at, x in enumerate(made.values):
            told, counted = recount.of(head, at, x), head.of(x)
            assert np.allclose(told, counted, rtol=1e-3, atol=1e-6)
    assert sum(way is not None for way in found_again) > 25


def test_of_many_recordings_votes_are_asked_again(made, segments, monkeypatch):
    monkeypatch.setattr(Recount, "MOST", made.values[0].size)
    found = lessons(made, segments[:9])
    head = votes(found.rows(made), found.allowed, found.weight, found.label)
    recount = Recount()
    for at, x in enumerate(made.values):
        assert np.array_equal(recount.of(head, at, x), head.of(x))
    assert sum(sums.size for _, sums in recount._sums.values()) <= Recount.MOST
    alike = Votes(np.repeat(head.examples[:1], 2, axis=0), np.repeat(head.share[:1], 2, axis=0))
    assert change(head, alike) is None and change(alike, alike) is None


def test_labels_speak_of_their_frames_alone(made, segments):
    found = lessons(made, segments[:2])
    assert set(found.recording) == {0}
    assert found.at.tolist() == list(range(segments[1].end // 3))
    assert found.class_names == (segments[0].label, segments[1].label)


def test_each_label_weighs_as_much_and_rare_classes_more(made, segments):
    walks = [s for s in segments if s.label == "walk"][:4]
    sit = next(s for s in segments if s.label == "sit")
    found = lessons(made, [*walks, sit])
    total = {
        name: found.weight[found.allowed[:, at]].sum() for at, name in enumerate(found.class_names)
    }
    assert np.isclose(total["walk"], 4) and np.isclose(total["sit"], 2)


def test_the_rest_of_a_finished_recording_is_background(made, segments):
    own = [s for s in segments if s.recording == "r0"]
    found = lessons(made, own[:1], finished={"r0"})
    background = found.allowed[:, found.class_names.index(BACKGROUND)]
    assert background.sum() == MOST and found.at[background].min() >= own[0].end // 3
    assert lessons(made, own, finished={"r0"}).class_names == tuple(
        dict.fromkeys(s.label for s in own)
    )


def test_a_refused_stretch_allows_all_other_classes(made, segments):
    known = some(segments, 3)
    refused = replace(segments[20], id="no", kind="not", label="walk")
    found = lessons(made, [*known, refused])
    rows = found.allowed[(found.allowed.sum(axis=1) == 2)]
    assert len(rows) and not rows[:, found.class_names.index("walk")].any()


def test_nothing_is_learnt_of_nothing(made, segments):
    assert learn(made, []) is None
    elsewhere = replace(segments[0], recording="not in the table")
    assert learn(made, [elsewhere]) is None
    assert learn(made, [replace(segments[0], kind="not")]) is None


def test_a_few_labels_name_the_rest(made, segments):
    known = some(segments, 4)
    found = suggest(made, learn(made, known), known)
    rest = [s for s in segments if s not in known]
    right = [
        any(abs(f.start - s.start) <= 3 and abs(f.end - s.end) <= 3 and f.label == s.label
            and f.recording == s.recording for f in found)
        for s in rest
    ]  # fmt: skip
    assert np.mean(right) > 0.9
    assert [f.start for f in found if f.recording == "r1"] == sorted(
        f.start for f in found if f.recording == "r1"
    )


def test_the_votes_and_the_head_are_what_a_loop_says(made, segments):
    refused = replace(segments[7], id="no", label=CLASSES[0], kind="not")
    found = lessons(made, [*some(segments, 6), refused])
    x = found.rows(made)
    head = head_of(x, found)
    asked = made.values[2][:5]
    linear = head.linear.probabilities(asked)
    for row, p, said in zip(asked, linear, head.probabilities(asked), strict=True):
        total, weight = np.zeros(len(found.class_names)), np.zeros(len(found.class_names))
        for label in np.unique(found.label):
            own = np.flatnonzero(found.label == label)
            if found.allowed[own[0]].sum() > 1:
                continue
            of = int(found.allowed[own[0]].argmax())
            for part in np.array_split(own, PARTS):
                mean = x[part].mean(axis=0)
                cosine = mean @ row / np.linalg.norm(mean) / np.linalg.norm(row)
                total[of] += found.weight[part].sum() * np.exp(SHARPNESS * (cosine - 1))
                weight[of] += found.weight[part].sum()
        share = total / weight / (total / weight).sum()
        wanted = p * (share + LEAST)
        assert np.allclose(said, wanted / wanted.sum(), atol=1e-4)


def test_many_labels_have_fewer_examples_each():
    rows, labels = 3 * 900, np.repeat(np.arange(900), 3)
    x = np.random.default_rng(0).normal(size=(rows, 4))
    allowed = np.eye(2, dtype=bool)[labels % 2]
    many = votes(x, allowed, np.ones(rows), labels)
    assert 900 <= len(many.examples) <= MOST_EXAMPLES
    assert np.allclose(many.share.sum(axis=0), 1, atol=1e-4)
    few = votes(x[:9], allowed[:9], np.ones(9), labels[:9])
    assert np.allclose(few.examples, directions(x[:9]), atol=1e-6)  # each of its three rows


def test_a_class_in_two_places_is_known_in_both_and_not_between_them():
    random = np.random.default_rng(0)
    at = np.array([[4.0, 0], [0, 4], [-4, 0], [0, -4]])
    x = np.repeat(at, 10, axis=0) + random.normal(0, 0.3, (40, 2))
    allowed = np.eye(2, dtype=bool)[np.repeat([0, 1, 0, 1], 10)]
    vote = votes(x, allowed, np.ones(40), np.repeat(np.arange(4), 10)).of(at)
    assert vote.argmax(axis=1).tolist() == [0, 1, 0, 1]
    # No linear head can.
    assert fit(x, allowed, np.ones(40), 0.3).probabilities(at).max() < 0.9


@pytest.mark.parametrize("with_background", [False, True])
def test_a_saved_head_says_what_the_studio_does(made, segments, with_background):
    known = some(segments, 6)
    if with_background:
        known[2] = replace(known[2], label=BACKGROUND)
    learnt, space = learn(made, known), made.reduction
    features = (made.values[2] @ space.axes.T) * space.deviation + space.mean
    p = torch.softmax(voted_head(learnt)(torch.from_numpy(features)), dim=-1).numpy()
    assert np.allclose(p, columns(learnt, 2), atol=1e-3)


def test_a_warm_start_comes_to_the_same(made, segments):
    before = learn(made, some(segments, 5))
    known = some(segments, 6)
    assert before.class_names == learn(made, known).class_names
    warm, cold = learn(made, known, before=before), learn(made, known)
    assert np.abs(warm.probabilities(2) - cold.probabilities(2)).max() < 0.02


@pytest.mark.parametrize("seed", range(8))
def test_suggestions_never_overlap_labels_nor_repeat_what_was_refused(made, segments, seed):
    random = np.random.default_rng(seed)
    known = some(segments, int(random.integers(3, 12)), seed)
    # Somebody drew labels across borders.
    known = [
        replace(s, start=max(0, s.start - int(random.integers(0, 30))), end=s.end) for s in known
    ]
    found = suggest(made, learn(made, known), known, least=0.0)
    refused = [
        Segment(f"no{at}", f.recording, f.start, f.end, f.label, "not")
        for at, f in enumerate(found)
        if random.random() < 0.3
    ]
    told = [*known, *refused]
    for one in suggest(made, learn(made, told), told, least=0.0):
        assert 0 <= one.start < one.end and 0 <= one.probability <= 1
        for s in told:
            if s.recording == one.recording and s.overlaps(one.start, one.end):
                assert s.kind == "not" and s.label != one.label


def test_what_is_accepted_is_suggested_no_more(made, segments):
    known = some(segments, 4)
    for step in range(6):
        found = suggest(made, learn(made, known), known)
        assert found
        one = found[0]
        accepted = Segment(f"new{step}", *one[:4], origin="accepted")
        known.append(accepted)
        after = suggest(made, learn(made, known), known)
        assert not any(
            f.recording == one.recording and accepted.overlaps(f.start, f.end) for f in after
        )


def test_background_and_finished_recordings_get_no_suggestion(made, segments):
    known = [replace(s, label=BACKGROUND) if s.label == "sit" else s for s in some(segments, 8)]
    learnt = learn(made, known)
    found = suggest(made, learnt, known, finished={"r1"}, least=0.0)
    assert found and BACKGROUND not in {f.label for f in found}
    assert "r1" not in {f.recording for f in found}
    assert {f.recording for f in suggest(made, learnt, known, only=["r2"])} == {"r2"}
    nothing = [replace(s, label=BACKGROUND) for s in known]
    assert suggest(made, learn(made, nothing), nothing) == []


def test_gains_are_what_a_loop_says():
    random = np.random.default_rng(5)
    x = random.normal(size=(12, 3))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    unsure = random.random(12)
    labelled = random.random(12) < 0.3
    found = gains(x, unsure, labelled, sharpness=3.0)
    for at in range(12):
        total = 0.0
        for other in range(12):
            like = np.exp(3 * (x[at] @ x[other] - 1))
            best = max(
                [np.exp(3 * (x[k] @ x[other] - 1)) for k in range(12) if labelled[k]], default=0
            )
            total += unsure[other] * max(0, like - best)
        assert np.isclose(found[at], 0 if labelled[at] else total)


@pytest.mark.parametrize("seed", range(3))
def test_the_next_stretch_is_never_labelled_refused_or_passed_over(made, segments, seed):
    random = np.random.default_rng(seed)
    known, passed, finished = [], [], {"r3"}
    for step in range(200):
        learnt = learn(made, known)
        one = next_stretch(made, learnt, known, finished=finished, passed=passed)
        if one is None:
            break
        assert one.start < one.end and one.recording not in finished and one.reason
        for s in (*known, *passed):
            assert s.recording != one.recording or s.end <= one.start or one.end <= s.start
        draw = random.random()
        if draw < 0.3:
            passed.append(one)
        else:
            label, kind = CLASSES[step % 3], "is" if draw < 0.8 else "not"
            known.append(Segment(f"{step}", one.recording, one.start, one.end, label, kind))
    else:
        pytest.fail("it never ends")
    whole = sum(int(made.frames[at]) for at in range(3))
    assert sum(s.end - s.start for s in (*known, *passed)) == whole


def test_the_first_stretches_are_of_different_classes(made, segments):
    known = []
    for _step in range(len(CLASSES)):
        one = next_stretch(made, learn(made, known), known)
        known.append(
            next(
                s
                for s in segments
                if s.recording == one.recording and s.overlaps(one.start, one.end)
            )
        )
    assert {s.label for s in known} == set(CLASSES)


def test_one_frame_grows_to_the_stretch_around_it(made, segments):
    shares = []
    for s in segments:
        start, end = grow(made, s.recording, (s.start + s.end) // 2)
        assert start <= s.start and s.end <= end  # the motion does not change within
        shares.append((s.end - s.start) / (end - start))
    assert np.mean(np.array(shares) == 1) > 0.5 and np.mean(shares) > 0.75
    known = some(segments, 6)
    learnt = learn(made, known)
    for frame in range(0, 390, 13):
        a, b = grow(made, "r1", frame, learnt)
        assert 0 <= a <= frame < b <= made.frames[1]
        others = [s for s in known if s.recording == "r1" and not s.overlaps(frame, frame + 1)]
        assert not any(s.overlaps(a, b) for s in others)
    with pytest.raises(InputError, match="there is nothing"):
        grow(made, "r1", 10**6)
    with pytest.raises(InputError, match="no features of it yet"):
        grow(made, "r77", 0)


def test_a_model_that_runs_on_gives_no_borders(made, segments):
    """With one class known, all is of it to the model: its interval is longer than any label."""
    first = segments[3]
    learnt = learn(made, [first])
    other = segments[5]
    assert grow(made, other.recording, other.start + 10, learnt) == (other.start, other.end)


@pytest.mark.parametrize("seconds", [4, 8])
def test_a_motion_that_repeats_is_one(seconds):
    """Steps of the left and the right leg: a stretch each, and one label together."""
    left, right, other = (np.eye(6)[at] * 3 for at in range(3))
    step = [left] * 5 + [right] * 5  # half a second each, tenths of a second
    values = np.array([*[other] * 50, *(step * seconds), *[other] * 50])
    values += np.random.default_rng(7).normal(0, 0.2, values.shape)
    bounds = np.array([0, *range(50, 50 + 10 * seconds + 1, 5), len(values)])
    kept = Kept(values.astype(np.float16), bounds, 3)
    walks = tabled(["r0"], [(3 * len(values), 30.0)], [kept])
    first, last = 150, 150 + 30 * seconds
    for frame in range(first + 10 * seconds, last - 10 * seconds, 7):
        start, end = grow(walks, "r0", frame)
        both = min(end, last) - max(start, first)
        assert both > 0.6 * (max(end, last) - min(start, first)), (frame, start, end)
    assert grow(walks, "r0", 20)[1] <= 165 and grow(walks, "r0", last + 130)[0] >= last - 15


def test_moving_means_are_those_of_a_loop():
    values = np.random.default_rng(8).normal(size=(9, 2))
    for size in (1, 2, 3, 8, 30):
        for at, mean in enumerate(moving_mean(values, size)):
            around = values[max(0, at - size // 2) : at + size - size // 2]
            assert np.allclose(mean, around.mean(axis=0))


def test_all_alike_grows_as_far_as_anybody_looks():
    bins, minute = 40_000, 1800
    values = np.tile(np.eye(4)[0], (bins, 1)).astype(np.float16)
    bounds = np.append(np.arange(0, bins, 10), bins)
    still = tabled(["r0"], [(3 * bins, 30.0)], [Kept(values, bounds, 3)])
    for frame in (0, 9_000, 3 * bins - 1):
        start, end = grow(still, "r0", frame)
        assert start <= frame < end and frame - minute <= start and end <= frame + minute + 3


def test_likeness_is_that_of_parts_in_their_order():
    values = np.random.default_rng(6).normal(size=(20, 4)).astype(np.float32)
    found = parts(values, np.array([2, 11]), 9)
    for row, begin in zip(found, (2, 11), strict=True):
        means = [values[begin + k : begin + k + 3].mean(axis=0) for k in (0, 3, 6)]
        wanted = np.concatenate(means)
        assert np.allclose(row, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_the_like_are_found_without_the_stretch_itself_or_one_another(made, segments):
    asked = segments[4]
    hits = similar(made, asked.recording, asked.start, asked.end, top=8)
    assert len(hits) == 8 and [h.score for h in hits] == sorted(
        (h.score for h in hits), reverse=True
    )
    places = [(h.recording, h.start, h.end) for h in hits]
    places.append((asked.recording, asked.start, asked.end))
    for at, (name, a, b) in enumerate(places):
        assert all(name != n or b <= c or d <= a for n, c, d in places[:at])
    best = hits[0]
    inside = [
        s for s in segments if s.recording == best.recording and s.overlaps(best.start, best.end)
    ]
    assert asked.label in {s.label for s in inside}
    with pytest.raises(InputError):
        similar(made, asked.recording, 10, 10)


def test_two_motions_under_one_name_come_apart_and_one_does_not(made, segments):
    mixed = [replace(s, label="both") for s in segments if s.label in ("walk", "sit")]
    real = {s.id: s.label for s in segments}
    groups = split_class(made, mixed, "both")
    assert len(groups) == 2 and len(groups[0]) >= len(groups[1])
    assert all(len({real[s.id] for s in group}) == 1 for group in groups)
    assert len(split_class(made, segments, "walk")) == 1
    with pytest.raises(InputError, match="no segment of this class"):
        split_class(made, segments, "fly")


def test_too_few_labels_are_said_to_be_too_few(made, segments):
    for known in ([], segments[:2], segments[:15]):
        told = expected(made, known)
        assert told.accuracy is None and "too few labels" in told.text


def test_what_is_expected_is_near_what_comes():
    for noise, low, high in ((0.3, 0.97, 1.0), (30.0, 0.1, 0.6)):
        every = truth(8, seed=3)
        made = table(every, noise=noise, seed=3)
        told = expected(made, every)
        assert low <= told.accuracy <= high
        assert told.low <= told.accuracy <= told.high and told.recordings == 8


def test_a_class_of_one_recording_is_expected_to_be_wrong(segments, made):
    alone = [replace(s, label="other") if s.recording == "r0" else s for s in segments]
    assert expected(made, alone).accuracy < 0.8


def test_a_map_has_each_stretch_and_its_label(made, segments):
    points = plane(made, segments)
    assert len(points) == len(segments)
    assert all(0 <= p.x <= 1 and 0 <= p.y <= 1 for p in points)
    for p, s in zip(points, segments, strict=True):
        assert (p.recording, p.start, p.end, p.label) == (s.recording, s.start, s.end, s.label)
    places = {
        p.label: np.mean([(q.x, q.y) for q in points if q.label == p.label], axis=0) for p in points
    }
    nearest = [min(places, key=lambda name: np.hypot(*(places[name] - (p.x, p.y)))) for p in points]
    assert np.mean([p.label == name for p, name in zip(points, nearest, strict=True)]) > 0.9


def test_a_stretch_is_called_what_most_of_it_is():
    walk, sit = Segment("a", "r", 0, 6, "walk"), Segment("b", "r", 6, 9, "sit")
    assert named([walk, sit], 0, 10) == "walk"
    assert named([sit], 0, 10) == ""
    assert named([replace(walk, kind="not")], 0, 6) == ""


def test_what_is_left_of_a_stretch():
    random = np.random.default_rng(7)
    for _ in range(50):
        taken = [tuple(sorted(random.choice(40, 2, replace=False).tolist())) for _ in range(4)]
        left = [at for a, b in without((5, 30), taken) for at in range(a, b)]
        assert left == [at for at in range(5, 30) if not any(a <= at < b for a, b in taken)]


def test_a_passed_stretch_is_the_plain_value_that_was_given(made):
    one = next_stretch(made, None, [])
    assert isinstance(one, Stretch) and next_stretch(made, None, [], passed=[one]) != one
