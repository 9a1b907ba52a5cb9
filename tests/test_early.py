"""Early recognition: what a beginning is, that nothing later reaches it, and what is learned."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from torch import nn

from skelf.augment.basic import crop_resize
from skelf.data.clips import ClipSet
from skelf.data.normalize_names import NORMALISERS
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.metrics.classes import topk_accuracy
from skelf.protocols import PROTOCOLS, features
from skelf.protocols.early import Early, beginning, early
from skelf.protocols.knn import KNN, Votes, knn, knn_scores
from skelf.protocols.linear import HELD_OUT, Linear, hold_out, linear
from skelf.settings.evaluation import evaluation
from skelf.settings.options import from_flat

LABELS = np.arange(42) % 7
FAST = {"epochs": 12, "lr": 0.05, "batch_size": 32, "milestones": (8,)}
RATIOS = tuple(n / 10 for n in range(1, 11))


def pair(noise=2.0):
    return clips(LABELS, noise=noise), clips(LABELS, noise=noise, seed=1)


class Last(nn.Module):
    """Whose features are the first coordinate of every frame."""

    any_length, confidence, in_channels, coordinates = False, False, 3, 3

    def __init__(self, frames=8):
        super().__init__()
        self.dim, self.num_frames, self.persons, self.stream = frames, frames, 1, "joint"
        self.skeleton = KINECT20

    def forward(self, x):
        return x[:, 0, :, 5, 0]


def moving(*lengths, seed=0):
    """Bodies that turn, grow and step about, so that every normalisation has something to do."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(sum(lengths), 1, 20, 3)).cumsum(axis=0)
    return ClipSet.build(joints, lengths, KINECT20, label=np.arange(len(lengths)) % 2,
                         class_names="ab")  # fmt: skip


# A beginning.


@pytest.mark.parametrize("ratio", [*RATIOS, 0.07, 0.125, 0.28, 1 / 3, 0.55, 0.999, 1e-6])
def test_as_many_frames_as_the_share_rounded_up(ratio):
    lengths = [*range(1, 120), 299, 1000, 54_321]
    some = ClipSet.build(np.ones((sum(lengths), 1, 20, 3)), lengths, KINECT20)
    exact = Fraction(repr(ratio))  # as a person wrote it
    wanted = [max(1, math.ceil(exact * length)) for length in lengths]
    assert beginning(some, ratio).length.tolist() == wanted


def test_a_beginning_is_the_first_frames_and_holds_no_segment():
    some = moving(30, 7)
    some = dataclasses.replace(some, segments=np.array([[0, 20, 30, 1]]))
    cut = beginning(some, 0.25)
    for at in (0, 1):
        assert np.array_equal(cut.clip(at), some.clip(at)[: (8, 2)[at]])
    cut.validate()
    assert beginning(some, 1) is some and cut.digest() != some.digest()


def test_features_are_those_of_the_resized_first_frames():
    some, encoder = moving(30, 7), Last()
    x = torch.from_numpy(some.clip(0).transpose(3, 0, 2, 1).copy())[None]
    by_hand = encoder(crop_resize(x, torch.tensor([0]), torch.tensor([8]), 8))
    assert torch.allclose(features.extract(encoder, beginning(some, 0.25))[:1], by_hand)


@pytest.mark.parametrize("name", NORMALISERS)
def test_no_later_frame_reaches_a_beginning_by_any_normalisation(name):
    some = dataclasses.replace(moving(40, 23), normalize=name)
    joints = some.joints.copy()
    joints[10:40] *= -7.0  # what follows the first quarter of either clip
    joints[40 + 6 :] = 0
    other = dataclasses.replace(some, joints=joints)
    seen = [features.extract(Last(), beginning(s, 0.25)) for s in (some, other)]
    assert torch.equal(*seen) and seen[0].any()
    whole = [features.extract(Last(), s) for s in (some, other)]
    assert not torch.equal(*whole)


def test_the_true_length_does_not_reach_a_beginning():
    """Clips that begin alike and last differently give the same features."""
    frames = moving(100).joints
    short, long = (ClipSet.build(frames[:n], [n], KINECT20) for n in (20, 100))
    seen = [features.extract(Last(), beginning(s, r)) for s, r in ((short, 0.5), (long, 0.1))]
    assert torch.equal(*seen)


# What is learned from it.


