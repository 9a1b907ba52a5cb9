from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from skelf import files
from skelf.data import splits, store
from skelf.data.clips import ClipSet
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25, SBU15


def make(count: int = 6, persons: int = 2) -> ClipSet:
    rng = np.random.default_rng(0)
    length = rng.integers(1, 9, count)
    return ClipSet.build(
        rng.normal(size=(length.sum(), persons, 20, 3)),
        length,
        KINECT20,
        class_names=["wink", "naïve"],
        name=[f"clip-é{i}" for i in range(count)],
        label=np.arange(count) % 2,
        subject=np.arange(count) % 3,
        camera=np.arange(count) % 2 + 1,
        columns={"fold": np.arange(count) % 5},
        segments=np.array([[3, 0, 1, 1], [0, 0, 1, 0], [3, 0, 1, 0]]),
        attributes={"title": "noise"},
        fps=25,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    make().with_split("half", [1, 1, 1, 2, 2, 0]).save(tmp_path / "a.h5")
    return tmp_path / "a.h5"


def test_round_trip(saved: Path) -> None:
    clips, opened = make(), ClipSet.open(saved)
    assert isinstance(opened.joints, np.memmap) and opened.joints.flags.aligned
    assert not opened.joints.flags.writeable
    np.testing.assert_array_equal(opened.joints, clips.joints)
    for key in ("start", "length", "label", "subject", "camera", "setup", "fps", "segments"):
        np.testing.assert_array_equal(getattr(opened, key), getattr(clips, key))
        assert getattr(opened, key).dtype == getattr(clips, key).dtype
    assert opened.names == clips.names and opened.names[2] == "clip-é2"
    assert opened.class_names == ("wink", "naïve") and opened.skeleton == KINECT20
    assert opened.attributes == {"title": "noise"} and opened.columns["fold"][4] == 4
    assert opened.splits["half"].tolist() == [1, 1, 1, 2, 2, 0]
    assert (opened.persons, opened.channels) == (2, 3)
    assert opened.frames_total == clips.frames_total and len(opened) == 6
    np.testing.assert_array_equal(opened.clip(2), clips.clip(2))
    store.verify(saved)
    opened.validate()


def test_any_language_can_read_it(saved: Path) -> None:
    """The file is what store.py describes, without any of our code."""
    with h5py.File(saved) as file:
        assert file.attrs["format"] == b"skelf-clips" and file.attrs["version"] == 1
        assert file["joints"].dtype == "<f4" and file["joints"].chunks is None
        assert set(file["clips"]) == {
            *("start", "length", "label", "subject", "camera", "setup", "fps", "name", "fold")
        }
        raw = saved.read_bytes()
        offset = file["joints"].id.get_offset()
        first = np.frombuffer(raw, "<f4", 20 * 3, offset)
    np.testing.assert_array_equal(first, make().joints[0, 0].ravel())


def test_take_shares_joints_and_reindexes(saved: Path) -> None:
    clips = ClipSet.open(saved)
    part = clips.take([3, 5, 0, 3])
    assert part.joints is clips.joints
    assert part.segments.tolist() == [[0, 0, 1, 1], [0, 0, 1, 0], [2, 0, 1, 0], [3, 0, 1, 1], [3, 0, 1, 0]]  # fmt: skip  # noqa: E501
    assert part.columns["fold"].tolist() == [3, 0, 0, 3]
    assert part.splits["half"].tolist() == [2, 0, 1, 2]
    assert part.names[2] == "clip-é0"
    np.testing.assert_array_equal(part.clip(1), clips.clip(5))
    assert clips.take(clips.label == 1).label.tolist() == [1, 1, 1]
    assert len(clips.take([])) == 0 and clips.take([-1]).names == ["clip-é5"]
    with pytest.raises(IndexError):
        clips.take([6])


def test_saving_a_part_keeps_only_its_frames(saved: Path, tmp_path: Path) -> None:
    part = ClipSet.open(saved).take([4, 1, 2])
    part.save(tmp_path / "b.h5")
    again = ClipSet.open(tmp_path / "b.h5")
    assert len(again.joints) == part.frames_total < len(part.joints)
    for i in range(3):
        np.testing.assert_array_equal(again.clip(i), part.clip(i))
    again.save(tmp_path / "b.h5")  # over the very file that is mapped
    np.testing.assert_array_equal(ClipSet.open(tmp_path / "b.h5").clip(2), part.clip(2))


@pytest.mark.parametrize("numbers", [1, 300, 1000, 10**9])
def test_blocks_are_the_clips_in_order(numbers: int) -> None:
    clips = make(20).take([3, 4, 5, 0, 19, 2, 2])
    seen, frames = [], []
    for indices, block in clips.blocks(numbers):
        seen += list(indices)
        frames.append(block)
        assert len(block) == clips.length[indices.start : indices.stop].sum()
    assert seen == list(range(7))
    want = np.concatenate([clips.clip(i) for i in range(7)])
    np.testing.assert_array_equal(np.concatenate(frames), want)


def test_split(saved: Path) -> None:
    clips = ClipSet.open(saved)
    train, test = clips.split("half")
    assert train.names == clips.names[:3] and test.names == clips.names[3:5]
    with pytest.raises(InputError, match=r"'hlaf'.*did you mean 'half'.*known: half"):
        clips.split("hlaf")
    with pytest.raises(InputError, match="no test clips"):
        train.split("half")
    with pytest.raises(InputError, match="no splits"):
        make().split("half")


@pytest.mark.parametrize(
    ("name", "assignment", "match"),
    [
        ("a/b", [1, 2, 1, 2, 1, 2], "cannot name"),
        ("", [1, 2, 1, 2, 1, 2], "cannot name"),
        ("x", [1, 2], "for each of 6 clips"),
        ("x", [1, 2, 3, 1, 1, 1], "0 .unused., 1 .train., 2 .test."),
    ],
)
def test_with_split_refuses(name: str, assignment: list[int], match: str) -> None:
    with pytest.raises(InputError, match=match):
        make().with_split(name, assignment)


def test_add_split_leaves_the_rest(saved: Path) -> None:
    before = ClipSet.open(saved)
    joints = before.joints.copy()
    store.add_splits(saved, {"odd": np.array([1, 2, 1, 2, 1, 2], np.int8)})
    store.add_splits(saved, {"half": np.array([2, 2, 2, 1, 1, 1], np.int8)})
    after = ClipSet.open(saved)
    assert set(after.splits) == {"odd", "half"} and after.splits["half"][0] == 2
    assert after.digest() == before.digest()
    np.testing.assert_array_equal(before.joints, joints)  # the old mapping lives on
    store.verify(saved)
    assert [p.name for p in saved.parent.iterdir()] == ["a.h5"]


def test_digest_is_the_content(saved: Path) -> None:
    clips, opened = make(), ClipSet.open(saved)
    assert clips.digest() == opened.digest() == opened.with_split("s", [1] * 3 + [2] * 3).digest()
    others = [
        opened.take([0, 1]),
        opened.take([1, 0]),
        replace(opened, label=1 - opened.label),
        replace(opened, joints=opened.joints + 1),
        replace(opened, class_names=("a", "b")),
    ]
    assert len({opened.digest(), *(other.digest() for other in others)}) == 6


def test_opening_and_digest_need_no_frame(saved: Path) -> None:
    digest = ClipSet.open(saved).digest()
    with h5py.File(saved) as file:
        offset, size = file["joints"].id.get_offset(), file["joints"].nbytes
    with saved.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * size)
    clips = ClipSet.open(saved)
    assert clips.digest() == digest and np.isnan(clips.joints).all()
    with pytest.raises(InputError, match="does not match in joints"):
        store.verify(saved)


