"""Late fusion: against a slow loop, by selection, end to end, and on files that do not hold."""

import json
import pickle
import re
import zipfile

import numpy as np
import pytest
import tiny_runs
from test_cli import Hostile, good, refused

import skelf
from skelf.errors import InputError
from skelf.protocols.outcome import Outcome
from skelf.results import scores
from skelf.results.fusion import fuse, weighted_sum
from skelf.results.rows import CHECKSUM, read_rows

K, CLIPS = 7, 40
ROW = {
    **{"protocol": "linear", "definition": "accuracy of a classifier", "method": "aimclr"},
    **{"form": "official", "encoder": "stgcn", "stream": "joint", "data": "set", "split": "half"},
    **{"seed": 0, "eval_seed": 0, "seconds": 1.0, "version": "1", "config": {"eval": {"lr": 3.0}}},
}
FIELDS = {*ROW, "metric", "value", "selection", "versions", "clips"}
LABELS = np.random.default_rng(0).integers(0, K, CLIPS)


class Clips:
    """What `scores.save` reads of a test split: an unlabelled clip stands among the others."""

    names = ("unlabelled", *(f"clip {i}" for i in range(CLIPS)))
    label = np.array([-1, *LABELS])
    class_names = tuple(f"class {i}" for i in range(K))


def write(path, draw=0, selections=("best_on_test", "validated"), **row):
    """A file of scores that are right more often than not, as `evaluate` writes it."""
    rng = np.random.default_rng(draw)
    arrays = [rng.normal(size=(CLIPS, K)).astype(np.float32) for _ in range(3)]
    for array in arrays:
        array[np.arange(CLIPS), LABELS] += 0.7
    trained = row.get("protocol") != "knn"
    values = {"top1.last" if trained else "top1.none": 0.5}
    outcome = Outcome(
        values, arrays[0], LABELS, "", dict(zip(selections, arrays[1:], strict=False))
    )
    assert scores.save(path, outcome, Clips, ROW | row)
    return dict(zip(("last", *selections), arrays, strict=False))


@pytest.fixture
def streams(tmp_path):
    """The files of three streams, and their arrays."""
    paths = [tmp_path / f"{name}.npz" for name in ("joint", "bone", "motion")]
    arrays = [write(p, seed, stream=p.stem, seed=seed) for seed, p in enumerate(paths)]
    return paths, arrays


def slow(arrays, weights, top):
    """Share of the clips whose class is among the `top` highest sums; sums one by one."""
    hits = 0
    for clip in range(CLIPS):
        sums = []
        for k in range(K):
            total = 0.0
            for array, weight in zip(arrays, weights, strict=True):
                total += weight * float(array[clip, k])
            sums.append(total)
        best = sorted(range(K), key=lambda k: (-sums[k], k))[:top]
        hits += int(LABELS[clip]) in best
    return hits / CLIPS


@pytest.mark.parametrize("weights", [None, (1.0, 0.25, 0.0), (0.2, 0.2, 5.0)])
def test_against_a_slow_loop(streams, weights):
    paths, arrays = streams
    rows = skelf.fuse(paths, weights=weights)
    used = weights or (0.6, 0.6, 0.4)
    found = {(row["metric"], row["selection"]): row["value"] for row in rows}
    assert len(found) == len(rows) == 6
    for selection in ("last", "best_on_test", "validated"):
        chosen = [one[selection] for one in arrays]
        assert found["top1", selection] == slow(chosen, used, 1)
        assert found["top5", selection] == slow(chosen, used, 5)
    assert len({round(value, 6) for value in found.values()}) > 3
    for one, array, weight in zip(rows[0]["config"]["inputs"], arrays, used, strict=True):
        assert one["weight"] == weight
        assert one["values"]["top1.last"] == slow([array["last"]], [1.0], 1)


def test_raw_scores_are_added_not_probabilities():
    one, other = np.array([[9.0, 8.0, 0.0]]), np.array([[0.0, 3.0, 0.0]])
    assert weighted_sum([one, other], [1.0, 1.0]).tolist() == [[9.0, 11.0, 0.0]]


