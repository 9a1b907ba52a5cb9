"""The rule of what `--out` may name, on every command; what cannot be written; names not UTF-8."""

from __future__ import annotations

import errno
import json
import os
import pickle
import resource
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch
from report_runs import put_rows, put_run, row
from typer.testing import CliRunner

from skelf import api, files, judging
from skelf.bench.run import _refuse_foreign_tables
from skelf.checkpoints import folder as checkpoint
from skelf.cli.main import app, main
from skelf.data.clips import ClipSet
from skelf.data.frames import Frames
from skelf.data.synthetic.clips import generate
from skelf.data.writers.npz import write_npz
from skelf.data.writers.pyskl import write_pyskl
from skelf.demo import _make_room
from skelf.errors import InputError
from skelf.files import is_stream, replacing, write_json, write_text
from skelf.outputs import GIF, NPZ, PAGE, PYSKL, RESULTS, SCORES, STORE, check_output
from skelf.pages import clip as drawing
from skelf.pages.html import write as write_page
from skelf.protocols.features import extract
from skelf.protocols.outcome import Outcome
from skelf.protocols.semi import _warn_of_gaps
from skelf.results import archive, scores
from skelf.results.unseen import warn_of_unseen
from skelf.results.written import UnwrittenError, Written
from skelf.training.claim import claim

KINDS = {
    "store": STORE, "results": RESULTS, "scores": SCORES, "page": PAGE, "gif": GIF, "npz": NPZ,
    "pyskl": PYSKL,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Path]:
    """A file of each kind as skelf writes it, and foreign ones that look alike."""
    folder, clips = tmp_path_factory.mktemp("kinds"), tiny_runs.clips()
    at = {name: folder / name for name in KINDS}
    clips.save(at["store"])
    write_npz(clips, at["npz"])
    write_pyskl(clips, at["pyskl"])
    put_rows(at["results"], row(0.5))
    texts = archive.texts(["a"], ["b"], {"protocol": "knn"})
    archive.write(at["scores"], {"scores": np.zeros((1, 1)), "labels": np.zeros(1, int)} | texts)
    write_page(at["page"], "<!DOCTYPE html>\n<html></html>")
    drawing.write(clips, 0, folder / "a.gif")
    (folder / "a.gif").rename(at["gif"])
    import h5py

    with h5py.File(folder / "hdf5", "w") as file:
        file["x"] = np.zeros(3)
    np.savez(folder / "arrays", frames=np.zeros(3), x=np.zeros(2))
    (folder / "pickle").write_bytes(pickle.dumps({"weights": [1, 2]}))
    (folder / "object").write_text(json.dumps({"protocol": "knn", "metric": 1, "value": 2}))
    (folder / "list").write_text(json.dumps([{"image_id": 1, "keypoints": [1, 2]}]))
    (folder / "text").write_text("subject,label\n1,2\n")
    (folder / "torn").write_text('[{"protocol": "knn", "met')
    at |= {path.name: path for path in folder.iterdir()}
    return at


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_replaced_by_its_own_kind_alone_and_only_when_told(kind, made):
    for name, path in made.items():
        before = path.read_bytes()
        if name != kind:
            with pytest.raises(InputError, match=f"{path}: exists and is not an? "):
                check_output(path, KINDS[kind], replace=True)
        else:
            with pytest.raises(InputError, match=f"{path}: exists already; .* --force"):
                check_output(path, KINDS[kind])
            check_output(path, KINDS[kind], replace=True)
        assert path.read_bytes() == before


def test_an_empty_or_missing_file_may_be_written(tmp_path):
    (tmp_path / "empty").touch()
    for name in ("empty", "new", "folder/new"):
        check_output(tmp_path / name, STORE)
    with pytest.raises(InputError, match="a folder; name a file"):
        check_output(tmp_path, PAGE, replace=True)


def test_a_name_that_is_too_long_is_refused_at_once(tmp_path):
    assert not files.is_printed(tmp_path / ("x" * 300))
    with pytest.raises(InputError, match="File name too long"):
        check_output(tmp_path / ("x" * 300), STORE)
    assert os.listdir(tmp_path) == []
    long = tmp_path / ("x" * 250)  # its temporary has a shorter one
    check_output(long, STORE)
    write_json(long, [1])
    assert os.listdir(tmp_path) == [long.name]