@pytest.mark.parametrize("options", [{}, {"standardize": True}, {"validation": 0.0}])
def test_whole_clips_teach_the_classifier_of_linear(options):
    some, shared = pair(), FAST | options
    known = linear(Joints(), *some, Linear(**shared), seed=3)
    outcome = early(Joints(), *some, from_flat(Early, shared | {"train": "whole"}), seed=3)
    for key, value in known.values.items():
        metric, _, selection = key.partition(".")
        assert outcome.values[f"{metric}.100%.{selection}"] == value
    for selection, scores in known.by_selection().items():
        assert np.array_equal(outcome.selected[f"100%.{selection}"], scores)
    only = early(
        Joints(), *some, from_flat(Early, shared | {"ratios": [0.3], "train": "whole"}), seed=3
    )
    assert only.values["top1.30%.last"] == outcome.values["top1.30%.last"]
    assert only.values["auc.last"] == only.values["top1.30%.last"]


def test_partial_training_with_one_share_is_linear_on_such_clips():
    some = pair()
    short = [beginning(side, 0.4) for side in some]
    known = linear(Joints(), *short, Linear(**FAST), seed=2)
    outcome = early(Joints(), *some, from_flat(Early, FAST | {"ratios": [0.4]}), seed=2)
    for key, value in known.values.items():
        metric, _, selection = key.partition(".")
        assert outcome.values[f"{metric}.40%.{selection}"] == value


def _slow(parts, labels, tests, truth, how, seed):
    """A classifier on clips of a share each, step by step: accuracies last, and as validated.

    Args:
        parts: share -> training features, as are `tests`.
    """
    everything = torch.cat(list(parts.values()))
    mean, deviation = everything.mean(dim=0), everything.std(dim=0, correction=0)
    scaled = [(x - mean) / deviation for x in parts.values()]
    asked = {name: (x - mean) / deviation for name, x in tests.items()}
    held = hold_out(labels, how.validation, seed)
    left = labels.clone()
    left[held] = HELD_OUT
    best, found = -1.0, {}
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(7, everything.shape[1], generator=generator) * 0.01
    heads = [nn.Linear(everything.shape[1], 7) for _ in range(2)]
    for head in heads:
        head.weight.data, head.bias.data = start.clone(), torch.zeros(7)
    optimisers = [torch.optim.SGD(h.parameters(), how.lr, momentum=0.9) for h in heads]
    for epoch in range(how.epochs):
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = how.lr * (0.1 if epoch >= how.milestones[0] else 1)
        drawing = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        share = torch.randint(len(parts), (len(labels),), generator=drawing)
        order = torch.randperm(len(labels), generator=generator)
        for batch in order.split(how.batch_size):
            x = torch.stack([scaled[share[clip]][clip] for clip in batch])
            for head, optimiser, target in zip(heads, optimisers, (labels, left), strict=True):
                taught = target[batch] != HELD_OUT
                loss = nn.functional.cross_entropy(head(x[taught]), target[batch][taught])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        if (epoch + 1) % how.test_every and epoch + 1 < how.epochs:
            continue
        kept = [topk_accuracy(heads[1](x[held]).detach(), labels[held]) for x in scaled]
        for name, z in asked.items():
            found[name, "last"] = topk_accuracy(heads[0](z).detach(), truth)
            if np.mean(kept) > best:
                found[name, "validated"] = topk_accuracy(heads[1](z).detach(), truth)
        best = max(best, float(np.mean(kept)))
    return found


def test_partial_training_against_a_slow_loop():
    train, test = pair(noise=6.0)
    options = FAST | {"standardize": True, "validation": 0.3, "test_every": 2}
    ratios = {"10%": 0.1, "50%": 0.5, "100%": 1.0}
    how = from_flat(Early, options | {"ratios": list(ratios.values())})
    outcome = early(Joints(), train, test, how, seed=7)
    parts, tests = (
        {name: features.extract(Joints(), beginning(side, r)) for name, r in ratios.items()}
        for side in (train, test)
    )
    labels, truth = torch.from_numpy(train.label), torch.from_numpy(test.label)
    found = _slow(parts, labels, tests, truth, how.linear, 7)
    for (name, selection), value in found.items():
        assert outcome.values[f"top1.{name}.{selection}"] == pytest.approx(value, abs=1e-9)
    for selection in ("last", "validated"):
        mean = np.mean([found[name, selection] for name in ratios])
        assert outcome.values[f"auc.{selection}"] == pytest.approx(mean)
    assert 0.15 < outcome.values["auc.last"] < 1  # neither chance nor all right
    assert len({found[name, "last"] for name in ratios}) > 1


