"""FreeMoCap's files: all forms give the body in metres with y up, gaps where nothing was seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mutants
import numpy as np
import pytest
from by_keys import by_keys
from test_landmark_forms import BODY as IMAGE

from skelf.data.auto import recognise
from skelf.data.readers import READERS
from skelf.errors import InputError
from skelf.layouts import LAYOUTS, MEDIAPIPE33

read = by_keys("freemocap")
NAMES = MEDIAPIPE33.names
RTM = LAYOUTS["wholebody133"].names[:23]
# Millimetres with z up: somebody of 1.7 m; and the same in metres with y up.
BODY = (np.stack([IMAGE[..., 0], IMAGE[..., 2], 1 - IMAGE[..., 1]], axis=-1) * 1900).round(3)
METRES = np.stack([BODY[..., 0], BODY[..., 2], -BODY[..., 1]], axis=-1) / 1000
pytestmark = pytest.mark.filterwarnings("ignore:.*nothing says unit", "ignore:.*left out")


def check(path: Path, want: np.ndarray = METRES, **options: Any) -> None:
    clips = read(path, **options)
    assert clips.skeleton is MEDIAPIPE33 and clips.attributes["unit"] == "metre"
    np.testing.assert_allclose(clips.clip(0)[:, 0], want, rtol=1e-5, atol=1e-6)


def wide(path: Path, prefix: str = "", before: str = "", behind: str = "") -> Path:
    header = [f"{prefix}{name}_{a}" for name in NAMES for a in "xyz"]
    count = behind.count(",")
    lines = [before + ",".join(header) + behind]
    for t, frame in enumerate(BODY):
        start = ",".join("" if word == "timestamp_by_camera" else str(t / 25)
                         for word in before.split(",")[:-1])  # fmt: skip
        cells = ",".join(map(str, frame.ravel()))
        lines.append((f"{start}," if before else "") + cells + ",1" * count)
    path.write_text("\n".join(lines) + "\n")
    return path


def long(path: Path, names: Any = NAMES, v2: bool = False) -> Path:
    """Rows by frame and keypoint, with hands, bones of fixed length, and centres of mass."""
    header = "frame,timestamp,timestamp_by_camera,model,keypoint,x,y,z,reprojection_error"
    tracker = "rtmpose" if names is RTM else "mediapipe"
    if v2:
        header = "frame,keypoint,x,y,z,model,trajectory,reprojection_error"
    lines = [header]
    for t, frame in enumerate(BODY):
        points = {name: frame[joint] for joint, name in enumerate(names)}
        points["hips_center"] = np.zeros(3)
        for model, moved, some in ((f"{tracker}.body", 0, points), (f"{tracker}.body", 1, points),
                                   (f"{tracker}.left_hand", 0, {"0000": frame[0]})):  # fmt: skip
            if moved and not v2:
                continue
            for name, point in some.items():
                x, y, z = point + moved
                kind = "rigid_3d_xyz" if moved else "3d_xyz"
                old = f"{t},{t / 25},{{}},{model.replace('.', '_')},{name},{x},{y},{z},0.5"
                lines.append(f"{t},{name},{x},{y},{z},{model},{kind}," if v2 else old)
    path.write_text("\n".join(lines) + "\n")
    return path


def by_frame(path: Path) -> Path:
    frames = {
        str(t): {
            "timestamps": {"mean": None, "by_camera": {}},
            "tracked_points": {
                f"body_{name}": dict(zip("xyz", map(float, frame[j]), strict=True))
                for j, name in enumerate(NAMES)
            }
            | {"right_hand_0000": {"x": 1.0, "y": None, "z": 2.0}},
        }
        for t, frame in enumerate(BODY)
    }
    path.write_text(json.dumps({"info": {"schemas": []}, "data_by_frame": frames}))
    return path


def array(path: Path, points: int = 33) -> Path:
    rest = np.full((len(BODY), points - 33, 3), 5.0)
    np.save(path, np.concatenate([BODY, rest], axis=1))
    return path


FILES: dict[str, Any] = {
    "mediapipe_body_3d_xyz.csv": wide,
    "sesh_by_trajectory.csv": lambda path: wide(
        path, "body_", "timestamp,timestamp_by_camera,", ",com_full_body_x,com_full_body_y"
    ),
    "body_trajectories.csv": lambda path: wide(path, "body_"),
    "freemocap_data_by_frame.csv": long,
    "sesh_v2_data_by_frame.csv": lambda path: long(path, v2=True),
    "sesh_by_frame.json": by_frame,
    "mediapipe_body_3d_xyz.npy": array,
    "mediapipe_skeleton_3d.npy": lambda path: array(path, 553),
    "mediaPipeSkel_3d_body_hands_face.npy": lambda path: array(path, 543),
}


@pytest.mark.parametrize("name", FILES)
def test_each_form_gives_the_body(name: str, tmp_path: Path) -> None:
    file = FILES[name](tmp_path / name)
    assert recognise(file).format == "freemocap"
    check(file)
    has_times = "timestamp" in file.read_text(errors="replace") and not name.endswith("json")
    assert read(file).fps.tolist() == [25.0 if has_times else 30.0]


def test_bones_of_fixed_length(tmp_path: Path) -> None:
    file = long(tmp_path / "freemocap_data_by_frame.csv", v2=True)
    moved = METRES + np.array([0.001, 0.001, -0.001])
    check(file, moved, what="rigid_3d_xyz")
    with pytest.raises(InputError, match="no column trajectory"):
        read(long(tmp_path / "old_by_frame.csv"), what="rigid_3d_xyz")


def test_another_tracker_has_its_own_joints(tmp_path: Path) -> None:
    clips = read(long(tmp_path / "freemocap_data_by_frame.csv", RTM, v2=True))
    assert clips.skeleton.names == tuple(RTM)


def test_nan_is_a_gap(tmp_path: Path) -> None:
    points = BODY.copy()
    points[1, 4] = np.nan
    np.save(tmp_path / "mediapipe_body_3d_xyz.npy", points)
    with pytest.warns(UserWarning, match=r"1 of 165 joint positions are gaps"):
        filled = read(tmp_path / "mediapipe_body_3d_xyz.npy").clip(0)[:, 0]
    np.testing.assert_allclose(filled[1, 4], (METRES[0, 4] + METRES[2, 4]) / 2, atol=1e-5)
    assert not read(tmp_path / "mediapipe_body_3d_xyz.npy", missing="keep").clip(0)[1, 0, 4].any()


def test_unit_and_axes(tmp_path: Path) -> None:
    file = tmp_path / "mediapipe_body_3d_xyz.npy"
    np.save(file, BODY / 1000)  # as out of Blender
    with pytest.warns(UserWarning, match="taken for metres, z up"):
        check(file)
    camera = BODY[..., [0, 2, 1]] * [1, -1, 1]  # y down, z away from the camera
    np.save(file, camera)
    with pytest.warns(UserWarning, match="the body stands along -y: raw data"):
        clips = read(file)
    np.testing.assert_allclose(clips.clip(0)[:, 0], METRES, atol=1e-5)
    np.save(file, BODY[..., [2, 1, 0]])
    with pytest.raises(InputError, match="the body lies along x, if z is up"):
        read(file)
    assert read(file, up="z").length.tolist() == [5]


def test_what_came_through_blender(tmp_path: Path) -> None:
    """A header behind #, a comma at its end, points computed from others; one camera: no depth."""
    flat = (IMAGE[..., :3] * [1, 1, 0] + [0, 1, 0]).round(6)
    header = ",".join(
        ", ".join(f"{name}_{a}" for a in "xyz") for name in (*NAMES, "head_center", "hips_center")
    )
    rows = [",".join(map(str, [*frame.ravel(), *[0.0] * 6])) for frame in flat]
    file = tmp_path / "body_trajectories.csv"
    file.write_text("\n".join([f"# {header},", *rows]) + "\n")
    assert recognise(file).format == "freemocap"
    with pytest.warns(UserWarning, match="taken for metres, -y up"):
        check(file, flat * [1, -1, -1])


