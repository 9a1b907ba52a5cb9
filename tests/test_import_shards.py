"""A folder imported into shards, by any number of workers, is what reading it at once gives."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from import_folders import FOLDERS

from skelf.cluster import Done
from skelf.data.annotations.options import Annotations
from skelf.data.auto import Found
from skelf.data.clips import ClipSet
from skelf.data.importing import import_shards, piece, records
from skelf.data.importing.chunks import chunks
from skelf.data.importing.listed import listing_of
from skelf.data.importing.notes import PROBLEMS
from skelf.data.importing.signs import signature
from skelf.data.readers import LISTINGS, READERS
from skelf.data.reading import read, reader_arguments
from skelf.errors import InputError
from skelf.locks import locked

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def listing(format_: str, path: Path, *words: str, layout: str | None = None):
    return listing_of(Found(format_, "", (path,)), layout, words)[0]


def same(clips: ClipSet, whole: ClipSet) -> None:
    """Every field, to the bit."""
    for key in ("start", "length", "label", "subject", "camera", "setup", "fps", "name"):
        mine, theirs = getattr(clips, key), getattr(whole, key)
        assert mine.dtype.kind == theirs.dtype.kind
        np.testing.assert_array_equal(mine, theirs, key)
    assert clips.class_names == whole.class_names
    assert clips.skeleton == whole.skeleton
    assert clips.attributes == whole.attributes
    np.testing.assert_array_equal(clips.segments, whole.segments)
    for mine, theirs in ((clips.splits, whole.splits), (clips.columns, whole.columns)):
        assert mine.keys() == theirs.keys()
        for key, values in theirs.items():
            np.testing.assert_array_equal(mine[key], values, key)
    joints = clips.joints[: len(clips.joints)]
    assert joints.shape == whole.joints.shape
    assert joints.tobytes() == np.asarray(whole.joints).tobytes()


def test_every_format_has_a_folder() -> None:
    assert FOLDERS.keys() == set(LISTINGS.built_in)
    assert set(READERS.built_in) - FOLDERS.keys() == {"arrays", "pyskl", "h36m", "coco"}


@pytest.mark.parametrize("format_", FOLDERS)
def test_shards_are_what_reading_at_once_gives(format_: str, tmp_path: Path) -> None:
    write, words = FOLDERS[format_]
    data = tmp_path / "data"
    data.mkdir()
    write(data)
    whole = read(format_, data, None, reader_arguments(format_, words))
    assert len(whole) > 2
    for files in (1, 2, 1000):
        made = import_shards(
            listing(format_, data, *words), tmp_path / f"{files}", format_, files=files
        )
        same(made.clips, whole)
        assert not made.problems and not (tmp_path / f"{files}" / PROBLEMS).exists()
        assert made.shards == 1 or files < 1000
        assert not [*(tmp_path / f"{files}").rglob("*.tmp")]


def people(folder: Path, count: int = 12) -> Path:
    """Files of CSV whose names say class, subject and camera."""
    data = folder / "data"
    data.mkdir()
    FOLDERS["csv"][0](data)
    text = (data / "walk" / "S3_C1.csv").read_text()
    for at in range(count - 4):
        (data / "walk" / f"S{10 + at}_C{at}.csv").write_text(text)
    return data


def put(data: Path, out: Path, *words: str, format_: str = "csv", **options):
    return import_shards(listing(format_, data, *words), out, format_, **options)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers: int, tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    done = []
    made = put(data, out, workers=workers, files=3, progress=lambda *args: done.append(args))
    same(made.clips, read("csv", data))
    assert done[0] == (0, 12) and done[-1] == (12, 12) and done == sorted(done)
    assert sorted(p.name for p in out.glob("*.h5")) == [f"shard-0000{i}.h5" for i in range(4)]
    assert len(ClipSet.open(out / "shard-00001.h5")) == 3


def test_annotations_are_of_all_clips(tmp_path: Path) -> None:
    data = people(tmp_path)
    names = read("csv", data).names
    table = ["name,label,subject", *(f"{name},{'ab'[i % 2]},{i}" for i, name in enumerate(names))]
    (tmp_path / "who.csv").write_text("\n".join(table))
    said = Annotations(labels=str(tmp_path / "who.csv"))
    whole = said.applied(read("csv", data))
    same(put(data, tmp_path / "set", files=2, annotations=said).clips, whole)
    assert {"a", "b"} < {*whole.class_names} and whole.subject.tolist() == [*range(12)]


def count_made(monkeypatch) -> list[str]:
    """Names of the shards that are written from now on."""
    made: list[str] = []
    save = ClipSet.save
    monkeypatch.setattr(
        ClipSet, "save", lambda c, path: (made.append(Path(path).name), save(c, path))
    )
    return made


def test_what_is_there_is_not_made_again(tmp_path: Path, monkeypatch) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    put(data, out, files=3)
    made = count_made(monkeypatch)
    again = put(data, out, files=3)
    assert not made and again.there == again.shards == 4
    same(again.clips, read("csv", data))
    changed = sorted(data.rglob("*.csv"))[4]
    changed.write_text(changed.read_text().replace("0.5", "0.25"))
    again = put(data, out, files=3)
    assert made == ["shard-00001.h5"] and again.there == 3
    same(again.clips, read("csv", data))
    (out / "shard-00002.h5").write_bytes(b"cut off")
    put(data, out, files=3)
    assert made == ["shard-00001.h5", "shard-00002.h5"]
    for file in sorted(data.rglob("*.csv"))[5:]:
        file.unlink()
    again = put(data, out, files=3)  # of what is gone nothing stays
    same(again.clips, read("csv", data))
    assert len([*out.glob("shard-*")]) == 2
    assert len([*(out / "columns").iterdir()]) == len({*(out / "columns").iterdir()}) <= 12


def test_a_class_more_changes_the_numbers_in_all_shards(tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    put(data, out, files=3)
    (data / "aaa").mkdir()
    (data / "walk" / "S3_C1.csv").rename(data / "aaa" / "S3_C1.csv")
    same(put(data, out, files=3).clips, read("csv", data))


def test_after_a_kill_the_rest_is_done(tmp_path: Path, monkeypatch) -> None:
    data, out = people(tmp_path), tmp_path / "set"

    class Killed(Exception):  # noqa: N818
        pass

    class Crew:
        places = 1

        def each(self, fn, items):
            for at, item in enumerate(items):
                if at == 2:
                    raise Killed
                yield Done(at, fn(item), "")

    with monkeypatch.context() as context:
        context.setattr("skelf.data.importing.run.gathered", partial(_given, Crew()))
        with pytest.raises(Killed):
            put(data, out, files=3)
    with pytest.raises(InputError):
        ClipSet.open(out)
    made = count_made(monkeypatch)
    same(put(data, out, files=3).clips, read("csv", data))
    assert made == ["shard-00002.h5", "shard-00003.h5"]


class _given:  # noqa: N801  a context manager
    def __init__(self, crew, *_, **__) -> None:
        self.crew = crew

    def __enter__(self):
        return self.crew

    def __exit__(self, *_) -> None:
        pass


def test_files_that_cannot_be_read_are_left_out_and_listed(tmp_path: Path, monkeypatch) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    files = sorted(data.rglob("*.csv"))
    kept = tmp_path / "kept"
    for at in (1, 2, 7):
        files[at].write_text("no table\n")
    tried: list[str] = []
    reading = piece._tried
    monkeypatch.setattr(
        piece,
        "_tried",
        lambda items, r: (tried.extend(i.member.base for i in items), reading(items, r))[1],
    )
    made = put(data, out, files=4)
    assert [Path(file) for file, _ in made.problems] == [files[1], files[2], files[7]]
    for at in (1, 2, 7):
        assert tried.count(files[at].name) == 2, "a damaged file is tried twice"
    lines = (out / PROBLEMS).read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(files[at]) for at in (1, 2, 7)]
    assert all("no table" in line or "row" in line or "column" in line for line in lines)
    bad = [files[at].rename(tmp_path / f"bad{at}") for at in (1, 2, 7)]
    whole = read("csv", data)
    same(made.clips, whole)
    assert not kept.exists() and bad
    # Mended, they come in, and the list goes.
    for at, file in zip((1, 2, 7), bad, strict=True):
        file.write_text(files[0].read_text())
        file.rename(files[at])
    made = put(data, out, files=4)
    same(made.clips, read("csv", data))
    assert not made.problems and not (out / PROBLEMS).exists()


def deadly(items, /, *, name: str, read, **rest):
    """Ends its process where a file of that name is among the items; as damaged libraries do."""
    if any(item.name.endswith(name) for item in items):
        os._exit(9)
    return read(items, **rest)


def faulty(items, /, *, name: str, read, **rest):
    if any(item.name.endswith(name) for item in items):
        raise ZeroDivisionError("by zero")
    return read(items, **rest)


def test_a_file_that_takes_its_worker_with_it(tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    whole = listing("csv", data)
    bad = replace(whole, read=partial(deadly, name="S11_C1", read=whole.read))
    made = import_shards(bad, out, "csv", workers=2, files=4)
    file = data / "walk" / "S11_C1.csv"
    assert [name for name, _ in made.problems] == [str(file)]
    assert "took its worker with it" in made.problems[0][1]
    file.unlink()
    same(made.clips, read("csv", data))


def test_a_fault_of_the_reader_is_the_file_s_problem(tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    whole = listing("csv", data)
    bad = replace(whole, read=partial(faulty, name="S11_C1", read=whole.read))
    made = import_shards(bad, out, "csv", files=4)
    file = data / "walk" / "S11_C1.csv"
    assert made.problems == (
        (str(file), f"{file}: ZeroDivisionError: by zero (report this, please)"),
    )
    file.unlink()
    same(made.clips, read("csv", data))


def test_one_file_of_other_joints_takes_none_with_it(tmp_path: Path) -> None:
    """As a whole import it is refused; each file alone is fine."""
    data = tmp_path / "data"
    data.mkdir()
    FOLDERS["azure"][0](data)
    files = sorted(data.rglob("*.json"))
    content = json.loads(files[2].read_text())
    for frame in content["frames"]:
        for body in frame["bodies"]:
            body["joint_positions"] = body["joint_positions"][:25]
    files[2].write_text(json.dumps(content))
    with pytest.raises(InputError):
        read("azure", data)
    for number in (1, 2, 4):
        made = put(data, tmp_path / f"{number}", format_="azure", files=number)
        assert [file for file, _ in made.problems] == [str(files[2])]
        assert len(made.clips) == 3


def test_no_readable_file_is_one_line(tmp_path: Path) -> None:
    data = people(tmp_path)
    with pytest.raises(InputError, match=r"none of the 12 files could be read, as .*problems.txt"):
        for file in data.rglob("*.csv"):
            file.write_text("no table\n")
        put(data, tmp_path / "set", files=5)


def test_a_word_that_no_file_has_is_refused_at_the_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    FOLDERS["bvh"][0](data)
    for words in (("drop=Tail",), ('rename={"Tail" = "End"}',)):
        with pytest.raises(InputError, match=r"no file has the joint '[Tt]ail'"):
            put(data, tmp_path / words[0][:4], *words, format_="bvh", files=1)
    made = put(data, tmp_path / "set", "drop=RightFoot", format_="bvh", files=1)
    how = reader_arguments("bvh", ["drop=RightFoot"])
    same(made.clips, read("bvh", data, None, how))


def test_two_imports_into_one_folder(tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    other = partial(locked, out, ".import.lock", busy="", unwritable="")
    with other(), pytest.raises(InputError, match="another import writes here"):
        put(data, out)


def test_somebody_elses_folder_and_other_settings(tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"not written by `skelf data import` \(there is thesis"):
        put(data, out, replace=True)
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]
    (out / "thesis.tex").unlink()
    put(data, out, settings={"options": []}, files=3)
    with pytest.raises(InputError, match=r'imported with options nothing, now \["threshold=1"\]'):
        put(data, out, settings={"options": ["threshold=1"]})
    made = put(data, out, settings={"options": ["threshold=1"]}, replace=True)
    assert made.there == 0 and made.shards == 1 and len([*out.glob("shard*")]) == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file; name a folder"):
        put(data, tmp_path / "file")


def test_a_full_disk_ends_it_at_once(tmp_path: Path, monkeypatch) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    tried = []

    def full(clips, path):
        tried.append(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as context:
        context.setattr(ClipSet, "save", full)
        with pytest.raises(OSError, match=r"No space left on device: .*shard-00000.h5"):
            put(data, out, files=3)
    assert len(tried) == 1
    same(put(data, out, files=3).clips, read("csv", data))


def test_chunks_follow_from_the_files_alone(tmp_path: Path) -> None:
    data = people(tmp_path)
    items = listing("csv", data).items
    cut = [*chunks(items, "", files=5)]
    assert [len(chunk.items) for chunk in cut] == [5, 5, 2]
    assert [chunk.name for chunk in cut] == [f"shard-0000{i}.h5" for i in range(3)]
    assert [len(c.items) for c in chunks(items, "", size=1)] == [1] * 12
    size = items[0].member.size
    assert len([*chunks(items, "", size=3 * size)]) in (4, 5, 6)
    again = [*chunks(listing("csv", data).items, "", files=5)]
    assert [chunk.sign for chunk in again] == [chunk.sign for chunk in cut]
    assert len({chunk.sign for chunk in [*cut, *chunks(items, "other", files=5)]}) == 6


def test_a_signature_has_everything_in_it() -> None:
    def one() -> None: ...

    def two() -> None: ...

    things = [1, 1.5, "1", b"1", None, (1,), [1], {1}, {1: 2}, Path("1"), np.ones(2),
              np.ones((2, 1)), one, two, partial(one, 1), partial(one, a=1), Annotations(),
              Annotations(labels="a"), reader_arguments("amc", ())[0]]  # fmt: skip
    assert len({signature(thing) for thing in things}) == len(things)
    assert signature({"a": {"x", "y", "z"}}) == signature({"a": {"z", "y", "x"}})


def test_records_that_are_damaged_are_none(tmp_path: Path) -> None:
    data, out = people(tmp_path), tmp_path / "set"
    put(data, out, files=3)
    chunk = next((out / "import").glob("shard-*.json"))
    sign = json.loads(chunk.read_text())["sign"]
    name = f"{chunk.stem}.h5"
    assert records.read(out, name, sign) is not None
    assert records.read(out, name, "other") is None
    for text in ("", "{}", "[]", "null", '{"format": "skelf-import"}', chunk.read_text()[:-40]):
        chunk.write_text(text)
        assert records.read(out, name, sign) is None
    same(put(data, out, files=3).clips, read("csv", data))


def test_formats_of_one_file_are_read_as_one(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.random.default_rng(0).normal(size=(8, 20, 3)).astype(np.float32))
    found = Found("arrays", "", (file,))
    whole = read("arrays", file, "kinect20")
    items, why = listing_of(found, "kinect20", ())
    assert why == "a file of arrays is a set of clips" and len(items.items) == 1
    for _ in range(2):
        made = import_shards(items, tmp_path / "set", "arrays")
        same(made.clips, whole)
    assert made.there == made.shards == 1
    with pytest.raises(InputError, match=r"has no options|unknown|no option"):
        listing_of(found, None, ("speed=3",))
