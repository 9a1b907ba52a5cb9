"""Vicon Nexus' text export in the forms that its versions write, against known numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.formats.guess import recognised
from skelf.data.readers.nexus import read_nexus
from skelf.errors import InputError

nexus = by_keys("nexus")
MARKS = ("LASI", "RASI", "LKNE", "RKNE")
MM = np.random.default_rng(8).uniform(-900, 1800, (6, 8, 3)).round(3)
METRES = np.stack([MM[..., 0], MM[..., 2], -MM[..., 1]], -1) / 1000
TWO = tuple(f"{person}:{mark}" for person in ("Anna", "Ben") for mark in MARKS)
DEVICES = """Devices
1000
,,Force plate 1 - Force,,,EMG
Frame,Sub Frame,Fx,Fy,Fz,1
,,N,N,N,V
""" + "".join(f"{1 + i // 10},{i % 10},0.5,1e-3,-3,0\n" for i in range(60))
OUTPUTS = """Model Outputs
100
,,Anna:LHipAngles,,,Anna:CentreOfMass
Frame,Sub Frame,X,Y,Z,X,Y,Z
,,deg,deg,deg,mm,mm,mm
1,0,1,2,3,4,5,6
"""


def trajectories(
    values: np.ndarray = MM, names: tuple[str, ...] = TWO, *, rate: str = "100", unit: str = "mm",
    first: int = 1
) -> str:  # fmt: skip
    lines = ["Trajectories", rate, ",," + ",,,".join(names)]
    lines.append("Frame,Sub Frame" + ",X,Y,Z" * len(names))
    if unit:
        lines.append("," + f",{unit}" * 3 * len(names))
    for at, row in enumerate(values.reshape(len(values), 3 * len(names)), first):
        lines.append(f"{at},0," + ",".join("" if np.isnan(x) else f"{x:.6g}" for x in row))
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def checked(file: Path) -> None:
    """Two persons, right places."""
    clips = nexus(file)
    assert clips.joints.shape == (6, 2, 4, 3) and clips.skeleton.names == MARKS
    np.testing.assert_allclose(clips.joints.reshape(6, 8, 3), METRES, atol=6e-6)
    assert clips.fps == 100


@pytest.mark.filterwarnings("ignore:.*(persons|left out)")
@pytest.mark.parametrize(
    "form",
    ["alone", "blank lines", "devices first", "outputs behind", "spreadsheet", "tabs", "semicolons",
     "byte order mark", "rate with Hz", "later frames", "names thrice", "quotes"],
)  # fmt: skip
def test_trajectories_whatever_stands_around_them(tmp_path: Path, form: str) -> None:
    text = trajectories()
    blank = "\r\n".join(line + "," * (26 - line.count(",")) for line in text.split("\n"))
    comma = text.replace(",", ";").replace(".", ",")
    whole: str | bytes = {
        "alone": text,
        "blank lines": "\n\n" + text + "\n\n",
        "devices first": DEVICES + "\n" + text,
        "outputs behind": text + "\n" + OUTPUTS,
        "spreadsheet": blank,
        "tabs": text.replace(",", "\t"),
        "semicolons": comma,
        "byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "rate with Hz": trajectories(rate="100,Hz"),
        "later frames": trajectories(first=871),
        "names thrice": text.replace(
            ",," + ",,,".join(TWO), ",," + ",".join(name for name in TWO for _ in "XYZ")
        ),
        "quotes": text.replace("Anna:LASI", '"Anna:LASI"'),
    }[form]
    file = write(tmp_path, whole)
    checked(file)
    assert recognised(file)[0] == "nexus"


@pytest.mark.filterwarnings("ignore:.*(persons|left out)")
def test_the_export_of_older_versions(tmp_path: Path) -> None:
    lines = trajectories(unit="").split("\n")
    axes = lines[3].replace("Frame,Sub Frame", "Field #")
    lines[:4] = ["TRAJECTORIES", "100,Hz", lines[2][1:], axes]
    lines[4:] = [line.replace(",0,", ",", 1) for line in lines[4:]]
    with pytest.warns(UserWarning, match="states no unit: millimetres are taken"):
        checked(write(tmp_path, "\n".join(lines), "a.txt"))


@pytest.mark.filterwarnings("ignore:.*persons")
def test_gaps_and_frames_without_a_row(tmp_path: Path) -> None:
    values = MM.copy()
    values[3, 2] = values[0, 7] = np.nan
    lines = trajectories(values).split("\n")
    lines[5] = lines[5].rstrip(",")  # cut after the last number
    del lines[6]
    with pytest.warns(UserWarning, match="10 of 48 joint positions are gaps"):
        clips = nexus(write(tmp_path, "\n".join(lines)), missing="keep")
    got = clips.joints.reshape(6, 8, 3)
    unseen = np.isnan(values).any(-1)
    unseen[1] = True
    assert not got[unseen].any()
    np.testing.assert_allclose(got[~unseen], METRES[~unseen], atol=6e-6)


def test_segments_where_there_are_no_trajectories(tmp_path: Path) -> None:
    lines = [
        "Segments",
        "50",
        ",,A:Pelvis,,,,,,A:Head",
        "Frame,Sub Frame" + ",RX,RY,RZ,TX,TY,TZ" * 2,
    ]
    lines.append("," + ",rad,rad,rad,mm,mm,mm" * 2)
    for at in range(6):
        pose = ",".join("0,0,0," + ",".join(f"{x:.3f}" for x in MM[at, joint]) for joint in (0, 1))
        lines.append(f"{at + 1},0,{pose}")
    clips = nexus(write(tmp_path, "\n".join(lines)))
    assert clips.skeleton.names == ("Pelvis", "Head") and clips.fps == 50
    np.testing.assert_allclose(clips.joints[:, 0], METRES[:, :2], atol=1e-6)


def test_units_and_points_that_are_nobody_s(tmp_path: Path) -> None:
    names = (*TWO[:4], "*12", "Anna:Unlabeled7", "", "Anna:HEAD")
    with pytest.warns(UserWarning, match="3 points without a label are left out"):
        clips = nexus(write(tmp_path, trajectories(MM / 1000, names, unit="m")))
    assert clips.skeleton.names == (*MARKS, "HEAD")
    np.testing.assert_allclose(clips.joints[:, 0, 4], METRES[:, 7], atol=6e-6)
    with pytest.raises(InputError, match="unit 'ell' is unknown; give scale="):
        nexus(write(tmp_path, trajectories(unit="ell")))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (DEVICES, "it has Devices; export Trajectories as well"),
        (DEVICES + "\n" + OUTPUTS, "it has Devices, Model Outputs; export Trajectories"),
        ("1,0,1,2,3\n" * 5, "no block of Vicon Nexus"),
        (trajectories().replace("X,Y,Z", "A,B,C"), "no columns X, Y, Z"),
        (trajectories(rate="fast"), "0 frames a second"),
        (trajectories()[:60], "end in their header|no columns"),
        (trajectories(MM[:0]), "no row below trajectories"),
        (trajectories().replace("\n3,0,", "\n3,0,x"), "line 8: 'x.* is no number"),
        (trajectories().replace("\n3,0,", "\n2,0,"), "frame 2 comes after 2"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        nexus(write(tmp_path, text))
    for damaged in (b"", b"\0" * 50, b"\xff\xfe\0", trajectories().encode()[:-3] + b"\0\n"):
        with pytest.raises(InputError):
            nexus(write(tmp_path, damaged))


@pytest.mark.slow
def test_damaged_copies_are_read_or_refused(tmp_path: Path) -> None:
    file = write(tmp_path, DEVICES[:300] + "\n" + trajectories())
    done, refused = survives(read_nexus, file, file)
    assert done > 200 and refused > 200
