"""BVH against independently computed positions, a slow reference, and hostile files."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import survives
from scipy.spatial.transform import Rotation

from skelf.cli import main as cli
from skelf.data.clips import ClipSet
from skelf.errors import InputError

read = by_keys("bvh")

# Channels of every kind: none, rotation first, two axes, one position, and an end site.
HEAD = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Yrotation Zposition Xrotation Xposition Zrotation Yposition
  JOINT LeftUpLeg
  {
    OFFSET 0.5 -10 0
    CHANNELS 2 zrotation XROTATION
    JOINT LeftFoot {
      OFFSET 0 -40 1e0
      CHANNELS 1 Yposition
      End Site
      {
        OFFSET 0 0 5
      }
    }
  }
  JOINT RightUpLeg
  {
    OFFSET -0.5 -10 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    JOINT RightFoot
    {
      OFFSET 0 -40 1
      CHANNELS 0
    }
  }
}
"""
ROWS = np.random.default_rng(0).uniform(-90, 90, (4, 12)).round(4)


def motion(rows: np.ndarray = ROWS, time: str = "0.0333333", frames: object = None) -> str:
    count = len(rows) if frames is None else frames
    lines = [" ".join(f"{value:g}" for value in row) for row in rows]
    return "\n".join(["MOTION", f"Frames: {count}", f"Frame Time:\t{time}", *lines]) + "\n"


GOOD = HEAD + motion()


def changed(row: int, value: float) -> np.ndarray:
    rows = ROWS.copy()
    rows[row, 3] = value
    return rows


def write(folder: Path, text: str | bytes = GOOD, name: str = "a.bvh") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def reference(row: np.ndarray) -> np.ndarray:
    """The five joints and the end site of one frame, by hand."""

    def turn(axes: str, *degrees: float) -> Any:
        return Rotation.from_euler(axes, degrees, degrees=True)

    hips = np.array([row[3], row[5], row[1]])
    root = turn("YXZ", row[0], row[2], row[4])
    left = hips + root.apply([0.5, -10, 0])
    thigh = root * turn("ZX", row[6], row[7])
    foot = left + thigh.apply([0, row[8], 1])  # its Y offset is replaced, the others stay
    right = hips + root.apply([-0.5, -10, 0])
    other = root * turn("XYZ", *row[9:12])
    toe = foot + thigh.apply([0, 0, 5])
    return np.stack([hips, left, foot, toe, right, right + other.apply([0, -40, 1])])


def test_any_channels_against_a_slow_reference(tmp_path: Path) -> None:
    clips = read(write(tmp_path), ends=True)
    assert clips.skeleton.names == (
        *("Hips", "LeftUpLeg", "LeftFoot", "LeftFoot_end", "RightUpLeg", "RightFoot"),
    )
    assert clips.skeleton.parents == (-1, 0, 1, 2, 0, 4)
    expected = 0.01 * np.stack([reference(row) for row in ROWS])
    np.testing.assert_allclose(clips.joints[:, 0], expected, atol=1e-6)
    assert clips.fps.tolist() == [30] and clips.names == ["a"] and clips.path is None
    assert clips.attributes == {
        "title": "a", "source": "a.bvh", "unit": "metre", "up": "y", "scale": "0.01",
    }  # fmt: skip


def test_layout_by_names(tmp_path: Path) -> None:
    s = read(write(tmp_path)).skeleton
    assert s.names == ("Hips", "LeftUpLeg", "LeftFoot", "RightUpLeg", "RightFoot")
    assert s.pairs == ((1, 3), (2, 4)) and s.centre == 0
    assert s.parts == {"trunk": (0,), "left_leg": (1, 2), "right_leg": (3, 4)}


@pytest.mark.parametrize(
    ("written", "fps"),
    [
        *(("0.0333333", 30), ("0.033333", 30), ("0.00833333", 120), ("0.008333", 120)),
        *(("0.0416667", 24), ("0.0333667", 30_000 / 1001), ("0.01", 100), (".04", 25)),
        *(("1.6666667e-2", 60), ("0.037", 27), ("0.0371", 1 / 0.0371)),
    ],
)
def test_frame_time_means_a_whole_rate_within_its_digits(
    tmp_path: Path, written: str, fps: float
) -> None:
    assert read(write(tmp_path, HEAD + motion(time=written))).fps == np.float32(fps)


