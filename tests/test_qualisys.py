"""Qualisys' TSV in the forms that QTM writes, against numbers that the test knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.formats.guess import recognised
from skelf.data.readers.qualisys import read_qualisys
from skelf.errors import InputError

qualisys = by_keys("qualisys")
NAMES = ("Hip", "RHip", "RKnee", "Neck", "1")
MM = np.random.default_rng(5).uniform(-900, 900, (7, 5, 3)).round(3)
METRES = np.stack([MM[..., 0], MM[..., 2], -MM[..., 1]], -1) / 1000  # z up becomes y up


def header(kind: str = "3D", frames: int = 7, **more: str) -> list[str]:
    words = {
        "NO_OF_FRAMES": str(frames),
        "NO_OF_CAMERAS": "12",
        "NO_OF_MARKERS": "5",
        "FREQUENCY": "100",
        "NO_OF_ANALOG": "0",
        "ANALOG_FREQUENCY": "0",
        "DESCRIPTION": "--",
        "TIME_STAMP": "2022-06-02, 15:49:44.620\t25975.44751328",
        "DATA_INCLUDED": kind,
    }
    return [f"{word}\t{value}" for word, value in (words | more).items() if value]


def rows(values: np.ndarray, frame: bool = True, time: bool = True, first: int = 1) -> list[str]:
    """Frame, time and numbers of each row; what is NaN is an empty cell."""
    lines = []
    for at, row in enumerate(values.reshape(len(values), -1)):
        cells = [str(first + at)] * frame + [f"{at / 100:.5f}"] * time
        lines.append("\t".join(cells + ["" if np.isnan(x) else f"{x:.3f}" for x in row]))
    return lines


def markers(
    values: np.ndarray = MM, names: tuple[str, ...] = NAMES, *, named: bool = True,
    frame: bool = True, time: bool = True, end: str = "\r\n", first: int = 1, **more: str
) -> str:  # fmt: skip
    lines = header(**more)
    lines += ["MARKER_NAMES\t" + "\t".join(names), "TRAJECTORY_TYPES" + "\tMeasured" * len(names)]
    if named:
        columns = ["Frame"] * frame + ["Time"] * time
        columns += [f"{name} {axis}" for name in names for axis in "XYZ"]
        lines.append("\t".join(columns))
    return end.join(lines + rows(values, frame, time, first)) + end


def write(folder: Path, text: str | bytes, name: str = "a.tsv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("frame", [True, False])
@pytest.mark.parametrize("time", [True, False])
def test_trajectories_with_and_without_columns_for_frame_and_time(
    tmp_path: Path, named: bool, frame: bool, time: bool
) -> None:
    file = write(tmp_path, markers(named=named, frame=frame, time=time, first=300))
    clips = qualisys(file)
    np.testing.assert_allclose(clips.joints[:, 0], METRES, atol=1e-7)
    assert clips.skeleton.names == NAMES and clips.fps == 100
    assert recognised(file)[0] == "qualisys"
    trailing = markers(named=named, frame=frame, time=time, end="\t\r\n")
    np.testing.assert_allclose(qualisys(write(tmp_path, trailing)).joints[:, 0], METRES, atol=1e-7)


@pytest.mark.parametrize("gap", ["", "0.000", "NULL", "NaN"])
def test_what_stands_for_a_gap(tmp_path: Path, gap: str) -> None:
    values = MM.copy()
    values[2, 1] = values[6, 4] = np.nan
    lines = markers(values).split("\r\n")
    lines = [line.replace("\t\t\t", f"\t{gap}\t{gap}\t{gap}", 1) if line[:1].isdigit() else line
             for line in lines]  # fmt: skip
    text = "\r\n".join(lines)
    assert gap in text
    with pytest.warns(UserWarning, match="2 of 35 joint positions are gaps"):
        clips = qualisys(write(tmp_path, text), missing="keep")
    unseen = np.isnan(values).any(-1)
    assert not clips.joints[:, 0][unseen].any()
    np.testing.assert_allclose(clips.joints[:, 0][~unseen], METRES[~unseen], atol=1e-7)


def test_frames_that_have_no_row_and_a_rate_from_outside(tmp_path: Path) -> None:
    lines = markers(FREQUENCY="EXT").split("\r\n")
    del lines[-4]  # the fifth
    with pytest.warns(UserWarning, match="5 of 35 joint positions are gaps"):
        clips = qualisys(write(tmp_path, "\r\n".join(lines)), missing="keep")
    assert clips.fps == 100 and len(clips.joints) == 7 and not clips.joints[4].any()
    np.testing.assert_allclose(clips.joints[5:, 0], METRES[5:], atol=1e-7)
    with pytest.warns(UserWarning, match="NO_OF_FRAMES says 9, but 7 follow"):
        assert len(qualisys(write(tmp_path, markers(NO_OF_FRAMES="9")))) == 1


def test_numbers_of_another_country_and_events(tmp_path: Path) -> None:
    lines = markers().split("\r\n")
    text = "\r\n".join(["FILE_VERSION\t2.0.0", *lines[:8], "EVENT\tstart now\t3\t0.02000",
                        *lines[8:]])  # fmt: skip
    np.testing.assert_allclose(qualisys(write(tmp_path, text)).joints[:, 0], METRES, atol=1e-7)
    comma = "\r\n".join(line.replace(".", ",") if line[:1].isdigit() else line for line in lines)
    np.testing.assert_allclose(qualisys(write(tmp_path, comma)).joints[:, 0], METRES, atol=1e-7)


MARKS = ("HeadL", "HeadR", "WristL", "WristR", "KneeL", "KneeR", "HeelL", "HeelR")


def test_persons_by_what_stands_before_an_underscore(tmp_path: Path) -> None:
    values = np.random.default_rng(1).uniform(-900, 900, (7, 16, 3)).round(3)
    names = tuple(f"{person}_{mark}" for person in ("Anna", "Ben") for mark in MARKS)
    with pytest.warns(UserWarning, match="2 subjects are 2 persons: Anna, Ben"):
        clips = qualisys(write(tmp_path, markers(values, names)))
    assert clips.joints.shape == (7, 2, 8, 3) and clips.skeleton.names == MARKS
    np.testing.assert_allclose(clips.joints[:, 1, :, 1], values[:, 8:, 2] / 1000, atol=1e-7)
    sides = tuple(f"{side}_{mark}" for side in "LR" for mark in "abcdefgh")
    assert qualisys(write(tmp_path, markers(values, sides))).persons == 1
    single = tuple(f"x_{mark}" for mark in MARKS)
    assert qualisys(write(tmp_path, markers(values[:, :8], single))).skeleton.names == single


def test_a_label_that_stands_twice_is_numbered(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="numbered: Hip_2 for Hip"):
        clips = qualisys(write(tmp_path, markers(names=(*NAMES[:4], "Hip"))))
    assert clips.skeleton.names == (*NAMES[:4], "Hip_2")
    np.testing.assert_allclose(clips.joints[:, 0], METRES, atol=1e-7)


def test_rigid_bodies_and_segments_are_joints(tmp_path: Path) -> None:
    columns = " X\t Y\t Z\t Yaw\t Pitch\t Roll\t Residual" + "".join(
        f"\t Rot[{i}]" for i in range(9)
    )
    lines = [
        *header("6D", NO_OF_MARKERS=""),
        "NO_OF_BODIES\t2",
        "BODY_NAMES\tFoot IMU\tLeg",
        columns,
    ]
    rest = "\t".join(["0.50000"] * 13)
    old = [
        "".join("\t".join(f"{x:.5f}" for x in MM[frame, body]) + f"\t{rest}\t\t" for body in (0, 1))
        for frame in range(7)
    ]  # QTM 2: an empty cell behind each body, names of columns for one
    with pytest.warns(UserWarning, match="2 rigid bodies, each read as one joint"):
        clips = qualisys(write(tmp_path, "\r\n".join([*lines, *old]) + "\r\n"))
    np.testing.assert_allclose(clips.joints[:, 0], METRES[:, :2], atol=1e-7)
    assert clips.skeleton.names == ("Foot IMU", "Leg")
    names = ("Hips", "Spine", "Neck", "Head", "LeftUpLeg")
    lines = [f"{key}\t{value}" for key, value in (
        ("NO_OF_FRAMES", 7), ("NO_OF_CAMERAS", 12), ("FREQUENCY", 100), ("TIME_STAMP", ""),
        ("REFERENCE", "GLOBAL"), ("SCALE", "1.00000"), ("SOLVER", "Qualisys"))]  # fmt: skip
    lines.append("Frame\tTime" + "".join(f"\t{name}\tX\tY\tZ\tQX\tQY\tQZ\tQW" for name in names))
    for frame in range(7):
        turn = "\t0\t0\t0\t1"
        places = ["\t\t" + "\t".join(f"{x:.3f}" for x in MM[frame, at]) + turn for at in range(5)]
        lines.append(f"{frame + 1}\t{frame / 100:.5f}" + "".join(places))
    clips = qualisys(write(tmp_path, "\r\n".join(lines)))
    np.testing.assert_allclose(clips.joints[:, 0], METRES, atol=1e-7)
    assert clips.skeleton.names == names and clips.skeleton.parents == (-1, 0, 1, 2, 0)
    local = "\r\n".join(lines).replace("GLOBAL", "LOCAL")
    with pytest.raises(InputError, match=r"relative to their parents.*global reference"):
        qualisys(write(tmp_path, local))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (markers(DATA_INCLUDED="2D"), "DATA_INCLUDED is 2D, 2D points of single cameras"),
        (markers(DATA_INCLUDED="ANALOG"), "analog signals; export the 3D data"),
        ("1\t2\t3\r\n" * 4, "no header of Qualisys"),
        (markers(named=False, names=(*NAMES, "more")), "17 cells in a row do not fit 6 markers"),
        ("\r\n".join(header()), "no row below the header"),
        (markers().replace("\t0.03000\t", "\t0.03000\tx"), "line 16: 'x.* is no number"),
        (markers().replace("\t0.03000\t", "\t0.03000\t7\t"), "line 16: 18 cells, the header"),
        (markers(FREQUENCY="0", time=False), "0 frames a second"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        qualisys(write(tmp_path, text))


def test_damaged_files_and_folders(tmp_path: Path) -> None:
    text = markers()
    with pytest.warns(UserWarning, match="the last row is cut off"):
        assert len(qualisys(write(tmp_path, text[:-40])).joints) == 6
    for damaged in (b"", b"\0" * 40, text[:90].encode(), b"\xff\xfe\0", text.encode()[:-2] + b"\0"):
        with pytest.raises(InputError):
            qualisys(write(tmp_path, damaged))
    write(tmp_path, text)
    write(tmp_path, "joint\tx\n1\t2\n", "notes.tsv")
    with pytest.warns(UserWarning, match="1 files are not of Qualisys, left out: notes.tsv"):
        assert qualisys(tmp_path).names == ["a"]
    (tmp_path / "a.tsv").unlink()
    with pytest.raises(InputError, match=r"none of 1 \.tsv or .* is of Qualisys"):
        qualisys(tmp_path)


@pytest.mark.slow
def test_damaged_copies_are_read_or_refused(tmp_path: Path) -> None:
    file = write(tmp_path, markers())
    done, refused = survives(read_qualisys, file, file)
    assert done > 200 and refused > 200
