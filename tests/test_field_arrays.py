"""The field's arrays in the forms in which they lie about: names, labels, lengths, padding."""

from __future__ import annotations

import json
import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutants import mutants, survives

from skelf.data.clips import ClipSet
from skelf.data.formats.field_names import named, split_name
from skelf.data.formats.guess import recognised
from skelf.data.readers import READERS
from skelf.data.readers.arrays import Arrays
from skelf.errors import InputError
from skelf.layouts import H36M17

read = READERS["arrays"]
LENGTHS = [5, 9, 12, 7]
PLAIN = Arrays()


def clips(seed: int = 0, persons: int = 2, joints: int = 25) -> list[np.ndarray]:
    """Clips `(T, M, V, 3)` of several lengths."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, persons, joints, 3)).astype(np.float32) for n in LENGTHS]


def padded(parts: list[np.ndarray], frames: int = 12) -> np.ndarray:
    """`(N, C, T, V, M)` with zeros behind."""
    room = np.zeros((len(parts), 3, frames, parts[0].shape[2], parts[0].shape[1]), np.float32)
    for number, part in enumerate(parts):
        for t, frame in enumerate(part[:frames]):
            room[number, :, t] = frame.transpose(2, 1, 0)
    return room


def quiet(path: Path, how: Arrays = PLAIN, layout: str | None = None) -> ClipSet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(path, layout, how)


def notes(path: Path, how: Arrays = PLAIN, layout: str | None = None) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(path, layout, how)
    return "\n".join(str(w.message) for w in caught)


def same(found: ClipSet, parts: list[np.ndarray]) -> None:
    assert found.length.tolist() == [len(part) for part in parts]
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(found.clip(number), part)


NAMES = {
    "train_data_joint.npy": ("train", ""),
    "val_data.npy": ("val", ""),
    "xsub_train_position.npy": ("train", ""),
    "test_data.npy": ("test", ""),
    "val_data_bone.npy": ("val", "bone"),
    "train_data_joint_motion.npy": ("train", "joint_motion"),
    "train_motion.npy": ("train", "motion"),
    "train_data_joint_bone.npy": ("train", "joint_bone"),
    "data_joint.npy": ("", ""),
    "walk_motion.npy": None,
    "positions.npy": None,
    "my_joints.npy": None,
    "train_label.npy": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_name_says(name: str) -> None:
    found = named(name)
    assert (found and (found.side, found.other)) == NAMES[name]


def test_which_split_a_place_is_of() -> None:
    for place, split in (
        ("NTU-60/xview/train_data.npy", "xview"),
        ("ntu120/xsetup/val_data_joint.npy", "xset"),
        ("NTU120_CSet.npz", "xset"),
        ("PKUv1_XSub.npz", "xsub"),
        ("xsub_train_data.npy", "xsub"),
        ("mine/train_data.npy", "official"),
    ):
        assert split_name(Path(place)) == split


NTU = [f"S001C00{1 + i}P00{1 + i}R001A00{1 + i}" for i in range(3)] + ["S002C001P005R001A060"]
LABELS = [0, 1, 2, 59]


def folder(path: Path, side: str = "train", **beside: Any) -> Path:
    """An array of four clips, and files beside it by the ends of their names."""
    path.mkdir(exist_ok=True)
    np.save(path / f"{side}_data_joint.npy", padded(clips()))
    for end, content in beside.items():
        word, _, suffix = end.rpartition("_")
        file = path / f"{side}_{word}.{suffix}"
        if suffix == "npy":
            np.save(file, content)
        elif suffix == "pkl":
            file.write_bytes(pickle.dumps(content))
        else:
            file.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    "beside",
    [
        {"label_pkl": ([f"{n}.skeleton" for n in NTU], [np.float64(x) for x in LABELS])},
        {"label_pkl": (NTU, np.array(LABELS)), "num_of_frames_npy": np.array(LENGTHS, np.int32)},
        {"label_pkl": [[f"raw/{n}.skeleton" for n in NTU], LABELS]},
        {"label_pkl": (NTU, LABELS, LENGTHS)},
        {"label_json": [NTU, LABELS]},
        {"label_json": dict(zip(NTU, LABELS, strict=True))},
        {"labels_json": {"name": NTU, "label": LABELS}},
        {"label_npy": np.array(LABELS)[:, None], "label_pkl": (NTU, LABELS)},
    ],
    ids=range(8),
)
def test_labels_in_every_form(beside: dict[str, Any], tmp_path: Path) -> None:
    found = quiet(folder(tmp_path / "xsub", **beside))
    assert found.names == NTU and found.label.tolist() == LABELS
    assert found.class_names[59] == "walking apart from each other"
    assert found.subject.tolist() == [1, 2, 3, 5] and found.setup.tolist() == [1, 1, 1, 2]
    assert found.splits["xsub"].tolist() == [1] * 4
    same(found, clips())


@pytest.mark.parametrize("labels", [np.array([[3], [0], [1], [1]]), np.eye(4)[[3, 0, 1, 1]]])
def test_labels_of_numbers_alone(labels: np.ndarray, tmp_path: Path) -> None:
    found = quiet(folder(tmp_path / "a", label_npy=labels))
    assert found.label.tolist() == [3, 0, 1, 1] and found.class_names == ("0", "1", "2", "3")
    assert found.names[1] == "train_data_joint_1"


def test_pku_mmd_by_cmd(tmp_path: Path) -> None:
    """Float labels, and lengths that the array has no room for."""
    names = ["0002-L.txt_0", "0002-M.txt_0", "A01N02-R.txt_11", "0364-L.txt_2"]
    path = folder(
        tmp_path / "xsub", label_pkl=(names, [0.0, 50.0, 3.0, 3.0]), num_frame_npy=[5, 400, 0, 7]
    )
    assert "1 clips were longer and end at 12 frames" in notes(path)
    found = quiet(path)
    assert found.class_names[50] == "writing" and found.camera.tolist() == [1, 2, 3, 1]
    assert found.length.tolist() == [5, 12, 1, 7]


def test_bones_and_motion_are_no_joints(tmp_path: Path) -> None:
    path = folder(tmp_path / "xview", label_pkl=(NTU, LABELS))
    np.save(path / "train_data_bone.npy", padded(clips(1)))
    with pytest.raises(InputError, match=r"bone by its name, not joints; give train_data_joint"):
        read(path / "train_data_bone.npy")
    np.save(path / "val_data_joint.npy", padded(clips(1)))
    assert "train_data_bone.npy: computed from joints, left out" in notes(path)
    (path / "train_data_joint.npy").unlink()
    (path / "val_data_joint.npy").unlink()
    with pytest.raises(InputError, match="bone by its name"):
        read(path)
    np.save(path / "train_data_joint.npy", np.zeros((4, 6, 4, 25, 2), np.float32))
    with pytest.raises(InputError, match="6 numbers a joint"):
        read(path)


def test_a_folder_leaves_no_doubt(tmp_path: Path) -> None:
    path = folder(tmp_path / "data", label_pkl=(NTU, LABELS))
    np.save(path / "train_data.npy", padded(clips(1)))
    with pytest.raises(InputError, match=r"train_data\.npy and train_data_joint\.npy are both"):
        read(path)
    with pytest.raises(InputError, match="arrays in data below; name one"):
        (path / "train_data.npy").unlink()
        read(tmp_path)
    with pytest.raises(InputError, match="names and labels, not joints"):
        read(path / "train_label.pkl")


def test_validation_and_test_are_two_splits(tmp_path: Path) -> None:
    for seed, side in enumerate(("test", "val", "train")):
        folder(tmp_path / "x", side)
        np.save(tmp_path / "x" / f"{side}_data_joint.npy", padded(clips(seed)))
    found = quiet(tmp_path / "x")
    assert found.splits["official"].tolist() == [1] * 4 + [0] * 4 + [2] * 4
    assert found.splits["official_val"].tolist() == [1] * 4 + [2] * 4 + [0] * 4
    same(found, [*clips(2), *clips(1), *clips(0)])


def turn(axis: int, angle: float) -> np.ndarray:
    """A right-handed turn."""
    c, s = np.cos(angle), np.sin(angle)
    plane = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    plane[a, a], plane[b, b], plane[a, b], plane[b, a] = c, c, -s, s
    return plane


def as_2s_agcn(parts: list[np.ndarray], frames: int = 30) -> np.ndarray:
    """Repeated to one length, the first person's spine at zero, y turned to z (sources D1)."""
    made = []
    for part in parts:
        times = np.arange(frames) % len(part)
        whole = part[times].astype(np.float64)
        whole = whole - whole[:, :1, 1:2]
        made.append(whole @ turn(0, np.pi / 2).T)
    return np.stack(made).transpose(0, 4, 1, 3, 2).astype(np.float32)


