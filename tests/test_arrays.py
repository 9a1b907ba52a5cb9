from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile

import numpy as np
import pytest

from skelf.data.clips import ClipSet
from skelf.data.joints import names as joint_names
from skelf.data.readers import READERS
from skelf.data.readers.arrays import Arrays
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20, LAYOUTS
from skelf.results.archive import arrays
from skelf.skeleton import Skeleton

read = READERS["arrays"]


def fields(**changes: Any) -> dict[str, Any]:
    """A good file of three clips; a change of None drops the field."""
    rng = np.random.default_rng(0)
    good = {
        "frames": rng.normal(size=(9, 1, 20, 3)).astype(np.float32),
        "offsets": np.array([0, 4, 5, 9]),
        "labels": np.array([1, 0, 1]),
        "subjects": np.array([5, 0, -1]),
        "class_names": np.array(["sit", "stand"]),
        "joint_names": np.array(KINECT20.names),
        "parents": np.array(KINECT20.parents),
        "fps": np.float32(15),
        "names": np.array(["a", "b", "ü"]),
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def write(path: Path, **changes: Any) -> Path:
    np.savez(path / "set.npz", **fields(**changes))
    return path / "set.npz"


def test_reads_every_field(tmp_path: Path) -> None:
    clips = read(
        write(
            tmp_path,
            views=np.array([0, 1, 2]),
            setups=np.array([7, 8, 9], np.uint8),
            folds=np.array([1, 1, 2]),
            reps=np.array([0, 1, 2]),
            clean=np.array([True, False, True]),
            intervals=np.array([[0, 1, 4, 1]]),
        )
    )
    good = fields()
    np.testing.assert_array_equal(clips.joints, good["frames"])
    assert clips.length.tolist() == [4, 1, 4] and clips.start.tolist() == [0, 4, 5]
    assert clips.label.tolist() == [1, 0, 1] and clips.subject.tolist() == [5, 0, -1]
    assert clips.camera.tolist() == [0, 1, 2] and clips.setup.tolist() == [7, 8, 9]
    assert set(clips.columns) == {"fold", "reps", "clean"}
    assert clips.columns["clean"].tolist() == [1, 0, 1]
    assert clips.segments.tolist() == [[0, 1, 4, 1]]
    assert clips.class_names == ("sit", "stand") and clips.names == ["a", "b", "ü"]
    assert clips.fps.tolist() == [15, 15, 15]
    assert clips.skeleton is KINECT20 and clips.path is None


def test_little_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "least.npz"
    np.savez(path, frames=fields()["frames"], offsets=[0, 9])
    with pytest.warns(UserWarning, match="fps is missing"):
        clips = read(path, "kinect20")
    assert clips.label.tolist() == clips.subject.tolist() == [-1]
    assert clips.class_names == () and clips.names == ["clip0"]
    with pytest.raises(InputError, match="'joint_names' is missing; add it or give --layout"):
        read(path)


def test_labels_without_names_are_numbered(tmp_path: Path) -> None:
    assert read(write(tmp_path, class_names=None)).class_names == ("0", "1")


def test_what_is_not_kept_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, frame_labels=np.zeros(9, int), weights=np.zeros(3))
    with pytest.warns(UserWarning, match=r"ignored frame_labels \(9,\), weights \(3,\)"):
        assert read(path).columns == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(write(tmp_path))


def test_layout_by_names_in_any_case(tmp_path: Path) -> None:
    upper = np.array([name.upper() for name in KINECT20.names])
    assert read(write(tmp_path, joint_names=upper)).skeleton is KINECT20


