"""pyskl pickles, in and out, and `.npz` export: round trips, odd files, hostile files."""

from __future__ import annotations

import json
import pickle
import struct
import warnings
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.data.clips import ClipSet, strings
from skelf.data.formats import described, pickles
from skelf.data.formats.pyskl_splits import read_splits
from skelf.data.readers import arrays, pyskl
from skelf.data.synthetic.clips import generate
from skelf.data.writers.npz import write_npz
from skelf.data.writers.pyskl import write_pyskl
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20, SBU15


def annotation(name="a", frames=5, persons=1, scores=True, seed=0, **others):
    """As pyskl's own files have it: 17 joints in pixels, half precision."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(10, 900, (persons, frames, 17, 2)).astype(np.float16)
    given = {
        "frame_dir": name,
        "label": 1,
        "img_shape": (1080, 1920),
        "original_shape": (1080, 1920),
        "total_frames": frames,
        "keypoint": joints,
    }
    if scores:
        values = rng.uniform(0.1, 1, (persons, frames, 17)).astype(np.float16)
        given["keypoint_score"] = values
    return given | others


def dump(tmp_path, annotations, split=None, protocol=4, name="set.pkl"):
    path = tmp_path / name
    data = annotations if split is None else {"split": split, "annotations": annotations}
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    return path


def quiet(path, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pyskl.read_pyskl(path, *arguments, **options)


def rich(confidence=True, coordinates=2):
    """A store with everything that a ClipSet can hold."""
    made = generate(KINECT20, clips=12, persons=2, recordings=2, seed=4)
    joints = made.joints[..., :coordinates]
    attributes = made.attributes | {"title": "täst", "licence": "none"}
    if confidence:
        rng = np.random.default_rng(1)
        score = rng.uniform(0.1, 1, (*joints.shape[:-1], 1)).astype(np.float32)
        joints = np.concatenate([joints, score], axis=-1)
        joints[rng.random(joints.shape[:-1]) < 0.1] = 0
        attributes["confidence"] = "true"
    joints = joints * (made.joints != 0).any(axis=-1, keepdims=True)
    count = len(made)
    return replace(
        made,
        joints=np.ascontiguousarray(joints, np.float32),
        attributes=attributes,
        fps=np.linspace(15, 30, count).astype(np.float32),
        setup=np.arange(count) + 3,
        columns={"fold": np.arange(count) % 3, "height": np.full(count, 480),
                 "width": np.full(count, 640), "reps": np.arange(count) - 1},
        splits={"half": (np.arange(count) % 3).astype(np.int8),
                "odd_train": (np.arange(count) % 2 + 1).astype(np.int8)},
    )  # fmt: skip


def packed(clips, path):
    """The same clips, with only their own frames and names no wider than they need be."""
    replace(clips, name=strings(clips.names)).save(path)
    return ClipSet.open(path)


def assert_same(one, other):
    assert one.digest() == other.digest()
    assert np.array_equal(one.joints, other.joints) and one.joints.dtype == other.joints.dtype
    assert (one.attributes, one.class_names) == (other.attributes, other.class_names)
    assert one.skeleton == other.skeleton and one.skeleton.parts == other.skeleton.parts
    assert np.array_equal(one.segments, other.segments)
    for key in ("splits", "columns"):
        mine, theirs = getattr(one, key), getattr(other, key)
        assert mine.keys() == theirs.keys()
        for name, values in mine.items():
            assert np.array_equal(values, theirs[name]), name


# ---- round trips ----


@pytest.mark.parametrize("confidence", [True, False])
@pytest.mark.parametrize("coordinates", [2, 3])
@pytest.mark.parametrize("format_", ["pkl", "npz"])
def test_round_trips(tmp_path, format_, coordinates, confidence):
    store, path, again = (tmp_path / name for name in ("a.h5", f"b.{format_}", "c.h5"))
    rich(confidence, coordinates).save(store)
    opened = ClipSet.open(store)
    if format_ == "pkl":
        write_pyskl(opened, path)
        back = quiet(path)
    else:
        write_npz(opened, path)
        back = arrays.read_arrays(path)
    back.save(again)
    assert_same(opened, ClipSet.open(again))
    assert back.confidence == confidence


@pytest.mark.parametrize("name", ["nw_ucla", "sbu", "precog"])
def test_real_recordings_round_trip(real_data, tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clips = arrays.read_arrays(real_data(name))
    write_pyskl(clips, tmp_path / "a.pkl")
    assert_same(quiet(tmp_path / "a.pkl"), clips)
    write_npz(clips, tmp_path / "a.npz")
    assert_same(arrays.read_arrays(tmp_path / "a.npz"), clips)


def test_what_is_written_is_a_pyskl_file(tmp_path):
    clips, path = rich(), tmp_path / "set.pkl"
    write_pyskl(clips, path)
    data = pickle.loads(path.read_bytes())  # as pyskl reads it
    assert data["split"]["half_train"] == [n for i, n in enumerate(clips.names) if i % 3 == 1]
    assert data["split"]["half_val"] == [n for i, n in enumerate(clips.names) if i % 3 == 2]
    for number, given in enumerate(data["annotations"]):
        clip = clips.clip(number)
        persons = len(given["keypoint"])
        assert given["frame_dir"] == clips.names[number] and given["img_shape"] == (480, 640)
        assert (given["label"], given["total_frames"]) == (clips.label[number], len(clip))
        expected = clip[:, :persons].transpose(1, 0, 2, 3)
        assert np.array_equal(given["keypoint"], expected[..., :2])
        assert np.array_equal(given["keypoint_score"], expected[..., 2])
        assert not clip[:, persons:].any() and clip[:, persons - 1].any()
    # NumPy 1, which pyskl runs on, has no numpy._core.
    assert b"numpy._core" not in path.read_bytes()


def test_a_filtered_file_reads(tmp_path):
    clips, path = rich(), tmp_path / "set.pkl"
    write_pyskl(clips, path)
    data = pickle.loads(path.read_bytes())
    data["annotations"] = data["annotations"][3:]
    path.write_bytes(pickle.dumps(data))
    with pytest.warns(UserWarning, match="splits name 5 clips that the file does not hold"):
        back = pyskl.read_pyskl(path)
    kept = clips.take(np.arange(3, len(clips)))
    assert_same(packed(back, tmp_path / "a.h5"), packed(kept, tmp_path / "b.h5"))


def test_a_part_of_a_store_and_what_does_not_fit(tmp_path):
    clips = packed(rich().take([5, 2, 13]), tmp_path / "a.h5")
    write_pyskl(rich().take([5, 2, 13]), tmp_path / "a.pkl")
    assert_same(packed(quiet(tmp_path / "a.pkl"), tmp_path / "b.h5"), clips)
    with pytest.raises(InputError, match="two clips are called '"):
        write_pyskl(rich().take([5, 5]), tmp_path / "b.pkl")
    four = np.concatenate([clips.joints, clips.joints[..., :1]], axis=-1)
    plain = replace(clips, joints=four, attributes={})
    with pytest.raises(InputError, match="4 coordinates; pyskl files hold 2 or 3"):
        write_pyskl(plain, tmp_path / "b.pkl")
    named = replace(clips, columns={"views": np.arange(3)})
    with pytest.raises(InputError, match="column 'views' has the name of a field"):
        write_npz(named, tmp_path / "b.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "a.pkl", "b.h5"]


def test_npz_with_another_description(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(rich(), path)
    with np.load(path) as file:
        fields = dict(file)
    for text in ("", "[1]", '{"skeleton": 1}', str(fields["skelf"])[:-20]):
        np.savez(path, **fields | {"skelf": np.array(text)})
        with pytest.raises(InputError, match=r"a\.npz: skelf"):
            arrays.read_arrays(path)
    write_npz(generate(SBU15, clips=14, seed=1), tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz") as file:
        np.savez(path, **fields | {"skelf": file["skelf"]})
    with pytest.raises(InputError, match="describes other joints than the file holds"):
        arrays.read_arrays(path)


def test_export_command(tmp_path):
    store = tmp_path / "a.h5"
    rich().save(store)
    run = CliRunner().invoke
    for end in ("pkl", "npz"):
        out = tmp_path / f"b.{end}"
        first = run(app, ["data", "export", str(store), "--out", str(out)])
        assert first.exit_code == 0 and "14 clips" in first.output
        again = run(app, ["data", "export", str(store), "--out", str(out)])
        assert isinstance(again.exception, InputError) or again.exit_code == 2
        assert run(app, ["data", "export", str(store), "--out", str(out), "--force"]).exit_code == 0
    assert_same(ClipSet.open(store), quiet(tmp_path / "b.pkl"))
    wrong = run(app, ["data", "export", str(store), "--out", str(tmp_path / "b.csv")])
    assert isinstance(wrong.exception, InputError) or wrong.exit_code == 2
    assert not (tmp_path / "b.csv").exists()


# ---- files that others wrote ----


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(tmp_path, protocol):
    given = [annotation("a", 5, 2), annotation("b", 3, 1, seed=1, label=np.int64(0))]
    split = {"xsub_train": ["a"], "xsub_val": ["b"]}
    clips = quiet(dump(tmp_path, given, split, protocol))
    assert clips.skeleton == COCO17 and clips.confidence and clips.persons == 2
    assert clips.names == ["a", "b"] and clips.label.tolist() == [1, 0]
    assert clips.splits["xsub"].tolist() == [1, 2]
    assert clips.columns.keys() == {"height", "width"}
    for number, one in enumerate(given):
        both = np.concatenate([one["keypoint"], one["keypoint_score"][..., None]], axis=-1)
        expected = both.transpose(1, 0, 2, 3).astype(np.float32)
        assert np.array_equal(clips.clip(number)[:, : both.shape[0]], expected)
        assert not clips.clip(number)[:, both.shape[0] :].any()
    assert clips.attributes["title"] == "set"


def test_names_of_numpy_1_and_2(tmp_path):
    path = dump(tmp_path, [annotation()])
    new = path.read_bytes()
    name = b"\x8c\x15numpy._core.multiarray"  # with its length before it
    assert new.count(b"numpy._core.multiarray") == 1
    old = new.replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
    assert old != new and name not in old
    path.write_bytes(_unframed(old))
    assert len(quiet(path)) == 1
    path.write_bytes(_unframed(new))
    assert len(quiet(path)) == 1


def _unframed(data):
    """Without the frame, whose length the changed name would break."""
    return data[:2] + data[11:] if data[2:3] == pickle.FRAME else data


def test_splits_by_name():
    names = ["a", "b", "c", "d"]
    found = read_splits("f", {"train1": ["a"], "test1": ["b"], "train": ["c"], "val": ["d"]}, names)
    assert {k: v.tolist() for k, v in found.items()} == {
        "split1": [1, 2, 0, 0], "split": [0, 0, 1, 2],
    }  # fmt: skip
    three = {"x_train": ["a"], "x_val": ["b"], "x_test": ["c", "d"]}
    assert {k: v.tolist() for k, v in read_splits("f", three, names).items()} == {
        "x": [1, 0, 2, 2], "x_val": [1, 2, 0, 0],
    }  # fmt: skip
    with pytest.raises(InputError, match="split x: clips on both sides"):
        read_splits("f", {"x_train": ["a"], "x_val": ["a"]}, names)
    with pytest.raises(InputError, match="two clips are called 'a'"):
        read_splits("f", {"x_train": ["a"]}, ["a", "a"])
    with pytest.raises(InputError, match="split x_train: not a list"):
        read_splits("f", {"x_train": "a"}, names)
    with pytest.warns(UserWarning, match="splits few: neither train nor val"):
        assert read_splits("f", {"few": ["a"]}, names) == {}


def test_solid_joints_and_layouts(tmp_path):
    joints = np.random.default_rng(0).normal(size=(2, 4, 25, 3)).astype(np.float32)
    given = {"frame_dir": "S001", "label": 0, "total_frames": 4, "keypoint": joints}
    clips = quiet(dump(tmp_path, [given]))
    assert clips.skeleton.name == "ntu25" and not clips.confidence and clips.coordinates == 3
    given["keypoint"] = joints[:, :, :17]
    with pytest.raises(InputError, match=r"17 joints in 3D: give their layout \(--layout .*h36m17"):
        pyskl.read_pyskl(dump(tmp_path, [given]))
    assert quiet(dump(tmp_path, [given]), "h36m17").skeleton.name == "h36m17"
    with pytest.raises(InputError, match="'ntu25' has 25; name the layout"):
        pyskl.read_pyskl(dump(tmp_path, [given]), "ntu25")


def test_scores_out_of_range_and_missing_joints(tmp_path):
    one = annotation(frames=3)
    one["keypoint_score"][0, 0, 0] = 1.05
    one["keypoint_score"][0, 0, 1] = -0.5
    one["keypoint"][0, 1, 4] = 0
    with pytest.warns(UserWarning) as caught:
        clips = pyskl.read_pyskl(dump(tmp_path, [one]))
    texts = [str(w.message) for w in caught]
    assert any("2 scores outside [0, 1] were cut" in text for text in texts)
    assert any("2 joints with a score or coordinates of 0 count as missing" in t for t in texts)
    assert clips.joints[0, 0, 0, 2] == 1
    assert not clips.joints[0, 0, 1].any() and not clips.joints[1, 0, 4].any()


def test_persons(tmp_path):
    many = annotation("crowd", 4, 30)
    many["keypoint"][5:] = 0
    many["keypoint"][1, 1:] = 0
    path = dump(tmp_path, [many, annotation("b", 3, 1, seed=1), annotation("none", 2, 0)])
    with pytest.raises(InputError, match=r"up to 30 persons; say how many to keep \(persons=2\)"):
        pyskl.read_pyskl(path)
    with pytest.warns(UserWarning, match="1 clips have more persons than 2"):
        clips = pyskl.read_pyskl(path, how=pyskl.Pyskl(persons=2))
    expected = many["keypoint"][[0, 2]].transpose(1, 0, 2, 3)  # persons 0, 2, 3, 4 are seen most
    assert np.array_equal(clips.clip(0)[..., :2], expected)
    assert clips.persons == 2 and not clips.clip(2).any()
    with pytest.raises(InputError, match=r"pyskl\.persons: .*got 0"):
        pyskl.read_pyskl(path, how=pyskl.Pyskl(persons=0))


# ---- hostile and broken files ----


class Runs:
    """Unpickled by pickle itself, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def payloads(path):
    """Pickles that run code by every operation that could."""
    here = str(path).encode()
    call = b"(S'" + here + b"'\nS'w'\nt"
    yield pickle.dumps(Runs(path))
    yield pickle.dumps([annotation() | {"label": Runs(path)}], protocol=2)
    yield b"cbuiltins\nopen\n" + call + b"R."
    yield b"(S'" + here + b"'\nS'w'\nibuiltins\nopen\n."
    yield b"(cbuiltins\nopen\nS'" + here + b"'\nS'w'\no."
    yield b"\x80\x02cbuiltins\nopen\n" + call + b"\x81."
    yield b"\x80\x04\x8c\x08builtins\x8c\x04open\x93" + call + b"R."
    yield b"\x80\x04\x8c\x0bnumpy.numpy\x8c\x04open\x93" + call + b"R."
    yield b"cnumpy.core.multiarray\n_reconstruct\n(cbuiltins\nlist\n(I0\ntS'b'\ntR."
    yield b"cnumpy\nload\n" + call + b"R."
    yield b"c__main__\npytest.sys\n" + call + b"R."