@pytest.mark.parametrize("train", ["partial", "whole"])
def test_neighbours_vote_from_the_parts_that_are_learned_from(train):
    some = pair()
    how = Early(ratios=(0.2, 1.0), train=train, head="knn", votes=Votes(k=5, temperature=0.3))
    outcome = early(Joints(), *some, how)
    shares = (0.2, 1.0) if train == "partial" else (1.0,)
    gallery = torch.cat([features.extract(Joints(), beginning(some[0], r)) for r in shares])
    labels = torch.from_numpy(some[0].label).repeat(len(shares))
    for name, ratio in (("20%", 0.2), ("100%", 1.0)):
        z = features.extract(Joints(), beginning(some[1], ratio))
        votes = knn_scores(gallery, labels, z, 7, KNN(k=5, temperature=0.3))
        assert np.array_equal(outcome.selected[f"{name}.none"], votes.numpy())
        assert outcome.values[f"top1.{name}.none"] == topk_accuracy(votes, some[1].label)
    assert outcome.values["auc.none"] == np.mean(
        [outcome.values[f"top1.{name}.none"] for name in ("20%", "100%")]
    )
    if train == "whole":
        known = knn(Joints(), *some, KNN(k=5, temperature=0.3)).values["top1.none"]
        assert outcome.values["top1.100%.none"] == known
    assert list(outcome.values) == ["auc.none", "top1.20%.none", "top1.100%.none"]


def test_what_comes_late_is_recognised_late():
    """Clips are alike in their first half: then chance, and all right once the rest is seen."""
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(4, 1, 1, 20, 3))

    def made(seed):
        noise = np.random.default_rng(seed)
        parts = []
        for label in np.arange(80) % 4:
            clip = np.ones((20, 1, 20, 3)) + 0.05 * noise.normal(size=(20, 1, 20, 3))
            clip[10:] += poses[label]
            parts.append(clip)
        return ClipSet.build(np.concatenate(parts), [20] * 80, KINECT20,
                             label=np.arange(80) % 4, class_names="abcd")  # fmt: skip

    how = from_flat(Early, {"epochs": 40, "lr": 0.1, "standardize": True})
    values = early(Joints(20), made(1), made(2), how).values
    assert max(values[f"top1.{k}0%.last"] for k in range(1, 6)) < 0.5
    assert min(values[f"top1.{k}0%.last"] for k in range(7, 11)) > 0.9


@pytest.mark.parametrize("head", ["linear", "knn"])
def test_the_test_side_teaches_nothing(head):
    train, test = pair()
    how = from_flat(Early, FAST | {"ratios": [0.5, 1.0], "head": head, "standardize": True})
    whole = early(Joints(), train, test, how, seed=1)
    part = early(Joints(), train, test.take(np.arange(10)), how, seed=1)
    for key, scores in part.selected.items():
        if "best_on_test" not in key:  # which the test side does choose
            np.testing.assert_allclose(scores, whole.selected[key][:10], rtol=1e-4, atol=1e-5)


def test_the_encoder_stays_and_features_are_cached_by_what_is_seen(tmp_path):
    encoder, some = Pool().train(), pair()
    before = snapshot(encoder)
    how = from_flat(Early, FAST | {"ratios": [0.1, 0.5, 1.0]})
    plain = early(encoder, *some, how)
    assert_same(encoder, before)

    def run(files, **options):
        values = early(encoder, *some, from_flat(Early, FAST | options), cache=tmp_path).values
        assert len(list(tmp_path.iterdir())) == files
        return values

    assert run(6, ratios=[0.1, 0.5, 1.0]) == plain.values
    calls = len(encoder.seen)
    assert run(6, ratios=[0.1, 0.5, 1.0]) == plain.values and len(encoder.seen) == calls
    run(6, ratios=[0.5, 1.0], head="knn", train="whole")
    linear(encoder, *some, Linear(**FAST), cache=tmp_path)  # whole clips are there already
    assert len(list(tmp_path.iterdir())) == 6 and len(encoder.seen) == calls
    run(8, ratios=[0.2])


