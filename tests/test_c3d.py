"""C3D of every make against a writer of its own and ezc3d's, trees of markers, hostile files."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import survives

from skelf.cli import main as cli
from skelf.data.motion.marker_tree import spanning_tree
from skelf.data.motion.markers import metres_of
from skelf.errors import InputError

read = by_keys("c3d")
INTEL, DEC, MIPS = 84, 85, 86
NAMES = ("LSHO", "RSHO", "LWRA", "RWRA", "HEAD")
BASE = np.array([[-200, 0, 1400], [200, 0, 1400], [-500, 0, 1000], [500, 0, 1000], [0, 0, 1600.0]])
POINTS = BASE + np.random.default_rng(0).integers(-20, 20, (9, 5, 3))


def floats(values: Any, processor: int) -> bytes:
    array = np.asarray(values, np.float32).ravel()
    if processor == MIPS:
        return array.astype(">f4").tobytes()
    if processor == INTEL:
        return array.astype("<f4").tobytes()
    words = (array * 4).astype("<f4").view("<u2").reshape(-1, 2)[:, ::-1]
    return np.ascontiguousarray(words).tobytes()


class Writer:
    """A C3D as the format's description has it; `group` and `parameter` add what a test needs."""

    def __init__(self, processor: int = INTEL) -> None:
        self.processor = processor
        self.order = ">" if processor == MIPS else "<"
        self.parameters = b""
        self.groups: dict[str, int] = {}

    def word(self, value: int) -> bytes:
        return struct.pack(f"{self.order}H", value)

    def parameter(self, group: str, name: str, kind: int, sizes: list[int], data: bytes) -> None:
        if group not in self.groups:
            self.groups[group] = len(self.groups) + 1
            head = struct.pack("bb", len(group), -self.groups[group]) + group.encode()
            self.parameters += head + self.word(3) + b"\0"
        body = struct.pack("bB", kind, len(sizes)) + bytes(sizes) + data + b"\0"
        head = struct.pack("bb", -len(name), self.groups[group]) + name.encode()  # locked
        self.parameters += head + self.word(len(body) + 2) + body

    def texts(self, group: str, name: str, values: tuple[str, ...]) -> None:
        width = max(map(len, values))
        data = "".join(value.ljust(width) for value in values).encode()
        self.parameter(group, name, -1, [width, len(values)], data)

    def number(self, group: str, name: str, value: float) -> None:
        self.parameter(group, name, 4, [], floats(value, self.processor))

    def integers(self, group: str, name: str, *values: int) -> None:
        data = b"".join(map(self.word, values))
        self.parameter(group, name, 2, [len(values)] if len(values) > 1 else [], data)

    def file(
        self,
        points: np.ndarray,
        scale: float = -1.0,
        residual: np.ndarray | None = None,
        analog: int = 0,
        rate: float = 100.0,
        frames: int | None = None,
    ) -> bytes:
        parameters = self.parameters + b"\0\0"
        blocks = -(-(len(parameters) + 4) // 512)
        section = bytes([0, 0, blocks, self.processor]) + parameters
        count, used = points.shape[:2]
        header = bytes([2, 0x50]) + self.word(used) + self.word(analog) + self.word(1)
        header += self.word(count if frames is None else frames) + self.word(10)
        header += floats(scale, self.processor) + self.word(2 + blocks)
        header += self.word(analog) + floats(rate, self.processor)
        rows = np.zeros((count, 4 * used + analog))
        body = rows[:, : 4 * used].reshape(count, used, 4)  # a copy or a view: written back below
        body[..., :3] = points / (scale if scale > 0 else 1)
        body[..., 3] = 0 if residual is None else residual
        rows[:, : 4 * used] = body.reshape(count, -1)
        rows[:, 4 * used :] = 77  # analog samples, which must not be taken for markers
        if scale < 0:
            data = floats(rows, self.processor)
        else:
            data = np.rint(rows).astype(f"{self.order}i2").tobytes()
        return header.ljust(512, b"\0") + section.ljust(512 * blocks, b"\0") + data


def simple(processor: int = INTEL, names: tuple[str, ...] = NAMES) -> Writer:
    writer = Writer(processor)
    writer.texts("POINT", "LABELS", names)
    writer.texts("POINT", "UNITS", ("mm",))
    return writer


def write(folder: Path, content: bytes, name: str = "a.c3d") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


EXPECTED = (POINTS[..., [0, 2, 1]] * [1, 1, -1] / 1000).astype(np.float32)  # metres, y up


@pytest.mark.parametrize("processor", [INTEL, DEC, MIPS])
@pytest.mark.parametrize("scale", [-1.0, 0.5])
@pytest.mark.parametrize("analog", [0, 6])
def test_every_make(tmp_path: Path, processor: int, scale: float, analog: int) -> None:
    path = write(tmp_path, simple(processor).file(POINTS, scale, analog=analog))
    clips = read(path)
    np.testing.assert_allclose(clips.joints[:, 0], EXPECTED, rtol=1e-6)
    assert clips.fps == 100 and clips.skeleton.names == NAMES and clips.names == ["a"]
    assert clips.skeleton.pairs == ((0, 1), (2, 3))


# In a process of its own: after `import faiss` ezc3d 1.7.2 cannot write.
EZC3D = """
import sys
import ezc3d, numpy as np

points = np.load(sys.argv[1])
made = ezc3d.c3d()
made["parameters"]["POINT"]["RATE"]["value"] = [50]
made["parameters"]["POINT"]["LABELS"]["value"] = tuple(f"m{i}" for i in range(300))
made["parameters"]["POINT"]["UNITS"]["value"] = ("cm",)
made["parameters"]["ANALOG"]["RATE"]["value"] = [100]
made["parameters"]["ANALOG"]["LABELS"]["value"] = ("force",)
made["data"]["points"] = np.concatenate([points.transpose(2, 1, 0), np.ones((1, 300, 12))])
made["data"]["analogs"] = np.random.default_rng(2).normal(size=(1, 1, 24))
made.write(sys.argv[2])
"""


def test_what_ezc3d_writes(tmp_path: Path) -> None:
    pytest.importorskip("ezc3d", reason="ezc3d is not here; pip install ezc3d")
    names = [f"m{i}" for i in range(300)]  # more than one list of labels holds
    points = np.random.default_rng(1).normal(1000, 300, (12, 300, 3))
    points[3, 7] = np.nan
    np.save(tmp_path / "points.npy", points)
    command = [sys.executable, "-c", EZC3D, tmp_path / "points.npy", tmp_path / "a.c3d"]
    subprocess.run(command, check=True)
    with pytest.warns(UserWarning, match="1 of 3600 joint positions are gaps"):
        clips = read(tmp_path / "a.c3d", up="y", missing="keep")
    assert clips.skeleton.names == tuple(names) and clips.fps == 50
    points[3, 7] = 0
    np.testing.assert_allclose(clips.joints[:, 0], points / 100, rtol=1e-6)


def test_gaps_stay_zeros_on_demand_and_are_counted(tmp_path: Path) -> None:
    points, residual = POINTS.copy(), np.zeros((9, 5))
    residual[2, 1] = -1  # a gap by its residual
    points[3:5, 2] = np.nan  # or by what it holds
    points[5, 2] = 0
    with pytest.warns(UserWarning, match=r"a\.c3d: 4 of 45 joint positions are gaps \(8.9%\)"):
        path = write(tmp_path, simple().file(points, residual=residual))
        clips = read(path, missing="keep")
    gaps = ~clips.joints[:, 0].any(-1)
    assert [tuple(map(int, at)) for at in np.argwhere(gaps)] == [(2, 1), (3, 2), (4, 2), (5, 2)]
    np.testing.assert_allclose(clips.joints[:, 0][~gaps], EXPECTED[~gaps], rtol=1e-6)
    with pytest.warns(UserWarning, match="gaps"):
        fast = read(path, fps=200, missing="keep").joints[:, 0]
    np.testing.assert_array_equal(fast[::2], clips.joints[:, 0])
    assert [int(at) for at in np.flatnonzero(~fast[:, 2].any(-1))] == [5, 6, 7, 8, 9, 10, 11]


def test_gaps_of_many_files_are_one_note(tmp_path: Path) -> None:
    for number in range(3):
        points = POINTS.copy()
        points[: number + 1, 2] = 0
        write(tmp_path, simple().file(points), f"{number}.c3d")
    with pytest.warns(UserWarning) as told:
        read(tmp_path, missing="keep")
    (note,) = [str(warning.message) for warning in told]
    assert note.endswith(
        "0.c3d (and 2 more files): 6 of 135 joint positions are gaps (4.4%), set to zeros"
    )


def test_units_and_axes(tmp_path: Path) -> None:
    for unit, metres in (("m", 1.0), ("CM", 0.01), ("in", 0.0254)):
        writer = Writer()
        writer.texts("POINT", "LABELS", NAMES)
        writer.texts("POINT", "UNITS", (unit,))
        writer.texts("POINT", "Y_SCREEN", ("+Y",))
        path = write(tmp_path, writer.file(POINTS))
        np.testing.assert_allclose(read(path).joints[:, 0], POINTS * metres, rtol=1e-6)
        turned = read(path, up="z", scale=0.001).joints[:, 0]
        np.testing.assert_allclose(turned, EXPECTED, rtol=1e-6)
    writer = Writer()
    writer.texts("POINT", "LABELS", NAMES)
    with pytest.warns(UserWarning, match="unit '' is unknown: millimetres assumed"):
        np.testing.assert_allclose(
            read(write(tmp_path, writer.file(POINTS))).joints[:, 0], EXPECTED, rtol=1e-6
        )


def test_only_labelled_positions_are_joints(tmp_path: Path) -> None:
    names = ("s:HEAD", "*1", "LElbowAngles", "s:LWRA")
    writer = simple(names=names)
    writer.texts("POINT", "ANGLES", ("LElbowAngles",))
    points = np.concatenate([POINTS[:, :4], POINTS[:, :1]], 1)  # one point more than labels
    with pytest.warns(UserWarning) as told:
        clips = read(write(tmp_path, writer.file(points)))
    assert [str(warning.message).partition(": ")[2] for warning in told] == [
        "2 points without a label are left out",
        "1 points that a model derived are left out: LElbowAngles",
        "which axis is up cannot be told: z taken; else give up=y",
    ]
    assert clips.skeleton.names == ("HEAD", "LWRA")
    np.testing.assert_allclose(clips.joints[:, 0], EXPECTED[:, [0, 3]], rtol=1e-6)


@pytest.mark.parametrize("where", ["TRIAL", "FRAMES", "LONG_FRAMES"])
def test_more_frames_than_a_header_counts(tmp_path: Path, where: str) -> None:
    writer, count = simple(names=("a", "b")), 70_000
    if where == "TRIAL":
        writer.integers("TRIAL", "ACTUAL_START_FIELD", 1, 0)
        writer.integers("TRIAL", "ACTUAL_END_FIELD", count % 65536, count // 65536)
    else:
        writer.number("POINT", where, count)
    points = np.arange(count * 6, dtype=float).reshape(count, 2, 3) + 1
    path = write(tmp_path, writer.file(points, frames=65535))
    clips = read(path, up="y", scale=1)
    assert clips.length.tolist() == [count]
    np.testing.assert_array_equal(clips.joints[-1, 0], points[-1].astype(np.float32))


def test_the_tree_links_markers_that_stay_near() -> None:
    rng = np.random.default_rng(3)
    trunk, arm = np.cumsum(rng.normal(size=(100, 1, 3)), 0), rng.normal(size=(100, 1, 3))
    hand = trunk + 8 * arm / np.linalg.norm(arm, axis=-1, keepdims=True)
    chest, belly = trunk + np.array([0, 2, 0]), trunk - np.array([0, 3, 0])
    elbow = (chest + hand) / 2
    joints = np.concatenate([hand, trunk, elbow, belly, chest], 1)
    assert spanning_tree(joints) == [2, -1, 4, 1, 1]
    joints[:50, 0] = np.nan  # seen for half of the time
    assert spanning_tree(joints)[1] == -1
    assert spanning_tree(joints[:, :1]) == [-1]
    joints[:, 0] = np.nan
    tree = spanning_tree(joints)
    assert tree.count(-1) == 1 and tree.index(-1) != 0 and tree[1:] == [-1, 4, 1, 1]


def test_files_of_a_folder_share_the_first_one_s_tree(tmp_path: Path) -> None:
    write(tmp_path, simple().file(POINTS), "walk/a.c3d")
    back = POINTS[:, ::-1] * [3, 0.1, 1]
    write(tmp_path, simple(names=NAMES[::-1]).file(back), "walk/b.C3D")
    clips = read(tmp_path)
    assert clips.skeleton == read(tmp_path / "walk/a.c3d").skeleton
    assert clips.class_names == ("walk",) and clips.names == ["walk/a", "walk/b"]
    expected = (EXPECTED * [3, 1, 0.1]).astype(np.float32)
    np.testing.assert_allclose(clips.clip(1)[:, 0], expected, rtol=1e-6)
    write(tmp_path, simple(names=("X", *NAMES[1:])).file(POINTS), "c.c3d")
    with pytest.raises(InputError, match=r"another skeleton than .*c\.c3d"):
        read(tmp_path)
    toml = tmp_path / "arms.toml"
    toml.write_text('names = ["RSHO", "RWRA"]\nparents = ["", "RSHO"]\ncentre = "RSHO"\n')
    assert read(tmp_path, str(toml)).joints.shape == (27, 1, 2, 3)


def built(**changes: Any) -> bytes:
    return simple().file(POINTS, **changes)


def with_number(name: str, value: float) -> bytes:
    writer = simple()
    writer.number("POINT", name, value)
    return writer.file(POINTS)


GOOD = built()
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"hello world\n" * 100, "no C3D file by its first bytes"),
    "zeros": (bytes(4096), "no C3D file by its first bytes"),
    "header alone": (GOOD[:512], "no C3D file by its first bytes, or cut off"),
    "cut in the parameters": (GOOD[:512] + GOOD[512:560].ljust(512, b"\xff"), "damaged"),
    "cut in the points": (GOOD[:-300], "says 9 frames of 5 markers, but holds 5; it is cut off"),
    "no points": (GOOD[:1024], "says 9 frames of 5 markers, but holds 0"),
    "absurd header": (built(frames=60_000), "says 60000 frames of 5 markers, but holds 9"),
    "absurd frames": (with_number("LONG_FRAMES", 1e9), "says 1000000000 frames"),
    "absurd markers": (with_number("USED", 1e9), "says 9 frames of 1000000000 markers"),
    "negative markers": (with_number("USED", -5), "-5 markers in 9 frames; nothing to read"),
    "no frames": (built(frames=0), "5 markers in 0 frames; nothing to read"),
    "no rate": (built(rate=0), "POINT:RATE: 0 frames a second"),
    "NaN rate": (built(rate=np.nan), "POINT:RATE: nan frames a second"),
    "no scale": (built(scale=0.0), "POINT:SCALE is 0"),
    "NaN scale": (built(scale=np.nan), "POINT:SCALE is nan"),
    "a make": (GOOD[:515] + b"\x10" + GOOD[516:], "processor 16 is unknown"),
    "infinite": (simple().file(np.where(POINTS[3, 2, 0] == POINTS, np.inf, POINTS)), "holds inf"),
    "huge": (simple().file(np.where(POINTS[3, 2, 0] == POINTS, 1e30, POINTS)), "holds 1e"),
    "nothing seen": (built(residual=np.full((9, 5), -1)), "no labelled marker is seen"),
    "all NaN": (simple().file(POINTS * np.nan), "no labelled marker is seen"),
    "no labels": (Writer().file(POINTS), "no labelled marker is seen"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:(divide|invalid):RuntimeWarning")
@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path: Path, case: str) -> None:
    content, match = BAD[case]
    with pytest.raises(InputError, match=rf"bad\.c3d: .*{match}") as error:
        read(write(tmp_path, content, "bad.c3d"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [-1, 1, 2, 4, 3])
def test_parameters_that_claim_more_than_there_is(tmp_path: Path, kind: int) -> None:
    writer = simple()
    writer.parameter("POINT", "EXTRA", kind, [255] * 7, b"")
    with pytest.raises(InputError, match=r"bad\.c3d: its parameters are damaged"):
        read(write(tmp_path, writer.file(POINTS), "bad.c3d"))


def test_the_command_line_leaves_nothing_of_a_bad_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "in", GOOD[:-1])
    (tmp_path / "out").mkdir()
    out = tmp_path / "out/x.h5"
    monkeypatch.setattr(
        sys, "argv", ["skelf", "data", "import", "c3d", str(path), "--out", str(out)]
    )
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2 and not list(out.parent.iterdir())
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


EDIT = st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4))


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(EDIT, min_size=1, max_size=6), st.integers(0, len(GOOD)))
def test_fuzz(tmp_path: Path, edits: list[tuple[int, bytes]], cut: int) -> None:
    """Bytes changed, mostly in the header and the parameters, and the end cut: one InputError."""
    content = bytearray(GOOD)
    for at, new in edits:
        at = at if at % 3 else at % 700
        content[at : at + len(new)] = new
    path = write(tmp_path, bytes(content[: None if cut % 2 else cut]), "fuzz.c3d")
    try:
        read(path).validate()
    except InputError as error:
        assert "fuzz.c3d" in str(error)