def test_rows_say_what_they_are(streams, tmp_path):
    paths, _ = streams
    rows = fuse([paths[2], paths[0], paths[1]], out=tmp_path / "fused.json")
    stored = read_rows(tmp_path / "fused.json")
    assert [{k: v for k, v in row.items() if k != CHECKSUM} for row in stored] == rows
    for row in rows:
        assert row.keys() == FIELDS
        assert row["stream"] == "joint+motion+bone" and row["protocol"] == "linear"
        assert (row["method"], row["encoder"], row["data"], row["split"]) == (
            *("aimclr", "stgcn", "set"),
            "half",
        )
        assert row["seed"] is None and row["eval_seed"] == 0
        assert row["config"]["weights"] == [0.4, 0.6, 0.6]
        assert "0.4 motion + 0.6 joint + 0.6 bone" in row["definition"]
        assert "without softmax" in row["definition"] and "\n" not in row["definition"]
        assert row["definition"].endswith("each input: accuracy of a classifier")
        inputs = row["config"]["inputs"]
        assert [one["seed"] for one in inputs] == [2, 0, 1]
        assert inputs[0]["config"] == ROW["config"] and inputs[0]["file"] == str(paths[2])


def test_other_streams_and_protocols(streams, tmp_path):
    (joint, bone, _), _ = streams
    fused = tmp_path / "ensemble.npz"
    write(fused, 5, selections=(), stream="joint+motion+bone", method="crossclr")
    rows = fuse([joint, fused])
    assert rows[0]["config"]["weights"] == [1.0, 1.0]
    assert {row["selection"] for row in rows} == {"last"}  # what both have
    assert rows[0]["method"] == "aimclr+crossclr"
    votes = [tmp_path / f"{name}_votes.npz" for name in ("joint", "motion")]
    for path in votes:
        write(path, protocol="knn", stream=path.stem.split("_")[0], selections=())
    rows = fuse(votes)
    assert [(row["metric"], row["selection"]) for row in rows] == [("top1", "none")]
    twin = tmp_path / "twin.npz"
    write(twin, 8, seed=8)
    with pytest.warns(UserWarning, match=r"joint\.npz, .*twin\.npz: all of stream joint"):
        assert fuse([joint, twin, bone])[0]["stream"] == "joint+joint+bone"


def test_scores_round_trip(tmp_path):
    arrays = write(tmp_path / "a.npz", 3)
    found = scores.read(tmp_path / "a.npz")
    assert found.names == [f"clip {i}" for i in range(CLIPS)]
    assert found.class_names == list(Clips.class_names)
    assert found.row == ROW | {"selection": "last"}
    assert np.array_equal(found.labels, LABELS)
    assert list(found.scores) == ["last", "best_on_test", "validated"]
    for name, array in arrays.items():
        assert np.array_equal(found.scores[name], array)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as plain:
        assert set(plain.files) == {
            *("scores", "scores_best_on_test", "scores_validated", "labels", "names"),
            *("class_names", "row"),
        }
    nothing = Outcome({"map.none": 1.0}, None, LABELS, "")
    assert not scores.save(tmp_path / "b.npz", nothing, Clips, ROW)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    write(path)
    before = path.read_bytes()

    def fail(*args, **arrays):
        args[0].write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="No space"):
        write(path, 1)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def changed(path, **arrays):
    """The file with some of its arrays replaced, or left out where None."""
    with np.load(path) as file:
        data = dict(file) | arrays
    new = path.with_name(f"changed_{path.name}")
    np.savez(new, **{key: value for key, value in data.items() if value is not None})
    return new


def test_what_does_not_belong_together(streams, tmp_path):
    joint, bone = streams[0][:2]
    for row, message in (
        ({"protocol": "finetune"}, "protocol differ: 'linear' and 'finetune'"),
        ({"data": "other"}, "data differ: 'set' and 'other'"),
        ({"split": "xview"}, "split differ: 'half' and 'xview'"),
    ):
        write(tmp_path / "other.npz", stream="bone", **row)
        with pytest.raises(InputError, match=rf"joint\.npz and .*other\.npz: {message}"):
            fuse([joint, tmp_path / "other.npz"])
    names = [f"clip {i}" for i in range(CLIPS)]
    short = {key: np.zeros((3, K), np.float32) for key in ("scores", "scores_best_on_test")}
    wide = dict.fromkeys(("scores", "scores_best_on_test", "scores_validated"), np.ones((CLIPS, 9)))
    for arrays, message in (
        ({"labels": np.roll(LABELS, 1)}, r"labels\[\d+\] differ: \d and \d;"),
        ({"names": np.array([*names[:-1], "x"])}, r"names\[39\] differ: 'clip 39' and 'x'"),
        ({"class_names": np.array(["a"])}, "numbers of class_names differ: 7 and 1"),
        (
            {"labels": LABELS[:3], "names": np.array(names[:3]), "scores_validated": None, **short},
            "numbers of names differ: 40 and 3",
        ),
        (wide, "numbers of classes differ: 7 and 9"),
    ):
        with pytest.raises(InputError, match=rf"joint\.npz and .*bone\.npz: {message}"):
            fuse([joint, changed(bone, **arrays)])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "weights: 1 for 2 files; give one for each"),
        ([1.0, 1.0, 1.0], "weights: 3 for 2 files"),
        ([1.0, float("nan")], "weights: 1, nan: each must be a finite number"),
        ([1.0, float("inf")], "weights: 1, inf: each must"),
        ([1.0, -0.5], "weights: 1, -0.5: each must"),
        ([0.0, 0.0], "weights: 0, 0: each must"),
    ],
)
def test_wrong_weights(streams, weights, message):
    with pytest.raises(InputError, match=message):
        fuse(streams[0][:2], weights=weights)