@pytest.mark.parametrize("name", ["clips/label", "splits/half", "class_names", "segments"])
def test_verify_names_the_damaged_dataset(saved: Path, name: str) -> None:
    with h5py.File(saved, "r+") as file:
        dataset = file[name]
        dataset[0] = dataset[len(dataset) - 1]
    with pytest.raises(InputError, match=f"does not match in {name}; damaged"):
        store.verify(saved)


def test_verify_sees_changed_attributes(saved: Path) -> None:
    with h5py.File(saved, "r+") as file:
        file.attrs["attributes"] = '{"title": "forged"}'
    with pytest.raises(InputError, match="attributes of /"):
        store.verify(saved)


def test_missing_garbage_and_truncated_files(saved: Path, tmp_path: Path) -> None:
    raw = saved.read_bytes()
    with pytest.raises(InputError, match=r"none.h5: no such file"):
        ClipSet.open(tmp_path / "none.h5")
    for i, content in enumerate((b"", b"no HDF5 at all", raw[:1000], raw[: len(raw) - 100])):
        path = tmp_path / f"bad{i}.h5"
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"bad{i}.h5: not a readable store"):
            ClipSet.open(path)


def test_random_damage_never_escapes_as_another_error(saved: Path) -> None:
    raw, rng = saved.read_bytes(), np.random.default_rng(0)
    head = len(raw) - make().joints.nbytes
    for _ in range(150):
        broken = bytearray(raw)
        at = int(rng.integers(0, head))
        broken[at : at + 4] = rng.bytes(4)
        saved.write_bytes(bytes(broken))
        try:
            store.verify(saved)
            ClipSet.open(saved).validate()
        except InputError:
            pass


