"""`data import auto`: what a path is taken for, a mixed folder as a question, what is left out."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pose_files import GOOD
from test_cli_data import good, refused

from skelf.data.auto import left_out, read_found, recognise
from skelf.data.clips import ClipSet
from skelf.data.formats.members import Member
from skelf.data.readers import READERS
from skelf.data.survey import survey
from skelf.errors import InputError
from skelf.inference.source import each

BVH = """HIERARCHY
ROOT hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT chest
  {
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 10 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.033333
0 90 0 0 0 0 0 0 0
1 90 0 0 0 0 0 0 0
"""


def bvh(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(BVH)


@pytest.mark.parametrize("name", GOOD)
def test_auto_reads_what_the_format_reads(name: str, tmp_path: Path) -> None:
    format_, write, in_folder = GOOD[name]
    file = write(tmp_path)
    found = recognise(tmp_path if in_folder else file)
    assert found.format == format_
    assert found.left_out == ""
    assert read_found(found).digest() == READERS[format_](tmp_path if in_folder else file).digest()


def test_auto_on_the_command_line(tmp_path: Path) -> None:
    bvh(tmp_path / "walks", "a.bvh", "b.bvh")
    (tmp_path / "walks" / "a.fbx").write_bytes(b"Kaydara FBX Binary  \0")
    (tmp_path / "walks" / "notes.txt").write_text("left knee hurts")
    (tmp_path / "walks" / "README.md").write_text("what this is")
    out = tmp_path / "walks" / "s.h5"
    text = " ".join(good("import", "auto", tmp_path / "walks", "--out", out, "up=y").split())
    assert "walks: taken for bvh: it begins with HIERARCHY, as BVH does (a.bvh)" in text
    assert "walks: left out: 1 FBX (a.fbx), 1 *.txt (notes.txt)" in text
    assert ClipSet.open(out).names == ["a", "b"]
    text = good("import", "auto", tmp_path / "walks", "--out", out, "--force")  # itself passed over
    assert ".h5)" not in text
    wrong = refused("import", "auto", tmp_path / "walks", "--out", out, "--force", "persons=2")
    assert "persons" in wrong and "bvh" in wrong


def test_several_formats_are_a_question(tmp_path: Path) -> None:
    bvh(tmp_path, "a.bvh", "b.bvh", "c.bvh", "d.bvh")
    GOOD["mediapipe csv"][1](tmp_path)
    text = refused("import", "auto", tmp_path, "--out", tmp_path / "s.h5")
    assert "4 of bvh (a.bvh, b.bvh, c.bvh, ...), 1 of mediapipe (video1.csv)" in text
    assert f"skelf data import mediapipe {tmp_path} ..." in text


def test_a_named_format_says_what_it_left_out(tmp_path: Path) -> None:
    bvh(tmp_path / "in", "a.bvh")
    (tmp_path / "in" / "deep").mkdir()
    for name in ("1.c3d", "2.c3d", "deep/3.c3d", "deep/4.c3d", "x.mp4", ".hidden"):
        (tmp_path / "in" / name).write_bytes(b"\0")
    text = " ".join(good("import", "bvh", tmp_path / "in", "--out", tmp_path / "s.h5").split())
    assert "left out: 4 of c3d (1.c3d, 2.c3d, 3.c3d, ...), 1 *.mp4 (x.mp4)" in text
    assert left_out("bvh", tmp_path / "in" / "a.bvh") == ""
    (tmp_path / "in" / "labels.csv").write_text("name,label\na,walk\n")
    text = good(
        "import", "bvh", tmp_path / "in", "--out", tmp_path / "t.h5",
        f"labels={tmp_path / 'in' / 'labels.csv'}",
    )  # fmt: skip
    assert "labels.csv" not in text


def test_what_cannot_be_read_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    with pytest.raises(InputError, match=r"no recording .* there are 1 video \(walk\.mp4\)"):
        recognise(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        recognise(tmp_path / "gone")
    bvh(tmp_path / "b", "a.bvh")
    good("import", "bvh", tmp_path / "b", "--out", tmp_path / "s.h5")
    with pytest.raises(InputError, match="nothing to import"):
        recognise(tmp_path / "s.h5")


def test_files_that_are_sets_are_joined(tmp_path: Path) -> None:
    bvh(tmp_path / "b", "a.bvh")
    good("import", "bvh", tmp_path / "b", "--out", tmp_path / "s.h5")
    (tmp_path / "sets").mkdir()
    for name in ("one", "two"):
        good("export", tmp_path / "s.h5", "--out", tmp_path / "sets" / f"{name}.npz")
    assert len(read_found(recognise(tmp_path / "sets"))) == 2


def test_the_fields_arrays_are_one_set(tmp_path: Path) -> None:
    for side in ("train", "val"):
        np.save(tmp_path / f"{side}_data_joint.npy", np.ones((2, 3, 4, 25, 2), np.float32))
    np.save(tmp_path / "other.npy", np.ones((4, 25, 3)))
    found = recognise(tmp_path)
    assert (found.format, found.paths) == ("arrays", (tmp_path,))
    assert found.left_out == "1 *.npy (other.npy)"


def test_skeletons_of_own_names_need_no_option(tmp_path: Path) -> None:
    body = "7 0 0 0 0 0 0 0 0 2\n25\n" + "0.1 0.2 3 0 0 0 0 0 0 0 0 2\n" * 25
    (tmp_path / "wave.skeleton").write_text("2\n" + ("1\n" + body) * 2)
    for path in (tmp_path, tmp_path / "wave.skeleton"):
        assert read_found(recognise(path)).names == ["wave"]
    assert recognise(tmp_path).words == ("folders=class",)
    shutil.move(tmp_path / "wave.skeleton", tmp_path / "S001C001P001R001A004.skeleton")
    assert recognise(tmp_path).words == ()


def test_many_files_of_one_kind_are_looked_at_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bvh(tmp_path, *(f"take{number}.bvh" for number in range(50)))
    calls: list[Member] = []
    head = Member.head
    monkeypatch.setattr(Member, "head", lambda self, n: calls.append(self) or head(self, n))
    assert len(survey(tmp_path).formats["bvh"]) == 50
    assert len(calls) == 2


def test_a_group_that_differs_is_looked_at_one_by_one(tmp_path: Path) -> None:
    bvh(tmp_path, "take1.bvh", "take2.bvh")
    (tmp_path / "take9.bvh").write_bytes(b"Kaydara FBX Binary  \0")
    found = survey(tmp_path)
    assert (len(found.formats["bvh"]), len(found.refused["FBX"])) == (2, 1)


def test_a_zip_is_looked_into(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "walks.zip", "w") as archive:
        archive.writestr("in/a.skeleton", "1\n0\n")
        archive.writestr("in/clip.mp4", b"\0\0\0\x20ftypisom")
    found = survey(tmp_path / "walks.zip")
    assert ([*found.formats], [*found.refused]) == (["ntu"], ["video"])
    assert recognise(tmp_path / "walks.zip").left_out == "1 video (clip.mp4)"


def test_predictions_of_a_mixed_folder_say_what_is_passed_over(tmp_path: Path) -> None:
    bvh(tmp_path, "a.bvh")
    (tmp_path / "b.glb").write_bytes(b"glTF\2\0\0\0")
    said: list[str] = []
    assert [source.path.name for source in each([tmp_path], say=said.append)] == ["a.bvh"]
    assert f"{tmp_path}: passed over: 1 glTF or VRM (b.glb)" in said