def test_options(tmp_path: Path) -> None:
    path = write(tmp_path)
    plain = read(path).joints[:, 0]
    np.testing.assert_allclose(read(path, scale=1.0).joints[:, 0], 100 * plain, rtol=1e-5)
    turned = read(path, up="z").joints[:, 0]
    np.testing.assert_array_equal(turned, plain[..., [0, 2, 1]] * np.float32([1, 1, -1]))
    slow = read(path, fps=15, filtered=False)
    np.testing.assert_array_equal(slow.joints[:, 0], plain[::2])
    assert slow.fps == 15
    bare = read(path, drop="*foot, left*")
    assert bare.skeleton.names == ("Hips", "RightUpLeg")
    np.testing.assert_array_equal(bare.joints[:, 0], plain[:, [0, 3]])
    joined = read(path, drop=("*UpLeg",)).skeleton
    assert joined.names == ("Hips", "LeftFoot", "RightFoot") and joined.parents == (-1, 0, 0)
    named = read(path, rename={"LeftFoot": "l_toe", "RightFoot": "r_toe"}).skeleton
    assert named.names == ("Hips", "LeftUpLeg", "l_toe", "RightUpLeg", "r_toe")


def test_a_given_layout_takes_joints_by_name(tmp_path: Path) -> None:
    toml = tmp_path / "two.toml"
    toml.write_text('names = ["rightfoot", "HIPS"]\nparents = ["HIPS", ""]\ncentre = "HIPS"\n')
    path = write(tmp_path)
    clips = read(path, str(toml))
    assert clips.skeleton.names == ("rightfoot", "HIPS") and clips.skeleton.name == "two"
    np.testing.assert_array_equal(clips.joints, read(path).joints[:, :, [4, 0]])
    with pytest.raises(InputError, match=r"a\.bvh: no joint 'HipCenter', .*'kinect20' needs"):
        read(path, "kinect20")


def test_a_shared_prefix_goes_and_sides_may_stand_in_the_middle(tmp_path: Path) -> None:
    text = GOOD
    for old, new in (
        *(("ROOT Hips", "ROOT rig:Bip01 Pelvis"), ("LeftUpLeg", "rig:Bip01 L Thigh")),
        *(("LeftFoot", "rig:Bip01 L Foot"), ("RightUpLeg", "rig:Bip01 R Thigh")),
        ("RightFoot", "rig:Bip01 R Foot"),
    ):
        text = text.replace(old, new)
    s = read(write(tmp_path, text)).skeleton
    assert s.names[:2] == ("Bip01 Pelvis", "Bip01 L Thigh")
    assert s.pairs == ((1, 3), (2, 4)) and s.parts["left_leg"] == (1, 2)


def test_a_folder_is_read_sorted_with_classes(tmp_path: Path) -> None:
    for name in ("walk/b.bvh", "walk/a.BVH", "jump/deep/c.bvh", "d.bvh"):
        write(tmp_path, name=name)
    write(tmp_path, "no motion", "walk/readme.txt")
    seen: list[tuple[int, int]] = []
    clips = read(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert clips.names == ["d", "jump/deep/c", "walk/a", "walk/b"]
    assert clips.class_names == ("deep", "walk") and clips.label.tolist() == [-1, 0, 1, 1]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)] and clips.length.tolist() == [4] * 4
    assert read(tmp_path, folders="none").class_names == ()
    with pytest.warns(UserWarning, match=r"no number each .* deep = 0, walk = 1; .*folders=class"):
        assert read(tmp_path, folders="subject").subject.tolist() == [-1, 0, 1, 1]
    (tmp_path / "walk").rename(tmp_path / "07")
    (tmp_path / "jump/deep").rename(tmp_path / "12")
    assert read(tmp_path, folders="subject").subject.tolist() == [7, 7, 12, -1]
    (tmp_path / "07").rename(tmp_path / "Actor_03")
    (tmp_path / "12").rename(tmp_path / "S05 left")  # the number that the name has, not the order
    assert read(tmp_path, folders="subject").subject.tolist() == [3, 3, 5, -1]
    (tmp_path / "S05 left").rename(tmp_path / "S03")  # one number, two folders
    with pytest.warns(UserWarning, match="Actor_03 = 0, S03 = 1"):
        assert read(tmp_path, folders="subject").subject.tolist() == [0, 0, 1, -1]


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    try:
        write(tmp_path, name="w\udcffk/a\udcfe.bvh")
        write(tmp_path, name="w\udcfek/b.bvh")
    except OSError:
        pytest.skip("this file system refuses such names")
    with pytest.warns(UserWarning, match=r"b\.bvh \(and 1 more files\): .* Latin-1"):
        clips = read(tmp_path)
    clips.save(tmp_path / "x.h5")
    clips = ClipSet.open(tmp_path / "x.h5")
    assert clips.names == ["wþk/b", "wÿk/aþ"] and clips.class_names == ("wþk", "wÿk")  # none lost