def test_other_hdf5_content(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["joints"] = np.zeros(3)
    with pytest.raises(InputError, match=r"other.h5: HDF5, but not a skelf store"):
        ClipSet.open(path)
    with h5py.File(path, "r+") as file:
        file.attrs.update({"format": "skelf-clips", "version": 9})
    with pytest.raises(InputError, match="version 9"):
        ClipSet.open(path)


@pytest.mark.parametrize("missing", ["joints", "clips/fps", "segments", "clips"])
def test_a_store_without_a_dataset(saved: Path, missing: str) -> None:
    with h5py.File(saved, "r+") as file:
        del file[missing]
    with pytest.raises(InputError, match=missing.split("/")[-1]):
        ClipSet.open(saved)


def test_a_failed_save_leaves_the_old_file(saved: Path) -> None:
    raw = saved.read_bytes()
    clips = make()
    clips.joints[clips.start[3], 1, 4, 2] = np.nan
    with pytest.raises(InputError, match=r"noise: joints: clip 3 \('clip-é3'\): frame 0 holds NaN"):
        clips.save(saved)
    assert saved.read_bytes() == raw and len(list(saved.parent.iterdir())) == 1
    with pytest.raises(InputError, match="no clips"):
        make().take([]).save(saved)
    with pytest.raises(InputError, match="folder does not exist"):
        make().save(saved.parent / "none" / "b.h5")
    with pytest.raises(InputError, match="a folder; name a file"):
        make().save(saved.parent)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    raw, clips = saved.read_bytes(), make()
    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(OSError, match="No space left"):
        clips.save(saved)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.h5"):
        files.write_text(saved, "other")
    assert saved.read_bytes() == raw and len(list(saved.parent.iterdir())) == 1


def test_saving_through_a_link_keeps_the_link(saved: Path) -> None:
    link = saved.with_name("link.h5")
    link.symlink_to(saved)
    make().take([0]).save(link)
    assert link.is_symlink() and len(ClipSet.open(saved)) == 1


CHANGES = {
    "zero length": ({"length": np.array([1, 0])}, "length: clip 1 .*no frames"),
    "outside": ({"start": np.array([0, 9])}, "start: clip 1 .*outside the 5 frames"),
    "high label": ({"label": np.array([0, 2])}, "label: clip 1 .*= 2 .*class_names has 2"),
    "low label": ({"label": np.array([-2, 0])}, "label: clip 0"),
    "low subject": ({"subject": np.array([0, -2])}, "subject: clip 1"),
    "short column": ({"camera": np.array([0])}, "camera: expected one integer for each of 2"),
    "float column": ({"label": np.array([0.0, 1.0])}, "label: expected one integer"),
    "no fps": ({"fps": np.array([0.0, 1.0], np.float32)}, "fps: clip 0"),
    "other layout": ({"skeleton": NTU25}, "20 joints, but the layout 'ntu25' has 25"),
    "float64": ({"joints": np.zeros((5, 1, 20, 3))}, "joints: expected float32"),
    "3 axes": ({"joints": np.zeros((5, 20, 3), np.float32)}, "joints: expected float32"),
    "segment outside": ({"segments": np.array([[1, 1, 4, 0]])}, r"row 0 \[1, 1, 4, 0\] lies out"),
    "segment of no clip": ({"segments": np.array([[2, 0, 1, 0]])}, "lies outside"),
    "segment reversed": ({"segments": np.array([[0, 1, 1, 0]])}, "lies outside"),
    "segment label": ({"segments": np.array([[0, 0, 1, 2]])}, "unknown label"),
    "column name": ({"columns": {"label": np.array([0, 1])}}, "rename the column"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_validate(case: str) -> None:
    good = ClipSet.build(np.zeros((5, 1, 20, 3)), [2, 3], KINECT20, class_names=["a", "b"])
    good.validate()
    change, match = CHANGES[case]
    with pytest.raises(InputError, match=match):
        replace(good, **change).validate()


def test_huge_joints_are_not_called_nan() -> None:
    joints = np.full((2, 1, 15, 3), 3e38, np.float32)
    ClipSet.build(joints, [2], SBU15).validate()


def test_lengths_must_sum_to_the_frames() -> None:
    with pytest.raises(InputError, match="sum to 3 but there are 4"):
        ClipSet.build(np.zeros((4, 1, 20, 3)), [2, 1], KINECT20)


def test_select() -> None:
    values = np.array([1, 2, 3, -1, 2])
    assert splits.select(values, [1, 2], None, "x").tolist() == [1, 1, 2, 0, 1]
    assert splits.select(values, [1], [3], "x").tolist() == [1, 0, 2, 0, 0]
    for train, test, match in (
        ([4], None, r"value 4 does not occur; present: \[-1, 1, 2, 3\]"),
        ([1], [1, 2], r"\[1\] would train and test"),
        ([1, 2, 3], None, "both need a value"),
    ):
        with pytest.raises(InputError, match=match):
            splits.select(values, train, test, "x")


def test_random_split_is_seeded() -> None:
    a, b = splits.shuffled(100, 0.8, 1), splits.shuffled(100, 0.8, 2)
    assert (a == splits.shuffled(100, 0.8, 1)).all() and (a != b).any()
    assert (a == 1).sum() == 80 and (a == 2).sum() == 20
    for share in (0.0, 1.0, 1.5, -1.0):
        with pytest.raises(InputError, match="train share"):
            splits.shuffled(100, share)


def test_a_number_of_a_frame_that_empties_a_clip_is_a_note() -> None:
    joints = np.zeros((12_000, 1, 20, 3), np.float32)
    joints[:300] = joints[-1] = 1
    with pytest.warns(
        UserWarning, match=r"clips: clip 0 \('clip0'\): 11,699 of 12,000 frames show"
    ):
        ClipSet.build(joints, [12_000], KINECT20)
    with pytest.warns(UserWarning, match="300 to 11,998 in a row; are the numbers of the frames"):
        ClipSet.build(joints, [12_000], KINECT20)
    with warnings.catch_warnings(action="error"):
        ClipSet.build(joints, [9_000, 3_000], KINECT20)  # not so long
        joints[::5] = 1
        ClipSet.build(joints, [12_000], KINECT20)  # often there
    joints[:] = 0
    with pytest.warns(UserWarning, match="0 to 11,999 in a row"):
        ClipSet.build(joints, [12_000], KINECT20)


def test_names_are_text(tmp_path: Path) -> None:
    for names in (["a", "bc"], ["é", "größe"], [b"x", "\u6b65"], ["\udcff", ""]):
        clips = ClipSet.build(np.ones((3, 1, 20, 3)), [1, 2], KINECT20, name=names)
        assert clips.name.dtype.kind == "U" and all(isinstance(n, str) for n in clips.names)
        clips.save(tmp_path / "a.h5")
        opened = ClipSet.open(tmp_path / "a.h5")
        assert opened.name.tolist() == clips.name.tolist() == opened.names
        assert opened.digest() == clips.digest()
        assert opened.take([1]).names == clips.names[1:]
