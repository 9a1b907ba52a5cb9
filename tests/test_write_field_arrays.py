"""The field's arrays out: what the peers' loaders see is what the store holds."""

from __future__ import annotations

import pickle
import pickletools
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelf.data.clips import ClipSet
from skelf.data.readers import READERS
from skelf.data.synthetic.clips import generate
from skelf.data.writers.field_arrays import WriteArrays, write_ctr_npz, write_field_arrays
from skelf.errors import InputError
from skelf.layouts import NTU25


def ntu(count: int = 9) -> ClipSet:
    """Clips of one or two persons, named as NTU's, with a hole, and a split."""
    rng = np.random.default_rng(0)
    length = rng.integers(3, 20, count)
    joints = rng.normal(size=(length.sum(), 2, 25, 3)).astype(np.float32)
    ends = np.cumsum(length)
    joints[: ends[2], 1] = 0  # nobody beside the first person
    joints[ends[4] + 1] = 0  # a frame without anybody
    return ClipSet.build(
        joints,
        length,
        NTU25,
        name=[f"S001C00{1 + i % 3}P00{1 + i}R001A00{1 + i % 4}" for i in range(count)],
        label=[i % 4 for i in range(count)],
        class_names=["drink water", "eat meal/snack", "brushing teeth", "brushing hair"],
        splits={"xview": np.array([1 + (i % 3 == 0) for i in range(count)], np.int8)},
    )


class Loader:
    """As the peers' feeders read: arrays mapped, the plain unpickler, lengths beside."""

    def __init__(self, folder: Path, side: str) -> None:
        self.data = np.load(folder / f"{side}_data_joint.npy", mmap_mode="r")
        with (folder / f"{side}_label.pkl").open("rb") as file:
            self.names, self.labels = pickle.load(file)
        self.frames = np.load(folder / f"{side}_num_frame.npy")

    def clip(self, number: int) -> np.ndarray:
        """`(T, M, V, C)`, one number after the other."""
        block = self.data[number]
        out = np.zeros((self.frames[number], *block.shape[:0:-1][:2], 3), block.dtype)
        for t in range(len(out)):
            for person in range(block.shape[3]):
                out[t, person] = np.array(block[:, t, :, person]).T
        return out


def test_the_peers_see_what_the_store_holds(tmp_path: Path) -> None:
    clips = ntu()
    write_field_arrays(clips, tmp_path / "xview", how=WriteArrays(split="xview"))
    for side, part in zip(("train", "val"), clips.split("xview"), strict=True):
        loader = Loader(tmp_path / "xview", side)
        assert loader.data.shape == (len(part), 3, 300, 25, 2) and loader.data.dtype == np.float32
        assert loader.names == part.names and loader.labels == part.label.tolist()
        for number in range(len(part)):
            np.testing.assert_array_equal(loader.clip(number), part.clip(number))
            assert not loader.data[number][:, part.length[number] :].any()


def test_labels_need_no_numpy(tmp_path: Path) -> None:
    write_field_arrays(ntu(), tmp_path, how=WriteArrays(split="xview"))
    raw = (tmp_path / "train_label.pkl").read_bytes()
    opcodes = {code.name for code, _, _ in pickletools.genops(raw)}
    assert raw[:2] == b"\x80\x02" and not opcodes & {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"}


@pytest.mark.parametrize("persons", [1, 2])
def test_round_trips(persons: int, tmp_path: Path) -> None:
    clips = ntu()
    clips = replace(clips, joints=clips.joints[:, :persons])
    parts = clips.split("xview")
    expected = [part.clip(i) for part in parts for i in range(len(part))]
    write_field_arrays(clips, tmp_path / "xview", how=WriteArrays(split="xview", persons=persons))
    write_ctr_npz(
        clips, tmp_path / "NTU60_CV.npz", how=WriteArrays(split="xview", frames=30, persons=persons)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = READERS["arrays"](tmp_path / "xview")
        npz = READERS["arrays"](tmp_path / "NTU60_CV.npz")
    for found in (back, npz):
        assert found.length.tolist() == [len(clip) for clip in expected]
        for number, clip in enumerate(expected):
            np.testing.assert_array_equal(found.clip(number), clip)
        assert found.splits["xview"].tolist() == [1] * len(parts[0]) + [2] * len(parts[1])
        assert found.label.tolist() == [int(x) for part in parts for x in part.label]
    assert back.names == [name for part in parts for name in part.names]
    assert back.class_names[:4] == clips.class_names


def test_ctr_gcns_loader_sees_it(tmp_path: Path) -> None:
    clips = ntu()
    write_ctr_npz(clips, tmp_path / "a.npz", how=WriteArrays(split="xview", frames=40))
    with np.load(tmp_path / "a.npz") as file:  # its order: person by person
        for side, part in zip(("train", "test"), clips.split("xview"), strict=True):
            x, y = file[f"x_{side}"], file[f"y_{side}"]
            assert x.shape == (len(part), 40, 150) and y.shape == (len(part), 4)
            for number in range(len(part)):
                length = int(part.length[number])
                for person in range(2):
                    seen = x[number, :length, person * 75 : (person + 1) * 75]
                    same = part.clip(number)[:, person].reshape(length, 75)
                    np.testing.assert_array_equal(seen, same)
                assert np.flatnonzero(y[number] > 0).tolist() == [part.label[number]]


def test_what_finds_no_room_is_said(tmp_path: Path) -> None:
    clips = ntu()
    with pytest.warns(UserWarning) as caught:
        write_field_arrays(clips, tmp_path, how=WriteArrays(split="xview", frames=10, persons=1))
    text = "\n".join(str(w.message) for w in caught)
    assert "clips are longer than frames=10 and were cut" in text
    assert "6 clips show more persons than persons=1" in text
    loader = Loader(tmp_path, "train")
    assert loader.data.shape[2:] == (10, 25, 1) and loader.frames.max() == 10


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    clips = ntu()
    with pytest.raises(InputError, match="did you mean 'xview'"):
        write_field_arrays(clips, tmp_path / "a", how=WriteArrays(split="xveiw"))
    flat = replace(clips, joints=np.ascontiguousarray(clips.joints[..., :2]))
    with pytest.raises(InputError, match="2 numbers a joint"):
        write_field_arrays(flat, tmp_path / "a", how=WriteArrays(split="xview"))
    with pytest.raises(ValueError, match="frames"):
        WriteArrays(split="xview", frames=0)
    with pytest.raises(InputError, match=r"Say split=NAME; it has xview, xsub"):
        write_ctr_npz(clips.with_split("xsub", [1] * (len(clips) - 1) + [2]), tmp_path / "a.npz")
    unknown = replace(clips, label=np.full(len(clips), -1))
    with pytest.raises(InputError, match="have no label"):
        write_ctr_npz(unknown, tmp_path / "a.npz", how=WriteArrays(split="xview"))
    assert list(tmp_path.iterdir()) == []


def test_other_layouts(tmp_path: Path) -> None:
    clips = generate(clips=12).with_split("half", [1] * 6 + [2] * 6)
    write_field_arrays(clips, tmp_path, how=WriteArrays(split="half", persons=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = READERS["arrays"](tmp_path, "kinect20")
    np.testing.assert_array_equal(back.joints, clips.joints)