def test_another_skeleton_in_a_folder_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, GOOD.replace("RightFoot", "RFoot"), "b.bvh")
    with pytest.raises(InputError, match=r"b\.bvh: another skeleton than a\.bvh .*'RFoot'"):
        read(tmp_path)
    assert len(read(tmp_path, drop="r*foot")) == 2  # what differs is left out
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.bvh").rename(tmp_path / "sub/a.bvh")
    with pytest.raises(InputError, match=rf"sub/a\.bvh: .* than {tmp_path}/a\.bvh .*data map"):
        read(tmp_path)


def test_a_joint_that_stands_twice(tmp_path: Path) -> None:
    twice = GOOD.replace("RightFoot", "LeftFoot")
    assert twice != GOOD
    toml = tmp_path / "feet.toml"
    toml.write_text('names = ["leftfoot"]\nparents = [""]\ncentre = "leftfoot"\n')
    for layout in (None, str(toml)):
        with pytest.raises(InputError, match=r"a\.bvh: .*twice|a\.bvh: .*differ"):
            read(write(tmp_path, twice), layout)


def test_choices_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    write(tmp_path, "nothing of the kind")
    with pytest.raises(
        InputError, match=r"mocap\.up: Input should be 'y', '-y', 'z' or '-z', got 'x'"
    ):
        read(tmp_path, up="x")
    with pytest.raises(InputError, match=r"bvh\.folders: Input should be 'class', .* got 'clas'"):
        read(tmp_path, folders="clas")


def test_joints_in_another_order_are_one_skeleton(tmp_path: Path) -> None:
    write(tmp_path)
    tail = HEAD.index("  JOINT RightUpLeg")
    left, right = HEAD[HEAD.index("  JOINT LeftUpLeg") : tail], HEAD[tail:-2]
    rows = ROWS[:, [0, 1, 2, 3, 4, 5, 9, 10, 11, 6, 7, 8]]
    write(tmp_path, HEAD.replace(left + right, right + left) + motion(rows), "b.bvh")
    clips = read(tmp_path)
    np.testing.assert_array_equal(clips.clip(0), clips.clip(1))


def test_a_root_that_never_moves_is_mentioned(tmp_path: Path) -> None:
    scene = "HIERARCHY\nROOT Scene {\nOFFSET 0 0 0\n" + HEAD.partition("\n")[2].replace(
        "ROOT", "JOINT"
    )
    path = write(tmp_path, scene + "}\n" + motion())
    with pytest.warns(UserWarning, match="root 'Scene' never moves.*drop=Scene"):
        read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips = read(path, drop="scene")
    np.testing.assert_array_equal(clips.joints, read(write(tmp_path)).joints)


DEEP = "HIERARCHY\nROOT j\n{ OFFSET 0 0 0\n" + "".join(
    f"JOINT j{i}\n{{ OFFSET 0 0 0\n" for i in range(100_000)
)