def contradicting(**numbers: int) -> Writer:
    """Of a file whose parameters say something else than its header."""
    writer = simple()
    for name, value in numbers.items():
        writer.integers(*name.split("_", 1), value)
    return writer


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"POINT_FRAMES": 541}, "frames 540, not 541"),
        ({"POINT_USED": 6}, "points a frame 5, not 6"),
        ({"POINT_DATA_START": 9}, "the first block of frames 3, not 9"),
    ],
)
def test_of_statements_that_differ_the_one_that_fits_the_size_counts(
    tmp_path: Path, stated: dict[str, int], told: str
) -> None:
    points = np.concatenate([POINTS] * 60)  # far from the 512 bytes that a file may be filled up by
    with pytest.warns(UserWarning, match=told):
        clips = read(write(tmp_path, contradicting(**stated).file(points)))
    np.testing.assert_allclose(clips.joints[:9, 0], EXPECTED, rtol=1e-6)
    assert len(clips.joints) == 540


def test_samples_of_a_frame_where_the_header_has_those_of_a_moment(tmp_path: Path) -> None:
    points = np.concatenate([POINTS] * 60)
    writer = simple()
    writer.integers("ANALOG", "USED", 4)
    writer.number("ANALOG", "RATE", 700)
    writer.number("POINT", "RATE", 100)
    raw = bytearray(writer.file(points, analog=28))
    raw[4:6] = writer.word(4)  # the header's
    with pytest.warns(UserWarning, match="analog words a frame 28, not 4"):
        clips = read(write(tmp_path, bytes(raw)))
    np.testing.assert_allclose(clips.joints[:9, 0], EXPECTED, rtol=1e-6)
    assert len(clips.joints) == 540


