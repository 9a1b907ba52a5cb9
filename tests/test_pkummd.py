from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from by_keys import by_keys
from hypothesis import given, settings
from hypothesis import strategies as st
from ntu_tree import pku_tree

from skelf.cli import main as cli
from skelf.data.clips import ClipSet
from skelf.data.formats import action_names
from skelf.data.formats.pkummd_text import (
    Segment,
    parse_labels,
    parse_skeleton,
    parse_split,
    segments_of,
)
from skelf.errors import InputError

read = by_keys("pkummd")


def quiet(*args: object, **options: object) -> ClipSet:
    """`read` without the notes that the set is a small one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(*args, **options)


@pytest.fixture(scope="module")
def first_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of part I to copy."""
    tree = tmp_path_factory.mktemp("pku") / "tree"
    pku_tree(tree)
    return tree


@pytest.mark.parametrize("part", [1, 2])
def test_clips(part: int, tmp_path: Path) -> None:
    made = pku_tree(tmp_path / "tree", part)
    quiet(tmp_path / "tree").save(tmp_path / "s.h5")
    clips = ClipSet.open(tmp_path / "s.h5")
    clips.validate()
    assert len(clips) == 3 * len(made) and clips.length.tolist() == [15, 15, 15] * len(made)
    assert clips.label.tolist() == [0, 50, 11] * len(made) and len(clips.class_names) == 51
    stems = sorted(made)
    assert clips.names[:4] == [f"{s}_{r:03}" for s, r in [(stems[0], 1), (stems[0], 2)]] + [
        f"{stems[0]}_003",
        f"{stems[1]}_001",
    ]
    for i, stem in enumerate(stems):
        for j, first in enumerate((5, 30, 45)):
            np.testing.assert_array_equal(clips.clip(3 * i + j), made[stem][first : first + 15])
    assert clips.clip(2)[:, 1].any() and not clips.clip(1)[:, 1].any()
    assert clips.camera[::3].tolist() == [1, 2, 3] * (len(made) // 3)
    assert clips.columns["row"][:3].tolist() == [1, 2, 3]
    train, test = clips.split("xsub")
    if part == 1:
        assert set(clips.columns["sequence"]) == {2, 3, 291} and set(clips.subject) == {-1}
        assert (len(train), len(test)) == (18, 9) and set(test.columns["sequence"]) == {291}
    else:
        assert set(clips.columns["sequence"]) == {1, 26} and set(clips.subject) == {1, 2, 13}
        assert set(test.subject) == {2}
    assert set(clips.split("xview")[1].camera) == {1}


def test_recordings(tmp_path: Path) -> None:
    made = pku_tree(tmp_path)
    clips = quiet(tmp_path, form="recordings")
    assert clips.names == sorted(made) and set(clips.label) == {-1}
    assert clips.length.tolist() == [60] * 9
    for i, name in enumerate(clips.names):
        np.testing.assert_array_equal(clips.clip(i), made[name])
    assert clips.segments[:4].tolist() == [
        [0, 5, 20, 0],
        [0, 30, 45, 50],
        [0, 45, 60, 11],
        [1, 5, 20, 0],
    ]
    assert len(clips.segments) == 27 and "row" not in clips.columns


def test_inclusive_bounds(tmp_path: Path) -> None:
    made = pku_tree(tmp_path)
    clips = quiet(tmp_path, bounds="inclusive")
    assert clips.length[:3].tolist() == [16, 16, 16]
    np.testing.assert_array_equal(clips.clip(0), made["0002-L"][4:20])
    assert clips.attributes["bounds of label rows"] == "inclusive"


def test_odd_rows_are_reported(tmp_path: Path) -> None:
    pku_tree(tmp_path)
    label = tmp_path / "Label" / "0002-L.txt"
    label.write_text("1,49,40,2\n2,10,20,1\n52,1,5,2\n3,50,99,2\n4,60,70,2\n5,20,20,2\n")
    skeleton = tmp_path / "Skeleton" / "0002-M.txt"
    rows = np.loadtxt(skeleton)
    rows[5:20] = 0
    np.savetxt(skeleton, rows, "%.6f")
    for form in ("clips", "recordings"):
        with pytest.warns(UserWarning) as caught:
            clips = read(tmp_path, form=form)
        notes = "\n".join(str(w.message) for w in caught)
        assert "4 label rows left out: 0002-L row 1 (1,49,40): ends before it starts; " in notes
        for part in ("row 3 (52,1,5): no such class", "row 5 (4,60,70): outside the 60 frames"):
            assert part in notes
        assert "row 6 (5,20,20): ends before it starts" in notes
        assert "1 label rows shortened: 0002-L row 4 (3,50,99): the recording has 60 f" in notes
        assert ("1 label rows left out, without a skeleton: 0002-M row 1" in notes) == (
            form == "clips"
        )
        if form == "clips":
            assert clips.length[:2].tolist() == [10, 10] and len(clips) == 2 + 2 + 21
            assert clips.columns["row"][:4].tolist() == [2, 4, 2, 3]
        else:
            assert clips.segments[:2].tolist() == [[0, 10, 20, 1], [0, 50, 60, 2]]


@pytest.mark.parametrize(
    ("row", "bounds", "kept"),
    [
        ((1, 0, 5), "slice", (0, 5)),
        ((1, 1, 5), "inclusive", (0, 5)),
        ((1, 3, 3), "inclusive", (2, 3)),
        ((1, 10, 10), "inclusive", (9, 10)),
        ((1, 11, 12), "inclusive", None),
        ((1, 10, 12), "slice", None),
        ((1, 0, 3), "inclusive", (0, 3)),
        ((1, -5, 0), "slice", None),
        ((1, 9, 99), "slice", (9, 10)),
        ((0, 1, 2), "slice", None),
    ],
)
def test_bounds(row: tuple[int, int, int], bounds: str, kept: tuple[int, int] | None) -> None:
    segments, odd = segments_of([Segment(*row, 7)], 10, bounds)
    assert [(s.start, s.end) for s in segments] == ([kept] if kept else [])
    assert bool(odd) == (
        kept is None or row in {(1, 9, 99)} or (row[1], bounds) == (0, "inclusive")
    )
    assert all(text.startswith("row 7 (") for _, text in odd)


def test_zip_and_workers_give_the_same(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    pku_tree(tree)
    plain = quiet(tree)
    (tmp_path / "zips").mkdir()
    for sub in ("Skeleton", "Label"):
        with ZipFile(tmp_path / "zips" / f"{sub}.zip", "w", ZIP_DEFLATED) as archive:
            for file in sorted((tree / sub).iterdir()):
                archive.write(file, f"deep/{sub}/{file.name}")
    calls: list[tuple[int, int]] = []
    again = quiet(
        tmp_path / "zips",
        workers=2,
        progress=lambda *call: calls.append(call),
        xsub=tree / "Split" / "cross-subject.txt",
        xview=tree / "Split" / "cross-view.txt",
    )
    np.testing.assert_array_equal(plain.joints, again.joints)
    assert plain.names == again.names and calls == [(i, 9) for i in range(1, 10)]
    for name in ("xsub", "xview"):
        np.testing.assert_array_equal(plain.splits[name], again.splits[name])


def test_parts_and_what_is_missing(tmp_path: Path) -> None:
    pku_tree(tmp_path / "one", 1)
    pku_tree(tmp_path / "two", 2)
    with pytest.raises(InputError, match="both parts of PKU-MMD; name one with part=1 or part=2"):
        quiet(tmp_path)
    assert len(quiet(tmp_path, part=1, form="recordings")) == 9
    clips = quiet(tmp_path, part=2, form="recordings")
    assert len(clips) == 18 and (clips.split("xsub")[1].subject == 2).all()
    with pytest.raises(InputError, match=r"no skeleton file such as A01N01-L\.txt"):
        quiet(tmp_path / "one", part=2)
    (tmp_path / "one" / "Label" / "0003-R.txt").unlink()
    (tmp_path / "one" / "Skeleton" / "0003-L.txt").unlink()
    shutil.rmtree(tmp_path / "one" / "Split")
    with pytest.warns(UserWarning) as caught:
        assert len(read(tmp_path / "one")) == 7 * 3
    notes = "\n".join(str(w.message) for w in caught)
    assert "1 recordings have no label file and are left out: 0003-R" in notes
    assert "1 label files have no recording: 0003-L" in notes
    assert "no cross-subject file of this part, so no split xsub; give xsub=FILE" in notes
    assert len(quiet(tmp_path / "one", form="recordings")) == 8
    shutil.rmtree(tmp_path / "one" / "Label")
    with pytest.raises(InputError, match="no label file of any recording"):
        quiet(tmp_path / "one")
    assert len(quiet(tmp_path / "one", form="recordings").segments) == 0


def test_published_split_files(real_data: Callable[[str], Path]) -> None:
    lists = real_data("nw_ucla").parents[1] / "lists"
    for file, counts in (("pkummd1", (944, 132)), ("pkummd2", (775, 234))):
        text = (lists / f"{file}_cross_subject.txt").read_bytes()
        sides = list(parse_split(text, file, []).values())
        assert (sides.count(1), sides.count(2)) == counts


def test_split_files() -> None:
    text = b"Training videos:\n0002-L, 0002-M\n"
    assert parse_split(text, "f", ["0002-L", "0003-L"]) == {"0002-L": 1, "0002-M": 1, "0003-L": 2}
    with pytest.raises(InputError, match="f: no names under"):
        parse_split(b"0002-L", "f", [])
    with pytest.raises(InputError, match="f: 0002-L stands on both sides"):
        parse_split(text + b"Validation videos:\n0002-L", "f", [])


def test_split_files_that_differ(tmp_path: Path) -> None:
    pku_tree(tmp_path)
    file = tmp_path / "Split" / "cross-subject.txt"
    shutil.copy(file, tmp_path / "cross_subject_v2.txt")
    assert "xsub" in quiet(tmp_path).splits  # the same once more
    (tmp_path / "cross_subject_v2.txt").write_text("Training videos:\n0002-L\n")
    with pytest.raises(InputError, match="2 cross-subject files differ; give xsub=FILE"):
        quiet(tmp_path)
    assert len(quiet(tmp_path, xsub=file).split("xsub")[1]) == 9
    with pytest.raises(InputError, match=r"none\.txt: cannot read"):
        quiet(tmp_path, xsub=file, xview=tmp_path / "none.txt")
    shutil.copy(file, tmp_path / "cross_subject_v2.txt")
    (tmp_path / "other.txt").write_text("Training videos:\nA01N01-L\n")
    with pytest.raises(InputError, match=r"xsub: .*other\.txt: names no recording of this part"):
        quiet(tmp_path, xsub=tmp_path / "other.txt")


def test_real_recording(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    source = real_data("nw_ucla").parents[1] / "pku_mmd_sample" / "raw" / "A10N08-L.txt"
    for sub in ("skeleton", "label"):
        (tmp_path / sub).mkdir()
    shutil.copy(source, tmp_path / "skeleton")
    (tmp_path / "label" / source.name).write_text("8,20,120,2\n51,900,1040,1\n")
    clips = quiet(tmp_path)
    assert clips.length.tolist() == [100, 140] and clips.label.tolist() == [7, 50]
    assert (clips.subject[0], clips.camera[0], clips.columns["sequence"][0]) == (8, 1, 10)
    row = [float(v) for v in source.read_text().splitlines()[20].split()]
    np.testing.assert_array_equal(clips.clip(0)[0], np.reshape(row, (2, 25, 3)).astype(np.float32))
    whole = quiet(tmp_path, form="recordings")
    assert whole.length.tolist() == [1040]
    assert whole.segments.tolist() == [[0, 20, 120, 7], [0, 900, 1040, 50]]


def test_class_names() -> None:
    assert len(set(action_names.PKUMMD)) == 51 and len(set(action_names.NTU120)) == 120
    both = [i + 1 for i, name in enumerate(action_names.PKUMMD) if "other person" in name]
    assert both == [12, 16, 18, 21, 24, 26, 27] and action_names.PKUMMD[13] == "handshaking"


ROW = b" ".join([b"0.25"] * 150)
BAD = {
    "empty": (b"", "empty"),
    "blank": (b"\n \n", "empty"),
    "cut": (ROW + b"\n" + ROW[:100], "number of columns changed from 150"),
    "149 numbers": (ROW[5:], "149 numbers a row, PKU-MMD has 150"),
    "20 joints": (b" ".join([b"1"] * 120), "120 numbers a row"),
    "text": (b"hello there", "could not convert string 'hello'"),
    "comment": (b"# " + ROW, "could not convert string '#'"),
    "binary": (b"\x00\xff\xfe" * 50, "damaged"),
    "not ASCII": (ROW + "ü".encode(), "damaged"),
    "infinity": (ROW[5:] + b" inf", "frame 0 holds infinity"),
    "beyond float32": (ROW[5:] + b" 1e39", "frame 0 holds infinity"),
    "large": (b"1 " * (1 << 24) + b"1", "larger than 33,554,432 bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_hostile_skeletons(
    case: str, first_part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, match = BAD[case]
    tree = tmp_path / "tree"
    for sub in ("Skeleton", "Label"):
        (tree / sub).mkdir(parents=True)
        shutil.copy(first_part / sub / "0003-M.txt", tree / sub)
    (tree / "Skeleton" / "0003-M.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"0003-M\.txt: .*{match}|0003-M\.txt: {match}") as error:
        quiet(tree)
    assert "\n" not in str(error.value)
    monkeypatch.setattr(
        sys,
        "argv",
        ["skelf", "data", "import", "pkummd", str(tree), "--out", str(tmp_path / "o.h5")],
    )
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2 and [p.name for p in tmp_path.iterdir()] == ["tree"]


@pytest.mark.parametrize(
    "text", [b"1,2", b"a,b,c", b"1,2,3,4,5", b"1,2,3.5", b"9" * 9999, b"\xff,1,2"]
)
def test_hostile_labels(text: bytes, first_part: Path, tmp_path: Path) -> None:
    shutil.copytree(first_part, tmp_path, dirs_exist_ok=True)
    (tmp_path / "Label" / "0003-M.txt").write_bytes(b"1,2,3,2\n" + text)
    with pytest.raises(InputError, match=r"Label.0003-M\.txt: row 2: .* is not class,start,end"):
        quiet(tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.binary() | st.lists(st.sampled_from(["1", ",", "\n", "-3", "60", "x"])).map("".join))
def test_fuzz_labels(text: bytes | str) -> None:
    try:
        rows = parse_labels(text if isinstance(text, bytes) else text.encode(), "file")
    except InputError as error:
        assert str(error).startswith("file: row ") and "\n" not in str(error)
        return
    for bounds in ("slice", "inclusive"):
        kept, odd = segments_of(rows, 50, bounds)
        assert all(0 <= s.start < s.end <= 50 and 1 <= s.label <= 51 for s in kept)
        assert len(kept) + sum(what == "left out" for what, _ in odd) == len(rows)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1500), st.binary(max_size=6)), min_size=1, max_size=4)
    | st.binary()
)
def test_fuzz_skeletons(edits: list[tuple[int, bytes]] | bytes) -> None:
    text = edits if isinstance(edits, bytes) else ROW + b"\n" + ROW
    for at, piece in [] if isinstance(edits, bytes) else edits:
        text = text[:at] + piece + text[at + len(piece) :]
    try:
        joints = parse_skeleton(text, "file")
    except InputError as error:
        assert str(error).startswith("file: ") and "\n" not in str(error)
        return
    assert joints.shape[1:] == (2, 25, 3) and np.isfinite(joints).all()


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (b"0,1,10,2", r"1 label rows left out: 0003-M row 1 \(0,1,10\): no such class"),
        (b"1,10,1,2", "ends before it starts"),
        (b"1,9000,9010,2", "outside the"),
        (b"", "there are no label rows"),
    ],
)
def test_no_clip_says_why(rows: bytes, match: str, first_part: Path, tmp_path: Path) -> None:
    for sub, content in (("Skeleton", None), ("Label", rows + b"\n")):
        (tmp_path / sub).mkdir()
        shutil.copy(first_part / sub / "0003-M.txt", tmp_path / sub)
        if content is not None:
            (tmp_path / sub / "0003-M.txt").write_bytes(content)
    with pytest.raises(
        InputError, match=f"no clip with a skeleton: .*{match}.*classes are 1 to 51"
    ):
        quiet(tmp_path)


def test_nan_is_a_joint_that_was_not_seen(tmp_path: Path) -> None:
    rows = np.zeros((6, 150))
    rows[:5, :75] = np.arange(1, 6)[:, None]  # one person, gone in the last frame
    rows[2, 9:12] = rows[4, :3] = np.nan
    for sub, text in (("Skeleton", rows), ("Label", np.array([[1, 0, 6, 2]]))):
        (tmp_path / sub).mkdir()
        fmt, between = ("%g", " ") if sub == "Skeleton" else ("%d", ",")
        np.savetxt(tmp_path / sub / "0003-M.txt", text, fmt, between)
    clip = quiet(tmp_path).clip(0)
    assert (clip[2, 0, 3] == 3).all() and (clip[4, 0, 0] == 4).all() and not clip[5].any()
    assert not clip[:, 1].any()
    assert not quiet(tmp_path, missing="keep").clip(0)[2, 0, 3].any()
