"""Azure Kinect's JSON and CSV: millimetres with y down become metres with y up, times frames."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.pose_signs import azure as told
from skelf.data.readers.azure import read_azure
from skelf.errors import InputError
from skelf.layouts import AZURE32, NTU25

read = by_keys("azure")
TO_SDK = np.array([1000.0, -1000.0, -1000.0])
HEIGHTS = {
    "PELVIS": 0.0, "SPINE_NAVEL": 0.17, "SPINE_CHEST": 0.3, "NECK": 0.5, "CLAVICLE": 0.48,
    "SHOULDER": 0.45, "ELBOW": 0.2, "WRIST": 0.0, "HAND": -0.06, "HANDTIP": -0.12, "THUMB": -0.04,
    "HIP": -0.02, "KNEE": -0.42, "ANKLE": -0.8, "FOOT": -0.85, "HEAD": 0.57, "NOSE": 0.62,
    "EYE": 0.65, "EAR": 0.64,
}  # fmt: skip
WIDTHS = {"CLAVICLE": 0.05, "HIP": 0.1, "KNEE": 0.11, "ANKLE": 0.12, "FOOT": 0.13, "EYE": 0.03}
FORWARD = {"NOSE": 0.12, "EYE": 0.1, "FOOT": 0.15, "HANDTIP": 0.03}


def figure(at: float = 0.0, away: float = 2.0) -> np.ndarray:
    """Somebody who faces the camera: `(32, 3)` in metres, y up and z towards it."""
    points = []
    for name in AZURE32.names:
        part, _, side = name.rpartition("_")
        part = part if side in ("LEFT", "RIGHT") else name
        width = {"LEFT": 1, "RIGHT": -1}.get(side, 0) * WIDTHS.get(part, 0.18)
        points.append([at + width, HEIGHTS[part], FORWARD.get(part, 0.0) - away])
    return np.array(points)


def walk(frames: int) -> np.ndarray:
    return np.array([figure(at=0.02 * t) for t in range(frames)])


def body(points: np.ndarray, number: int = 1) -> dict[str, Any]:
    """A body as the SDK's sample writes it."""
    return {
        "body_id": number,
        "joint_positions": (points * TO_SDK).tolist(),
        "joint_orientations": [[1.0, 0.0, 0.0, 0.0]] * len(points),
    }


def recording(frames: list[list[dict[str, Any]]], **fields: Any) -> dict[str, Any]:
    return {
        "k4abt_sdk_version": "1.1.2",
        "source_file": "walk.mkv",
        "joint_names": list(AZURE32.names),
        "bone_list": [["SPINE_CHEST", "SPINE_NAVEL"]],
        "frames": [
            {
                "frame_id": t,
                "timestamp_usec": 1_000_000 + round(t * 1e6 / 30),
                "num_bodies": len(bodies),
                "bodies": bodies,
            }
            for t, bodies in enumerate(frames)
        ],
    } | fields


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, indent=1))
    return path


def look(path: Path) -> str:
    return told(Look.at(Member(path)))


def test_the_sdks_sample(tmp_path: Path) -> None:
    want = walk(6)
    file = write(tmp_path / "walk.json", recording([[body(points)] for points in want]))
    assert "k4abt_sdk_version" in look(file)
    clips = read(file, persons=1)
    assert clips.skeleton is AZURE32 and clips.attributes["unit"] == "metre"
    assert clips.fps.tolist() == [30] and clips.length.tolist() == [6]
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :3], want, atol=1e-6)
    assert (clips.joints[..., 3] == 1).all()
    head, foot = AZURE32.names.index("HEAD"), AZURE32.names.index("FOOT_LEFT")
    assert clips.joints[0, 0, head, 1] > clips.joints[0, 0, foot, 1]


def test_gaps_and_missing_frames(tmp_path: Path) -> None:
    want = walk(8)
    content = recording([[body(points)] if t != 3 else [] for t, points in enumerate(want)])
    del content["frames"][5]  # a capture without a depth image is left out, and its number counts
    clips = read(write(tmp_path / "a.json", content), persons=1)
    assert clips.length.tolist() == [8]
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :3], want, atol=1e-6)  # on the line between
    assert not clips.clip(0)[[3, 5], 0, :, 3].any()
    dropped = recording([[body(points)] for points in want])
    for number, frame in enumerate(dropped["frames"]):  # numbered as they came, three dropped
        frame["timestamp_usec"] += 100_000 * (number > 4)
    with pytest.warns(UserWarning, match="3 frames are missing by the time stamps"):
        clips = read(write(tmp_path / "a.json", dropped), persons=1)
    assert clips.length.tolist() == [11] and clips.fps.tolist() == [30]


