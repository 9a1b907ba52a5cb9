"""Sets of unlike layouts as one pool, and an encoder that goes from it to a layout of its own."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from layout_cases import CASES
from tiny_runs import SETTINGS
from typer.testing import CliRunner

import skelf
from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.data.join import joined
from skelf.data.joints.mapping import mapped
from skelf.data.joints.union import spread, union
from skelf.data.normalize_names import check
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.joints.aliases import meanings
from skelf.layouts import COCO17, KINECT20, LAYOUTS, SBU15
from skelf.skeleton import Skeleton


def quiet(sets: list[ClipSet], **options) -> ClipSet:  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return joined(sets, layouts="union", **options)


def people(title: str, skeleton: Skeleton, clips: int = 12, seed: int = 0) -> ClipSet:
    """Synthetic clips in a layout."""
    made = generate(clips=clips, seed=seed)
    if skeleton is not KINECT20:
        made = mapped(made, skeleton, guess=True)
    return replace(made, attributes={"title": title})


def three() -> list[ClipSet]:
    return [people("a", KINECT20), people("b", COCO17, seed=1), people("c", SBU15, seed=2)]


# ---- the layout ----


@pytest.mark.parametrize("skeleton", CASES)
def test_every_layout_is_within_its_union(skeleton: Skeleton) -> None:
    whole = union([skeleton])
    mine = {meant[:2] for meant in meanings(skeleton.names)}
    theirs = [meant[:2] for meant in meanings(whole.names)]
    assert len(set(theirs)) == whole.joints
    for side, part in mine:  # a word that means something else beside others is called a bone
        assert (side, part) in theirs or (side, f"{part}bone") in theirs
    assert whole.root == whole.centre == whole.names.index("hips")
    for left, right in whole.pairs:
        assert whole.names[right] == whole.names[left].replace("left", "right")
    assert union([whole]).names == whole.names


def test_a_union_is_a_body() -> None:
    whole = union([COCO17, KINECT20])
    above = {name: whole.names[p] for name, p in zip(whole.names, whole.parents, strict=True) if p}
    assert above["left_hand"] == "left_wrist" and above["right_foot"] == "right_ankle"
    assert above["left_knee"] == "left_hip" and above["left_eye"] == "head"
    assert {"left_arm", "right_leg", "trunk"} <= set(whole.parts)
    assert check("agcn+facing-frames", whole, 3)
    other = union([KINECT20, COCO17])
    assert set(other.names) == set(whole.names) and other.joints == 25
    tree = lambda s: {(s.names[c], s.names[p]) for c, p in s.edges}  # noqa: E731
    assert tree(other) == tree(whole)


def test_all_layouts_with_each_other() -> None:
    """But for markers beside a spine's chest, and a foot that is an ankle: those say so."""
    for one, other in combinations(LAYOUTS.values(), 2):
        try:
            whole = union([one, other])
        except InputError as error:
            assert "would mean" in str(error) and "skelf data map" in str(error)
            assert {one.name, other.name} & {"motive37", "motive41", "plug_in_gait"}
            continue
        assert max(one.joints, other.joints) - 1 <= whole.joints <= one.joints + other.joints + 1


def test_joints_that_say_nothing_hang_off_the_nearest() -> None:
    names = (*KINECT20.names, "sword")
    armed = replace(
        KINECT20, names=names, parents=(*KINECT20.parents, 11), name="armed",
        parts={**KINECT20.parts, "sword": (20,)},
    )  # fmt: skip
    whole = union([COCO17, armed])
    assert whole.names[whole.parents[whole.names.index("sword")]] == "right_hand"


def test_a_layout_without_hips_is_refused() -> None:
    arm = Skeleton(("shoulder_l", "elbow_l"), (-1, 0), (), {"arm": (0, 1)}, 0, "arm")
    with pytest.raises(InputError, match="'arm' has neither a hip centre nor both hips"):
        union([KINECT20, arm])


# ---- the clips ----


def test_joints_go_by_name_and_what_lacks_is_known() -> None:
    sets = three()
    pool = quiet(sets)
    assert pool.confidence and pool.coordinates == 3 and pool.attributes["title"] == "a + b + c"
    assert pool.columns["set"].tolist() == [0] * 12 + [1] * 12 + [2] * 12
    words = [meant[:2] for meant in meanings(pool.skeleton.names)]
    for number, clips in enumerate(sets):
        at = {meant[:2]: joint for joint, meant in enumerate(meanings(clips.skeleton.names))}
        for index in (0, 7):
            before, after = clips.clip(index), pool.clip(12 * number + index)
            for joint, word in enumerate(words):
                if word in at:
                    assert np.array_equal(after[:, :, joint, :3], before[:, :, at[word]])
                    assert (after[:, :, joint, 3] == before[:, :, at[word]].any(axis=-1)).all()
                elif word != ("", "hips"):
                    assert not after[:, :, joint].any()
            if ("", "hips") not in at:
                hips = [at[side, "hip"] for side in ("left", "right")]
                middle = before[:, :, hips].mean(axis=2)
                np.testing.assert_allclose(after[:, :, 0, :3], middle, atol=1e-6)
                assert (after[:, :, 0, 3] == 1).all()