LONG = np.broadcast_to(POINTS[:1], (70_000, 5, 3)) + np.arange(70_000)[:, None, None] / 100


@pytest.mark.parametrize("filled", [0, 300, 512])
def test_frames_beyond_what_the_counts_can_say(tmp_path: Path, filled: int) -> None:
    content = simple().file(LONG, frames=65_535) + bytes(filled)
    with pytest.warns(UserWarning, match="end at 65535 frames; all 70000 that it holds are read"):
        clips = read(write(tmp_path, content))
    assert clips.length.tolist() == [70_000]
    np.testing.assert_allclose(clips.joints[-1, 0, :, 0], LONG[-1, :, 0] / 1000, rtol=1e-6)
    exact = simple().file(LONG[:65_535], frames=65_535) + bytes(filled)
    assert read(write(tmp_path, exact)).length.tolist() == [65_535]


def test_three_ways_to_say_more_frames(tmp_path: Path) -> None:
    for name in ("LONG_FRAMES", "FRAMES"):
        writer = simple()
        writer.number("POINT", name, 70_000)
        assert read(write(tmp_path, writer.file(LONG, frames=65_535))).length.tolist() == [70_000]
    writer = simple()
    writer.integers("POINT", "FRAMES", 65_535)
    writer.integers("TRIAL", "ACTUAL_START_FIELD", 101, 0)
    writer.integers("TRIAL", "ACTUAL_END_FIELD", 70_100 - 65_536, 1)
    assert read(write(tmp_path, writer.file(LONG, frames=65_535))).length.tolist() == [70_000]


