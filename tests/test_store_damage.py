"""One changed byte of a store: what comes out is the right clips, or one clear refusal.

Also files that end early, before and after they were opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data import store
from skelf.data.batch import ClipBatches
from skelf.data.check import TABLE
from skelf.data.clips import ClipSet
from skelf.data.splits import without_copies
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.outputs import STORE, check_output


def written(path: Path, seed: int = 0) -> ClipSet:
    """A small store with all that a store can hold."""
    clips = generate(clips=12, recordings=2, cameras=2, seed=seed)
    columns = {"fold": np.arange(len(clips)) % 3, "take_": np.arange(len(clips))}
    few = clips.take(np.arange(len(clips)) % 4 == 0)
    named = ClipSet.build(
        np.concatenate([clip[:5] for clip in map(few.clip, range(len(few)))]),
        [5] * len(few),
        KINECT20,
        class_names=[*few.class_names[:-1], "größe"],
        name=[f"clip {i} é" for i in range(len(few))],
        label=few.label,
        subject=few.subject,
        camera=few.camera,
        splits={"half": np.arange(len(few)) % 3, "other": (np.arange(len(few)) + 1) % 3},
        segments=np.array([[0, 0, 2, 1], [1, 2, 5, 0]]),
        columns={key: values[: len(few)] for key, values in columns.items()},
        attributes={"title": "small", "licence": "free"},
    )
    named.save(path)
    return named


def state(clips: ClipSet) -> tuple[object, ...]:
    """All that clips are, to be compared."""
    table = ("start", "length", "label", "subject", "camera", "setup", "fps", "segments")
    arrays = [getattr(clips, key) for key in table] + [clips.joints]
    grouped = [clips.columns, clips.splits]
    arrays += [group[key] for group in grouped for key in sorted(group)]
    return (
        *((a.shape, a.dtype.str, a.tobytes()) for a in arrays),
        *(sorted(group) for group in grouped),
        *(clips.names, clips.class_names, clips.skeleton, clips.attributes),
    )


def changed(path: Path, positions: Iterator[int], random: np.random.Generator) -> Iterator[str]:
    """Changes one byte after the other of a store and puts it back; gives what came out each time.

    "right", "refused", or what was wrong.
    """
    right, content = state(ClipSet.open(path)), path.read_bytes()
    for at in positions:
        byte = content[at] ^ (
            1 << int(random.integers(8)) if at % 2 else int(random.integers(1, 256))
        )
        copy = path.with_name(f"{at}.h5")  # a new name: HDF5 and the system keep nothing of it
        copy.write_bytes(content[:at] + bytes([byte]) + content[at + 1 :])
        yield _outcome(copy, right, f"byte {at}: {content[at]} -> {byte}")
        copy.unlink()


def _outcome(path: Path, right: tuple[object, ...], what: str) -> str:
    try:
        clips = ClipSet.open(path)
        clips.verify()
        return "right" if state(clips) == right else f"{what}: other clips"
    except InputError as error:
        lines = str(error).splitlines()
        return "refused" if len(lines) == 1 and str(path) in lines[0] else f"{what}: {error}"
    except Exception as error:
        return f"{what}: {type(error).__name__}: {error}"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    written(tmp_path / "whole.h5")
    return tmp_path / "whole.h5"


def place(path: Path, name: str) -> int:
    """Where a dataset's bytes begin."""
    with h5py.File(path) as file:
        return int(file[name].id.get_offset())


