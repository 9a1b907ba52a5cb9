"""Human3.6M as VideoPose3D and MotionBERT have it, and what lifters write."""

from __future__ import annotations

import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutants import mutants, survives

from skelf.data.clips import ClipSet
from skelf.data.formats.guess import recognised
from skelf.data.readers import READERS
from skelf.data.readers.h36m import H36M
from skelf.errors import InputError

read = READERS["h36m"]
# A body that stands and looks along y, z up, metres: the 17 joints by name.
BODY = {
    "Hip": (0, 0, 0.95), "RHip": (0.13, 0, 0.94), "RKnee": (0.14, 0.02, 0.5),
    "RFoot": (0.14, -0.02, 0.08), "LHip": (-0.13, 0, 0.94), "LKnee": (-0.14, 0.02, 0.5),
    "LFoot": (-0.14, -0.02, 0.08), "Spine": (0, 0, 1.18), "Thorax": (0, -0.02, 1.43),
    "Neck": (0, 0.03, 1.53), "Head": (0, 0, 1.63), "LShoulder": (-0.15, 0, 1.4),
    "LElbow": (-0.2, 0, 1.12), "LWrist": (-0.22, 0.05, 0.88), "RShoulder": (0.15, 0, 1.4),
    "RElbow": (0.2, 0, 1.12), "RWrist": (0.22, 0.05, 0.88),
}  # fmt: skip
# Where the set's own skeleton has them; the others stand still or twice.
PLACES = {
    "Hip": 0, "RHip": 1, "RKnee": 2, "RFoot": 3, "LHip": 6, "LKnee": 7, "LFoot": 8, "Spine": 12,
    "Thorax": 13, "Neck": 14, "Head": 15, "LShoulder": 17, "LElbow": 18, "LWrist": 19,
    "RShoulder": 25, "RElbow": 26, "RWrist": 27,
}  # fmt: skip


def body(frames: int = 6, seed: int = 0) -> np.ndarray:
    """`(T, 17, 3)`: that body, walking."""
    points = np.array(list(BODY.values()))
    walk = np.arange(frames)[:, None, None] * np.array([0, 0.02, 0])
    noise = np.random.default_rng(seed).normal(0, 0.004, (frames, 17, 3))
    return (points + walk + noise).astype(np.float32)


def whole(points: np.ndarray) -> np.ndarray:
    """The 32 joints: 15 of them where nothing of the 17 is."""
    joints = np.full((len(points), 32, 3), 77, np.float32)
    for at, place in enumerate(PLACES.values()):
        joints[:, place] = points[:, at]
    return joints


def quiet(path: Path, layout: str | None = None, **options: Any) -> ClipSet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(path, layout, H36M(**options))