def test_values_and_scores_and_what_is_said():
    some = pair()
    outcome = early(Joints(), *some, from_flat(Early, FAST | {"ratios": [0.05, 1.0]}))
    assert list(outcome.values) == [
        "auc.last",
        "auc.validated",
        *(
            f"{metric}.{name}.{selection}"
            for name in ("5%", "100%")
            for metric, selection in [
                ("top1", "last"),
                ("top1", "best_on_test"),
                ("top1", "validated"),
                ("top5", "last"),
            ]
        ),
    ]
    assert outcome.scores is None and next(iter(outcome.by_selection())) == "5%.last"
    for key, z in outcome.by_selection().items():
        assert z.shape == (42, 7)
        assert outcome.values[f"top1.{key}"] == pytest.approx(np.mean(z.argmax(1) == LABELS))
    for said in ("5%, 100%", "drawn for each clip and epoch", "the beginnings of clips", "auc ="):
        assert said in outcome.definition
    whole = early(Joints(), *some, from_flat(Early, FAST | {"train": "whole"})).definition
    assert "features of whole clips" in whole and "trained on whole clips" in whole
    votes = early(Joints(), *some, Early(ratios=(0.5, 1.0), head="knn")).definition
    assert "k=20" in votes and "gallery = 42 training clips, at each share" in votes
    assert all("\n" not in text for text in (outcome.definition, whole, votes))
    assert PROTOCOLS["early"] is early


def test_same_seed_same_numbers_and_unlabelled_clips_play_no_part():
    some, how = pair(), from_flat(Early, FAST | {"ratios": [0.3, 1.0]})
    first, again, other = (early(Joints(), *some, how, seed=s) for s in (1, 1, 2))
    assert first.values == again.values
    assert not np.array_equal(first.selected["30%.last"], other.selected["30%.last"])
    label = LABELS.copy()
    label[[0, 7]] = -1
    without = early(Joints(), some[0], dataclasses.replace(some[1], label=label), how, seed=1)
    kept = np.flatnonzero(label >= 0)
    for key in ("30%.last", "100%.last"):
        np.testing.assert_allclose(
            without.selected[key], first.selected[key][kept], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    "options",
    [
        {"ratios": ()},
        {"ratios": (0.0, 0.5)},
        {"ratios": (-0.1,)},
        {"ratios": (1.01,)},
        {"ratios": (float("nan"),)},
        {"ratios": "half"},
        {"ratios": (0.5, 0.5)},
        {"train": "all"},
        {"head": "svm"},
        {"epochs": 0},
        {"k": 0},
        {"temperature": 0.0},
        {"crop": "central-95"},
    ],
)
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}"):
        early(Joints(), *pair(), from_flat(Early, options))
    word = list(value) if isinstance(value, tuple) else value
    with pytest.raises(InputError, match=f"eval.{key}"):
        evaluation({"early": early}, overrides=[f"eval.{key}={word}"])


def test_bad_input():
    one = clips(np.zeros(4, int), classes=2)
    with pytest.raises(InputError, match="single class"):
        early(Joints(), one, one)
    with pytest.raises(InputError, match="no labelled clips"):
        early(Joints(), clips(LABELS), dataclasses.replace(one, label=np.full(4, -1)))
    with pytest.raises(InputError, match=r"eval\.train_crops"):
        from_flat(Early, {"train_crops": 2})


def test_options_of_votes_are_those_of_knn():
    asked = evaluation({"early": early, "knn": knn}, overrides=["eval.k=3", "eval.centre=true"])
    assert asked["early"].votes == Votes(k=3, centre=True)
    assert asked["knn"] == KNN(k=3, centre=True)


@pytest.mark.slow
def test_real_clips_are_recognised_the_better_the_more_is_seen(real_data):
    from skelf.data.readers.arrays import read_arrays

    some = read_arrays(real_data("nw_ucla/nw_ucla.npz")).take(np.arange(0, 1484, 3))
    some = dataclasses.replace(some, normalize="root+facing-frames")
    odd = some.subject % 2 == 0
    how = Early(ratios=(0.1, 0.4, 0.7, 1.0), head="knn")
    values = early(Last(32), some.take(odd), some.take(~odd), how).values
    assert values["top1.10%.none"] < values["top1.100%.none"]
    assert 0.1 < values["auc.none"] < 0.9