BAD = {
    "scores": [
        (None, "field 'scores' is missing"),
        (np.zeros((CLIPS, K), int), "scores: int64 .* is not what belongs here"),
        (np.zeros(CLIPS), r"scores: float64 \(40,\) is not"),
        (np.zeros((CLIPS - 1, K)), r"scores \(last\): shape \(39, 7\), expected \(40, 7\)"),
        (np.full((CLIPS, K), np.nan), r"scores \(last\): NaN or infinite"),
    ],
    "scores_best_on_test": [
        (np.zeros((CLIPS, K + 1)), r"scores \(best_on_test\): shape \(40, 8\)"),
        (np.full((CLIPS, K), np.inf), r"scores \(best_on_test\): NaN or inf"),
    ],
    "labels": [
        (None, "field 'labels' is missing"),
        (LABELS - 1, r"labels: -1\.\.5 are not all classes of 7"),
        (LABELS + 1, r"labels: 1\.\.7 are not all"),
        (LABELS[:3], "names: 40 entries for 3 labels"),
        (LABELS[:0], "names: 40 entries for 0 labels"),
        (LABELS.astype(float), "labels: float64"),
    ],
    "names": [(None, "field 'names' is missing"), (np.arange(CLIPS), "names: int64")],
    "class_names": [(None, "field 'class_names' is missing")],
    "row": [
        (None, "field 'row' is missing"),
        (np.array("{"), "row: not JSON"),
        (np.array("[" * 100_000), "row: not JSON"),
        (np.array("[]"), "row: protocol is missing or no text"),
        (np.array(json.dumps(ROW)), "row: selection is missing"),
        (np.array(json.dumps(ROW | {"selection": "x"})), "row: selection 'x' is neither"),
        (np.array(json.dumps(ROW | {"selection": "last", "stream": 3})), "row: stream is missing"),
    ],
}


@pytest.mark.parametrize(
    ("key", "value", "message"), [(key, *case) for key, cases in BAD.items() for case in cases]
)
def test_wrong_fields(streams, key, value, message):
    joint, bone = streams[0][:2]
    with pytest.raises(InputError, match=rf"changed_bone\.npz: {message}"):
        fuse([joint, changed(bone, **{key: value})])