def test_an_input_is_never_an_output_by_whatever_name(tmp_path, made, monkeypatch):
    (tmp_path / "T.h5").write_bytes(made["store"].read_bytes())
    (tmp_path / "soft").symlink_to("T.h5")
    (tmp_path / "hard").hardlink_to(tmp_path / "T.h5")
    (tmp_path / "below").symlink_to(".")
    monkeypatch.chdir(tmp_path)
    names = ("T.h5", "soft", "hard", "below/T.h5", "./below/./T.h5", str(tmp_path / "T.h5"))
    for name in names:
        with pytest.raises(InputError, match="the store that is read; choose another --out"):
            check_output(Path(name), STORE, inputs=["T.h5"], replace=True)
        with pytest.raises(InputError, match="the store that is read"):
            check_output(Path("T.h5"), PAGE, inputs=[name], replace=True)
    with pytest.raises(InputError, match="the file that is read"):  # not there yet, and the same
        check_output(Path("below/new"), PAGE, inputs=["new"])


def test_a_link_stays_and_the_rule_is_for_what_it_names(tmp_path, made):
    (tmp_path / "real.json").write_bytes(made["results"].read_bytes())
    link, dangling = tmp_path / "link.json", tmp_path / "dangling.json"
    link.symlink_to("real.json")
    dangling.symlink_to("later.json")
    with pytest.raises(InputError, match=r"link\.json: exists already"):
        check_output(link, RESULTS)
    with pytest.raises(InputError, match=r"link\.json: exists and is not an HTML page"):
        check_output(link, PAGE, replace=True)
    check_output(dangling, RESULTS)
    for path, target in ((link, "real.json"), (dangling, "later.json")):
        write_json(path, [])
        assert path.is_symlink() and json.loads((tmp_path / target).read_text()) == []
    with replacing(link) as beside:  # archives, stores and pictures
        beside.write_bytes(b"x")
    assert link.is_symlink() and (tmp_path / "real.json").read_bytes() == b"x"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(InputError, match="leads in a circle"):
        check_output(tmp_path / "round", RESULTS)


@contextmanager
def read_from(pipe: Path) -> Iterator[list[str]]:
    """What the block writes into a pipe is in the list after it."""
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    yield got
    reader.join(10)


def test_a_pipe_takes_text_and_refuses_the_rest(tmp_path, made):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert is_stream(pipe)
    check_output(pipe, RESULTS)
    check_output(pipe, PAGE)
    for kind in (STORE, SCORES, NPZ, PYSKL, GIF):
        with pytest.raises(InputError, match=r"name a file for an?\b"):
            check_output(pipe, kind, replace=True)
    with pytest.raises(InputError, match="a device or a pipe"):
        ClipSet.open(made["store"]).save(pipe)
    with read_from(pipe) as got:
        write_json(pipe, [1])
    assert got == ["[\n 1\n]\n"] and stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_terminal_takes_text(tmp_path):
    ours, theirs = os.openpty()
    try:
        device = Path(os.ttyname(theirs))
        (tmp_path / "link").symlink_to(device)
        write_text(tmp_path / "link", "a line\n")
        assert os.read(ours, 100) == b"a line\r\n" and stat.S_ISCHR(device.stat().st_mode)
        with pytest.raises(InputError, match="a device or a pipe"), replacing(device):
            pass
    finally:
        os.close(ours)
        os.close(theirs)


def test_what_goes_to_standard_output_is_not_cut_off(tmp_path, capfd):
    print("before")
    assert files.is_printed(Path("/dev/stdout")) and not files.is_printed(tmp_path)
    write_text(Path("/dev/stdout"), "rows\n")
    print("after")
    assert capfd.readouterr().out == "before\nrows\nafter\n"


def test_a_socket_is_refused(tmp_path, monkeypatch):
    import socket

    monkeypatch.chdir(tmp_path)  # the whole path may be too long for one
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(InputError, match="a disk or a socket"):
            check_output(Path("s"), RESULTS, replace=True)


