"""A project's features and models: made once, void when they must be, taken by `skelf predict`."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import skelf
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.inference.detect import probabilities, settings
from skelf.inference.model import load_model
from skelf.studio.labels.segment import Segment
from skelf.studio.model import (
    BACKGROUND,
    learn,
    make_features,
    missing,
    open_table,
    save_model,
    suggest,
)
from skelf.studio.model.encoding import encoder_of
from skelf.studio.model.features import made
from skelf.studio.model.ready import windows
from skelf.studio.page.looking import look
from skelf.studio.project import table as recordings_table
from skelf.studio.project.project import STORES, TABLE, Project
from skelf.studio.project.recording import Recording


def projected(folder, clips: ClipSet) -> Project:
    """A project of these recordings, as importing would leave it."""
    folder.mkdir()
    project = Project.create(folder)
    rows = []
    for at, name in enumerate(clips.names):
        one = clips.take([at])
        one.save(project.place / STORES / f"{at}.h5")
        rows.append(
            Recording(
                name, f"{name}.csv", int(one.length[0]), float(one.fps[0]), one.persons,
                one.skeleton.name, one.skeleton.joints, one.coordinates, one.digest(), f"{at}.h5",
            )
        )  # fmt: skip
    recordings_table.write(project.place / TABLE, rows)
    project.reload()
    return project


def labels(clips: ClipSet, of=None) -> list[Segment]:
    """The truth as a person's labels."""
    return [
        Segment(f"{at}", clips.names[row], start, end, clips.class_names[label])
        for at, (row, start, end, label) in enumerate(clips.segments.tolist())
        if of is None or row in of
    ]


@pytest.fixture(scope="module")
def clips():
    return generate(clips=0, recordings=4)


@pytest.fixture(scope="module")
def project(clips, tmp_path_factory):
    project = projected(tmp_path_factory.mktemp("studio") / "dance", clips)
    for recording in project.recordings:
        make_features(project, recording.name)
    return project