def test_the_lowest_joint_that_was_seen(tmp_path: Path) -> None:
    camera = BODY[..., [0, 2, 1]] * [1, -1, 1]
    camera[:, 25:] = np.nan  # nobody saw the legs
    np.save(tmp_path / "mediaPipeSkel_3d.npy", camera)
    with pytest.warns(UserWarning, match="the body stands along -y"):
        clip = read(tmp_path / "mediaPipeSkel_3d.npy").clip(0)
    np.testing.assert_allclose(clip[:, 0, :25], METRES[:, :25], atol=1e-5)
    assert not clip[:, 0, 25:].any()


def test_one_file_of_each_recording(tmp_path: Path) -> None:
    for session in ("sesh_1", "sesh_2"):
        folder = tmp_path / session / "output_data"
        (folder / "raw_data").mkdir(parents=True)
        wide(folder / "mediapipe_body_3d_xyz.csv")
        array(folder / "mediapipe_body_3d_xyz.npy")
        array(folder / "raw_data" / "mediapipe_3dData_spatialXYZ.npy", 553)
        wide(tmp_path / session / f"{session}_by_trajectory.csv", "body_")
    with pytest.warns(UserWarning, match="6 further files of the same recordings are not read"):
        clips = read(tmp_path)
    assert clips.names == ["sesh_1/sesh_1_by_trajectory", "sesh_2/sesh_2_by_trajectory"]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("freemocap_hand.csv", "right_hand_0000_x,right_hand_0000_y,right_hand_0000_z\n1,2,3\n",
         "no whole body"),
        ("freemocap_x.csv", "", "empty"),
        ("freemocap_x.json", '{"data_by_frame": {}}', "no frames"),
        ("freemocap_x.json", '{"data_by_frame": {"0": 3}}', "expected an object"),
        ("freemocap_x.npy", "\x93NUMPY", "cut off or damaged"),
        ("freemocap_x.csv", "frame,keypoint,x,y,z,model\n0,nose,1,2,3,mediapipe.face\n", "none"),
        ("freemocap_x.csv", "frame,keypoint,x,y,z,model\n0,nose,1,2\n", "cut off"),
    ],
)  # fmt: skip
def test_what_is_no_body(name: str, content: str, match: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=match):
        read(tmp_path / name)


def test_points_of_unknown_names(tmp_path: Path) -> None:
    np.save(tmp_path / "freemocap_frame_name_xyz.npy", np.ones((4, 60, 3)))
    with pytest.raises(InputError, match=r"\(4, 60, 3\): which points are the body's is not told"):
        read(tmp_path / "freemocap_frame_name_xyz.npy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),
    [("sesh_by_trajectory.csv", 1000), ("mediapipe_body_3d_xyz.npy", 2000),
     ("sesh_by_frame.json", 1000)],
)  # fmt: skip
def test_damage(name: str, count: int, tmp_path: Path) -> None:
    file = FILES[name](tmp_path / name)
    done, refused = mutants.survives(READERS["freemocap"], file, file, count)
    assert done and refused