def test_nothing_runs(tmp_path):
    witness, path = tmp_path / "witness", tmp_path / "set.pkl"
    given = list(payloads(witness))
    pickle.loads(given[2]).close()  # they do what they say
    assert witness.exists()
    witness.unlink()
    for number, payload in enumerate(given):
        path.write_bytes(payload)
        with pytest.raises(InputError, match=r"set\.pkl: not (read|a pickle)"):
            pyskl.read_pyskl(path)
        assert not witness.exists(), number


STAND_INS = [
    b"cnumpy\ndtype\n(S'O8'\ntR.",  # objects
    b"cnumpy\ndtype\n(S'f4'\ntR}S'value'\nI1\nsb.",  # attributes of a stand-in
    b"cnumpy\ndtype\n}S'x'\nI1\nsb.",  # attributes of the class itself
    b"cnumpy.core.multiarray\n_reconstruct\n}S'__defaults__'\n(tsb.",
    b"cnumpy\ndtype\n(S'V8'\ntR.",
    b"]cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNS'names'\nNI-1\nI-1\nI0\ntba.",
    b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\ntRS'abc'\ntR.",
    b"cnumpy\nndarray\n(tR.",
    b"Pname\n.",
    b"\x80\x02\x82\x01.",
    b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
]


@pytest.mark.parametrize("payload", STAND_INS)
def test_stand_ins_do_only_what_numpy_writes(tmp_path, payload):
    path = tmp_path / "set.pkl"
    path.write_bytes(payload)
    with pytest.raises(InputError, match=r"set\.pkl: not (read|a pickle)"):
        pickles.load_pickle(path)
    good = dump(tmp_path, [annotation()])  # and leave the next file alone
    assert len(quiet(good)) == 1


