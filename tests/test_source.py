"""Recordings from any path: formats by what is in files, folders file by file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from skelf.data.clips import ClipSet
from skelf.data.formats.guess import guess
from skelf.data.synthetic.clips import generate
from skelf.data.writers.npz import write_npz
from skelf.data.writers.pyskl import write_pyskl
from skelf.errors import InputError
from skelf.inference.source import each, places, read_data

SHARED = {
    "cmu86/raw/86_01.amc": "amc",
    "kinetics_skeleton_sample/raw/cU1fyH2QssA.json": "kinetics",
    "ntu_samples/raw/S001C001P001R001A001.skeleton": "ntu",
    "pku_mmd_sample/raw/A10N08-L.txt": "pkummd",
    "precog/raw/Seq1_1.csv": "precog",
    "precog/precog.npz": "arrays",
    "bvh_samples/dataset-2_run_masculine_013.bvh": "bvh",
}
POSE = [float(n) for n in range(1, 76)]
JSON = {
    "openpose": {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": POSE}]},
    "alphapose": [{"image_id": "1.jpg", "category_id": 1, "keypoints": POSE[:51], "score": 2.0}],
    "coco": {"images": [{"id": 1}], "annotations": [], "categories": []},
    "kinetics": {"data": [{"frame_index": 1, "skeleton": [{"pose": [], "score": []}]}]},
    "mediapipe": [{"frame": 0, "pose_landmarks": [{"x": 0.5, "y": 0.5, "z": 0, "visibility": 1}]}],
}


def csv(path: Path, frames: int = 12, delimiter: str = ",") -> Path:
    clip = generate(clips=12).clip(0)[:frames, 0]
    names = generate(clips=12).skeleton.names
    head = delimiter.join(f"{name}_{axis}" for name in names for axis in "xyz")
    rows = [delimiter.join(f"{n:.5f}" for n in frame.ravel()) for frame in clip]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.mark.parametrize(("name", "format_"), SHARED.items())
def test_real_files_are_known_by_what_is_in_them(name: str, format_: str, real_data, tmp_path):
    file = real_data("precog").parents[1] / name
    assert guess(file) == format_
    odd = tmp_path / f"recording{file.suffix if format_ == 'precog' else '.dat'}"
    shutil.copy(file, odd)
    assert guess(odd) in (format_, "csv")  # precog's files are known by their names


@pytest.mark.parametrize("format_", JSON)
def test_json_is_known_by_its_keys(format_: str, tmp_path: Path) -> None:
    file = tmp_path / "poses.json"
    file.write_text(json.dumps(JSON[format_]))
    assert guess(file) == format_


def test_tables_and_archives_are_known(tmp_path: Path) -> None:
    assert guess(csv(tmp_path / "a.csv")) == "csv"
    assert guess(csv(tmp_path / "a.txt", delimiter="\t")) == "csv"
    landmarks = [f"{axis}_{n}" for n in range(33) for axis in ("x", "y", "z", "v")]
    (tmp_path / "m.csv").write_text(",".join(["frame", *landmarks]) + "\n")
    assert guess(tmp_path / "m.csv") == "mediapipe"
    clips = generate(clips=12)
    for name, write in (("a.npz", write_npz), ("a.pkl", write_pyskl)):
        write(clips, tmp_path / name)
    clips.save(tmp_path / "a.h5")
    assert [guess(tmp_path / n) for n in ("a.npz", "a.pkl", "a.h5")] == ["arrays", "pyskl", "store"]


def test_what_is_no_recording_says_so(tmp_path: Path) -> None:
    for name, text, match in (
        ("a.json", '{"name": 1}', "no format is known"),
        ("b.json", " ", "empty"),
        ("c.md", "# hello", "say which with --format"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=match):
            guess(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        guess(tmp_path / "gone.csv")


def test_a_store_a_file_and_a_folder_are_read(tmp_path: Path) -> None:
    clips = generate(clips=12)
    clips.save(tmp_path / "a.h5")
    assert read_data(tmp_path / "a.h5").digest() == clips.digest()
    said: list[str] = []
    read = read_data(csv(tmp_path / "walk.csv"), say=said.append)
    assert read.names == ["walk"]
    assert "no mapping.toml" in said[0]
    assert np.allclose(read.joints[:, 0], clips.clip(0)[:12, 0], atol=1e-4)
    with pytest.raises(InputError, match="a store has no options; leave fps=3 out"):
        read_data(tmp_path / "a.h5", options=["fps=3"])
    with pytest.raises(InputError, match="unknown format 'word'"):
        read_data(tmp_path, format="word")


def test_stores_and_archives_of_a_folder_are_one_set(tmp_path: Path) -> None:
    generate(clips=12).take([0, 1]).save(tmp_path / "a.h5")
    generate(clips=12).take([2]).save(tmp_path / "b.h5")
    assert len(read_data(tmp_path)) == 3


def test_a_damaged_file_among_many_is_named_and_passed(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        csv(tmp_path / f"{name}.csv")
    (tmp_path / "b.csv").write_text("hip_x,hip_y,head_x,head_y\n1,2,3,4,5,6\n")
    (tmp_path / "d.csv").write_text("")
    (tmp_path / "notes.csv").write_text("name,remark\na,good\n")
    (tmp_path / "e.bvh").write_bytes(b"HIERARCHY\n\xff\x00")
    said: list[str] = []
    sources = list(each([tmp_path], say=said.append))
    assert [(s.path.name, s.clips is not None) for s in sources] == [
        ("a.csv", True), ("b.csv", False), ("c.csv", True), ("d.csv", False), ("e.bvh", False),
    ]  # fmt: skip
    assert all(str(s.path) in s.problem for s in sources if s.clips is None)
    assert [line for line in said if "passed over" in line] == [
        f"{tmp_path}: passed over: 1 *.csv (notes.csv)"
    ]
    assert sum("no mapping.toml" in line for line in said) == 1  # one speaks for all


def test_a_mapping_above_is_that_of_files_below(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    file = csv(tmp_path / "one" / "walk.csv")
    form = 'layout = "kinect20"\ncolumns = "{joint}_{axis}"\naxes = ["x", "y", "z"]\nfps = 50\n'
    (tmp_path / "mapping.toml").write_text(form)
    (source,) = each([tmp_path])
    assert source.path == file
    assert source.clips is not None
    assert set(source.clips.fps.tolist()) == {50.0}


def test_frames_of_openpose_are_one_recording(tmp_path: Path) -> None:
    for number in range(4):
        file = tmp_path / f"walk_{number:012d}_keypoints.json"
        file.write_text(json.dumps(JSON["openpose"]))
    (place,) = places([tmp_path])
    assert place.format == "openpose"
    (source,) = each([place], options=["fps=25"])
    assert source.clips is not None
    assert (len(source.clips), source.clips.frames_total) == (1, 4)
    assert source.clips.fps[0] == 25


def test_paths_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        places([tmp_path / "gone"])
    with pytest.raises(InputError, match="no recording of a known format in this folder"):
        places([tmp_path])


def test_an_ntu_file_needs_no_name_of_the_set(real_data, tmp_path: Path) -> None:
    folder = real_data("precog").parents[1] / "ntu_samples" / "raw"
    if not folder.is_dir():
        pytest.skip("no sample of NTU RGB+D here")
    shutil.copy(folder / "S001C001P001R001A001.skeleton", tmp_path / "mine.skeleton")
    said: list[str] = []
    (source,) = each([tmp_path], say=said.append)
    assert isinstance(source.clips, ClipSet)
    assert source.clips.names == ["mine"]
    assert said == []
