"""Sets in object stores and on servers, by fsspec's memory and a server of files."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
import tiny_runs
from tiny_runs import SETTINGS, assert_same

from skelf import api
from skelf.cli import main as cli
from skelf.data import addresses
from skelf.data.addresses import address
from skelf.data.clips import ClipSet
from skelf.data.presets import located
from skelf.data.shards import cut
from skelf.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SKELF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def there(tmp_path):
    """A set of four shards and the same in one file, in fsspec's memory."""
    clips = tiny_runs.clips()
    cut(clips, tmp_path / "set", 10)
    clips.save(tmp_path / "one.h5")
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "set"), "/bucket/set", recursive=True)
    system.put_file(str(tmp_path / "one.h5"), "/bucket/one.h5")
    yield system
    system.rm("/bucket", recursive=True)


@pytest.fixture
def asked(monkeypatch):
    """Names of the files that were fetched."""
    names = []
    get = addresses.get

    def told(system, there, path, url):
        names.append(Path(path).name)
        get(system, there, path, url)

    for module in ("addresses", "remote"):
        monkeypatch.setattr(f"skelf.data.{module}.get", told)
    return names


def test_a_shard_is_fetched_when_a_frame_of_it_is_wanted(there, asked):
    clips, whole = ClipSet.open("memory://bucket/set"), tiny_runs.clips()
    assert len(clips) == 36 and clips.names == whole.names
    assert not [name for name in asked if name.startswith("shard-")]
    assert np.array_equal(clips.clip(12), whole.clip(12))
    assert [name for name in asked if name.startswith("shard-")] == ["shard-00001.h5"]
    # Another opening, as another process does it, finds what is there.
    asked.clear()
    again = ClipSet.open(Path("memory://bucket/set/"))
    assert np.array_equal(again.clip(11), whole.clip(11)) and not asked
    assert all(np.array_equal(again.clip(i), whole.clip(i)) for i in range(36))
    assert asked == [f"shard-0000{i}.h5" for i in (0, 2, 3)]


def test_one_file_is_fetched_once_and_again_when_it_has_changed(there, asked, tmp_path):
    assert len(ClipSet.open("memory://bucket/one.h5")) == len(
        ClipSet.open("memory://bucket/one.h5")
    )
    assert asked == ["one.h5"]
    tiny_runs.clips().take(range(12)).save(tmp_path / "less.h5")
    there.put_file(str(tmp_path / "less.h5"), "/bucket/one.h5")
    assert len(ClipSet.open("memory://bucket/one.h5")) == 12


def test_a_set_that_was_made_again_is_another_set_here(there, tmp_path):
    before = ClipSet.open("memory://bucket/set")
    assert len(before.clip(0))
    there.rm("/bucket/set", recursive=True)
    cut(tiny_runs.clips().take(range(8, 20)), tmp_path / "other", 10)
    there.put(str(tmp_path / "other"), "/bucket/set", recursive=True)
    after = ClipSet.open("memory://bucket/set")
    assert len(after) == 12 and np.array_equal(after.clip(0), tiny_runs.clips().clip(8))


def test_pretraining_from_an_address_gives_the_same_weights(there, tmp_path):
    quick = (*SETTINGS, "train.epochs=1", "train.milestones=[]", "train.resident=false")
    for name, data in (("near", tmp_path / "one.h5"), ("far", "memory://bucket/set")):
        api.pretrain("usdrl", data, out=tmp_path / name, split="half", overrides=quick)
    assert_same(tmp_path / "near", tmp_path / "far")


def command(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["skelf", *words])
    try:
        cli.main()
    except SystemExit as error:
        return error.code or 0, *capsys.readouterr()
    return 0, *capsys.readouterr()


def test_commands_take_addresses(tmp_path, monkeypatch, capsys):
    clips = tiny_runs.clips()
    cut(clips, tmp_path / "set", 20)
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/set"
        try:
            code, out, _ = command(monkeypatch, capsys, "data", "info", url)
            assert code == 0 and "36" in out
            split = ("--name", "x", "--by", "camera", "--train", "0")
            code, _, err = command(monkeypatch, capsys, "data", "split", url, *split)
            assert code == 2 and "is only read" in err
            code, _, err = command(monkeypatch, capsys, "data", "info", f"{url}-gone")
            assert code == 2 and f"{url}-gone: nothing is there" in err.replace("\n", "")
        finally:
            server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_file_address_is_the_path(there, tmp_path, asked):
    for name in ("set", "one.h5"):
        assert ClipSet.open(f"file://{tmp_path / name}").path == tmp_path / name
    assert not asked


def test_what_cannot_be_read_is_one_line(there, monkeypatch):
    for url, said in (
        ("memory://bucket/nothing", r"memory://bucket/nothing: nothing is there"),
        ("nosuch://bucket/set", r"nosuch://bucket/set: .*nosuch"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            located(url)
        assert "\n" not in str(caught.value)

    def lacks(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", lacks)
    with pytest.raises(InputError, match=r"s3://bucket/set: Install s3fs to access S3"):
        ClipSet.open("s3://bucket/set")


def test_damage_on_the_way_is_found(there):
    for name in there.ls("/bucket/set/columns", detail=False):
        if "/length-" in name:
            data = bytearray(there.cat_file(name))
            data[-1] ^= 1
            there.pipe_file(name, bytes(data))
    with pytest.raises(InputError, match=r"length-.*checksum does not match"):
        ClipSet.open("memory://bucket/set")


def test_a_damaged_and_a_missing_shard(there):
    data = bytearray(there.cat_file("/bucket/set/shard-00001.h5"))
    data[-100] ^= 1
    there.pipe_file("/bucket/set/shard-00001.h5", bytes(data))
    there.rm_file("/bucket/set/shard-00002.h5")
    clips = ClipSet.open("memory://bucket/set")
    assert len(clips.clip(0))
    with pytest.raises(InputError, match=r"shard-00001\.h5"):
        clips.clip(10)
    with pytest.raises(InputError, match=r"shard-00002\.h5: cannot be fetched"):
        clips.clip(20)


def test_a_manifest_cannot_name_files_outside_the_cache(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / addresses.ORIGIN).write_text(json.dumps({"address": "memory://bucket/set"}))
    with pytest.raises(InputError, match="lies outside"):
        addresses.bring(folder, folder / ".." / "stolen.h5")
    assert not (tmp_path / "stolen.h5").exists()


def test_what_is_an_address_and_what_a_path():
    for text in ("C:/sets/a.h5", "C:\\a.h5", "a:b/c", "set", "./set", "/s3/bucket", "a.h5"):
        assert address(text) is None
    assert (
        address(Path("s3://bucket/a/set")) == address("s3://bucket/a/set/") == "s3://bucket/a/set"
    )
    assert address("file:///data/set") == "file:///data/set"
    assert address(Path("file:///data/set")) == "file:///data/set"
