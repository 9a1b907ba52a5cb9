"""The benchmark: what runs, what never runs again, what fails alone, and what the tables say."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from test_cli import call
from tiny_runs import Stop, clips, stop_in

from skelf import api, cluster
from skelf.bench.cell import Cell
from skelf.bench.checks import Sets, check_settings
from skelf.bench.markdown import gathered, markdown, spread
from skelf.bench.plan import plan
from skelf.bench.queue import run_cells
from skelf.bench.read import read_suite
from skelf.bench.run import bench, preview
from skelf.bench.suite import Place, slug
from skelf.bench.table import COLUMNS, write_parquet
from skelf.checkpoints import folder as checkpoint
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.metrics.interval import wilson
from skelf.report.gather import gather

TINY = """
[encoder]
dim = 16
frames = 8
[train]
epochs = 1
batch_size = 8
lr = 2e-3
schedule = "constant"
precision = "fp32"
devices = "cpu"
[eval.linear]
epochs = 2
"""
SUITE = """
seeds = [0, 1]
config = "tiny.toml"
[[data]]
name = "ntu60"                 # called so, published numbers stand beside ours
store = "tiny.h5"
splits = ["xsub"]
[[data]]
name = "other"
store = "tiny.h5"
splits = ["half"]
pretrain = false
[[method]]
name = "usdrl"
row = "USDRL (tiny)"
streams = ["joint", "motion"]
fuse = true
[[method]]
name = "usdrl"
row = "second stage"
after = "USDRL (tiny)"
settings = ["train.lr=1e-3"]
[[method]]
name = "usdrl"
row = "odd weight"
settings = ["method.kappa=1e39"]
[[protocol]]
name = "linear"
untrained = true
[[protocol]]
name = "knn"
settings = ["eval.k=3"]
on = ["own", "other/half"]
"""


def put(folder: Path, text: str = SUITE) -> Path:
    """A suite with its store and settings beside it."""
    folder.mkdir(exist_ok=True)
    if not (folder / "tiny.h5").exists():
        made = clips()
        made.with_split("xsub", made.splits["half"]).save(folder / "tiny.h5")
    (folder / "tiny.toml").write_text(TINY)
    (folder / "suite.toml").write_text(text)
    return folder / "suite.toml"


class Counted:
    """Counts what a benchmark calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, kind: str, cell: Any, text: str, share: float) -> None:
        if kind == "start":
            self.calls.append(cell.title)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any, list[str]]:
    suite = put(tmp_path_factory.mktemp("bench"))
    counted = Counted()
    out = suite.parent / "out"
    return suite, out, bench(suite, out, tell=counted), counted.calls


def test_cells_of_a_suite(made):
    _, out, done, calls = made
    # A seed: 3 + 1 pretrainings and each with linear, linear untrained, knn, knn elsewhere; the
    # fusion of those four.
    assert done.cells == 2 * (4 * 5 + 4)
    assert len(calls) == len(set(calls)) == done.ran
    assert done.left == 2 * 4 and len(done.failures) == 2
    for one in done.failures:
        assert one.now and "loss" in one.message and "odd weight" in one.title
        text = one.path.read_text()
        assert text.startswith(one.message) and "Traceback" in text
    assert calls.index("second stage, joint, ntu60/xsub, seed 0: pretraining") < calls.index(
        "USDRL (tiny), joint, ntu60/xsub, seed 1: pretraining"
    )
    run = out / "ntu60/xsub/second_stage/joint_seed1"
    source = json.loads((run / "config.json").read_text())["source"]
    assert source["init"] == str(out / "ntu60/xsub/USDRL_tiny/joint_seed1")


def test_a_second_call_runs_nothing(made):
    suite, out, done, _ = made
    counted = Counted()
    again = bench(suite, out, tell=counted)
    assert counted.calls == [] and again.ran == 0
    assert again.rows == done.rows
    assert [one._replace(now=True) for one in again.failures] == done.failures
    # A pretraining whose numbers are all there is not needed again.
    states = {cell.title: state for cell, state in preview(suite, out)}
    assert set(states.values()) == {"done", "failed", "open"}
    assert [t for t, s in states.items() if s == "open" and "odd weight" not in t] == []


def test_results_are_those_of_evaluate(made):
    suite, out, done, _ = made
    run = out / "ntu60/xsub/USDRL_tiny/motion_seed1"
    store = suite.parent / "tiny.h5"
    for on, split, overrides, protocol in (
        ("ntu60", "xsub", (), "linear"),
        ("other", "half", ["eval.k=3"], "knn"),
    ):
        rows = api.evaluate([protocol], run, store, split=split, overrides=overrides, seed=1)
        mine = [
            row
            for row in done.rows
            if (row["row"], row["protocol"], row["data"]) == ("USDRL (tiny)", protocol, on)
            and (row["stream"], row["seed"], row["method"]) == ("motion", 1, "usdrl")
        ]
        assert [r["value"] for r in mine] == [r["value"] for r in rows]
        assert {r["pretrained_on"] for r in mine} == {"ntu60/xsub"}


