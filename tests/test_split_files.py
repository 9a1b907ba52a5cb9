"""Splits that others made: arrays of (splits, clips), tables and lists of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.data.split_files import read_splits
from skelf.errors import InputError
from skelf.skeleton import Skeleton

STICK = Skeleton(("hip", "head"), (-1, 0), (), {"body": (0, 1)}, 0)
ROWS = np.array([[1, 2, 0, 1], [2, 1, 1, 0]])


def clips() -> ClipSet:
    return ClipSet.build(np.ones((8, 1, 2, 3)), [2] * 4, STICK, name=["s/a", "s/b", "t/c", "t/d"])


def sides(path: Path) -> dict[str, list[int]]:
    return {key: side.tolist() for key, side in read_splits(clips(), path, "x").items()}


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float32])
def test_arrays(kind: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS.astype(kind))
    expected = {"x_0": [1, 2, 0, 1], "x_1": [2, 1, 1, 0]}
    assert sides(tmp_path / "a.npy") == expected
    np.savez(tmp_path / "a.npz", folds=ROWS.astype(kind))
    assert sides(tmp_path / "a.npz") == expected
    np.save(tmp_path / "b.npy", ROWS[0].astype(kind))
    assert sides(tmp_path / "b.npy") == {"x": [1, 2, 0, 1]}
    np.savez(tmp_path / "b.npz", one=ROWS[0], both=ROWS)
    assert list(sides(tmp_path / "b.npz")) == ["x_one", "x_both_0", "x_both_1"]


def test_booleans(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS == 1)
    assert sides(tmp_path / "a.npy") == {"x_0": [1, 2, 2, 1], "x_1": [2, 1, 1, 2]}


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (ROWS[:, :3], r"shape \(2, 3\), expected \(splits, 4\) or \(4,\)"),
        (ROWS.T, r"shape \(4, 2\), expected .*; turn it \(array.T\)"),
        (ROWS[None], "expected .splits, 4"),
        (ROWS[:0], "expected .splits, 4"),
        (ROWS + 1, "use 0 .unused., 1 .train., 2 .test."),
        (ROWS / 3, "use 0 .unused., 1 .train., 2 .test."),
        (np.full((1, 4), "train"), "use 0 .unused., 1 .train., 2 .test."),
        (np.array([0, 1, 0, 1]), "holds 0 and 1 alone, .* booleans"),
        (np.array([2, 2, 0, 2]), "split 'x': no clip trains"),
        (np.array([True] * 4), "split 'x': no clip tests"),
        (np.array([[1, 2, 1, 2], [1, 1, 1, 1]]), "split 'x_1': no clip tests"),
        (np.array([{}, 1, 2, 3], object), "an object array"),
    ],
)
def test_arrays_that_do_not_hold(array: Any, match: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=rf"a\.npy: .*{match}"):
        sides(tmp_path / "a.npy")


def test_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n\nt/d.csv\n")
    assert sides(tmp_path / "a.txt") == {"x": [1, 2, 2, 1]}
    (tmp_path / "a.csv").write_text("file,split\na,train\nb,Test\nt/c,val\nt/d,train\n")
    assert sides(tmp_path / "a.csv") == {"x": [1, 2, 0, 1]}
    (tmp_path / "a.csv").write_text("name;Fold 1;fold2\na;train;test\nb;test;train\nt;1;2\n")
    assert sides(tmp_path / "a.csv") == {"x_fold_1": [1, 2, 1, 1], "x_fold2": [2, 1, 2, 2]}


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.txt", "a\nq\n", "line 2: no clip 'q'; clips are called s/a, s/b"),
        ("a.txt", "a\ns/a\n", "line 2: 's/a' comes twice"),
        ("a.txt", "s\nt\n", "no clip tests"),
        ("a.txt", "", "empty"),
        ("a.csv", "name,split\na,trian\n", "line 2: unknown side 'trian': did you mean 'train'"),
        ("a.csv", "name\na\n", "expected a column 'name' or 'file' and one for each split"),
        ("a.csv", "clips,split\na,train\n", "expected a column 'name' or 'file'"),
        ("a.json", "[]", "use .npy, .npz, .csv or .txt"),
        ("a.npy", "no", "not an .npz or .npy file"),
    ],
)
def test_files_that_do_not_hold(name: str, text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=rf"{name}: .*{match}"):
        sides(tmp_path / name)


def test_the_command(tmp_path: Path) -> None:
    store, file = tmp_path / "a.h5", tmp_path / "a.npy"
    clips().save(store)
    np.save(file, ROWS)

    def call(*words: object) -> Any:
        return CliRunner().invoke(app, ["split", str(store), *map(str, words)])

    done = call("--name", "fold", "--from", file)
    assert "split fold_0: 2 train, 1 test" in " ".join(done.output.split())
    splits = ClipSet.open(store).splits
    assert splits["fold_1"].tolist() == ROWS[1].tolist() and set(splits) == {"fold_0", "fold_1"}
    call("--name", "fold", "--from", file, "--drop-copies")  # all frames are equal
    assert ClipSet.open(store).splits["fold_0"].tolist() == [1, 0, 0, 1]
    for words, match in (
        ((), "--by and --train say what trains, .* or --from"),
        (("--by", "camera"), "--by and --train"),
        (("--from", file, "--by", "camera"), "leave --by, --train and --test out"),
        (("--from", file, "--test", "1"), "leave --by, --train and --test out"),
        (("--from", tmp_path / "no.npy"), "no such file"),
    ):
        with pytest.raises(InputError, match=match):
            raise call("--name", "y", *words).exception
    with pytest.raises(InputError, match="cannot name a column or split"):
        raise call("--name", "a b", "--from", file).exception
    assert set(ClipSet.open(store).splits) == {"fold_0", "fold_1"}
