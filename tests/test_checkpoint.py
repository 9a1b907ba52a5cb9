"""Checkpoints: exact, atomic under kill -9 and a full disk, and never a pickle that runs code."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from skelf.checkpoints import folder as checkpoint
from skelf.errors import InputError
from skelf.training.state import optimizer_state, optimizer_tensors

ROOT = Path(__file__).parents[1]


def write(folder, value=1.0, step=0, size=1000):
    return checkpoint.save(
        folder,
        tensors={"w": torch.full((size,), float(value))},
        config={"method": {"name": "usdrl"}},
        card="# card\n",
        state_tensors={"m": torch.full((size,), float(value))},
        state={"step": step},
    )


def run_python(code, *args, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], env=environment, text=True, **options
    )


def test_save_and_read_back_exactly(tmp_path):
    tied = torch.randn(3, 4)
    tensors = {
        "a": tied,
        "b": tied,
        "transposed": tied.T,
        "slice": torch.arange(10)[2:4],
        "half": torch.randn(3).bfloat16(),
        "flag": torch.tensor(True),
        "trained": nn.Parameter(torch.randn(2)),
    }
    folder = checkpoint.save(
        tmp_path / "run" / "checkpoints" / "step00000001",
        tensors=tensors,
        config={"x": 0.1},
        card="card",
    )
    read = checkpoint.read_tensors(folder)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[k], tensors[k]) and read[k].dtype == tensors[k].dtype for k in read)
    assert checkpoint.read_config(folder) == {"x": 0.1}
    assert (folder / "README.md").read_text() == "card"
    assert os.listdir(folder.parent) == [folder.name]
    with pytest.raises(InputError, match="weights only"):
        checkpoint.read_state(folder)


def test_saving_over_a_checkpoint_replaces_it(tmp_path):
    write(tmp_path / "checkpoints" / "step5", 1)
    write(tmp_path / "checkpoints" / "step5", 2)
    assert checkpoint.read_tensors(checkpoint.newest(tmp_path))["w"][0] == 2
    assert os.listdir(tmp_path / "checkpoints") == ["step5"]


def test_newest_and_prune_skip_what_is_not_complete(tmp_path):
    assert checkpoint.newest(tmp_path) is None
    folder = tmp_path / "checkpoints"
    for step in (2, 10, 9):
        write(folder / f"step{step}", step)
    for junk in (".step11.0badf00d.tmp", "step12", "notes"):
        (folder / junk).mkdir()
    (folder / "step13").write_text("a file")
    assert checkpoint.newest(tmp_path).name == "step10"
    checkpoint.prune(tmp_path, keep=2)
    assert sorted(os.listdir(folder)) == ["notes", "step10", "step12", "step13", "step9"]


def test_a_replacement_killed_between_its_renames_loses_nothing(tmp_path):
    folder = tmp_path / "checkpoints"
    write(folder / "step1", 1)
    write(folder / "step2", 2).rename(folder / ".step2.old")
    assert checkpoint.read_tensors(checkpoint.newest(tmp_path))["w"][0] == 2
    checkpoint.prune(tmp_path, keep=1)
    assert os.listdir(folder) == [".step2.old"]
    write(folder / "step2", 3)
    assert checkpoint.read_tensors(checkpoint.newest(tmp_path))["w"][0] == 3
    assert os.listdir(folder) == ["step2"]
    # Killed while the old one was being removed: half of it is left.
    (folder / ".step2.old").mkdir()
    (folder / ".step1.old").mkdir()
    checkpoint.prune(tmp_path, keep=1)
    assert os.listdir(folder) == ["step2"]


@pytest.mark.slow
def test_kill_at_any_moment_leaves_a_checkpoint_that_loads(tmp_path):
    code = """
import sys, torch
from pathlib import Path
from skelf.checkpoints import folder as checkpoint
run, first = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for step in range(first, first + 10**6):
    tensors = {"w": torch.full((200_000,), float(step))}
    checkpoint.save(run / "checkpoints" / f"step{step // 3:08}", tensors=tensors,
        config={"step": step}, card="", state_tensors=tensors, state={"step": step})
    checkpoint.prune(run, 2)
    print(step, flush=True)
"""
    rng = random.Random(0)
    first = 0
    for _ in range(4):
        process = run_python(code, tmp_path, first, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        if first == 0:
            process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        done = [int(line) for line in process.communicate()[0].splitlines()]
        folder = checkpoint.newest(tmp_path)
        step = checkpoint.read_config(folder)["step"]
        assert step >= max(done, default=0)
        tensors, state = checkpoint.read_state(folder)
        weights = checkpoint.read_tensors(folder)
        assert state == {"step": step}
        assert torch.all(weights["w"] == step) and torch.all(tensors["w"] == step)
        first = step + 1
    checkpoint.prune(tmp_path, 1)
    assert len(os.listdir(tmp_path / "checkpoints")) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs POSIX limits")
@pytest.mark.parametrize("limit", [1 << 20, 300])
def test_a_full_disk_keeps_the_older_checkpoints(tmp_path, limit):
    older = write(tmp_path / "checkpoints" / "step00000001")
    code = """
