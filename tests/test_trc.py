"""TRC in the forms that programs write, against a table that the test has; OpenSim's tables."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.clips import ClipSet
from skelf.data.formats import storage_file, trc_file
from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.joints import names as joint_names
from skelf.data.synthetic.clips import generate
from skelf.data.writers.trc import write_trc
from skelf.errors import InputError
from skelf.layouts import KINECT20

read = by_keys("trc")
NAMES = ("Head", "C7", "RASI", "RHEE", "RTOE")
BASE = np.array([[0, 1700, 20], [-50, 1500, 0], [90, 1000, 120], [-60, 40, 110], [150, 20, 120.0]])
STEPS = np.random.default_rng(0).integers(-30, 30, (6, 5, 3))
POINTS = BASE + STEPS  # (6, 5, 3), millimetres, y up
KEYS = ("DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate",
        "OrigDataStartFrame", "OrigNumFrames")  # fmt: skip


def trc(
    points: np.ndarray = POINTS,
    names: tuple[str, ...] = NAMES,
    *,
    rate: float = 60,
    first: int = 1,
    start: float = 0.0,
    unit: str = "mm",
    header: dict[str, str] | None = None,
    named: str | None = None,
    blank: str = "\n",
    end: str = "\n",
    cell: Callable[[float], str] = "{:g}".format,
) -> str:
    """A file as OpenSim's description has it, with what the test wants otherwise."""
    values = dict(zip(KEYS, map(str, (rate, rate, len(points), len(names), unit, rate, first,
                                      len(points))), strict=True)) | (header or {})  # fmt: skip
    lines = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "\t".join(values),
        "\t".join(values.values()),
        named if named is not None else "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{a}{i + 1}" for i in range(points.shape[1]) for a in "XYZ"),
    ]
    text = "\n".join(lines) + "\n" + blank
    for i, row in enumerate(points.reshape(len(points), -1)):
        cells = ["" if math.isnan(value) else cell(value) for value in row]
        text += "\t".join([str(first + i), f"{start + i / rate:.4f}", *cells]) + "\n"
    return text.replace("\n", end)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def notes(path: Path, **options: Any) -> tuple[ClipSet, str]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        clips = read(path, **options)
    return clips, "\n".join(str(warning.message) for warning in told)


def positions(clips: ClipSet) -> np.ndarray:
    return clips.clip(0)[:, 0]


def with_gaps(*gaps: tuple[int, int]) -> np.ndarray:
    points = POINTS.astype(float)
    for frame, marker in gaps:
        points[frame, marker] = np.nan
    return points


