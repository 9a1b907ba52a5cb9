"""The comparison of `benchmarks.same` sees what differs, and passes over times and versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmarks.same_compare import compare, compare_features
from benchmarks.same_steps import RUNS, steps
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS


def write(folder: Path, **changes: Any) -> Path:
    """A folder with a file of each kind."""
    held = {"value": 0.5, "seconds": 1.0, "weight": 1.0, "store": 2, "name": "a", "scores": 3.0}
    held |= changes
    folder.mkdir()
    row = {"value": held["value"], "seconds": held["seconds"], "versions": {"x": held["seconds"]}}
    (folder / "rows.json").write_text(json.dumps([row]))
    (folder / "log.jsonl").write_text(json.dumps({"loss": 1.0, "wait_share": held["seconds"]}))
    (folder / "table.csv").write_text(f"value,seconds\n{held['value']},{held['seconds']}\n")
    save_file({"w": torch.full((3,), held["weight"])}, folder / "model.safetensors")
    np.savez(folder / "rows.npz", scores=np.full(2, held["scores"]), row=json.dumps(row))
    with h5py.File(folder / "clips.h5", "w") as file:
        file["joints"] = np.full(4, held["store"])
        file.attrs["name"] = held["name"]
    return folder


def test_times_and_versions_do_not_count(tmp_path: Path) -> None:
    compared = compare(write(tmp_path / "a"), write(tmp_path / "b", seconds=2.0))
    assert str(compared) == "equal (6)"


@pytest.mark.parametrize(
    ("change", "files", "largest"),
    [
        ({"value": 0.5 + 1e-12}, 3, 1e-12),
        ({"weight": 1.5}, 1, 0.5),
        ({"store": 3}, 1, 1.0),
        ({"name": "b"}, 1, 0.0),
        ({"scores": 3.25}, 1, 0.25),
    ],
)
def test_a_difference_counts(
    change: dict[str, Any], files: int, largest: float, tmp_path: Path
) -> None:
    compared = compare(write(tmp_path / "a"), write(tmp_path / "b", **change))
    assert len(compared.differences) == files
    assert compared.largest == pytest.approx(largest, rel=1e-3)
    assert str(compared).startswith("DIFFERS")


def test_a_file_that_is_missing_counts(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a"), write(tmp_path / "b")
    (other / "clips.h5").unlink()
    assert compare(one, other).differences == ["clips.h5: only one side has it"]
    assert str(compare(tmp_path / "none", tmp_path / "none")).startswith("DIFFERS")


def test_features_may_have_other_names(tmp_path: Path) -> None:
    for name, file, value in (("a", "x", 1.0), ("b", "y", 1.0), ("c", "x", 2.0)):
        (tmp_path / name).mkdir()
        save_file({"f": torch.full((3,), value)}, tmp_path / name / f"{file}.safetensors")
    assert str(compare_features(tmp_path / "a", tmp_path / "b")) == "equal (1)"
    assert str(compare_features(tmp_path / "a", tmp_path / "c")).startswith("DIFFERS")


def test_every_method_and_protocol_is_in_the_plan() -> None:
    plan = steps(None)
    assert len({step.name for step in plan}) == len(plan)
    assert {settings[0] for settings in RUNS.values()} == set(METHODS)
    judged = {name for step in plan if step.words[0] == "eval" for name in step.words[1].split(",")}
    assert judged == set(PROTOCOLS)
