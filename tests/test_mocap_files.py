"""What programs really write: BVH, AMC and C3D that bend the formats, and names that say things."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from test_amc import AMC as GOOD_AMC
from test_amc import ASF
from test_amc import ROWS as AMC_ROWS
from test_amc import write as write_amc
from test_bvh import GOOD, HEAD, ROWS, motion
from test_bvh import write as write_bvh
from test_c3d import EXPECTED, NAMES, POINTS, Writer, simple
from test_c3d import write as write_c3d

from skelf.data.clips import ClipSet
from skelf.data.formats.csv_mapping import CsvMapping
from skelf.data.formats.frame_time import frames_a_second
from skelf.data.formats.naming import NamePattern
from skelf.data.quality.inspect import inspect
from skelf.data.quality.remedies import imported, scaled, turned
from skelf.data.readers import READERS, reader_options
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.settings.options import table

bvh, amc, c3d = (by_keys(name) for name in ("bvh", "amc", "c3d"))
NTSC = {23.976: 24_000, 29.97: 30_000, 59.94: 60_000, 119.88: 120_000}


def silent(read: Any, *given: Any, **options: Any) -> ClipSet:
    """Reads, and fails on any note."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips: ClipSet = read(*given, **options)
        return clips


def notes(read: Any, *given: Any, **options: Any) -> tuple[ClipSet, list[str]]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        clips = read(*given, **options)
    return clips, [str(warning.message).partition(": ")[2] for warning in told]


@pytest.mark.parametrize(
    ("written", "fps"),
    [
        *(("0.017", 60), ("0.0167", 60), ("0.016", 60), ("0.01667", 60), ("0.033", 30)),
        *(("0.03", 30), ("0.008", 120), ("0.0083", 120), ("0.01", 100), ("0.02", 50)),
        *(("0.04", 25), ("0.042", 24), ("0.041", 24), ("0.004", 250), ("0.0042", 240)),
        *(("0.0333667", 29.97), ("0.01668", 59.94), ("0.0166833", 59.94), ("0.008342", 119.88)),
        *(("0.0417083", 23.976), ("0.0371", 1 / 0.0371), ("0.037", 27), ("0.2", 5)),
    ],
)
def test_of_the_rates_that_fit_the_digits_the_usual_one_is_meant(written: str, fps: float) -> None:
    assert frames_a_second("x", written) == pytest.approx(NTSC.get(fps, 0) / 1001 or fps, rel=1e-9)


def bent(kind: str) -> str | bytes:
    """The good file, written otherwise."""
    comma = HEAD.replace("0.5", "0,5").replace("1e0", "1") + motion().replace(".", ",")
    return {
        "offset over two lines": GOOD.replace("OFFSET 0.5 -10 0", "OFFSET 0.5 -10\n 0"),
        "channels over two lines": GOOD.replace("CHANNELS 2 zrotation ", "CHANNELS 2\nzrotation\n"),
        "all on one line": " ".join(HEAD.split()).replace("End Site", "\nEnd Site\n")
        .replace(" {", "\n{") + "\n" + motion(),
        "name below its word": GOOD.replace("JOINT RightFoot", "JOINT\n  RightFoot"),
        "rows over two lines": HEAD + motion().replace(f" {ROWS[0, 5]:g} ", f"\n{ROWS[0, 5]:g} "),
        "comment in front": "# exported by me\n; and so on\n" + GOOD,
        "comments within": GOOD.replace("OFFSET 1 2 3", "OFFSET 1 2 3 // metres\n# what").replace(
            "MOTION", "// now\nMOTION"
        ),
        "decimal commas": comma,
        "commas behind numbers": GOOD.replace("OFFSET 1 2 3", "OFFSET 1, 2, 3"),
        "tabs": GOOD.replace(" ", "\t").replace("End\tSite", "End Site"),
        "CR": GOOD.replace("\n", "\r"),
        "CRLF": GOOD.replace("\n", "\r\n"),
        "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
        "UTF-16": GOOD.encode("utf-16"),
        "small letters": GOOD.replace("HIERARCHY", "Hierarchy").replace("MOTION", "Motion")
        .replace("Frame Time", "frame time").replace("Frames", "frames").replace("JOINT", "Joint"),
        "empty lines": GOOD.replace("\n", "\n\n"),
        "Latin-1 in a comment": b"# f\xfcr alle\n" + GOOD.encode(),
    }[kind]  # fmt: skip


