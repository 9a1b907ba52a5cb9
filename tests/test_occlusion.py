import dataclasses

import numpy as np
import pytest
import torch
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from torch import nn

from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.protocols import PROTOCOLS, features
from skelf.protocols.linear import Linear, linear
from skelf.protocols.occlusion import Amounts, Occlusion, change, occlusion
from skelf.settings.evaluation import evaluation
from skelf.settings.options import from_flat
from skelf.skeleton import Skeleton

LABELS = np.arange(42) % 7
FAST = {"epochs": 12, "lr": 0.05, "batch_size": 32, "milestones": (8,)}
CONDITIONS = ("spatial", "temporal", "joints", "noise")
AMOUNTS = Amounts((0.3, 0.7), 0.1, 0)


class Raw(nn.Module):
    """Every number of the clip."""

    any_length, confidence, in_channels, coordinates = False, False, 3, 3

    def __init__(self, num_frames=8, persons=1):
        super().__init__()
        self.dim, self.num_frames, self.persons = 3 * num_frames * 20 * persons, num_frames, persons
        self.skeleton = KINECT20

    def forward(self, x):
        return x.flatten(1)


def occluded(some, condition, amounts=AMOUNTS, encoder=None, **options):
    encoder = encoder or Raw()
    how = change(condition, some, amounts)
    x = features.extract(encoder, some, change=how, **options)
    return x.view(len(some), 3, encoder.num_frames, 20, encoder.persons)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_masks_belong_to_the_clip_alone(condition):
    some = clips(LABELS, noise=0.5)
    x = occluded(some, condition)
    assert torch.equal(x, occluded(some, condition, batch_size=5))
    order = np.random.default_rng(0).permutation(len(LABELS))[:20]
    assert torch.equal(x[order], occluded(some.take(order), condition))
    assert not torch.equal(x, occluded(some, condition, AMOUNTS._replace(seed=1)))
    clean = features.extract(Raw(), some).view_as(x)
    assert not torch.equal(x, clean)
    if condition != "noise":
        assert ((x == clean) | (x == 0)).all()  # zeros are not blended into their neighbours
        # (N,) shares: parts come in fifths, frames in eighths
        hidden = (x == 0).all(dim=1).flatten(1).float().mean(dim=1)
        assert 0.2 <= hidden.min() < 0.41 and 0.59 < hidden.max() <= 0.85


@pytest.mark.parametrize("condition", CONDITIONS)
def test_an_absent_person_stays_absent(condition):
    encoder = Raw(persons=2)  # the clips have one
    x = occluded(clips(LABELS), condition, encoder=encoder)
    assert not x[..., 1].any() and x[..., 0].any()
    alone = occluded(clips(LABELS), condition)
    torch.testing.assert_close(x[..., :1], alone)  # of noise the size is a mean, which rounds


def test_masks_are_the_same_time_for_another_number_of_frames():
    some = clips(np.arange(12) % 3)
    few, many = (
        occluded(some, "temporal", encoder=Raw(frames))[:, 0, :, 0, 0] == 0 for frames in (8, 64)
    )
    assert (few.float().mean(dim=1) - many.float().mean(dim=1)).abs().max() <= 1 / 8
    for short, long in zip(few, many, strict=True):
        assert long.view(8, 8).float().mean(dim=1).round().bool().logical_xor(short).sum() <= 1
    same = [occluded(some, "spatial", encoder=Raw(f))[:, 0, 0, :, 0] == 0 for f in (8, 64)]
    assert torch.equal(*same)


@pytest.mark.parametrize("options", [{}, {"standardize": True}, {"train_occluded": True}])
def test_clean_figures_are_those_of_linear(options):
    some = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    shared = FAST | {k: v for k, v in options.items() if k == "standardize"}
    known = linear(Joints(), *some, Linear(**shared), seed=3)
    outcome = occlusion(Joints(), *some, from_flat(Occlusion, FAST | options), seed=3)
    for key, value in known.values.items():
        metric, _, selection = key.partition(".")
        assert outcome.values[f"{metric}.clean.{selection}"] == value
    for selection, scores in known.by_selection().items():
        assert np.array_equal(outcome.by_selection()[f"clean.{selection}"], scores)
    assert np.array_equal(outcome.labels, LABELS)


@pytest.mark.parametrize("train_occluded", [False, True])
def test_occluded_figures_are_those_of_linear_on_occluded_features(train_occluded, monkeypatch):
    some = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    outcome = occlusion(
        Joints(),
        *some,
        from_flat(Occlusion, FAST | {"conditions": ["joints"], "train_occluded": train_occluded}),
        seed=3,
    )
    f = features.extract_splits(Joints(), *some)
    amounts = AMOUNTS._replace(seed=3)
    test = features.extract(Joints(), some[1], change=change("joints", some[1], amounts))
    f = f._replace(test=test)
    if train_occluded:
        how = change("joints", some[0], amounts)
        f = f._replace(train=features.extract(Joints(), some[0], change=how))
    monkeypatch.setattr(features, "extract_splits", lambda *_, **__: f)
    wanted = linear(Joints(), *some, Linear(**FAST), seed=3)
    for key, value in wanted.values.items():
        metric, _, selection = key.partition(".")
        assert outcome.values[f"{metric}.joints.{selection}"] == value
    for selection, scores in wanted.by_selection().items():
        assert np.array_equal(outcome.selected[f"joints.{selection}"], scores)