def test_a_named_layout_sorts_the_joints(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(20)
    frames = fields()["frames"][:, :, order]
    path = write(tmp_path, frames=frames, joint_names=np.array(KINECT20.names)[order])
    np.testing.assert_array_equal(read(path, "kinect20").joints, fields()["frames"])


def test_a_layout_from_toml(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text('names = ["a", "b"]\nparents = [-1, 0]\ncentre = "b"\n')
    frames = np.zeros((9, 1, 2, 3), np.float32)
    path = write(tmp_path, frames=frames, joint_names=None, parents=None)
    clips = read(path, str(toml))
    assert clips.skeleton.names == ("a", "b") and clips.skeleton.centre == 1


def test_a_custom_layout(tmp_path: Path) -> None:
    names = ["root", "lknee", "rknee", "l_toe", "head"]
    path = write(
        tmp_path,
        frames=np.zeros((9, 1, 5, 3), np.float32),
        joint_names=np.array(names),
        parents=np.array([-1, 0, 0, 1, 0]),
    )
    assert read(path).skeleton == Skeleton(
        names=tuple(names),
        parents=(-1, 0, 0, 1, 0),
        pairs=((1, 2),),
        parts={"body": (0, 1, 2, 3, 4)},
        centre=0,
    )


def test_pairs_are_guessed_only_when_clear() -> None:
    assert joint_names.pairs(["LHip", "RHip", "lowerback", "Left_Ear", "Right_Ear"]) == (
        (0, 1),
        (3, 4),
    )
    assert joint_names.pairs(COCO17.names) == COCO17.pairs
    assert joint_names.pairs(["left", "lump", "pearl_l"]) == ()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no frames": ({"frames": None}, "'frames' is missing .the file has class_names, fps"),
    "no offsets": ({"offsets": None}, "'offsets' is missing"),
    "object frames": (
        {"frames": np.array([np.zeros(3), None], dtype=object)},
        "frames: an object array .a pickle., which is never loaded",
    ),
    "object names": (
        {"names": np.array(["a", "b", None], dtype=object)},
        "names: an object array",
    ),
    "integer frames": ({"frames": np.zeros((9, 1, 20, 3), int)}, "frames: expected float"),
    "three axes": ({"frames": np.zeros((9, 20, 3))}, "frames: expected float with 4 dimensions"),
    "float offsets": ({"offsets": np.array([0.0, 9.0])}, "offsets: expected integer"),
    "float labels": ({"labels": np.zeros(3)}, "labels: expected integer"),
    "class numbers": ({"class_names": np.array([1, 2])}, "class_names: expected string"),
    "late start": ({"offsets": np.array([1, 4, 5, 9])}, "offsets: needs N . 1 .* starts at 0"),
    "empty offsets": ({"offsets": np.array([], int)}, "offsets: needs N . 1"),
    "falling": ({"offsets": np.array([0, 5, 4, 9])}, "offsets: falls after clip 1"),
    "zero length": ({"offsets": np.array([0, 4, 4, 9])}, "offsets: clip 1 has zero length"),
    "short": ({"offsets": np.array([0, 4, 5, 8])}, "ends at 8, but there are 9 frames"),
    "label high": ({"labels": np.array([0, 2, 1])}, "label: clip 1 .'b'. = 2 .*out of range"),
    "label low": ({"labels": np.array([0, -2, 1])}, "label: clip 1 .'b'. = -2"),
    "few subjects": ({"subjects": np.array([0, 1])}, "subjects: 2 entries for 3 clips"),
    "few names": ({"names": np.array(["a"])}, "names: 1 entries for 3 clips"),
    "few joints": ({"frames": np.zeros((9, 1, 19, 3))}, "joint_names: 20 names for 19 joints"),
    "no parents": (
        {"joint_names": np.array([f"j{i}" for i in range(20)]), "parents": None},
        "'parents' is missing",
    ),
    "cycle": (
        {"joint_names": np.array([f"j{i}" for i in range(20)]), "parents": np.arange(20)[::-1]},
        "joint_names, parents: .*cycle",
    ),
    "interval outside": ({"intervals": np.array([[1, 0, 2, 0]])}, r"segments: row 0 .*outside"),
    "interval label": ({"intervals": np.array([[0, 0, 2, 5]])}, "segments: row 0 .*unknown label"),
    "interval shape": ({"intervals": np.array([[0, 0, 2]])}, r"segments: expected integers .K, 4"),
    "fps zero": ({"fps": np.float32(0)}, "fps: clip 0 .*above 0"),
    "fps text": ({"fps": np.array("30")}, "fps: expected float"),
    "label far": (
        {"labels": np.array([0, 1, 9_000_000_000]), "class_names": None},
        "label 9000000000 is far beyond the 3 labels .* add class_names",
    ),
    "interval far": (
        {"intervals": np.array([[0, 0, 2, 1000]]), "labels": None, "class_names": None},
        "label 1000 is far beyond",
    ),
    "unsigned label": (
        {"labels": np.array([0, 1, 2**64 - 1], np.uint64)},
        "labels: 18446744073709551615 is beyond",
    ),
    "unsigned offset": (
        {"offsets": np.array([0, 4, 5, 2**64 - 1], np.uint64)},
        "offsets: 18446744073709551615 is beyond",
    ),
    "unsigned column": ({"reps": np.array([0, 1, 2**63], np.uint64)}, "reps: 92.* is beyond"),
    "NUL in a name": ({"names": np.array(["a", "b\0c", "d"])}, "names: entry 1 holds a NUL"),
    "NUL in a class": ({"class_names": np.array([b"s\0it", b"s"])}, "class_names: entry 0 .*NUL"),
    "NUL in a joint": (
        {"joint_names": np.array([f"j\0{i}" for i in range(20)])},
        "joint_names: entry 0 holds a NUL",
    ),
    "half a character": ({"names": np.array(["a", "b", "\udcff"])}, "names: not UTF-8"),
    "Latin-1": ({"names": np.array([b"a", b"b", b"\xfc"])}, "names: not UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_fields(tmp_path: Path, case: str) -> None:
    changes, match = BAD[case]
    with pytest.raises(InputError, match=rf"set\.npz: .*{match}") as error:
        read(write(tmp_path, **changes))
    assert "\n" not in str(error.value)


def test_names_as_bytes_and_unsigned_labels(tmp_path: Path) -> None:
    names = np.array([text.encode() for text in fields()["names"]])
    labels = np.array([1, 0, 999], np.uint64)
    clips = read(write(tmp_path, names=names, labels=labels, class_names=None))
    assert clips.names == ["a", "b", "ü"]
    assert clips.label.tolist() == [1, 0, 999] and len(clips.class_names) == 1000


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_bad_joints_name_clip_and_frame(tmp_path: Path, value: float) -> None:
    frames = fields()["frames"].astype(np.float64)
    frames[7, 0, 3, 1] = value
    with pytest.raises(InputError, match=r"joints: clip 2 \('ü'\): frame 2 holds NaN or infinity"):
        read(write(tmp_path, frames=frames))


def test_a_layout_of_another_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="20 joints, but the layout 'ntu25' has 25"):
        read(write(tmp_path), "ntu25")
    with pytest.raises(InputError, match="did you mean 'ntu25'"):
        read(write(tmp_path), "ntu52")


def test_broken_files(tmp_path: Path) -> None:
    raw = write(tmp_path).read_bytes()
    (tmp_path / "set").mkdir()
    with pytest.raises(InputError, match=r"set: a folder; name a file"):
        read(tmp_path / "set")
    with pytest.raises(InputError, match=r"none\.npz: no such file"):
        read(tmp_path / "none.npz")
    for i, content in enumerate((b"", b"hello", b"\x80\x04pickle", raw[:100], raw[:-40], raw[60:])):
        path = tmp_path / f"bad{i}.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"bad{i}\.npz: "):
            read(path)
    middle = bytearray(raw)
    middle[len(raw) // 3] ^= 255  # inside the frames: the zip's checksum finds it
    (tmp_path / "flip.npz").write_bytes(bytes(middle))
    with pytest.raises(InputError, match=r"flip\.npz: frames: cut off or damaged"):
        read(tmp_path / "flip.npz")


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 17, 3), }"


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace(")", " "),  # the tokenizer's own error
        HEADER.replace("}", "  "),
        "\n  x\n y",  # indentation
        HEADER.replace("'<f4'", "'<f4"),
        HEADER.replace("6, 17, 3", "9" * 12 + ", 17, 3"),
        HEADER.replace("6, 17, 3", "9" * 40 + ", 17, 3"),
        HEADER.replace("'<f4'", "('<f4',)"),
        HEADER.replace("'<f4'", "3.5"),
        HEADER.replace("6, 17", "'6', 17"),
        HEADER.replace("(6, 17, 3)", "(" * 3000 + "6" + ")" * 3000),
        HEADER.replace("17", "-17"),
        HEADER.replace("shape", "sh\\ape"),
    ],
)
def test_damaged_headers(tmp_path: Path, header: str) -> None:
    text = (header + "\n").encode()
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(6 * 17 * 3 * 4)
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npy: the array: [^\n]*$"):
        read(tmp_path / "a.npy", "coco17")
    with ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("frames.npy", content)
    with pytest.raises(InputError, match=r"a\.npz: frames: [^\n]*$"):
        read(tmp_path / "a.npz", "coco17")
    with pytest.raises(InputError, match=r"a\.npz: frames: [^\n]*$"):
        arrays(tmp_path / "a.npz")