def test_features_are_made_once_and_cover_each_recording(project, clips):
    assert missing(project) == []
    table = open_table(project)
    assert table.names == tuple(sorted(clips.names))
    for at, name in enumerate(table.names):
        frames = int(clips.length[clips.names.index(name)])
        assert table.frames[at] == frames
        assert len(table.values[at]) == -(-frames // int(table.step[at]))
        own = table.stretches[table.stretches[:, 0] == at]
        assert own[0, 1] == 0 and own[-1, 2] == len(table.values[at])
        assert (own[1:, 1] == own[:-1, 2]).all()
    files = sorted(project.place.glob("features/*/*.npz"))
    before = [file.stat().st_mtime_ns for file in files]
    make_features(project, table.names[0])
    assert [file.stat().st_mtime_ns for file in files] == before


def test_a_damaged_file_is_made_again_and_an_unknown_recording_refused(clips, tmp_path):
    project = projected(tmp_path / "two", clips.take([0, 1]))
    first = project.recordings[0].name
    assert missing(project) == [r.name for r in project.recordings]
    assert open_table(project).names == ()
    make_features(project, first)
    assert missing(project) == [project.recordings[1].name]
    (file,) = project.place.glob("features/*/*.npz")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert open_table(project).names == ()
    make_features(project, first)
    assert open_table(project).names == (first,)
    with pytest.raises(InputError):
        make_features(project, "nobody")


def test_another_encoder_means_other_features(project, clips, tmp_path):
    tiny = ["encoder.dim=8", "encoder.frames=16", "train.epochs=2", "train.batch_size=16"]
    run = skelf.pretrain("partwhole", windows(clips), out=tmp_path / "run", overrides=tiny)
    ready = project.encoder
    try:
        project.encoder = str(run)
        assert len(missing(project)) == len(project.recordings)
        make_features(project, project.recordings[0].name)
        assert open_table(project).names == (project.recordings[0].name,)
    finally:
        project.encoder = ready
    assert missing(project) == []


@pytest.mark.parametrize("solid", [3, 1])
def test_recordings_in_2d_and_in_3d(clips, tmp_path, solid):
    """Most have features, suggestions and a model; the others are named, with what to do."""
    folder = projected(tmp_path / "mixed", clips).place.parent
    project = Project.open(folder)
    rows = list(project.recordings)
    for at in range(solid, len(rows)):
        store = project.place / STORES / rows[at].store
        one = ClipSet.open(store)
        frames = np.array(one.clip(0)[..., :2])
        one = ClipSet.build(frames, [len(frames)], one.skeleton, name=[rows[at].name], fps=one.fps)
        store.unlink()
        one.save(store)
        rows[at] = replace(rows[at], coordinates=2, digest=one.digest())
    recordings_table.write(project.place / TABLE, rows)
    project.reload()
    told = look(project)
    names = [r.name for r in rows]
    taken, left = (names[:solid], names[solid:]) if solid > 2 else (names[solid:], names[:solid])
    assert told.state == "done" and [one.source for one in told.failed] == left == missing(project)
    for one in told.failed:
        assert "in 2D" in one.reason and "in 3D" in one.reason
        assert "Or move it into a folder of its kind" in one.reason
        assert str(project.place) not in one.reason
    table = open_table(project)
    assert [*table.names] == taken
    said = [Segment(str(at), name, 0, 30, "ab"[at % 2]) for at, name in enumerate(names)]
    learnt = learn(table, said)
    assert {one.recording for one in suggest(table, learnt, said, least=0.0)} <= set(taken)
    assert load_model(save_model(project, said, tmp_path / "model")) is not None


def test_the_ready_encoder_is_on_the_scale_of_the_recordings(project, clips):
    known = encoder_of(project)
    kept = made(known, clips.take([0]))
    features = kept.features.astype(float)
    assert 0.1 < features.std() < 10
    assert encoder_of(project).identity == known.identity


def test_a_saved_model_finds_what_the_studio_suggests(project, clips, tmp_path):
    told = labels(clips, of=(0, 1))
    finished = {clips.names[0], clips.names[1]}
    said = []
    out = save_model(project, told, tmp_path / "model", finished=finished, say=said.append)
    model = load_model(out)
    assert model.kind == "detector" and BACKGROUND not in model.class_names
    assert said and "too few labels" in said[-1]
    table = open_table(project)
    learnt = learn(table, told, finished=finished)
    # Frame by frame the model says what the studio's head says of the bins.
    one = clips.take([2])
    from skelf.inference.adapt import adapted

    laying, rules = settings(model)
    parts = probabilities(model, adapted(one, model.needs._replace(fps=None)), laying, rules)
    frames = np.concatenate([p for p, _ in parts])
    at = table.numbers[clips.names[2]]
    bins = learnt.probabilities(at)[:, [learnt.class_names.index(n) for n in model.class_names]]
    guess = 1 + bins.argmax(axis=1)
    nothing = learnt.probabilities(at)[:, learnt.class_names.index(BACKGROUND)] > bins.max(axis=1)
    guess[nothing] = 0
    same = frames.argmax(axis=1)[1::3][: len(guess)] == guess[: len(frames[1::3])]
    assert same.mean() > 0.85
    one.save(tmp_path / "new.h5")
    command = [sys.executable, "-m", "skelf", "predict", str(out), str(tmp_path / "new.h5")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "found.csv")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "found.csv").read_text().splitlines()
    found = suggest(table, learnt, told, only=[clips.names[2]], least=0.0)
    assert abs(len(rows) - 1 - len(found)) <= 0.3 * len(found) + 1


def test_a_model_of_no_label_is_refused(project, tmp_path):
    with pytest.raises(InputError, match="nothing to learn from"):
        save_model(project, [], tmp_path / "model")
    only = [Segment("a", project.recordings[0].name, 0, 20, BACKGROUND)]
    with pytest.raises(InputError, match="nothing to learn from"):
        save_model(project, only, tmp_path / "model")


def test_without_background_somebody_is_told(project, clips, tmp_path):
    said = []
    out = save_model(project, labels(clips, of=(0,)), tmp_path / "m", say=said.append)
    assert "nothing is labelled as background" in said[0]
    assert load_model(out).class_names
