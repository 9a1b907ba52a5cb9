"""Two thousand files with one changed byte: the right result, or one clear error."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from skelf import api
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.report.write import write_report
from skelf.results import fusion

TINY = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, a run on it, and its results with class scores."""
    folder = tmp_path_factory.mktemp("whole")
    generate(clips=48).save(folder / "clips.h5")
    api.pretrain("usdrl", folder / "clips.h5", out=folder / "run", split="xview", overrides=TINY)
    api.evaluate(
        ["knn", "linear"], folder / "run", folder / "clips.h5", split="xview",
        overrides=["eval.linear.epochs=1"], out=folder / "judged" / "rows.json", device="cpu",
    )  # fmt: skip
    return folder


def judged(folder: Path) -> str:
    """The numbers of the run on the store, computed anew."""
    shutil.rmtree(folder / "run" / "features", ignore_errors=True)
    rows = api.evaluate(
        ["knn", "retrieval"], folder / "run", folder / "clips.h5", split="xview", device="cpu"
    )
    return json.dumps([[r[key] for key in ("protocol", "metric", "value", "method", "stream")]
                       for r in rows])  # fmt: skip


def weights(folder: Path) -> str:
    """What a resumed run starts from, to the bit."""
    api.pretrain("usdrl", folder / "clips.h5", out=folder / "run", split="xview",
                 overrides=TINY, resume=True)  # fmt: skip
    encoder = api.load(folder / "run")
    sums = {name: value.double().sum().item() for name, value in encoder.state_dict().items()}
    return json.dumps(sums | {"stream": encoder.stream})


def reported(folder: Path) -> str:
    """The page of the results and their fused scores."""
    _, notes = write_report([folder / "judged" / "rows.json"], folder / "page.html")
    if notes:  # what is left out is named on the page and printed
        raise InputError("; ".join(notes))
    score = folder / "judged" / "rows.linear.scores.npz"
    rows = fusion.fuse([score, score], weights=[1.0, 1.0])
    page = (folder / "page.html").read_text()
    return page + json.dumps([[row["metric"], row["value"]] for row in rows])


CASES: dict[str, tuple[str, int, Callable[[Path], str]]] = {
    "store": ("clips.h5", 800, judged),
    "weights": ("run/checkpoints/*/model.safetensors", 300, weights),
    "config": ("run/checkpoints/*/config.json", 200, weights),
    "state": ("run/checkpoints/*/state.*", 300, weights),
    "rows": ("judged/rows.json", 250, reported),
    "scores": ("judged/*.npz", 150, reported),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_one_changed_byte(case: str, folder: Path) -> None:
    pattern, count, result = CASES[case]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    right = result(folder)
    assert result(folder) == right, "the result is not the same twice"
    rng = np.random.default_rng(len(case))
    files = sorted(folder.glob(pattern))
    assert files
    refused = 0
    for number in range(count):
        path = files[number % len(files)]
        raw = path.read_bytes()
        broken = bytearray(raw)
        at = int(rng.integers(len(raw)))
        broken[at] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(broken))
        try:
            assert result(folder) == right, f"{path.name}: byte {at} changes the result"
        except InputError as error:
            refused += 1
            assert path.name in str(error) or path.parent.name in str(error), str(error)
            assert "\n" not in str(error)
        finally:
            path.write_bytes(raw)
    assert refused > count // 3
