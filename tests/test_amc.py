"""ASF and AMC against the CMU recording, a slow reference, and hostile files."""

from __future__ import annotations

import sys
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
from skelf.errors import InputError

read = by_keys("amc")

# Orders of every kind: the root's, a bone's axis, and its motion; `hand` before its parent.
ASF = """# comment
:version 1.10
:name test
:units
  mass 1.0
  length 0.5
  angle deg
:documentation
   anything: begin end
:root
   order TZ TX TY RY RX RZ
   axis ZXY
   position 0 0 0
   orientation 10 20 30
:bonedata
  begin
     id 2
     name hand
     direction 0 -0.6 0.8
     length 2
     axis 5 6 7 YXZ
     dof ry
     limits (-10.0 170.0)
  end
  begin
     id 1
     name arm
     direction 1 0 0
     length 3
     axis 40 -50 60 XYZ
     dof rz rx ry
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
  begin
     id 3
     name tail
     direction 0 1 0
     length 4
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root tail arm
    arm hand
  end
"""
ROWS = np.random.default_rng(0).uniform(-90, 90, (5, 10)).round(4)


def motion(
    rows: np.ndarray = ROWS, head: str = ":FULLY-SPECIFIED\n:DEGREES\n", first: int = 1
) -> str:
    lines = [
        f"{first + i}\nroot {' '.join(f'{v:g}' for v in row[:6])}\narm "
        f"{' '.join(f'{v:g}' for v in row[6:9])}\nhand {row[9]:g}\n"
        for i, row in enumerate(rows)
    ]
    return f"#!OML:ASF somewhere\n{head}" + "".join(lines)


AMC = motion()


def write(
    folder: Path, amc: str | bytes = AMC, asf: str | bytes | None = ASF, name: str = "7_01.amc"
) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(amc.encode() if isinstance(amc, str) else amc)
    if asf is not None:
        (path.parent / "7.asf").write_bytes(asf.encode() if isinstance(asf, str) else asf)
    return path


def reference(row: np.ndarray, root_motion: bool = True) -> np.ndarray:
    """Joints root, arm, hand, tail of one frame; scipy's small letters act in their order."""

    def turn(axes: str, *degrees: float) -> Any:
        return Rotation.from_euler(axes, degrees, degrees=True)

    place, world = np.zeros(3), turn("x", 0)
    if root_motion:
        place = np.array([row[1], row[2], row[0]])
        own = turn("zxy", 30, 10, 20)  # orientation 10 20 30 about x, y and z, in axis' order
        world = own * turn("zxy", row[5], row[4], row[3]) * own.inv()
    tail = place + world.apply([0, 4, 0])
    own = turn("xyz", 40, -50, 60)
    world = world * own * turn("zxy", *row[6:9]) * own.inv()
    arm = place + world.apply([3, 0, 0])
    own = turn("yxz", 6, 5, 7)
    world = world * own * turn("y", row[9]) * own.inv()
    return np.stack([place, arm, arm + world.apply([0, -1.2, 1.6]), tail])


def test_any_orders_against_a_slow_reference(tmp_path: Path) -> None:
    clips = read(write(tmp_path))
    assert clips.skeleton.names == ("root", "arm", "hand", "tail")
    assert clips.skeleton.parents == (-1, 0, 1, 0)
    expected = 0.0254 / 0.5 * np.stack([reference(row) for row in ROWS])
    np.testing.assert_allclose(clips.joints[:, 0], expected, atol=1e-5)
    assert clips.fps.tolist() == [120] and clips.names == ["7_01"]
    still = read(tmp_path / "7_01.amc", root_motion=False)
    expected = 0.0254 / 0.5 * np.stack([reference(row, False) for row in ROWS])
    np.testing.assert_allclose(still.joints[:, 0], expected, atol=1e-6)


