"""Which part of a clip a protocol reads: ISC's, CMD's and PCM3's central 95 % and random crops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from protocol_fakes import Joints

from skelf.augment.basic import central_crop, crop_resize
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.protocols import PROTOCOLS
from skelf.protocols.crop import CUTS, random_cut, read
from skelf.protocols.features import extract
from skelf.settings.evaluation import evaluation


def asked(*protocols, **eval_settings):
    overrides = [f"eval.{key}={value}" for key, value in eval_settings.items()]
    table = {name: PROTOCOLS[name] for name in protocols}
    return evaluation(table, overrides=overrides)


def ramp(*lengths):
    """Clips whose every coordinate is the square of the number of its frame."""
    frames = np.concatenate([np.arange(n) ** 2 / 100 for n in lengths]).astype(np.float32)
    joints = np.broadcast_to(frames[:, None, None, None], (len(frames), 1, 20, 3)) + 1
    return ClipSet.build(joints, lengths, KINECT20, label=np.arange(len(lengths)) % 2,
                         class_names="ab")  # fmt: skip


@pytest.mark.parametrize("n", [*range(1, 120), 299, 300, 2000])
def test_the_middle_is_the_released_one(n):
    bias = int((1 - 0.95) * n / 2)
    start, span = central_crop(torch.tensor([n]), 0.95)
    assert (int(start), int(span)) == (bias, n - 2 * bias)


def test_released_numbers():
    x = torch.arange(100.0).view(1, 1, 100, 1, 1)
    middle = read(x, torch.tensor([100]), 64, CUTS["central-95"]).flatten()
    assert middle[0] == 2.25 and middle[-1] == 96.75
    whole = read(x, torch.tensor([100]), 64).flatten()
    assert whole[0] == 0.28125 and whole[-1] == 98.71875


def test_features_are_those_of_the_middle_and_cached_apart(tmp_path):
    clips = ramp(100, 40, 7)
    encoder = Joints(64)
    x = torch.from_numpy(clips.clip(0).transpose(3, 0, 2, 1).copy())[None]
    by_hand = encoder(crop_resize(x, torch.tensor([2]), torch.tensor([96]), 64))
    cuts = [None, CUTS["central-95"], random_cut(0, 0), random_cut(0, 1), random_cut(1, 0)]
    seen = [extract(encoder, clips, cache=tmp_path, cut=cut) for cut in cuts]
    assert torch.allclose(seen[1][:1], by_hand)
    assert all(not torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])
    assert len(list(tmp_path.iterdir())) == 5
    again = extract(encoder, clips, cache=tmp_path, cut=CUTS["central-95"])
    assert torch.equal(again, seen[1])
    assert torch.equal(extract(encoder, clips, cut=random_cut(0, 1)), seen[3])


def test_the_crop_is_of_what_the_normalisation_leaves():
    """`resize50` gives 50 frames of any clip: the middle of these is meant."""
    clips = replace(ramp(100, 80), normalize="resize50")
    encoder = Joints(10)
    x = torch.from_numpy(clips.clip(0).transpose(3, 0, 2, 1).copy())[None]
    fifty = crop_resize(x, torch.tensor([0]), torch.tensor([100]), 50)
    expected = encoder(crop_resize(fifty, torch.tensor([1]), torch.tensor([48]), 10))
    assert torch.allclose(extract(encoder, clips, cut=CUTS["central-95"])[:1], expected)


@pytest.fixture(scope="module")
def sides():
    return generate(clips=36, seed=4).split("xsub")


FAST = {"epochs": 3, "milestones": [2]}


@pytest.mark.parametrize("protocol", ["linear", "knn", "retrieval", "finetune", "semi"])
def test_every_protocol_that_reads_clips_takes_it_and_says_so(protocol, sides):
    fast = FAST if protocol in ("linear", "finetune", "semi") else {}
    fast = fast | ({"fractions": [0.5], "repeats": 1} if protocol == "semi" else {})
    judge = PROTOCOLS[protocol]
    whole, middle = (
        judge(Joints(), *sides, asked(protocol, crop=crop, **fast)[protocol])
        for crop in ("whole", "central-95")
    )
    usual = judge(Joints(), *sides, asked(protocol, **fast)[protocol])
    assert usual.definition == whole.definition and usual.values == whole.values
    assert "whole clips" in whole.definition and "central" not in whole.definition
    assert "the central 95 % of clips" in middle.definition


def test_random_crops_train_the_linear_classifier(sides):
    encoder, train, test = Joints(), *sides
    options = asked("linear", crop="central-95", train_crops=2, **FAST)["linear"]
    outcome = PROTOCOLS["linear"](encoder, train, test, options)
    assert "by 2 random crops of each, a half to all of it, in turn" in outcome.definition
    again = PROTOCOLS["linear"](encoder, train, test, options)
    assert np.array_equal(again.scores, outcome.scores)
    others = [
        PROTOCOLS["linear"](encoder, train, test, asked("linear", **FAST, **more)["linear"], seed=s)
        for more, s in (
            ({"crop": "central-95"}, 0),
            ({"crop": "central-95", "train_crops": 3}, 0),
            ({"train_crops": 2}, 0),
            ({"crop": "central-95", "train_crops": 2}, 1),
        )
    ]
    assert all(not np.array_equal(other.scores, outcome.scores) for other in others)


def test_each_epoch_learns_from_another_crop(sides, monkeypatch):
    from skelf.protocols import linear

    drawn = []
    real = linear.random_cut
    monkeypatch.setattr(linear, "random_cut", lambda s, n: drawn.append(n) or real(s, n))
    settings = {"epochs": 5, "milestones": [4], "validation": 0}
    options = asked("linear", train_crops=2, **settings)["linear"]
    PROTOCOLS["linear"](Joints(), *sides, options)
    assert drawn == [0, 1]  # kept in memory
    monkeypatch.setattr(linear, "KEPT", 0)
    drawn.clear()
    PROTOCOLS["linear"](Joints(), *sides, options)
    assert drawn == [0, 1, 0, 1, 0]


def test_occlusion_and_others_are_whole():
    with pytest.raises(InputError, match="occluded clips are read whole; give them to linear al"):
        asked("occlusion", crop="central-95")
    with pytest.raises(InputError, match=r"eval\.crop"):
        asked("linear", crop="central")
    assert asked("linear", "knn", **{"linear.crop": "central-95"})["knn"].crop == "whole"
