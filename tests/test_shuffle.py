"""The order of an epoch's clips: exact by seed, the same from any place on, and well mixed."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import Stop, assert_same, pretrain

from skelf.checkpoints import folder as checkpoint
from skelf.errors import InputError
from skelf.settings.run import Train
from skelf.training.schedule import Plan
from skelf.training.shuffle import Windows

SETS = np.array([0] * 21 + [1] * 8 + [5] * 3 + [7] + [0] * 4)


def permuted(count, batch_size, processes, seed, epoch, whole, sets):
    """The batches of a full permutation as they were made when all of them were listed at once."""
    draw = np.random.default_rng((seed, epoch))
    order = draw.permutation(count)
    parts = [order] if sets is None else [order[sets[order] == each] for each in np.unique(sets)]
    plan = []
    for part in parts:
        for first in range(0, len(part), batch_size):
            batch = part[first : first + batch_size]
            share = len(batch) // processes
            if share >= 2 and not (whole and first and len(batch) < batch_size):
                plan.append(list(batch[: share * processes].reshape(processes, share)))
    if sets is not None:
        draw.shuffle(plan)
    return plan


def flat(plan, first=0):
    return [[share.tolist() for share in shares] for shares in plan.since(first)]


cases = given(
    count=st.integers(0, 60),
    batch=st.integers(2, 20),
    processes=st.integers(1, 3),
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 9),
    whole=st.booleans(),
    pool=st.booleans(),
)


@cases
def test_a_full_shuffle_is_what_it_was(count, batch, processes, seed, epoch, whole, pool):
    sets = np.resize(SETS, count) if pool else None
    given = (count, batch, processes, seed, epoch, whole, sets)
    plan, listed = Plan(*given), permuted(*given)
    assert flat(plan) == [[share.tolist() for share in shares] for shares in listed]
    assert len(plan) == len(listed)
    middle = len(plan) // 2
    assert flat(plan, middle) == flat(plan)[middle:]


@cases
def test_windows_hold_every_clip_once_and_begin_anywhere(
    count, batch, processes, seed, epoch, whole, pool
):
    sets = np.resize(SETS, count) if pool else None
    given = (count, batch, processes, seed, epoch, whole, sets)
    plan, full = Plan(*given, windows=(3, 4)), Plan(*given)
    batches = flat(plan)
    used = [clip for shares in batches for share in shares for clip in share]
    assert len(set(used)) == len(used) and set(used) <= set(range(count))
    # The cut is that of a full shuffle: as many batches, of the same sizes.
    sizes = sorted(len(shares[0]) for shares in batches)
    assert sizes == sorted(len(shares[0]) for shares in flat(full))
    for first in {0, len(batches) // 2, max(len(batches) - 1, 0)}:
        assert flat(Plan(*given, windows=(3, 4)), first) == batches[first:]
    if sets is not None:
        assert all(len(np.unique(sets[np.concatenate(shares)])) == 1 for shares in batches)


@given(
    count=st.integers(0, 90), neighbours=st.integers(1, 9), window=st.integers(1, 9),
    part=st.integers(0, 3), cut=st.integers(1, 20),
)  # fmt: skip
def test_windows_against_chunk_after_chunk(count, neighbours, window, part, cut):
    order = Windows(count, (5, 1, part), neighbours, window)
    draw = np.random.default_rng((5, 1, 1 + part))
    lacks = int(draw.integers(neighbours))
    chunks = [[] for _ in range(-(-(count + lacks) // neighbours))]
    for clip in range(count):
        chunks[(clip + lacks) // neighbours].append(clip)
    drawn, expected = draw.permutation(len(chunks)), []
    for number, first in enumerate(range(0, len(chunks), window)):
        mixed = np.array([c for at in drawn[first : first + window] for c in chunks[at]], int)
        np.random.default_rng((5, 1, 1 + part, 1 + number)).shuffle(mixed)
        expected += mixed.tolist()
    whole = order[0:count]
    assert whole.tolist() == expected and sorted(expected) == list(range(count))
    pieces = [order[at : at + cut] for at in range(0, count, cut)]
    assert np.array_equal(np.concatenate([whole[:0], *pieces]), whole)


def test_epochs_seeds_and_sets_have_orders_of_their_own():
    orders = [
        Windows(200, key, 4, 8)[0:200].tolist()
        for key in ((0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1))
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_processes_share_the_batches_of_one():
    one, two = (Plan(92, 8, n, 0, 0, windows=(3, 4)) for n in (1, 2))
    for a, b in zip(one.since(), two.since(), strict=True):
        assert np.array_equal(a[0], np.concatenate(b))


@pytest.mark.parametrize("pool", [False, True])
def test_every_chunk_is_told_before_the_batch_that_uses_it(pool):
    count = 400
    sets = np.resize(SETS, count) if pool else None
    plan = Plan(count, 16, 1, 3, 0, sets=sets, windows=(4, 5))
    for first in (0, 7):
        told, early = set(), []
        for (clips,), chunks in zip(plan.since(first), plan.ahead(first), strict=True):
            early.append(set(clips.tolist()) <= told)
            fresh = [clip for chunk in chunks for clip in chunk.tolist()]
            assert told.isdisjoint(fresh)
            told |= set(fresh)
        if not pool:  # of the first window they are told as it begins
            assert all(early[2:]) and len(early) > 15
    assert all(not chunks for chunks in Plan(count, 16, 1, 3, 0).ahead())


def test_the_plan_of_a_hundred_million_clips_is_small_and_begins_at_once():
    tracemalloc.start()
    plan = Plan(100_000_000, 356, 1, 0, 0, windows=(16, 1024))
    batches = plan.since(len(plan) // 2)
    first = next(batches)[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(first) == 356 and len(plan) == 280_899
    assert peak < 1.5 * 8 * 100_000_000 / 16  # 8 bytes a chunk, and no list of batches


# ---- how well it mixes ----


def correlation(order):
    """Of the positions of clips that follow one another."""
    return np.corrcoef(order[:-1], order[1:])[0, 1]


def same_class(order, label, batch=64):
    """Share of the pairs in a batch that are of one class."""
    labels = label[order[: len(order) // batch * batch]].reshape(-1, batch)
    counts = np.stack([(labels == each).sum(1) for each in np.unique(label)], 1)
    return (counts * (counts - 1)).sum(1).mean() / (batch * (batch - 1))


def test_the_usual_windows_mix_nearly_as_a_full_permutation():
    count = 200_000  # a dozen windows
    usual = Train()
    windows = Windows(count, (0, 0, 0), usual.neighbours, usual.window)[0:count]
    full = np.random.default_rng(0).permutation(count)
    label = np.arange(count) // 1000  # sorted by class: 200 of them
    assert abs(correlation(full)) < 0.01
    assert abs(correlation(windows)) < 0.01
    # 1 / 1024 of a batch's pairs are of one chunk, and so of one class.
    assert abs(same_class(full, label) - 1 / 200) < 2e-4
    assert same_class(windows, label) - same_class(full, label) < 3 / usual.window
    # A measure that cannot tell is none: few chunks at a time do show.
    few = Windows(count, (0, 0, 0), usual.neighbours, 8)[0:count]
    assert correlation(few) > 0.05 and same_class(few, label) > 0.1


# ---- training ----

WINDOWS = ("train.shuffle=windows", "train.neighbours=2", "train.window=4")


def stop_after(steps):
    seen = []

    def listen(event):
        if event["event"] == "step":
            seen.append(event)
            if len(seen) == steps:
                raise Stop

    return listen


@pytest.mark.parametrize(
    "changes",
    [
        ("train.resident=false", *WINDOWS),
        ("train.ema=0.9", *WINDOWS),
        ("train.accumulate=2", "train.batch_size=4"),
    ],
    ids=["windows", "ema", "accumulate"],
)
def test_a_run_that_was_killed_goes_on_from_the_last_steps(tmp_path, changes):
    run = tmp_path / "run"
    changes = (*changes, "train.epochs=2", "train.keep=9")
    pretrain(tmp_path / "unbroken", *changes)
    # Nothing asks for a stop: what ends it is a kill, in the second epoch.
    per_epoch = 5 if "train.accumulate=2" in changes else 3
    with pytest.raises(Stop):
        pretrain(run, *changes, "train.save_steps=1", listener=stop_after(per_epoch + 3))
    saved = checkpoint.read_state(checkpoint.newest(run))[1]
    assert saved["epoch"] == 1 and saved["batch"] == 2
    pretrain(run, *changes, resume=True)
    assert_same(tmp_path / "unbroken", run)


def test_windows_train_other_batches_and_a_resume_keeps_its_shuffle(tmp_path):
    full, windows = (
        pretrain(tmp_path / name, "train.epochs=1", *changes)
        for name, changes in (("full", ()), ("windows", WINDOWS))
    )
    with pytest.raises(AssertionError):
        assert_same(full, windows)
    with pytest.raises(InputError, match=r"train\.shuffle='windows', not 'full'"):
        pretrain(windows, "train.epochs=2", resume=True)


def test_steps_between_checkpoints_are_saved_and_pruned(tmp_path):
    run, names = tmp_path / "run", []

    def listen(event):
        if event["event"] in ("step", "epoch"):
            names.append([folder.name[-2:] for folder in checkpoint.saved(run)])

    pretrain(run, "train.epochs=2", "train.save_steps=2", listener=listen)
    assert names == [[], [], ["02"], ["02"], ["02", "03"], ["02", "03"], ["03", "05"], ["03", "05"]]
    with pytest.raises(InputError, match=r"train\.save_steps"):
        pretrain(run, "train.save_steps=0", resume=True)