FORMS: dict[str, str] = {
    "as described": trc(),
    "no blank line": trc(blank=""),
    "a sixth line of tabs": trc(blank="\t\t\t\t\n"),
    "Windows": trc(end="\r\n"),
    "CR CR LF": trc(end="\r\r\n"),
    "old Mac": trc(end="\r"),
    "empty lines at the end": trc() + "\n\n\t\t\n",
    "tabs behind": trc(end="\t\t\n"),
    "spaces around": trc(cell="  {:.3f} ".format),
    "with exponents": trc(cell="{:.9e}".format),
    "decimal commas": trc(cell="{:.3f}".format).replace(".", ",").replace("walk,trc", "walk.trc"),
    "commas between": trc().replace("\t", ","),
    "semicolons, decimal commas": trc(cell="{:.1f}".format).replace(".", ",").replace("\t", ";"),
    "spaces between": trc(named="Frame# Time " + " ".join(NAMES)).replace("\t", "   "),
    "spaces in the rows alone": "\n".join(
        line.replace("\t", " ") if i > 5 else line for i, line in enumerate(trc().split("\n"))
    ),
    "metres": trc(POINTS / 1000, unit="m", cell="{:.6f}".format),
    "Meters": trc(POINTS / 1000, unit="Meters", cell="{:.6f}".format),
    "centimetres": trc(POINTS / 10, unit="cm", cell="{:.4f}".format),
    "another frame first": trc(first=333, start=5.533),
    "z up": trc(POINTS[..., [0, 2, 1]] * [1, -1, 1]),
    "two empty cells between names": trc(
        named="Frame#\tTime\t\t" + "\t\t".join(NAMES) + "\t\t"
    ),
    "names side by side": trc(named="Frame#\tTime\t" + "\t".join(NAMES)),
    "names with axes": trc(
        named="Frame#\tTime\t" + "\t".join(f"{name}_{a}" for name in NAMES for a in "xyz")
    ),
    "two tabs in the header": trc().replace("60\t60\t6\t5\t", "  60.0\t\t  60.0\t\t  6\t\t 5\t\t "),
    "fields in another order": trc(header={}).replace(
        "\t".join(KEYS[:5]), "Units\tNumMarkers\tNumFrames\tDataRate\tCameraRate"
    ).replace("60\t60\t6\t5\tmm", "mm\t5\t6\t60\t60"),
    "only four fields": trc().replace("\t" + "\t".join(KEYS[5:]), "").replace("mm\t60\t1\t6", "mm"),
    "spaces in the first line": trc().replace("PathFileType\t4\t(X/Y/Z)\t", "PathFileType  4 (X) "),
    "other bytes in the path": "",
    "UTF-16": "",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_file_gives_the_same_places(form: str, tmp_path: Path) -> None:
    raw = FORMS[form].encode()
    if form == "other bytes in the path":
        raw = trc().replace("walk.trc", "D:\\müde\\walk.trc").encode("latin-1")
    if form == "UTF-16":
        raw = trc().encode("utf-16")
    clips, _ = notes(write(tmp_path / "walk.trc", raw))
    assert clips.skeleton.names == NAMES
    assert clips.fps.tolist() == [60]
    assert np.allclose(positions(clips), POINTS / 1000, atol=1e-6)


def test_gaps_are_gaps_wherever_they_stand(tmp_path: Path) -> None:
    gaps = ((0, 4), (2, 1), (2, 2), (3, 4), (4, 0))
    points = with_gaps(*gaps)
    plain = trc(points)
    short = "\n".join(line.rstrip("\t") for line in plain.split("\n"))  # cut after the last one
    filled = points.copy()
    filled[np.isnan(points)] = 0
    never = np.where(np.isnan(points), 9_999_999, points)
    partly = points.copy()
    partly[2, 1] = POINTS[2, 1] * [1, 1, np.nan]
    words = [trc(np.nan_to_num(points, nan=-777)).replace("-777", word)
             for word in ("NaN", "nan", "  NaN", "-1.#IND", "1.#QNAN")]  # fmt: skip
    for text in (plain, short, trc(filled), trc(never), trc(partly), *words):
        clips, said = notes(write(tmp_path / "walk.trc", text), missing="keep")
        gone = ~positions(clips).any(-1)
        assert np.argwhere(gone).tolist() == sorted(map(list, gaps))
        assert np.allclose(positions(clips)[~gone], POINTS[~gone] / 1000, atol=1e-6)
        assert "5 of 30 joint positions are gaps" in said
    clips, _ = notes(write(tmp_path / "walk.trc", plain))
    middle = (POINTS[1, 2] + POINTS[3, 2]) / 2000
    assert np.allclose(positions(clips)[2, 2], middle, atol=1e-6)


def test_with_spaces_a_missing_number_cannot_be_placed(tmp_path: Path) -> None:
    text = trc(with_gaps((2, 1)), named="Frame# Time " + " ".join(NAMES)).replace("\t", "  ")
    with pytest.raises(InputError, match=r"line 9: 14 numbers instead of 17.*export with tabs"):
        read(write(tmp_path / "walk.trc", text))


@pytest.mark.parametrize(
    ("text", "fps", "frames", "note"),
    [
        (trc(header={"DataRate": "250"}), 60, 6, "the column Time 60: times count"),
        (trc(header={"DataRate": "0"}), 60, 6, ""),  # as CameraRate says
        (trc(header={"DataRate": "0", "CameraRate": "0"}), 60, 6, "by its column Time 60 frames"),
        (trc(rate=29.97), 29.97, 6, ""),
        (trc().replace("0.0", "16.").replace("\t0.0000", "\t0"), 60, 6, ""),
        (trc(header={"NumFrames": "900"}), 60, 6, "NumFrames says 900, there are 6"),
        (trc(header={"NumMarkers": "7"}), 60, 6, "NumMarkers says 7, there are 5"),
        ("\n".join(trc().split("\n")[:8] + trc().split("\n")[10:]), 60, 6, "2 frames have no row"),
        ("\n".join(line if i < 6 else line.replace(line.split("\t")[1], "0", 1)
                   for i, line in enumerate(trc().rstrip().split("\n"))), 60, 6,
         "its column Time does not rise"),
    ],
)  # fmt: skip
def test_the_rate_and_what_the_header_says_otherwise(
    text: str, fps: float, frames: int, note: str, tmp_path: Path
) -> None:
    if "16." in text:  # times in milliseconds
        text = trc(rate=1 / 60, header={"DataRate": "60"}).replace("0.016", "60")
        lines = text.split("\n")
        for i in range(6):
            cells = lines[6 + i].split("\t")
            lines[6 + i] = "\t".join([cells[0], f"{i * 1000 / 60:.3f}", *cells[2:]])
        text, note = "\n".join(lines), "in milliseconds"
    clips, said = notes(write(tmp_path / "walk.trc", text))
    assert clips.fps[0] == pytest.approx(fps, rel=1e-4)
    assert clips.length.tolist() == [frames]
    assert note in said


def test_names_that_repeat_are_missing_or_mean_nobody(tmp_path: Path) -> None:
    names = ("Head", "C7", "", "RHEE", "C7")
    clips, said = notes(write(tmp_path / "walk.trc", trc(names=names)))
    assert clips.skeleton.names == ("Head", "C7", "RHEE", "C7_2")
    assert np.allclose(positions(clips), POINTS[:, [0, 1, 3, 4]] / 1000, atol=1e-6)
    assert "1 points without a label" in said
    assert "C7_2 for C7" in said
    virtual = "Frame#\tTime\t" + "\t\t\t".join((*NAMES, "V_A", "V_B")) + "\t\t"
    clips, said = notes(write(tmp_path / "walk.trc", trc(named=virtual)))
    assert clips.skeleton.names == NAMES  # Cortex names virtual markers that it does not write
    assert "V_A" not in said
    with pytest.raises(InputError, match="names for 5 markers"):
        read(write(tmp_path / "walk.trc", trc(named="Frame#\tTime\t" + "\t".join(NAMES[:3]))))


def test_names_of_joints_make_a_body(tmp_path: Path) -> None:
    """Pose2Sim's: bones follow from names, and a layout finds its joints among them."""
    names = ("Hip", "RHip", "RKnee", "RAnkle", "Neck")
    clips, _ = notes(write(tmp_path / "walk_P1.trc", trc(names=names)))
    skeleton = clips.skeleton
    above = {name: skeleton.names[skeleton.parents[i]] for i, name in enumerate(names)}
    assert (above["RKnee"], above["RAnkle"], above["Neck"]) == ("RHip", "RKnee", "Hip")
    leg = joint_names.skeleton(tmp_path, ("rhip", "rknee"), (-1, 0))
    clips, _ = notes(tmp_path / "walk_P1.trc", layout=leg)
    assert np.allclose(positions(clips), POINTS[:, 1:3] / 1000, atol=1e-6)


def test_persons_in_files_of_their_own_are_told(tmp_path: Path) -> None:
    for name in ("walk_P1_0-100.trc", "walk_P2_0-100.trc", "run_P1_0-100.trc"):
        write(tmp_path / name, trc())
    clips, said = notes(tmp_path)
    assert len(clips) == 3
    assert "walk_P1_0-100.trc and walk_P2_0-100.trc are persons of one recording" in said
    assert "run_P1" not in said


def test_a_unit_that_no_body_fits_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "walk.trc", trc(POINTS / 1000, cell="{:.6f}".format))
    with pytest.raises(
        InputError, match=r"Units says mm.*span 0\.0016\d* m; say what is right: m \(scale=1\)"
    ):
        read(file)
    assert np.allclose(positions(read(file, scale=1)), POINTS / 1000, atol=1e-6)
    clips, said = notes(write(tmp_path / "walk.trc", trc(unit="parsecs")))
    assert np.allclose(positions(clips), POINTS / 1000, atol=1e-6)
    assert "'parsecs' is unknown: mm taken" in said