import resource, signal, sys, torch
from skelf.checkpoints import folder as checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    checkpoint.save(sys.argv[1], tensors={"w": torch.zeros(10**6 if int(sys.argv[2]) > 999 else 2)},
                    config={"x": "long " * 500}, card="")
except OSError as error:
    print(error)
"""
    out, err = run_python(
        code,
        tmp_path / "checkpoints" / "step00000002",
        limit,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ).communicate()
    assert err == ""
    assert out.splitlines() == [
        f"{tmp_path}/checkpoints/step00000002: cannot write the checkpoint: File too large; "
        "older checkpoints are kept"
    ]
    assert os.listdir(tmp_path / "checkpoints") == ["step00000001"]
    assert checkpoint.newest(tmp_path) == older
    assert torch.all(checkpoint.read_tensors(older)["w"] == 1)


def test_a_failure_of_any_kind_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.save(tmp_path / "c", tensors={}, config={"x": float("nan")}, card="")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write the checkpoint: Not a directory"):
        checkpoint.save(tmp_path / "file" / "c", tensors={}, config={}, card="")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_an_optimisers_state_comes_back_exactly(tmp_path, make):
    def train(model, optimizer, steps):
        generator = torch.Generator().manual_seed(steps)
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.randn(4, 3, generator=generator)).square().sum().backward()
            optimizer.step()

    torch.manual_seed(0)
    options = {"momentum": 0.9} if make is torch.optim.SGD else {}
    model = nn.Linear(3, 2)
    optimizer = make(model.parameters(), lr=1e-2, weight_decay=1e-5, **options)
    train(model, optimizer, 3)
    state = optimizer.state_dict()
    tensors, rest = optimizer_tensors(state)
    folder = checkpoint.save(
        tmp_path / "c",
        tensors=model.state_dict(),
        config={},
        card="",
        state_tensors=tensors,
        state={"optimizer": rest},
    )
    read, stored = checkpoint.read_state(folder)
    back = optimizer_state(read, stored["optimizer"])
    assert back["param_groups"] == state["param_groups"]
    assert back["state"].keys() == state["state"].keys()
    for index, slots in state["state"].items():
        for name, value in slots.items():
            assert torch.equal(back["state"][index][name], value)
            assert back["state"][index][name].dtype == value.dtype

    other = nn.Linear(3, 2)
    other.load_state_dict(checkpoint.read_tensors(folder))
    resumed = make(other.parameters(), lr=1)
    resumed.load_state_dict(back)
    train(model, optimizer, 2)
    train(other, resumed, 2)
    assert torch.equal(model.weight, other.weight) and torch.equal(model.bias, other.bias)


def test_any_tree_of_plain_values_comes_back():
    tree = {
        "inf": float("inf"),
        "tuple": (1, (2.5, None), [True, "x"]),
        "keys": {3: "int", "$odd": 1},
        "tensor": [torch.tensor(3)],
    }
    tensors, rest = optimizer_tensors(tree)
    back = optimizer_state(tensors, json.loads(json.dumps(rest, allow_nan=False)))
    assert back == tree
    with pytest.raises(TypeError, match=r"optimizer\.x: a set"):
        optimizer_tensors({"x": {1}})
    with pytest.raises(InputError, match="lacks the tensor"):
        optimizer_state({}, rest)


def test_an_authors_checkpoint_gives_its_tensors(tmp_path):
    weights = {"module.encoder.w": torch.randn(2), "module.t_proj.0.b": torch.randn(1)}
    for name in ("checkpoint_0450.pth.tar", "c.pt"):
        path = tmp_path / name
        optimizer = {"state": {}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]}
        torch.save({"epoch": 451, "state_dict": weights, "optimizer": optimizer}, path)
        read = checkpoint.read_tensors(path)
        assert list(read) == ["encoder.w", "t_proj.0.b"]
        assert torch.equal(read["encoder.w"], weights["module.encoder.w"])
    torch.save(weights, path, _use_new_zipfile_serialization=False)
    assert list(checkpoint.read_tensors(path)) == ["encoder.w", "t_proj.0.b"]


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False, None])
def test_a_malicious_pickle_never_runs(tmp_path, zipped):
    trap = tmp_path / "trap"
    path = tmp_path / "model.pt"
    content = {"state_dict": {"w": torch.zeros(1), "x": Hostile(trap)}}
    if zipped is None:
        path.write_bytes(pickle.dumps({"x": Hostile(trap)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"model\.pt: refused: .*could run code"):
        checkpoint.read_tensors(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Hostile(trap)))  # the trap itself works
    assert trap.exists()


def test_files_that_are_no_weights_are_refused(tmp_path):
    good = tmp_path / "good.pt"
    torch.save({"w": torch.randn(1000)}, good)
    whole = good.read_bytes()
    folder = write(tmp_path / "c")
    for name, content in {
        "cut.pt": whole[: len(whole) // 2],
        "empty.pt": b"",
        "text.pt": b"not a checkpoint at all",
        "cut.safetensors": (folder / "model.safetensors").read_bytes()[:-10],
        "empty.safetensors": b"",
        "head.safetensors": b"\xff" * 8 + b"{}",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: .*damaged") as caught:
            checkpoint.read_tensors(tmp_path / name)
        assert "\n" not in str(caught.value)
    for value, part in (
        ([torch.zeros(1)], "no tensors by name"),
        ({}, "no tensors by name"),
        ({"w": 3}, "'w' is a int"),
        ({3: torch.zeros(1)}, "3 is a Tensor"),
        ({"w": torch.eye(3).to_sparse()}, "sparse"),
    ):
        torch.save(value, good)
        with pytest.raises(InputError, match=part):
            checkpoint.read_tensors(good)
    with pytest.raises(InputError, match="cannot read the weights: No such file"):
        checkpoint.read_tensors(tmp_path / "none.pt")


def test_damaged_json_is_refused(tmp_path):
    folder = write(tmp_path / "c")
    for content in ("{", "[]", ""):
        (folder / "config.json").write_text(content)
        with pytest.raises(InputError, match=r"config\.json: .*damaged"):
            checkpoint.read_config(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json: cannot read"):
        checkpoint.read_config(folder)


def test_locate_finds_runs_folders_files_and_hub_names(tmp_path, monkeypatch):
    made = write(tmp_path / "run" / "checkpoints" / "step3")
    assert checkpoint.locate(tmp_path / "run") == made
    assert checkpoint.locate(str(made)) == made
    weights = made / "model.safetensors"
    assert checkpoint.locate(weights) == weights
    with pytest.raises(InputError, match="no checkpoint here"):
        checkpoint.locate(tmp_path)
    with pytest.raises(InputError, match="no such folder or file"):
        checkpoint.locate(tmp_path / "missing")

    asked = []

    def fake(name, *, revision, allow_patterns):
        asked.append((name, revision))
        assert not any("pt" in Path(p).suffix or "*" in p for p in allow_patterns)
        return str(made)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fake)
    assert checkpoint.locate("owner/name@v1") == made
    assert asked == [("owner/name", "v1")]


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path):
    code = """