def notes(path: Path, **options: Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(path, None, H36M(**options))
    return "\n".join(str(w.message) for w in caught)


def upright(points: np.ndarray) -> np.ndarray:
    """z up to y up, by hand: x stays, y is the old z, z the old -y."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_positions_3d(unit: float, tmp_path: Path) -> None:
    table = {
        subject: {a: whole(body(seed=n)) * unit for n, a in enumerate(("Walking 1", "WalkingDog"))}
        for subject in ("S1", "S9")
    }
    path = tmp_path / "data_3d_h36m.npz"
    np.savez_compressed(path, positions_3d=table)
    clips = quiet(path)
    assert clips.skeleton.name == "h36m17" and clips.names[:2] == ["S1/Walking 1", "S1/WalkingDog"]
    np.testing.assert_allclose(clips.clip(1)[:, 0], upright(body(seed=1)), atol=1e-6)
    head, left = (clips.skeleton.names.index(name) for name in ("Head", "LWrist"))
    assert clips.joints[0, 0, head, 1] > 1.5 and clips.joints[0, 0, left, 0] < 0
    assert clips.class_names == ("WalkDog", "Walking") and clips.label.tolist() == [1, 0, 1, 0]
    assert clips.subject.tolist() == [1, 1, 9, 9] and (clips.fps == 50).all()
    assert clips.splits["xsub"].tolist() == [1, 1, 2, 2]
    assert clips.attributes["unit"] == "metre"
    assert ("millimetres" in notes(path)) == (unit == 1000)
    assert recognised(path)[0] == "h36m"


H36M_SIDES = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
COCO_SIDES = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]


@pytest.mark.parametrize(("sides", "layout"), [(H36M_SIDES, "h36m17"), (COCO_SIDES, "coco17")])
def test_positions_2d(sides: list[list[int]], layout: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    views = [rng.uniform(0, 1000, (6, 17, 2)).astype(np.float32) for _ in range(4)]
    path = tmp_path / "data_2d_h36m_gt.npz"
    about = {"num_joints": 17, "keypoints_symmetry": sides}
    np.savez_compressed(path, positions_2d={"S11": {"Sitting 2": views}}, metadata=about)
    clips = quiet(path)
    assert clips.skeleton.name == layout and clips.coordinates == 2
    assert clips.camera.tolist() == [54138969, 55011271, 58860488, 60457274]
    assert clips.names[2] == "S11/Sitting 2/58860488" and clips.class_names == ("Sitting",)
    np.testing.assert_array_equal(clips.clip(3)[:, 0], views[3] * np.float32([1, -1]))
    assert "y is negated" in notes(path)


def test_positions_2d_of_own_videos(tmp_path: Path) -> None:
    view = np.random.default_rng(0).uniform(0, 400, (6, 17, 2)).astype(np.float32)
    about = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": COCO_SIDES,
             "video_metadata": {"a.mp4": {"w": 640, "h": 480}}}  # fmt: skip
    path = tmp_path / "data_2d_custom_x.npz"
    np.savez_compressed(path, positions_2d={"a.mp4": {"custom": [view]}}, metadata=about)
    clips = quiet(path)
    assert clips.names == ["a.mp4"] and clips.class_names == () and clips.splits == {}
    assert clips.columns["width"].tolist() == [640] and clips.columns["height"].tolist() == [480]
    assert "no rate is known: 30" in notes(path)
    about["keypoints_symmetry"] = [[0], [1]]
    np.savez_compressed(path, positions_2d={"a.mp4": {"custom": [view]}}, metadata=about)
    with pytest.raises(InputError, match=r"not known \(the file says 'coco'\); give it .*coco17"):
        read(path)
    assert quiet(path, "coco17").skeleton.name == "coco17"


def camera(points: np.ndarray) -> np.ndarray:
    """As a camera before the body has it: x right, y down, z away."""
    return np.stack([-points[..., 0], -points[..., 2], -points[..., 1]], axis=-1)


@pytest.mark.parametrize("form", ["X3D", "reconstruction", "persons"])
def test_lifted_poses(form: str, tmp_path: Path) -> None:
    points = camera(body())
    folder = tmp_path / "dance"
    folder.mkdir()
    if form == "X3D":
        path = folder / "X3D.npy"
        np.save(path, points)
    else:
        path = folder / "output_keypoints_3d.npz"
        np.savez_compressed(path, reconstruction=points if form == "persons" else points[None])
    clips = quiet(path)
    assert clips.names == ["dance"] and recognised(path)[0] == "h36m"
    np.testing.assert_array_equal(clips.joints[:, 0], points * np.float32([1, -1, -1]))
    # Whoever faces the camera has the right hand at the image's left, also after the turn.
    right = clips.skeleton.names.index("RWrist")
    assert clips.joints[0, 0, right, 0] < 0 and clips.joints[0, 0, right, 1] > 0
    said = notes(path)
    assert "bodies stand along -y, taken for up" in said and "no unit is known" in said
    assert "unit" not in clips.attributes
    assert quiet(path, scale=0.5, fps=25).attributes["unit"] == "metre"


def test_which_way_is_up(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", body())
    np.testing.assert_array_equal(quiet(tmp_path / "a.npy").joints[:, 0], upright(body()))
    lying = body()[..., [2, 1, 0]]
    np.save(tmp_path / "a.npy", lying)
    with pytest.raises(InputError, match=r"nothing says which way is up.* up=-y .* up=z"):
        read(tmp_path / "a.npy")
    np.testing.assert_array_equal(quiet(tmp_path / "a.npy", up="y").joints[:, 0], lying)
    pixels = camera(body())[..., :2] * 200 + 400
    np.save(tmp_path / "b.npy", pixels)
    np.testing.assert_array_equal(quiet(tmp_path / "b.npy").joints[:, 0], pixels * [1, -1])
    np.save(tmp_path / "b.npy", pixels * [1, -1])
    with pytest.raises(InputError, match=r"stand on their heads then; up=-y reads them so, up=y"):
        read(tmp_path / "b.npy")


def test_a_score_is_no_depth(tmp_path: Path) -> None:
    pixels = camera(body()) * 200 + 400
    pixels[..., 2] = 0.75
    np.save(tmp_path / "a.npy", pixels)
    clips = quiet(tmp_path / "a.npy")
    assert clips.confidence and clips.coordinates == 2 and (clips.joints[..., 2] == 0.75).all()


def motionbert(path: Path, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    tables = {}
    for side, subject in (("train", 1), ("test", 9)):
        names = [f"s_{subject:02d}_act_{a:02d}_subact_01_ca_0{c}" for a, c in ((2, 1), (14, 2))]
        tables[side] = {
            "joint_2d": rng.uniform(0, 1000, (10, 17, 2)),
            "confidence": rng.uniform(0, 1, (10, 17, 1)).astype(np.float32),
            "joint3d_image": rng.uniform(0, 1000, (10, 17, 3)).astype(np.float32),
            "camera_name": np.array(["54138969"] * 4 + ["55011271"] * 6),
            "source": [names[0]] * 4 + [names[1]] * 6,
        } | changes
    path.write_bytes(pickle.dumps(tables, protocol=4))
    return tables


def test_motionbert(tmp_path: Path) -> None:
    path = tmp_path / "h36m_sh_conf_cam_source_final.pkl"
    tables = motionbert(path)
    clips = quiet(path)
    assert clips.length.tolist() == [4, 6, 4, 6] and clips.confidence
    assert clips.splits["xsub"].tolist() == [1, 1, 2, 2] and clips.subject.tolist() == [1, 1, 9, 9]
    assert clips.class_names == ("Directions", "Walking") and clips.label.tolist() == [0, 1, 0, 1]
    assert clips.camera.tolist() == [54138969, 55011271] * 2
    expected = tables["test"]["joint_2d"][4:] * [1, -1]
    np.testing.assert_allclose(clips.clip(3)[:, 0, :, :2], expected, rtol=1e-6)
    np.testing.assert_array_equal(clips.clip(3)[:, 0, :, 2:], tables["test"]["confidence"][4:])
    assert "take=3d reads the 3D ones" in notes(path)
    deep = quiet(path, take="3d")
    expected = tables["train"]["joint3d_image"][:4] * [1, -1, -1]
    np.testing.assert_array_equal(deep.clip(0)[:, 0], expected)
    assert recognised(path)[0] == "h36m"
    for key, value, message in (
        ("source", ["a"], "source: not one for each of 10 frames"),
        ("confidence", np.zeros(3), "confidence: not one for each"),
        ("joint_2d", "x", "joint_2d: 'x', expected float"),
    ):
        motionbert(path, **{key: value})
        with pytest.raises(InputError, match=message):
            read(path)


class Evil:
    """What a pickle must never make."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("run",))


def test_objects_are_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data_3d_h36m.npz"
    np.savez_compressed(path, positions_3d={"S1": Evil()})
    with pytest.raises(InputError, match=r"not read: it asks for '\w+\.print'"):
        read(path)
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"train": {"joint_2d": Evil()}}))
    with pytest.raises(InputError, match="it asks for"):
        read(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "positions_3d: a dict, not a dict of subjects"),
        ({"S1": [1]}, "'S1': no dict of actions"),
        ({"S1": {"a": [1]}}, "'S1' 'a': expected float"),
        ({"S1": {"a": np.zeros((3, 15, 3))}}, r"\(3, 15, 3\); expected 17 joints"),
        ({"S1": {"a": np.zeros((3, 17, 2))}}, "expected 17 joints of 3 numbers"),
    ],
)
def test_other_tables(table: object, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", positions_3d=np.array(table, object))
    with pytest.raises(InputError, match=message):
        read(tmp_path / "a.npz")


def test_other_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", boxes=np.zeros(2), keypoints=np.zeros(2))
    with pytest.raises(InputError, match=r"Detectron; make data_2d_custom_\*\.npz"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", frames=np.zeros(2))
    with pytest.raises(InputError, match="no positions_3d, positions_2d or reconstruction"):
        read(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.zeros((4, 20, 3)))
    with pytest.raises(InputError, match="20 joints, h36m17 has 17"):
        read(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"no \.npy in it"):
        (tmp_path / "empty").mkdir()
        read(tmp_path / "empty")


def test_a_folder_of_videos_and_gaps(tmp_path: Path) -> None:
    points = camera(body())
    points[2, 5] = np.nan
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "X3D.npy", points)
    clips = quiet(tmp_path)
    assert clips.names == ["a", "b"] and clips.length.tolist() == [6, 6]
    between = (points[1, 5] + points[3, 5]) / 2 * [1, -1, -1]
    np.testing.assert_allclose(clips.joints[2, 0, 5], between, atol=1e-6)
    assert "2 joints are NaN: not seen, missing=linear" in notes(tmp_path)


def made(folder: Path) -> list[Path]:
    tables = {"S1": {"Eating": whole(body(3))}}
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=tables)
    about = {"keypoints_symmetry": COCO_SIDES}
    flat = {"a": {"custom": [np.ones((2, 17, 2), np.float32)]}}
    np.savez(folder / "data_2d.npz", positions_2d=flat, metadata=about)
    np.save(folder / "X3D.npy", camera(body(3)))
    motionbert(folder / "mb.pkl")
    return [folder / name for name in ("data_3d_h36m.npz", "data_2d.npz", "X3D.npy", "mb.pkl")]


@pytest.mark.parametrize("number", range(4))
def test_damaged_files(number: int, tmp_path: Path) -> None:
    file = made(tmp_path)[number]
    for raw in [b"", b"\0" * 40, b"\xff\xfe", *mutants(file.read_bytes(), 25)]:
        file.write_bytes(raw)
        with suppress(InputError), warnings.catch_warnings(action="ignore"):
            read(file).validate()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_two_thousand_damaged_files(number: int, tmp_path: Path) -> None:
    file = made(tmp_path)[number]
    done, refused = survives(read, file, file)
    assert done + refused == 2000 and refused