def standing() -> list[np.ndarray]:
    """Clips whose spines point along y."""
    parts = clips()
    for part in parts:
        part[:, :, 1] = part[:, :, 0] + np.array([0.02, 0.3, 0.01], np.float32)
    return parts


def test_2s_agcn_repeats_and_turns(tmp_path: Path) -> None:
    array = as_2s_agcn(standing())
    np.save(tmp_path / "val_data_joint.npy", array)
    said = notes(tmp_path / "val_data_joint.npy")
    assert "4 of 4 clips end in frames that repeat their beginning" in said
    assert "spines point along z (up=z makes y up); kept so" in said
    found = quiet(tmp_path / "val_data_joint.npy")
    batch = array.transpose(0, 2, 4, 3, 1)
    same(found, [batch[i, :n] for i, n in enumerate(LENGTHS)])
    turned = quiet(tmp_path / "val_data_joint.npy", Arrays(up="z"))
    for number, part in enumerate(standing()):
        expected = part - part[:, :1, 1:2]
        np.testing.assert_allclose(turned.clip(number), expected, atol=1e-6)
    assert quiet(tmp_path / "val_data_joint.npy", Arrays(padding="keep")).length[0] == 30


def test_padding_that_is_there_is_cut_and_said(tmp_path: Path) -> None:
    path = tmp_path / "train_data.npy"
    parts = clips()
    parts[1][:] = 0  # nobody
    parts[2][4:6] = 0  # a hole
    np.save(path, padded(parts))
    assert "3 of 4 clips end in frames that show nobody: cut" in notes(path)
    found = quiet(path)
    assert found.length.tolist() == [5, 1, 12, 7]
    np.testing.assert_array_equal(found.clip(2), parts[2])