import os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = sys.argv[1]
from skelf.checkpoints.folder import locate
from skelf.errors import InputError
from skelf.training.state import optimizer_state, optimizer_tensors
try:
    locate("owner/name")
except InputError as error:
    print(error)
"""
    out = run_python(code, tmp_path, stdout=subprocess.PIPE).communicate()[0]
    assert out.startswith("owner/name: no such folder, and the hub did not give it: ")
    assert len(out.splitlines()) == 1


def test_the_card_has_the_hubs_header_and_stays_one_table():
    import yaml

    config = {
        "method": {"name": "usdrl"},
        "encoder": {"name": "dste", "dim": 64},
        "data": {"normalize": "none"},
        "input": {"stream": "joint", "skeleton": {"name": "evil: |\n- x"}},
        "source": {"data": "nw_ucla", "split": "a|b", "synthetic": "true"},
    }
    rows = [{"protocol": "knn", "metric": "top1", "selection": "none", "split": "x", "value": 0.5}]
    text = checkpoint.card(config, rows, epoch=3)
    _, header, body = text.split("---\n", 2)
    values = yaml.safe_load(header)
    assert values["library_name"] == "skelf" and values["license"] == "other"
    assert "usdrl" in values["tags"] and "evil: |\n- x" in values["tags"]
    assert "# usdrl dste joint encoder" in body
    assert "| data | nw_ucla |" in body and "| split | a\\|b |" in body and "| epoch | 3 |" in body
    assert "| knn | top1 | none | x | 0.5000 |" in body
    assert "synthetic figures" in body
    assert "synthetic" not in checkpoint.card({}) and "## Results" not in checkpoint.card({})


def test_json_nested_too_deeply_is_damaged(tmp_path):
    folder = write(tmp_path / "c")
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"config\.json: .*damaged"):
        checkpoint.read_config(folder)
