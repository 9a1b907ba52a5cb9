"""Motive's CSV in the forms that its versions write, against numbers that the test knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.formats.guess import recognised
from skelf.data.readers.motive import read_motive
from skelf.errors import InputError

motive = by_keys("motive")
BONES = ("Hip", "Ab", "Chest", "Neck", "Head", "LShoulder", "LUArm", "RShoulder", "RUArm")
ABOVE = {"Hip": "", "Ab": "Hip", "Chest": "Ab", "Neck": "Chest", "Head": "Neck",
         "LShoulder": "Chest", "LUArm": "LShoulder", "RShoulder": "Chest",
         "RUArm": "RShoulder"}  # fmt: skip
RNG = np.random.default_rng(3)
PLACES = RNG.normal(size=(6, 2, len(BONES), 3)).round(6)  # frames, persons, bones
FIRST = {
    "1.22": "Format Version,1.22,Take Name,take 1,Capture Frame Rate,120.000000,Export Frame Rate,"
    "120.000000,Capture Start Time,2018-10-05 12.05.03.445 PM,Total Frames in Take,6,Total "
    "Exported Frames,6,Rotation Type,Quaternion,Length Units,{unit},Coordinate Space,{space}",
    "1.25": "Format Version,1.25,Take Name,take 1,Take Notes,,Capture Frame Rate,120.000000,Export "
    "Frame Rate,120.000000,Capture Start Frame,923680,Rotation Type,Quaternion,Length Units,{unit},"
    "Coordinate Space,{space}",
}


class Table:
    """An export, part by part."""

    def __init__(self) -> None:
        self.columns: list[tuple[str, str, str, str, str, str]] = []
        self.values: list[np.ndarray] = []

    def add(
        self, kind: str, name: str, places: np.ndarray, parent: str = "", turn: Sequence[float] = ()
    ) -> None:
        turns = np.tile(np.array(turn or (0, 0, 0, 1.0)), (len(places), 1))
        identity = f"{len(self.columns):X}:90AF"
        if "Marker" not in kind:
            for axis, values in zip("XYZW", turns.T, strict=True):
                self.columns.append((kind, name, identity, parent, "Rotation", axis))
                self.values.append(values)
        for axis, values in zip("XYZ", places.T, strict=True):
            self.columns.append((kind, name, identity, parent, "Position", axis))
            self.values.append(values)
        if kind == "Rigid Body":
            self.columns.append((kind, name, identity, parent, "Mean Marker Error", ""))
            self.values.append(np.full(len(places), 0.0001))

    def text(
        self, version: str = "1.25", unit: str = "Meters", space: str = "Global", first: int = 0,
        step: float = 1 / 120,
    ) -> str:  # fmt: skip
        lines = [FIRST[version].format(unit=unit, space=space), ""]
        rows = [("", "Type"), ("", "Name"), ("", "ID"), ("", "Parent"), ("", ""),
                ("Frame", "Time (Seconds)")]  # fmt: skip
        for at, row in enumerate(rows):
            if row[1] == "Parent" and version == "1.22":
                continue
            lines.append(",".join([*row, *(column[at] for column in self.columns)]))
        for frame, values in enumerate(zip(*self.values, strict=True), first):
            words = ["" if math.isnan(value) else f"{value:.6f}" for value in values]
            lines.append(",".join([str(frame), f"{frame * step:.6f}", *words]))
        return "\r\n".join(lines) + "\r\n"


def skeletons(
    *names: str, version: str = "1.25", sign: str = ":", scale: float = 1, **header: object
) -> str:
    """Skeletons beside a rigid body and markers; in 1.25 the root is called as its skeleton."""
    table = Table()
    for person, name in enumerate(names):
        full = {bone: f"{name}{sign}{bone}" for bone in BONES} | {"": "Root"}
        if version == "1.25":
            full["Hip"] = f"{name}{sign}{name}"
        for at, bone in enumerate(BONES):
            table.add("Bone", full[bone], PLACES[:, person, at] * scale, full[ABOVE[bone]])
        table.add("Bone Marker", f"{name}{sign}HeadTop", PLACES[:, person, 0] * 0)
    table.add("Rigid Body", "Bat", PLACES[:, 0, 0])
    table.add("Marker", "Unlabeled 2012", PLACES[:, 0, 0])
    return table.text(version, **header)  # type: ignore[arg-type]  # of `text`


def write(folder: Path, text: str | bytes, name: str = "take.csv") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("version", ["1.22", "1.25"])
def test_bones_are_joints_in_metres_with_their_own_tree(tmp_path: Path, version: str) -> None:
    file = write(
        tmp_path, skeletons("763", version=version, scale=1000, unit="Millimeters", first=923_680)
    )
    clips = motive(file)
    assert clips.skeleton.names == BONES and clips.fps == 120 and clips.persons == 1
    assert [clips.skeleton.names[at] if at >= 0 else "" for at in clips.skeleton.parents] == [
        *ABOVE.values()
    ]
    np.testing.assert_allclose(clips.joints[:, 0], PLACES[:, 0], atol=1e-6)
    assert recognised(file)[0] == "motive"


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("sign", [":", "_"])
def test_each_skeleton_is_a_person(tmp_path: Path, sign: str) -> None:
    file = write(tmp_path, skeletons("Anna 1", "Ben", version="1.22", sign=sign))
    clips = motive(file)
    assert clips.joints.shape == (6, 2, len(BONES), 3) and clips.skeleton.names == BONES
    np.testing.assert_allclose(clips.joints, PLACES, atol=1e-6)
    if sign == ":":
        only = motive(file, subject="Ben")
        np.testing.assert_array_equal(only.joints[:, 0], clips.joints[:, 1])
        with pytest.raises(InputError, match="unknown subject 'Cleo'"):
            motive(file, subject="Cleo")


@pytest.mark.filterwarnings("ignore:.*left out")
def test_a_skeleton_without_the_bones_of_another_has_zeros_there(tmp_path: Path) -> None:
    table = Table()
    for person, bones in ((0, BONES[:5]), (1, BONES)):
        for at, bone in enumerate(bones):
            table.add(
                "Bone", f"P{person}:{bone}", PLACES[:, person, at], f"P{person}:{ABOVE[bone]}"
            )
    clips = motive(write(tmp_path, table.text()))
    assert clips.skeleton.names == BONES
    np.testing.assert_allclose(clips.joints[:, 0, :5], PLACES[:, 0, :5], atol=1e-6)
    assert not clips.joints[:, 0, 5:].any()


@pytest.mark.filterwarnings("ignore:.*read are")
def test_bones_of_a_thing_are_no_person(tmp_path: Path) -> None:
    table = Table()
    for at in range(3):
        table.add(
            "Bone", f"Bat:Bone {at}", PLACES[:, 1, at], f"Bat:Bone {at - 1}" if at else "Root"
        )
    for at, bone in enumerate(BONES):
        table.add("Bone", f"Anna:{bone}", PLACES[:, 0, at], f"Anna:{ABOVE[bone]}")
    file = write(tmp_path, table.text())
    with pytest.warns(UserWarning, match=r"other names are left out: Bat \(3\)"):
        clips = motive(file)
    assert clips.skeleton.names == BONES and clips.persons == 1
    assert motive(file, subject="Bat").skeleton.names == ("Bone 0", "Bone 1", "Bone 2")
    with pytest.raises(InputError, match=r"other bones \(Bone 0"):
        motive(file, subject="Bat,Anna")


def test_local_bones_are_hung_on_their_parents(tmp_path: Path) -> None:
    quarter = (0, 0, math.sqrt(0.5), math.sqrt(0.5))  # about z: x becomes y
    table = Table()
    one = np.ones((2, 1))
    table.add("Bone", "A:A", one * (1, 2, 3), "Root", quarter)
    table.add("Bone", "A:Ab", one * (1, 0, 0), "A:A", quarter)
    table.add("Bone", "A:Chest", one * (1, 0, 0), "A:Ab")
    clips = motive(write(tmp_path, table.text(space="Local")))
    np.testing.assert_allclose(clips.joints[0, 0], [[1, 2, 3], [1, 3, 3], [0, 3, 3]], atol=1e-6)
    for version, match in (("1.22", "Local.*export it with Global"),):
        with pytest.raises(InputError, match=match):
            motive(write(tmp_path, table.text(version, space="Local")))


def test_markers_gaps_and_missing_rows(tmp_path: Path) -> None:
    table = Table()
    places = PLACES[:, 0, :3].copy()
    places[2, 1] = np.nan
    for at, name in enumerate(("Anna:HeadTop", "Anna:LKneeOut", "Anna:RKneeOut")):
        table.add("Marker", name, places[:, at])
    table.add("Marker", "Unlabeled 7", places[:, 0])
    table.add("Rigid Body", "Bat", places[:, 0])
    table.add("Rigid Body Marker", "Bat:Marker1", places[:, 0])
    text = table.text("1.22", "Centimeters")
    with pytest.warns(UserWarning, match="1 of 18 joint positions are gaps"):
        clips = motive(write(tmp_path, text), missing="keep")
    assert clips.skeleton.names == ("HeadTop", "LKneeOut", "RKneeOut")
    assert not clips.joints[2, 0, 1].any()
    np.testing.assert_allclose(clips.joints[0, 0], places[0] / 100, atol=1e-7)
    lines = text.split("\r\n")
    del lines[10]  # frame 3
    with pytest.warns(UserWarning, match="4 of 18 joint positions are gaps"):
        less = motive(write(tmp_path, "\r\n".join(lines)), missing="keep")
    assert len(less.joints) == 6 and not less.joints[3].any()
    np.testing.assert_array_equal(less.joints[4:], clips.joints[4:])
    with pytest.warns(UserWarning, match="left out"):
        assert motive(write(tmp_path, text), what="bodies").skeleton.names == ("Bat",)


@pytest.mark.filterwarnings("ignore:.*left out")
def test_the_rate_is_that_of_the_exported_rows(tmp_path: Path) -> None:
    text = skeletons("A", step=1 / 60)
    with pytest.warns(UserWarning, match="the header says 120 frames a second, the times 60"):
        assert motive(write(tmp_path, text)).fps == 60
    silent = text.replace("Capture Frame Rate,120.000000,Export Frame Rate,120.000000,", "")
    assert motive(write(tmp_path, silent)).fps == 60


def test_times_rounded_to_milliseconds_leave_a_short_take_its_rate(tmp_path: Path) -> None:
    table = Table()
    for at, name in enumerate(("Head", "Neck")):
        table.add("Marker", name, PLACES[:2, 0, at])
    text = table.text("1.22").replace("120.000000", "360.000000").replace("0.008333", "0.003000")
    assert motive(write(tmp_path, text)).fps == 360


def test_without_names_or_positions_nothing_is_read(tmp_path: Path) -> None:
    table = Table()
    table.add("Marker", "Unlabeled 1036", PLACES[:, 0, 0])
    with pytest.raises(InputError, match=r"1 markers are unlabelled.*label them"):
        motive(write(tmp_path, table.text()))
    with pytest.raises(InputError, match="it has frames and times alone"):
        motive(
            write(tmp_path, FIRST["1.22"] + "\n\n,Type\n,Name\n,ID\n,\nFrame,Time (Seconds)\n0,0\n")
        )


@pytest.mark.filterwarnings("ignore:.*left out")
def test_other_hands_leave_the_positions(tmp_path: Path) -> None:
    text = skeletons("A")
    good = motive(write(tmp_path, text)).joints
    lines = text.split("\r\n")
    timecode = []  # of Motive 3.1: a third column that is no number
    for line in lines:
        cells = line.split(",")
        word = "TimeCode" if cells[0] == "Frame" else "15:26:46:12.02" if cells[0].isdigit() else ""
        wide = len(cells) > 40 and not line.startswith("Format")
        timecode.append(",".join([*cells[:2], word, *cells[2:]]) if wide else line)
    for form in (
        b"\xef\xbb\xbf" + text.encode(),
        text.encode("utf-16"),
        text.replace("\r\n", "\n"),
        "\r\n".join(line + ",,," for line in lines),  # saved by a spreadsheet
        text.replace(",", ";").replace(".", ","),  # by one of another country
        text.replace(",", "\t"),
        "\r\n".join(timecode),
        text.replace("take 1", '"take, one"'),
        text.replace("take 1", "take, one"),
    ):
        np.testing.assert_allclose(motive(write(tmp_path, form)).joints, good, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("Length Units,Meters", "Length Units,Ells", "Length Units are ells; give scale="),
        ("Format Version", "Version", "does not begin with 'Format Version'"),
        (",Name,", ",Called,", "no header row of Name"),
        ("Position", "Place", "no positions of bodies in it"),
        ("\r\n3,", "\r\n1,", "frame 1 comes after 2; frames must count up"),
        ("\r\n5,", "\r\n9999999,", "6 rows in 10,000,000 frames"),
        ("0.025000", "x", "line 12: 'x' is no number"),
        ("0.025000", "1e300", "line 12: holds 1e"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, old: str, new: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        motive(write(tmp_path, skeletons("A").replace(old, new)))


@pytest.mark.filterwarnings("ignore:.*left out")
def test_scale_stands_in_for_an_unknown_unit_and_cut_rows_go(tmp_path: Path) -> None:
    text = skeletons("A", scale=1000)
    odd = text.replace("Length Units,Meters", "Length Units,Ells")
    np.testing.assert_allclose(
        motive(write(tmp_path, odd), scale=0.001).joints[:, 0], PLACES[:, 0], atol=1e-6
    )
    with pytest.warns(UserWarning, match="the last row is cut off"):
        assert len(motive(write(tmp_path, text[:-60])).joints) == 5
    for damaged in (b"", b"\0" * 50, text[:300].encode(), b"\xff\xfe\0"):
        with pytest.raises(InputError):
            motive(write(tmp_path, damaged))


@pytest.mark.filterwarnings("ignore:.*left out")
def test_of_a_folder_motive_s_files_are_read(tmp_path: Path) -> None:
    write(tmp_path, skeletons("A"), "walk/1.csv")
    write(tmp_path, skeletons("A", "B"), "run/2.csv")
    write(tmp_path, "a,b\n1,2\n", "run/notes.csv")
    with pytest.warns(UserWarning, match="1 files are not of Motive, left out: notes.csv"):
        clips = motive(tmp_path)
    assert clips.class_names == ("run", "walk") and clips.persons == 2
    two, one = clips.clip(0), clips.clip(1)
    np.testing.assert_allclose(two, PLACES, atol=1e-6)
    np.testing.assert_allclose(one[:, 0], PLACES[:, 0], atol=1e-6)
    assert not one[:, 1].any()


@pytest.mark.slow
def test_damaged_copies_are_read_or_refused(tmp_path: Path) -> None:
    file = write(tmp_path, skeletons("A", "B"))
    done, refused = survives(read_motive, file, file)
    assert done > 200 and refused > 200
