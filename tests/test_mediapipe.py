from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import edit, landmarks, mediapipe, mediapipe_csv

from skelf.errors import InputError
from skelf.layouts import MEDIAPIPE33

read = by_keys("mediapipe")


def table(frame: int) -> np.ndarray:
    """What the landmarks of a frame become: y up, z towards the camera."""
    points = [list(point.values()) for point in landmarks(frame)]
    return np.array(points) * [1, -1, -1, 1]


def check(path: Path, **options: Any) -> None:
    clips = read(path, **options)
    assert clips.skeleton is MEDIAPIPE33 and clips.confidence and clips.coordinates == 3
    assert clips.length.tolist() == [4] and clips.persons == 1
    for t in range(4):
        np.testing.assert_allclose(clips.clip(0)[t, 0], table(t), rtol=1e-6)


FORMS: dict[str, Any] = {
    "as it is": lambda frames: frames,
    "an object of frames": lambda frames: {"fps": 30, "frames": frames},
    "landmark": lambda frames: [
        {"pose_world_landmarks": {"landmark": f["pose_world_landmarks"]}} for f in frames
    ],
    "several persons": lambda frames: [
        {"pose_world_landmarks": [f["pose_world_landmarks"]]} for f in frames
    ],
    "several landmark objects": lambda frames: [
        {"pose_world_landmarks": [{"landmark": f["pose_world_landmarks"]}]} for f in frames
    ],
    "camel case": lambda frames: [{"worldLandmarks": [f["pose_world_landmarks"]]} for f in frames],
    "presence": lambda frames: [
        {"pose_world_landmarks": [{**p, "presence": 0.3} for p in f["pose_world_landmarks"]]}
        for f in frames
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_json_forms(form: str, tmp_path: Path) -> None:
    edit(mediapipe(tmp_path), FORMS[form])
    check(tmp_path)


def test_world_and_image(tmp_path: Path) -> None:
    def change(frames: Any) -> None:
        for frame in frames:
            for point in frame["pose_landmarks"]:
                point["x"] += 3

    edit(mediapipe(tmp_path), change)
    check(tmp_path)
    image = read(tmp_path, landmarks="image").joints[..., 0]
    np.testing.assert_allclose(image, read(tmp_path).joints[..., 0] + 3, rtol=1e-6)

    def without(frames: Any) -> None:
        for frame in frames:
            del frame["pose_world_landmarks"]

    edit(tmp_path / "video1.json", without)
    with pytest.raises(InputError, match=r"'pose_world_landmarks' is missing; .*landmarks=image"):
        read(tmp_path, landmarks="world")
    with pytest.warns(UserWarning, match="no landmarks in metres .*: those in the image"):
        np.testing.assert_array_equal(read(tmp_path).joints[..., 0], image)
    with pytest.raises(
        InputError, match=r"landmarks: Input should be 'auto', 'world' or 'image', got 'both'"
    ):
        read(tmp_path, landmarks="both")


def test_nobody_in_some_frames(tmp_path: Path) -> None:
    def change(frames: Any) -> None:
        frames[1]["pose_world_landmarks"] = None
        frames[2]["pose_world_landmarks"] = []

    edit(mediapipe(tmp_path), change)
    clip = read(tmp_path).clip(0)
    assert clip[:, 0, :, 3].any(axis=1).tolist() == [True, False, False, True]
    np.testing.assert_allclose(clip[1, 0, :, 0], table(1)[:, 0], rtol=1e-5)  # it moves evenly
    assert not read(tmp_path, missing="keep").clip(0)[1:3].any()


def test_persons_are_told_apart_in_the_image(tmp_path: Path) -> None:
    """World landmarks all lie about the hips: only the image says who is where."""

    def shifted(points: list[dict[str, float]], by: float) -> list[dict[str, float]]:
        return [{**p, "x": p["x"] + by} for p in points]

    frames = []
    for t in range(4):
        order = (-1) ** t
        frames.append(
            {
                "pose_landmarks": [shifted(landmarks(0), 0), shifted(landmarks(0), 5)][::order],
                "pose_world_landmarks": [
                    shifted(landmarks(0), 0),
                    [{**p, "y": p["y"] * 1.01} for p in landmarks(0)],
                ][::order],
            }
        )
    (tmp_path / "v.json").write_text(json.dumps(frames))
    clip = read(tmp_path, persons=2).clip(0)
    assert (np.ptp(clip, axis=0) < 1e-6).all() and (clip[:, 0] != clip[:, 1]).any()


def wide(names: Any, axes: tuple[str, ...] = ("x", "y", "z", "visibility"), extra: str = "") -> str:
    header = [names(i, axis) for i in range(33) for axis in axes]
    rows = [header]
    for t in range(4):
        points = landmarks(t)
        rows.append(
            [repr(p[axis if axis != "v" else "visibility"]) for p in points for axis in axes]
        )
    if extra:
        rows = [[extra if i == 0 else "wave", *row] for i, row in enumerate(rows)]
    return "\n".join(",".join(row) for row in rows) + "\n"


WIDE = {
    "named": wide(lambda i, a: f"{MEDIAPIPE33.names[i]}_{a}"),
    "upper case": wide(lambda i, a: f"{MEDIAPIPE33.names[i]}_{a}".upper()),
    "x_0": wide(lambda i, a: f"{a}_{i}"),
    "x1": wide(lambda i, a: f"{a}{i + 1}", ("x", "y", "z", "v"), "class"),
    "landmark_0_x": wide(lambda i, a: f"landmark_{i}_{a}", extra="file_name"),
}


@pytest.mark.parametrize("form", WIDE)
def test_csv_of_a_row_a_frame(form: str, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(WIDE[form])
    check(tmp_path)


@pytest.mark.parametrize("first", [0, 1, None])
def test_csv_of_a_row_a_landmark(first: int | None, tmp_path: Path) -> None:
    lines = ["frame,landmark,x,y,z,visibility"]
    for t in range(4):
        for i, point in enumerate(landmarks(t)):
            joint = MEDIAPIPE33.names[i] if first is None else i + first
            lines.append(",".join(map(str, [t, joint, *point.values()])))
    (tmp_path / "v.csv").write_text("\n".join(lines))
    check(tmp_path / "v.csv")
    lines.append(lines[-1])
    (tmp_path / "v.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="a landmark stands twice in one frame"):
        read(tmp_path)


def test_csv_without_depth(tmp_path: Path) -> None:
    text = wide(lambda i, a: f"{a}_{i}", ("x", "y", "visibility"))
    (tmp_path / "v.csv").write_text(text)
    clips = read(tmp_path)
    assert clips.coordinates == 2
    np.testing.assert_allclose(clips.clip(0)[3, 0], table(3)[:, [0, 1, 3]], rtol=1e-6)


def test_empty_cells(tmp_path: Path) -> None:
    file = mediapipe_csv(tmp_path)
    lines = file.read_text().splitlines()
    lines[2] = "1" + "," * 132
    file.write_text("\n".join(lines))
    clip = read(tmp_path, missing="keep").clip(0)
    assert not clip[1].any() and clip[[0, 2, 3]].any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("nose_x", "nose_q", r"no columns for landmark 0 \(nose\); there must be nose_x"),
        ("\n1,", "\n1.5,", "line 3: frame: 1.5 is no frame number"),
        ("\n1,", "\nnan,", "line 3: frame: nan is no frame number"),
        ("\n1,", "\n,", "line 3: frame: nan is no frame number"),
        ("0.9\n2,", "\n2", "is no frame number|is no finite number|cells, but"),
    ],
)
def test_bad_csv(old: str, new: str, match: str, tmp_path: Path) -> None:
    file = mediapipe_csv(tmp_path)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=match):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("0,left_wing,1,1,1,1", "line 2: no landmark 'left_wing'; mediapipe33 has 33"),
        ("0,99,1,1,1,1", "line 2: no landmark '99'"),
        ("0,,1,1,1,1", "line 2: no landmark ''"),
        ("0", "line 2: no landmark|1 cells"),
        ("0,3,1,one,1,1", "line 2: y: 'one' is no finite number"),
    ],
)
def test_bad_rows(line: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(f"frame,landmark,x,y,z,visibility\n{line}\n")
    with pytest.raises(InputError, match=match):
        read(tmp_path)
    (tmp_path / "v.csv").write_text("landmark,x,y,z\n0,1,1,1\n")
    with pytest.raises(InputError, match="column 'frame' is missing"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: f[1].update(frame="two"), r"\[1\]: frame: expected a whole number"),
        (lambda f: f[1].update(pose_world_landmarks=3), "expected a list, not a whole number 3"),
        (lambda f: f[1].update(pose_world_landmarks="x"), "expected a list, not a string"),
        (lambda f: f[1]["pose_world_landmarks"][4].pop("y"), r"\[4\]: 'y' is missing"),
        (lambda f: f[1]["pose_world_landmarks"].pop(), "32 joints, expected mediapipe33"),
        (lambda f: f.clear(), "no frames"),
    ],
)
def test_bad_json(change: Any, match: str, tmp_path: Path) -> None:
    def changed(content: Any) -> Any:
        change(content)
        return content

    edit(mediapipe(tmp_path), changed)
    with pytest.raises(InputError, match=match):
        read(tmp_path)


