"""Pretraining from shards: the same weights to the bit as from one file, and little memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
from tiny_runs import ENVIRONMENT, SETTINGS, Stop, assert_same

from skelf import api
from skelf.data import batch
from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.data.paging import will_need
from skelf.data.shards import assemble, joints
from skelf.errors import InputError

WINDOWS = ("train.shuffle=windows", "train.neighbours=2", "train.window=4")
STREAMED = (*SETTINGS, "train.epochs=2", "train.milestones=[]", "train.resident=false")
USDRL = ("usdrl", ())
PCM3 = ("pcm3", ("method.queue=16", "encoder.layers=1", "train.lr=1e-3"))


def cut(folder: Path, ends: list[int]) -> Path:
    """The set of the tiny runs as shards that end at these clips."""
    folder.mkdir()
    clips, files = tiny_runs.clips(), []
    for first, end in zip([0, *ends], [*ends, len(clips)], strict=False):
        files.append(folder / f"shard-{first:05d}.h5")
        clips.take(np.arange(first, end)).save(files[-1])
    assemble(folder, files)
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """One file, five shards, and two."""
    folder = tmp_path_factory.mktemp("sets")
    tiny_runs.clips().save(folder / "one.h5")
    five, two = cut(folder / "five", [3, 9, 17, 30]), cut(folder / "two", [1])
    return folder / "one.h5", five, two


def pretrain(method, data, out, *changes, **options):
    name, own = method
    given = (*STREAMED, *own, *changes)
    return api.pretrain(name, data, out=out, split="half", overrides=given, **options)


@pytest.mark.parametrize("shuffle", [(), WINDOWS], ids=["full", "windows"])
@pytest.mark.parametrize("method", [USDRL, PCM3], ids=["usdrl", "pcm3"])
def test_shards_train_the_weights_of_one_file(places, tmp_path, method, shuffle):
    shuffle = (*shuffle, "train.epochs=1")
    for at, data in enumerate(places):
        pretrain(method, data, tmp_path / str(at), *shuffle)
    pretrain(method, places[0], tmp_path / "memory", *shuffle, "train.resident=true")
    for other in ("1", "2", "memory"):
        assert_same(tmp_path / "0", tmp_path / other)


def test_a_run_from_shards_goes_on_within_an_epoch(places, tmp_path):
    seen, run = [], tmp_path / "killed"

    def listen(event):
        seen.append(event["event"])
        if seen.count("step") == 5:
            raise Stop

    begun = (USDRL, places[1], run, *WINDOWS)
    with pytest.raises(Stop):
        pretrain(*begun, "train.save_steps=1", listener=listen)
    # The same clips in another place are not taken for the same data without a word.
    with pytest.raises(InputError, match="which a resume cannot change"):
        pretrain(USDRL, places[0], run, *WINDOWS, resume=True)
    pretrain(*begun, resume=True)
    pretrain(USDRL, places[0], tmp_path / "whole", *WINDOWS)
    assert_same(tmp_path / "whole", run)


@pytest.mark.slow
def test_two_processes_train_from_shards_as_from_one_file(places, tmp_path):
    settings = [*STREAMED, *WINDOWS]
    for name, data in (("one", places[0]), ("five", places[1])):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", "2", "-m", "skelf", "pretrain", "usdrl"]
        command += ["--data", str(data), "--split", "half", "--out", str(tmp_path / name)]
        done = subprocess.run(
            [*command, *settings], env=ENVIRONMENT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "one", tmp_path / "five")


def test_training_holds_one_side_of_the_table_and_no_names(tmp_path, monkeypatch):
    taken = []
    take = ClipSet.take

    def watched(self, indices):
        taken.append(take(self, indices))
        return taken[-1]

    monkeypatch.setattr(ClipSet, "take", watched)
    quick = (*SETTINGS, "train.epochs=1", "train.milestones=[]")
    clips = tiny_runs.clips()
    api.pretrain("usdrl", clips, out=tmp_path / "run", split="half", overrides=quick)
    sides = [made for made in taken if len(made) == 20]
    assert len(sides) == 1 and sides[0].name.dtype == "U1"
    assert np.array_equal(sides[0].start, clips.start[:20])
    assert not any(len(made) == 16 for made in taken)


# ---- reading ----


def test_a_missing_shard_ends_a_run_with_one_line(places, tmp_path):
    folder = cut(tmp_path / "set", [10, 20])
    (folder / "shard-00010.h5").unlink()
    with pytest.raises(InputError, match=r"shard .*shard-00010\.h5 is missing"):
        pretrain(USDRL, folder, tmp_path / "run")


def test_what_is_told_ahead_is_read_ahead(places, monkeypatch):
    clips, told = ClipSet.open(places[1]), []
    monkeypatch.setattr(joints, "will_need", lambda array, a, b: told.append((len(array), a, b)))
    batches = [np.array([0, 20]), np.array([30, 35])]
    chunks = [[np.array([2, 3])], [np.array([0, 35])]]  # the second one is no chunk of neighbours
    read = ClipBatches(clips, resident=False).stream(batches, ahead=chunks)
    for (x, lengths), indices in zip(read, batches, strict=True):
        assert np.array_equal(lengths, clips.length[indices])
        assert np.array_equal(
            x[1, :, : lengths[1], :, 0], clips.clip(indices[1])[:, 0].transpose(2, 0, 1)
        )
    # The last clip of one shard and the first one of the next.
    length = clips.length
    first, second = int(length[:3].sum()), int(length[3:9].sum())
    assert told == [(first, first - length[2], first), (second, 0, length[3])]


def test_reading_ahead_takes_any_array_and_rows_at_its_edges(places):
    mapped = ClipSet.open(places[0]).joints
    for array in (mapped, np.array(mapped), ClipSet.open(places[2]).joints):
        before = np.array(array[:])
        will_need(array, 0, 1)
        will_need(array, len(array) - 1, len(array))
        assert np.array_equal(array[:], before)


def test_pages_that_were_read_are_let_go(places, monkeypatch):
    gone = []
    monkeypatch.setattr(batch, "let_go", lambda array: gone.append(array))
    clips = ClipSet.open(places[1])
    batches = ClipBatches(clips, resident=False)
    bytes_ = 4 * int(clips.length.sum()) * 20 * 3
    monkeypatch.setattr(batch, "READ", bytes_ // 2)
    for _ in range(4):
        batches(np.arange(len(clips)))
    assert len(gone) == 4 and gone[0] is clips.joints


def test_a_shard_that_was_closed_is_mapped_again_without_its_table(places, monkeypatch, tmp_path):
    monkeypatch.setattr(joints, "OPEN", 1)
    opened = []
    read = joints.store.read
    monkeypatch.setattr(joints.store, "read", lambda path: opened.append(path) or read(path))
    folder = cut(tmp_path / "set", [10, 20])
    opened.clear()
    clips, whole = ClipSet.open(folder), tiny_runs.clips()
    for clip in (0, 35, 12, 1, 34, 0):
        assert np.array_equal(clips.clip(clip), whole.clip(clip))
    assert len(opened) == 3
    # One that was replaced meanwhile is looked at anew.
    file = folder / "shard-00010.h5"
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.unlink()
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"shard-00010\.h5"):
        clips.clip(12)
