"""Rows of results: whatever byte of them changes, no other number comes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from report_runs import put_rows, row

from skelf.bench.cell import Cell
from skelf.bench.table import tidy
from skelf.errors import InputError
from skelf.report.gather import gather
from skelf.results.rows import read_rows, verify, write_rows


def told(path: Path) -> list[tuple[object, ...]]:
    """What a report takes of a file."""
    rows = gather([path]).rows
    return [(r.setup, r.untrained, r.protocol, r.metric, r.selection, r.value) for r in rows]


def cell_of(path: Path) -> Cell:
    name = path.stem.removeprefix("results_")
    about = {"row": "PCM3++", "label": "linear", "show": []}
    return Cell("judge", path.parent, name, "a cell", {}, {}, about=about)


def test_rows_come_back_and_pass(tmp_path: Path) -> None:
    odd = row(1 / 3) | {"config": {1: [0.1, None], 10: "ä\udc80", 2: (1e-300, True)}}
    write_rows(tmp_path / "results.json", [row(0.25), odd])
    first, second = read_rows(tmp_path / "results.json")
    verify(first)
    verify(second)
    assert first["value"] == 0.25 and second["config"]["10"] == "ä\udc80"


def test_one_changed_byte_is_never_another_number(tmp_path: Path) -> None:
    path = tmp_path / "results_linear.json"
    write_rows(path, [row(0.125), row(0.25, protocol="knn", untrained=True)])
    right, table = told(path), tidy([cell_of(path)], tmp_path)
    raw, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for at in rng.integers(len(raw), size=150):
        broken = bytearray(raw)
        broken[at] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(broken))
        try:
            assert all(entry in right for entry in told(path)), f"byte {at}: another number"
        except InputError as error:  # nothing is left to be shown
            assert path.name in str(error) and "\n" not in str(error)
        try:
            assert tidy([cell_of(path)], tmp_path) == table, f"byte {at}: another table"
        except InputError as error:
            refused += 1
            assert path.name in str(error) and "\n" not in str(error)
    assert refused > 100


def test_a_changed_row_is_a_note_and_the_others_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_rows(path, [row(0.125), row(0.25, protocol="knn")])
    path.write_text(path.read_text().replace("0.125", "0.925"))
    evidence = gather([path])
    assert [r.value for r in evidence.rows] == [0.25]
    assert "row 0: changed since it was written; judge again" in evidence.notes[0]


@pytest.mark.parametrize("field", ["stream", "split", "seed", "definition", "clips"])
def test_whatever_a_row_says_is_guarded(tmp_path: Path, field: str) -> None:
    write_rows(tmp_path / "results.json", [row(0.5) | {"clips": 12}])
    (changed,) = json.loads((tmp_path / "results.json").read_text())
    changed[field] = "x"
    with pytest.raises(ValueError, match="changed"):
        verify(changed)


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    path = put_rows(tmp_path / "results_linear.json", row(0.5))
    assert [r.value for r in gather([path]).rows] == [0.5]
    assert tidy([cell_of(path)], tmp_path)[0]["value"] == 0.5