SURE = ("vis", "v", "presence", "likelihood", "conf", "confidence", "score", "c", "p", "prob")


@pytest.mark.parametrize("word", SURE)
def test_words_for_the_confidence(word: str, tmp_path: Path) -> None:
    names = {"x": "x", "y": "y", "z": "z", "visibility": word}
    (tmp_path / "v.csv").write_text(wide(lambda i, a: f"{MEDIAPIPE33.names[i]}_{names[a]}"))
    check(tmp_path)
    edit(
        mediapipe(tmp_path),
        lambda frames: [
            {"pose_world_landmarks": [
                {names[key]: value for key, value in point.items()}
                for point in frame["pose_world_landmarks"]]}
            for frame in frames
        ],
    )  # fmt: skip
    check(tmp_path / "video1.json")


def test_visibility_goes_before_presence(tmp_path: Path) -> None:
    text = wide(lambda i, a: f"{MEDIAPIPE33.names[i]}_{a}", ("x", "y", "z", "visibility"))
    lines = text.splitlines()
    lines[0] += "," + ",".join(f"{name}_presence" for name in MEDIAPIPE33.names)
    lines[1:] = [line + ",0.3" * 33 for line in lines[1:]]
    (tmp_path / "v.csv").write_text("\n".join(lines))
    check(tmp_path)