def test_separable_clips_are_recognised_and_the_encoder_stays():
    encoder = Pool(dim=32).train()
    before = snapshot(encoder)
    some = clips(LABELS), clips(LABELS, seed=1)
    mild = {"ratio": (0.05, 0.05), "conditions": CONDITIONS, "sigma": 0.01}
    outcome = occlusion(
        encoder, *some, from_flat(Occlusion, mild | {"standardize": True, "lr": 0.1, "epochs": 60})
    )
    assert_same(encoder, before)
    # One part of five is hidden at least: the mean over joints, which this encoder sees, moves.
    for condition in ("clean", "temporal", "joints", "noise"):
        assert outcome.values[f"top1.{condition}.last"] > 0.9
    assert outcome.values["top1.spatial.last"] < outcome.values["top1.clean.last"]
    learnt = occlusion(
        Joints(),
        *some,
        from_flat(
            Occlusion, {"lr": 0.1, "epochs": 60, "conditions": ["spatial"], "train_occluded": True}
        ),
    )
    assert learnt.values["top1.spatial.last"] > 0.9


def test_values_and_scores_of_each_condition():
    some = clips(LABELS), clips(LABELS, seed=1)
    outcome = occlusion(Joints(), *some, from_flat(Occlusion, FAST))
    names = ["spatial", "temporal", "clean"]
    assert list(outcome.values) == [
        f"{metric}.{name}.{selection}"
        for name in names
        for metric, selection in [
            ("top1", "last"),
            ("top1", "best_on_test"),
            ("top1", "validated"),
            ("top5", "last"),
        ]
    ]
    scores = outcome.by_selection()
    assert outcome.scores is None and next(iter(scores)) == "spatial.last"
    for key, z in scores.items():
        assert z.shape == (42, 7) and z.dtype == np.float32
        found = np.mean(z.argmax(axis=1) == LABELS)
        assert outcome.values[f"top1.{key}"] == pytest.approx(found)
    for said in ("0.3 to 0.7", "seed 0", "trained on clean clips", "whole clip"):
        assert said in outcome.definition
    assert "\n" not in outcome.definition
    assert PROTOCOLS["occlusion"] is occlusion


def test_chance_on_meaningless_labels():
    rng = np.random.default_rng(0)
    some = clips(np.zeros(400, int), seed=2), clips(np.zeros(400, int), seed=3)
    for part in some:
        part.label[:] = rng.integers(0, 4, 400)
    values = occlusion(
        Joints(), *some, from_flat(Occlusion, FAST | {"conditions": ["spatial"]})
    ).values
    assert values["top1.spatial.last"] == pytest.approx(0.25, abs=0.08)


def test_same_seed_same_numbers_and_unlabelled_clips_play_no_part():
    some = clips(LABELS, noise=1.0), clips(LABELS, noise=1.0, seed=1)
    first, again = (
        occlusion(Joints(), *some, from_flat(Occlusion, FAST), seed=1) for _ in range(2)
    )
    assert first.values == again.values
    label = LABELS.copy()
    label[[0, 7]] = -1
    fewer = dataclasses.replace(some[1], label=label)
    without = occlusion(Joints(), some[0], fewer, from_flat(Occlusion, FAST), seed=1)
    kept = np.flatnonzero(label >= 0)
    for key in ("clean.last", "spatial.last"):
        np.testing.assert_allclose(
            without.selected[key], first.selected[key][kept], rtol=1e-4, atol=1e-5
        )


def test_cache_keeps_conditions_apart(tmp_path):
    encoder, some = Pool(), (clips(LABELS), clips(LABELS, seed=1))

    def run(files, seed=0, **options):
        how = from_flat(Occlusion, FAST | options)
        values = occlusion(encoder, *some, how, seed=seed, cache=tmp_path).values
        assert len(list(tmp_path.iterdir())) == files
        return values

    first = run(4)
    calls = len(encoder.seen)
    assert run(4) == first and len(encoder.seen) == calls
    run(6, ratio=(0.5, 0.5))
    run(7, conditions=["noise"])
    run(8, conditions=["noise"], sigma=0.2)
    run(10, seed=1)
    run(12, train_occluded=True)
    some = tuple(dataclasses.replace(s, skeleton=_swapped()) for s in some)
    run(16)  # the digest knows the layout, and the masks its parts


def _swapped():
    parts = dict(KINECT20.parts)
    parts["left_arm"], parts["left_leg"] = parts["left_leg"], parts["left_arm"]
    return dataclasses.replace(KINECT20, parts=parts)


@pytest.mark.parametrize(
    "options",
    [
        {"conditions": ()},
        {"conditions": ("spatial", "blur")},
        {"conditions": "spatial"},
        {"ratio": (0.0, 0.5)},
        {"ratio": (0.7, 0.3)},
        {"ratio": (0.3, 1.5)},
        {"ratio": (0.3,)},
        {"sigma": 0.0},
        {"sigma": float("nan")},
        {"epochs": 0},
        {"lr": 0.0},
        {"validation": 1.0},
    ],
)
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}"):
        occlusion(Joints(), clips(LABELS), clips(LABELS), from_flat(Occlusion, options))
    word = list(value) if isinstance(value, tuple) else value
    with pytest.raises(InputError, match=f"eval.{key}"):
        evaluation({"occlusion": occlusion}, overrides=[f"eval.{key}={word}"])


def test_a_condition_twice_is_refused_and_a_layout_of_one_part_has_those_of_its_names():
    some = clips(LABELS), clips(LABELS)
    with pytest.raises(InputError, match=r"eval\.conditions: 'noise' stands twice"):
        occlusion(Joints(), *some, from_flat(Occlusion, {"conditions": ["noise", "noise"]}))
    lump = Skeleton(**vars(KINECT20) | {"parts": {"body": range(20)}})
    some = [dataclasses.replace(part, skeleton=lump) for part in some]
    hidden = occlusion(Joints(), *some, from_flat(Occlusion, FAST)).values
    assert "top1.spatial.last" in hidden  # `tests/test_parts.py` has what is hidden
