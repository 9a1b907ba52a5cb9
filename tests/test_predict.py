"""What a model says of files: by the library, and by `skelf predict`."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.inference import model as models
from skelf.inference import predict as predicting
from skelf.inference.answers import Answer
from skelf.inference.frames import frame_features
from skelf.inference.heads import Linear
from skelf.inference.model import Model
from skelf.inference.predict import predict
from skelf.inference.rate import retimed

RECORDINGS = generate(clips=0, recordings=3, seed=2)
CLIPS = generate(clips=12)
NAMES = ("still", "walk", "wave")


@cache
def model(kind: str = "detector", persons: int = 1) -> Model:
    torch.manual_seed(0)
    encoder = ENCODERS["gru"](RECORDINGS.skeleton, dim=8, layers=1, frames=16, persons=persons)
    head = Linear(dim=encoder.dim, classes=len(NAMES) + (kind == "detector"))
    torch.nn.init.normal_(head.weight)
    if kind == "detector":  # one of which the classes change in every recording
        seen = torch.cat([block for _, block in frame_features(encoder.eval(), RECORDINGS)])
        head.weight.data *= 2 / seen.std(0)
        head.bias.data = -head.weight.data @ seen.mean(0)
    about = {"kind": kind, "class_names": NAMES, "head": {"kind": "linear"}}
    about |= {"windows": {"window": 1.0}, "rules": {"short_action": 0.1, "smoothing": 0.0}}
    source = {"fps": [30.0, 30.0], "up": "y", "size": 1.6}
    return Model(encoder.eval(), head.eval(), {"source": source, "model": about})


def said(model: Model, clips: ClipSet, *, device: str = "cpu") -> list[Answer]:
    """A classifier that says the first class of all clips, and how long they are."""
    return [
        Answer(name, -1, NAMES[0], min(1.0, int(frames) / 100), NAMES[1], 0.1)
        for name, frames in zip(clips.names, clips.length, strict=True)
    ]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "KINDS", {"classifier": said})


def stores(folder: Path) -> list[Path]:
    """Three recordings, a file each."""
    files = [folder / f"r{number}.h5" for number in range(3)]
    for number, file in enumerate(files):
        RECORDINGS.take([number]).save(file)
    return files


def test_a_file_has_its_result_whatever_else_is_read(tmp_path: Path) -> None:
    detector, files = model(), stores(tmp_path)
    RECORDINGS.save(tmp_path / "all.h5")
    apart = [result for file in files for result in predict(detector, [file])]
    together = list(predict(detector, files))
    assert together[0].segments
    for one, other in zip(apart, together, strict=True):
        assert one.segments == other.segments
    (whole,) = predict(detector, [tmp_path / "all.h5"])
    assert whole.segments == tuple(s for result in apart for s in result.segments)


def test_frames_are_those_of_the_file(tmp_path: Path) -> None:
    detector = model()
    fast = retimed(RECORDINGS.take([0]), np.array([60.0]))
    fast.columns.clear()
    fast.save(tmp_path / "fast.h5")
    lines: list[str] = []
    (there,) = predict(detector, [tmp_path / "fast.h5"], say=lines.append)
    assert lines == ["frame rate: 60 to 30 a second, as the model was trained"]
    assert there.segments
    for segment in there.segments:
        assert 0 <= segment.start_frame < segment.end_frame <= fast.length[0]
        assert abs(segment.start_frame / 60 - segment.start) < 1e-6
        assert abs(segment.end_frame / 60 - segment.end) <= 1 / 30


def test_what_cannot_be_read_is_passed_over(tmp_path: Path, answering: None) -> None:
    CLIPS.save(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:3000])
    flat = ClipSet.build(CLIPS.joints[:40, :, :, :2], [40], CLIPS.skeleton)
    flat.save(tmp_path / "c.h5")
    CLIPS.take([3]).save(tmp_path / "d.h5")
    results = list(predict(model("classifier"), [tmp_path]))
    assert [len(r.answers) for r in results] == [12, 0, 0, 1]
    assert "b.h5" in results[1].problem
    assert "c.h5: in 2D, and the model was trained in 3D" in results[2].problem


def test_a_clip_of_nobody_is_unknown(tmp_path: Path, answering: None) -> None:
    joints = CLIPS.joints.copy()
    joints[CLIPS.start[4] : CLIPS.start[5]] = 0
    ClipSet.build(joints, CLIPS.length, CLIPS.skeleton).save(tmp_path / "a.h5")
    (result,) = predict(model("classifier"), [tmp_path / "a.h5"])
    assert [answer.unknown for answer in result.answers] == [at == 4 for at in range(12)]


def test_each_person_has_an_answer(tmp_path: Path, answering: None) -> None:
    both = np.concatenate([CLIPS.joints, CLIPS.joints + 1], axis=1)
    ClipSet.build(both, CLIPS.length, CLIPS.skeleton).save(tmp_path / "a.h5")
    (result,) = predict(model("classifier"), [tmp_path / "a.h5"])
    assert [answer.person for answer in result.answers] == [0, 1] * 12
    (result,) = predict(model("classifier", persons=2), [tmp_path / "a.h5"])
    assert [answer.person for answer in result.answers] == [-1] * 12


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """`run(kind, *words)`: the command with such a model, in this process."""

    def command(kind: str, *words: object, code: int = 0):
        monkeypatch.setattr(models, "load_model", lambda name: model(kind))
        result = CliRunner().invoke(app, ["predict", "MODEL", *map(str, words)])
        if code:
            assert isinstance(result.exception, InputError)  # which main() makes exit code 2
        else:
            assert result.exception is None, result.exception
        return result

    return command


def test_a_command_writes_what_the_library_says(run, tmp_path: Path) -> None:
    files = stores(tmp_path)
    out, page = tmp_path / "o" / "all.csv", tmp_path / "page.html"
    (tmp_path / "o").mkdir()
    result = run("detector", *files, "--out", out, "--page", page)
    rows = list(csv.DictReader(out.open()))
    segments = [s for r in predict(model(), files) for s in r.segments]
    assert [(r["name"], float(r["start_s"]), r["label"]) for r in rows] == [
        (s.name, round(s.start, 3), s.label) for s in segments
    ]
    assert f"{len(rows)} segments from 3 files, {out}, {page}" in result.output
    text = page.read_text()
    assert all(name in text for name in RECORDINGS.names)
    assert "Synthetic: computed figures" in text
    run("detector", *files, "--out", out, code=2)  # is there already
    run("detector", *files, "--out", out, "--force")


def test_a_page_stays_small_however_long_a_recording_is(run, tmp_path: Path) -> None:
    sizes = []
    for times in (1, 12):
        joints = np.tile(RECORDINGS.clip(0), (times, 1, 1, 1))
        clips = ClipSet.build(joints, [len(joints)], RECORDINGS.skeleton)
        clips.save(tmp_path / f"{times}.h5")
        run("detector", tmp_path / f"{times}.h5", "--page", tmp_path / f"{times}.html")
        sizes.append((tmp_path / f"{times}.html").stat().st_size)
    assert sizes[1] < sizes[0] + 150_000  # the bars of at most 500 segments


def test_the_terminal_has_a_table_and_says_what_was_passed(run, answering, tmp_path: Path) -> None:
    CLIPS.take([0, 1]).save(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    result = run("classifier", tmp_path)
    assert CLIPS.names[1] in result.output
    assert "2 answers from 1 file (1 passed over)" in " ".join(result.output.split())
    (tmp_path / "a.h5").unlink()
    with pytest.raises(InputError, match=r"b\.h5"):
        raise run("classifier", tmp_path, code=2).exception


def test_slips_on_the_command_line(run, tmp_path: Path) -> None:
    (file, *_) = stores(tmp_path)
    for words, match in (
        (["--to", "eaf", file], "name the file with --out"),
        (["fps=30"], "no data is named"),
        ([file, "--out", tmp_path / "a.doc"], "name a file that ends in"),
        ([tmp_path, "--out", tmp_path / "a.eaf"], "is of one recording, and 3 are read"),
        ([file, "fps=30"], "a store has no options"),
        ([file, "--unit", "ell"], "unknown unit 'ell'"),
    ):
        with pytest.raises(InputError, match=match):
            raise run("detector", *words, code=2).exception
    assert not list(tmp_path.glob("a.*"))