def test_radians(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[:, 3:] = np.deg2rad(rows[:, 3:])
    degrees = read(write(tmp_path)).joints
    written = read(write(tmp_path, motion(rows, ":RADIANS\n")))
    np.testing.assert_allclose(written.joints, degrees, atol=1e-4)
    rad = ASF.replace("angle deg", "angle rad")
    for angles in ("10 20 30", "5 6 7", "40 -50 60"):
        turned = " ".join(f"{np.deg2rad(float(a)):.12f}" for a in angles.split())
        rad = rad.replace(angles, turned)
    np.testing.assert_allclose(
        read(write(tmp_path, motion(rows, ""), rad)).joints, degrees, atol=1e-4
    )
    np.testing.assert_allclose(read(write(tmp_path, AMC, rad)).joints, degrees, atol=1e-4)


def test_options(tmp_path: Path) -> None:
    path = write(tmp_path)
    plain = read(path).joints
    np.testing.assert_allclose(read(path, scale=1.0).joints, plain / 0.0508, rtol=1e-5)
    slow = read(path, fps=60, filtered=False)
    np.testing.assert_array_equal(slow.joints, plain[::2])
    assert slow.fps == 60 and read(path, source_fps=30).fps == 30
    stated = write(tmp_path, motion(head=":SAMPLES-PER-SECOND 100\n:DEGREES\n"))
    assert read(stated).fps == 100 and read(stated, source_fps=30).fps == 30
    turned = read(path, up="z").joints
    np.testing.assert_array_equal(turned, plain[..., [0, 2, 1]] * np.float32([1, 1, -1]))
    bare = read(path, drop="tail", rename={"hand": "lhand"})
    assert bare.skeleton.names == ("root", "arm", "lhand") and bare.skeleton.parents == (-1, 0, 1)
    np.testing.assert_array_equal(bare.joints, plain[:, :, :3])


def test_a_frame_number_may_start_anywhere_and_crlf_is_fine(tmp_path: Path) -> None:
    plain = read(write(tmp_path)).joints
    late = motion(first=1000).replace("\n", "\r\n")
    found = read(write(tmp_path, late.encode(), ASF.replace("\n", "\r\n").encode())).joints
    np.testing.assert_array_equal(found, plain)


def test_a_bone_without_values_rests_and_is_named(tmp_path: Path) -> None:
    lines = [line for line in AMC.splitlines() if not line.startswith("hand")]
    rows = ROWS.copy()
    rows[:, 9] = 0
    with pytest.warns(UserWarning, match=r"7_01\.amc: no values for hand, which stay at rest"):
        found = read(write(tmp_path, "\n".join(lines)))
    np.testing.assert_allclose(
        found.joints[:, 0], 0.0508 * np.stack([*map(reference, rows)]), atol=1e-5
    )


def test_folders_with_a_skeleton_each(tmp_path: Path) -> None:
    longer = ASF.replace("length 3", "length 6")
    write(tmp_path / "07", name="7_02.amc")
    write(tmp_path / "07", name="7_01.amc")
    write(tmp_path / "86", AMC, longer, "7_01.amc")
    (tmp_path / "86/7.asf").rename(tmp_path / "86/other.asf")  # the only one: it is meant
    clips = read(tmp_path)
    assert clips.names == ["07/7_01", "07/7_02", "86/7_01"]
    assert clips.subject.tolist() == [7, 7, 86] and clips.label.tolist() == [-1] * 3
    arm = np.linalg.norm(clips.joints[:, 0, 1] - clips.joints[:, 0, 0], axis=-1)
    np.testing.assert_allclose(arm[[0, 5, 10]], 0.0508 * np.array([3, 3, 6]), rtol=1e-4)
    assert read(tmp_path, folders="class").class_names == ("07", "86")


def test_the_skeleton_whose_name_starts_the_motion_s(tmp_path: Path) -> None:
    write(tmp_path, name="sub/75_01.amc", asf=None)
    for name, length in (("7", 3), ("75", 6), ("9", 9)):
        (tmp_path / f"{name}.asf").write_text(ASF.replace("length 3", f"length {length}"))
    clips = read(tmp_path)  # the folder above is searched too
    arm = np.linalg.norm(clips.joints[0, 0, 1] - clips.joints[0, 0, 0])
    assert arm == pytest.approx(6 * 0.0508, rel=1e-4)
    given_ = read(tmp_path / "sub", asf=str(tmp_path / "9.asf"))
    arm = np.linalg.norm(given_.joints[0, 0, 1] - given_.joints[0, 0, 0])
    assert arm == pytest.approx(9 * 0.0508, rel=1e-4)
    with pytest.raises(InputError, match=r"75_01\.amc: no \.asf skeleton for it"):
        read(tmp_path / "sub")
    with pytest.raises(InputError, match=r"no\.asf: no such file"):
        read(tmp_path / "sub", asf=tmp_path / "no.asf")


def test_a_root_position_is_mentioned(tmp_path: Path) -> None:
    moved = ASF.replace("position 0 0 0", "position 0 1 0")
    with pytest.warns(UserWarning, match="root position is not zero"):
        read(write(tmp_path, AMC, moved))


BAD_ASF: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty"),
    "binary": (bytes(range(256)) * 9, "not UTF-8"),
    "no ASF": ("hello\n", "no :bonedata or no :hierarchy"),
    "cut in the bones": (ASF[: ASF.index("id 3")], "no :bonedata or no :hierarchy"),
    "no bones": (":bonedata\n:hierarchy\nbegin\nend\n", "no bones"),
    "bone open": (ASF.replace("  end\n:hierarchy", ":hierarchy"), "ends inside a bone"),
    "stray": (ASF.replace("  begin\n     id 1", "x\n  begin\n     id 1"), "between 'begin' and"),
    "no length": (ASF.replace("     length 3\n", ""), "field 'length' is missing"),
    "no name": (ASF.replace("name tail", "name"), "field 'name' is missing"),
    "NaN length": (ASF.replace("length 3", "length nan"), "length: holds nan"),
    "huge": (ASF.replace("length 3", "length 1e300"), "length: holds 1e"),
    "direction": (ASF.replace("direction 1 0 0", "direction 1 0"), "2 numbers instead of 3"),
    "unit": (ASF.replace("length 0.5", "length 0"), "units: length 0; give a number above 0"),
    "dof": (ASF.replace("dof rz rx ry", "dof tx ry rz"), "only rx, ry and rz, each once"),
    "dof twice": (ASF.replace("dof rz rx ry", "dof rx rx"), "only rx, ry and rz, each once"),
    "axis": (ASF.replace("YXZ", "YXX"), "needs three angles and XYZ"),
    "root order": (ASF.replace("TZ TX TY", "TZ TX"), "order needs TX TY TZ"),
    "root axis": (ASF.replace("axis ZXY", "axis"), "needs three angles and XYZ"),
    "same name": (ASF.replace("name tail", "name arm"), "bone 'arm' stands twice"),
    "a second root": (ASF.replace("name tail", "name root"), "bone 'root' stands twice"),
    "unknown": (ASF.replace("arm hand", "arm foot"), "no bone 'foot' in :bonedata"),
    "no parent": (ASF.replace("    arm hand\n", ""), "bone 'hand' has no parent"),
    "two parents": (ASF.replace("arm hand", "arm hand\ntail hand"), "has a parent already"),
    "above the root": (ASF.replace("arm hand", "arm hand root"), "'root' has a parent already"),
    "cycle": (
        ASF.replace("root tail arm", "root tail").replace("arm hand", "arm hand\nhand arm"),
        "bones form a cycle",
    ),
    "many": (
        ASF.replace(":hierarchy", "begin\nname x\nend\n" * 2000 + ":hierarchy"),
        "at most 1000 of them",
    ),
}
BAD_AMC: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty"),
    "binary": (b"\x80\x00\xff" * 100, "not UTF-8"),
    "no AMC": ("hello world\n", "'hello' is no bone"),
    "head alone": (":FULLY-SPECIFIED\n:DEGREES\n", "no frames"),
    "cut off in a frame": (AMC[: AMC.rindex("hand")], "'hand' has 4 of 5 frames"),
    "cut off in a bone": (AMC[: AMC.rindex("arm") + 12], "numbers instead of 3"),
    "too many numbers": (AMC.replace("hand ", "hand 1 "), "hand: 2 numbers instead of 1"),
    "missing dof": (motion(ROWS[:1]).replace("arm ", "arm 1 #"), "arm: 1 numbers instead of 3"),
    "unknown bone": (AMC.replace("hand", "foot"), "'foot' is no bone of the skeleton"),
    "bone twice": (AMC.replace("\narm ", "\nhand 1\narm "), "'hand' stands twice in a frame"),
    "a bone missing once": (AMC.replace(f"\nhand {ROWS[1, 9]:g}", "", 1), "missing in one before"),
    "no root": ("1\narm 1 2 3\nhand 1\n", "'root' has 0 of 1 frames"),
    "frames jump": (AMC.replace("\n3\n", "\n4\n"), "frame 4 instead of 3"),
    "absurd frame": (AMC.replace("\n3\n", "\n1000000000\n"), "frame 1000000000 instead of 3"),
    "a word": (AMC.replace(f"{ROWS[2, 3]:g}", "abc"), "frame 3: root: 'abc' is no number"),
    "infinite": (AMC.replace(f"{ROWS[4, 9]:g}", "-inf"), "frame 5: hand: holds -inf"),
    "huge": (AMC.replace(f"{ROWS[4, 9]:g}", "1e300"), r"frame 5: hand: holds 1e\+300"),
    "rate": (motion(head=":SAMPLES-PER-SECOND 0\n"), "source_fps: 0 frames a second"),
    "no rate": (motion(head=":SAMPLES-PER-SECOND\n"), "0 numbers instead of 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ASF)
def test_bad_skeletons(tmp_path: Path, case: str) -> None:
    text, match = BAD_ASF[case]
    with pytest.raises(InputError, match=rf"7\.asf: .*{match}") as error:
        read(write(tmp_path, AMC, text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", BAD_AMC)
def test_bad_motions(tmp_path: Path, case: str) -> None:
    text, match = BAD_AMC[case]
    with pytest.raises(InputError, match=rf"7_01\.amc: .*{match}") as error:
        read(write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_a_chain_as_deep_as_allowed(tmp_path: Path) -> None:
    names = [f"b{i}" for i in range(900)]
    bones = "".join(f"begin\nname {n}\ndirection 0 1 0\nlength 1\nend\n" for n in names)
    chain = "".join(f"{a} {b}\n" for a, b in zip(["root", *names], names, strict=False))
    asf = f":bonedata\n{bones}:hierarchy\nbegin\n{chain}end\n"
    found = read(write(tmp_path, "1\nroot 0 0 0 0 0 0\n", asf), scale=1)
    assert found.joints[0, 0, -1].tolist() == [0, 900, 0]


@pytest.mark.parametrize("broken", ["amc", "asf"])
def test_the_command_line_leaves_nothing_of_a_bad_file(
    tmp_path: Path,
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = {"amc": AMC, "asf": ASF}
    path = write(tmp_path / "in", **{**good, broken: good[broken][:-9]})
    (tmp_path / "out").mkdir()
    out = tmp_path / "out/x.h5"
    monkeypatch.setattr(
        sys, "argv", ["skelf", "data", "import", "amc", str(path), "--out", str(out)]
    )
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2 and not list(out.parent.iterdir())
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


WORDS = st.sampled_from(
    [
        "begin",
        "end",
        "root arm",
        ":units",
        "1",
        "2",
        "hand nan",
        "dof rx",
        "length -1",
        "axis 1 2 3 XYZ",
    ]
)
EDIT = st.tuples(st.integers(0, 60), st.integers(0, 3), st.one_of(WORDS, st.text(max_size=9)))


def edited(text: str, edits: list[tuple[int, int, str]]) -> bytes:
    """Lines replaced, added, dropped or cut."""
    lines = text.splitlines()
    for at, kind, word in edits:
        at = min(at, len(lines))
        old = lines[at : at + 1]
        lines[at : at + (kind > 0)] = [[word], [word], [], [*(line[:-2] for line in old)]][kind]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(EDIT, max_size=3), st.lists(EDIT, max_size=3))
def test_fuzz(
    tmp_path: Path, amc: list[tuple[int, int, str]], asf: list[tuple[int, int, str]]
) -> None:
    """A sound set or one InputError."""
    path = write(tmp_path, edited(AMC, amc), edited(ASF, asf))
    try:
        read(path).validate()
    except InputError as error:
        assert "7_01.amc" in str(error) or "7.asf" in str(error)


def test_the_cmu_recording(real_data: Callable[[str], Path]) -> None:
    """Joints of the set that was made from it: every fourth frame, without the root's motion."""
    path = real_data("cmu86")
    with np.load(path, allow_pickle=False) as expected:
        names = expected["joint_names"].tolist()
        frames = expected["frames"][: expected["offsets"][1], 0]
        parents = [names[p] if p >= 0 else "" for p in expected["parents"]]
    clips = read(path.parent / "raw/86_01.amc", fps=30, filtered=False, root_motion=False)
    assert clips.joints.shape == (1145, 1, 31, 3) and clips.fps == 30
    s = clips.skeleton
    order = [s.names.index(name) for name in names]
    assert [s.names[s.parents[at]] if s.parents[at] >= 0 else "" for at in order] == parents
    assert len(s.pairs) == 12 and s.centre == s.names.index("root")
    # The reference is rounded to a tenth of a millimetre.
    np.testing.assert_allclose(clips.joints[:, 0, order], frames, rtol=0, atol=0.5002e-4)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".amc", ".asf"])
def test_damaged_copies(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path)
    (damaged,) = tmp_path.rglob(f"*{suffix}")
    done, refused = survives(read, path, damaged, 1000)
    assert done and refused
