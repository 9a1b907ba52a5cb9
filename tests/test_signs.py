"""Formats are known by their signs, one each; what is known and not read says what to do."""

import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from pose_files import GOOD

from skelf.data.formats.guess import candidates, recognised
from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.refused import REFUSED
from skelf.data.formats.signs import LOOKED_AT, SIGNS, STORE, Signs, by_suffix
from skelf.data.readers import READERS
from skelf.errors import InputError


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()


STO = b"Coordinates\nversion=1\nnRows=2\nnColumns=3\ninDegrees=yes\nendheader\ntime\tknee\n0\t1\n"
CONTENT = {
    "OpenSim motion or storage": STO,
    "FBX": b"Kaydara FBX Binary  \0\x1a\0",
    "glTF or VRM": b"glTF\2\0\0\0",
    "USD": b"#usda 1.0\n",
    "video": b"\0\0\0\x20ftypisom",
    "picture": b"\x89PNG\r\n\x1a\n\0",
    "Excel workbook": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "MATLAB file": b"MATLAB 5.0 MAT-file, Platform: PCWIN64",
    "ROS bag": b"#ROSBAG V2.0\n",
    "Rokoko CSV": b"Timestamp,"
    + b",".join(
        f"{joint}_{value}".encode()
        for joint in ("Hips", "Spine1", "Head", "LeftArm", "LeftForeArm")
        for value in ("position_x", "position_y", "position_z", "rotation_x", "rotation_w")
    ),
    "Qualisys TSV without 3D positions": b"FILE_VERSION\t2.0.0\nTOT_NO_OF_CHAN\t2\n"
    b"DATA_INCLUDED\tANALOG\nCHANNEL_NAMES\ta\tb\n1\t2\n",
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0,1\n",
    "web page": b"<!DOCTYPE html>\n<html><body>404, not found</body>",
    "Motion Analysis binary": b"File_Type:\tAnalog R/C ASCII\tGeneration#:\t1\n",
    "PyTorch file": zipped("model/data.pkl"),
    "archive": b"\x1f\x8b\x08\0",
    "Acclaim skeleton": b":version 1.10\n:root\n:bonedata\n  begin\n",
}


def test_every_reader_has_its_sign() -> None:
    assert {*SIGNS} == {*READERS.built_in, STORE}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_has_one_sign(name: str, tmp_path: Path) -> None:
    format_, write, _ = GOOD[name]
    file = write(tmp_path)
    assert [found for found, _ in candidates(file)] == [format_]
    assert recognised(file)[1]


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("suffix", ["", ".csv", ".txt"])
def test_what_is_not_read_is_known_by_its_content(kind: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"walk{suffix}"
    file.write_bytes(CONTENT[kind])
    with pytest.raises(InputError, match=rf"walk{suffix}: {kind} is not read; \w"):
        recognised(file)


def test_what_is_not_read_is_known_by_its_name(tmp_path: Path) -> None:
    for kind, refused in REFUSED.items():
        for suffix in refused.suffixes:
            file = tmp_path / f"walk{suffix}"
            file.write_bytes(b"\1\2\3\0\4")
            with pytest.raises(InputError, match=rf"{kind} is not read"):
                recognised(file)
            assert suffix not in LOOKED_AT


def test_no_suffix_is_of_two_kinds() -> None:
    suffixes = [suffix for kind in REFUSED.values() for suffix in kind.suffixes]
    assert len(set(suffixes)) == len(suffixes)


def test_a_sign_of_a_format_goes_before_a_name(tmp_path: Path) -> None:
    file = tmp_path / "walk.mot"
    file.write_text("HIERARCHY\nROOT hips\n")
    assert recognised(file)[0] == "bvh"


def test_two_readings_are_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "walk.bvh"
    file.write_text("HIERARCHY\nROOT hips\n")
    monkeypatch.setitem(SIGNS, "other", Signs("bvh_file.told", (".bvh",)))
    with pytest.raises(InputError) as error:
        recognised(file)
    message = str(error.value)
    assert "bvh (it begins with HIERARCHY" in message
    assert f"skelf data import other {file}" in message
    assert "\n" not in message


def test_a_general_format_takes_what_no_other_claims(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time;hip_x;hip_y\n0;1;2\n")
    assert [name for name, _ in candidates(file)] == ["csv"]
    assert by_suffix(".npz") == "arrays"
    assert by_suffix(".txt") == ""


def test_a_short_list_of_numbers_is_no_skeleton(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("3\n1\n2\n5\n")
    with pytest.raises(InputError, match="no format is known"):
        recognised(file)


def test_utf_16_is_looked_at_as_text(tmp_path: Path) -> None:
    file = tmp_path / "walk.bvh"
    file.write_bytes("HIERARCHY\nROOT hips\n".encode("utf-16"))
    assert Look.at(Member(file)).lines == ["HIERARCHY", "ROOT hips"]


def test_a_name_that_only_one_format_has_counts_more_than_cells(tmp_path: Path) -> None:
    file = tmp_path / "walk.bvh"
    file.write_text("0.1, 2.0, 3.0\n1, 2, 3\n")  # its hierarchy is lost
    assert recognised(file) == ("bvh", "its name ends in .bvh")
    with pytest.raises(InputError, match="no HIERARCHY"):
        READERS["bvh"](file)


def test_labels_of_arrays_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "train_label.pkl").write_bytes(b"\x80\x04]\x94.")
    (tmp_path / "train_data_joint.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="import the array beside it"):
        recognised(tmp_path / "train_label.pkl")
    (tmp_path / "train_data_joint.npy").unlink()
    assert recognised(tmp_path / "train_label.pkl")[0] == "pyskl"
