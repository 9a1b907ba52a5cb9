from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from by_keys import by_keys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import survives
from ntu_tree import FIRST_ID, Made, figure, make, ntu_text, ntu_tree, zipped

from skelf.cli import main as cli
from skelf.data.clips import ClipSet
from skelf.data.formats import kinect_text, members, ntu_names
from skelf.data.formats.kinect_text import parse_kinect
from skelf.data.motion import bodies
from skelf.data.readers import ntu
from skelf.errors import InputError
from skelf.layouts import NTU25

read = by_keys("ntu")
# Name -> frames, persons, label, subject, camera, setup.
REAL = {
    "S001C001P001R001A001": (103, 1, 0, 1, 1, 1),
    "S001C003P008R002A058": (70, 2, 57, 8, 3, 1),
    "S002C001P003R001A003": (100, 1, 2, 3, 1, 2),
    "S003C001P015R001A034": (71, 1, 33, 15, 1, 3),
    "S004C002P003R001A017": (124, 1, 16, 3, 2, 4),
}


def quiet(*args: object, **options: object) -> ClipSet:
    """`read` without the notes that the set is a small one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(*args, **options)


def reference(text: bytes) -> list[list[tuple[int, np.ndarray]]]:
    """A slow reader, line by line."""
    lines = iter(text.decode().splitlines())
    frames: list[list[tuple[int, np.ndarray]]] = []
    for _ in range(int(next(lines))):
        frames.append([])
        for _ in range(int(next(lines))):
            track = int(next(lines).split()[0])
            joints = [[float(v) for v in next(lines).split()[:3]] for _ in range(int(next(lines)))]
            frames[-1].append((track, np.array(joints)))
    return frames


def energy(body: list[np.ndarray]) -> float:
    """2s-AGCN's rule for one list place, as the paper's preparation is described."""
    seen = [frame for frame in body if frame.sum() != 0]
    total = 0.0
    for axis in range(3):
        values = [joint[axis] for frame in seen for joint in frame]
        if values:
            mean = sum(values) / len(values)
            total += (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    return total


def slots(frames: list[list[tuple[int, np.ndarray]]], count: int = 4) -> list[list[np.ndarray]]:
    """The bodies of each list place, zeros where there is none."""
    none = np.zeros((25, 3))
    return [[f[m][1] if m < len(f) else none for f in frames] for m in range(count)]


def expected(made: Made) -> np.ndarray:
    """`persons=energy` of a made-up file, by loops; `(T, 2, 25, 3)`."""
    places = sorted(slots(made.frames), key=energy, reverse=True)[:2]
    return np.array(places).transpose(1, 0, 2, 3).astype(np.float32)


@pytest.fixture(scope="module")
def samples(real_data: Callable[[str], Path]) -> Path:
    return real_data("nw_ucla").parents[1] / "ntu_samples" / "raw"


def test_real_files(samples: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="xsub has 13 of 40,091 train and 2 of 16,487 test clips"):
        clips = read(samples)
    clips.save(tmp_path / "real.h5")
    clips = ClipSet.open(tmp_path / "real.h5")
    assert len(clips) == 15 and clips.skeleton == NTU25 and clips.persons == 2
    assert clips.names == sorted(clips.names)
    assert clips.class_names[57] == "handshaking" and len(clips.class_names) == 60
    for i, name in enumerate(clips.names):
        persons = [bool(clips.clip(i)[:, m].any()) for m in range(2)]
        table = (clips.label, clips.subject, clips.camera, clips.setup)
        found = (int(clips.length[i]), sum(persons), *(int(column[i]) for column in table))
        assert found == REAL.get(name, (*found[:2], int(name[-3:]) - 1, 1, 1, 1)), name
        assert sum(persons) == (2 if name == "S001C003P008R002A058" else 1)
        assert clips.columns["replication"][i] == int(name[13:16])
    train, test = clips.split("xsub")
    assert set(train.subject) == {1, 8, 15} and set(test.subject) == {3}
    assert set(clips.split("xview")[0].camera) == {2, 3}


def test_real_files_equal_a_slow_reader(samples: Path) -> None:
    clips = quiet(samples, persons="file")
    for i, name in enumerate(clips.names):
        frames = reference((samples / f"{name}.skeleton").read_bytes())
        slow = np.array(slots(frames, 2)).transpose(1, 0, 2, 3)
        np.testing.assert_array_equal(clips.clip(i), slow.astype(np.float32))


def test_tree_has_exact_counts(tmp_path: Path) -> None:
    made = ntu_tree(tmp_path, 96)
    empty = [m.name for m in made if m.kind in ("nobody", "no frames")]
    with pytest.warns(UserWarning, match=f"{len(empty)} of 96 files hold no skeleton"):
        clips = read(tmp_path)
    kept = [m for m in made if m.name not in empty]
    assert len(empty) == 24 and clips.names == [m.name for m in kept]
    assert clips.length.tolist() == [len(m.frames) for m in kept]
    assert {1, 300} <= set(clips.length) and clips.attributes["files without a skeleton"] == "24"
    for i, m in enumerate(kept):
        np.testing.assert_array_equal(clips.clip(i), expected(m), err_msg=m.kind)
    assert [int(c.name[-3:]) - 1 for c in kept] == clips.label.tolist()


@pytest.mark.slow
def test_two_thousand_files(tmp_path: Path) -> None:
    made = ntu_tree(tmp_path, 2000, long=8)
    kept = [m for m in made if m.kind not in ("nobody", "no frames")]
    clips = quiet(tmp_path, workers=2)
    assert len(clips) == len(kept) and clips.names == [m.name for m in kept]
    assert clips.frames_total == sum(len(m.frames) for m in kept)
    assert all(clips.splits[name].min() > 0 for name in ("xsub", "xview"))
    for i in range(0, len(kept), 37):
        np.testing.assert_array_equal(clips.clip(i), expected(kept[i]))


def same(a: ClipSet, b: ClipSet) -> None:
    np.testing.assert_array_equal(a.joints, b.joints)
    assert a.names == b.names and a.length.tolist() == b.length.tolist()
    for key in ("label", "subject", "camera", "setup"):
        np.testing.assert_array_equal(getattr(a, key), getattr(b, key))
    assert all((a.splits[key] == b.splits[key]).all() for key in a.splits)


def test_zip_and_workers_give_the_same(tmp_path: Path) -> None:
    ntu_tree(tmp_path / "tree", 40)
    plain = quiet(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    same(plain, quiet(archive))
    calls: list[tuple[int, int]] = []
    same(plain, quiet(archive, workers=2, progress=lambda *call: calls.append(call)))
    assert calls == [(i, 40) for i in range(1, 41)]
    with pytest.warns(UserWarning, match=r"40 files are there twice and read once; .*tree\.zip"):
        same(plain, read(tmp_path))
    both = tmp_path / "both"
    both.mkdir()
    for side, keep in (("a.zip", slice(0, 20)), ("b.zip", slice(20, None))):
        with ZipFile(both / side, "w") as part:
            for file in sorted((tmp_path / "tree").rglob("*.skeleton"))[keep]:
                part.write(file, file.name)
    same(plain, quiet(both))


def test_errors_of_workers_arrive(tmp_path: Path) -> None:
    ntu_tree(tmp_path, 40)
    file = sorted(tmp_path.rglob("*.skeleton"))[33]
    file.write_bytes(b"junk")
    with pytest.raises(InputError, match=re.escape(str(file))):
        quiet(tmp_path, workers=2)
    with pytest.raises(InputError, match=r"ntu\.workers: .*greater than or equal to 1, got 0"):
        quiet(tmp_path, workers=0)


def test_persons_of_bodies_that_swap() -> None:
    made = make("x", "swap", 30, np.random.default_rng(0))
    joints, ids = parse_kinect(ntu_text(made.frames), "x")
    assert ids[0].tolist() == [0, 1] and ids[-1].tolist() == [1, 0]
    tracks = [np.array([dict(f)[FIRST_ID + m] for f in made.frames]) for m in range(2)]
    order = sorted(tracks, key=lambda t: energy(list(t)), reverse=True)
    tracked = bodies.by_track(joints, ids)
    np.testing.assert_array_equal(tracked, np.stack(order, 1).astype(np.float32))
    listed = np.array(slots(made.frames, 2)).transpose(1, 0, 2, 3).astype(np.float32)
    np.testing.assert_array_equal(bodies.by_file(joints, ids), listed)
    np.testing.assert_array_equal(bodies.by_energy(joints, ids), expected(made))
    assert (tracked[20] != listed[20]).any()


def test_three_bodies_leave_two() -> None:
    made = make("x", "three", 30, np.random.default_rng(1))
    joints, ids = parse_kinect(ntu_text(made.frames), "x")
    assert joints.shape == (30, 3, 25, 3)
    np.testing.assert_array_equal(bodies.by_energy(joints, ids), expected(made))
    np.testing.assert_array_equal(bodies.by_file(joints, ids), joints[:, :2])


def test_tracked_drops_noise_but_not_everybody() -> None:
    rng = np.random.default_rng(2)
    person, brief, chair = figure(rng, 30), figure(rng, 5, 2.0), figure(rng, 30, 2.0)
    chair = np.round(chair * [3, 0.1, 1] * 1e6) / 1e6
    frames = [
        [(7, chair[i]), (8, person[i]), *([(9, brief[i])] if i < 5 else [])] for i in range(30)
    ]
    kept = bodies.by_track(*parse_kinect(ntu_text(frames), "x"))
    np.testing.assert_array_equal(kept[:, 0], person.astype(np.float32))
    assert not kept[:, 1].any()
    alone = bodies.by_track(*parse_kinect(ntu_text([[(7, c)] for c in chair]), "x"))
    np.testing.assert_array_equal(alone[:, 0], chair.astype(np.float32))
    twice = bodies.by_track(*parse_kinect(ntu_text([[(7, p), (7, 2 * p)] for p in person]), "x"))
    np.testing.assert_array_equal(twice[:, 0], person.astype(np.float32))


def one(folder: Path, name: str, frames: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    text = ntu_text(make(name, "one", frames, np.random.default_rng(3)).frames)
    (folder / f"{name}.skeleton").write_bytes(text)


def test_benchmarks(tmp_path: Path) -> None:
    old, new = "S001C002P003R001A060", ("S018C001P045R001A061", "S001C001P001R001A120")
    one(tmp_path, old)
    assert set(quiet(tmp_path).splits) == {"xsub", "xview"}
    for name in new:
        one(tmp_path, name)
    clips = quiet(tmp_path)
    assert len(clips) == 3 and set(clips.splits) == {"xsub", "xset"}
    assert len(clips.class_names) == 120 and clips.label.tolist() == [119, 59, 60]
    assert clips.splits["xsub"].tolist() == [1, 2, 1]
    assert clips.splits["xset"].tolist() == [2, 2, 1]
    with pytest.warns(UserWarning, match="2 files of NTU RGB.D 120 are left out"):
        assert read(tmp_path, benchmark="ntu60").names == [old]
    assert len(quiet(tmp_path, benchmark="ntu120").class_names) == 120
    (tmp_path / f"{old}.skeleton").unlink()
    with pytest.raises(InputError, match="use benchmark=ntu120"):
        quiet(tmp_path, benchmark="ntu60")


def test_published_counts_add_up() -> None:
    assert len(ntu_names.TRAIN_SUBJECTS_60) == 20 and len(set(ntu_names.TRAIN_SUBJECTS_120)) == 53
    assert {sum(sides) for sides in ntu_names.PUBLISHED["ntu60"].values()} == {56_880 - 302}
    assert {sum(sides) for sides in ntu_names.PUBLISHED["ntu120"].values()} == {114_480 - 535}


def test_exclude(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    lists = real_data("nw_ucla").parents[1] / "lists"
    missing = lists / "ntu120_missing_skeletons.txt"
    assert len(ntu._names(lists / "ntu60_missing_skeletons.txt")) == 302
    assert len(ntu._names(missing)) == 535
    one(tmp_path, "S001C002P005R002A008")
    one(tmp_path, "S001C002P005R002A009")
    assert quiet(tmp_path, exclude=missing).names == ["S001C002P005R002A009"]
    with pytest.raises(InputError, match=r"exclude: .*cannot read"):
        read(tmp_path, exclude=tmp_path / "none.txt")
    (tmp_path / "none.txt").write_text("nothing")
    with pytest.raises(InputError, match="no name such as"):
        read(tmp_path, exclude=tmp_path / "none.txt")


def test_layout_of_another_size(tmp_path: Path) -> None:
    one(tmp_path, "S001C002P005R002A008")
    with pytest.raises(InputError, match="'kinect20' has 20 joints, a Kinect v2 file 25"):
        read(tmp_path, "kinect20")


def test_other_names_are_said(tmp_path: Path) -> None:
    one(tmp_path, "S001C002P005R002A008")
    for name in ("S001C002P005R002A121", "S001C002P005R002A000", "mine", "._S001C002P005R002A009"):
        one(tmp_path, name)
    with pytest.warns(UserWarning, match="3 files are left out: the name is not"):
        assert len(read(tmp_path)) == 1


GOOD = ntu_text(make("x", "two", 3, np.random.default_rng(4)).frames)
LINES = GOOD.splitlines(keepends=True)


def first_number(word: bytes) -> bytes:
    """The good text with another first coordinate."""
    head, mark, rest = GOOD.partition(b"\n25\n")
    return head + mark + word + rest[rest.index(b" ") :]


BAD = {
    "empty": (b"", "empty"),
    "blank": (b" \r\n ", "empty"),
    "cut in a body": (GOOD[: len(GOOD) // 2], "frame 1: cut off"),
    "cut before a frame": (b"".join(LINES[: 1 + 1 + 54]), "frame 1: cut off before .* bodies"),
    "cut in a head": (b"".join(LINES[:2]) + b"1 0 1", "frame 0: cut off before .* joints"),
    "text": (b"hello there", "b'hello' stands for the count of frames"),
    "binary": (bytes(range(256)) * 40, "stands for the count of frames"),
    "pickle": (b"\x80\x04\x95\x10\x00.", "stands for the count of frames"),
    "negative": (b"-1\n", "b'-1' stands for"),
    "huge count": (b"9" * 5000, "stands for the count"),
    "many frames": (b"10001\n" + b"0 " * 10001, "10001 frames, above 10000"),
    "10,000 bodies": (b"1\n10000\n" + b"".join(LINES[2:29]) * 40, "frame 0: 10000 bodies, above 6"),
    "20 joints": (GOOD.replace(b"\n25\n", b"\n20\n"), "frame 0: a body of 20 joints, NTU has 25"),
    "no number": (first_number(b"abc"), "a coordinate is no number"),
    "infinity": (first_number(b"-inf"), "frame 0: .* infinite"),
    "beyond float32": (first_number(b"1e39"), "frame 0: .* infinite"),
    "large": (b"1 " * (1 << 23) + b"1", "larger than 16,777,216 bytes"),
}


def refused(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    """The command line ends with 2."""
    monkeypatch.setattr(sys, "argv", ["skelf", "data", "import", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2


@pytest.mark.parametrize("case", BAD)
def test_hostile_files(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, match = BAD[case]
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "S001C002P005R002A008.skeleton").write_bytes(content)
    with pytest.raises(
        InputError, match=rf"A008\.skeleton: {match}|A008\.skeleton: .*{match}"
    ) as e:
        quiet(tree)
    assert "\n" not in str(e.value)
    refused(monkeypatch, "ntu", tree, "--out", tmp_path / "out.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["tree"]
    with pytest.raises(InputError):
        quiet(zipped(tree, tmp_path / "bad.zip"))


def test_nothing_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"no SsssCcccPpppRrrrAaaa\.skeleton here"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"none: no such file or folder"):
        read(tmp_path / "none")
    for i in range(3):
        name = f"S001C002P005R002A00{i + 1}.skeleton"
        (tmp_path / name).write_bytes(b"2\n0\n0\n")
    with pytest.raises(InputError, match="none of the 3 files holds a skeleton"):
        read(tmp_path)
    refused(monkeypatch, "ntu", tmp_path, "--out", tmp_path / "out.h5")
    refused(monkeypatch, "ntu", tmp_path, "--out", tmp_path / "none" / "out.h5")
    assert not (tmp_path / "out.h5").exists()
    one(tmp_path, "S001C002P005R002A008")
    refused(monkeypatch, "ntu", tmp_path, "--out", tmp_path / "out.h5", "persons=three")
    with pytest.raises(InputError, match="cannot write here"):
        quiet(tmp_path, scratch=tmp_path / "none")


@pytest.mark.parametrize(
    "name",
    [
        "../S001C001P001R001A001.skeleton",
        "/S001C001P001R001A001.skeleton",
        "a/..\\S001C001P001R001A001.skeleton",
        "C:/a.skeleton",
    ],
)
def test_zip_that_leads_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with ZipFile(inner / "bad.zip", "w") as archive:
        archive.writestr(name, GOOD)
    with pytest.raises(InputError, match=r"bad\.zip: member .* leads out of the zip"):
        read(inner / "bad.zip")
    refused(monkeypatch, "ntu", inner, "--out", tmp_path / "out.h5")
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "bad.zip"]


def test_zip_bomb_and_broken_zips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.zip"
    with ZipFile(bomb, "w", ZIP_DEFLATED) as archive:
        archive.writestr("S001C001P001R001A001.skeleton", b"0 " * (1 << 25))  # 67 MB in 65 kB
    with pytest.raises(InputError, match=r"A001\.skeleton: larger than 16,777,216 bytes"):
        quiet(bomb)
    refused(monkeypatch, "ntu", bomb, "--out", tmp_path / "out.h5")
    one(tmp_path / "good", "S001C001P001R001A001", 30)
    raw = zipped(tmp_path / "good", tmp_path / "good.zip").read_bytes()
    flipped = bytearray(raw)
    flipped[len(raw) // 2] ^= 255
    for i, content in enumerate(
        (b"", b"PK\x03\x04", raw[:-30], raw[len(raw) // 2 :], bytes(flipped))
    ):
        broken = tmp_path / f"broken{i}.zip"
        broken.write_bytes(content)
        with pytest.raises(InputError, match=rf"broken{i}\.zip"):
            quiet(broken)
    locked = bytearray(raw)
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag "encrypted"
        locked[raw.index(sign) + at] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    with pytest.raises(InputError, match=r"locked\.zip.*encrypted"):
        quiet(tmp_path / "locked.zip")


def test_a_zip_that_lies_about_size_is_cut(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_DEFLATED) as archive:
        archive.writestr("a.skeleton", b"1 " * 1000)
    (member,) = members.find(tmp_path, (".skeleton",))
    assert len(member.head(100)) == 100 and len(member.read(2000)) == 2000
    with pytest.raises(InputError, match="larger than 1,999 bytes"):
        member.read(1999)


def test_links_in_a_circle_are_read_once(tmp_path: Path) -> None:
    one(tmp_path / "real", "S001C001P001R001A001")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "real")
    (tmp_path / "other").symlink_to(tmp_path / "real")
    assert len(quiet(tmp_path)) == 1


def test_import_leaves_nothing_but_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ntu_tree(tmp_path / "tree", 24)
    words = ["import", "ntu", str(tmp_path / "tree"), "--out", str(tmp_path / "s.h5")]
    monkeypatch.setattr(sys, "argv", ["skelf", "data", *words, "persons=tracked", "workers=1"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert "note:" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.h5", "tree"]
    clips = ClipSet.open(tmp_path / "s.h5")
    assert clips.attributes["persons"] == "tracked" and len(clips) == 18


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=8)), min_size=1, max_size=6)
)
def test_fuzz_damaged_text(edits: list[tuple[int, bytes]]) -> None:
    text = GOOD
    for at, piece in edits:
        text = text[:at] + piece + text[at + len(piece) // 2 :]
    check(text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"0", b"1", b"2", b"25", b"-1", b"nan", b"x", b"1e5", b"\xff"]))
    | st.binary()
)
def test_fuzz_any_words(words: list[bytes] | bytes) -> None:
    check(words if isinstance(words, bytes) else b" ".join(words))


def check(text: bytes) -> None:
    """What comes out is sound, or refused in one line."""
    try:
        joints, ids = parse_kinect(text, "file")
    except InputError as error:
        assert str(error).startswith("file") and "\n" not in str(error)
        return
    assert joints.shape == (*ids.shape, 25, 3) and joints.dtype == np.float32
    assert np.isfinite(joints).all() and len(joints) <= kinect_text.MOST_FRAMES
    for rule in bodies.PERSONS.values():
        assert rule(joints, ids).shape == (len(joints), 2, 25, 3)


def test_nan_is_a_joint_that_was_not_seen(tmp_path: Path) -> None:
    """Filled along the sensor's track, also where the body changes its place in the list."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=(2, 25, 3))
    frames = [
        [(7 + m, start[m] + 0.1 * t) for m in ((0, 1) if t < 3 else (1, 0))] for t in range(5)
    ]
    frames[3][1][1][4] = np.nan  # of track 7
    frames[0][1][1][:] = np.nan  # track 8 begins with nothing
    (tmp_path / "S001C002P005R002A008.skeleton").write_bytes(ntu_text(frames))
    clip = quiet(tmp_path, persons="file").clip(0)
    np.testing.assert_allclose(clip[3, 1, 4], start[0, 4] + 0.3, atol=1e-4)
    assert not clip[0, 1].any()
    assert not quiet(tmp_path, persons="file", missing="keep").clip(0)[3, 1, 4].any()


