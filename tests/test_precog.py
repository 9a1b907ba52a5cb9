from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from pose_files import body, precog

from skelf.data.readers import READERS
from skelf.data.readers.precog import Precog
from skelf.errors import InputError
from skelf.layouts import KINECT20

read = READERS["precog"]


def test_the_real_recordings(real_data: Callable[[str], Path]) -> None:
    """Joints and segments equal the known set; there, subjects and scripts count from 0."""
    path = real_data("precog")
    clips = read(path.parent / "raw")
    assert clips.names == ["Seq1_1", "Seq4_7", "Seq6_12"]
    assert clips.skeleton is KINECT20 and clips.attributes["licence"] == "MIT"
    assert clips.label.tolist() == [-1] * 3 and clips.fps.tolist() == [30] * 3
    with np.load(path) as known:
        names, offsets = known["names"].tolist(), known["offsets"]
        assert clips.class_names == tuple(known["class_names"])
        for i, name in enumerate(clips.names):
            at = names.index(name)
            frames = known["frames"][offsets[at] : offsets[at + 1]]
            assert clips.clip(i).tobytes() == frames.tobytes()
            mine = clips.segments[clips.segments[:, 0] == i, 1:]
            np.testing.assert_array_equal(
                mine, known["intervals"][known["intervals"][:, 0] == at, 1:]
            )
            assert clips.subject[i] == known["subjects"][at] + 1
            assert clips.columns["script"][i] == known["scripts"][at] + 1


def test_values(tmp_path: Path) -> None:
    file = precog(tmp_path)
    shutil.copy(file, tmp_path / "Seq2_10.csv")
    shutil.copy(file, tmp_path / "Seq1_11.csv")
    (tmp_path / "notes.csv").write_text("not a recording")
    clips = read(tmp_path)
    assert clips.names == ["Seq1_11", "Seq2_5", "Seq2_10"] and clips.subject.tolist() == [11, 5, 10]
    assert clips.columns["script"].tolist() == [1, 2, 2]
    assert clips.segments.tolist() == [[i, 1, 3, 1] for i in range(3)]
    np.testing.assert_allclose(clips.clip(1)[2, 0, :, :2], body(20, 2)[:, :2] / 100, atol=6e-5)
    assert (clips.joints[..., 2] == np.float32(2.9)).all() and clips.skeleton is KINECT20


def test_segments_at_the_ends(tmp_path: Path) -> None:
    file = precog(tmp_path)
    lines = file.read_text().splitlines()
    codes = "1183"
    file.write_text(
        "\n".join(
            [lines[0], *(f"{line[:-1]}{c}" for line, c in zip(lines[1:], codes, strict=True))]
        )
    )
    assert read(file).segments[:, 1:].tolist() == [[0, 2, 0], [2, 3, 7], [3, 4, 2]]
    file.write_text("\n".join([lines[0], *(f"{line[:-1]}0" for line in lines[1:])]))
    assert len(read(file).segments) == 0


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("HipCenter", "Hip", "line 1: 20 joints Hip, Spine"),
        ("; FootRight", "", "line 1: 19 joints"),
        (";2\n", ";9\n", "line 3: action code '9'; use 0 to 8"),
        (";2\n", ";punch\n", "line 3: action code 'punch'"),
        (";2\n", "\n", "line 3: 20 cells, not 20 joints and a code"),
        (";2\n", ";2;2\n", "line 3: 22 cells"),
        (" 2.9;", ";", "line 2: HipCenter: .* is not x y z"),
        (" 2.9;", " two;", "line 2: HipCenter: 'two' is no finite number"),
        (" 2.9;", " 1e99;", "line 2: HipCenter: '1e99' is no finite number"),
    ],
)
def test_refusals(old: str, new: str, match: str, tmp_path: Path) -> None:
    file = precog(tmp_path)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=match):
        read(tmp_path)


def test_another_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="20 joints, the layout 'ntu25' differs"):
        read(precog(tmp_path), "ntu25")
    (tmp_path / "Seq2_5.csv").rename(tmp_path / "mine.csv")
    with pytest.raises(InputError, match=r"no Seq<script>_<subject>\.csv"):
        read(tmp_path)


def test_recordings_that_are_there_twice(tmp_path: Path) -> None:
    file = precog(tmp_path)
    shutil.copy(file, tmp_path / f"old_{file.name}")  # another name: no recording
    with ZipFile(tmp_path / "again.zip", "w") as archive:
        archive.write(file, file.name)
    with pytest.warns(UserWarning, match=r"1 files are there twice .*again\.zip"):
        clips = read(tmp_path)
    assert clips.names == [file.stem]


def test_numbers_that_are_nan(tmp_path: Path) -> None:
    file = precog(tmp_path)
    whole = read(tmp_path).joints
    lines = file.read_text().splitlines()
    lines[2] = "nan nan nan" + lines[2][lines[2].index(";") :]
    file.write_text("\n".join(lines))
    np.testing.assert_allclose(read(tmp_path).joints, whole, atol=1e-4)  # it moves evenly
    assert not READERS["precog"](tmp_path, None, Precog(missing="keep")).joints[1, 0, 0].any()