def test_files_that_are_none(streams, tmp_path):
    joint, bone = streams[0][:2]
    trap, bad = tmp_path / "trap", tmp_path / "bad.npz"
    whole = bone.read_bytes()

    def said(content):
        bad.write_bytes(content)
        return refused("fuse", joint, bad)

    assert "bad.npz: not an .npz of scores" in said(b"")
    assert "bad.npz: not an .npz of scores" in said(b"some text")
    assert "bad.npz: not an .npz of scores" in said(pickle.dumps(Hostile(str(trap))))
    assert "bad.npz: not an .npz of scores" in said(whole[:2])
    for end in (100, len(whole) // 2, len(whole) - 1):
        assert re.search(r"bad\.npz: .*(cut off or damaged|is missing)", said(whole[:end])), end
    damaged = bytearray(whole)
    damaged[200:260] = bytes(60)
    assert "bad.npz: " in said(bytes(damaged))
    np.savez(bad, scores=np.array([Hostile(str(trap))], dtype=object))
    assert "bad.npz: scores: a pickle, which is never loaded" in refused("fuse", joint, bad)
    with zipfile.ZipFile(bad, "w") as file:
        file.writestr("labels.npy", pickle.dumps(Hostile(str(trap))))
    assert "bad.npz: labels: no array" in refused("fuse", joint, bad)
    np.savez(bad, other=np.zeros(3))
    assert "bad.npz: field 'labels' is missing" in refused("fuse", joint, bad)
    assert not trap.exists()
    assert "no.npz: no such file" in refused("fuse", joint, tmp_path / "no.npz")
    assert "no such file" in refused("fuse", joint, tmp_path)
    assert "joint.npz alone: fusion needs two" in refused("fuse", joint)
    for word, message in (
        ("0.6", "weights: 1 for 2 files"),
        ("0.6,x", "--weights '0.6,x': give numbers"),
        ("nan,1", "weights: nan, 1: each must be a finite number"),
        ("", "--weights '': give numbers"),
    ):
        assert message in refused("fuse", joint, bone, "--weights", word)
    assert "cannot write here" in refused("fuse", joint, bone, "--out", joint / "x.json")


def test_from_runs_to_the_fused_table(tmp_path):
    """`eval --out` saves scores, `fuse` reads them: selections, table, Python and command line."""
    store = tmp_path / "made.h5"
    tiny_runs.clips().save(store)
    judge = ("--data", store, "--split", "half", "eval.epochs=10", "eval.test_every=2", "eval.lr=1")
    values = {}
    for stream in ("joint", "bone"):
        run, out = tmp_path / stream, tmp_path / f"{stream}.json"
        tiny_runs.pretrain(run, "train.epochs=1", stream=stream)
        text = good("eval", "linear,knn,retrieval", "--run", run, "--out", out, *judge)
        assert f"Results: {out}" in text
        assert not (tmp_path / f"{stream}.retrieval.scores.npz").exists()
        found = scores.read(tmp_path / f"{stream}.linear.scores.npz")
        assert list(found.scores) == ["last", "best_on_test", "validated"]
        for row in json.loads(out.read_text()):
            if row["protocol"] == "linear" and row["metric"] == "top1":
                predicted = found.scores[row["selection"]].argmax(axis=1)
                assert row["value"] == pytest.approx((predicted == found.labels).mean())
                values[stream, row["selection"]] = row["value"]
        same = {key: row[key] for key in found.row if key in row and key != "selection"}
        last = [row for row in json.loads(out.read_text()) if row["protocol"] == "linear"][-1]
        assert same.keys() <= last.keys() and found.row["config"] == last["config"]
        assert set(scores.read(tmp_path / f"{stream}.knn.scores.npz").scores) == {"none"}
    files = [tmp_path / f"{stream}.linear.scores.npz" for stream in ("joint", "bone")]
    text = good("fuse", *files, "--out", tmp_path / "fused.json", "--weights", "0.6,0.4")
    rows = json.loads((tmp_path / "fused.json").read_text())
    anew = {"seconds": 0, CHECKSUM: ""}
    assert [row | anew for row in rows] == [
        row | anew for row in skelf.fuse(files, weights=(0.6, 0.4))
    ]
    assert re.search(r"joint × 0\.6\W+bone × 0\.4\W+fused", text)
    for row in rows[:1] + [row for row in rows if row["selection"] == "validated"][:1]:
        name = row["selection"]
        shown = [*(values[stream, name] for stream in ("joint", "bone")), row["value"]]
        figures = r"\W+".join(re.escape(f"{value:.1%}") for value in shown)
        assert re.search(rf"top1\W+{name}\W+{figures}", text), text
    text = good("fuse", files[0], tmp_path / "joint.linear.scores.npz")
    assert "note:" in text and "all of stream joint" in " ".join(text.split())


def test_several_runs_and_a_stream_on_the_command_line(tmp_path):
    store = tmp_path / "made.h5"
    tiny_runs.clips().save(store)
    runs = [tmp_path / name for name in ("joint", "bone")]
    for run in runs:
        tiny_runs.pretrain(run, "train.epochs=1", stream=run.name)
    out = tmp_path / "both.json"
    judge = ("--data", store, "--split", "half", "--out", out)
    good("eval", "linear,knn", "--run", runs[0], "--run", runs[1], *judge, "eval.epochs=5")
    assert {row["stream"] for row in json.loads(out.read_text())} == {"joint+bone"}
    assert scores.read(tmp_path / "both.linear.scores.npz").row["stream"] == "joint+bone"
    line = refused("eval", "knn", "--run", runs[0], *judge, "--stream", "all", "--force")
    assert "holds joint alone" in line
    line = refused("eval", "knn", "--run", runs[0], "--run", runs[0], *judge)
    assert "named twice" in line