def test_the_upward_axis_is_said_where_it_is_not_sure(tmp_path: Path) -> None:
    _, said = notes(write(tmp_path / "walk.trc", trc()))
    assert "up" not in said
    _, said = notes(write(tmp_path / "walk.trc", trc(POINTS[..., [0, 2, 1]] * [1, -1, 1])))
    assert "z is up, as the bodies stand" in said
    balls = tuple(f"ball{i}" for i in range(5))
    near = POINTS * [1, 0.1, 1] + [0, 0, 200]
    _, said = notes(write(tmp_path / "walk.trc", trc(near, balls)))
    assert "which axis is up cannot be told: y taken" in said
    clips = read(write(tmp_path / "walk.trc", trc(near, balls)), up="z")
    assert np.allclose(positions(clips)[..., 1], near[..., 2] / 1000, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *("", "\0\0", "PathFileType", trc()[:120], trc()[:200], "a\tb\n1\t2\n", "\xff\xfe" * 30),
        trc().replace("\t1", "\tinf", 9),
        trc().replace("0.0833", "99999999999"),
        trc().replace("60\t60", "1e300\t60"),
        trc(names=("",) * 5),
        trc(np.full((6, 5, 3), np.nan)),
        trc(cell="{:g}x".format),
        "Frame#\tTime\t" + "\t" * 4_000_000,
    ],
)
def test_damaged_files_are_refused_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        notes(write(tmp_path / "walk.trc", text))
    assert "\n" not in str(told.value)