HUGE = struct.pack("<Q", 2**36)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x04\x95" + HUGE + b".",  # a frame
        b"\x80\x04\x8e" + HUGE + b"x.",  # bytes
        b"\x80\x04\x8d" + HUGE + b"x.",  # text
        b"\x80\x05\x96" + HUGE + b"x.",  # bytearray
        b"\x80\x02\x8b\xff\xff\xff\x7fx.",  # an integer
        b"\x80\x02Nr\xff\xff\xff\xff0.",  # a place in the memo: 64 GiB in pickle's C code
        b"\x80\x02T\xff\xff\xff\x7fx.",
        b"\x80\x04" + b"(" * 100000,
        b"\x80\x04" + b"]" * 100000 + b"a" * 99999 + b".",
        b"I" + b"9" * 5000 + b"\n.",
        b"",
        b".",
        b"0.",
        b"\x80\x63.",
        b"not a pickle at all",
        b"\x93NUMPY\x01\x00",
        b"}]a.",
        b"}]N s.",
        pickle.dumps({"split": {}, "annotations": []}),
        pickle.dumps({"annotations": 3}),
        pickle.dumps({"annotations": [1]}),
        pickle.dumps({"annotations": [{}], "split": []}),
        pickle.dumps(3),
        pickle.dumps(None),
    ],
)
def test_damage_and_huge_numbers(tmp_path, payload):
    path = tmp_path / "set.pkl"
    path.write_bytes(payload)
    with pytest.raises(InputError, match=r"set\.pkl: "):
        pyskl.read_pyskl(path)