def test_a_confidence_that_a_set_has_stays() -> None:
    rng = np.random.default_rng(0)
    joints = rng.uniform(0.1, 1, (10, 2, 17, 4)).astype(np.float32)
    joints[2, :, 5] = 0
    clips = ClipSet.build(joints, [10], COCO17, attributes={"confidence": "true", "title": "p"})
    whole = union([KINECT20, COCO17])
    moved = spread(clips, whole)
    moved.validate()
    shoulder, hips = whole.names.index("left_shoulder"), whole.centre
    assert np.array_equal(moved.joints[:, :, shoulder], joints[:, :, 5])
    np.testing.assert_array_equal(moved.joints[:, :, hips, 3], joints[:, :, 11:13, 3].min(axis=2))
    with pytest.raises(InputError, match="a confidence for each joint"):
        joined([clips, people("a", COCO17)])
    assert quiet([clips, people("a", KINECT20)]).persons == 2


def test_a_root_at_the_origin_is_there() -> None:
    clips = people("a", KINECT20)
    joints = clips.joints - clips.joints[:, :, :1]
    moved = spread(replace(clips, joints=joints), union([KINECT20]))
    assert (moved.joints[:, :, moved.skeleton.centre, 3] == 1).all()
    empty = replace(clips, joints=np.concatenate([joints, 0 * joints], axis=1))
    moved = spread(empty, union([KINECT20]))
    assert not moved.joints[:, 1].any()


def test_an_unknown_rule_and_other_coordinates_are_refused() -> None:
    with pytest.raises(InputError, match="layouts: 'all'; use same or union"):
        joined(three(), layouts="all")  # type: ignore[arg-type]
    flat = people("f", COCO17)
    flat = replace(flat, joints=np.ascontiguousarray(flat.joints[..., :2]))
    with pytest.raises(InputError, match="2 coordinates a joint"):
        quiet([people("a", KINECT20), flat])
    with pytest.raises(InputError, match="--layouts union"):
        joined(three())


def test_command(tmp_path: Path) -> None:
    paths = []
    for clips in three():
        paths.append(str(tmp_path / f"{clips.attributes['title']}.h5"))
        clips.save(paths[-1])
    out = str(tmp_path / "pool.h5")
    done = CliRunner().invoke(app, ["join", *paths, "--layouts", "union", "--out", out])
    assert done.exit_code == 0, done.output
    pool = ClipSet.open(out)
    assert pool.skeleton == union([KINECT20, COCO17, SBU15]) and len(pool) == 36
    assert CliRunner().invoke(app, ["check", out]).exit_code == 0


# ---- from the pool to a layout that it lacks ----

BYNAME = (*SETTINGS, "encoder.name=byname", "train.epochs=1", "train.milestones=[]")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pool = quiet([people("b", COCO17, seed=1), people("c", SBU15, seed=2)])
    out = tmp_path_factory.mktemp("union") / "run"
    return skelf.pretrain("usdrl", pool, out=out, overrides=BYNAME)


def test_a_run_on_a_pool_is_judged_on_another_layout(run: Path) -> None:
    clips = people("k", KINECT20, clips=24).with_split("half", [1] * 12 + [2] * 12)
    said: list[str] = []
    rows = skelf.evaluate(["knn", "linear"], run, clips, split="half", overrides=["eval.epochs=2"],
                          device="cpu", say=said.append)  # fmt: skip
    assert rows and said[-1] == "Joints: kinect20, by their names (trained on union25)"
    encoder = skelf.load(run)
    assert encoder.skeleton.joints == 25 and encoder.confidence
    from skelf.protocols.features import extract

    features = extract(encoder, clips)
    assert features.shape == (24, 32) and encoder.skeleton.joints == 25
    order = list(range(20))[::-1]
    at = {old: new for new, old in enumerate(order)}
    turned = Skeleton(
        tuple(KINECT20.names[j] for j in order),
        tuple(at.get(KINECT20.parents[j], -1) for j in order),
        (), {"body": tuple(range(20))}, at[0], "turned",
    )  # fmt: skip
    joints = np.ascontiguousarray(clips.joints[:, :, order])
    again = extract(encoder, replace(clips, joints=joints, skeleton=turned))
    torch.testing.assert_close(again, features, rtol=1e-3, atol=1e-4)


def test_other_coordinates_are_refused(run: Path) -> None:
    clips = people("k", KINECT20).with_split("half", [1, 2] * 6)
    flat = replace(clips, joints=np.ascontiguousarray(clips.joints[..., :2]))
    with pytest.raises(InputError, match="2 coordinates a joint, the encoder takes 3"):
        skelf.evaluate(["knn"], run, flat, split="half")


def test_a_model_has_the_layout_of_its_labelled_clips(run: Path, tmp_path: Path) -> None:
    clips = people("k", KINECT20, clips=36)
    said: list[str] = []
    model = skelf.fit_classifier(run, clips, say=said.append)
    assert model.encoder.skeleton == KINECT20 and not any("brought" in line for line in said)
    loaded = skelf.load_model(model.save(tmp_path / "model"))
    assert loaded.encoder.skeleton == KINECT20 and not loaded.encoder.confidence
    assert not loaded.needs.any_layout  # recordings of another layout are brought to it


def test_a_run_goes_on_from_another_layout(run: Path, tmp_path: Path) -> None:
    clips = people("k", KINECT20)
    begun = skelf.pretrain("usdrl", clips, out=tmp_path / "on", init=run, overrides=BYNAME)
    assert skelf.load(begun).skeleton == KINECT20
    plain = [*SETTINGS, "train.epochs=1", "train.milestones=[]"]
    first = skelf.pretrain("usdrl", clips, out=tmp_path / "dste", overrides=plain)
    with pytest.raises(InputError, match="was trained on another skeleton"):
        skelf.pretrain(
            "usdrl", people("c", SBU15), out=tmp_path / "no", init=first, overrides=plain
        )