def test_one_changed_byte_of_a_header(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((6, 17, 3), np.float32))
    content, random = (tmp_path / "a.npy").read_bytes(), np.random.default_rng(0)
    for at in range(128):
        changed = bytearray(content)
        changed[at] = int(random.integers(256))
        (tmp_path / "a.npy").write_bytes(changed)
        with suppress(InputError), warnings.catch_warnings(action="ignore"):
            read(tmp_path / "a.npy", "coco17")


@pytest.mark.parametrize("shape", [(6, 17, 3), (6, 1, 17, 3), (1, 3, 6, 17, 1)])
def test_npy(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=(6, 17, 3)).astype(np.float32)
    array = values.transpose(2, 0, 1)[None, ..., None] if len(shape) == 5 else values.reshape(shape)
    np.save(tmp_path / "one.npy", array)
    clips = read(tmp_path / "one.npy", "coco17")
    np.testing.assert_array_equal(clips.joints[:, 0], values)
    assert len(clips) == 1 and clips.label.tolist() == [-1]
    with pytest.raises(InputError, match=r"--layout coco17 or h36m17"):
        read(tmp_path / "one.npy")


def test_npy_batch_cuts_padding_and_says_so(tmp_path: Path) -> None:
    batch = np.ones((2, 3, 5, 20, 2), np.float32)
    batch[1, :, 3:] = 0
    np.save(tmp_path / "batch.npy", batch)
    with pytest.warns(UserWarning, match="1 of 2 clips end in frames that show nobody: cut"):
        cut = read(tmp_path / "batch.npy", "kinect20")
    assert cut.length.tolist() == [5, 3]
    clips = read(tmp_path / "batch.npy", "kinect20", Arrays(padding="keep"))
    assert clips.length.tolist() == [5, 5] and clips.persons == 2
    assert clips.names == ["batch_0", "batch_1"]
    np.testing.assert_array_equal(clips.clip(1), batch[1].transpose(1, 3, 2, 0))


