"""Every command takes a folder of shards as it takes the one file, and gives the same."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

import skelf
from skelf.cli.main import app
from skelf.data import shards
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError

TINY = ("encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=8")


def command(*words: str | Path, fails: bool = False) -> Result:
    """Runs a command."""
    run = CliRunner().invoke(app, [str(word) for word in words])
    assert (run.exit_code != 0) == fails, run.output + str(run.exception)
    return run


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store, and the folder of shards that `data shard` makes of it."""
    place = tmp_path_factory.mktemp("sharded")
    generate(clips=40, persons=2).save(place / "one.h5")
    said = command(
        "data", "shard", place / "one.h5", "--out", place / "many", "--clips-per-shard", 9
    )
    assert "40 clips in 5 shards" in " ".join(said.output.split())
    return place / "one.h5", place / "many"


def test_info_check_split(pair: tuple[Path, Path]) -> None:
    told = [json.loads(command("data", "info", path, "--json").output) for path in pair]
    assert told[1].pop("shards") == 5
    assert told[1].pop("bytes") > 0 < told[0].pop("bytes")
    assert told[0] == told[1]
    assert "in 5 shards" in command("data", "info", pair[1]).output
    looked = [command("data", "check", path, "--json").output for path in pair]
    assert looked[0] == looked[1].replace("many", "one.h5")
    for path in pair:
        command("data", "split", path, "--name", "half", "--by", "random", "--train", "0.5")
    one, many = (ClipSet.open(path) for path in pair)
    assert np.array_equal(one.splits["half"], many.splits["half"])
    command("data", "view", pair[1], "--clip", "39", "--out", pair[1].with_name("clip.html"))


@pytest.mark.parametrize(
    "words",
    [
        ("data", "map", "{}", "--layout", "ntu25", "--out", "{}.map.h5"),
        ("data", "clean", "{}", "--out", "{}.clean.h5", "lowpass=6"),
        ("data", "shard", "{}", "--out", "{}_out", "--clips-per-shard", "13"),
        ("data", "export", "{}", "--out", "{}.out.npz"),
    ],
    ids=lambda words: words[1],
)
def test_what_makes_a_set_of_a_set(pair: tuple[Path, Path], words: tuple[str, ...]) -> None:
    made = []
    for path in pair:
        command(*(word.replace("{}", str(path)) for word in words))
        out = Path(words[words.index("--out") + 1].replace("{}", str(path)))
        if out.suffix == ".npz":
            content = dict(np.load(out))
            made.append(content | {"skelf": json.loads(str(content["skelf"]))})
        else:
            clips = ClipSet.open(out)
            made.append({"length": clips.length, "joints": clips.joints[:], "label": clips.label})
    assert made[0].keys() == made[1].keys()
    for key, values in made[0].items():
        assert np.array_equal(values, made[1][key]), key


def test_joined_into_a_folder(pair: tuple[Path, Path], tmp_path: Path) -> None:
    generate(clips=5, seed=4).save(tmp_path / "more.h5")
    for out in ("pool.h5", "pool"):
        command("data", "join", pair[1], tmp_path / "more.h5", "--out", tmp_path / out)
    one, many = ClipSet.open(tmp_path / "pool.h5"), ClipSet.open(tmp_path / "pool")
    assert many.names == one.names and len(many) == 45
    assert np.array_equal(one.clip(44), many.clip(44)) and np.array_equal(one.clip(3), many.clip(3))
    assert not [*(tmp_path / "pool").glob("*.h5")]