def test_clips_that_were_stretched(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 3, 50, 25, 2)).astype(np.float32)
    values -= values[:, :, :, 20:21]
    np.save(tmp_path / "train_position.npy", values)
    said = notes(tmp_path / "train_position.npy")
    assert "all clips have 50 frames, as if stretched" in said and "joint 20 is zero" in said
    assert quiet(tmp_path / "train_position.npy", Arrays(fps=12)).fps.tolist() == [12] * 5


def test_scores_are_no_depth(tmp_path: Path) -> None:
    """Kinetics: x, y from the middle of the image, and a score."""
    rng = np.random.default_rng(0)
    values = rng.uniform(-0.5, 0.5, (3, 3, 40, 18, 2)).astype(np.float32)
    values[:, 2] = rng.uniform(0.1, 1, values[:, 2].shape)
    values[:, :, :, 4] = 0
    np.save(tmp_path / "val_data.npy", values)
    found = quiet(tmp_path / "val_data.npy")
    assert found.skeleton.name == "openpose18" and found.confidence and found.coordinates == 2
    kept = quiet(tmp_path / "val_data.npy", Arrays(confidence=False))
    assert not kept.confidence and kept.coordinates == 3
    pixels = rng.uniform(0, 900, (30, 17, 3)).astype(np.float32)
    pixels[..., 2] /= 900
    np.save(tmp_path / "pose.npy", pixels)
    assert quiet(tmp_path / "pose.npy", layout="coco17").confidence
    depth = rng.normal(size=(30, 25, 3)).astype(np.float32)
    np.save(tmp_path / "depth.npy", depth)
    assert not quiet(tmp_path / "depth.npy", layout="ntu25").confidence


