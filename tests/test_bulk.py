"""Features, predictions, indexes and discoveries by several processes are those of one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
from search_small import HOW, clips, run
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.cluster import connect, gathered
from skelf.cluster.alone import Alone
from skelf.data.clips import ClipSet
from skelf.data.shards import assemble
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.inference.bulk import gather, units
from skelf.inference.bulk.gather import Tally, in_order
from skelf.inference.bulk.parts import parts_beside
from skelf.inference.bulk.records import reading, summary_of, writing
from skelf.inference.bulk.units import cut, pieces
from skelf.inference.fit_classifier import fit_classifier
from skelf.inference.source import places
from skelf.search import Index, build

BLOCK = 16
"""Clips of a unit here."""


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "BLOCK", BLOCK)
    monkeypatch.setattr(units, "FRAMES", 1000)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same 40 clips and recordings as a store, a sharded set and a folder of files."""
    folder = tmp_path_factory.mktemp("bulk")
    made = generate(clips=36, recordings=4, subjects=4, seed=5)
    paths = {"store": folder / "set.h5", "shards": folder / "shards", "files": folder / "files"}
    made.save(paths["store"])
    paths["shards"].mkdir()
    paths["files"].mkdir()
    for at, rows in enumerate(np.array_split(np.arange(40), 3)):
        made.take(rows).save(paths["shards"] / f"shard-{at:05d}.h5")
    assemble(paths["shards"], sorted(paths["shards"].glob("*.h5")))
    for at, rows in enumerate(np.array_split(np.arange(40), 5)):
        made.take(rows).save(paths["files"] / f"{at}.h5")
    return paths


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit_classifier(run(), clips().take(range(8))).save(tmp_path_factory.mktemp("m") / "m")


def call(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None:
        raise done.exception
    return done.output


def same(one: Path, other: Path) -> None:
    """Files, or folders of them, are equal byte by byte."""
    if one.is_dir():
        names = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
        assert names == sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
        assert names
        for name in names:
            same(one / name, other / name)
        return
    when = re.compile(rb'DATE="[^"]*"')  # of ELAN's files
    assert when.sub(b"", one.read_bytes()) == when.sub(b"", other.read_bytes()), one


COMMANDS = {
    "features": ("features", "{data}", "--run", "{run}", "--out", "{out}.npz"),
    "dense": ("features", "{data}", "--run", "{run}", "--dense", "--out", "{out}.npz"),
    "predict": ("predict", "{model}", "{data}", "--out", "{out}.csv"),
    "index": ("search", "index", "{data}", "--run", "{run}", "--out", "{out}", "scales=[0.5,1]"),
    "discover": ("discover", "{data}", "--run", "{run}", "--out", "{out}", "penalty=0.2"),
}


def filled(command: str, out: Path, data: Path, model: Path) -> list[str]:
    places = {"out": out, "data": data, "model": model, "run": run()}
    return [word.format(**places) for word in COMMANDS[command]]


# Slow: 15 pairs of calls, three seconds each.
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["store", "shards", "files"])
@pytest.mark.parametrize("command", COMMANDS)
def test_two_processes_give_what_one_does(
    command: str, kind: str, data: dict[str, Path], model: Path, tmp_path: Path
) -> None:
    outs = []
    for workers in (1, 2):
        out = tmp_path / str(workers) / "out"
        out.parent.mkdir()
        call(*filled(command, out, data[kind], model), "--workers", workers)
        (made,) = out.parent.iterdir()  # and nothing waits there any more
        outs.append(made)
    same(*outs)


@pytest.mark.parametrize("kind", ["shards", "files"])
def test_a_set_gives_the_same_however_it_lies(
    kind: str, data: dict[str, Path], tmp_path: Path
) -> None:
    made = []
    for name in ("store", kind):
        call("features", data[name], "--run", run(), "--out", tmp_path / f"{name}.npz")
        with np.load(tmp_path / f"{name}.npz") as file:
            made.append((file["names"].tolist(), file["features"]))
    assert made[0][0] == made[1][0]
    np.testing.assert_allclose(made[0][1], made[1][1], atol=1e-6)
    if kind == "shards":
        np.testing.assert_array_equal(made[0][1], made[1][1])


def test_units_are_cut_by_the_data_alone() -> None:
    length = np.array([10] * 40)
    assert pieces(length, "clips") == [0, 16, 32, 40]
    long = np.array([10, 900, 200, 5000, 10])
    assert pieces(long, "frames") == [0, 3, 4, 5]
    for lengths in (length, long):
        bounds = pieces(lengths, "frames")
        assert bounds[0] == 0 and bounds[-1] == len(lengths) and sorted(set(bounds)) == bounds


