"""The command line: help, the way from import to results, and exit codes without a traceback."""

from __future__ import annotations

import io
import json
import pickle
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tiny_runs import ENVIRONMENT, PYTHON, SETTINGS

from skelf.cli import main as cli

COMMANDS = [
    *(["demo"], ["pretrain"], ["eval"], ["fuse"], ["report"], ["profile"], ["list"]),
    *(["data", "import"], ["data", "info"], ["data", "check"], ["data", "split"]),
    *(["data", "view"], ["data", "get"], ["data", "export"], ["data", "map"], ["data", "join"]),
    ["bench"],
]
# design.md names the fields; numbers and their circumstances.
FIELDS = {
    *("protocol", "metric", "value", "selection", "method", "form", "encoder", "stream", "data"),
    *("split", "seed", "definition", "seconds", "version"),
}


class Said(NamedTuple):
    code: int
    out: str
    err: str


def call(*args: object) -> Said:
    """`skelf args`, through the entry point, in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["skelf", *map(str, args)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            cli.main()
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    finally:
        sys.argv = before
    return Said(code, out.getvalue(), err.getvalue())


def good(*args: object) -> str:
    said = call(*args)
    assert said.code == 0, said
    return said.out


def refused(*args: object) -> str:
    """The one line that a wrong call ends with."""
    said = call(*args)
    assert said.code == 2, said
    assert said.out == "" and said.err.startswith("error: ") and said.err.count("\n") == 1, said
    return said.err


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "made.h5"
    good("data", "import", "synthetic", "--out", path, "--clips", 36)
    return path


@pytest.fixture(scope="module")
def run(store) -> Path:
    folder = store.with_name("run")
    text = good(
        *("pretrain", "usdrl", "--data", store, "--split", "xsub", "--out", folder),
        *("--stream", "bone", "--seed", "3", *SETTINGS, "train.epochs=2", "train.monitor_every=1"),
    )
    first, *lines = text.splitlines()
    assert first.startswith("No normalisation: ")
    starts = [line.split("  ")[0] for line in lines[:-1] if not line.startswith("note: ")]
    assert starts == ["before training", *["epoch 1/2"] * 2, *["epoch 2/2"] * 2]
    assert lines[-1] == f"Run: {folder}"
    return folder


def test_help_names_every_command():
    text = good("--help")
    for command in ("demo", "pretrain", "eval", "list", "data"):
        assert re.search(rf"[│|]\s+{command}\s", text)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command):
    text = good(*command, "--help")
    assert f"Example: skelf {' '.join(command)} " in text
    assert not re.search(r"^│.* -[a-zA-Z]\b", text, re.MULTILINE)  # full words only


def test_help_is_light():
    code = (
        "import sys, skelf\n"
        "from skelf.cli import main\n"
        "sys.argv = ['skelf', 'pretrain', '--help']\n"
        "try: main.main()\n"
        "finally: print({'torch', 'lightning', 'sklearn', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("methods", "usdrl"),
        ("encoders", "sttr"),
        ("protocols", "retrieval"),
        ("layouts", "ntu25"),
        ("formats", "arrays"),
    ],
)
def test_list(kind, name):
    assert re.search(rf"^{name} +\S", good("list", kind), re.MULTILINE)


def test_pretrain_and_eval_end_to_end(store, run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    assert config["input"]["stream"] == "bone"
    assert config["encoder"]["dim"] == 16 and config["train"]["epochs"] == 2
    assert config["source"].pop("size") == pytest.approx(1.6, abs=0.2)  # of a body, in metres
    assert config["source"] | {"digest": ""} == {
        "data": "made", "digest": "", "split": "xsub", "seed": 3, "synthetic": "true",
        "fps": [30.0, 30.0], "unit": None, "up": "y",
    }  # fmt: skip
    out = tmp_path / "results.json"
    text = good(
        *("eval", "linear,knn,retrieval", "--run", run, "--data", store, "--split", "xsub"),
        *("--out", out, "--device", "cpu"),
    )
    rows = json.loads(out.read_text())
    for row in rows:
        assert row.keys() >= FIELDS
        assert (row["data"], row["stream"], row["seed"]) == ("made", "bone", 3)
        assert re.search(rf"{row['protocol']} .*{row['metric']} .*{row['value']:.1%}", text)
    assert len(rows) > 6
    base = tmp_path / "untrained.json"
    good(
        *("eval", "knn", "--run", run, "--data", store, "--split", "xsub", "--out", base),
        *("--untrained", "eval.k=5", "--seed", "1"),
    )
    row = json.loads(base.read_text())[0]
    assert (row["method"], row["seed"], row["config"]["eval"]["k"]) == ("untrained", 3, 5)
    assert row["eval_seed"] == 1
    line = refused("pretrain", "usdrl", "--data", store, "--split", "xsub", "--out", run)
    assert "already holds a run; --resume continues it" in line
    again = ("--split", "xsub", "--stream", "bone", "--seed", 3, "--resume", *SETTINGS)
    text = good(
        *("pretrain", "usdrl", "--data", store, "--out", run, *again),
        *("train.epochs=3", "train.monitor_every=1"),
    )
    assert text.splitlines()[1].startswith("epoch 3/3")


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_bad_input_is_one_line_and_exit_code_2(store, run, tmp_path):
    train = ("pretrain", "usdrl", "--out", tmp_path / "new", "--data", store)
    judge = ("eval", "knn", "--run", run, "--split", "xsub", "--data")
    (tmp_path / "file").touch()
    (tmp_path / "wrong.toml").write_text("[train]\nepoch = 3\n")
    for args, message in (
        ((*train[:-1], tmp_path / "no.h5"), r"no\.h5: .*no such file"),
        ((*train[:-1], tmp_path / "wrong.toml"), r"wrong\.toml: "),
        ((*train, "encoder.dmi=3"), r"unknown key 'encoder\.dmi': did you mean 'encoder\.dim'"),
        ((*train, "encoder.dim"), "section.key=value"),
        ((*train, "train.epochs=-1"), r"train\.epochs"),
        ((*train, "data.persons=9999999999999999"), r"data\.persons"),
        ((*train, "encoder.heads=3"), r"heads=3: must divide dim"),
        ((*train, "--seed", 2**63), "seed: 9223372036854775808; use 0 to"),
        ((*judge, store, "--seed", 2**63), "seed: 9223372036854775808; use 0 to"),
        ((*judge, store, "--stream", "bone"), "a run knows its stream"),
        (("eval", "knn,knn", *judge[2:], store), "'knn' is named twice"),
        ((*train, "--config", tmp_path / "wrong.toml"), r"wrong\.toml: .*'train\.epoch'.*epochs"),
        ((*train, "--config", tmp_path / "no.toml"), r"no\.toml: cannot read"),
        ((*train, "--stream", "bnoe"), "unknown stream 'bnoe': did you mean 'bone'"),
        ((*train, "--split", "xsbu"), "unknown split 'xsbu': did you mean 'xsub'"),
        (("pretrain", "usdlr", *train[2:]), "unknown method 'usdlr': did you mean 'usdrl'"),
        (("pretrain", "usdrl", "--out", tmp_path / "file" / "x", *train[4:]), "cannot write"),
        ((*judge, tmp_path / "no.h5"), r"no\.h5: .*no such file"),
        ((*judge, store, "--out", tmp_path / "file" / "r.json"), r"r\.json: cannot write here"),
        ((*judge, store, "--out", tmp_path), "a folder; name a file"),
        ((*judge, store, "eval.kk=3"), r"unknown key 'eval\.kk'"),
        (("eval", "kn", *judge[2:], store), "unknown protocol 'kn': did you mean 'knn'"),
        (("eval", ",", *judge[2:], store), "no protocol is named"),
        (("eval", "knn", "--run", tmp_path, *judge[4:], store), "no checkpoint here"),
        (("eval", "knn", "--run", tmp_path / "no", *judge[4:], store), "no such folder or file"),
        (("list", "layout"), "unknown kind 'layout': did you mean 'layouts'"),
    ):
        assert re.search(message, refused(*args)), args
    assert not (tmp_path / "new").exists()


def test_usage_is_exit_code_2():
    for args in (("pretrain", "usdrl"), ("train",), ("eval", "knn", "--untraned")):
        said = call(*args)
        assert said.code == 2 and "Usage" in said.err and "Traceback" not in said.err


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_hostile_and_torn_files_are_refused(store, tmp_path):
    trap, weights = tmp_path / "trap", tmp_path / "model.pth.tar"
    weights.write_bytes(pickle.dumps({"state_dict": {"w": Hostile(str(trap))}}))
    judge = ("eval", "knn", "--data", store, "--split", "xsub", "--method", "usdrl", "--run")
    assert "model.pth.tar: refused" in refused(*judge, weights)
    assert not trap.exists()
    np.savez(tmp_path / "a.npz", frames=np.zeros((900, 1, 20, 3)), offsets=[0, 900])
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "a.h5"
    assert "a.npz" in refused("data", "import", "arrays", tmp_path / "a.npz", "--out", out)
    assert not out.exists()


def test_other_failures_are_one_line_and_exit_code_1(store, tmp_path, monkeypatch):
    from skelf import api

    def fail(*args, **options):
        raise error

    monkeypatch.setattr(api, "pretrain", fail)
    args = ("pretrain", "usdrl", "--data", store, "--out", tmp_path / "run")
    for error, text in (
        (RuntimeError("loss is nan [x]"), "error: loss is nan [x] (S"),
        (RuntimeError("no memory\n  at line 3"), "error: no memory (S"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (KeyError("name"), "error: KeyError: 'name' (S"),
        (ZeroDivisionError("by zero"), "error: ZeroDivisionError: by zero (S"),
        (MemoryError(), "error: MemoryError (S"),
    ):
        said = call(*args)
        assert said.code == 1 and said.err.count("\n") == 1
        assert text in said.err and "SKELF_TRACEBACK=1" in said.err
        monkeypatch.setenv("SKELF_TRACEBACK", "1")
        with pytest.raises(type(error)):
            call(*args)
        monkeypatch.delenv("SKELF_TRACEBACK")
    error = KeyboardInterrupt()
    said = call(*args)
    assert (said.code, said.err) == (1, "")
    assert "the same command with --resume goes on" in " ".join(said.out.split())


def test_only_the_command_line_changes_how_memory_is_kept(store, tmp_path, monkeypatch):
    from skelf import api, demo
    from skelf.machine import memory

    called = []
    monkeypatch.setattr(memory, "keep_freed", lambda: called.append(True))
    api.pretrain("usdrl", store, out=tmp_path / "a", overrides=(*SETTINGS, "train.epochs=1"))
    assert not called
    monkeypatch.setattr(api, "pretrain", lambda *args, **options: tmp_path)
    good("pretrain", "usdrl", "--data", store, "--out", tmp_path / "run")
    monkeypatch.setattr(demo, "run", lambda *args, **options: demo.Demo(tmp_path, [], 1.0))
    good("demo", "--out", tmp_path / "d")
    assert called == [True, True]


def test_only_the_first_process_of_a_machine_complains(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert call("list", "layout") == (2, "", "")


def test_demo_prints_the_table(tmp_path, monkeypatch):
    from skelf import demo

    row = {"protocol": "k-NN", "pretrained": 0.9, "untrained": 0.5, "chance": 1 / 12}

    def run(out, *, seed, say, listener):
        say(f"seed {seed}")
        return demo.Demo(Path(out) / "index.html", [row], 12.3)

    monkeypatch.setattr(demo, "run", run)
    text = good("demo", "--out", tmp_path / "d", "--seed", 4)
    assert "synthetic" in text and "seed 4" in text and f"{tmp_path / 'd'}" in text
    assert re.search(r"k-NN\D+90\.0%\D+50\.0%\D+8\.3%", text)


def test_python_m_skelf_is_the_same_program(tmp_path):
    done = subprocess.run(
        [*PYTHON, "data", "info", str(tmp_path / "no.h5")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "no.h5" in done.stderr