def test_fusion_of_the_streams(made):
    _, out, done, _ = made
    parent = out / "ntu60/xsub/USDRL_tiny"
    files = [parent / f"{s}_seed0/results_linear.linear.scores.npz" for s in ("joint", "motion")]
    from skelf.results.fusion import fuse

    rows = [
        row
        for row in done.rows
        if row["stream"] == "joint+motion" and (row["label"], row["seed"]) == ("linear", 0)
    ]
    assert {row["method"] for row in rows} == {"usdrl", "untrained"}
    trained = [row["value"] for row in rows if row["method"] == "usdrl"]
    assert trained == [row["value"] for row in fuse(files)]


def test_csv_and_markdown(made):
    _, out, done, _ = made
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS) and len(rows) == len(done.rows)
    for row, whole in zip(rows, done.rows, strict=True):
        assert float(row["value"]) == whole["value"] and (out / row["path"]).is_file()
    # Mean and deviation of one number, by a slow loop over the file.
    wanted = {"row": "USDRL (tiny)", "stream": "joint", "data": "ntu60", "label": "knn"}
    wanted |= {"metric": "top1", "method": "usdrl"}
    values = []
    for row in rows:
        if all(row[key] == value for key, value in wanted.items()):
            values.append(float(row["value"]))
    assert len(values) == 2
    average = sum(values) / 2
    deviation = math.sqrt(sum((v - average) ** 2 for v in values) / 1)
    text = (out / "results.md").read_text()
    line = next(x for x in text.splitlines() if x.startswith("| USDRL (tiny) | joint |"))
    cell = line.split("|")[-2].strip(" *")
    low, high = wilson(average, 16)
    assert cell == (
        f"{100 * average:.1f} ± {100 * deviation:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    )
    assert {row["clips"] for row in rows} == {"16"}
    for row in rows:
        ends = pytest.approx(wilson(float(row["value"]), 16))
        assert (float(row["low"]), float(row["high"])) == ends
    assert "| knn top1, only 16 clips |" in text
    assert "## ntu60/xsub" in text and "## other/half" in text
    assert "| second stage | joint | ntu60/xsub |" in text  # a transfer says from where
    assert "| USDRL (tiny), untrained | joint+motion |" in text
    assert "**Not complete: 8 cells have no results yet.**" in text
    assert "| linear top1 | USDRL (DSTE) | joint | 85.2 |" in text
    assert "USDRL), Table 1" in text and "ablation" not in text
    assert "semi top1" not in text  # published numbers of protocols that were not asked for


def test_the_report_understands_the_folder(made):
    _, out, done, _ = made
    found = gather([out])
    assert len(found.rows) == len(done.rows) and len(found.runs) == 8  # two of them failed
    assert {run.setup.source for run in found.runs} == {("tiny", "xsub")}
    assert found.notes == []
    assert set(found.names.values()) == {
        "USDRL (tiny) · joint", "USDRL (tiny) · motion", "USDRL (tiny) · joint+motion",
        "second stage · joint", "odd weight · joint",
    }  # fmt: skip


def test_a_mended_cell_runs_and_retry_runs_the_others(made, tmp_path, monkeypatch):
    shutil.copytree(made[0].parent, tmp_path / "moved")  # what is done is done in any place
    suite, out = tmp_path / "moved/suite.toml", tmp_path / "moved/out"
    # Other settings of a cell that failed: nothing is lost, so it just runs.
    suite.write_text(suite.read_text().replace("kappa=1e39", "kappa=1e40"))
    counted = Counted()
    assert len(bench(suite, out, tell=counted).failures) == 2
    assert [title.split(",")[0] for title in counted.calls] == ["odd weight"] * 2
    assert bench(suite, out).ran == 0
    real = api.pretrain

    def mended(*given: Any, overrides: Any, **others: Any) -> Path:
        return real(*given, overrides=["method.kappa=4"], **others)

    monkeypatch.setattr(api, "pretrain", mended)
    counted = Counted()
    done = bench(suite, out, retry=True, tell=counted)
    assert done.failures == [] and done.left == 0
    assert len(counted.calls) == 2 * 5 and not list(out.rglob("error_*.txt"))
    assert "Not complete" not in (out / "results.md").read_text()


def test_other_settings_of_a_finished_cell_are_refused(made):
    suite, out, *_ = made
    text = suite.read_text()
    for old, new, message in (
        ("eval.k=3", "eval.k=5", r"cell_knn\.json: .*settings \['eval\.k=3'\], the suite has \['"),
        ("train.lr=1e-3", "train.lr=2e-3", r"train\.lr 0\.001, the suite has 0\.002; name another"),
    ):
        try:
            suite.write_text(text.replace(old, new))
            with pytest.raises(InputError, match=message):
                bench(suite, out)
        finally:
            suite.write_text(text)


def test_two_benchmarks_of_one_folder(made):
    suite, out, *_ = made
    with FileLock(out / ".lock"), pytest.raises(InputError, match="another process runs a benchm"):
        bench(suite, out)


def small(tmp_path: Path, **changed: str) -> Path:
    """A suite of one method and one protocol."""
    text = '[[data]]\nname = "tiny"\nsplits = ["half"]\nstore = "tiny.h5"\n'
    text += '[[method]]\nname = "usdrl"\nsettings = ["train.epochs=3"]\n'
    text += '[[protocol]]\nname = "knn"\n'
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    return put(tmp_path, 'seeds = [0]\nconfig = "tiny.toml"\n' + text)


def test_an_interrupted_pretraining_resumes(tmp_path, monkeypatch):
    suite, out = small(tmp_path), tmp_path / "out"
    real = api.pretrain

    def killed(*given: Any, listener: Any, **others: Any) -> Path:
        try:
            return real(*given, listener=stop_in(1), **others)
        except Stop:
            raise KeyboardInterrupt from None

    with monkeypatch.context() as patch:
        patch.setattr(api, "pretrain", killed)
        with pytest.raises(KeyboardInterrupt):
            bench(suite, out)
    run = out / "tiny/half/usdrl/joint_seed0"
    first = checkpoint.newest(run)
    assert first is not None and (out / "results.md").exists()
    said: list[str] = []
    done = bench(suite, out, tell=lambda kind, cell, text, share: said.append(text))
    assert done.ran == 2 and done.rows
    told = [text for text in said if text]
    assert told[0] == "epoch 2/3" and "epoch 1/3" not in told  # the first was not repeated
    shutil.rmtree(run / "checkpoints")  # the numbers are there: nothing needs it again
    again = bench(suite, out)
    assert again.ran == 0 and again.rows == done.rows


def test_runs_that_are_there_already(made, tmp_path):
    out = made[1]
    here = 'name = "usdrl"\nrow = "found"\nrun = "{data}_{split}_{seed}"'
    suite = small(tmp_path, **{'name = "usdrl"\nsettings = ["train.epochs=3"]': here})
    with_settings = suite.read_text()
    (tmp_path / "tiny_half_0").symlink_to(out / "ntu60/xsub/USDRL_tiny/motion_seed0")
    found = bench(suite, tmp_path / "out")
    assert found.ran == found.cells == 1
    assert {(r["pretrained_on"], r["stream"]) for r in found.rows} == {("tiny/xsub", "motion")}
    assert not (tmp_path / "out/tiny/half/found/joint_seed0/config.json").exists()
    suite.write_text(with_settings.replace("run =", 'settings = ["train.lr=1"]\nrun ='))
    with pytest.raises(InputError, match="run: is judged as it is; leave out settings"):
        read_suite(suite)


class Deadly(Cell):
    """Ends the process that it comes to."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


def test_a_worker_that_dies_takes_one_cell_with_it(tmp_path):
    def cell(name: str, *needs: str, kind: type[Cell] = Cell) -> Cell:
        keys = tuple(str(tmp_path / need) for need in needs)
        return kind("fuse", tmp_path, name, f"cell {name}", {}, {"files": []}, keys)

    cells = [cell("a"), cell("b", kind=Deadly), cell("c", "b"), cell("d", "a"), cell("e", "lost")]
    seen: list[tuple[str, str]] = []
    with cluster.gathered(None, 2, logs=tmp_path / "logs") as crew:
        bad = run_cells(
            cells,
            crew,
            lambda kind, cell, text, share: seen.append((kind, cell.name)),
            lost=[str(tmp_path / "lost")],
        )
    assert "exit code 3" in bad.pop(cells[1].key) and "exit code 3" in cells[1].error.read_text()
    assert [name for kind, name in seen if kind == "start"].count("b") == 1
    assert {Path(key).name for key in bad} == {"c", "e", "lost"} and set(bad.values()) == {""}
    assert {name for kind, name in seen if kind == "done"} == {"a", "d"}
    assert {name for kind, name in seen if kind == "blocked"} == {"c", "e"}
    assert json.loads(cells[3].marker.read_text())["done"] and cells[3].results.exists()
    assert "# cell d" in "".join(path.read_text() for path in (tmp_path / "logs").iterdir())


@pytest.mark.slow
def test_workers_compute_what_one_process_does(tmp_path):
    suite = small(tmp_path, **{"[[protocol]]": 'streams = ["joint", "bone"]\n[[protocol]]'})
    seen: list[str] = []
    one = bench(suite, tmp_path / "one")
    two = bench(suite, tmp_path / "two", workers=2, tell=lambda kind, *_: seen.append(kind))
    assert two.ran == one.ran == 4 and "progress" in seen
    assert [row["value"] for row in two.rows] == [row["value"] for row in one.rows]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds =", "seed =", "unknown key 'seed': did you mean 'seeds'"),
        (
            "splits =",
            "split =",
            r"\[\[data\]\] 1: unknown key 'data.split': did you mean 'data.spl",
        ),
        (
            "untrained =",
            "untraind =",
            r"\[\[protocol\]\] 1: unknown key 'protocol.untraind': did y",
        ),
        ('"motion"]', '"motoin"]', r"method\.streams"),
        ('["joint", "motion"]', '["joint", "joint"]', "'joint' twice"),
        ('["joint", "motion"]', '["joint"]', "fuse: needs two or more streams"),
        ('row = "second stage"\n', 'row = "USDRL tiny"\n', "'USDRL_tiny' twice"),
        ('after = "USDRL', 'after = "USDLR', r"unknown earlier row 'USDLR \(tiny\)': did you mean"),
        ('"other/half"', '"other/hafl"', "unknown split 'hafl': did you mean 'half'"),
        ('"other/half"', '"othr"', "unknown data 'othr': did you mean 'other'"),
        ("seeds = [0, 1]", "seeds = []", "seeds"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "seeds: 0 twice"),
        ("[[protocol]]", "[[protokoll]]", "unknown key 'protokoll': did you mean 'protocol'"),
        ("seeds = [0, 1]", "seeds = [0, 1", "not a TOML file"),
        ('splits = ["half"]\n', "", "other has no splits to judge on|unknown split 'half'"),
        (SUITE[SUITE.index("[[data]]") :], "data = []", "data: no table"),
        ("seeds = [0, 1]", f"seeds = {'[' * 5000}{']' * 5000}", "not a TOML file"),
    ],
)
def test_suites_that_are_refused(tmp_path, old, new, message):
    assert old in SUITE
    path = tmp_path / "suite.toml"
    path.write_text(SUITE.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_suite(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "usdrl"\nrow = "s', 'name = "usdlr"\nrow = "s', "unknown method 'usdlr': did you"),
        ('name = "knn"', 'name = "kn"', "unknown protocol 'kn': did you mean 'knn'"),
        ("eval.k=3", "eval.kk=3", r"knn: .*unknown key 'eval\.kk'"),
        ("method.kappa=1e39", "method.kapa=1e39", "odd weight: .*'method.kapa': did you mean 'met"),
        ('store = "tiny.h5"', 'store = "no.h5"', r"no\.h5: .*no such file"),
        ('splits = ["xsub"]', 'splits = ["xsbu"]', "unknown split 'xsbu': did you mean 'xsub'"),
        ('"tiny.toml"', '"no.toml"', r"no\.toml: cannot read"),
    ],
)
def test_settings_that_are_refused_before_anything_runs(made, old, new, message):
    suite, out, *_ = made
    assert old in SUITE
    wrong = suite.with_name("wrong.toml")
    wrong.write_text(SUITE.replace(old, new))
    with pytest.raises(InputError, match=message):
        bench(wrong, out.with_name("never"))
    assert not out.with_name("never").exists()


def test_no_name_leads_out_of_the_folder(tmp_path):
    names = ("..", ".", "...", "_", "a..b", "v1.", "é")
    assert [slug(name) for name in names] == ["_", "_", "_", "_", "a..b", "v1.", "é"]
    suite = small(
        tmp_path, **{'name = "tiny"': 'name = ".."', 'name = "usdrl"': 'name = "usdrl"\nrow = "."'}
    )
    cells = [cell for cell, _ in preview(suite, tmp_path / "out")]
    assert {cell.folder for cell in cells} == {tmp_path / "out/_/half/_/joint_seed0"}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ('[[protocol]]\nname = "knn"\nrow = "pretrain"', "pretraining.* and .*: pretrain'"),
        (
            '[[protocol]]\nname = "knn"\nrow = "k"\nuntrained = true\n'
            '[[protocol]]\nname = "knn"\nrow = "k_untrained"',
            "k, untrained.* and .*: k_untrained'",
        ),
    ],
)
def test_cells_with_files_of_one_name_are_refused(tmp_path, rows, told):
    suite = small(tmp_path)
    suite.write_text(f"{suite.read_text()}\n{rows}\n")
    with pytest.raises(InputError, match=f"{told} would both write"):
        preview(suite, tmp_path / "out")


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("no_{seed}", "run: .*no_0: no such run"),
        ("{data[x]}", "can be filled in"),
        ("{0}", "can be filled in"),
        ("{seed:>9999999999999}", "can be filled in"),
    ],
)
def test_runs_that_are_refused(tmp_path, run, told):
    suite = small(tmp_path)
    head, _, rest = suite.read_text().partition('name = "usdrl"\nsettings = ["train.epochs=3"]')
    assert rest
    suite.write_text(f'{head}name = "usdrl"\nrun = "{run}"{rest}')
    with pytest.raises(InputError, match=told):
        preview(suite, tmp_path / "out")


def test_columns_that_are_shown(made):
    suite, _, done, _ = made
    head = '[[protocol]]\nname = "linear"\nuntrained = true\n'
    assert head in SUITE
    path = suite.with_name("show.toml")
    path.write_text(SUITE.replace(head, f'{head}show = ["top5", "top1", "topp"]\n'))
    made_up = [row | {"metric": "top5"} for row in done.rows if row["metric"] == "top1"]
    rows = [row for row in done.rows if row["metric"] == "top1"] + made_up
    usual = [f"linear top1 ({said})" for said in ("last epoch", "best on test", "validated")]
    for read, linear in (
        (suite, usual),
        (path, [head.replace("top1", "top5") for head in usual] + usual),
    ):
        text = markdown(read_suite(read), rows, 0)
        line = next(x for x in text.splitlines() if x.startswith("| method | stream | linear"))
        assert line.replace(", only 16 clips", "").strip("| ").split(" | ") == [
            *("method", "stream", *linear, "knn top1")
        ]
        assert ("linear: show: there is no 'topp'; there are top1, top5" in text) == (read == path)


def test_spread_and_gathering():
    rows = [
        {"row": "a", "label": "x", "metric": "m", "selection": "none", "method": "usdrl"}
        | {"stream": "joint", "pretrained_on": "p", "data": "d", "split": "s", "value": v}
        for v in (0.5, 0.7)
    ]
    ((place, line, column),) = gathered(rows)
    assert place == Place("d", "s") and not line.untrained and str(column) == "x m"
    assert spread([0.5, 0.7]) == "60.0 ± 14.1" and spread([0.5]) == "50.0"


def test_bold_is_what_is_clearly_best():
    """On 16 clips nothing is; on 1,600 it is; equal numbers never are."""
    rows = [
        {"row": name, "label": "knn", "metric": "top1", "selection": "none", "method": "usdrl"}
        | {"stream": "joint", "pretrained_on": "p", "data": "d", "split": "s", "value": value}
        for name, value in (("a", 0.6), ("b", 0.5), ("c", 0.5))
    ]
    suite = SimpleNamespace(
        path=Path("s.toml"), seeds=(0,), published=None,
        protocols=[SimpleNamespace(label="knn", name="knn", show=())],
    )  # fmt: skip
    for counted, bold in ((16, []), (1600, ["60.0 (57.6 to 62.4)"]), (None, ["60.0"])):
        text = markdown(suite, [row | {"clips": counted} for row in rows], 0)
        assert re.findall(r"\*\*(.*?)\*\*", text) == bold
    assert "**" not in markdown(suite, [row | {"clips": 1600, "value": 0.5} for row in rows], 0)


def test_published_numbers_are_picked(tmp_path):
    def table(line: str) -> str:
        suite = read_suite(put(tmp_path, line + SUITE))
        return markdown(suite, [row], 0).partition("Published, ")[2]

    row = dict.fromkeys(COLUMNS, "a") | {"data": "ntu60", "split": "xsub", "value": 0.5, "clips": 9}
    row |= {"label": "linear", "metric": "top1"}
    assert "| MS2L |" in table("") and "ablation" not in table("")
    some = table('published = ["ms2l"]\n')
    lines = [line for line in some.splitlines() if line.startswith("| ")][2:]
    assert lines and all("ms2l" in line.casefold() for line in lines)
    by_source = table('published = ["USDRL), Table 1"]\n')
    assert "| MS2L |" in by_source and by_source.count("\n") < table("").count("\n")
    assert table("published = []\n") == ""
    with pytest.raises(InputError, match=r"suite.toml: published: .*'MS2LL'; did you mean 'MS2L'"):
        table('published = ["MS2LL"]\n')


def test_settings_by_data_set(made, tmp_path):
    """The set's, then the method's, then the method's for that set; what differs is refused."""
    suite = put(
        tmp_path,
        SUITE.replace(
            'splits = ["xsub"]\n',
            'splits = ["xsub"]\nsettings = ["train.epochs=2", "train.lr=1e-3", '
            '"data.normalize=centre"]\n',
        )
        .replace("pretrain = false\n", 'settings = ["data.normalize=none"]\n')
        .replace(
            'row = "USDRL (tiny)"\n',
            'row = "USDRL (tiny)"\nsettings = ["train.lr=2e-3"]\n'
            'settings_on.ntu60 = ["train.batch_size=4"]\n',
        ),
    )
    cells = {
        (cell.folder.parent.relative_to(tmp_path / "out").as_posix(), cell.kind): cell
        for cell, _ in preview(suite, tmp_path / "out")
    }
    own = cells["ntu60/xsub/USDRL_tiny", "pretrain"]
    wanted = {"train.epochs": 2, "train.lr": 2e-3, "train.batch_size": 4}
    assert wanted | {"data.normalize": "centre"} == {key: own.settings[key] for key in
                                                     (*wanted, "data.normalize")}  # fmt: skip
    assert own.call["overrides"][-2:] == ["train.lr=2e-3", "train.batch_size=4"]
    other = cells["other/half/USDRL_tiny", "pretrain"].settings
    assert other["data.normalize"] == "none" and other["train.lr"] == 2e-3
    assert other["train.epochs"] == 1 and other["train.batch_size"] == 8  # of the file
    suite.write_text(suite.read_text().replace("settings_on.ntu60", "settings_on.ntu6"))
    with pytest.raises(InputError, match="settings_on: unknown data 'ntu6': did you mean 'ntu60'"):
        read_suite(suite)


def test_a_set_s_settings_are_checked_before_anything_runs(tmp_path):
    suite = small(tmp_path)
    text = suite.read_text().replace("[[data]]", '[[data]]\nsettings = ["train.epohcs=2"]')
    suite.write_text(text)
    with pytest.raises(InputError, match=r"unknown key 'train.epohcs': did you mean 'train.epochs"):
        preview(suite, tmp_path / "out")


def test_finished_runs_need_no_data_to_pretrain_on(made, tmp_path):
    suite = small(
        tmp_path,
        **{
            'name = "usdrl"\nsettings = ["train.epochs=3"]': 'name = "usdrl"\nrun = "found"',
            "[[data]]": "[[data]]\npretrain = false",
        },
    )
    (tmp_path / "found").symlink_to(made[1] / "ntu60/xsub/USDRL_tiny/joint_seed0")
    (only,) = [cell for cell, _ in preview(suite, tmp_path / "out")]
    assert only.kind == "judge" and only.about["pretrained_on"] == "tiny/xsub"
    # Judged where `on` says, once, however many sets there are.
    text = suite.read_text()
    more = text + 'on = ["more/half", "tiny/half"]\n'
    suite.write_text(more.replace("[[method]]", '[[data]]\nname = "more"\nstore = "tiny.h5"\n'
                                  'splits = ["half"]\npretrain = false\n[[method]]'))  # fmt: skip
    judged = [(cell.about["data"], cell.about["split"]) for cell, _ in preview(suite, tmp_path)]
    assert sorted(judged) == [("more", "half"), ("tiny", "half")]
    suite.write_text(text.replace('run = "found"', ""))  # what is to be trained needs it
    with pytest.raises(InputError, match="nothing to pretrain on"):
        read_suite(suite)


def test_row_names_may_hold_a_stroke_and_names_of_sets_say_why_not(tmp_path):
    names = {'name = "usdrl"': 'name = "usdrl"\nrow = "joint/bone | 100 %"'}
    suite = small(tmp_path, **names)
    cells = [cell for cell, _ in preview(suite, tmp_path / "out")]
    assert {cell.folder.parent.name for cell in cells} == {"joint_bone_100"}
    assert cells[-1].about["row"] == "joint/bone | 100 %"
    row = dict.fromkeys(COLUMNS, "a") | {"data": "tiny", "split": "half", "value": 0.5, "clips": 9}
    row |= {"label": "knn", "metric": "top1", "row": "joint/bone | 100 %"}
    assert "| joint/bone / 100 % |" in markdown(read_suite(suite), [row], 0)
    text = suite.read_text()
    for old, new, told in (
        ('name = "tiny"', 'name = "a/b"', r"\[\[data\]\] name: 'a/b' holds '/'.*call it 'a-b'"),
        ('"half"', '"ha/lf"', "tiny: splits: 'ha/lf' holds '/'.*call it 'ha-lf', in the store"),
        ("bone | 100 %", r"\n", "one line of a table"),
        ("joint/bone | 100 %", r" ", "one line of a table"),
    ):
        suite.write_text(text.replace(old, new))
        with pytest.raises(InputError, match=told):
            read_suite(suite)


def test_parquet(tmp_path, monkeypatch):
    """Without pyarrow there is none; with it every column goes in with its type."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    rows = [dict.fromkeys(COLUMNS, "a") | {"value": 0.5, "seconds": 1.0, "seed": 0, "eval_seed": 1}]
    assert not write_parquet(tmp_path / "results.parquet", rows)
    fake, parquet = types.ModuleType("pyarrow"), types.ModuleType("pyarrow.parquet")
    fake.type_for_alias = lambda name: name  # type: ignore[attr-defined]
    fake.array = lambda values, type: (list(values), type)  # type: ignore[attr-defined]
    fake.table = lambda columns: columns  # type: ignore[attr-defined]
    parquet.write_table = lambda table, path: Path(path).write_text(repr(table))  # type: ignore[attr-defined]
    fake.parquet = parquet  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyarrow", fake)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet)
    assert write_parquet(tmp_path / "results.parquet", rows)
    text = (tmp_path / "results.parquet").read_text()
    assert "'clips': (['a'], 'int64')" in text and "'low': (['a'], 'float64')" in text
    assert "'seed': ([0], 'int64')" in text and "'row': (['a'], 'string')" in text


def test_the_command(made, tmp_path):
    suite, out, done, _ = made
    assert "Example: skelf bench " in call("bench", "--help").out
    said = call("bench", suite, "--out", tmp_path / "new", "--dry-run")
    assert said.code == 0 and f"{done.cells} cells, {done.cells} to run" in said.out
    assert not (tmp_path / "new").exists()
    said = call("bench", suite, "--out", out)
    rows = (out / "results.csv").read_text().count("\n") - 1
    assert rows == len(bench(suite, out).rows)
    assert f"{out / 'results.csv'}" in said.out
    with_parquet = "results.parquet" in said.out
    assert with_parquet or "pip install 'skelf[parquet]'" in said.out
    suite.with_name("wrong.toml").write_text(SUITE.replace("seeds", "seed"))
    said = call("bench", suite.with_name("wrong.toml"), "--out", tmp_path / "new")
    assert said.code == 2 and said.err.startswith("error: ") and said.err.count("\n") == 1


def test_the_command_fails_where_a_cell_does(tmp_path, monkeypatch):
    suite = small(tmp_path, **{"epochs=3": "epochs=1"})

    def broken(*given: Any, **others: Any) -> None:
        raise RuntimeError("the loss is not finite\nat step 3")

    monkeypatch.setattr(api, "evaluate", broken)
    said = call("bench", suite, "--out", tmp_path / "out")
    assert said.code == 1 and "2 of 2 cells run, 1 failed, 0 left out" in said.out
    assert "failed: usdrl, joint, tiny/half, seed 0: knn: the loss is not finite; see" in said.out
    monkeypatch.undo()
    said = call("bench", suite, "--out", tmp_path / "out")
    assert said.code == 1 and "0 of 2 cells run" in said.out and "(before; --retry" in said.out
    said = call("bench", suite, "--out", tmp_path / "out", "--retry")
    assert said.code == 0 and "1 of 2 cells run, 0 failed" in said.out


SHIPPED = sorted((Path(__file__).parents[1] / "experiments/suites").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_suites_resolve_and_make_their_cells(path, tmp_path):
    suite = read_suite(path)
    check_settings(suite)
    # The stores are not shipped: their files and contents are made up.
    stores = {data.name: path.parent / (data.store or data.name) for data in suite.data}
    contents = {place: {"data": place.data} for data in suite.data for place in data.places}
    cells = plan(suite, Sets(stores, contents), tmp_path)
    runs = [cell for cell in cells if cell.kind == "pretrain"]
    assert len(runs) == sum(
        len(suite.seeds_of(method)) * len(suite.pretrained_on(method)) * len(method.streams)
        for method in suite.methods
    )
    assert {key for cell in cells for key in cell.needs} <= {cell.key for cell in cells}
    named = [cell.call["config"] for cell in runs if cell.call["config"]]  # else the shipped one
    assert all(Path(path).is_file() for path in named)


SHRUNK = {
    "dim": 16,
    "frames": 8,
    "mask_segment": 2,
    "epochs": 2,
    "width": 4,
    "queue": 20,
    "monitor_every": 0,
}
# Suite -> beginnings of lines of its table: row, untrained or not, and stream.
IN_SMALL = {
    "usdrl_ablation": ("| negatives, dste | joint |", "| VAC, dste, untrained | joint |"),
    "contrastive": (
        "| skeletonclr | motion |",
        "| skeletonclr | joint+motion |",
        "| crossclr | joint+motion+bone |",
        "| crossclr, untrained | joint+motion+bone |",
    ),
    "pcm3": (
        "| contrast | joint |",
        "| + clip | joint |",
        "| + post-distillation (PCM3++) | joint |",
    ),
}


def shrunk(text: str) -> str:
    """Settings of a few steps on a few frames, one seed, one split, two streams."""
    for key, value in SHRUNK.items():
        text = re.sub(rf"^{key} = \S+", f"{key} = {value}", text, flags=re.M)
    text = text.replace("standardize = true", "standardize = true\nepochs = 4")
    text = re.sub(r"(method\.\w+_epoch)=\d+", r"\1=1", text)
    text = re.sub(r"train\.epochs=\d+", "train.epochs=2", text)
    text = re.sub(r"^seeds = .*", "seeds = [0]", text, flags=re.M)
    text = re.sub(r"^streams = .*", 'streams = ["joint", "motion"]', text, flags=re.M)
    return re.sub(r"^splits = .*", 'splits = ["xview"]', text, flags=re.M)


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_SMALL)
def test_shipped_suites_run_in_very_small(name, tmp_path):
    """On a tiny synthetic store; what starts from an earlier run is checked nowhere else."""
    experiments = SHIPPED[0].parents[1]
    (tmp_path / "suites").mkdir()
    for file in experiments.glob("*_small.toml"):
        (tmp_path / file.name).write_text(shrunk(file.read_text()))
    path = tmp_path / "suites" / "suite.toml"
    path.write_text(shrunk((experiments / f"suites/{name}.toml").read_text()))
    generate(clips=48).save(path.with_name("nw_ucla.h5"))
    done = bench(path, tmp_path / "out")
    assert not done.failures and not done.left
    table = (tmp_path / "out/results.md").read_text()
    assert [line for line in IN_SMALL[name] if line not in table] == []


def test_a_table_too_wide_to_read_becomes_one_a_protocol(made):
    suite, _, done, _ = made
    path = suite.with_name("wide.toml")
    shown = [f"m{i}" for i in range(9)]
    head = '[[protocol]]\nname = "linear"\nuntrained = true\n'
    path.write_text(SUITE.replace(head, f"{head}show = {json.dumps(shown)}\n"))
    linear = [row for row in done.rows if row["label"] == "linear" and row["selection"] == "last"]
    rows = [row | {"metric": name} for name in shown for row in linear]
    rows += [row for row in done.rows if row["label"] == "knn"]
    text = markdown(read_suite(path), rows, 0)
    of_linear, of_knn = text.split("### linear")[1].split("### knn")[:2]
    assert [f"linear {name} " in of_linear for name in shown] == [True] * 9
    assert "knn top1" in of_knn and "linear m0" not in of_knn


def test_a_method_may_have_fewer_seeds(tmp_path):
    def plan_of(row, text):
        head = f'row = "{row}"\n'
        assert head in SUITE
        return preview(put(tmp_path / "in", SUITE.replace(head, head + text)), tmp_path / "out")

    whole, fewer = plan_of("odd weight", ""), plan_of("odd weight", "seeds = [1]\n")
    left = [cell.key for cell, _ in fewer]
    gone = [cell.key for cell, _ in whole if cell.key not in left]
    assert gone and all("odd_weight" in key and "seed0" in key for key in gone)
    assert any("odd_weight" in key and "seed1" in key for key in left)
    for row, text, said in (
        ("odd weight", "seeds = [7]\n", "seeds: 7 is none of the suite's"),
        ("odd weight", "seeds = []\n", "seeds: an empty list runs nothing"),
        ("odd weight", "seeds = [1, 1]\n", "seeds: 1 twice"),
        ("USDRL (tiny)", "seeds = [1]\n", r"after: USDRL \(tiny\) is not run with seed 0"),
    ):
        with pytest.raises(InputError, match=said):
            plan_of(row, text)


def test_a_cell_that_judges_by_a_column_belongs_to_that_column(tmp_path):
    """Another truth in the same clips: the cell of `quality` alone is another one."""
    suite = put(tmp_path, SUITE + '[[protocol]]\nname = "quality"\n')
    store = tmp_path / "tiny.h5"

    def settings(right):
        made = ClipSet.open(store)
        (tmp_path / "new").mkdir(exist_ok=True)
        replace(made, columns={"correct": np.full(36, right)}).save(tmp_path / "new" / "tiny.h5")
        os.replace(tmp_path / "new" / "tiny.h5", store)
        return {cell.key: cell.settings for cell, _ in preview(suite, tmp_path / "out")}

    one, other = settings(0), settings(1)
    assert one.keys() == other.keys()
    changed = {key for key, value in one.items() if value != other[key]}
    assert changed and changed == {key for key in one if "quality" in key}