KINDS = (
    "offset over two lines", "channels over two lines", "all on one line", "name below its word",
    "rows over two lines", "comment in front", "comments within", "decimal commas",
    "commas behind numbers", "tabs", "CR", "CRLF", "byte order mark", "UTF-16", "small letters",
    "empty lines", "Latin-1 in a comment",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_words_not_lines_make_a_bvh(tmp_path: Path, kind: str) -> None:
    expected = bvh(write_bvh(tmp_path))
    clips = silent(bvh, write_bvh(tmp_path, bent(kind), "bent.bvh"))
    assert clips.skeleton.names == expected.skeleton.names and clips.fps == 30
    np.testing.assert_allclose(clips.joints, expected.joints, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("OFFSET 1 2 3", "OFFSET 1,2,3"),
        GOOD.replace("OFFSET 1 2 3", "OFFSET 1,5 2 3"),  # elsewhere numbers have points
        GOOD.replace("OFFSET 1 2 3", "OFFSET 1,234.5 2 3"),
    ],
)
def test_commas_in_doubt_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"a\.bvh: line 4: .*(is no number|instead of 3)"):
        bvh(write_bvh(tmp_path, text))


def test_more_rows_than_stated_and_none_stated_are_read_with_a_note(tmp_path: Path) -> None:
    expected = bvh(write_bvh(tmp_path)).joints
    clips, told = notes(bvh, write_bvh(tmp_path, HEAD + motion(frames=3)))
    np.testing.assert_array_equal(clips.joints, expected)
    assert told == ["Frames says 3, but 4 follow; all are read"]
    bare = "\n".join(line for line in GOOD.split("\n") if not line.startswith("Frames:"))
    clips, told = notes(bvh, write_bvh(tmp_path, bare))
    np.testing.assert_array_equal(clips.joints, expected)
    assert told == ["no 'Frames:' after MOTION; all 4 are read"]


def test_letters_beyond_ascii_do_not_stop_a_folder(tmp_path: Path) -> None:
    write_bvh(tmp_path, GOOD.encode().replace(b"RightFoot", b"\xc9\xd2\xd6\xe6"), "a.bvh")
    write_bvh(tmp_path, GOOD.encode().replace(b"RightFoot", b"\xc9\xd2\xd6\xe6"), "b.bvh")
    clips, told = notes(bvh, tmp_path)
    assert len(clips) == 2 and clips.skeleton.names[-1] == "ÉÒÖæ"
    assert len(told) == 1 and "read as Latin-1" in told[0]
    comment = GOOD_AMC.encode().replace(b"somewhere", b"X:\\f\xfcr alle\\rig.ASF\r")
    np.testing.assert_array_equal(
        silent(amc, write_amc(tmp_path / "x", comment)).joints,
        amc(write_amc(tmp_path / "y")).joints,
    )
    named = (ASF.encode().replace(b"tail", b"t\xe4il"), GOOD_AMC.encode())
    clips, told = notes(amc, write_amc(tmp_path / "z", named[1], named[0]))
    assert clips.skeleton.names[-1] == "täil" and len(told) == 1


def test_acclaim_with_bare_carriage_returns_and_comments(tmp_path: Path) -> None:
    expected = amc(write_amc(tmp_path / "a")).joints
    odd = GOOD_AMC.replace("\narm ", " # the root\n# next\narm ").replace("\n", "\r")
    found = silent(amc, write_amc(tmp_path / "b", odd, "\ufeff" + ASF.replace("\n", "\r"))).joints
    np.testing.assert_array_equal(found, expected)
    radians = ASF.replace("angle deg", "angle RADIANS").replace("length 0.5", "length\t0.5")
    degrees = amc(write_amc(tmp_path / "c", GOOD_AMC, radians))
    assert degrees.joints.shape == expected.shape


