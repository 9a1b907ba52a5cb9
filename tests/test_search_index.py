"""Indexes that were interrupted, damaged, of another encoder, written by two, on a full disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
from search_small import HOW, clips, run

from skelf.errors import InputError
from skelf.locks import locked
from skelf.search import Index, Search, build, pending


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "clips.h5"
    clips().save(path)
    return path


@pytest.fixture(scope="module")
def whole(store: Path) -> Path:
    return build(store, run(), store.parent / "whole", how=replace(HOW, exact_up_to=50))


@pytest.fixture
def index(whole: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "index"))


@pytest.fixture(scope="module")
def other_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("other") / "run"
    return tiny_runs.pretrain(out, "train.epochs=1", "train.milestones=[]", seed=5)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


class Killed(Exception):  # noqa: N818
    """What ends the work in the middle."""


@pytest.mark.parametrize("rows", [0, 200])
def test_an_interrupted_index_goes_on_where_it_stopped(
    rows: int, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "WINDOWS", 64)
    straight = build(store, run(), tmp_path / "straight", how=HOW)

    def stop(what: str, done: int, total: int) -> None:
        if total and done >= rows and what.startswith(store.name):
            raise Killed

    out = tmp_path / "out"
    with pytest.raises(Killed):
        build(store, run(), out, how=HOW, report=stop)
    kept = sorted(out.glob("part-*"))
    times = [path.stat().st_mtime_ns for path in kept]
    assert len(kept) == rows // 64
    if kept:  # what is there is searched meanwhile
        half = Index.open(out)
        assert not half.manifest.whole and len(half) == 64 * len(kept)
        assert half.query(f"{store}#0", keep_self=True)[0].score > 0.999
    seen: list[int] = []

    def see(what: str, done: int, total: int) -> None:
        if what == store.name:
            seen.append(done)

    build(store, run(), out, how=HOW, report=see)
    assert min(done for done in seen if done) > 64 * len(kept)
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert contents(out) == contents(straight)


def test_what_another_file_interrupted_is_found_at_the_end(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "WINDOWS", 64)
    clips().take([9]).save(tmp_path / "one.h5")
    how = replace(HOW, exact_up_to=100)

    def stop(what: str, done: int, total: int) -> None:
        if done >= 150 and what == store.name:
            raise Killed

    with pytest.raises(Killed):
        build(store, run(), tmp_path / "out", how=how, report=stop)
    build(tmp_path / "one.h5", run(), tmp_path / "out")  # others come first
    out = build(store, run(), tmp_path / "out")
    index = Index.open(out)
    laid = Index.open(build(store, run(), tmp_path / "straight", how=how))
    assert len(index) == len(laid) + index.manifest.sources[1].windows
    where = {"subject": np.unique(clips().subject).tolist()}
    for query in ("#2", "#10@0-2"):
        found = index.query(f"{store}{query}", top=5, where=where)
        expected = laid.query(f"{store}{query}", top=5)
        assert {h.recording for h in found} & {h.recording for h in expected}


def test_a_part_without_its_manifest_is_written_again(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "WINDOWS", 64)
    write, calls = pending.manifests.write, []

    def dies(folder: Path, manifest: object) -> None:
        calls.append(manifest)
        if len(calls) == 3:
            raise Killed
        write(folder, manifest)  # type: ignore[arg-type]

    straight = build(store, run(), tmp_path / "straight", how=HOW)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(pending.manifests, "write", dies)
        build(store, run(), tmp_path / "out", how=HOW)
    assert len(list((tmp_path / "out").glob("part-*"))) == 2  # the manifest names one
    assert len(Index.open(tmp_path / "out").manifest.parts) == 1
    build(store, run(), tmp_path / "out", how=HOW)
    assert contents(tmp_path / "out") == contents(straight)


def test_a_full_disk_loses_nothing(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "WINDOWS", 64)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "part-000002" in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    out = tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space") as caught:
        patch.setattr(Path, "write_bytes", full)
        build(store, run(), out, how=HOW)
    assert caught.value.filename == str(out / "part-000002.safetensors")
    assert "stays, the same command goes on" in str(caught.value.strerror)
    assert len(Index.open(out)) == 128
    assert [p.name for p in out.iterdir() if p.name.startswith(".")] == []
    build(store, run(), out, how=HOW)
    assert Index.open(out).manifest.whole


def test_two_writers_of_one_index(store: Path, index: Path) -> None:
    before = contents(index)
    with (
        locked(index, ".lock", busy="", unwritable=""),
        pytest.raises(InputError, match="another process is writing this index"),
    ):
        build(store, run(), index)
    assert contents(index) == before


def test_an_index_knows_its_encoder(store: Path, index: Path, other_run: Path) -> None:
    before = contents(index)
    with pytest.raises(InputError, match="another encoder than that of the index"):
        build(store, other_run, index)
    with pytest.raises(InputError, match="another encoder than that of the index"):
        Index.open(index, other_run).query(f"{store}#0")
    with pytest.raises(InputError, match=r"was made with scales=.*make another index"):
        build(store, run(), index, how=Search(scales=(1.0,)))
    assert contents(index) == before
    assert len(Index.open(index, run()).query(f"{store}#0")) == 10


def flip(path: Path, at: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("at", [0.001, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("pattern", ["part-*", "approximate-*"])
def test_a_changed_byte_is_seen(index: Path, pattern: str, at: float) -> None:
    path = next(index.glob(pattern))
    flip(path, at)
    with pytest.raises(InputError, match=rf"{path.name}: damaged: .*--force") as caught:
        Index.open(index)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["part-*", "approximate-*"])
@pytest.mark.parametrize("cut", [0, 100, None])
def test_a_file_that_is_cut_or_gone_is_seen(index: Path, pattern: str, cut: int | None) -> None:
    path = next(index.glob(pattern))
    if cut is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=rf"{path.name}: (damaged|cannot read).*--force"):
        Index.open(index)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("parts"),
        lambda m: m.update(parts=[{"file": "../x", "windows": 3, "checksum": ""}]),
        lambda m: m.update(parts="none"),
        lambda m: m.update(more=1),
        lambda m: m["how"].update(stride=7),
        lambda m: m.update(how=None),
        lambda m: m.update(dim="many"),
        lambda m: m.update(format="else"),
        lambda m: m.update(version=99),
        lambda m: m.update(sources=[3]),
        lambda m: m.update(parts=[]),
    ],
)
def test_a_wrong_manifest_is_one_line(index: Path, change: object) -> None:
    values = json.loads((index / "index.json").read_text())
    change(values)  # type: ignore[operator]
    (index / "index.json").write_text(json.dumps(values))
    with pytest.raises(InputError) as caught:
        Index.open(index)
    assert str(index) in str(caught.value) and "\n" not in str(caught.value)


def test_no_index_is_one_line(tmp_path: Path, index: Path, store: Path) -> None:
    with pytest.raises(InputError, match="no search index here"):
        Index.open(tmp_path / "none")
    (index / "index.json").write_text("{")
    with pytest.raises(InputError, match=r"index\.json: not JSON"):
        Index.open(index)
    with pytest.raises(InputError, match="no search index here to add to"):
        build(store, run(), tmp_path / "none", add=True)
    with pytest.raises(InputError, match="a new index needs an encoder; give --run"):
        build(store, None, tmp_path / "none")
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"holds other files \(letter.txt\)"):
        build(store, run(), tmp_path / "else", replace_index=True)
    with pytest.raises(InputError, match="a file; an index is a folder"):
        build(store, run(), store)


def test_a_damaged_encoder_of_an_index_is_seen(index: Path, store: Path) -> None:
    flip(index / "encoder" / "model.safetensors", 0.7)
    with pytest.raises(InputError, match=r"encoder.model\.safetensors: damaged"):
        Index.open(index).query(f"{store}#0")


def test_an_encoder_that_is_too_large_stays_where_it_is(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skelf.search.identity.LARGEST_COPY", 100)
    copy = Path(shutil.copytree(run(), tmp_path / "run"))
    out = build(store, copy, tmp_path / "index", how=HOW)
    assert not (out / "encoder").exists()
    assert Index.open(out).manifest.elsewhere == str(copy)
    hits = Index.open(out).query(f"{store}#0")
    shutil.rmtree(copy)
    with pytest.raises(InputError, match="no such folder"):
        Index.open(out).query(f"{store}#0")
    assert Index.open(out, run()).query(f"{store}#0") == hits


def test_a_damaged_file_among_many_is_said_and_the_rest_goes_on(
    store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    clips().take([0]).save(folder / "a.h5")
    (folder / "b.h5").write_bytes((folder / "a.h5").read_bytes()[:3000])
    clips().take([1]).save(folder / "c.h5")
    shutil.copy(folder / "a.h5", folder / "d.h5")
    said: list[str] = []
    index = Index.open(build(folder, run(), tmp_path / "index", how=HOW, say=said.append))
    assert [Path(s.path).name for s in index.manifest.sources] == ["a.h5", "c.h5"]
    assert next(line for line in said if "b.h5" in line).startswith("passed over: ")
    assert [line for line in said if "d.h5" in line] == [f"{folder / 'd.h5'}: in the index already"]
    assert len(index.manifest.parts) == 1  # small files share one
    bad = tmp_path / "bad"
    bad.mkdir()
    shutil.copy(folder / "b.h5", bad / "b.h5")
    with pytest.raises(InputError, match="nothing could be indexed"):
        build(bad, run(), tmp_path / "none", how=HOW)


def test_an_index_is_replaced_only_when_told(store: Path, index: Path, other_run: Path) -> None:
    build(store, other_run, index, how=HOW, replace_index=True)
    assert Index.open(index).exact and not list(index.glob("approximate-*"))
    assert len(Index.open(index, other_run).query(f"{store}#0")) == 10


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{}", "holds 11 recordings; name one as"),
        ("{}#nobody", "no clip 'nobody'"),
        ("{}#11", "clip 11 does not exist; there are 0 to 10"),
        ("{}#9@3-3", "an empty stretch"),
        ("{}#9@3-1", "an empty stretch"),
        ("{}#9@0-900", r"the recording ends at .* s \(.* frames\)"),
        ("{}#9@800-900", r"the recording ends at .* s \(.* frames\)"),
        ("none.h5#9", "none.h5"),
    ],
)
def test_a_query_that_names_nothing_is_one_line(
    store: Path, whole: Path, query: str, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        Index.open(whole).query(query.format(store))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_killed_command_goes_on(store: Path, tmp_path: Path) -> None:
    """SIGKILL at several moments; afterwards the index is what an undisturbed one is."""
    code = (
        "import sys, time; from skelf.search import build, pending, encode, Search\n"
        "pending.WINDOWS, encode.AT_ONCE = 16, 16\n"
        f"build({str(store)!r}, {str(run())!r}, sys.argv[1], how=Search(scales=(0.5, 1.0, 2.0),"
        " stride=0.5, exact_up_to=50), report=lambda *_: time.sleep(0.01))\n"
    )
    words = [sys.executable, "-c", code]
    straight, out = tmp_path / "straight", tmp_path / "out"
    subprocess.run([*words, str(straight)], check=True, env=tiny_runs.ENVIRONMENT)
    for parts in (0, 4):
        process = subprocess.Popen([*words, str(out)], env=tiny_runs.ENVIRONMENT)
        while process.poll() is None and len(list(out.glob("part-*.safetensors"))) <= parts:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*words, str(out)], check=True, env=tiny_runs.ENVIRONMENT)
    assert contents(out) == contents(straight)
    assert [p.name for p in out.rglob(".*") if p.name != ".lock"] == []