def test_bodies_tell_axes_and_unit(tmp_path: Path) -> None:
    """A person in millimetres with z up, as FreeMoCap writes."""
    rng = np.random.default_rng(0)
    points = rng.normal(0, 5, (9, 17, 3))
    heights = {"Head": 1650, "Hip": 950, "RHip": 940, "LHip": 940, "RKnee": 500, "LKnee": 500}
    for joint, name in enumerate(H36M17.names):
        points[:, joint, 2] += heights.get(name, 80 if "Foot" in name else 1200)
    np.save(tmp_path / "body.npy", points)
    said = notes(tmp_path / "body.npy", layout="h36m17")
    assert "bodies stand along z: kept so (up=z makes y up)" in said
    assert "by the length of a thigh these are millimetres: numbers stay" in said
    turned = quiet(tmp_path / "body.npy", Arrays(up="z"), "h36m17").joints[:, 0]
    np.testing.assert_allclose(turned[..., 1], points[..., 2], rtol=1e-6)
    np.save(tmp_path / "flat.npy", np.stack([points[..., 0], 900 - points[..., 2]], axis=-1))
    assert "bodies stand along -y" in notes(tmp_path / "flat.npy", layout="h36m17")


def test_uav_human_by_its_names(tmp_path: Path) -> None:
    names = [f"P00{i}S00G10B10H50UC022000LC021000A00{i}R0_08241716.txt" for i in range(4)]
    path = folder(tmp_path / "uav", label_pkl=([f"x/train/{n}" for n in names], [0, 1, 2, 3]))
    with pytest.raises(InputError, match="give the layout of its 17 joints"):
        np.save(path / "train_data_joint.npy", padded(clips(joints=17)))
        (path / "train_label.pkl").rename(path / "elsewhere.pkl")
        read(path)
    (path / "elsewhere.pkl").rename(path / "train_label.pkl")
    found = quiet(path)
    assert found.skeleton.name == "coco17" and found.subject.tolist() == [0, 1, 2, 3]


def ctr(path: Path, save: Any = np.savez, **changes: Any) -> Path:
    """As CTR-GCN's: two persons of 25 joints, one after the other, zeros behind."""
    fields: dict[str, Any] = {}
    for seed, side in enumerate(("train", "test")):
        room = np.zeros((4, 12, 150), np.float32)
        for number, part in enumerate(clips(seed)):
            for t, frame in enumerate(part):
                room[number, t] = np.concatenate([person.ravel() for person in frame])
        fields |= {f"x_{side}": room, f"y_{side}": np.eye(60)[[0, 9, 59, 9]]}
    save(path, **{key: value for key, value in (fields | changes).items() if value is not None})
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_ctr_gcn(save: Any, tmp_path: Path) -> None:
    path = ctr(tmp_path / "NTU60_CV.npz", save)
    found = quiet(path)
    same(found, [*clips(0), *clips(1)])
    assert found.names[:1] == ["train_0"] and found.names[4] == "test_0"
    assert found.label.tolist() == [0, 9, 59, 9] * 2 and found.class_names[9] == "clapping"
    assert found.splits["xview"].tolist() == [1] * 4 + [2] * 4
    assert "x_train: 3 of 4 clips end in frames that show nobody" in notes(path)
    assert recognised(path)[0] == "arrays"