@dataclass(frozen=True)
class NoOptions:
    """Of a made-up protocol."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    return tiny_runs.pretrain(tmp_path_factory.mktemp("trained") / "run", "train.epochs=1")


# Every command that takes the name of a file.


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    """A store, a run without a checkpoint, rows and scores."""
    root = tmp_path_factory.mktemp("room")
    tiny_runs.clips().save(root / "T.h5")
    put_run(root / "run", [3.0, 2.0], [0.2, 0.4])
    put_rows(root / "run" / "results.json", row(0.5))
    (root / "notes.html").write_text("my own notes, no page")
    (root / "data.npz").write_bytes(b"PK\x03\x04 no archive")
    for name in ("a", "b"):
        (root / f"{name}.npz").write_bytes(b"PK\x03\x04 scores")
    return root


def commands(root: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Each command without `--out`, and files that it must keep, forced or not."""
    t, run = str(root / "T.h5"), str(root / "run")
    config, log, notes = f"{run}/config.json", f"{run}/log.jsonl", str(root / "notes.html")
    judge = ["--run", run, "--data", t, "--split", "half"]
    return {
        "import": (["data", "import", "arrays", str(root / "data.npz")], [str(root / "data.npz")]),
        "map": (["data", "map", t, "--layout", "kinect20"], [t, notes]),
        "join": (["data", "join", t, str(root / "T2.h5")], [t, notes]),
        "check": (["data", "check", t], [t, config]),
        "view": (["data", "view", t], [notes]),
        "export": (["data", "export", t], [str(root / "data.npz")]),
        "eval": (["eval", "knn", *judge], [t, config, log, notes]),
        "fuse": (["fuse", str(root / "a.npz"), str(root / "b.npz")], [str(root / "a.npz"), t]),
        "report": (
            ["report", run, "--data", t, "--split", "half"],
            [t, config, log, f"{run}/results.json"],
        ),
    }


@pytest.mark.parametrize("name", commands(Path()))
def test_no_command_destroys_what_it_reads_or_another_kind(name, room):
    words, kept = commands(room)[name]
    for path in kept:
        before = Path(path).read_bytes()
        for force in ([], ["--force"]):
            done = CliRunner().invoke(app, [*words, "--out", path, *force])
            assert isinstance(done.exception, InputError), (path, done.output)
            assert str(done.exception).startswith(f"{path}: ")
        assert Path(path).read_bytes() == before


@pytest.mark.parametrize("name", ["check", "view", "report"])
def test_a_page_is_replaced_when_told(name, room, tmp_path):
    words = commands(room)[name][0][: 2 if name == "report" else 3]
    out = tmp_path / "page.html"
    out.write_text("<html>the page of yesterday")
    done = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert "--force" in str(done.exception) and "yesterday" in out.read_text()
    done = CliRunner().invoke(app, [*words, "--out", str(out), "--force"])
    assert done.exception is None and "yesterday" not in out.read_text()


def test_a_page_goes_into_a_pipe(room, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with read_from(tmp_path / "pipe") as got:
        done = CliRunner().invoke(
            app, ["report", str(room / "run"), "--out", str(tmp_path / "pipe")]
        )
    assert done.exception is None and got[0].startswith("<!DOCTYPE html>")


def test_companions_follow_the_rule(room, tmp_path):
    out = tmp_path / "rows.json"
    beside = scores.beside(out, "knn")
    beside.write_text("my notes on the scores")
    words = [*commands(room)["eval"][0], "--out", str(out)]
    for force in ([], ["--force"]):
        done = CliRunner().invoke(app, [*words, *force])
        assert str(done.exception).startswith(f"{beside}: exists and is not an archive of scores")


# Folders that are written to.


def test_folders_of_others_stay(tmp_path):
    for name in ("results.csv", "results.md", "results.parquet"):
        folder = tmp_path / f"of_{name}"
        folder.mkdir()
        _refuse_foreign_tables(folder)
        (folder / name).write_text("mine")
        with pytest.raises(InputError, match=f"{name}: no benchmark wrote it"):
            _refuse_foreign_tables(folder)
        (folder / "cells").mkdir()
        (folder / "cells" / "cell_knn.json").write_text("{}")
        _refuse_foreign_tables(folder)
    for text in ("[1]", '{"made": 1}', "no json"):
        folder = tmp_path / "demo"
        folder.mkdir(exist_ok=True)
        (folder / "demo.json").write_text(text)
        with pytest.raises(InputError, match=r"demo\.json"):
            _make_room(folder)
        assert (folder / "demo.json").read_text() == text
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "log.jsonl").write_text("mine")
    with pytest.raises(InputError, match="already holds a run"), claim(folder, {}, False):
        pass
    assert (folder / "log.jsonl").read_text() == "mine"