def test_numbers_that_are_nan_are_gaps_below_them(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[2, 6] = np.nan  # the left thigh turns by nobody knows what
    clips, told = notes(bvh, write_bvh(tmp_path, HEAD + motion(rows)), missing="keep")
    at = clips.skeleton.names.index("LeftFoot")
    assert not clips.joints[2, 0, at].any() and clips.joints[2, 0].any(-1).sum() == 4
    assert told == ["1 of 20 joint positions are gaps (5.0%), set to zeros"]
    clips, told = notes(bvh, tmp_path / "a.bvh")
    between = (clips.joints[1, 0, at] + clips.joints[3, 0, at]) / 2
    np.testing.assert_allclose(clips.joints[2, 0, at], between, atol=1e-6)
    assert told == ["1 of 20 joint positions are gaps (5.0%), filled by missing=linear"]
    text = GOOD_AMC.replace(f"\nhand {AMC_ROWS[2, 9]:g}", "\nhand nan")
    assert notes(amc, write_amc(tmp_path, text), missing="hold")[0].joints.any(-1).all()
    for bad in (np.inf, -np.inf):
        rows[2, 6] = bad
        with pytest.raises(InputError, match=r"line 35 .*holds -?inf"):
            bvh(write_bvh(tmp_path, HEAD + motion(rows)))
    with pytest.raises(InputError, match="no joint is seen in any frame"):
        bvh(write_bvh(tmp_path, HEAD + motion(np.full_like(ROWS, np.nan))))


def gapped() -> bytes:
    points = POINTS.copy()
    points[3:5, 1] = 0
    points[0, 2] = points[-1, 2] = np.nan
    points[:, 3] = 0
    return simple().file(points)


@pytest.mark.parametrize("missing", ["keep", "hold", "linear"])
def test_gaps_of_markers(tmp_path: Path, missing: str) -> None:
    clips, (note,) = notes(c3d, write_c3d(tmp_path, gapped()), missing=missing)
    x = clips.joints[:, 0]
    assert "13 of 45 joint positions are gaps (28.9%)" in note
    assert not x[:, 3].any()  # never seen: nobody knows where
    np.testing.assert_array_equal(x[:, 0], EXPECTED[:, 0])
    if missing == "keep":
        assert not x[3:5, 1].any() and not x[[0, -1], 2].any()
        return
    share = np.array([1 / 3, 2 / 3])[:, None] if missing == "linear" else 0
    line = EXPECTED[2, 1] + share * (EXPECTED[5, 1] - EXPECTED[2, 1])
    np.testing.assert_allclose(x[3:5, 1], np.broadcast_to(line, (2, 3)), atol=1e-6)
    np.testing.assert_allclose(x[[0, -1], 2], EXPECTED[[1, -2], 2], atol=1e-6)


def test_frames_before_the_first_marker_stay_empty(tmp_path: Path) -> None:
    points = POINTS.copy()
    points[:2] = 0
    points[4, 1] = 0
    clips, _ = notes(c3d, write_c3d(tmp_path, simple().file(points)))
    assert not clips.joints[:2].any() and clips.joints[2:].any(-1).all()


@pytest.mark.parametrize(
    ("screen", "turn"),
    [
        ("+Z", lambda x: x[..., [0, 2, 1]] * [1, 1, -1]),
        ("-Z", lambda x: x[..., [0, 2, 1]] * [1, 1, -1]),  # turned over for the screen alone
        ("+Y", lambda x: x),
        ("-y ", lambda x: x * [1, -1, -1]),
        ("", lambda x: x[..., [0, 2, 1]] * [1, 1, -1]),
        ("+X", lambda x: x[..., [0, 2, 1]] * [1, 1, -1]),
    ],
)
def test_the_axis_up_on_the_screen(tmp_path: Path, screen: str, turn: Any) -> None:
    writer = simple()
    if screen:
        writer.texts("POINT", "Y_SCREEN", (screen,))
    clips, told = notes(c3d, write_c3d(tmp_path, writer.file(POINTS)))
    np.testing.assert_allclose(clips.joints[:, 0], turn(POINTS) / 1000, rtol=1e-6)
    said = {"+Z": "", "": "", "-Z": "stand along z", "+X": "none of y"}
    assert said.get(screen, "extend along z") in "".join(told) and bool(told) == (
        screen not in ("", "+Z")
    )


def test_what_a_model_derived_is_left_out_by_its_name(tmp_path: Path) -> None:
    derived = ("LHipAngles", "s:RKneeMoment", "CentreOfMass", "LFEO", "CenterOfMassFloor", "PELO")
    derived += ("L ankle power", "RGroundReactionForce", "COM", "LNormalisedGRF Force", "HEDA")
    derived += ("LHIPANGLES",)
    kept = ("Triangle", "LFE1", "comb", "LHJC", "Powered", "CLAV")
    names = (*derived, *kept)
    points = np.random.default_rng(1).normal(1000, 50, (6, len(names), 3))
    clips, told = notes(c3d, write_c3d(tmp_path, simple(names=names).file(points)), up="z")
    assert clips.skeleton.names == kept
    assert told == [
        "12 points that a model derived are left out: LHipAngles, s:RKneeMoment, CentreOfMass, "
        "LFEO, ..."
    ]


def test_labels_that_stand_twice_are_numbered(tmp_path: Path) -> None:
    names = ("LSHO", "LSHO", "LSHO_2", "HEAD", "LSHO")
    clips, told = notes(c3d, write_c3d(tmp_path, simple(names=names).file(POINTS)), up="z")
    assert clips.skeleton.names == ("LSHO", "LSHO_3", "LSHO_2", "HEAD", "LSHO_4")
    assert told == ["labels that stand twice are numbered: LSHO_3 for LSHO, LSHO_4 for LSHO"]


def test_a_pattern_drops_what_is_there(tmp_path: Path) -> None:
    more = np.concatenate([POINTS, POINTS[:, :3] + 5], 1)
    write_c3d(tmp_path, simple().file(POINTS), "a.c3d")
    write_c3d(tmp_path, simple(names=(*NAMES, "U_12", "Unlabeled 1", "extra")).file(more), "b.c3d")
    clips, told = notes(c3d, tmp_path, drop="U_*,EXTRA")
    assert len(clips) == 2 and clips.skeleton.names == NAMES
    assert told == ["2 points without a label are left out"]
    with pytest.raises(InputError, match="drop: unknown joint 'q_\\*'"):
        c3d(tmp_path, drop="extra,Q_*")
    write_bvh(tmp_path / "rigs")
    write_bvh(tmp_path / "rigs", GOOD.replace("RightFoot", "RFoot"), "b.bvh")
    rigs = silent(bvh, tmp_path / "rigs", rename={"RFoot": "RightFoot"})
    assert len(rigs) == 2 and rigs.skeleton.names[-1] == "RightFoot"
    with pytest.raises(InputError, match="rename: unknown joint 'Tail'"):
        bvh(tmp_path / "rigs", rename={"RFoot": "RightFoot", "Tail": "x"})


def test_prefixes_blanks_units_and_lists_of_labels(tmp_path: Path) -> None:
    names = ("P1:LSHO", "P1:RSHO", "P1:LWRA", "RWRA", "HEAD")
    assert (
        silent(c3d, write_c3d(tmp_path, simple(names=names).file(POINTS))).skeleton.names == NAMES
    )
    two = ("A:LSHO", "B:LSHO", "A:HEAD", "B:HEAD", "A:RSHO")
    file = write_c3d(tmp_path, simple(names=two).file(POINTS))
    clips, told = notes(c3d, file, up="z")  # two persons, one of whom lacks a marker
    assert clips.skeleton.names == ("LSHO", "HEAD", "RSHO") and clips.persons == 2
    assert told[0] == "2 subjects are 2 persons: A, B"
    assert silent(c3d, file, subject="*", up="z").skeleton.names == two
    assert silent(c3d, file, drop="B:*", up="z").skeleton.names == ("LSHO", "HEAD", "RSHO")
    writer = Writer()
    writer.texts("POINT", "LABELS", ("LSHO   ", "RSHO"))
    writer.texts("POINT", "LABELS2", ("LWRA\t", "RWRA  ", "HEAD "))
    writer.texts("POINT", "UNITS", (" METERS ",))
    clips = silent(c3d, write_c3d(tmp_path, writer.file(POINTS)))
    assert clips.skeleton.names == NAMES and clips.attributes["scale"] == "1"
    for unit, metres in (("MM", 0.001), ("Centimetres", 0.01), ("m", 1.0), ("inch", 0.0254)):
        writer = Writer()
        writer.texts("POINT", "LABELS", NAMES)
        writer.texts("POINT", "UNITS", (unit,))
        clips = silent(c3d, write_c3d(tmp_path, writer.file(POINTS)))
        assert float(clips.attributes["scale"]) == metres


def test_what_paths_say_by_a_pattern(tmp_path: Path) -> None:
    for name in ("P07/walk_c2_20240131123456.bvh", "P11/run_c1_20240131123457.bvh"):
        write_bvh(tmp_path, name=name)
    clips = bvh(tmp_path, clip="P{subject}/{class}_c{camera}_{take}.bvh")
    assert clips.class_names == ("run", "walk") and clips.label.tolist() == [1, 0]
    assert clips.subject.tolist() == [7, 11] and clips.camera.tolist() == [2, 1]
    assert clips.columns["take"].tolist() == [20240131123456, 20240131123457]
    single = tmp_path / "P07/walk_c2_20240131123456.bvh"
    assert bvh(single, clip="{class}_c{camera}_*.bvh").camera.tolist() == [2]
    assert amc(write_amc(tmp_path / "m"), clip="{subject}_{setup}.amc").setup.tolist() == [1]
    path = write_c3d(tmp_path, simple().file(POINTS), "S3 jump.c3d")
    assert c3d(path, clip="S{subject} {class}.c3d").class_names == ("jump",)
    bvh(tmp_path, clip="P{subject}/*", folders="subject")  # the pattern says it: no note on folders
    # Without a slash the pattern is for the file's name, in whatever folder.
    clips = bvh(tmp_path, clip="{class}_c{camera}_*.bvh", folders="subject")
    assert clips.class_names == ("run", "walk") and clips.subject.tolist() == [7, 11]
    with pytest.raises(InputError, match=r"P07/walk.*: does not fit clip = 'S\{subject\}/\*'"):
        bvh(tmp_path, clip="S{subject}/*")


def test_long_numbers_in_names_are_whole_or_refused() -> None:
    pattern = NamePattern("{take}_{class}.csv", "clip")
    assert pattern.columns(["1234567890123_a.csv"])["columns"]["take"].tolist() == [1234567890123]
    with pytest.raises(InputError, match=r"\{take\} of clip = .* 19 digits; a column holds 18"):
        pattern.read("1234567890123456789_a.csv")
    csv = CsvMapping(skeleton=KINECT20, clip="{subject}_*.csv")
    assert csv.said("20240131123456_x.csv") == {"subject": "20240131123456"}
    with pytest.raises(InputError, match="19 digits"):
        csv.said("2024013112345600001_x.csv")
    for bad, match in (("{a}{a}", "each word once"), ("{length}", "a column of every set")):
        with pytest.raises(InputError, match=match):
            NamePattern(bad, "clip")


@pytest.mark.parametrize("format_", READERS)
def test_remedies_name_options_that_the_reader_has(format_: str) -> None:
    joints = np.ones((2, 1, 20, 3), np.float32)
    clips = ClipSet.build(joints, [2], KINECT20, attributes={"format": format_})
    cls = reader_options(format_)
    options = set(table(cls)) if cls else set()
    remedies = {
        "up": turned(clips, "z"),
        "scale": scaled(clips, 0.001),
        "missing": imported(clips, "missing", "linear", "fill them"),
    }
    for key, remedy in remedies.items():
        assert (f"{key}=" in remedy) == (key in options), remedy
    if format_ == "csv":
        assert "up = z in the mapping file" in remedies["up"]


def test_the_remedy_is_the_option_that_mends(tmp_path: Path) -> None:
    names = ("HEAD", "C7", "LASI", "RASI", "LANK", "RANK")
    rest = np.array([[0, 1700, 0], [0, 1400, -50], [100, 900, 80], [-100, 900, 80],
                     [100, 80, 0], [-100, 80, 0.0]])  # fmt: skip
    points = rest + np.random.default_rng(0).normal(0, 2, (12, 6, 3))
    path = write_c3d(tmp_path, simple(names=names).file(points))

    def findings(**options: Any) -> dict[str, str]:
        clips = c3d(path, **options)
        clips.attributes["format"] = "c3d"
        return {finding.code: finding.remedy for finding in inspect(clips).findings}

    assert findings() == {}  # the bodies tell
    assert findings(up="z") == {"up": "import again with up=y"}
    assert findings(up="-z") == {"up": "import again with up=y"}
    assert findings(up="-y") == {"up": "import again with up=y"}
    assert findings(up="y") == {}
    remedy = "millimetres? import again with scale=0.001"
    assert findings(up="y", scale=1.0) == {"scale": remedy}