# What is wrong -> text, message.
BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty"),
    "blank": (" \n\n ", "empty"),
    "no BVH": ("hello world\n", "no HIERARCHY"),
    "binary": (bytes(range(256)) * 9, "not UTF-8 text"),
    "NUL": (b"HIERARCHY\n\0\0\0", "NUL bytes"),
    "hierarchy alone": (HEAD, "ends before MOTION"),
    "cut in the hierarchy": (GOOD[:200], "ends before MOTION"),
    "cut in a number": (GOOD[: GOOD.rindex(" ")], "line 36: 11 numbers instead of 12"),
    "lines missing": (HEAD + motion(ROWS[:2], frames=4), "Frames says '4', but 2 lines"),
    "absurd count": (HEAD + motion(frames=10**9), "Frames says '1000000000'"),
    "no count": (HEAD + motion(frames="many"), "Frames says 'many'"),
    "huge count": (HEAD + motion(frames="9" * 9000), "Frames says '99"),
    "no frames": (HEAD + motion(ROWS[:0]), "holds no frames, only a skeleton"),
    "no heads": (HEAD + "MOTION\n1 2 3\n", "after MOTION come 'Frames: N'"),
    "zero time": (HEAD + motion(time="0"), "Frame Time '0': give seconds"),
    "negative time": (HEAD + motion(time="-0.1"), "Frame Time '-0.1'"),
    "NaN time": (HEAD + motion(time="nan"), "Frame Time 'nan'"),
    "tiny time": (HEAD + motion(time="1e-300"), "Frame Time: 1e.300 frames a second"),
    "endless time": (HEAD + motion(time="1e999999999"), "Frame Time '1e999999999'"),
    "long time": (HEAD + motion(time="1000000"), "Frame Time: 1e-06 frames a second"),
    "infinite": (HEAD + motion(changed(1, np.inf)), "line 34 .*holds inf"),
    "huge": (GOOD.replace("OFFSET 1 2 3", "OFFSET 1e300 2 3"), r"line 4: holds 1e\+300"),
    "NaN offset": (GOOD.replace("OFFSET 1 2 3", "OFFSET nan 2 3"), "line 4: holds nan"),
    "a word": (GOOD.replace(f"{ROWS[0, 0]:g}", "abc"), "line 33: 'abc' is no number"),
    "two offsets": (GOOD.replace("OFFSET 1 2 3", "OFFSET 1 2"), "2 numbers instead of 3"),
    "no offset": (GOOD.replace("OFFSET 1 2 3", ""), "closes a joint without OFFSET"),
    "wrong count": (GOOD.replace("CHANNELS 2", "CHANNELS 3"), "CHANNELS needs their number"),
    "absurd channels": (GOOD.replace("CHANNELS 2", "CHANNELS 1000000000"), "CHANNELS needs"),
    "unknown channel": (GOOD.replace("XROTATION", "Wrotation"), "CHANNELS needs their number"),
    "twice": (GOOD.replace("zrotation XROTATION", "Xrotation Xrotation"), "names one twice"),
    "no channels": (
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 1\nFrame Time: 1\n1\n",
        "no joint has CHANNELS",
    ),
    "two roots": (GOOD.replace("JOINT RightUpLeg", "ROOT RightUpLeg"), "a second ROOT"),
    "same name": (GOOD.replace("RightFoot", "LeftFoot"), "'LeftFoot' stands twice"),
    "no name": (GOOD.replace("JOINT RightFoot", "JOINT"), "JOINT without a name"),
    "no brace": (GOOD.replace("ROOT Hips\n{", "ROOT Hips\n"), "'{' belongs after"),
    "brace open": (GOOD.replace("}\nMOTION", "MOTION"), "MOTION before the hierarchy's last"),
    "brace extra": (GOOD.replace("MOTION", "}\nMOTION"), "'}' does not belong here"),
    "in an end site": (
        GOOD.replace("OFFSET 0 0 5", "OFFSET 0 0 5\nJOINT x\n{\nOFFSET 0 0 0\n}"),
        "JOINT stands outside",
    ),
    "outside": (GOOD.replace("HIERARCHY", "HIERARCHY\nJOINT x"), "JOINT stands outside"),
    "a stray line": (GOOD.replace("CHANNELS 2", "SPRINGS 2"), "'SPRINGS' does not belong here"),
    "deep": (DEEP, "more than 1000 joints"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path: Path, case: str) -> None:
    text, match = BAD[case]
    with pytest.raises(InputError, match=rf"bad\.bvh: .*{match}") as error:
        read(write(tmp_path, text, "bad.bvh"))
    assert "\n" not in str(error.value)


def test_bad_paths_and_options(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "none").mkdir()
    for bad, match in (
        *((tmp_path / "no.bvh", "no such file"), (tmp_path / "none", "no .bvh file in this")),
        (write(tmp_path, name="a.txt"), "not a .bvh file by its name"),
    ):
        with pytest.raises(InputError, match=match):
            read(bad)
    options: list[tuple[dict[str, Any], str]] = [
        *(({"drop": "tail"}, "drop: unknown joint 'tail'"), ({"drop": "hips"}, "as roots")),
        *(({"drop": "*"}, "drop leaves nothing"), ({"rename": {"a": "b"}}, "rename: unknown")),
        *(({"fps": 1e9}, "fps: 1e"), ({"scale": -1.0}, "scale: .* -1"), ({"fps": 0}, "fps: .* 0")),
        ({"rename": {"LeftFoot": "Hips"}}, "'Hips' stands twice"),
        ({"folders": "label"}, "folders: Input should be 'class'"),
    ]
    for given_, match in options:
        with pytest.raises(InputError, match=match):
            read(path, **given_)