# What cannot be written.


@contextmanager
def full_disk():
    """Files end after 4 kB, as they do on a full disk, with another word."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def writers() -> dict[str, tuple[str, object]]:
    """What writes a file: its name, and how it is called."""
    clips = tiny_runs.clips()
    noise = np.random.default_rng(0).random(20_000)
    return {
        "store": ("a.h5", clips.save),
        "npz": ("a.npz", lambda path: write_npz(clips, path)),
        "pickle": ("a.pkl", lambda path: write_pyskl(clips, path)),
        "scores": ("a.scores.npz", lambda path: archive.write(path, {"a": noise})),
        "json": ("a.json", lambda path: write_json(path, noise.tolist())),
        "gif": ("a.gif", lambda path: drawing.write(clips, 0, path)),
        "page": ("a.html", lambda path: drawing.write(clips, 0, path)),
        "checkpoint": (
            "a",
            lambda path: checkpoint.save(
                path, tensors={"a": torch.zeros(9000)}, config={}, card=""
            ),
        ),
    }


@pytest.mark.parametrize("name", writers())
def test_a_full_disk_is_named_with_the_file_and_leaves_nothing(name, tmp_path, monkeypatch, capsys):
    file, write = writers()[name]
    path = tmp_path / file
    with full_disk(), pytest.raises((OSError, InputError)) as full:
        write(path)
    text = line_of(full.value, monkeypatch, capsys)
    assert f"{path}: " in text and "File too large" in text and ".tmp" not in text
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("name", sorted(set(writers()) - {"checkpoint"}))
def test_whatever_fails_at_the_end_is_named_too(name, number, tmp_path, monkeypatch, capsys):
    file, write = writers()[name]
    path = tmp_path / file

    def fail(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((OSError, InputError)) as full:
        write(path)
    text = line_of(full.value, monkeypatch, capsys)
    assert f"{path}: " in text and os.strerror(number) in text and ".tmp" not in text
    assert os.listdir(tmp_path) == []


def line_of(error: Exception, monkeypatch, capsys) -> str:
    """What the command line prints of an error."""

    def fail(**words: object) -> None:
        raise error

    monkeypatch.setattr("skelf.cli.main.app", fail)
    with pytest.raises(SystemExit):
        main()
    return capsys.readouterr().err


def test_frames_that_wait_say_where(tmp_path):
    with full_disk(), Frames((1, 20, 3), tmp_path) as frames:
        with pytest.raises(OSError, match="File too large") as full:
            frames.add(np.ones((99, 1, 20, 3)))
            frames.array()
        assert full.value.filename == str(tmp_path)
        files_full = frames._file
    assert files_full.closed


@pytest.mark.parametrize(
    "text",
    [
        "Can't decrement id ref count (unable to extend file, errno = 28, error message = '...')",
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device",
    ],
)
def test_reasons_of_libraries_are_understood(text):
    assert files.reason(RuntimeError(text)) == (28, "No space left on device")
    assert files.reason(RuntimeError("nothing of the kind")) is None


def test_what_is_read_keeps_its_name(tmp_path):
    with pytest.raises(OSError, match=r"source\.npy"), replacing(tmp_path / "out"):
        (tmp_path / "source.npy").read_bytes()
    with pytest.raises(RuntimeError, match=r"^another$"), replacing(tmp_path / "out"):
        raise RuntimeError("another")


def test_features_that_cannot_be_cached_are_a_note(tmp_path, trained):
    encoder = api.load(trained)
    with full_disk(), pytest.warns(UserWarning, match="features are not cached: File too large"):
        extract(encoder, tiny_runs.clips(), cache=tmp_path / "features")
    assert list((tmp_path / "features").iterdir()) == []


# `eval` loses no rows.


def protocol(value: float) -> object:
    """One that gives a number at once, and scores."""

    def judge(encoder, train, test, how, *, seed, device, cache) -> Outcome:
        labels = test.label
        return Outcome({"top1.last": value}, np.eye(len(test.class_names))[labels], labels, "x")

    return judge


def failing(error: BaseException) -> object:
    def judge(*args: object, **words: object) -> Outcome:
        raise error

    return judge


@pytest.fixture
def judged(trained, monkeypatch):
    """`judged(linear=..., knn=...)` runs these protocols by the command line."""

    def call(out: Path | None, *words: str, **protocols: object):
        monkeypatch.setattr(judging, "PROTOCOLS", protocols)
        monkeypatch.setattr(
            judging, "evaluation", lambda asked, **_: dict.fromkeys(asked, NoOptions())
        )
        where = [] if out is None else ["--out", str(out)]
        monkeypatch.setattr(ClipSet, "open", lambda *_, **__: tiny_runs.clips())
        return CliRunner().invoke(
            app,
            [
                "eval",
                ",".join(protocols),
                "--run",
                str(trained),
                "--data",
                "T.h5",
                "--split",
                "half",
                "--device",
                "cpu",
                *where,
                *words,
            ],
        )

    return call


def test_rows_of_what_ended_are_kept(judged, tmp_path):
    out = tmp_path / "rows.json"
    broken = failing(InputError("no such thing"))
    done = judged(out, linear=protocol(0.25), knn=protocol(0.5), semi=broken)
    assert "25.0%" in done.output and "50.0%" in done.output and "no such" in str(done.exception)
    assert [line["value"] for line in json.loads(out.read_text())] == [0.25, 0.5]
    assert sorted(os.listdir(tmp_path)) == [
        "rows.json", "rows.knn.scores.npz", "rows.linear.scores.npz"
    ]  # fmt: skip
    done = judged(out, linear=protocol(0.75))
    assert "--force" in str(done.exception)
    done = judged(out, "--force", linear=protocol(0.75))
    assert done.exception is None and json.loads(out.read_text())[0]["value"] == 0.75


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("out of memory")])
def test_rows_are_shown_without_a_file_too(error, judged):
    done = judged(None, linear=protocol(0.25), knn=failing(error))
    assert "25.0%" in done.output and done.exit_code != 0


def test_rows_are_shown_where_they_cannot_be_written(judged, tmp_path, monkeypatch):
    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("skelf.results.written.write_rows", full)
    out = tmp_path / "rows.json"
    done = judged(out, linear=protocol(0.25), knn=protocol(0.5))
    assert "25.0%" in done.output and "50.0%" in done.output
    assert isinstance(done.exception, UnwrittenError) and len(done.exception.rows) == 2
    assert done.exception.filename == str(out) and os.listdir(tmp_path) == []


def test_a_disk_that_is_full_for_a_while_costs_nothing(tmp_path, monkeypatch):
    out, clips = tmp_path / "rows.json", tiny_runs.clips()
    outcome = protocol(0.5)(None, clips, clips, None, seed=0, device="cpu", cache=None)
    written = Written(out, clips)

    def full(path: Path, *rest: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(scores, "save", full)
        written.add("linear", outcome, {}, [{"value": 1}])
        assert [row["value"] for row in json.loads(out.read_text())] == [1]  # rows go first
        with pytest.raises(UnwrittenError, match=r"rows\.linear\.scores\.npz"):
            written.finish()
    written.add("knn", outcome, {}, [{"value": 2}])
    written.finish()
    assert len(os.listdir(tmp_path)) == 3 and len(json.loads(out.read_text())) == 2


def test_a_pipe_gets_the_rows_once_and_no_scores(judged, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with read_from(tmp_path / "pipe") as got:
        done = judged(tmp_path / "pipe", linear=protocol(0.25), knn=protocol(0.5))
    assert done.exception is None and len(json.loads(got[0])) == 2
    assert os.listdir(tmp_path) == ["pipe"]


# Classes that nothing taught.


def test_classes_without_a_training_clip_are_named():
    clips = tiny_runs.clips()
    train = clips.take(np.flatnonzero(clips.label > 1))
    names = ", ".join(clips.class_names[:2])
    count = int((clips.label < 2).sum())
    with pytest.warns(UserWarning, match=f"no training clip has the classes {names} \\(2 of .* "):
        warn_of_unseen(["linear", "knn"], train, clips)
    with pytest.warns(UserWarning, match=f"{count} of {len(clips)} test clips"):
        warn_of_unseen(["fewshot", "semi"], train, clips)
    one = clips.take(np.flatnonzero(clips.label != 3))
    with pytest.warns(UserWarning, match=f"the class {clips.class_names[3]} .*: it cannot"):
        warn_of_unseen(["finetune"], one, clips)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unseen(["fewshot"], train, clips)  # it learns from support clips
        warn_of_unseen(["linear"], clips, train)
        warn_of_unseen(["detection"], train, clips)


def test_classes_of_segments_are_those_of_detection():
    made = generate(clips=0, recordings=6, seed=1)
    label = made.segments[0, 3]
    train = replace(made, segments=made.segments[made.segments[:, 3] != label])
    with pytest.warns(UserWarning, match=f"no training segment has .*{made.class_names[label]}"):
        warn_of_unseen(["detection"], train, made)


def test_eval_prints_the_note_once(judged, monkeypatch):
    clips = tiny_runs.clips()
    side = np.where(clips.label == 0, 2, 1 + np.arange(len(clips)) % 2)
    odd = clips.with_split("half", side)
    monkeypatch.setattr(tiny_runs, "clips", lambda: odd)
    done = judged(None, linear=protocol(0.25), knn=protocol(0.5))
    assert done.output.count("note: no training clip has") == 1


def test_draws_without_a_class_are_named():
    labels = np.repeat(np.arange(4), 5)
    drawn = {"10%": [torch.tensor([0, 5]), torch.arange(20)], "100%": [torch.arange(20)]}
    with pytest.warns(
        UserWarning, match=r"1 of 2 draws of 10% lack .* up to 2 of 4 classes"
    ) as said:
        _warn_of_gaps(drawn, labels, labels)
    assert len(said) == 1


# Names that are no UTF-8.


def test_names_that_are_no_text_do(tmp_path, monkeypatch, capsys):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    at = {name: str(folder / name) for name in ("a.npz", "a.h5", "b.npz", "b.pkl", "p.html")}

    def call(*words: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["skelf", *words])
        with pytest.raises(SystemExit) as done:
            main()
            raise SystemExit(0)
        said = capsys.readouterr()
        assert (done.value.code or 0) == code, said
        return said.err if code else said.out

    write_npz(tiny_runs.clips(), Path(at["a.npz"]))
    call("data", "import", "arrays", at["a.npz"], "--out", at["a.h5"])
    call("data", "info", at["a.h5"])
    call("data", "export", at["a.h5"], "--out", at["b.npz"])
    call("data", "export", at["a.h5"], "--out", at["b.pkl"])
    call("data", "check", at["a.h5"], "--out", at["p.html"])
    call("data", "view", at["a.h5"], "--out", at["p.html"], "--force")
    call("data", "view", at["a.h5"], "--out", str(folder / "c.gif"))
    call("data", "map", at["a.h5"], "--layout", "kinect20", "--out", str(folder / "m.h5"))
    run = folder / os.fsdecode(b"r\xfcn")
    words = ("pretrain", "usdrl", "--data", at["a.h5"], "--split", "half", "--out")
    settings = (*tiny_runs.SETTINGS, "train.epochs=1")
    refused = call(*words, str(run), *settings, code=2)
    assert "TensorBoard" in refused and not run.exists()
    call(*words, str(tmp_path / "run"), *settings)
    (tmp_path / "run").rename(run)
    rows = folder / os.fsdecode(b"results\xe9.json")
    text = call("eval", "knn", "--run", str(run), "--data", at["a.h5"], "--split", "half",
                "--device", "cpu", "--out", str(rows))  # fmt: skip
    assert "\\udce9" in text and json.loads(rows.read_text())[0]["protocol"] == "knn"
    found = str(folder / "results.knn.scores.npz")
    Path(scores.beside(rows, "knn")).rename(found)
    call("fuse", found, found, "--out", str(folder / "fused.json"))
    call("report", str(folder), "--out", at["p.html"], "--force")
    assert "<h1>" in Path(at["p.html"]).read_text()
    assert "caf\\udce9" in call("data", "info", str(folder / "none.h5"), code=2)
    assert "caf\\udce9" in call("report", str(folder / "none"), "--out", "p", code=2)
