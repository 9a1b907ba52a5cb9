"""Sharded sets: a folder of stores is the same set as one file, whoever reads it."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.data import shards, store
from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.data.join import joined
from skelf.data.shards import columns, joints, opened
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.inference.source import each, places, read_data

TABLE = ("length", "label", "subject", "camera", "setup", "fps", "name")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[ClipSet, ClipSet]:
    """A set in one file and the same in shards of seven clips."""
    clips = generate(clips=30, persons=2)
    clips.save(tmp_path / "one.h5")
    shards.cut(clips, tmp_path / "many", 7)
    return ClipSet.open(tmp_path / "one.h5"), ClipSet.open(tmp_path / "many")


def same(one: ClipSet, other: ClipSet) -> None:
    """Both sets hold the same, frame by frame."""
    for key in TABLE:
        assert np.array_equal(getattr(one, key), getattr(other, key)), key
    assert len(one) == len(other) and one.class_names == other.class_names
    assert one.splits.keys() == other.splits.keys() and one.columns.keys() == other.columns.keys()
    assert all(np.array_equal(side, other.splits[key]) for key, side in one.splits.items())
    assert all(np.array_equal(values, other.columns[key]) for key, values in one.columns.items())
    assert np.array_equal(one.segments, other.segments)
    assert one.attributes == other.attributes
    for at in range(len(one)):
        assert np.array_equal(one.clip(at), other.clip(at))


def test_the_set_is_the_same(pair: tuple[ClipSet, ClipSet]) -> None:
    one, many = pair
    assert len(many.joints.parts) == 5
    same(one, many)
    blocks = [np.concatenate([block for _, block in s.blocks(20_000)]) for s in pair]
    assert np.array_equal(*blocks)
    assert np.array_equal(one.joints[3:900], many.joints[3:900])  # over shards
    assert np.array_equal(one.joints[np.array([0, 5, 800])], many.joints[np.array([0, 5, 800])])
    assert len(many.joints[4:4]) == 0
    same(one.split("xsub")[1], many.split("xsub")[1])
    same(one.take([-1, 3, 3]), many.take([-1, 3, 3]))
    with pytest.raises(IndexError):
        many.take([30])


@pytest.mark.parametrize("resident", [True, False])
def test_batches_are_the_same(pair: tuple[ClipSet, ClipSet], resident: bool) -> None:
    order = [np.array([29, 0, 8]), np.array([7, 6, 13])]
    batches = [[*ClipBatches(s, resident=resident).stream(order)] for s in pair]
    for (x, n), (y, m) in zip(*batches, strict=True):
        assert torch.equal(x, y) and torch.equal(n, m)


def test_recordings_with_segments_and_unlike_tables(tmp_path: Path) -> None:
    """Classes by name, persons and names as wide as the widest, what all have of the rest."""
    a, b = generate(clips=0, recordings=3, seed=1), generate(clips=5, persons=2, seed=2)
    b = b.with_split("own", [1] * 5)
    for name, clips in (("a", a), ("b", b)):
        clips.save(tmp_path / f"{name}.h5")
    shards.assemble(tmp_path / "set", [tmp_path / "a.h5", tmp_path / "b.h5"])
    whole = ClipSet.open(tmp_path / "set")
    assert whole.persons == 2 and len(whole) == 8
    assert np.array_equal(whole.clip(1)[:, :1], a.clip(1)) and not whole.clip(1)[:, 1:].any()
    assert np.array_equal(whole.clip(7), b.clip(4))
    assert whole.names == a.names + b.names
    assert "own" not in whole.splits
    told = [whole.class_names[label] for label in whole.label[3:]]
    assert told == [b.class_names[label] for label in b.label]
    segments = [(clip, whole.class_names[label]) for clip, _, _, label in whole.segments.tolist()]
    assert segments == [(clip, a.class_names[label]) for clip, _, _, label in a.segments.tolist()]


def test_class_names_are_merged_by_name(tmp_path: Path) -> None:
    clips = generate(clips=4)
    for name, classes in (("a", ["walk", "bow"]), ("b", ["bow", "jump"])):
        own = ClipSet.build(
            clips.joints[: clips.frames_total], clips.length, clips.skeleton,
            label=[0, 1, 0, -1], class_names=classes,
        )  # fmt: skip
        own.save(tmp_path / f"{name}.h5")
    shards.assemble(tmp_path / "set", [tmp_path / "a.h5", tmp_path / "b.h5"])
    whole = ClipSet.open(tmp_path / "set")
    assert whole.class_names == ("walk", "bow", "jump")
    assert whole.label.tolist() == [0, 1, 0, -1, 1, 2, 1, -1]


def test_opening_reads_no_shard(
    pair: tuple[ClipSet, ClipSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(store, "read", refuse)
    monkeypatch.setattr(columns, "checksum", refuse)
    many = ClipSet.open(str(pair[1].path))
    assert many.digest() == pair[1].digest()
    many.split("xsub")
    monkeypatch.setattr(opened, "SMALL", 100)
    many.verify()  # of a table that is large by this


def test_only_some_shards_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joints, "OPEN", 2)
    clips = generate(clips=12)
    shards.cut(clips, tmp_path / "set", 2)
    many = ClipSet.open(tmp_path / "set")
    for at in (0, 11, 4, 0, 7, 11):
        assert np.array_equal(many.clip(at), clips.clip(at))
        assert len(many.joints._maps) <= 2


def test_another_process_maps_for_itself(pair: tuple[ClipSet, ClipSet]) -> None:
    again = pickle.loads(pickle.dumps(pair[1].joints))
    assert np.array_equal(again[:50], pair[0].joints[:50])


def test_a_part_of_a_set_is_a_set(pair: tuple[ClipSet, ClipSet], tmp_path: Path) -> None:
    one, many = pair
    shards.save_table(tmp_path / "part", many.take([20, 1, 29]))
    same(one.take([20, 1, 29]), ClipSet.open(tmp_path / "part"))
    assert not [*(tmp_path / "part").glob("*.h5")]  # the joints stay where they are
    with pytest.raises(InputError, match="not those of shards"):
        shards.save_table(tmp_path / "none", one)


@pytest.mark.filterwarnings("ignore:subjects are numbered apart")
def test_joined_where_they_are(tmp_path: Path) -> None:
    a, b = generate(clips=9), generate(clips=6, persons=2, seed=3)
    a.save(tmp_path / "a.h5")
    shards.cut(b, tmp_path / "b", 4)
    sets = [ClipSet.open(tmp_path / "a.h5"), ClipSet.open(tmp_path / "b")]
    copied = joined(sets)
    shards.save_table(tmp_path / "both", joined(sets, link=True))
    both = ClipSet.open(tmp_path / "both")
    same(copied, both)
    assert [part.path.name for part in both.joints.parts] == [
        "a.h5", "shard-00000.h5", "shard-00001.h5",
    ]  # fmt: skip
    moved = shutil.move(tmp_path, tmp_path.with_name("moved"))  # all together: names are relative
    same(copied, ClipSet.open(Path(moved) / "both"))
    with pytest.raises(InputError, match="not in a store"):
        joined([a, b], link=True)


@pytest.mark.filterwarnings("ignore:.*another process is changing it")
def test_splits_of_two_writers(pair: tuple[ClipSet, ClipSet]) -> None:
    """Neither loses the other's, and whoever has the set open keeps what it opened."""
    folder, before = Path(str(pair[1].path)), pair[1]
    sides = {f"s{i}": np.array(([1, 2] * 15), np.int8) for i in range(8)}
    writers = [
        threading.Thread(target=shards.add_splits, args=(folder, {name: side}))
        for name, side in sides.items()
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sides.keys() <= ClipSet.open(folder).splits.keys()
    shards.add_splits(folder, {"s0": np.array([2, 1] * 15, np.int8)})
    assert ClipSet.open(folder).splits["s0"][0] == 2
    assert len([*(folder / "columns").glob("splits.s0-*")]) == 1
    assert before.splits["xsub"].shape == (30,)
    with pytest.raises(InputError, match="is for 3 clips"):
        shards.add_splits(folder, {"bad": np.ones(3, np.int8)})


def test_sources_take_a_folder_of_shards(pair: tuple[ClipSet, ClipSet]) -> None:
    folder = str(pair[1].path)
    assert [place.format for place in places([folder])] == ["store"]
    same(pair[0], read_data(folder))
    (source,) = each([folder])
    assert source.clips is not None
    same(pair[0], source.clips)


def damaged(folder: Path, how: str) -> None:
    """Spoils one thing of a set."""
    shard, manifest = folder / "shard-00001.h5", folder / "manifest.json"
    column = next((folder / "columns").glob("label-*.npy"))
    if how == "shard missing":
        shard.unlink()
    elif how == "shard cut off":
        shard.write_bytes(shard.read_bytes()[:-100])
    elif how == "shard of another set":
        generate(clips=7, persons=2, seed=9).save(folder / "other.h5")
        content = (folder / "other.h5").read_bytes()
        size = shard.stat().st_size
        shard.write_bytes(content[:size].ljust(size, b"\0"))
    elif how == "shard changed":
        content = bytearray(shard.read_bytes())
        content[-40:] = bytes(40)
        shard.write_bytes(content)
    elif how == "manifest cut off":
        manifest.write_bytes(manifest.read_bytes()[:-9])
    elif how == "manifest changed":
        manifest.write_text(manifest.read_text("utf-8").replace('"clips": 30', '"clips": 31'))
    elif how == "manifest newer":
        told = json.loads(manifest.read_text("utf-8")) | {"version": 2}
        manifest.write_text(json.dumps(told))
    elif how == "column missing":
        column.unlink()
    elif how == "column cut off":
        column.write_bytes(column.read_bytes()[:-8])
    elif how == "column changed":
        content = bytearray(column.read_bytes())
        content[-8] ^= 1
        column.write_bytes(content)


DAMAGE = {
    "shard missing": "shard-00001.h5 is missing; put it back",
    "shard cut off": "when the set was made; put the old one back",
    "shard of another set": "shard",
    "shard changed": "checksum does not match",
    "manifest cut off": "damaged or cut off",
    "manifest changed": "checksum does not match",
    "manifest newer": "update skelf",
    "column missing": "the column 'label' is missing",
    "column cut off": "the column 'label' has",
    "column changed": "checksum does not match",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_one_clear_line(pair: tuple[ClipSet, ClipSet], how: str) -> None:
    folder = Path(str(pair[1].path))
    damaged(folder, how)
    run = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert isinstance(run.exception, InputError) or run.exit_code == 2, run.output
    text = str(run.exception) if isinstance(run.exception, InputError) else run.output
    assert DAMAGE[how] in " ".join(text.split()) and str(folder) in text
    if how.startswith("shard"):
        many = ClipSet.open(folder)
        assert np.array_equal(many.clip(0), pair[0].clip(0))  # the others are there
        with pytest.raises(InputError, match="shard"):
            many.clip(8)


def test_stores_of_unlike_joints_make_no_set(tmp_path: Path) -> None:
    from skelf.layouts import NTU25

    generate(clips=4).save(tmp_path / "a.h5")
    generate(clips=4, skeleton=NTU25).save(tmp_path / "b.h5")
    with pytest.raises(InputError, match=r"b\.h5: 25 joints .*a set has one layout"):
        shards.assemble(tmp_path / "set", [tmp_path / "a.h5", tmp_path / "b.h5"])
    assert not (tmp_path / "set" / "manifest.json").exists()
    with pytest.raises(InputError, match="no stores are named"):
        shards.assemble(tmp_path / "set", [])
    with pytest.raises(InputError, match="1 or more"):
        shards.cut(generate(clips=4), tmp_path / "cut", 0)


def test_identity_is_of_the_content(pair: tuple[ClipSet, ClipSet], tmp_path: Path) -> None:
    """The same whether columns are as opened, chosen or written again; another for other rows."""
    many = pair[1]
    everything, own = many.take(np.arange(30)), many.digest()
    assert everything.digest() == own
    assert many.take(np.arange(29)).digest() != own
    assert many.take([*range(1, 30), 0]).digest() != own
    assert many.with_split("own", [1] * 30).digest() == own
    shards.save_table(tmp_path / "again", everything)
    assert ClipSet.open(tmp_path / "again").digest() == own
    shutil.copytree(str(many.path), tmp_path / "copy")
    assert ClipSet.open(tmp_path / "copy").digest() == own


def test_a_choice_of_neighbours_copies_nothing(pair: tuple[ClipSet, ClipSet]) -> None:
    many = pair[1]
    near = many.take(np.arange(5, 25))
    assert np.shares_memory(near.name, many.name) and np.shares_memory(near.label, many.label)
    for other in (np.array([5, 7, 6]), np.array([5, 5, 7]), np.array([25, 24])):
        assert not np.shares_memory(many.take(other).label, many.label)
        assert np.array_equal(many.take(other).name, many.name[other])


def test_segments_follow_their_clips() -> None:
    """In any order of clips and of segments, as a slow loop has it."""
    clips = generate(clips=0, recordings=6, seed=1)
    rng = np.random.default_rng(0)
    mixed = replace(clips, segments=rng.permutation(clips.segments))
    for chosen in ([4, 4, 0], [5, 3, 1], [2]):
        for whole in (clips, mixed):
            slow = [
                [at, *row[1:]] for at, clip in enumerate(chosen)
                for row in whole.segments.tolist() if row[0] == clip
            ]  # fmt: skip
            assert whole.take(chosen).segments.tolist() == slow


def test_a_writer_may_replace_a_column_while_another_opens(
    pair: tuple[ClipSet, ClipSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, read = Path(str(pair[1].path)), columns.read
    sides = np.array([2, 1] * 15, np.int8)

    def late(*args: Any) -> np.ndarray:  # Any: of columns.read
        monkeypatch.setattr(columns, "read", read)
        shards.add_splits(folder, {"xsub": sides})
        return read(*args)

    monkeypatch.setattr(columns, "read", late)
    assert np.array_equal(ClipSet.open(folder).splits["xsub"], sides)


def test_a_small_table_is_verified_with_the_joints(pair: tuple[ClipSet, ClipSet]) -> None:
    folder = Path(str(pair[1].path))
    damaged(folder, "column changed")
    many = ClipSet.open(folder)
    many.clip(0)
    with pytest.raises(InputError, match="checksum does not match in column 'label'"):
        next(many.blocks())


def test_damage_anywhere_is_an_input_error(pair: tuple[ClipSet, ClipSet]) -> None:
    """Cut off at any place, or with any byte changed: never a traceback, never silence."""
    folder = Path(str(pair[1].path))
    label = next((folder / "columns").glob("label-*.npy"))
    for file, last in ((folder / "manifest.json", None), (label, 128)):
        whole = file.read_bytes()
        for at in range(0, len(whole[:last]), 13):
            changed = bytearray(whole)
            changed[at] ^= 1 + at % 200
            for content in (whole[:at], bytes(changed)):
                file.write_bytes(content)
                with pytest.raises(InputError) as raised:
                    ClipSet.open(folder)
                    shards.verify(folder)
                assert "\n" not in str(raised.value) and str(folder) in str(raised.value)
        file.write_bytes(whole)
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match="a folder without manifest"):
        ClipSet.open(folder)


def test_a_store_that_changes_while_it_is_assembled(tmp_path: Path) -> None:
    generate(clips=4).save(tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"a\.h5: was changed while the set was made"):
        shards.assemble(
            tmp_path / "set", [tmp_path / "a.h5"],
            progress=lambda done, total: generate(clips=5).save(tmp_path / "a.h5"),
        )  # fmt: skip
    assert not (tmp_path / "set" / "manifest.json").exists()
    assert not [*(tmp_path / "set" / "columns").iterdir()]


def test_an_import_that_was_not_finished_says_so(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    generate(clips=4).save(tmp_path / "set" / "shard-00000.h5")
    with pytest.raises(InputError, match="was not finished, the same command goes on"):
        ClipSet.open(tmp_path / "set")
