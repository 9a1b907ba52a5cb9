"""Normalisations of raw joints."""

import math
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skelf.data.batch import ClipBatches
from skelf.data.joints.body_axes import shoulders, spine
from skelf.data.normalize import normalize
from skelf.data.normalize_names import NORMALISERS, SEQUENCES, STEPS, check, expand, keeps_time
from skelf.data.normalize_steps import rotation_onto
from skelf.data.readers.arrays import read_arrays
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.layouts import COCO17, H36M17, KINECT20, NTU25, OPENPOSE18, SBU15
from skelf.skeleton import Skeleton

LENGTHS = torch.tensor([6, 3])


def clips(channels=3):
    """Clip 0: person 0 appears in frame 2, person 1 in frame 1. Clip 1: padding from frame 3."""
    x = torch.randn(2, channels, 6, 20, 2, generator=torch.Generator().manual_seed(0)) + 5
    x[0, :, :2, :, 0] = 0
    x[0, :, 0, :, 1] = 0
    x[0, :, 4, 7, 0] = 0  # a joint that was not seen
    x[1, :, 3:] = 0
    return x


def apply(x, name, skeleton=KINECT20, lengths=LENGTHS):
    return normalize(x, lengths, name, skeleton)[0]


def test_none_changes_nothing():
    x = clips()
    assert apply(x, "none") is x
    assert torch.equal(apply(x, "none+centre"), apply(x, "centre"))


def test_centre_puts_the_first_body_at_the_origin():
    x = clips()
    result = apply(x, "centre")
    assert not result[0, :, 2, KINECT20.centre, 0].any()
    assert not result[1, :, 0, KINECT20.centre, 0].any()
    assert not result[(x == 0).all(dim=1, keepdim=True).expand_as(x)].any()
    # One offset a clip: whatever is present keeps its place to everything else.
    for n, first in enumerate((2, 0)):
        origin = x[n, :, first, KINECT20.centre, 0]
        present = (x[n] != 0).any(dim=0)
        expected = x[n][:, present] - origin[:, None]
        torch.testing.assert_close(result[n][:, present], expected)
    torch.testing.assert_close(
        result[0, :, 3, :, 1] - result[0, :, 3, :, 0], x[0, :, 3, :, 1] - x[0, :, 3, :, 0]
    )


def test_centre_of_an_empty_clip():
    empty = torch.zeros(1, 3, 4, 20, 2)
    length = torch.tensor([4])
    for name in NORMALISERS:
        assert not apply(empty, name, lengths=length).any()
    empty[:, :, :, :, 1] = 1  # nobody but a second person: there is no origin, so it stays
    assert torch.equal(apply(empty, "centre", lengths=length), empty)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("name", ["centre", "centre-frames", "root", "scale", "fill"])
def test_steps_against_a_loop(name, channels):
    x = clips(channels)
    expected = x.clone()
    for n in range(2):
        clip = x[n]  # (C, T, V, M)
        seen = (clip != 0).any(dim=0)  # (T, V, M)
        sides = [clip[c][seen].max() - clip[c][seen].min() for c in range(channels)]
        for m in range(2):
            frames = [t for t in range(6) if seen[t, :, m].any()]
            for t in range(6):
                if name == "fill":
                    length = int(LENGTHS[n])
                    kept = frames if frames[0] > 0 else list(range(frames[-1] + 1))
                    source = clip[:, kept[t % len(kept)], :, m]
                    expected[n, :, t, :, m] = source if t < length else 0
                for v in range(20):
                    if not seen[t, v, m] or name == "fill":
                        continue
                    if name == "scale":
                        expected[n, :, t, v, m] = clip[:, t, v, m] / (max(sides) / 2)
                    elif name == "root":
                        expected[n, :, t, v, m] -= clip[:, t, KINECT20.root, m]
                    elif name == "centre-frames":
                        expected[n, :, t, v, m] -= clip[:, t, KINECT20.centre, 0]
                    else:
                        first = 2 if n == 0 else 0
                        expected[n, :, t, v, m] -= clip[:, first, KINECT20.centre, 0]
    torch.testing.assert_close(apply(x, name), expected)


def test_turns_keep_lengths_and_point_the_axes():
    x = apply(clips(), "centre")
    lower, upper = spine(KINECT20, "upright")
    left, right = shoulders(KINECT20, "facing")
    for name, ends, axis in (("upright", (lower, upper), 2), ("facing", (left, right), 0)):
        turned = apply(x, name)
        torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1))
        for n, first in enumerate((2, 0)):
            low, high = (turned[n, :, first, joints[0], 0] for joints in ends)
            direction = (high - low) / (high - low).norm()
            assert direction[axis].item() == pytest.approx(1, abs=1e-5)
            # One proper rotation for the whole clip.
            a, b = (y[n].permute(1, 2, 3, 0).reshape(-1, 3) for y in (x, turned))
            matrix = torch.linalg.lstsq(a, b).solution.T
            torch.testing.assert_close(a @ matrix.T, b, atol=1e-4, rtol=1e-4)
            assert torch.linalg.det(matrix).item() == pytest.approx(1, abs=1e-4)