def test_a_stale_range_of_the_trial(tmp_path: Path) -> None:
    points = np.concatenate([POINTS] * 60)
    writer = simple()
    writer.integers("TRIAL", "ACTUAL_START_FIELD", 1, 0)
    writer.integers("TRIAL", "ACTUAL_END_FIELD", 200, 0)  # of before frames were added
    with pytest.warns(UserWarning, match="frames 540, not 200"):
        assert read(write(tmp_path, writer.file(points))).length.tolist() == [540]


LONG_EZC3D = """
import sys
import ezc3d, numpy as np

made = ezc3d.c3d()
made["parameters"]["POINT"]["RATE"]["value"] = [100]
made["parameters"]["POINT"]["UNITS"]["value"] = ["Meters"]
made["parameters"]["POINT"]["LABELS"]["value"] = ["LSHO", "RSHO"]
points = np.ones((4, 2, 66_000))
points[2] = np.arange(66_000)
made["data"]["points"] = points
made.write(sys.argv[1])
"""


def test_a_long_recording_of_ezc3d(tmp_path: Path) -> None:
    pytest.importorskip("ezc3d", reason="ezc3d is not here; pip install ezc3d")
    subprocess.run([sys.executable, "-c", LONG_EZC3D, tmp_path / "a.c3d"], check=True)
    with pytest.warns(UserWarning, match="all 66000 that it holds are read"):
        joints = read(tmp_path / "a.c3d").joints[:, 0]
    np.testing.assert_array_equal(joints[:, 0, 1], np.arange(66_000))  # metres, z up