def flip(path: Path, at: int, mask: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= mask
    path.write_bytes(content)


@pytest.mark.parametrize("seed", [0])
def test_one_changed_byte(whole: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    positions = iter(random.integers(0, whole.stat().st_size, 60).tolist())
    outcomes = list(changed(whole, positions, random))
    assert set(outcomes) == {"right", "refused"}
    assert len(outcomes) == 60


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_two_thousand_changed_bytes(whole: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    positions = iter(random.integers(0, whole.stat().st_size, 1000).tolist())
    assert set(changed(whole, positions, random)) == {"right", "refused"}


@pytest.mark.parametrize(
    "name",
    [
        *(f"clips/{key}" for key in (*TABLE, "fold")),
        *("splits/half", "segments", "class_names"),
    ],
)
def test_opening_sees_a_changed_byte_in_the_table(whole: Path, name: str) -> None:
    flip(whole, place(whole, name))
    with pytest.raises(InputError, match=f"checksum does not match in {name}; damaged"):
        ClipSet.open(whole)


@pytest.mark.parametrize("text", [b"half", b"fold", b"small", KINECT20.names[3].encode()])
def test_opening_sees_a_changed_name_or_text(whole: Path, text: bytes) -> None:
    content = whole.read_bytes()
    assert content.count(text)
    flip(whole, content.index(text) + 2)
    with pytest.raises(InputError, match=r"damaged or cut off; copy or import it again"):
        ClipSet.open(whole)


def test_whatever_reads_all_joints_verifies_them(whole: Path, tmp_path: Path) -> None:
    flip(whole, place(whole, "joints") + 1001)
    clips = ClipSet.open(whole)  # the joints are not read
    seen = pytest.raises(InputError, match=r"whole\.h5: checksum does not match in joints; damaged")
    with seen:
        clips.verify()
    with seen:
        next(clips.blocks())
    for resident in (True, False):
        with seen:
            ClipBatches(clips, resident=resident)
    with seen:
        without_copies(clips, clips.splits["half"])
    with seen:
        clips.take([1]).save(tmp_path / "part.h5")
    generate(clips=3, seed=5).save(tmp_path / "other.h5")
    for words in (
        ("map", whole, "--layout", "ntu25", "--out", tmp_path / "new.h5"),
        ("join", whole, tmp_path / "other.h5", "--out", tmp_path / "new.h5"),
        ("export", whole, "--out", tmp_path / "new.pkl"),
        ("export", whole, "--out", tmp_path / "new.npz"),
        ("split", whole, "--name", "x", "--by", "random", "--train", "0.5", "--drop-copies"),
        ("check", whole),
    ):
        error = CliRunner().invoke(app, [str(word) for word in words]).exception
        assert isinstance(error, InputError) and "match in joints" in str(error), words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.h5", "whole.h5"]


def test_joints_are_verified_once_in_a_process(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SETTLED", -1)
    hashed: list[int] = []
    real = store._bytes
    monkeypatch.setattr(store, "_bytes", lambda v: hashed.append(v.ndim == 4) or real(v))
    for _ in range(3):
        ClipSet.open(whole).verify()
    assert sum(hashed) == 1
    flip(whole, place(whole, "joints"))  # another file since then
    with pytest.raises(InputError, match="in joints"):
        ClipSet.open(whole).verify()
    monkeypatch.setattr(store, "SETTLED", 60)  # so fresh that it may change within one tick
    flip(whole, place(whole, "joints"))
    for _ in range(2):
        ClipSet.open(whole).verify()
    assert sum(hashed) == 4


def test_a_store_that_is_cut_off_while_it_is_read(whole: Path) -> None:
    clips = ClipSet.open(whole)
    streamed, blocks = ClipBatches(clips, resident=False), clips.blocks(1)
    next(blocks)
    with whole.open("r+b") as file:
        file.truncate(place(whole, "joints") + 300)
    cut = pytest.raises(InputError, match=r"whole\.h5: was cut off while it was read: [\d,]+ bytes")
    for read in (lambda: clips.clip(0), lambda: streamed(np.array([0])), lambda: next(blocks)):
        with cut:
            read()
    with cut:
        clips.take([0]).clip(0)


def test_a_replaced_store_is_read_on(whole: Path) -> None:
    clips = ClipSet.open(whole)
    right = clips.clip(1).copy()
    generate(clips=1, seed=3).save(whole)  # another inode: the map keeps the old one
    np.testing.assert_array_equal(clips.clip(1), right)


def test_a_store_that_is_replaced_while_it_is_opened(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store._values

    def values(path: Path, dataset: h5py.Dataset) -> np.ndarray:
        generate(clips=1, seed=3).save(whole)
        return real(path, dataset)

    monkeypatch.setattr(store, "_values", values)
    with pytest.raises(InputError, match="was replaced while it was opened; open it again"):
        ClipSet.open(whole)


def test_stores_of_old_format_open_and_are_verified(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LIBVER", "earliest")  # as skelf wrote until now
    old = tmp_path / "old.h5"
    ClipSet.open(whole).save(old)
    assert state(ClipSet.open(old)) == state(ClipSet.open(whole))
    store.verify(old)
    store.add_splits(old, {"more": np.ones(len(ClipSet.open(old)), np.int8)})
    assert "more" in ClipSet.open(old).splits
    flip(old, place(old, "clips/label"))
    with pytest.raises(InputError, match="clips/label"):
        ClipSet.open(old)


def of_earlier_version(path: Path) -> None:
    """Writes the store's texts as skelf did before: of variable length, in a heap."""
    with h5py.File(path, "r+") as file:
        items = [file]
        file.visititems(lambda _, item: items.append(item))
        for item in items:
            for key, value in dict(item.attrs).items():
                if isinstance(value, bytes):
                    del item.attrs[key]
                    item.attrs[key] = value.decode()


def test_texts_lie_under_the_checksums_of_the_format(whole: Path) -> None:
    assert b"GCOL" not in whole.read_bytes()
    with h5py.File(whole) as file:
        assert file.attrs["format"] == b"skelf-clips"


def test_a_store_of_an_earlier_version_opens_and_its_heap_is_looked_through(whole: Path) -> None:
    right = state(ClipSet.open(whole))
    of_earlier_version(whole)
    raw = whole.read_bytes()
    heap = raw.find(b"GCOL")
    assert heap > 0 and state(ClipSet.open(whole)) == right
    with pytest.raises(InputError, match="heap of its texts is damaged"):
        flip(whole, heap + 16 + 14)  # the first text is longer than the file
        ClipSet.open(whole)


def test_long_texts_are_kept_and_the_file_is_known_as_a_store(tmp_path: Path) -> None:
    path = tmp_path / "long.h5"
    clips = generate(clips=40)
    replace(clips, attributes={**clips.attributes, "notes": "ä" * 100_000}).save(path)
    assert ClipSet.open(path).attributes["notes"] == "ä" * 100_000
    check_output(path, STORE, replace=True)