def test_records_are_whole_or_not_there(tmp_path: Path) -> None:
    path, summary = tmp_path / "a.part", {"rows": 0}
    arrays = {"a": np.arange(6.0).reshape(2, 3), "none": np.zeros((0, 4), np.int32)}
    with writing(path, summary) as add:
        add(arrays, {"names": ["ä", ""]})
        add({}, {})
        summary["rows"] = 2
    one, two = reading(path)
    assert one.texts == {"names": ["ä", ""]} and not two.arrays and not two.texts
    for key, array in arrays.items():
        np.testing.assert_array_equal(one.arrays[key], array)
        assert one.arrays[key].dtype == array.dtype
    assert summary_of(path) == {"rows": 2}
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert summary_of(path) is None
    with pytest.raises(KeyError), writing(tmp_path / "b.part", {}):
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == ["a.part"]


# What is done is not done again.


class Killed(Exception):  # noqa: N818
    """What ends the work in the middle."""


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, most: int = 10**6) -> Iterator[list[str]]:
    """The units that are done; at one too many the work ends."""
    done, real = [], gather._done

    def counting(work: gather.Work, item: tuple[units.Unit, str]) -> object:
        if len(done) == most:
            raise Killed
        done.append(str(item[0]))
        return real(work, item)

    with monkeypatch.context() as patch:
        patch.setattr(gather, "_done", counting)
        yield done


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_done_is_used_again_after_a_kill(
    command: str,
    data: dict[str, Path],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = partial(filled, command, data=data["store"], model=model)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with counted(monkeypatch) as every:
        call(*words(tmp_path / "a" / "out"))
    assert len(every) > 2
    with counted(monkeypatch, 2), pytest.raises(Killed):
        call(*words(tmp_path / "b" / "out"))
    assert [p.name for p in (tmp_path / "b").glob(".*.work")]
    with counted(monkeypatch) as rest:
        call(*words(tmp_path / "b" / "out"))
    assert rest == every[2:]
    (one,), (other,) = ((tmp_path / name).iterdir() for name in "ab")
    same(one, other)


def test_parts_of_other_data_or_settings_are_not_used(
    data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out = tmp_path / "set.h5", tmp_path / "out.npz"
    shutil.copy(data["store"], store)
    words = ("features", store, "--run", run(), "--out", out)
    with counted(monkeypatch, 1), pytest.raises(Killed):
        call(*words)
    with counted(monkeypatch, 1) as done, pytest.raises(Killed):
        call(*words, "--dense")  # parts of the other command go
    assert len(done) == 1
    with counted(monkeypatch, 1) as done, pytest.raises(Killed):
        call(*words)
    assert len(done) == 1
    os.utime(store, ns=(1, 1))  # another file, by its time
    with counted(monkeypatch) as done:
        call(*words)
    assert len(done) == 3


def test_a_unit_that_a_worker_finished_before_it_died_is_not_done_again(
    data: dict[str, Path], tmp_path: Path
) -> None:
    """Its part is there, but nobody heard of it: the next worker says what is in it."""
    unit, done = cut(places([data["files"]]), "clips")[0], list[str]()

    def work(unit: units.Unit, add: object, summary: dict[str, object], scratch: Path) -> None:
        done.append(str(unit))
        summary["lines"] = ["said"]

    with parts_beside(tmp_path / "out", "test") as parts:
        part = parts.path(0, unit)
        first = gather._done(work, (unit, str(part)))
        there = part.stat()
        assert gather._done(work, (unit, str(part))) == first == {"lines": ["said"]}
        assert done == [str(unit)]
        assert (part.stat().st_ino, part.stat().st_mtime_ns) == (there.st_ino, there.st_mtime_ns)


# What cannot be done is said.


def test_a_damaged_store_is_named_once_and_the_rest_is_there(
    data: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(data["store"], folder / "a.h5")
    content = bytearray((folder / "a.h5").read_bytes())
    content[len(content) - content[::-1].index(content[-9]) - 200_000] ^= 1  # within the joints
    (folder / "a.h5").write_bytes(content)
    shutil.copy(data["files"] / "0.h5", folder / "b.h5")
    tally = Tally()
    listed = places([folder])
    with parts_beside(tmp_path / "out", "test") as parts:
        given = list(in_order(Alone(), _nothing, cut(listed, "clips"), parts))
        good = [g for g in given if tally.take(g)]
    assert len(given) == 4 and [g.unit.place.path.name for g in good] == ["b.h5"]
    assert tally.files == 1 and len(tally.problems) == 1
    assert "a.h5" in tally.problems[0] and "checksum" in tally.problems[0]


def _nothing(unit: units.Unit, add: object, summary: dict[str, object], scratch: Path) -> None:
    summary["lines"] = []


def _poison(unit: units.Unit, add: object, summary: dict[str, object], scratch: Path) -> None:
    if unit.first == BLOCK:
        os.kill(os.getpid(), signal.SIGKILL)
    if unit.first == 0:
        raise InputError("no numbers")
    summary["lines"] = []


@pytest.mark.slow
def test_a_unit_that_kills_its_worker_is_named_and_the_rest_is_there(
    data: dict[str, Path], tmp_path: Path
) -> None:
    cuts = cut(places([data["store"]]), "clips")
    with (
        gathered(workers=2, logs=tmp_path) as crew,
        parts_beside(tmp_path / "out", "test") as parts,
    ):
        given = list(in_order(crew, _poison, cuts, parts))
    assert [g.unit for g in given] == cuts
    assert [bool(g.problem) for g in given] == [True, True, False]
    assert "clips 0 to 15: no numbers" in given[0].problem
    assert "clips 16 to 31: took its worker with it" in given[1].problem


def test_a_full_disk_ends_the_work_and_names_the_output(
    data: dict[str, Path], tmp_path: Path
) -> None:
    def full(unit: units.Unit, add: object, summary: object, scratch: Path) -> None:
        raise OSError(28, "No space left on device", str(scratch / "x"))

    out = tmp_path / "out"
    with pytest.raises(OSError, match="No space") as caught, parts_beside(out, "test") as parts:
        list(in_order(Alone(), full, cut(places([data["store"]]), "clips"), parts))
    assert caught.value.filename == str(out)
    assert not list(tmp_path.iterdir())  # nothing to go on from


@pytest.mark.slow
def test_a_command_that_is_killed_with_its_workers_goes_on(
    data: dict[str, Path], tmp_path: Path
) -> None:
    """SIGKILL of the command, several times; in the end features are those of one process."""
    store = tmp_path / "many.h5"
    generate(clips=6000, seed=1).save(store)
    words = [*tiny_runs.PYTHON, "features", str(store), "--run", str(run()), "--out"]
    alone, out = tmp_path / "alone.npz", tmp_path / "out.npz"
    subprocess.run([*words, str(alone)], check=True, env=tiny_runs.ENVIRONMENT)
    for parts in (0, 2):
        process = subprocess.Popen([*words, str(out), "--workers", "2"], env=tiny_runs.ENVIRONMENT)
        while process.poll() is None and len([*tmp_path.rglob("*.part")]) <= parts:
            time.sleep(0.01)
        process.kill()
        process.wait()
    subprocess.run([*words, str(out), "--workers", "2"], check=True, env=tiny_runs.ENVIRONMENT)
    same(alone, out)
    assert not list(tmp_path.glob(".*.work"))


def test_bad_places_are_one_line(
    data: dict[str, Path], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "CONNECT", 0.5)  # seconds that nobody answers
    for words, told in (
        (("features", data["store"], "--run", run(), "--out", tmp_path / "a.npz"), "not answer"),
        (("predict", model, data["store"]), "name a file with --out"),
    ):
        done = CliRunner().invoke(app, [*map(str, words), "--scheduler", "tcp://127.0.0.1:1"])
        assert isinstance(done.exception, InputError) and told in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_a_part_of_a_set_has_its_segments(data: dict[str, Path]) -> None:
    from skelf.inference.bulk.blocks import part_of

    whole = ClipSet.open(data["store"])
    for first, last in ((0, 40), (35, 38), (3, 7)):
        some, wanted = part_of(whole, first, last), whole.take(range(first, last))
        assert some.names == wanted.names and some.digest() == wanted.digest()
    assert json.dumps(part_of(whole, 36, 40).segments.tolist()) != "[]"


def test_frames_of_the_file_all_at_once() -> None:
    from skelf.inference.rate import in_file, in_file_all, retimed

    some = generate(clips=4)
    for to in (30.0, 47.0, 15.0):
        moved = retimed(some, np.full(4, to))
        pairs = [(at, frame) for at in range(4) for frame in range(int(moved.length[at]) + 1)]
        index, frame = np.array(pairs).T
        wanted = [in_file(moved, at, n) for at, n in pairs]
        assert in_file_all(moved, index, frame).tolist() == wanted


def test_an_index_of_clips_in_memory_is_that_of_their_store(tmp_path: Path) -> None:
    clips().save(tmp_path / "a.h5")
    folders = [build(data, run(), tmp_path / name, how=HOW)
               for name, data in (("one", clips()), ("two", tmp_path / "a.h5"))]  # fmt: skip
    parts = [sorted(folder.glob("part-*")) for folder in folders]
    assert parts[0]
    for one, other in zip(*parts, strict=True):
        same(one, other)


def test_an_index_of_the_first_version_is_read_and_added_to(tmp_path: Path) -> None:
    clips().take([0, 1, 2]).save(tmp_path / "a.h5")
    clips().take([3]).save(tmp_path / "b.h5")
    folder = build(tmp_path / "a.h5", run(), tmp_path / "index", how=HOW)
    told = json.loads((folder / "index.json").read_text())
    for source in told["sources"]:
        del source["blocks"]
    (folder / "index.json").write_text(json.dumps(told | {"version": 1}))
    lines: list[str] = []
    build(tmp_path / "a.h5", None, folder, say=lines.append)
    assert lines == [f"{tmp_path / 'a.h5'}: in the index already"]
    build(tmp_path / "b.h5", None, folder, add=True)
    assert len(Index.open(folder).manifest.sources) == 2