def test_ctr_gcn_of_other_sets(tmp_path: Path) -> None:
    one = np.concatenate([np.eye(51)[[3, 50]], np.zeros((2, 51))])
    found = quiet(ctr(tmp_path / "PKUv1_XSub.npz", y_train=one, y_test=one))
    assert found.label.tolist() == [3, 50, -1, -1] * 2 and found.class_names[50] == "writing"
    x = padded(clips()).transpose(0, 2, 4, 3, 1)[:, :, :1].reshape(4, 12, 75)
    empty = {"x_test": np.zeros((0, 12, 150), np.float32), "y_test": np.zeros((0, 60))}
    assert len(quiet(ctr(tmp_path / "half.npz", **empty))) == 4
    found = quiet(
        ctr(tmp_path / "mine.npz", x_train=x, x_test=None, y_train=np.array([0, 1, 1, 0]))
    )
    assert found.persons == 1 and found.class_names == ("0", "1")
    bad = {
        "100 numbers a frame, not 75 or 150": {"x_train": np.zeros((4, 3, 100), np.float32)},
        "x_train: expected float": {"x_train": np.zeros((4, 3, 150), np.int32)},
        "neither one number": {"y_train": np.ones((4, 60))},
        "the array has 4 clips": {"y_train": np.arange(3)},
    }
    for message, changes in bad.items():
        with pytest.raises(InputError, match=message):
            quiet(ctr(tmp_path / "bad.npz", **changes))
    raw = bytearray((tmp_path / "mine.npz").read_bytes())
    raw[2000] ^= 255  # of the numbers: the checksum finds it
    (tmp_path / "mine.npz").write_bytes(raw)
    with pytest.raises(InputError, match="x_train: cut off or damaged"):
        quiet(tmp_path / "mine.npz")


@pytest.mark.parametrize("protocol", [2, 5])
def test_the_steps_of_ctr_gcn(protocol: int, tmp_path: Path) -> None:
    parts = clips()
    single = [part[:, :1] for part in parts[:2]] + parts[2:]
    rows = [part.reshape(len(part), -1) for part in single]
    (tmp_path / "denoised_data").mkdir()
    path = tmp_path / "denoised_data" / "raw_denoised_joints.pkl"
    path.write_bytes(pickle.dumps(rows, protocol=protocol))
    assert quiet(path).names[0] == "raw_denoised_joints_0"
    (tmp_path / "statistics").mkdir()
    (tmp_path / "statistics" / "skes_available_name.txt").write_text("\n".join(NTU) + "\n")
    found = quiet(path)
    assert found.names == NTU and found.label.tolist() == LABELS and found.persons == 2
    np.testing.assert_array_equal(found.clip(0)[:, 0], parts[0][:, 0])
    assert not found.clip(0)[:, 1].any() and recognised(path)[0] == "arrays"


def test_bodies_of_the_sensor(tmp_path: Path) -> None:
    """A second body that comes late and moves more becomes the first person."""
    rng = np.random.default_rng(0)
    calm, wild = rng.normal(0, 0.1, (8, 25, 3)), rng.normal(0, 2, (3, 25, 3))
    bodies = {
        "a": {"joints": calm.reshape(-1, 3), "interval": list(range(8)), "motion": 1.0},
        "b": {"joints": wild.reshape(-1, 3), "interval": [5, 6, 7], "motion": 2.0},
    }
    content = [{"name": NTU[1], "data": bodies, "num_frames": 8}]
    path = tmp_path / "raw_skes_data.pkl"
    path.write_bytes(pickle.dumps(content))
    found = quiet(path)
    assert found.label.tolist() == [1] and found.length.tolist() == [8]
    np.testing.assert_allclose(found.clip(0)[5:, 0], wild, rtol=1e-6)
    np.testing.assert_allclose(found.clip(0)[:, 1], calm, rtol=1e-6)
    for key, value in (("interval", [0, 9]), ("joints", None), ("interval", "x")):
        content[0]["data"]["a"][key] = value  # type: ignore[index]  # a dict of dicts
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(InputError, match=r"raw_skes_data\.pkl: "):
            read(path)


