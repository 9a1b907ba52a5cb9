"""Layouts of one's own: their body parts, and that each method takes them or is refused early."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from method_cases import own, usual

from skelf.augment.pcm3 import draw_mask, part_table
from skelf.bench.run import preview
from skelf.data.clips import ClipSet
from skelf.data.joints.names import skeleton as named_skeleton
from skelf.data.joints.parts import with_parts
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.layouts import BUILT_IN, KINECT20, NTU25
from skelf.methods import METHODS
from skelf.protocols import occlusion
from skelf.runs.build import build_method
from skelf.settings.run import resolve
from skelf.skeleton import Skeleton

LIMBS = ("Shoulder", "Arm", "ForeArm", "Hand"), ("UpLeg", "Leg", "Foot")
RIG = ["Hips", "Spine", "Head"]
RIG += [f"{side}{bone}" for limb in LIMBS for side in ("Left", "Right") for bone in limb]
PARENTS = (-1, 0, 1, 1, 3, 4, 5, 1, 7, 8, 9, 0, 11, 12, 0, 14, 15)


def bare(names, parents, name="mine"):
    """A layout file without parts, as `Skeleton.from_toml` reads it."""
    return Skeleton.from_dict({"names": names, "parents": parents, "centre": 0, "name": name})


OWN = {
    "chain": bare(list("abc"), (-1, 0, 1)),
    "star": bare(list("abcd"), (-1, 0, 0, 0)),  # no edges but to the root
    "pair": bare(list("ab"), (-1, 0)),
    "one": bare(["a"], (-1,)),
}
SIZES = {"dste": "dim=8", "sttr": "dim=8", "stgcn": "width=2", "gru": "dim=4", "byname": "dim=4"}
SIZES |= {name: "dim=8" for name in ENCODERS if name not in SIZES}


def test_arrays_of_the_same_names_have_the_parts_of_a_bvh_file(tmp_path):
    read = named_skeleton(tmp_path / "a.bvh", tuple(RIG), PARENTS)
    assert len(read.parts) == 5
    assert dict(with_parts(bare(RIG, PARENTS)).parts) == read.parts
    blender = [n.replace("Left", "Bip01 L ").replace("Right", "Bip01 R ") for n in RIG]
    assert dict(with_parts(bare(blender, PARENTS)).parts) == read.parts
    for skeleton in BUILT_IN:
        assert with_parts(skeleton) is skeleton


def test_names_that_say_nothing_give_parts_along_the_body():
    numbers = bare([f"j{i}" for i in range(20)], KINECT20.parents)
    parts = with_parts(numbers).parts
    assert len(parts) == 5 and sorted(j for p in parts.values() for j in p) == list(range(20))
    for joints in parts.values():  # each hangs together
        tops = [j for j in joints if numbers.parents[j] not in joints]
        assert len(tops) == 1
    assert {3, 7, 11, 15, 19} <= {joints[-1] for joints in parts.values()} | {3}
    for skeleton in OWN.values():
        made = with_parts(skeleton)
        assert len(made.parts) == min(5, skeleton.joints) and all(made.parts.values())
        mask = draw_mask(16, part_table(made, torch.device("cpu")), torch.Generator())
        assert mask.any() and (skeleton.joints == 1 or not mask.all())


def built(method, encoder, skeleton, channels):
    sizes = [f"encoder.name={encoder}", "encoder.frames=8", f"encoder.{SIZES[encoder]}"]
    sizes += own(method)
    config = resolve(method, methods=METHODS, encoders=ENCODERS, overrides=sizes)
    taken = {"skeleton": skeleton.to_dict(), "channels": channels, "persons": 1, "stream": "joint"}
    with torch.device("meta"):  # what a dry run does
        build_method(config, taken, "config")
    torch.manual_seed(0)
    return build_method(config, taken, "config").train()


@pytest.mark.parametrize(
    "others", [(), pytest.param(("sttr", "stgcn", "gru", "byname"), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("layout", OWN)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_refused_when_it_is_built_trains(method, layout, others):
    """One person, three joints or fewer, no parts, no pairs, two or three coordinates."""
    skeleton, trained = OWN[layout], 0
    for encoder in dict.fromkeys((usual(method), *others)):
        try:
            made = built(method, encoder, skeleton, 2 + (encoder == "stgcn"))
        except InputError as error:
            pairs = (f"not {ENCODERS[encoder].__name__}", "has one joint; pcm3 mixes and masks")
            assert any(text in str(error) for text in pairs), error
            continue
        x = torch.randn(4, made.encoder.in_channels, 12, skeleton.joints, 1)
        views = made.views(x, torch.tensor([12, 12, 1, 5]), torch.Generator())
        loss = made(*views)["loss"]
        loss.backward()
        assert loss.isfinite()
        trained += 1
    assert trained or (method, layout) == ("pcm3", "one")


def test_spatial_occlusion_hides_parts_of_a_layout_that_names_none():
    clips = ClipSet.build(np.ones((30, 1, 17, 3)), [10, 20], bare(RIG, PARENTS))
    hide = occlusion.change("spatial", clips, occlusion.Amounts((0.3, 0.7), 0.1, 0))
    x = hide.apply(torch.ones(2, 3, 8, 17, 1), np.arange(2))
    parts = with_parts(clips.skeleton).parts.values()
    for row in x[:, 0, 0, :, 0]:
        gone = [p for p in parts if not row[list(p)].any()]
        assert 0 < len(gone) < 5 and row.sum() == 17 - sum(map(len, gone))


SUITE = """
seeds = [0]
[[data]]
name = "mine"
store = "own.h5"
splits = ["half"]
[[method]]
name = "pcm3"
settings = [{settings}]
[[protocol]]
name = "knn"
"""


@pytest.mark.parametrize(
    ("layout", "settings", "message"),
    [
        (
            "one",
            "",
            "mine: config: method: layout 'mine' has one joint; pcm3 mixes and masks",
        ),
        ("pair", "", None),
        ("pair", '"encoder.name=dste"', "mine: config: method: pcm3 decodes the states of a"),
        (
            "pair",
            '"data.normalize=agcn"',
            "mine: data.normalize: .* no joints named as the s",
        ),
        ("pair", '"data.normalize=roots"', "mine: data.normalize: unknown normalisation 'ro"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would_refuse(tmp_path, layout, settings, message):
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(80, 1, OWN[layout].joints, 3))
    clips = ClipSet.build(joints, [10] * 8, OWN[layout], label=[0, 1] * 4, class_names="ab")
    clips.with_split("half", [1] * 4 + [2] * 4).save(tmp_path / "own.h5")
    (tmp_path / "suite.toml").write_text(SUITE.replace("{settings}", settings))
    if message is None:
        assert len(preview(tmp_path / "suite.toml", tmp_path / "out")) == 2
        return
    with pytest.raises(InputError, match=message):
        preview(tmp_path / "suite.toml", tmp_path / "out")


def test_released_parts_stay_those_of_the_layout():
    method = built("pcm3", "gru", NTU25, 3)
    assert method.bodies is method.encoder.skeleton
