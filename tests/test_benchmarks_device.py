"""The benchmark of a device runs to its end on a CPU, along the way that it takes on a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import device, device_work

ROOT = Path(__file__).parents[1]

GIVEN = {"device": "cpu", "precision": "fp32", "batch": 8, "steps": 2, "clips": 40, "tiny": True}
GIVEN |= {"seconds": 100}


def here(order, limit):
    """As `device.ask`, in this process: the test is about what is measured."""
    found = {}
    device_work.WORK[order["work"]](order, found.update)
    return found


@pytest.mark.slow
def test_every_method_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "ask", here)
    methods = list(device.USUAL)
    page = device.run(methods, tmp_path, GIVEN, [False])
    found = json.loads((tmp_path / "device.json").read_text())
    assert (tmp_path / "device.md").read_text() == page
    assert [row["method"] for row in found["rows"]] == methods
    for row, epochs in zip(found["rows"], (451, 300, 451), strict=True):
        assert row["batch"] == 8 and row["steps"] == 2 and row["epochs"] == epochs
        assert row["clips/s"] == pytest.approx(8 / row["s/step"])
        assert all(row[f"{part} s"] > 0 for part in device.PARTS)
        assert row["share of peak"] == pytest.approx(
            row["flops"] / row["s/step"] / found["peaks"]["fp32"]
        )
        assert row["hours of NTU-60"] == pytest.approx(epochs * 5012 * row["s/step"] / 3600)
        assert 0 < row["wait share"] < 1 and 0 <= row["streamed wait share"] < 1
        assert row["features clips/s"] > 0 and row["limit"] and "error" not in row
        assert f"| {row['method']} | no | 8 |" in page
    assert found["peaks"]["bf16"] > 0 and found["peaks"]["copy"] > 0
    assert found["search"]["knn s"] > 0 and found["search"]["retrieval s"] > 0


@pytest.mark.slow
def test_the_command_runs(tmp_path):
    words = ["skeletonclr", "--tiny", "--device", "cpu", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.device", *words],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "device.json").read_text())
    (row,) = found["rows"]
    assert row["method"] == "skeletonclr" and row["clips/s"] > 0 and "error" not in row
    assert found["search"]["knn s"] > 0
    assert done.stdout.rstrip() == (tmp_path / "device.md").read_text().rstrip()


def test_what_fails_becomes_a_row(tmp_path, monkeypatch):
    def fails(order, limit):
        if order["work"] == "method":
            return {"batch": 8, "error": "torch.OutOfMemoryError: CUDA out of memory."}
        return here(order, limit)

    monkeypatch.setattr(device, "ask", fails)
    page = device.run(["usdrl"], tmp_path, GIVEN, [False, True])
    assert page.count("not measured: torch.OutOfMemoryError: CUDA out of memory.") == 2
    assert "| usdrl | yes | 8 |" in page


def test_a_process_that_fails_or_takes_too_long_leaves_what_it_answered(monkeypatch):
    order = {"work": "method", "method": "usdrl", "compile": False} | GIVEN
    assert device.ask(order, 0.05) == {"error": "stopped after 0 s"}
    monkeypatch.setattr(device.sys, "executable", "/bin/false")
    assert device.ask(order, 9) == {"error": device.KILLED}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "memory traffic and small kernels: 20.0% of the peak, with the host ahead (50%)"),
        ({"share of peak": 0.5}, "compute: 50% of the measured peak"),
        ({"host share": 0.97}, "launches: the host needs 97% of"),
        ({"wait share": 0.1}, "data: it waits for batches 10% of the time; memory"),
        ({"views s": 0.05}, "views: they take 50% of the time; memory"),
        ({"compile failed": "no gcc"}, "(50%); not compiled: no gcc"),
        ({"error": "stopped after 9 s"}, "(50%); not complete: stopped after 9 s"),
    ],
)
def test_what_limits_a_step(changes, sentence):
    row = {"s/step": 0.1, "share of peak": 0.2, "wait share": 0.01, "views s": 0.01}
    assert sentence in device.limited(row | {"host share": 0.5} | changes, cuda=True)


def test_time_that_is_up_ends_an_epoch(tmp_path):
    found = {}
    order = {"method": "usdrl", "compile": False} | GIVEN | {"steps": 9, "seconds": 0}
    device_work.method(order, found.update)
    assert found["steps"] == 2 and found["streamed wait share"] >= 0