@pytest.mark.parametrize("form", ["rows", "numbered", "columns"])
def test_pickles_of_pku_mmd(form: str, tmp_path: Path) -> None:
    """USDRL's and FoundSkelModel's: `(C, T, V, M)` of one length each."""
    data = np.random.default_rng(0).normal(size=(4, 3, 64, 25, 2)).astype(np.float32)
    rows = [{"name": f"0002-L.txt_{i}", "data": clip, "label": i} for i, clip in enumerate(data)]
    columns = {"num_frames": [64, 30, 64, 64], "data": list(data), "label": [0, 1, 2, 3]}
    content = {"rows": rows, "numbered": dict(enumerate(rows)), "columns": columns}[form]
    path = tmp_path / "train_v1.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    found = quiet(path)
    assert found.label.tolist() == [0, 1, 2, 3] and recognised(path)[0] == "arrays"
    assert found.length.tolist() == ([64] * 4 if form != "columns" else [64, 30, 64, 64])
    np.testing.assert_array_equal(found.clip(2), data[2].transpose(1, 3, 2, 0))
    assert (found.camera == 1).all() == (form != "columns")


def test_nw_ucla(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    joints = {
        name: rng.normal(size=(length, 20, 3)).round(5)
        for name, length in (("a12_s10_e00_v02", 4), ("a01_s03_e01_v01", 6))
    }
    for name, label in (("a12_s10_e00_v02", 10), ("a01_s03_e01_v01", 1)):
        content = {"file_name": name, "skeletons": joints[name].tolist(), "label": label}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    found = quiet(tmp_path)
    assert found.names == ["a01_s03_e01_v01", "a12_s10_e00_v02"]
    assert found.class_names[found.label[1]] == "carry" and found.label.tolist() == [0, 9]
    assert found.subject.tolist() == [3, 10] and found.camera.tolist() == [1, 2]
    np.testing.assert_allclose(found.clip(1)[:, 0], joints["a12_s10_e00_v02"], atol=1e-7)
    assert recognised(tmp_path / "a12_s10_e00_v02.json")[0] == "arrays"
    for wrong in ([[1, 2]], [[[1, 2, "x"]] * 20], None):
        content = {"file_name": "b", "skeletons": wrong, "label": 1}
        (tmp_path / "b.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match=r"b\.json: skeletons: .*expected"):
            read(tmp_path / "b.json")


def made(folder_: Path) -> dict[str, Path]:
    """One small file of each form."""
    folder(folder_ / "xsub", label_pkl=(NTU, LABELS), num_frame_npy=np.array(LENGTHS))
    small = {"x_train": np.ones((2, 3, 150), np.float32), "y_train": np.eye(60)[:2]}
    ctr(folder_ / "s.npz", np.savez_compressed, **small, x_test=None, y_test=None)
    rows = [np.ones((3, 75), np.float32), np.ones((2, 150), np.float32)]
    (folder_ / "raw_denoised_joints.pkl").write_bytes(pickle.dumps(rows, protocol=4))
    one = {"file_name": "a01_s03_e01_v01", "skeletons": np.ones((2, 20, 3)).tolist(), "label": 1}
    (folder_ / "one.json").write_text(json.dumps(one))
    return {
        "label": folder_ / "xsub" / "train_label.pkl",
        "lengths": folder_ / "xsub" / "train_num_frame.npy",
        "npz": folder_ / "s.npz",
        "pickle": folder_ / "raw_denoised_joints.pkl",
        "json": folder_ / "one.json",
    }


@pytest.mark.parametrize("form", ["label", "lengths", "npz", "pickle", "json"])
def test_damaged_files(form: str, tmp_path: Path) -> None:
    file = made(tmp_path)[form]
    path = file if form in ("npz", "pickle", "json") else file.with_name("train_data_joint.npy")
    for raw in [b"", b"\0" * 40, b"\xff\xfe", *mutants(file.read_bytes(), 25)]:
        file.write_bytes(raw)
        with suppress(InputError), warnings.catch_warnings(action="ignore"):
            read(path).validate()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["label", "lengths", "npz", "pickle", "json"])
def test_two_thousand_damaged_files(form: str, tmp_path: Path) -> None:
    file = made(tmp_path)[form]
    path = file if form in ("npz", "pickle", "json") else file.with_name("train_data_joint.npy")
    done, refused = survives(read, path, file)
    assert done + refused == 2000 and refused
