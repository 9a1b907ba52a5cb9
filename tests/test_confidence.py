"""2D and a confidence channel, through streams, views, encoders, methods and whole runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from method_cases import small
from tiny_runs import SETTINGS

from skelf import api
from skelf.augment.aimclr_views import AimCLRViews, draw_extreme_view
from skelf.augment.basic import keep_rest, map_joints
from skelf.augment.usdrl import Distortion, USDRLViews
from skelf.data.clips import ClipSet
from skelf.data.readers import arrays
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.methods import METHODS
from skelf.runs.load import load
from skelf.settings.options import from_flat
from skelf.streams import STREAMS, derive

KINDS = [(2, False), (2, True), (3, False), (3, True)]  # coordinates, confidence
SMALL = {name: {"dim": 8} for name in ENCODERS} | {"stgcn": {"dim": 8, "width": 4}}


def scored(count=4, frames=20, coordinates=2, seed=0):
    """Joints, scores and lengths; a third of the joints are missing, some in every frame."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, coordinates, frames, 20, 2, generator=draw)
    score = torch.rand(count, 1, frames, 20, 2, generator=draw) * 0.9 + 0.1
    missing = torch.rand(score.shape, generator=torch.Generator().manual_seed(9)) < 0.3
    missing[:, :, :, 7] = True
    lengths = torch.tensor([frames, frames // 2, frames - 3, 9][:count])
    missing |= (torch.arange(frames) >= lengths[:, None])[:, None, :, None, None]
    return x.masked_fill(missing, 0), score.masked_fill(missing, 0), lengths


def method(name, coordinates, confidence):
    torch.manual_seed(0)
    given = {"channels": coordinates + confidence, "persons": 2, "confidence": confidence}
    return small(name, KINECT20, "encoder.frames=8", **given)


def tensors(views, channels):
    """The clips among what a method's `views` gives."""
    return [v for v in views if torch.is_tensor(v) and v.dim() == 5 and v.shape[1] == channels]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("coordinates", "confidence"), KINDS)
def test_every_method_takes_every_kind(name, coordinates, confidence):
    x, score, lengths = scored(coordinates=coordinates)
    made = method(name, coordinates, confidence)
    given = torch.cat([x, score], dim=1) if confidence else x
    views = made.views(given, lengths, torch.Generator().manual_seed(1))
    found = tensors(views, coordinates + confidence)
    assert sum(len(view) for view in found) >= len(x)  # an autoencoder has one view
    assert all(view.isfinite().all() for view in found)
    loss = made(*views)["loss"]
    loss.backward()
    assert loss.isfinite()
    moved = [p.grad for p in made.encoder.parameters() if p.grad is not None]
    assert moved and all(g.isfinite().all() for g in moved) and any(g.any() for g in moved)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("coordinates", [2, 3])
def test_views_never_mix_scores_and_coordinates(name, coordinates):
    x, score, lengths = scored(coordinates=coordinates)
    present = score > 0
    other_score = torch.where(present, 1.1 - score, 0)
    other_x = scored(coordinates=coordinates, seed=5)[0] * present
    made = method(name, coordinates, True)

    def views(x, score):
        both = torch.cat([x, score], dim=1)
        made_views = made.views(both, lengths, torch.Generator().manual_seed(1))
        return tensors(made_views, coordinates + 1)

    usual, rescored, moved = views(x, score), views(x, other_score), views(other_x, score)
    changed = 0
    for a, b, c in zip(usual, rescored, moved, strict=True):
        parts = [view.split([coordinates, 1], dim=1) for view in (a, b, c)]
        assert all(((s >= 0) & (s <= 1)).all() for _, s in parts)
        torch.testing.assert_close(parts[0][0], parts[1][0], rtol=0, atol=1e-6)
        torch.testing.assert_close(parts[0][1], parts[2][1], rtol=0, atol=1e-6)
        changed += not torch.equal(parts[0][0], parts[2][0])
        for values, s in parts:  # what has no score is nowhere
            assert not values.masked_select(s == 0).any()
    assert changed


def test_usdrl_takes_the_score_of_erased_joints():
    x, score, lengths = scored()
    score = (score > 0).float()
    made = method("usdrl", 2, True)
    both = torch.cat([x, score], dim=1)
    for erase in (0.0, 1.0):
        spoiled = Distortion(corruption=1.0, joints=1.0, erase=erase)
        made.view_options = USDRLViews(crop=(1, 1), distortion=spoiled)
        view = made.views(both, lengths, torch.Generator().manual_seed(1))[0]
        assert bool(view.any()) == bool(view[:, 2].any()) == (erase == 0)


def test_matrices_leave_other_channels_alone():
    x = torch.randn(3, 4, 5, 6, 2)
    matrices = torch.randn(3, 3, 3)
    assert keep_rest(matrices, 3) is matrices
    result = map_joints(x, keep_rest(matrices, 4))
    assert torch.equal(result[:, 3], x[:, 3])
    torch.testing.assert_close(result[:, :3], map_joints(x[:, :3], matrices))


def test_extreme_views_of_flat_clips_turn_in_the_plane():
    x = torch.randn(6, 2, 12, 20, 1)
    x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    off = {"shear": 0.0, "padding_ratio": 0, "flip": 0.0, "noise": 0.0, "blurred": 0.0}
    turned = from_flat(AimCLRViews, off | {"axis_mask": 0.0})
    view = draw_extreme_view(x, torch.Generator().manual_seed(0), KINECT20, turned, coordinates=2)
    assert not torch.allclose(view, x)
    torch.testing.assert_close(view[:, :2].norm(dim=1), x[:, :2].norm(dim=1))
    flat = from_flat(AimCLRViews, off | {"axis_mask": 1.0})
    masked = draw_extreme_view(x, torch.Generator().manual_seed(0), KINECT20, flat, coordinates=2)
    lost = (masked == 0).flatten(2).all(dim=2)  # (N, C)
    assert (lost.sum(dim=1) == 1).all() and not lost[:, 2].any()


@pytest.mark.parametrize("stream", STREAMS)
def test_streams_against_a_loop(stream):
    x, score, _ = scored(2, 6)
    both = torch.cat([x, score], dim=1)
    expected = both.clone()
    for n in range(2):
        for t in range(6):
            for v, parent in enumerate(KINECT20.bones):
                for m in range(2):
                    if stream == "joint":
                        continue
                    other = (n, t + 1, v, m) if stream == "motion" else (n, t, parent, m)
                    here = both[n, :, t, v, m]
                    value = torch.zeros(2)
                    if other[1] < 6:
                        there = both[other[0], :, other[1], other[2], other[3]]
                        sign = 1 if stream == "motion" else -1
                        if here[2] > 0 and there[2] > 0:
                            value = sign * (there - here)[:2]
                    expected[n, :2, t, v, m] = value
    assert torch.equal(derive(both, stream, KINECT20, 2), expected)


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "fused"])  # reads all
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("coordinates", "confidence"), KINDS)
def test_encoders_derive_their_stream_beside_the_score(name, stream, coordinates, confidence):
    x, score, _ = scored(3, 8, coordinates)
    given = torch.cat([x, score], dim=1) if confidence else x
    sizes = {"in_channels": given.shape[1], "frames": 8, "persons": 2, "confidence": confidence}
    made = ENCODERS[name](KINECT20, stream=stream, **sizes, **SMALL[name]).eval()
    assert (made.confidence, made.coordinates) == (confidence, coordinates)
    joint = ENCODERS[name](KINECT20, **sizes, **SMALL[name]).eval()
    joint.load_state_dict(made.state_dict())
    if confidence or name != "byname":  # which reads off the joints themselves who is absent
        assert torch.equal(made(given), joint(derive(given, stream, KINECT20, coordinates)))
    assert made.frames(given).shape == (3, 8, made.dim)