def test_every_cut_is_found(tmp_path):
    whole = dump(tmp_path, [annotation(frames=2)], {"x_train": ["a"]}).read_bytes()
    path = tmp_path / "cut.pkl"
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.pkl: not a pickle, cut off or damaged"):
            pyskl.read_pyskl(path)


def test_any_changed_byte_gives_clips_or_one_error(tmp_path):
    whole = bytearray(dump(tmp_path, [annotation(frames=2)], {"x_train": ["a"]}).read_bytes())
    path, rng = tmp_path / "changed.pkl", np.random.default_rng(0)
    for _ in range(500):
        changed = whole.copy()
        for at in rng.integers(0, len(whole), rng.integers(1, 4)):
            changed[at] = rng.integers(256)
        path.write_bytes(changed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pyskl.read_pyskl(path).validate()
        except InputError as error:
            assert str(path) in str(error) or "persons" in str(error)


def test_many_clips_of_one_array(tmp_path):
    """A small file may name one array a thousand times; that is not what a recording looks like."""
    one = annotation(frames=2000)
    given = [one | {"frame_dir": str(number)} for number in range(3000)]
    path = dump(tmp_path, given)
    with pytest.raises(InputError, match=r"clips of together 6000000 frames and 1 persons from"):
        pyskl.read_pyskl(path)


WRONG = {
    "keypoint": [
        None, 3, [[1.0]], np.zeros((5, 17, 2), np.float32), np.zeros((1, 5, 17, 4), np.float32),
        np.zeros((1, 0, 17, 2), np.float32), np.zeros((1, 5, 0, 2), np.float32),
        np.full((1, 5, 17, 2), "x"),
        np.full((1, 5, 17, 2), np.inf, np.float32),
    ],
    "keypoint_score": [
        np.zeros((1, 5, 16), np.float32), np.zeros((1, 5), np.float32), 0.5,
        np.full((1, 5, 17), np.inf, np.float32),
    ],
    "total_frames": [4, 6, "5", 1.5, -1],
    "label": [[1], "walk", 0.5, 10**30, 10**9, -2],
    "frame_dir": [3, None, "a\0b"],
    "img_shape": [(1,), "big", (0, 5), (1.5, 2), 7],
    "fps": ["fast", 0, -1.0, float("nan")],
    "subject": ["me", -5],
    "columns": [3, {"fold": "x"}, {"a b": 1}],
    "segments": [3, np.zeros((2, 4), np.int64), np.array([[0, 9, 0]]), np.array([[3, 2, 0]])],
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_wrong_fields_are_named(tmp_path, key, value):
    path = dump(tmp_path, [annotation(), annotation("b", seed=1) | {key: value}])
    with pytest.raises(InputError) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyskl.read_pyskl(path)
    said = str(caught.value)
    assert str(path) in said and "\n" not in said
    word = {"keypoint": "joints|keypoint", "columns": "columns|fold: exp|'a b' cannot name a col"}
    assert any(part in said for part in word.get(key, key).split("|"))


def test_clips_of_different_kinds(tmp_path):
    for other in (annotation("b", scores=False), annotation("b") | {
        "keypoint": np.ones((1, 5, 25, 3)), "keypoint_score": np.ones((1, 5, 25))}):  # fmt: skip
        with pytest.raises(InputError, match=r"'a' has 17 joints of 2 coordinates with scores but"):
            pyskl.read_pyskl(dump(tmp_path, [annotation(), other]))


def test_not_a_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.pkl"):
        with pytest.raises(InputError, match=str(path)):
            pyskl.read_pyskl(path)


def test_names_stay_names(tmp_path):
    clips = rich().take([1])
    clips = replace(clips, name=strings(["ünï code/..\\x"]))
    write_pyskl(clips, tmp_path / "a.pkl")
    assert quiet(tmp_path / "a.pkl").names == clips.names


def nested(kind, depth):
    """A few bytes of pickle that are ten to the power of `depth` things when written out."""
    made = kind(["a"])
    for _ in range(depth):
        made = kind([made] * 10)
    return made


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("key", ["frame_dir", "label", "img_shape", "fps", "columns", "segments"])
def test_fields_that_nest_without_end(tmp_path, key, kind):
    path = dump(tmp_path, [annotation() | {key: nested(kind, 40)}])
    with pytest.raises(InputError, match=rf"{key}: "):
        pyskl.read_pyskl(path)


def test_a_description_that_is_no_text(tmp_path):
    path = tmp_path / "set.pkl"
    for value in (nested(list, 40), 3, ["x"]):
        path.write_bytes(pickle.dumps({"annotations": [annotation()], "skelf": value}))
        with pytest.raises(InputError, match=r"set\.pkl: skelf: .* not a text"):
            pyskl.read_pyskl(path)


TUPLES = b"K\x01" + b"2\x86" * 60  # t = (t, t), sixty times: hashing it takes 2**60 steps


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x02}" + TUPLES + b"K\x01s.",
        b"\x80\x02}(" + TUPLES + b"K\x01u.",
        b"\x80\x02(" + TUPLES + b"K\x01d.",
        b"\x80\x02ccollections\nOrderedDict\n]" + TUPLES + b"K\x01\x86a\x85R.",
        b"\x80\x04\x8f(" + TUPLES + b"\x90.",
        b"\x80\x04(" + TUPLES + b"\x91.",
    ],
)
def test_keys_that_take_for_ever_to_hash(tmp_path, payload):
    (tmp_path / "set.pkl").write_bytes(payload)
    with pytest.raises(InputError, match=r"a dict with a tuple as key|it holds a set"):
        pickles.load_pickle(tmp_path / "set.pkl")


