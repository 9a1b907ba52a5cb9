"""Every script of `examples/` runs, says what it should, and is shown on the page of examples."""

from __future__ import annotations

import json
import os
import re
import runpy
import warnings
from pathlib import Path

import matplotlib
import pytest
import torch

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
# What a run prints, as a pattern: figures differ from processor to processor.
PRINTED = {
    "detection": r"at overlap 0\.5: \d+\.\d%\n.*\d+\.\d%\n(.*\n)+what was found:\n  frames ",
    "own_data": r"20 clips, \d+ frames, 3 joints\nsplit: 14 train, 6 test\n",
    "own_encoder": r"(retrieval \S+: \d+\.\d% pretrained, \d+\.\d% untrained\n)+",
    "own_knn": r"5-NN: \d+\.\d% of 48 clips right \(chance 8\.3%\)\n(\S+ is nearest to .*\n){3}",
    "replay": r'(\{"t": \d+\.\d+, "joints": \{"HipCenter": \[[-\d., ]+\], .*\}\}\n){20}',
    "pretrain_loop": r"(epoch \d: loss \d+\.\d+\n){4}the encoder gives 64 numbers a clip\n",
}


def test_every_script_has_its_pattern() -> None:
    assert {script.stem for script in SCRIPTS} == set(PRINTED)


LONG = ("detection", "own_knn")  # ten seconds each


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in PRINTED]
)
def test_example(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [f"{name}.py"])
    with torch.random.fork_rng():
        runpy.run_path(str(ROOT / f"examples/{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert re.search(PRINTED[name], printed), printed
    if name == "pretrain_loop":
        losses = [float(text) for text in re.findall(r"loss (\S+)", printed)]
        assert losses[0] > min(losses[1:])
    assert os.listdir(tmp_path) == []  # nothing is left where it was called


@pytest.mark.slow
def test_the_notebook_runs_as_it_stands_and_shows_what_came_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = json.loads((ROOT / "examples/five_minutes.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5 and all(cell["outputs"] for cell in cells)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    names: dict[str, object] = {}
    with torch.random.fork_rng(), warnings.catch_warnings():
        for cell in cells:
            exec("".join(cell["source"]), names)
    printed = capsys.readouterr().out
    assert re.search(r"expected accuracy \d+\.\d%, 95 % interval", printed), printed
    assert printed.count("recording_") >= 11  # hits, and segments that were discovered
    assert os.listdir(tmp_path) == []


def test_own_data_writes_to_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["own_data.py", str(tmp_path / "new")])
    runpy.run_path(str(ROOT / "examples/own_data.py"), run_name="__main__")
    assert sorted(os.listdir(tmp_path / "new")) == ["arms.h5", "clip.html"]


def test_the_page_shows_every_script_from_its_file() -> None:
    page = (ROOT / "docs/examples.md").read_text(encoding="utf-8")
    shown = re.findall(r'^--8<-- "examples/(\w+)\.py"$', page, flags=re.M)
    assert sorted(shown) == sorted(PRINTED)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_is_a_page_long(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 90