@pytest.mark.parametrize(("step", "fps"), [(66_667, 15), (0.033, 30), (200.0, 5), (47.5, 21.053)])
def test_the_rate_is_the_time_stamps(step: float, fps: float, tmp_path: Path) -> None:
    content = recording([[body(figure())]] * 20)
    for number, frame in enumerate(content["frames"]):
        frame["timestamp_usec"] = number * step
    assert read(write(tmp_path / "a.json", content)).fps[0] == pytest.approx(fps, rel=2e-2)
    for frame in content["frames"]:
        frame["timestamp_usec"] = 0  # as some recorders write all of them
    with pytest.warns(UserWarning, match="no time stamps that tell the frame rate"):
        assert read(write(tmp_path / "a.json", content), fps=12).fps.tolist() == [12]


def test_levels_are_confidences(tmp_path: Path) -> None:
    one = body(figure()) | {"joint_confidences": [0, 1, 2, 3] * 8}
    clip = read(write(tmp_path / "a.json", recording([[one]])), persons=1, missing="keep").clip(0)
    assert clip[0, 0, :4, 3].tolist() == [0, 0.5, 1, 1] and not clip[0, 0, 0].any()
    words = ["K4ABT_JOINT_CONFIDENCE_LOW", "Medium", "JointConfidenceLevel.High", "None"] * 8
    one["joint_confidences"] = words
    clip = read(write(tmp_path / "a.json", recording([[one]])), persons=1, missing="keep").clip(0)
    assert clip[0, 0, :4, 3].tolist() == [0.5, 1, 1, 0]


def test_two_bodies_keep_their_numbers(tmp_path: Path) -> None:
    near, far = figure(at=-1), figure(at=1)
    frames = [[body(near, 7), body(far, 3)][:: (-1) ** t] for t in range(6)]
    clip = read(write(tmp_path / "a.json", recording(frames))).clip(0)
    assert sorted(np.ptp(clip[..., 0, 0], axis=0)) == [0, 0]
    merged = [  # some recorders put all bodies of a frame in one, with the last one's number
        [{"body_id": 3, "joint_positions": a["joint_positions"] + b["joint_positions"]}]
        for a, b in frames
    ]
    merged[2] = [None]  # type: ignore[list-item]  # nobody
    with pytest.warns(UserWarning, match="5 frames hold their bodies in one list"):
        clip = read(write(tmp_path / "b.json", recording(merged))).clip(0)
    centres = clip[..., 0, 0]
    assert sorted(np.ptp(centres, axis=0)) == [0, 0] and (np.ptp(centres, axis=1) == 2).all()


def objects(points: np.ndarray) -> dict[str, Any]:
    x, y, z = (points * TO_SDK).T
    return {
        name: {"position": {"x": x[i], "y": y[i], "z": z[i]}, "confidence_level": 2}
        for i, name in enumerate(AZURE32.names)
    }


def test_other_programs_forms(tmp_path: Path) -> None:
    want = figure()
    named = objects(want)
    shuffled = dict(reversed(named.items()))
    listed = [{"name": name.title().replace("_", ""), **value} for name, value in shuffled.items()]
    flat = [list(value["position"].values()) for value in named.values()]
    spoken = {
        " ".join(reversed(name.lower().split("_"))) if name.endswith(("LEFT", "RIGHT")) else name: v
        for name, v in named.items()
    }  # "left hand"
    forms: list[object] = [
        [{"bodies": [{"body_id": 1, "joints": listed}]}],
        {"frames": [{"bodies": [{"id": 1, "joints": flat}]}]},
        {"frames": [{"bodies": {"1": {"joints": shuffled}}}]},
        {"frames": [{"bodies": [{"skeleton": {"joints": listed}}]}]},
        [shuffled],
        [{"bodies": [spoken]}],
        {"joint_names": [*reversed(AZURE32.names)],
         "frames": [{"bodies": [{"joint_positions": flat[::-1]}]}]},
    ]  # fmt: skip
    for form in forms:
        with pytest.warns(UserWarning, match="frame rate"):
            clip = read(write(tmp_path / "a.json", form), persons=1).clip(0)
        np.testing.assert_allclose(clip[0, 0, :, :3], want, atol=1e-6)