# ---- whole runs ----


def flat(confidence=True, clips=24):
    """Synthetic clips in pixels, without z; with a score a fifth of the joints are missing."""
    made = generate(clips=clips, seed=3).with_split("half", [1, 2] * (clips // 2))
    joints = made.joints[..., :2] * np.float32(200) + np.float32(500)
    if not confidence:
        return replace(made, joints=joints)
    rng = np.random.default_rng(0)
    score = rng.uniform(0.2, 1, joints.shape[:-1]).astype(np.float32)
    missing = rng.random(score.shape) < 0.2
    joints = np.concatenate([joints, score[..., None]], axis=-1)
    joints[missing] = 0
    attributes = made.attributes | {"confidence": "true"}
    return replace(made, joints=joints, attributes=attributes)


RUNS = {
    "usdrl": (),
    "aimclr": ("encoder.name=stgcn", "encoder.width=4", "method.queue=16", "method.mining_epoch=1"),
}


@pytest.mark.parametrize("confidence", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_flat_clips_train_and_evaluate(tmp_path, name, confidence):
    data = flat(confidence)
    data.save(tmp_path / "flat.h5")
    opened = ClipSet.open(tmp_path / "flat.h5")
    assert (opened.confidence, opened.coordinates) == (confidence, 2)
    overrides = [*SETTINGS, *RUNS[name], "train.epochs=2", "train.milestones=[]"]
    run = api.pretrain(
        name, opened, out=tmp_path / "run", split="half",
        overrides=[*overrides, "data.normalize=centre+scale"],
    )  # fmt: skip
    described = json.loads((run / "config.json").read_text())["input"]
    assert (described["channels"], described["confidence"]) == (2 + confidence, confidence)
    encoder = load(run)
    assert (encoder.confidence, encoder.coordinates) == (confidence, 2)
    rows = api.evaluate(["knn", "linear"], run, opened, split="half", overrides=["eval.epochs=2"])
    assert rows and all(0 <= row["value"] <= 1 for row in rows)
    assert {row["config"]["data"]["normalize"] for row in rows} == {"centre+scale"}


def test_three_numbers_are_not_three_coordinates(tmp_path):
    overrides = [*SETTINGS, "train.epochs=1", "train.milestones=[]"]
    run = api.pretrain("usdrl", flat(), out=tmp_path / "run", split="half", overrides=overrides)
    solid = generate(clips=8, seed=3).with_split("half", [1, 2] * 4)
    with pytest.raises(InputError, match=r"3 coordinates a joint, the encoder takes 2 coord.*conf"):
        api.evaluate(["knn"], run, solid, split="half")


def test_steps_in_space_refuse_flat_clips_at_once(tmp_path):
    with pytest.raises(InputError, match=r"data\.normalize: normalisation 'facing' .* have 2: use"):
        api.pretrain(
            "usdrl", flat(), out=tmp_path / "run", split="half",
            overrides=[*SETTINGS, "data.normalize=centre+facing"],
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_run_from_before_confidence_loads(tmp_path):
    solid = generate(clips=8, seed=3).with_split("half", [1, 2] * 4)
    overrides = [*SETTINGS, "train.epochs=1", "train.milestones=[]"]
    run = api.pretrain("usdrl", solid, out=tmp_path / "run", split="half", overrides=overrides)
    for path in run.rglob("config.json"):
        config = json.loads(path.read_text())
        del config["input"]["confidence"]
        path.write_text(json.dumps(config))
        path.with_name("checksums.json").unlink(missing_ok=True)  # there were none
    assert load(run).confidence is False


def test_arrays_with_a_confidence(tmp_path):
    data = flat()
    fields = {"frames": data.joints, "offsets": np.append(0, data.length.cumsum()), "fps": 30.0}
    np.savez(tmp_path / "a.npz", **fields)
    assert not arrays.read_arrays(tmp_path / "a.npz", "kinect20").confidence
    read = arrays.read_arrays(tmp_path / "a.npz", "kinect20", arrays.Arrays(confidence=True))
    assert (read.confidence, read.coordinates, read.path) == (True, 2, None)
    np.savez(tmp_path / "a.npz", **fields | {"frames": data.joints * 3})
    with pytest.raises(InputError, match=r"a\.npz: joints: .* a confidence"):
        arrays.read_arrays(tmp_path / "a.npz", "kinect20", arrays.Arrays(confidence=True))


def test_scores_are_checked():
    data = flat()
    data.validate()
    for wrong in (1.5, -0.1):
        joints = data.joints.copy()
        joints[5, 0, 2, 2] = wrong
        with pytest.raises(InputError, match=r"a confidence \(the last channel\) is not in \[0, 1"):
            replace(data, joints=joints).validate()
    with pytest.raises(InputError, match="2 numbers a joint are too few"):
        replace(data, joints=np.ascontiguousarray(data.joints[..., :2])).validate()
