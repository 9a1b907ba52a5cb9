"""DeepLabCut's tables, as CSV in its forms and as pandas lays HDF5 out, against one of the test."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.clips import ClipSet
from skelf.data.formats.deeplabcut_file import told
from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.errors import InputError
from skelf.layouts import COCO17

read = by_keys("deeplabcut")
PARTS = ("nose", "leftear", "rightear", "tailbase")
COORDS = ("x", "y", "likelihood")
RNG = np.random.default_rng(0)
# rows, individuals, parts, numbers
VALUES = np.concatenate(
    [RNG.uniform(20, 400, (4, 2, 4, 2)).round(2), RNG.uniform(0.5, 1, (4, 2, 4, 1)).round(3)],
    axis=3,
)
VALUES[2, 1] = np.nan  # the second one is not there
VALUES[1, 0, 3] = np.nan


def columns(persons: tuple[str, ...], coords: tuple[str, ...] = COORDS) -> list[tuple[str, ...]]:
    """Names of the columns; one individual has no line of its own."""
    who = [(name,) for name in persons] if len(persons) > 1 else [()]
    return [("net", *name, part, axis) for name in who for part in PARTS for axis in coords]


def numbers(persons: int = 1, coords: int = 3) -> np.ndarray:
    return VALUES[:, :persons, :, :coords].reshape(4, -1)


def csv(
    persons: tuple[str, ...] = ("one",),
    coords: tuple[str, ...] = COORDS,
    index: tuple[str, ...] = ("0", "1", "2", "3"),
    between: str = ",",
) -> str:
    names = columns(persons, coords)
    levels = ("scorer", "individuals", "bodyparts", "coords")
    levels = levels if len(persons) > 1 else (levels[0], *levels[2:])
    empty = [""] * index[0].count(between)
    rows = [[level, *empty, *parts] for level, parts in zip(levels, zip(*names, strict=True),
                                                            strict=True)]  # fmt: skip
    for name, row in zip(index, numbers(len(persons), len(coords)), strict=True):
        rows.append([name, *("" if np.isnan(v) else f"{v:g}" for v in row)])
    return "\n".join(between.join(row) for row in rows) + "\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def notes(path: Path, **options: Any) -> tuple[ClipSet, str]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clips = read(path, **options)
    return clips, "\n".join(str(warning.message) for warning in said)


def expected(persons: int = 1) -> np.ndarray:
    """`(T, M, V, 3)` with y up, nothing where nothing was found."""
    joints = np.nan_to_num(VALUES[:, :persons]) * [1, -1, 1]
    return joints


def pickled(value: object) -> np.bytes_:
    return np.bytes_(pickle.dumps(value, protocol=0))


def hdf_table(path: Path, names: list[tuple[str, ...]], values: np.ndarray, index: Any) -> Path:
    """As pandas writes format="table", two blocks, the second with the first column."""
    levels = ["scorer", "individuals", "bodyparts", "coords"]
    levels = levels if len(names[0]) == 4 else [levels[0], *levels[2:]]
    kinds = [("index", np.asarray(index).dtype), ("values_block_0", "<f8", (len(names) - 1,)),
             ("values_block_1", "<f4", (1,))]  # fmt: skip
    table = np.zeros(len(values), kinds)  # type: ignore[arg-type]  # NumPy's stubs want lists alike
    table["index"], table["values_block_0"] = index, values[:, 1:]
    table["values_block_1"] = values[:, :1]
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        group.attrs["info"] = pickled({1: {"names": levels, "type": "MultiIndex"}, "index": {}})
        group.attrs["non_index_axes"] = pickled([(1, names)])
        stored = group.create_dataset("table", data=table)
        stored.attrs["values_block_0_kind"] = pickled(names[1:])
        stored.attrs["values_block_1_kind"] = pickled(names[:1])
    return path


def hdf_fixed(path: Path, names: list[tuple[str, ...]], values: np.ndarray, index: Any) -> Path:
    """As pandas writes format="fixed"; rows have three levels of names, or numbers."""
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_("frame")
        group.attrs["nblocks"] = 1
        levels = ["scorer", "individuals", "bodyparts", "coords"]
        levels = levels if len(names[0]) == 4 else [levels[0], *levels[2:]]
        multi(group, "axis0", names, levels)
        multi(group, "block0_items", names, levels)
        if isinstance(index[0], tuple):
            multi(group, "axis1", index, ["", "", ""])
        else:
            group.attrs["axis1_variety"] = np.bytes_("regular")
            group["axis1"] = np.asarray(index)
        group["block0_values"] = values
    return path


def multi(group: h5py.Group, name: str, rows: list[tuple[str, ...]], levels: list[str]) -> None:
    group.attrs[f"{name}_variety"] = np.bytes_("multi")
    group.attrs[f"{name}_nlevels"] = len(rows[0])
    for level, words in enumerate(zip(*rows, strict=True)):
        known = sorted(set(words))
        stored = group.create_dataset(f"{name}_level{level}", data=np.array(known, "S"))
        stored.attrs["name"] = np.bytes_(levels[level] or "N.")
        group[f"{name}_label{level}"] = np.array([known.index(w) for w in words], np.int8)


IMAGES = tuple(f"labeled-data/video/img{i:03d}.png" for i in (5, 6, 7, 8))


def files(folder: Path) -> dict[str, Path]:
    names = columns(("one",))
    parts = [tuple(image.split("/")) for image in IMAGES]
    return {
        "csv": write(folder / "a.csv", csv()),
        "semicolons": write(folder / "b.csv", csv(between=";").replace(".", ",")),
        "images": write(folder / "c.csv", csv(index=IMAGES)),
        "images in three cells": write(
            folder / "d.csv", csv(index=tuple(image.replace("/", ",") for image in IMAGES))
        ),
        "table": hdf_table(folder / "e.h5", names, numbers(), np.arange(4)),
        "table of images": hdf_table(folder / "f.h5", names, numbers(), np.array(IMAGES, "S")),
        "fixed": hdf_fixed(folder / "g.h5", names, numbers(), np.arange(4)),
        "fixed of images": hdf_fixed(folder / "h.h5", names, numbers(), parts),
    }


def test_every_form_gives_the_same_places(tmp_path: Path) -> None:
    for form, file in files(tmp_path).items():
        clips, _ = notes(file, missing="keep", persons=1)
        assert clips.skeleton.names == PARTS, form
        assert clips.confidence, form
        assert np.allclose(clips.clip(0), expected(), atol=1e-4), form
        assert "DeepLabCut" in told(Look.at(Member(file))), form


def test_individuals_are_persons_and_single_parts_are_left_out(tmp_path: Path) -> None:
    text = csv(("one", "two"))
    rows = [line.split(",") for line in text.splitlines()]
    more = [("net", "net", "net"), ("single",) * 3, ("cup",) * 3, COORDS]
    more += [("1", "2", "0.9")] * 4
    several = "\n".join(",".join([*row, *cells]) for row, cells in zip(rows, more, strict=True))
    for file in (
        write(tmp_path / "a.csv", text),
        write(tmp_path / "b.csv", several),
        hdf_table(tmp_path / "c.h5", columns(("one", "two")), numbers(2), np.arange(4)),
    ):
        clips, said = notes(file, missing="keep")
        assert clips.skeleton.names == PARTS
        joints = clips.clip(0)
        first = [int(np.abs(joints[0, m, 0, 0] - VALUES[0, :, 0, 0]).argmin()) for m in (0, 1)]
        assert sorted(first) == [0, 1]
        assert np.allclose(joints[:, first], expected(2), atol=1e-4) or np.allclose(
            joints, expected(2)[:, first], atol=1e-4
        )
        assert ("single" in said) == (file.name == "b.csv")


def test_what_somebody_labelled_is_sure_and_frames_are_those_of_names(tmp_path: Path) -> None:
    images = tuple(image.replace("008", "010") for image in IMAGES)
    file = write(tmp_path / "CollectedData_Me.csv", csv(coords=("x", "y"), index=images))
    clips, said = notes(file, missing="keep", persons=1)
    assert "4 images that somebody labelled, in 6 frames" in said
    assert clips.length.tolist() == [6]  # 5 to 10
    assert clips.clip(0)[0, 0, :, 2].tolist() == [1] * 4
    assert np.allclose(clips.clip(0)[5, 0, :, :2], expected()[3, 0, :, :2], atol=1e-4)
    assert not clips.clip(0)[1, 0, 3].any()


def test_body_parts_of_a_person_are_a_built_in_layout(tmp_path: Path) -> None:
    text = csv(coords=("x", "y"))
    names = COCO17.names
    rows = ["scorer", "bodyparts", "coords"]
    cells = [["net"] * 34, [n for n in reversed(names) for _ in "xy"], ["x", "y"] * 17]
    lines = [",".join([row, *line]) for row, line in zip(rows, cells, strict=True)]
    lines += [",".join([str(i), *map(str, range(i, i + 34))]) for i in range(3)]
    clips, _ = notes(write(tmp_path / "a.csv", "\n".join(lines)))
    assert clips.skeleton.names == names
    assert clips.clip(0)[0, 0, 16, :2].tolist() == [0, -1]  # the last one is the file's first
    with pytest.raises(InputError, match="no joint 'nose'"):
        read(write(tmp_path / "b.csv", text.replace("nose", "snout")), COCO17)


def test_three_dimensions(tmp_path: Path) -> None:
    text = csv().replace("likelihood", "z")
    clips, said = notes(write(tmp_path / "a.csv", text), missing="keep", persons=1)
    want = np.nan_to_num(VALUES[:, 0]) * [1, -1, -1]
    assert np.allclose(clips.clip(0)[:, 0, :, :3], want, atol=1e-4)
    assert "unit is the calibration's" in said


def test_a_folder_has_other_tables_too_and_each_video_once(tmp_path: Path) -> None:
    write(tmp_path / "video.csv", csv())
    hdf_table(tmp_path / "video.h5", columns(("one",)), numbers(), np.arange(4))
    write(tmp_path / "lengths.csv", "a,b\n1,2\n")
    write(tmp_path / "other.csv", csv())
    clips, _ = notes(tmp_path)
    assert clips.names == ["other", "video"]
    write(tmp_path / "third.csv", csv().replace("nose", "chin"))
    with pytest.raises(InputError, match="other joints than the first"):
        notes(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        *("", "scorer,a\n", "bodyparts,a,a\ncoords,x,y\n", csv()[:100], csv().replace("x", "u")),
        csv().replace("\n1,", "\n1,7,"),
        csv().replace("\n1,", "\n0,"),
        csv().replace("\n3,", "\n3,inf,", 1),
        csv()[:-12],
        csv().replace(",20", ",20x"),
    ],
)
def test_damaged_files_are_refused_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(write(tmp_path / "a.csv", text))
    assert "\n" not in str(error.value)


def test_hdf5_that_asks_for_code_or_memory_is_refused(tmp_path: Path) -> None:
    file = hdf_table(tmp_path / "a.h5", columns(("one",)), numbers(), np.arange(4))
    with h5py.File(file, "r+") as opened:
        table = opened["df_with_missing/table"]
        table.attrs["values_block_0_kind"] = np.bytes_(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(InputError, match=r"it asks for 'os\.system'"):
        read(file)
    file = hdf_fixed(tmp_path / "b.h5", columns(("one",)), numbers(), np.arange(4))
    with h5py.File(file, "r+") as opened:
        del opened["df_with_missing/block0_values"]
        opened.create_dataset("df_with_missing/block0_values", (1 << 40, 12), "f8", chunks=True)
    with pytest.raises(InputError, match="cannot hold"):
        read(file)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "table", "fixed of images"])
def test_damaged_copies(form: str, tmp_path: Path) -> None:
    file = files(tmp_path)[form]
    done, refused = survives(lambda path: read(path), file, file, count=2000 if form == "csv" else
                             1000)  # fmt: skip
    assert done > 50 and refused > 50