def test_a_row_cut_off_in_the_middle_is_left_out(tmp_path: Path) -> None:
    clips, said = notes(write(tmp_path / "walk.trc", trc()[:-130]))
    assert clips.length.tolist() == [4]
    assert "cut off" in said


@pytest.mark.slow
def test_damaged_copies(tmp_path: Path) -> None:
    file = write(tmp_path / "walk.trc", trc(with_gaps((2, 1))))
    done, refused = survives(lambda path: read(path), file, file)
    assert done > 100 and refused > 100


def look(path: Path) -> Look:
    return Look.at(Member(path))


def test_what_it_is_known_by(tmp_path: Path) -> None:
    assert "PathFileType" in trc_file.told(look(write(tmp_path / "a.txt", trc())))
    assert not trc_file.told(look(write(tmp_path / "a.trc", "Frame#\tTime\tA\n")))
    assert not storage_file.told(look(tmp_path / "a.trc"))


@pytest.mark.parametrize(
    ("columns", "held"),
    [
        ("pelvis_tilt\tpelvis_tx\tknee_angle_r", "joint angles"),
        ("/jointset/hip_r/hip_flexion_r/value", "joint angles"),
        ("ground_force_vx\tground_force_vy", "forces"),
        ("soleus_r.activation", "states of muscles"),
        ("R.ASIS_tx\tR.ASIS_ty\tR.ASIS_tz", "table of places"),
    ],
)
def test_opensims_tables_are_refused_with_the_reason(
    columns: str, held: str, tmp_path: Path
) -> None:
    head = "walk\nversion=1\nnRows=1\nnColumns=4\ninDegrees=yes\nendheader\n"
    file = write(tmp_path / "ik.mot", f"{head}time\t{columns}\n0.0\t1\t2\t3\n")
    assert "endheader" in storage_file.told(look(file))
    with pytest.raises(InputError, match=rf"{held}.*\.trc"):
        read(file)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    clips = generate(KINECT20, clips=4, seed=3)
    joints = clips.clip(1)[:, 0].copy()
    write_trc(clips, 1, tmp_path / "out.trc")
    back, said = notes(tmp_path / "out.trc")
    assert back.skeleton.names == clips.skeleton.names
    assert back.fps[0] == pytest.approx(clips.fps[1])
    assert np.array_equal(positions(back), joints.astype(np.float32))
    assert "up" not in said
