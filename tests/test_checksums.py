"""A changed byte of a checkpoint is one line, and what a run prunes meanwhile is read anew."""

import json
import re
import shutil
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_runs import clips, pretrain

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.checkpoints.checksums import ALGORITHM, CHECKSUMS, Checksums, checksum, verify
from skelf.checkpoints.tensors import write_tensors
from skelf.errors import InputError
from skelf.runs.start import read_start

FILES = ("model.safetensors", "config.json", "state.safetensors", "state.json")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return pretrain(tmp_path_factory.mktemp("sums") / "run", "train.epochs=2")


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def change(path, place):
    """Another byte; after the end one more, before the start one less."""
    data = bytearray(path.read_bytes())
    if place == "more":
        data.append(0)
    elif place == "less":
        del data[len(data) // 2]
    else:
        data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)


def resumed(run):
    pretrain(run, "train.epochs=3", resume=True)


def started(run):
    read_start(run, "usdrl")


def judged(run):
    api.evaluate(["knn"], run, clips(), split="half", device="cpu")


@pytest.mark.parametrize("place", [0, 0.3, 0.99, 1, "more", "less"])
@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_one_line_that_names_the_file_and_a_whole_checkpoint(run, name, place):
    older, newest = checkpoint.saved(run)
    change(newest / name, place)
    readers = [resumed]
    if not name.startswith("state"):
        readers += [api.load, started, judged]
    for read in readers:
        with pytest.raises(InputError, match=re.escape(f"{newest / name}: ")) as caught:
            read(run)
        assert str(older) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("place", [0.02, 0.5, 1, "more", "less"])
def test_a_changed_list_never_changes_what_is_read(run, place):
    newest = checkpoint.newest(run)
    whole = api.load(run).state_dict()
    change(newest / CHECKSUMS, place)
    try:
        read = api.load(run).state_dict()
    except InputError as error:
        assert str(newest) in str(error) and "\n" not in str(error)
    else:
        assert all(torch.equal(value, whole[key]) for key, value in read.items())


def test_the_older_one_that_is_named_is_whole(run):
    older, newest = checkpoint.saved(run)
    for folder in (older, newest):
        change(folder / "model.safetensors", 0.5)
    with pytest.raises(InputError, match=r"model\.safetensors: damaged") as caught:
        resumed(run)
    assert "to go on from" not in str(caught.value)
    with pytest.raises(InputError, match="checksums") as caught:
        api.load(run)
    assert "is whole" not in str(caught.value)


def test_a_missing_file_and_a_list_of_another_kind(run):
    newest = checkpoint.newest(run)
    (newest / "state.safetensors").unlink()
    with pytest.raises(InputError, match="lacks the tensor"):
        resumed(run)
    with pytest.raises(InputError, match=r"state\.safetensors: missing"):
        verify(newest)
    for content in ("[]", f'{{"{ALGORITHM}": 3}}', f'{{"{ALGORITHM}": {{}}}}', "[" * 100_000):
        (newest / CHECKSUMS).write_text(content)
        with pytest.raises(InputError, match=r"checksums\.json: "):
            api.load(newest)


def test_the_card_may_be_edited_and_earlier_checkpoints_have_no_list(run):
    newest = checkpoint.newest(run)
    (newest / "README.md").write_text("mine")
    verify(newest)
    resumed(run)
    newest = checkpoint.newest(run)
    (newest / CHECKSUMS).unlink()
    assert api.load(run).dim == 32


def test_weights_alone_have_a_list_too(tmp_path):
    folder = checkpoint.save(tmp_path / "c", tensors={"w": torch.ones(9)}, config={}, card="")
    listed = json.loads((folder / CHECKSUMS).read_text())[ALGORITHM]
    assert sorted(listed) == ["config.json", "model.safetensors"]
    change(folder / "model.safetensors", 0.99)
    with pytest.raises(InputError, match=r"model\.safetensors: damaged"):
        checkpoint.read_tensors(folder)


def test_a_checkpoint_that_is_pruned_while_it_is_read_gives_way_to_the_newest(run):
    seen = []

    def read(folder):
        seen.append(folder.name)
        if len(seen) < 3:  # the run saves another one, and prunes
            folder.rename(folder.with_name(f"step{100 + len(seen)}"))
        return checkpoint.read_config(folder)

    assert checkpoint.reading(run, read)["method"]["name"] == "usdrl"
    assert seen == ["step00000006", "step101", "step102"]
    with pytest.raises(InputError):  # a folder that was named itself does not come back
        checkpoint.reading(run / "checkpoints" / "step102", lambda f: (shutil.rmtree(f), judged(f)))


def test_the_newest_is_read_from_one_checkpoint(run, monkeypatch):
    real, newest = checkpoint.read_tensors, checkpoint.newest(run)

    def pruned(path):
        if path.parent == newest:
            shutil.rmtree(newest)
        return real(path)

    monkeypatch.setattr(checkpoint, "read_tensors", pruned)
    assert api.load(run).dim == 32
    assert read_start(run, "usdrl").source == checkpoint.newest(run)


def test_a_file_is_what_safetensors_itself_writes(tmp_path):
    dtypes = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
    dtypes += (torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
    tensors = {f"a{i}": torch.arange(5).to(dtype) for i, dtype in enumerate(dtypes)}
    tensors |= {"empty": torch.zeros(0, 3), "number": torch.tensor(3.0), "b": torch.ones(2, 3)}
    pieces = []
    write_tensors(tmp_path / "ours", tensors, pieces.append)
    save_file(tensors, tmp_path / "theirs", metadata={"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == b"".join(pieces)
    ours, theirs = (load_file(tmp_path / name) for name in ("ours", "theirs"))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert torch.equal(ours[name], value) and ours[name].dtype == value.dtype
    with safe_open(tmp_path / "ours", "pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("size", [0, 3, 32768, 32768 * 128, 32768 * 131 + 5])
def test_the_sum_of_any_size_finds_each_changed_byte(tmp_path, size):
    tensors = {"w": torch.arange(size, dtype=torch.uint8), "v": torch.ones(3)}
    path = tmp_path / "a.safetensors"
    with Checksums() as sums:
        write_tensors(path, tensors, lambda piece: sums.add(path.name, piece))
        first = sums.listed()[ALGORITHM][path.name]
    assert checksum(path) == first
    for place in (0.5, 0.9, 0.999999, 1):
        change(path, place)
        with suppress(ValueError):  # no header of such a file
            assert checksum(path) != first
        change(path, place)
    assert checksum(path) == first


@pytest.mark.parametrize("size", [0, 3, 32768 * 128, 32768 * 259 + 5])
def test_a_file_that_is_read_in_blocks_has_the_sum_of_all_of_it(tmp_path, size):
    path = tmp_path / "cells.faiss"
    path.write_bytes(np.random.default_rng(0).bytes(size))
    with Checksums() as sums:
        sums.add(path.name, path.read_bytes())
        assert sums.listed()[ALGORITHM][path.name] == checksum(path)
