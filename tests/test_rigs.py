"""Unit and axis of rigs and markers whose files say neither: what the bodies tell."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys

from skelf.data.motion import rigs
from skelf.data.motion.marker_tree import spanning_tree

bvh, qualisys = by_keys("bvh"), by_keys("qualisys")
# Joint -> its parent and offset in a rest pose with y up, centimetres.
BONES = {
    "Hips": ("", (0, 0, 0)),
    "LeftUpLeg": ("Hips", (9, -4, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -42, 0)),
    "LeftFoot": ("LeftLeg", (0, -41, 0)),
    "RightUpLeg": ("Hips", (-9, -4, 0)),
    "RightLeg": ("RightUpLeg", (0, -42, 0)),
    "RightFoot": ("RightLeg", (0, -41, 0)),
    "Spine": ("Hips", (0, 25, 0)),
    "Head": ("Spine", (0, 35, 0)),
}
AXES = {"y": [0, 1, 2], "z": [0, 2, 1]}
INCH = 2.54


def rig(size: float, rest: str, turn: Sequence[float], root: Sequence[float]) -> str:
    """A BVH of five frames; its rest pose is along an axis, turned by Z, X, Y and placed."""

    def joint(name: str) -> str:
        offset = np.array(BONES[name][1], float)[AXES[rest]] * size
        parts = [f"OFFSET {offset[0]:g} {offset[1]:g} {offset[2]:g}"]
        places = "Xposition Yposition Zposition " if name == "Hips" else ""
        parts.append(f"CHANNELS {6 if places else 3} {places}Zrotation Xrotation Yrotation")
        below = [joint(child) for child, (parent, _) in BONES.items() if parent == name]
        parts += below or ["End Site\n{\nOFFSET 0 0 0\n}"]
        kind = "JOINT" if BONES[name][0] else "ROOT"
        return f"{kind} {name}\n{{\n" + "\n".join(parts) + "\n}"

    row = [*(np.array(root, float) * size), *turn, *[0.0] * (3 * (len(BONES) - 1))]
    rows = (" ".join(f"{value:g}" for value in row) + "\n") * 5
    return f"HIERARCHY\n{joint('Hips')}\nMOTION\nFrames: 5\nFrame Time: 0.02\n{rows}"


@pytest.mark.parametrize(
    ("size", "word"),
    [(1.0, ""), (0.01, "metres"), (10.0, "millimetres"), (1 / INCH, "inches"),
     (0.45 / INCH, "CMU's unit (an inch is 0.45)")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("rest", "turn", "root", "up"),
    [
        ("y", (0, 0, 0), (0, 90, 0), "y"),
        ("z", (0, 0, 0), (7, 5, 90), "z"),
        ("y", (0, 90, 0), (7, 5, 90), "z"),  # a rig with y up in a world with z up
    ],
)
def test_a_rig_is_a_person_who_stands(
    tmp_path: Path, size: float, word: str, rest: str, turn: Sequence[float],
    root: Sequence[float], up: str,
) -> None:  # fmt: skip
    (tmp_path / "a.bvh").write_text(rig(size, rest, turn, root))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        clips = bvh(tmp_path / "a.bvh")
    said = " ".join(str(warning.message) for warning in told)
    height = clips.joints[0, 0, :, 1]
    names = clips.skeleton.names
    assert height[names.index("Head")] == pytest.approx(1.5, abs=0.01)
    assert height[names.index("LeftFoot")] == pytest.approx(0.03, abs=0.01)
    assert (f"{word} taken" in said or not word) and ("z is up" in said) == (up == "z")
    assert bool(said) == bool(word or up == "z")


def test_who_lies_is_not_set_upright(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text(rig(1, "y", (0, 90, 0), (0, 10, 170)))
    with pytest.warns(UserWarning, match="so the bodies lie; if z is up, give up=z"):
        clips = bvh(tmp_path / "a.bvh")
    assert np.ptp(clips.joints[0, 0, :, 1]) < 0.2


def test_what_a_user_says_counts(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text(rig(1 / INCH, "z", (0, 0, 0), (7, 5, 90)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips = bvh(tmp_path / "a.bvh", up="y", scale=0.02)
    assert clips.attributes["up"] == "y" and clips.attributes["scale"] == "0.02"


def test_legs_that_no_unit_fits_are_told() -> None:
    chain = np.array([[[0, 300.0, 0], [0, 150, 0], [0, 0, 0]]])
    scale, notes = rigs.unit(["LeftUpLeg", "LeftLeg", "LeftFoot"], chain, 0.01)
    assert scale == 0.01 and "no usual unit" in notes[0]
    assert rigs.unit(["Hips", "Tail"], chain[:, :2], 0.01) == (0.01, [])


def test_markers_with_another_axis_up(tmp_path: Path) -> None:
    names = ("HeadL", "HeadR", "LAnkle", "RAnkle")
    places = np.array([[90, 1700, 10], [-90, 1700, 10], [120, 60, 0], [-120, 60, 0]])
    cells = "\t".join(str(value) for value in places.ravel())
    lines = ["NO_OF_FRAMES\t3", "NO_OF_CAMERAS\t8", "NO_OF_MARKERS\t4", "FREQUENCY\t100",
             "MARKER_NAMES\t" + "\t".join(names), *[cells] * 3]  # fmt: skip
    (tmp_path / "a.tsv").write_text("\n".join(lines) + "\n")
    with pytest.warns(UserWarning, match="y is up, as the bodies stand; else give up=z"):
        clips = qualisys(tmp_path / "a.tsv")
    np.testing.assert_allclose(clips.joints[0, 0], places / 1000, atol=1e-6)


def test_without_legs_a_rig_of_metres_is_no_insect() -> None:
    head_and_hands = np.array([[[0, 1.6, 0], [0.7, 1.2, 0], [-0.7, 1.2, 0.0]]])
    names = ["Head", "HandL", "HandR"]
    assert rigs.unit(names, head_and_hands, 0.01)[0] == 1.0
    assert rigs.unit(names, head_and_hands * 100, 0.01) == (0.01, [])
    assert rigs.unit(names, head_and_hands * 5, 0.01) == (0.01, [])  # a hand in centimetres


@pytest.mark.parametrize("axes", [2, 3])
def test_points_hang_off_their_nearest_in_an_image_and_in_space(axes: int) -> None:
    line = np.zeros((3, 4, axes))
    line[..., 0] = [5, 0, 1, 6]
    assert spanning_tree(line) == [-1, 2, 0, 0]