def test_rotation_onto_an_axis():
    vectors = torch.tensor([[0, 0, 0], [0, 0, 2], [0, 0, -2], [3, 0, 0], [1, -2, 0.5]])
    matrices = rotation_onto(vectors.float(), 2)
    for still in range(3):  # nothing to turn; opposite ones stay as well (released)
        assert torch.equal(matrices[still], torch.eye(3))
    turned = torch.einsum("nij,nj->ni", matrices, vectors)
    torch.testing.assert_close(turned[3:, 2], vectors[3:].norm(dim=1))


def test_agcn_has_the_numbers_of_the_released_code():
    """Sources D1: sums over persons for a smooth input with empty frames and persons."""
    k = torch.arange(900, dtype=torch.float64)
    smooth = torch.sin(0.01 * k) + 0.3 * torch.cos(0.037 * k)
    x = smooth.reshape(1, 3, 6, 25, 2).clone()
    x[:, :, 4:] = 0
    x[..., 1] = 0
    x[0, :, 1:3, :, 1] = smooth[:150].reshape(3, 2, 25)
    expected = {
        "agcn": (12.620543, 34.845246, 267.156817, (-0.02917, -0.00467, 0.01038)),
        "agcn-noz": (14.508315, 34.845246, 260.956225, (-0.02917, -0.00334, 0.01089)),
    }
    for name, (total, squares, other, hip) in expected.items():
        result = apply(x, name, NTU25, torch.tensor([6]))
        assert result[..., 0].sum().item() == pytest.approx(total, abs=2e-5)
        assert (result[..., 0] ** 2).sum().item() == pytest.approx(squares, abs=2e-5)
        assert result[..., 1].sum().item() == pytest.approx(other, abs=2e-5)
        assert result[0, :, 0, 0, 0].tolist() == pytest.approx(hip, abs=1e-5)
        torch.testing.assert_close(result[0, :, 4, :, 0], result[0, :, 0, :, 0])
        assert result[0, ..., 1].any(dim=2).any(dim=0).all()


def test_aimclr_has_the_numbers_of_the_released_code(golden):
    file = golden("preprocess")
    raw, expected = torch.from_numpy(file["raw"]), file["position"]
    ends = [int(np.flatnonzero(clip.any(axis=(0, 2, 3))).max()) + 1 for clip in file["raw"]]
    # Clip 3 has a gap of 5 frames, which the released code cuts off at the end.
    for lengths in (ends, [300] * 4):
        result, after = normalize(raw, torch.tensor(lengths), "aimclr", NTU25)
        assert after.tolist() == [50] * 4
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_trim_counts_frames_with_person_0():
    x = clips()
    x[0, :, 3, :, 0] = 0
    result, lengths = normalize(x, LENGTHS, "trim", KINECT20)
    assert lengths.tolist() == [3, 3]  # frames 2, 4 and 5 hold person 0: the first 3 stay
    assert torch.equal(result[0, :, :3], x[0, :, :3]) and not result[0, :, 3:].any()
    alone = x.clone()
    alone[..., 0] = 0
    assert normalize(alone, LENGTHS, "trim", KINECT20)[1].tolist() == LENGTHS.tolist()


def test_batches_take_the_new_lengths():
    data = replace(generate(clips=6, seed=2), normalize="aimclr")
    x, lengths = ClipBatches(data)(np.arange(6))
    assert x.shape[2] == 50 and lengths.tolist() == [50] * 6