def test_dicts_of_every_kind_are_read(tmp_path):
    whole = {"a": 1, 2: {"b": [3]}, None: OrderedDict(c=4, d=OrderedDict())}
    for protocol in range(5):
        (tmp_path / "set.pkl").write_bytes(pickle.dumps(whole, protocol))
        assert pickles.load_pickle(tmp_path / "set.pkl") == whole


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("label", 10**6000),
        ("fps", 10**600),
        ("fps", 0),
        ("fps", float("nan")),
        ("frame_dir", "\ud800"),
        ("img_shape", (1, 10**6000)),
    ],
    ids=range(6),
)
def test_numbers_and_texts_beyond_any_use(tmp_path, key, value):
    with pytest.raises(InputError, match=rf"{key}: "):
        pyskl.read_pyskl(dump(tmp_path, [annotation() | {key: value}]))


def test_half_characters_in_a_description(tmp_path):
    table = json.loads(described.describe(rich(), splits=False))
    assert described.parse_description(json.dumps(table), "x")["attributes"] == table["attributes"]
    table["attributes"]["title"] = "\ud800"  # JSON escapes it
    with pytest.raises(InputError, match="not what skelf writes there"):
        described.parse_description(json.dumps(table), "x")


def test_what_is_none_is_unknown(tmp_path):
    nothing = dict.fromkeys(("label", "subject", "camera", "total_frames", "fps", "img_shape"))
    clips = quiet(dump(tmp_path, [annotation() | nothing]))
    assert clips.label.tolist() == clips.subject.tolist() == [-1] and clips.class_names == ()
    assert clips.fps.tolist() == [30]