@pytest.mark.slow
def test_trained_and_judged_alike(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """The same weights to the bit, features and figures."""
    found = []
    for number, path in enumerate(pair):
        run = tmp_path / f"run{number}"
        command("pretrain", "usdrl", "--data", path, "--split", "xsub", "--out", run, *TINY)
        rows = tmp_path / f"rows{number}.json"
        command(
            "eval", "knn,linear", "--run", run, "--data", path, "--split", "xsub", "--out", rows,
            "eval.epochs=2",
        )  # fmt: skip
        features = tmp_path / f"features{number}.npz"
        command("features", path, "--run", run, "--out", features)
        weights = load_file(next(run.rglob("model.safetensors")))
        values = [row["value"] for row in json.loads(rows.read_text("utf-8"))]
        found.append((weights, values, np.load(features)["features"]))
    (a, values, x), (b, others, y) = found
    assert a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
    assert values == others
    assert np.array_equal(x, y)


def test_an_output_that_is_there_stays(pair: tuple[Path, Path], tmp_path: Path) -> None:
    def refused(*words: str | Path) -> str:
        run = command(*words, fails=True)
        return str(run.exception) if isinstance(run.exception, InputError) else run.output

    one, many = pair
    assert "exists already" in refused("data", "shard", one, "--out", many)
    assert "the set that is read" in refused("data", "shard", many, "--out", many, "--force")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", "utf-8")
    assert "was not written by" in refused("data", "shard", one, "--out", tmp_path / "mine")
    assert "has the set that is read" in refused(
        "data", "join", one, many, "--out", many, "--force"
    )
    command("data", "join", one, many, "--out", tmp_path / "pool")
    for _ in range(2):  # and again in its place
        command("data", "join", one, many, "--out", tmp_path / "pool", "--force")
        assert len(ClipSet.open(tmp_path / "pool")) == 80
    assert "joints of it" in refused("data", "shard", tmp_path / "pool", "--out", many, "--force")
    assert "of its own" in refused(
        "data", "join", one, many, "--layouts", "union", "--out", tmp_path / "both"
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch on another set, so that only what reads the pair can differ."""
    tiny = [*TINY, "encoder.name=sttr", "encoder.layers=1", "train.monitor_every=0"]
    out = tmp_path_factory.mktemp("run") / "run"
    return skelf.pretrain("usdrl", generate(clips=16, seed=8), out=out, overrides=tiny)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Untrimmed recordings with segments, in one file and in shards of two; both of one name."""
    place = tmp_path_factory.mktemp("untrimmed")
    clips = generate(clips=0, recordings=7, subjects=4, seed=2)
    (place / "a").mkdir()
    clips.save(place / "a" / "set")
    shards.cut(clips, place / "b" / "set", 2)
    return place / "a" / "set", place / "b" / "set"


@pytest.mark.slow
def test_models_answer_alike(pair: tuple[Path, Path], run: Path, tmp_path: Path) -> None:
    """Fitted on either, and asked about either: the same answers, digit by digit."""
    said = []
    for learnt in pair:
        model = tmp_path / f"model-{learnt.name}"
        command(
            "fit", "classifier", "--run", run, "--data", learnt, "--split", "xsub",
            "--out", model, "--device", "cpu",
        )  # fmt: skip
        for asked in pair:
            out = tmp_path / f"{learnt.name}-{asked.name}.csv"
            command("predict", model, asked, "--out", out, "--device", "cpu")
            rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
            said.append([{k: v.replace("many", "one.h5") for k, v in r.items()} for r in rows])
    assert len(said[0]) >= 40 and said[0] == said[1] == said[2] == said[3]


@pytest.mark.slow
def test_recordings_are_found_alike(
    recordings: tuple[Path, Path], run: Path, tmp_path: Path
) -> None:
    """Detected, discovered, indexed and asked for."""
    model, query = tmp_path / "model", tmp_path / "query.h5"
    generate(clips=0, recordings=1, seed=9).save(query)
    command(
        "fit", "detector", "--run", run, "--data", recordings[1], "--out", model, "--device", "cpu",
        "fit.choose=false", "parts=2", "fit.dilated_epochs=2", "width=8",
    )  # fmt: skip
    found = []
    for data in recordings:
        out = tmp_path / data.parent.name
        out.mkdir()
        command("predict", model, data, "--out", out / "found.csv", "--device", "cpu")
        command(
            "discover", data, "--run", run, "--out", out / "groups", "penalty=0.1",
            "min_cluster_size=3",
        )  # fmt: skip
        command("search", "index", data, "--run", run, "--out", out / "index")
        command("search", "query", out / "index", f"{query}@0-2", "--out", out / "hits.csv")
        files = [out / "found.csv", out / "hits.csv", *sorted((out / "groups").glob("*.csv"))]
        found.append([file.read_text("utf-8").replace("/b/", "/a/") for file in files])
    assert found[0] == found[1]
    assert all(len(text.splitlines()) > 1 for text in found[0][1:])