def test_names_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for name in ("wave/wave_person1_take3", "sit/S001C002P005R002A008"):
        (folder / name).parent.mkdir(parents=True)
        one((folder / name).parent, (folder / name).name)
    clips = read(folder, folders="class")
    assert clips.names == ["sit/S001C002P005R002A008", "wave/wave_person1_take3"]
    assert clips.class_names == ("sit", "wave") and clips.label.tolist() == [0, 1]
    assert clips.subject.tolist() == [5, -1] and clips.splits == {}
    with pytest.warns(UserWarning, match="no folders of classes in it, so that no clip"):
        assert read(folder / "wave", folders="class").label.tolist() == [-1]
    with pytest.raises(InputError, match="files of other names are read with folders=class"):
        read(folder / "wave")
    one(folder, "loose")
    with pytest.raises(InputError, match="this clip is in no class folder"):
        read(folder, folders="class")


@pytest.mark.parametrize("space", [" ", "\r\n", "\t  \n", "\x01"])
def test_any_space_between_words(space: str) -> None:
    rng = np.random.default_rng(5)
    made = [make("a", kind, 7, rng) for kind in ("one", "three", "swap", "gap", "single")]
    for text in (ntu_text(one.frames).decode() for one in made):
        expected = parse_kinect(text.encode(), "a")
        words = text.split()
        words[1] = f"0{words[1]}"  # a count as nobody writes it
        for joints, same in zip(
            parse_kinect(space.join(words).encode(), "a"), expected, strict=True
        ):
            np.testing.assert_array_equal(joints, same)


@pytest.mark.slow
def test_damaged_copies(tmp_path: Path) -> None:
    path = tmp_path / "S001C001P001R001A001.skeleton"
    path.write_bytes(ntu_text(make("", "two", 5, np.random.default_rng(0)).frames))
    done, refused = survives(read, tmp_path, path)
    assert done and refused