def test_axes_and_unit_of_other_programs(tmp_path: Path) -> None:
    want = figure()

    def of(factor: list[float], **options: Any) -> np.ndarray:
        one = {"body_id": 1, "joint_positions": (want * factor).tolist()}
        file = write(tmp_path / "a.json", {"frames": [{"bodies": [one]}]})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(file, persons=1, **options).clip(0)[0, 0, :, :3]

    for factor in ([1000, -1000, -1000], [1, -1, -1], [1, 1, -1], [1000, 1000, -1000]):
        np.testing.assert_allclose(of(factor), want, atol=1e-6)  # the third: Unity's, left-handed
    np.testing.assert_allclose(of([1, 1, 1], axes="y-up"), want, atol=1e-6)
    for factor, match in (([1, 1, 1], "heads are above"), ([-1, -1, -1], "mirrored")):
        with pytest.raises(InputError, match=match):
            of(factor)
    lying = recording([[body(want[:, [1, 0, 2]] * [1, -1, 1])]])  # the SDK's own are never guessed
    clip = read(write(tmp_path / "b.json", lying), persons=1).clip(0)
    np.testing.assert_allclose(clip[0, 0, :, :3], want[:, [1, 0, 2]] * [1, -1, 1], atol=1e-6)


def test_kinect_2(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(25, 3)).round(3)
    joints = [
        {"depthX": 0.5, "cameraX": x, "cameraY": y, "cameraZ": z, "orientationW": 0.1}
        for x, y, z in points.tolist()
    ]
    bodies = [{"bodyIndex": 0, "tracked": False},
              {"bodyIndex": 4, "tracked": True, "trackingId": "72057594037928283",
               "joints": joints}]  # fmt: skip
    file = write(tmp_path / "a.json", [{"bodies": bodies}] * 3)
    assert "Kinect 2" in look(file)
    with pytest.warns(UserWarning, match="frame rate"):
        clips = read(file, persons=1)
    assert clips.skeleton is NTU25
    np.testing.assert_allclose(clips.clip(0)[2, 0, :, :3], points, atol=1e-6)


def table(header: list[str], rows: list[list[object]]) -> str:
    return "\n".join(",".join(map(str, row)) for row in [header, *rows])


def test_tables(tmp_path: Path) -> None:
    want = walk(4)
    sdk = want * TO_SDK
    file = tmp_path / "a.csv"
    names = ["SPINE_NAVAL" if name == "SPINE_NAVEL" else name for name in AZURE32.names]
    file.write_text(table([f"{name}.{axis}" for name in names for axis in "xyz"],
                          [frame.reshape(-1).tolist() for frame in sdk]))  # fmt: skip
    assert "PELVIS" in look(file)
    with pytest.warns(UserWarning, match="frame rate"):
        clips = read(file, persons=1)
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :3], want, atol=1e-5)
    spelt = ["".join(word.title() for word in name.split("_")) for name in AZURE32.names]
    cells = [[" ".join(map(str, point)) for point in frame.tolist()] for frame in sdk / 1000]
    file.write_text("\ufeff" + table(spelt, cells))
    with pytest.warns(UserWarning, match="positions are metres"):
        clips = read(file, persons=1)
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :3], want, atol=1e-5)
    header = ["timestamp_us", "body_id", *(f"{n}_{a}" for n in AZURE32.names for a in "xyz")]
    rows = [[1000 + 33_333 * t, number, *(sdk[t] + offset).reshape(-1).tolist()]
            for t in range(4) for number, offset in ((5, 0), (2, [900, 0, 0]))]  # fmt: skip
    file.write_text(table(header, rows))
    clips = read(file)
    assert clips.length.tolist() == [4] and clips.fps.tolist() == [30]
    centres = clips.clip(0)[..., 0, 0]
    np.testing.assert_allclose(np.ptp(centres, axis=1), 0.9, atol=1e-5)
    file.write_text(table(header[2:5], [[1, 2, 3]]))
    with pytest.raises(InputError, match=r"not x, y and z of all of Azure Kinect's 32 joints"):
        read(file)


def test_what_is_refused(tmp_path: Path) -> None:
    def refused(content: object) -> str:
        with pytest.raises(InputError) as error:
            read(write(tmp_path / "a.json", content))
        assert "\n" not in str(error.value)
        return str(error.value)

    good = recording([[body(figure())]])
    assert "no bodies in it" in refused({"frames": [{"a": 1}]})
    assert "not the 32 of Azure Kinect" in refused(good | {"joint_names": ["hip"] * 32})
    few = json.loads(json.dumps(good))
    few["frames"][0]["bodies"][0]["joint_positions"].pop()
    assert "31 joints; Azure Kinect has 32" in refused(few)
    few["frames"][0]["bodies"][0]["joint_positions"][3] = [1, 2]
    assert "2 numbers, expected x, y, z" in refused(few)
    assert "no frames" in refused({"frames": []})
    for raw in (b"", b"{", b"\xff\xfe\x00a"):
        (tmp_path / "a.json").write_bytes(raw)
        with pytest.raises(InputError, match=r"a\.json"):
            read(tmp_path)
    assert not look(write(tmp_path / "b.json", {"bodies": [], "joints": []}))


@pytest.mark.slow
def test_damaged_files(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", recording([[body(points)] for points in walk(2)]))
    assert survives(read_azure, tmp_path, file)[1] > 100