def test_keypoints_as_lists(tmp_path):
    one = annotation()
    want = quiet(dump(tmp_path, [one])).digest()
    for key in ("keypoint", "keypoint_score"):
        one[key] = one[key].tolist()
    assert quiet(dump(tmp_path, [one])).digest() == want
    one["keypoint"][0][2] = one["keypoint"][0][2][:-1]
    with pytest.raises(InputError, match=r"keypoint: lists that are no \(M, T, V, C\) of numbers"):
        pyskl.read_pyskl(dump(tmp_path, [one]))


def test_scores_as_the_third_number(tmp_path):
    one, plain = annotation(), annotation()
    one["keypoint"] = np.concatenate(
        [one["keypoint"] + 100, one.pop("keypoint_score")[..., None]], axis=-1
    )
    plain["keypoint"] = plain["keypoint"] + 100
    want = quiet(dump(tmp_path, [plain]))
    with pytest.warns(UserWarning, match=r"third number of each keypoint lies in \[0, 1\]"):
        clips = pyskl.read_pyskl(dump(tmp_path, [one]))
    assert clips.digest() == want.digest() and clips.confidence and clips.coordinates == 2
    one["keypoint"][0, 0, 0, 2] = 7  # a depth, then
    assert quiet(dump(tmp_path, [one]), "coco17").coordinates == 3
    one["keypoint"] = np.random.default_rng(0).uniform(0, 1, (1, 5, 17, 3))  # metres
    assert quiet(dump(tmp_path, [one]), "coco17").coordinates == 3


@pytest.mark.parametrize("key", ["keypoint", "keypoint_score"])
def test_nan_is_a_joint_that_was_not_seen(tmp_path, key):
    one = annotation()
    one[key][0, 2, 4] = np.nan
    path = dump(tmp_path, [one])
    with pytest.warns(UserWarning, match="1 joints .* count as missing"):
        assert not pyskl.read_pyskl(path).clip(0)[2, 0, 4].any()
        filled = pyskl.read_pyskl(path, how=pyskl.Pyskl(missing="linear")).clip(0)
    between = filled[[1, 3], 0, 4, :2].mean(axis=0)
    np.testing.assert_allclose(filled[2, 0, 4], [*between, 0], rtol=1e-5)