@pytest.mark.parametrize(
    ("word", "metres"),
    [("Meters", 1), ("METRES", 1), ("mete", 1), ("m.", 1), (" [m] ", 1), ("Millimeters", 0.001),
     ("MM", 0.001), ("mm.", 0.001), ("Millimetre", 0.001), ("millim", 0.001), ("Cent", 0.01),
     ("inches", 0.0254), ("\N{MICRO SIGN}m", 1e-6)],
)  # fmt: skip
def test_units_as_programs_write_them(word: str, metres: float) -> None:
    assert metres_of(word) == metres


@pytest.mark.parametrize("word", ["", "deg", "me", "mi", "unit", "N", "mmm"])
def test_words_that_are_no_unit(word: str) -> None:
    assert metres_of(word) is None


def test_a_unit_that_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    writer = Writer()
    writer.texts("POINT", "LABELS", NAMES)
    path = write(tmp_path, writer.file(POINTS / 1000))  # metres, and the file does not say so
    with pytest.raises(InputError, match=r"reach over 0\.001 m; say what it is: scale=1"):
        read(path)
    np.testing.assert_allclose(read(path, scale=1).joints[:, 0], EXPECTED, rtol=1e-5)


def test_why_no_marker_is_left(tmp_path: Path) -> None:
    path = write(tmp_path, simple(names=("LHipAngles", "*1", "*2", "*3", "*4")).file(POINTS))
    with pytest.raises(InputError, match="of 5 points a model derived 1, the others have no label"):
        read(path)
    writer = contradicting(ANALOG_USED=3)
    with pytest.raises(InputError, match=r"0 markers in 9 frames; .* analog data alone"):
        read(write(tmp_path, writer.file(POINTS[:, :0], analog=3)))


@pytest.mark.slow
def test_damaged_copies(tmp_path: Path) -> None:
    path = write(tmp_path, simple().file(POINTS, analog=2))
    done, refused = survives(read, path, path)
    assert done and refused