@pytest.mark.parametrize("content", [b"", GOOD[:300].encode(), GOOD.encode()[:-30], b"\xff\xfe\0"])
def test_the_command_line_leaves_nothing_of_a_bad_file(
    tmp_path: Path,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / "in", content)
    (tmp_path / "out").mkdir()
    out = tmp_path / "out/x.h5"
    monkeypatch.setattr(
        sys, "argv", ["skelf", "data", "import", "bvh", str(path), "--out", str(out)]
    )
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2 and not list(out.parent.iterdir())
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_command_line_takes_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["fps=15", "drop=*foot", 'rename={Hips="Pelvis"}', "scale=1"]
    path, out = str(write(tmp_path)), tmp_path / "x.h5"
    monkeypatch.setattr(
        sys, "argv", ["skelf", "data", "import", "bvh", path, *words, "--out", str(out)]
    )
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    clips = ClipSet.open(out)
    assert clips.fps == 15 and clips.skeleton.names == ("Pelvis", "LeftUpLeg", "RightUpLeg")


LINES = GOOD.splitlines()
WORDS = st.sampled_from(
    [
        "{",
        "}",
        "JOINT x",
        "OFFSET",
        "-1e308",
        "nan",
        "MOTION",
        "Frames: 3",
        "End Site",
        "CHANNELS 1",
    ]
)
EDIT = st.tuples(
    st.integers(0, len(LINES)), st.integers(0, 3), st.one_of(WORDS, st.text(max_size=9))
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(EDIT, min_size=1, max_size=4))
def test_fuzz(tmp_path: Path, edits: list[tuple[int, int, str]]) -> None:
    """Lines replaced, added, dropped or cut: a sound set or one InputError."""
    lines = list(LINES)
    for at, kind, word in edits:
        at = min(at, len(lines))
        old = lines[at : at + 1]
        lines[at : at + (kind > 0)] = [[word], [word], [], [*(line[:-2] for line in old)]][kind]
    path = write(tmp_path, "\n".join(lines).encode("utf-8", "surrogatepass"), "fuzz.bvh")
    try:
        read(path).validate()
    except InputError as error:
        assert "fuzz.bvh" in str(error)


@pytest.mark.parametrize(
    ("name", "frames"),
    [("dataset-2_run_masculine_013", 43), ("dataset-2_wave-left-hand_active_016", 82)],
)
def test_real_samples(name: str, frames: int, real_data: Callable[[str], Path]) -> None:
    folder = real_data("cmu86").parents[1] / "bvh_samples"
    if not (folder / "positions.npz").is_file():
        pytest.skip(f"{folder} is not here")
    with np.load(folder / "positions.npz", allow_pickle=False) as expected:
        positions, names = expected[name], expected["joint_names"].tolist()
        parents = expected["parents"].tolist()
    clips = read(folder / f"{name}.bvh", fps=15, filtered=False, drop="joint_Root")
    assert clips.joints.shape == (frames, 1, 21, 3) and clips.fps == 15
    assert list(clips.skeleton.names) == names and list(clips.skeleton.parents) == parents
    assert len(clips.skeleton.pairs) == 8
    # The reference is rounded to millimetres.
    np.testing.assert_allclose(clips.joints[:, 0], positions, rtol=0, atol=0.5001e-3)


@pytest.mark.slow
def test_damaged_copies(tmp_path: Path) -> None:
    path = write(tmp_path)
    done, refused = survives(read, path, path)
    assert done and refused


def test_the_slow_way_gives_the_same_bits(tmp_path: Path) -> None:
    rows = np.random.default_rng(2).normal(0, 90, (40, ROWS.shape[1])).round(5)
    text = HEAD + motion(rows)
    fast = read(write(tmp_path, text)).joints
    lines = text.split("\n")
    wrapped = [line.replace(" ", "\n", 2) if at > len(lines) - 9 else line
               for at, line in enumerate(lines)]  # fmt: skip
    with_plus = text.replace(f"{rows[7, 3]:g}", f"{rows[7, 3]:g}e0")
    for other in ("\n".join(wrapped), with_plus, text.replace("\n", "\r\n")):
        np.testing.assert_array_equal(read(write(tmp_path, other)).joints, fast)