@pytest.mark.parametrize("name", ["agcn", "agcn-noz", "aimclr", "centre+scale"])
@pytest.mark.parametrize("source", ["nw_ucla", "sbu"])
def test_real_clips(real_data, source, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = read_arrays(real_data(source))
    indices = np.arange(0, len(data), 40)
    x, lengths = ClipBatches(replace(data, normalize=name))(indices)
    assert x.isfinite().all() and (lengths >= 1).all()
    if name == "centre+scale":
        assert (x.abs() <= 2.0001).all() and (x.abs().amax(dim=(1, 2, 3, 4)) >= 0.4999).all()
        return
    (left,), (right,) = shoulders(data.skeleton, "facing")
    across = x[:, :, :, right, 0] - x[:, :, :, left, 0]  # (N, C, T)
    if name == "aimclr":  # every frame faces, but for those on the other side of the sum
        share = (across[:, 2].abs() < 0.02 * across.norm(dim=1) + 1e-3).float().mean()
        assert share > 0.7
    else:
        first = across[:, :, 0] / across[:, :, 0].norm(dim=1, keepdim=True)
        assert (first[:, 0] > 0.999).all()


@pytest.mark.parametrize("name", NORMALISERS)
def test_shape_and_zeros_are_kept(name):
    x = clips()
    result, lengths = normalize(x, LENGTHS, name, KINECT20)
    assert result.shape[1:2] + result.shape[3:] == x.shape[1:2] + x.shape[3:]
    assert keeps_time(name) == (name not in ("fill", "trim", "resize50", *SEQUENCES))
    if "resize50" not in expand(name):
        assert result.shape == x.shape
        assert not result[1, :, 3:].any()
    assert result.isfinite().all() and (lengths >= 1).all()


@pytest.mark.parametrize("name", [*STEPS, *SEQUENCES, "centre+scale"])
@pytest.mark.parametrize("coordinates", [2, 3])
def test_a_confidence_is_not_a_coordinate(name, coordinates):
    x = clips(coordinates)
    seen = (x != 0).any(dim=1, keepdim=True)
    score = torch.rand(x[:, :1].shape, generator=torch.Generator().manual_seed(1)) * seen
    both = torch.cat([x, score], dim=1)
    try:
        alone, lengths = normalize(x, LENGTHS, name, KINECT20)
    except InputError:
        with pytest.raises(InputError, match="needs three coordinates; these clips have 2"):
            normalize(both, LENGTHS, name, KINECT20, coordinates)
        return
    result, again = normalize(both, LENGTHS, name, KINECT20, coordinates)
    torch.testing.assert_close(result[:, :coordinates], alone)
    assert again.tolist() == lengths.tolist()
    assert ((result[:, coordinates:] >= 0) & (result[:, coordinates:] <= 1)).all()
    if keeps_time(name):
        assert torch.equal(result[:, coordinates:], score)


def test_names_join():
    x = clips()
    assert expand("agcn") == ["fill", "centre-frames", "upright", "facing"]
    assert expand("centre + facing") == ["centre", "facing"]
    step, lengths = x, LENGTHS
    for name in expand("agcn"):
        step, lengths = normalize(step, lengths, name, KINECT20)
    joined = apply(x, "agcn")
    # Not torch.equal: by itself a step takes the centre joint, now zero, for a missing one.
    torch.testing.assert_close(joined, step)
    for name in SEQUENCES:
        assert set(expand(name)) <= set(STEPS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("center", "unknown normalisation 'center': did you mean 'centre'"),
        ("centre+turn", "unknown normalisation 'turn'"),
        ("centre+", "unknown normalisation ''"),
        ("", "unknown normalisation ''"),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(InputError, match=message):
        apply(clips(), name)


def test_the_page_names_every_step():
    page = (Path(__file__).parents[1] / "docs" / "normalise.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \|", page, flags=re.M)
    assert [name for name, _ in rows] == list(NORMALISERS)
    assert {k: v.strip("`") for k, v in rows if k in SEQUENCES} == SEQUENCES


def test_joints_of_the_axes_by_name():
    named = {
        "ntu25": (NTU25, ((0,), (1,)), ((4,), (8,))),
        "kinect20": (KINECT20, ((0,), (1,)), ((4,), (8,))),
        "sbu15": (SBU15, ((9, 12), (2,)), ((3,), (6,))),
        "h36m17": (H36M17, ((0,), (7,)), ((11,), (14,))),
        "openpose18": (OPENPOSE18, ((11, 8), (1,)), ((5,), (2,))),
    }
    for skeleton, up, across in named.values():
        assert spine(skeleton, "upright") == up
        assert shoulders(skeleton, "facing") == across
    rig = Skeleton(
        names=("mixamorig:Hips", "mixamorig:Spine", "mixamorig:LeftArm", "mixamorig:RightArm"),
        parents=(-1, 0, 1, 1), pairs=((2, 3),), parts={"body": (0, 1, 2, 3)}, centre=0, name="rig",
    )  # fmt: skip
    assert spine(rig, "upright") == ((0,), (1,))


def test_layouts_without_such_joints_are_refused():
    with pytest.raises(
        InputError, match=r"'upright': layout 'coco17' has no joints named as the s"
    ):
        check("upright", COCO17, 3)
    bare = replace(COCO17, names=tuple(f"p{i}" for i in range(17)), name="bare")
    with pytest.raises(InputError, match=r"'facing': layout 'bare' .* shoulders .* layout file"):
        check("facing", bare, 3)


def test_facing_frames_turns_only_about_y():
    x = clips()
    result = apply(x, "facing-frames")
    assert torch.equal(result[:, 1], x[:, 1])
    flat = torch.hypot(x[:, 0], x[:, 2])
    torch.testing.assert_close(torch.hypot(result[:, 0], result[:, 2]), flat)
    angle = math.radians(30)
    still = torch.zeros(1, 3, 2, 20, 1)
    still[0, 0, :, 8], still[0, 2, :, 8] = math.cos(angle), math.sin(angle)
    turned = apply(still, "facing-frames", lengths=torch.tensor([2]))
    assert turned[0, :, 0, 8, 0].tolist() == pytest.approx([1, 0, 0], abs=3e-4)