@pytest.mark.parametrize("array", [np.zeros((3, 2)), np.zeros((2, 5, 3), int), np.zeros((0, 5, 3))])
def test_bad_npy(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(InputError, match=r"bad\.npy: the array: expected float"):
        read(tmp_path / "bad.npy", "coco17")


# Clips, frames, persons, joints, layout, segments.
REAL = {
    "nw_ucla": (1484, 58534, 1, 20, "kinect20", 0),
    "msr_action3d": (566, 23440, 1, 20, "kinect20", 0),
    "msr_daily3d": (320, 61340, 1, 20, "kinect20", 0),
    "sbu": (282, 6822, 2, 15, "sbu15", 0),
    "precog": (72, 19219, 1, 20, "kinect20", 360),
    "cmu86": (14, 27267, 1, 19, "custom", 122),
}


@pytest.mark.filterwarnings("ignore:.*ignored:UserWarning")
@pytest.mark.parametrize("name", REAL)
def test_real_sets(name: str, real_data: Callable[[str], Path], tmp_path: Path) -> None:
    read(real_data(name)).save(tmp_path / "s.h5")
    clips = ClipSet.open(tmp_path / "s.h5")
    clips.validate()
    s = clips.skeleton
    found = (len(clips), clips.frames_total, clips.persons, s.joints, s.name, len(clips.segments))
    assert found == REAL[name]


def test_nw_ucla_cross_view(real_data: Callable[[str], Path]) -> None:
    clips = read(real_data("nw_ucla"))
    assert (clips.length == 1).sum() == 2  # which is valid
    assert (clips.camera == 2).sum() == 464 and clips.subject.max() == 9


@pytest.mark.parametrize(
    ("packed", "numbers", "message"),
    [
        (ZIP_BZIP2, 1 << 12, "not packed as np.savez does"),
        (ZIP_LZMA, 1 << 12, "not packed as np.savez does"),
        (ZIP_DEFLATED, 1 << 24, r"[\d,]+ bytes that unpack to 134,217,\d+"),
    ],
)
def test_zip_bombs(packed: int, numbers: int, message: str, tmp_path: Path) -> None:
    content = BytesIO()
    np.save(content, np.zeros(numbers))
    with ZipFile(tmp_path / "bomb.npz", "w", packed) as archive:
        archive.writestr("frames.npy", content.getvalue())
    with pytest.raises(InputError, match=rf"bomb\.npz: {message}"):
        read(tmp_path / "bomb.npz")


def npy(path: Path, *shape: int) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.save(path, values)
    return values


# Shape (20 joints of kinect20), and what it becomes: clips, frames, persons; None: asked.
SHAPES = {
    (30, 2, 20, 3): (1, 30, 2),
    (6, 25, 20, 3): (6, 25, 1),
    (6, 3, 25, 20): (6, 25, 1),
    (6, 2, 25, 20): (6, 25, 1),
    (3, 25, 20, 1): (1, 25, 1),
    (3, 25, 20): (1, 25, 1),
    (4, 30, 2, 20, 3): (4, 30, 2),
    (4, 1, 30, 20, 3): (4, 30, 1),
    (4, 2, 30, 20, 3): None,
    (4, 3, 30, 20, 2): (4, 30, 2),
    (6, 10, 20, 3): None,
    (2, 30, 20, 3): None,
    (3, 30, 20, 2): None,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_which_dimension_is_which(shape: tuple[int, ...], tmp_path: Path) -> None:
    npy(tmp_path / "a.npy", *shape)
    expected = SHAPES[shape]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if expected is None:
            with pytest.raises(InputError, match=r"2 ways; say which: axes=\w+ .*, or axes=\w+"):
                read(tmp_path / "a.npy", "kinect20")
            return
        clips = read(tmp_path / "a.npy", "kinect20")
    assert (len(clips), int(clips.length[0]), clips.persons) == expected


def test_axes_by_letters(tmp_path: Path) -> None:
    values = npy(tmp_path / "a.npy", 6, 10, 20, 3)
    several = read(tmp_path / "a.npy", "kinect20", Arrays(axes="NTVC"))
    assert several.names == [f"a_{i}" for i in range(6)] and several.persons == 1
    np.testing.assert_array_equal(several.joints[:, 0], values.reshape(60, 20, 3))
    one = read(tmp_path / "a.npy", "kinect20", Arrays(axes="TMVC"))
    np.testing.assert_array_equal(one.joints, values)
    with pytest.raises(InputError, match="axes=NCTVM names 5 dimensions, the array has 4"):
        read(tmp_path / "a.npy", "kinect20", Arrays(axes="NCTVM"))
    for letters in ("NTV", "TTVC", "TVCX", "ntvc"):
        with pytest.raises(InputError, match="axes: write T, V, C"):
            Arrays(axes=letters)


NTU_NAMES = [f"S001C00{1 + i % 3}P00{1 + i}R001A00{1 + i % 3}.skeleton" for i in range(6)]
NTU_LABELS = [i % 3 for i in range(6)]


def field_arrays(folder: Path, side: str, label: object, lengths: object = None) -> np.ndarray:
    folder.mkdir(exist_ok=True)
    values = npy(folder / f"{side}_data_joint.npy", 6, 3, 12, 25, 2)
    (folder / f"{side}_label.pkl").write_bytes(pickle.dumps(label))
    if lengths is not None:
        np.save(folder / f"{side}_num_frame.npy", lengths)
    return values


@pytest.mark.parametrize("form", ["tuple", "list", "arrays", "lengths", "lengths in the pickle"])
def test_the_fields_arrays(form: str, tmp_path: Path) -> None:
    label = {
        "list": [NTU_NAMES, NTU_LABELS],
        "arrays": (NTU_NAMES, np.array(NTU_LABELS)),
        "lengths in the pickle": (NTU_NAMES, NTU_LABELS, [3, 4, 5, 6, 7, 8]),
    }.get(form, (NTU_NAMES, NTU_LABELS))
    lengths = np.arange(3, 9) if form == "lengths" else None
    values = field_arrays(tmp_path / "xview", "train", label, lengths)
    path = tmp_path / "xview" / "train_data_joint.npy"
    clips = read(path, "ntu25")
    assert clips.names == [name.removesuffix(".skeleton") for name in NTU_NAMES]
    assert clips.label.tolist() == NTU_LABELS and clips.class_names[0] == "drink water"
    assert clips.subject.tolist() == [1, 2, 3, 4, 5, 6] and clips.camera.tolist() == [1, 2, 3] * 2
    assert {key: side.tolist() for key, side in clips.splits.items()} == {"xview": [1] * 6}
    frames = list(range(3, 9)) if "lengths" in form else [12] * 6
    assert clips.length.tolist() == frames
    np.testing.assert_array_equal(clips.clip(5), values[5].transpose(1, 3, 2, 0)[: frames[5]])


def test_a_folder_of_the_fields_arrays(tmp_path: Path) -> None:
    for side in ("val", "train"):
        field_arrays(tmp_path / "data", side, ([f"{side}{i}" for i in range(6)], NTU_LABELS))
    npy(tmp_path / "data" / "train_data_bone.npy", 6, 3, 12, 25, 2)
    clips = read(tmp_path / "data", "ntu25")
    assert clips.names[::6] == ["train0", "val0"] and clips.class_names == ("0", "1", "2")
    assert clips.splits["official"].tolist() == [1] * 6 + [2] * 6
    with pytest.warns(UserWarning, match="taken for ntu25"):
        assert read(tmp_path / "data").digest() == clips.digest()


@pytest.mark.parametrize(
    ("label", "match"),
    [
        ((NTU_NAMES, NTU_LABELS[:5]), "train_label.pkl: 5 labels, the array has 6 clips"),
        ((NTU_NAMES[:5], NTU_LABELS), "names: not a list of 6"),
        ((NTU_NAMES, [*NTU_LABELS[:5], "walk"]), "labels: 'walk'; expected whole numbers"),
        ({"a": 1}, "a dict, not the names and the labels of 6 clips"),
        ((NTU_NAMES, NTU_LABELS, [3.5] * 6), "lengths: 3.5; expected whole numbers from 0"),
    ],
)
def test_what_lies_beside_must_fit(label: object, match: str, tmp_path: Path) -> None:
    field_arrays(tmp_path, "train", label)
    with pytest.raises(InputError, match=match):
        read(tmp_path / "train_data_joint.npy", "ntu25")


def test_lengths_that_do_not_fit(tmp_path: Path) -> None:
    field_arrays(tmp_path, "train", (NTU_NAMES, NTU_LABELS), np.full(5, 3))
    with pytest.raises(InputError, match=r"train_num_frame\.npy: 5 frames, the array has 6 clips"):
        read(tmp_path / "train_data_joint.npy", "ntu25")


@pytest.mark.parametrize("form", ["npy", "npz"])
def test_nan_is_a_joint_that_was_not_seen(form: str, tmp_path: Path) -> None:
    values = np.ones((9, 1, 20, 3)) * np.arange(1, 10)[:, None, None, None]
    values[0] = values[8] = 0  # nobody
    values[4, 0, 3] = np.nan
    values[6, 0] = np.nan
    values[7, 0, :2] = 0  # zeros are left alone
    if form == "npy":
        np.save(tmp_path / "a.npy", values)
        path = tmp_path / "a.npy"
    else:
        path = write(tmp_path, frames=values, offsets=np.array([0, 9]), labels=None, subjects=None,
                     names=None)  # fmt: skip
    clip = read(path, "kinect20").joints
    assert (clip[4, 0, 3] == 5).all() and (clip[6, 0, 2:] == 7).all()
    assert not clip[[0, 8]].any() and not clip[7, 0, :2].any()
    kept = read(path, "kinect20", Arrays(missing="keep")).joints
    assert not kept[4, 0, 3].any() and not kept[6].any()
    np.testing.assert_array_equal(kept[5], values[5])


def test_a_damaged_header(tmp_path: Path) -> None:
    npy(tmp_path / "a.npy", 6, 1, 20, 3)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"(6, 1,", b"((6, 1", 1))
    with pytest.raises(InputError, match=r"a\.npy: the array: cut off or damaged"):
        read(tmp_path / "a.npy", "kinect20")


def test_layouts_of_the_same_joints_are_no_question(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 22, 3)).astype(np.float32)
    np.save(tmp_path / "motion.npy", values)
    with pytest.warns(UserWarning, match="smpl22 or humanml3d22, which are the same"):
        clips = read(tmp_path / "motion.npy")
    assert clips.skeleton.names == LAYOUTS["humanml3d22"].names
    assert np.array_equal(clips.joints[:, 0], values)
