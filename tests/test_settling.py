"""BatchNorm's statistics for untrained encoders: against sums by hand, and nothing else changed."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import tiny_runs
import torch
from tiny_runs import pretrain
from torch import nn

import skelf
from skelf.augment.basic import resize
from skelf.data.batch import ClipBatches
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.encoders.ensemble import Ensemble
from skelf.methods import METHODS
from skelf.methods._sync_norm import synchronize
from skelf.protocols import settling
from skelf.protocols._cache import key
from skelf.protocols.features import extract
from skelf.protocols.settling import settle, settled, starting
from skelf.training import monitor

NORMED = ("gru", "stgcn", "tcn")


def made(name, clips, **arguments):
    torch.manual_seed(4)
    return ENCODERS[name](clips.skeleton, dim=8, frames=16, persons=clips.persons, **arguments)


def state(encoder):
    return {name: value.clone() for name, value in encoder.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_an_input_norm_has_the_mean_and_the_variance_of_the_clips():
    clips = generate(clips=30)
    encoder = made("gru", clips)
    assert settle(encoder, clips) == 30
    rows = []  # one a frame of every clip at the encoder's frames, in float64, clip by clip
    for number in range(len(clips)):
        x, lengths = ClipBatches(clips, persons=clips.persons)(np.array([number]))
        frames = resize(x, lengths, 16)[0].numpy().astype(np.float64)  # (C, T, V, M)
        rows += [frames[:, t].transpose(1, 0, 2).ravel() for t in range(16)]
    mean = sum(rows) / len(rows)
    variance = sum((row - mean) ** 2 for row in rows) / (len(rows) - 1)
    np.testing.assert_allclose(encoder.norm.running_mean, mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(encoder.norm.running_var, variance, rtol=1e-4, atol=1e-7)
    rewarded = encoder.normalise(torch.tensor(np.array(rows), dtype=torch.float32)[:, None])
    torch.testing.assert_close(rewarded.mean(dim=0)[0], torch.zeros(len(mean)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", NORMED)
def test_every_norm_has_the_moments_of_what_it_is_given(name):
    clips = generate(clips=24)
    encoder = made(name, clips)
    other = copy.deepcopy(encoder)
    settle(encoder, clips)
    # A pass in training, whose momentum is 1 and whose dropout is off, in one batch.
    for module in other.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    batch = ClipBatches(clips, persons=clips.persons)(np.arange(24))
    with torch.no_grad():
        other.train()(resize(*batch, 16))
    for left, right in zip(encoder.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(left, right)
    assert all(int(n.num_batches_tracked) == 1 for n in encoder.modules() if hasattr(n, "momentum"))


@pytest.mark.parametrize("name", [*NORMED, "sttr", "dste"])
def test_nothing_but_starting_statistics_changes(name):
    clips = generate(clips=20)
    encoder = made(name, clips)
    encoder.train()
    before, draws = state(encoder), torch.get_rng_state()
    settings = [{k: v for k, v in vars(m).items() if k[0] != "_"} for m in encoder.modules()]
    norms = len(starting(encoder))
    with settled(encoder, clips):
        inside = state(encoder)
        assert not starting(encoder)
    assert same(before, state(encoder)) and same(before, inside) == (norms == 0)
    assert settle(encoder, clips) == (20 if norms else 0)
    assert same(inside, state(encoder))
    assert settle(encoder, clips.take(range(5))) == 0 and same(inside, state(encoder))
    assert {k for k in before if not torch.equal(before[k], inside[k])} <= {
        k for k in before if "running" in k or "batches" in k
    }
    after = [{k: v for k, v in vars(m).items() if k[0] != "_"} for m in encoder.modules()]
    assert after == settings and torch.equal(torch.get_rng_state(), draws)
    assert all(module.training for module in encoder.modules())


def test_a_large_set_is_sampled_the_same_way_each_time(monkeypatch):
    monkeypatch.setattr(settling, "CLIPS", 10)
    clips = generate(clips=40)
    one, other = made("tcn", clips), made("tcn", clips)
    assert settle(one, clips) == 10
    torch.manual_seed(9)
    settle(other, clips)
    assert same(state(one), state(other))
    first = made("tcn", clips)
    settle(first, clips.take(range(10)))
    assert not same(state(one), state(first))  # they are not the first ten


def test_the_name_of_cached_features_tells_settled_from_fresh():
    clips = generate(clips=12)
    encoder = made("gru", clips)
    fresh = key(encoder, clips)
    settle(encoder, clips)
    assert key(encoder, clips) != fresh


def test_windows_of_recordings_are_read(monkeypatch):
    clips = generate(clips=6)
    segments = np.array([[0, 2, 9, 1], [4, 3, 8, 2]])
    rates = np.full(6, 6.0)  # windows of 13 frames
    recordings = replace(clips, segments=segments, fps=rates, path=None)
    seen, whole = [], settling.read
    monkeypatch.setattr(settling, "read", lambda x, n, *a: seen.append(n) or whole(x, n, *a))
    encoder = made("tcn", clips)
    assert settle(encoder, recordings) == settling.CLIPS
    lengths = torch.cat(seen).numpy()
    assert set(lengths) == {13, *clips.length[[1, 2, 3, 5]]}
    assert clips.length.min() > 13 and (lengths == 13).sum() in (85, 86, 87)
    windows = made("tcn", clips)
    settle(windows, clips)
    assert not torch.allclose(windows.norm.running_var, encoder.norm.running_var, rtol=0.05)
    settle(made("tcn", clips), replace(recordings, fps=np.zeros(6)))  # frames: 64, or all there are
    assert max(torch.cat(seen).tolist()) == clips.length.max()


def test_a_norm_of_several_processes_asks_no_other_one(monkeypatch):
    clips = generate(clips=12)
    alone, shared = made("stgcn", clips), made("stgcn", clips)
    synchronize(shared)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)

    def refuse(_):
        raise AssertionError("only this process looks at the encoder")

    monkeypatch.setattr(torch.distributed, "all_reduce", refuse)
    settle(alone, clips)
    settle(shared, clips)
    for left, right in zip(alone.buffers(), shared.buffers(), strict=True):
        torch.testing.assert_close(left, right)
    with pytest.raises(AssertionError, match="only this process"):
        shared.train()(torch.zeros(2, 3, 16, clips.skeleton.joints, clips.persons))


def test_streams_of_an_ensemble_are_settled_each_on_its_own():
    clips = generate(clips=12)
    members = [made("gru", clips, stream=stream) for stream in ("joint", "bone")]
    single = copy.deepcopy(members)
    assert settle(Ensemble(members), clips) == 12
    for member, one in zip(members, single, strict=True):
        settle(one, clips)
        assert same(state(member), state(one))


def test_without_batchnorm_untrained_is_bit_equal_to_the_fresh_weights(tmp_path, monkeypatch):
    run = pretrain(tmp_path / "run", "train.epochs=1", seed=0)
    seen = []

    def noted(encoder, clips, **_):
        features = extract(encoder, clips)
        seen.append(features.clone())  # a protocol may overwrite its own
        return features

    monkeypatch.setattr("skelf.protocols.features.extract", noted)
    given = {"split": "half", "untrained": True}
    rows = skelf.evaluate(["knn"], run, tiny_runs.clips(), seed=7, **given)
    train = tiny_runs.clips().split("half")[0]
    fresh = skelf.load(run, untrained=True, seed=0)
    assert torch.equal(seen[0], extract(fresh, train))
    assert "BatchNorm" not in rows[0]["definition"] and rows[0]["seed"] == 0


def test_a_monitor_leaves_a_fresh_encoder_as_it_was():
    clips = tiny_runs.clips()
    encoder = made("stgcn", clips).train()
    before = state(encoder)
    read = monitor.monitor(*clips.split("half"), seed=0)(encoder)
    assert same(before, state(encoder)) and encoder.training
    settle(encoder, clips.split("half")[0])
    assert monitor.monitor(*clips.split("half"), seed=0)(encoder) == read


def test_training_takes_the_statistics_of_its_clips_once(tmp_path):
    run = skelf.pretrain(
        "partwhole", tiny_runs.clips(), out=tmp_path / "run", split="half",
        overrides=[*tiny_runs.SETTINGS, "encoder.name=tcn", "train.epochs=2"],
    )  # fmt: skip
    trained, fresh = skelf.load(run), skelf.load(run, untrained=True)
    settle(fresh, tiny_runs.clips().split("half")[0])
    for name, value in fresh.norm.named_buffers():
        assert torch.equal(dict(trained.norm.named_buffers())[name], value), name
    assert not torch.equal(trained.stem.weight, fresh.stem.weight)


def test_a_key_encoder_has_the_input_statistics_of_the_other_and_both_keep_them():
    clips = generate(clips=20)
    method = METHODS["skeletonclr"](made("tcn", clips))
    settling.settle_inputs(method, clips)
    norms = method.encoder.norm, method.key.encoder.norm
    taken, of_key = (dict(norm.named_buffers()) for norm in norms)
    kept = {name: value.clone() for name, value in taken.items()}
    assert same(kept, of_key)
    assert kept["num_batches_tracked"] == 1
    method.train()
    method.encoder(torch.randn(6, 3, 16, clips.skeleton.joints, clips.persons))
    assert same(kept, taken)
