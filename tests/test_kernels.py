"""Fixed kernels: against a slow reading of the facts, and as what stands for a run."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import tiny_runs
import torch
from protocol_fakes import assert_same, snapshot
from test_cli import call

import skelf
from skelf.contracts import Encoder
from skelf.encoders.kernels import Kernels, dilations
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.protocols.knn import knn
from skelf.protocols.settling import settle_kernels
from skelf.runs.plain import is_plain, plain_encoder


def made(**options):
    encoder = Kernels(SBU15, 3, 2, **{"frames": 20, "features": 84 * 7, **options}).double()
    encoder.fit(clips())
    return encoder


def clips(count=5, frames=20):
    draw = torch.Generator().manual_seed(3)
    return torch.randn(count, 3, frames, 15, 2, generator=draw, dtype=torch.float64)


def slow(encoder, clip, thresholds):
    """Shares above thresholds of one clip, kernel by kernel and frame by frame (sources B1)."""
    series = [clip[c, :, v, m] for c in range(3) for v in range(15) for m in range(2)]
    features, place = [], 0
    for d, dilation in enumerate(encoder.dilations):
        for k, heavy in enumerate(combinations(range(9), 3)):
            which = encoder.chosen[d, k].nonzero().flatten().tolist()
            total = sum(series[i] for i in which)
            frames, edge = len(total), 4 * dilation
            values = []
            for t in range(frames):
                taps = [(t + (j - 4) * dilation, 2.0 if j in heavy else -1.0) for j in range(9)]
                values.append(sum(w * float(total[i]) for i, w in taps if 0 <= i < frames))
            inner = values if (d + k) % 2 == 0 else values[edge : frames - edge]
            for _ in range(encoder.counts[d]):
                threshold = float(thresholds[place])
                features.append(np.mean([value > threshold for value in inner]))
                place += 1
    return np.array(features)


def test_features_are_the_shares_of_a_slow_reading():
    encoder = made()
    for clip, row in zip(clips(), encoder(clips()) + encoder.mean, strict=True):
        np.testing.assert_allclose(row.numpy(), slow(encoder, clip, encoder.biases), atol=1e-6)


def test_thresholds_are_quantiles_of_one_clip_s_convolution():
    """Each is what NumPy says of that clip and share; which clip a kernel took is found again."""
    encoder, x = made(), clips()
    ratio = (np.sqrt(5) + 1) / 2
    place = 0
    for count, values in zip(encoder.counts, encoder._convolved(x), strict=True):
        for kernel in range(84):
            shares = [(i * ratio) % 1 for i in range(place + 1, place + count + 1)]
            found = encoder.biases[place : place + count].numpy()
            of_clips = [np.quantile(values[n, kernel].numpy(), shares) for n in range(len(x))]
            assert any(np.allclose(found, wanted, atol=1e-9) for wanted in of_clips)
            place += count
    assert place == encoder.dim


def test_frames_average_to_the_clip():
    encoder, x = made(), clips()
    dense, rows = encoder.frames(x), encoder(x)
    assert dense.shape == (5, 20, encoder.dim)
    place = 0
    for d, (dilation, count) in enumerate(zip(encoder.dilations, encoder.counts, strict=True)):
        for k in range(84):
            inner = slice(None) if (d + k) % 2 == 0 else slice(4 * dilation, 20 - 4 * dilation)
            mine = slice(place, place + count)
            torch.testing.assert_close(dense[:, inner, mine].mean(dim=1), rows[:, mine])
            place += count


def test_which_coordinates():
    encoder = made()
    used = encoder.chosen.sum(dim=2)
    assert int(used.min()) >= 1 and int(used.max()) <= 9
    assert set(encoder.chosen.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(encoder.chosen, made(seed=0).chosen)
    assert not torch.equal(encoder.chosen, made(seed=1).chosen)


@pytest.mark.parametrize(("frames", "features"), [(64, 119), (9, 119), (16, 5), (300, 32)])
def test_dilations_by_hand(frames, features):
    each, shares = dilations(frames, features)
    count = min(features, 32)
    exponents = np.linspace(0, np.log2((frames - 1) / 8), count)
    assert list(each) == sorted({int(2.0**e + 1e-12) for e in exponents})
    assert sum(shares) == features and min(shares) >= 1
    assert 8 * max(each) <= frames - 1  # some frame has all nine taps within the clip


def test_it_has_an_encoders_contract_and_no_weights():
    encoder = Kernels(SBU15, 4, 2, confidence=True, frames=16, features=84)
    assert isinstance(encoder, Encoder) and not list(encoder.parameters())
    x = torch.rand(2, 4, 16, 15, 2)
    other = x.clone()
    other[:, 3] = 0  # a confidence is no coordinate
    assert torch.equal(encoder(x), encoder(other)) and encoder(x).shape == (2, encoder.dim)


@pytest.mark.parametrize("wrong", [{"frames": 8}, {"features": 83}, {"stream": "bones"}])
def test_what_it_refuses(wrong):
    with pytest.raises(ValueError, match=r"at least 9 and 84|stream 'bones'"):
        Kernels(SBU15, **wrong)


def test_thresholds_come_from_the_training_side_and_a_protocol_changes_nothing():
    train, test = tiny_runs.clips().split("half")
    encoder = plain_encoder(train, name="kernels")[0]
    assert settle_kernels(encoder, train) == len(train)
    again = plain_encoder(train, name="kernels")[0]
    settle_kernels(again, train.take(range(len(train))))
    assert torch.equal(encoder.biases, again.biases) and encoder.biases.any()
    before = snapshot(encoder)
    knn(encoder, train, test)
    assert_same(encoder, before)


def test_in_place_of_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = tiny_runs.clips()
    rows = [
        skelf.evaluate(["knn", "retrieval"], "kernels", made, split="half", device="cpu", seed=seed)
        for seed in (0, 0, 1)
    ]
    assert {(row["method"], row["encoder"], row["seed"]) for row in rows[0]} == {
        ("kernels", "kernels", 0)
    }
    assert [r["value"] for r in rows[0]] == [r["value"] for r in rows[1]]
    assert rows[2][0]["seed"] == 1
    said = rows[0][0]["definition"]
    assert "9996 features of fixed kernels, thresholds of 20 training clips" in said
    with pytest.raises(InputError, match="--run kernels: has no weights; leave out --untrained"):
        skelf.evaluate(["knn"], "kernels", made, split="half", untrained=True)
    with pytest.raises(InputError, match="--run joints: means no run, and stands alone"):
        is_plain(["kernels", "joints"])
    made.save("made.h5")
    said = call("eval", "knn", "--run", "kernels", "--data", "made.h5", "--split", "half")
    assert said.code == 0 and "kernels" in said.out