NAMED = {
    "name x": lambda i, a: f"{MEDIAPIPE33.names[i].replace('_', ' ')} {a}",
    "x_name": lambda i, a: f"{a}_{MEDIAPIPE33.names[i]}",
    "name.x": lambda i, a: f"{MEDIAPIPE33.names[i]}.{a}",
    "LEFT_HIP.X": lambda i, a: f"{MEDIAPIPE33.names[i].upper()}.{a.upper()}",
    "leftHip_x": lambda i, a: MEDIAPIPE33.names[i].title().replace("_", "") + f"_{a}",
    "pose_left_hip_x": lambda i, a: f"pose_{MEDIAPIPE33.names[i]}_{a}",
}


@pytest.mark.parametrize("form", NAMED)
def test_names_of_columns(form: str, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(wide(NAMED[form]))
    check(tmp_path)


def test_hands_beside_the_pose(tmp_path: Path) -> None:
    """MediaPipe Holistic numbers the landmarks of hands and face from 0 too."""
    lines = wide(lambda i, a: f"pose_{i}_{a}").splitlines()
    lines[0] += ",left_hand_0_x,face_3_y"
    lines[1:] = [f"{line},9,9" for line in lines[1:]]
    (tmp_path / "v.csv").write_text("\n".join(lines))
    check(tmp_path)
    (tmp_path / "v.csv").write_text("\n".join(lines).replace("left_hand_0_x", "world_0_x"))
    with pytest.raises(InputError, match="'pose_0_x' and 'world_0_x' are both landmark 0's x"):
        read(tmp_path)


def test_rows_longer_than_the_header(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("Frame,Landmark,X,Y,Z,Visibility\n0,0,1,1,1,1,11,1,1,1,1\n")
    with pytest.raises(InputError, match=r"v\.csv: line 2: 11 cells, the header names 6"):
        read(tmp_path)
    text = wide(lambda i, a: f"{a}_{i}").replace("\n", ",\n")  # a comma behind is no cell
    (tmp_path / "v.csv").write_text(text)
    check(tmp_path)


def rows_with(*columns: list[object]) -> str:
    """Eight rows: four frames, twice, with further columns before them."""
    lines = wide(lambda i, a: f"landmark_{i}_{a}").splitlines()
    lines = [lines[0], *lines[1:], *lines[1:]]
    return "\n".join(
        ",".join([*(str(column[i]) for column in columns), line]) for i, line in enumerate(lines)
    )


VIDEOS = ["v0.mp4"] * 4 + ["v1.mp4"] * 4
NUMBERS = ["frame_number", *range(4), *range(4)]


@pytest.mark.parametrize("word", ["file_name", "video", "clip_id", "source"])
@pytest.mark.parametrize("numbered", [True, False])
def test_two_videos_in_one_csv(word: str, numbered: bool, tmp_path: Path) -> None:
    columns = [[word, *VIDEOS], *([NUMBERS] if numbered else [])]
    (tmp_path / "m.csv").write_text(rows_with(*columns))
    with pytest.warns(UserWarning, match="2 videos in one file; a clip each"):
        clips = read(tmp_path)
    assert clips.names == ["m/v0", "m/v1"] and clips.length.tolist() == [4, 4]
    for clip in range(2):
        for t in range(4):
            np.testing.assert_allclose(clips.clip(clip)[t, 0], table(t), rtol=1e-6)


def test_names_of_images_in_a_csv(tmp_path: Path) -> None:
    names = ["image", *(f"{who}_{t:03}.jpg" for who in ("anna", "ben") for t in range(4))]
    (tmp_path / "m.csv").write_text(rows_with(names))
    with pytest.warns(UserWarning, match="2 videos in one file"):
        clips = read(tmp_path)
    assert clips.names == ["m/anna", "m/ben"] and clips.length.tolist() == [4, 4]


def test_frames_that_begin_again(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(rows_with(NUMBERS))
    with pytest.raises(InputError, match=r"line 6: frame 0 comes again; .* a column video"):
        read(tmp_path)
    person = ["person", *[0] * 4, *[1] * 4]
    (tmp_path / "m.csv").write_text(rows_with(NUMBERS, person))
    clips = read(tmp_path, persons=2)
    assert clips.length.tolist() == [4] and clips.joints.any(axis=(2, 3)).all()


@pytest.mark.parametrize("word", ["label", "class", "action"])
def test_a_class_on_every_row(word: str, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(rows_with([word, *["wave"] * 4, *["walk"] * 3, "wave"]))
    with pytest.warns(UserWarning, match="3 runs of one class, a clip each"):
        clips = read(tmp_path)
    assert clips.class_names == ("walk", "wave") and clips.label.tolist() == [1, 0, 1]
    assert clips.names == ["m/wave", "m/walk", "m/wave-2"] and clips.length.tolist() == [4, 3, 1]
    np.testing.assert_allclose(clips.clip(2)[0, 0], table(3), rtol=1e-6)
    whole = read(tmp_path, row_labels="segments")
    assert whole.segments.tolist() == [[0, 0, 4, 1], [0, 4, 7, 0], [0, 7, 8, 1]]
    assert whole.label.tolist() == [-1] and whole.names == ["m"]
    assert read(tmp_path, row_labels="none").class_names == ()


def test_one_class_and_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(rows_with(["class", *[10] * 8]))
    (tmp_path / "b.csv").write_text(rows_with(["class", *[2] * 8]))
    clips = read(tmp_path)
    assert clips.class_names == ("2", "10") and clips.label.tolist() == [1, 0]
    (tmp_path / "sit").mkdir()
    for name in "ab":
        (tmp_path / f"{name}.csv").rename(tmp_path / "sit" / f"{name}.csv")
    assert read(tmp_path, folders="class").class_names == ("sit",)


@pytest.mark.parametrize("word", ["NaN", "nan", "null", "None", "N/A", ""])
def test_a_row_of_nothing(word: str, tmp_path: Path) -> None:
    lines = wide(lambda i, a: f"{MEDIAPIPE33.names[i]}_{a}").splitlines()
    lines[2] = ",".join([word] * 132)
    (tmp_path / "v.csv").write_text("\n".join(lines))
    clip = read(tmp_path).clip(0)
    np.testing.assert_allclose(clip[1, 0], table(1) * [1, 1, 1, 0], rtol=1e-4)
    assert not read(tmp_path, missing="keep").clip(0)[1].any()


def freemocap(scale: float) -> str:
    """A figure that stands along z, in FreeMoCap's columns."""
    header = [f"{name}_{axis}" for name in MEDIAPIPE33.names for axis in "xyz"]
    heights = np.linspace(1700, 50, 33) * scale
    row = [f"{v:g}" for h in heights for v in (100 * scale, 200 * scale, h)]
    return "\n".join(",".join(cells) for cells in (header, row, row))


@pytest.mark.parametrize("scale", [1.0, 0.001])
def test_freemocap_is_millimetres_with_z_up(scale: float, tmp_path: Path) -> None:
    (tmp_path / "mediapipe_body_3d_xyz.csv").write_text(freemocap(scale))
    unit = "millimetres" if scale == 1 else "metres"
    with pytest.warns(UserWarning, match=f"as FreeMoCap writes them: .* {unit} with z up"):
        clips = read(tmp_path)
    nose = np.array([0.1, 1.7, -0.2])
    np.testing.assert_allclose(clips.clip(0)[0, 0, 0], [*nose, 1], rtol=1e-5)
    plain = read(tmp_path, source="mediapipe").clip(0)[0, 0, 0]
    np.testing.assert_allclose(plain[:3], np.array([100, -200, -1700]) * scale, rtol=1e-5)


def test_mediapipe_without_visibility_is_no_freemocap(tmp_path: Path) -> None:
    text = wide(lambda i, a: f"{MEDIAPIPE33.names[i]}_{a}", ("x", "y", "z"))
    rows = text.splitlines()
    standing = ",".join(f"0.5,{y:.3f},0.1" for y in np.linspace(0.1, 0.9, 33))
    (tmp_path / "v.csv").write_text("\n".join([rows[0], standing, standing]))
    np.testing.assert_allclose(read(tmp_path).clip(0)[0, 0, 0], [0.5, -0.1, -0.1, 1], rtol=1e-6)


def test_a_frame_twice_in_json(tmp_path: Path) -> None:
    edit(mediapipe(tmp_path), lambda f: f[3].update(frame=0))
    with pytest.raises(InputError, match="frame 0 stands twice"):
        read(tmp_path)


def test_an_archive_of_one_array_of_landmarks(tmp_path: Path) -> None:
    poses = np.random.default_rng(0).uniform(0.2, 0.8, (4, 33, 4))
    poses[..., 0, 1], poses[..., 27:, 1] = 0.1, 0.9  # y down
    np.savez(tmp_path / "a.npz", landmarks=poses)
    np.save(tmp_path / "a.npy", poses)
    np.testing.assert_array_equal(read(tmp_path / "a.npz").joints, read(tmp_path / "a.npy").joints)
