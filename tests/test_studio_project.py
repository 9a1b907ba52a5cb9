"""A project: recordings come in once, raw files stay as they are, and a kill loses no store."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studio_project import project_in, raw, recordings_in

from skelf.data.auto import recognise
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.inference.source import read_data
from skelf.studio.labels import actions
from skelf.studio.project import background, progress, tries
from skelf.studio.project.importing import bring_in
from skelf.studio.project.paths import inside
from skelf.studio.project.pool import pooled
from skelf.studio.project.project import Project
from skelf.studio.project.reading import Reading
from skelf.studio.project.tries import Tries


def test_recordings_come_in_and_are_what_the_readers_read(tmp_path):
    project = project_in(tmp_path)
    assert [r.name for r in project.recordings] == ["monday/sit", "monday/walk", "stand"]
    for recording in project.recordings:
        clips = read_data(tmp_path / recording.source)
        kept = project.clips(recording.name)
        assert np.array_equal(kept.joints, clips.joints)
        assert (kept.names, recording.digest) == ([recording.name], kept.digest())
        assert (recording.frames, recording.fps) == (clips.length[0], clips.fps[0])
        assert recording.seconds == pytest.approx(clips.length[0] / clips.fps[0])
        assert (recording.joints, recording.coordinates) == (clips.skeleton.joints, 3)
    assert Project.open(tmp_path).recordings == project.recordings
    assert Project.open(tmp_path / "skelf_studio").folder.samefile(tmp_path)


def test_raw_files_are_never_changed(tmp_path):
    recordings_in(tmp_path)
    (tmp_path / "notes.txt").write_text("of mine")
    before = raw(tmp_path)
    project = Project.create(tmp_path)
    bring_in(project)
    story = project.history()
    story.do(actions.add(story.labels, "stand", 0, 5, "walk"))
    story.undo()
    story.close()
    project.joints("stand")[:] = 0
    bring_in(project)
    assert raw(tmp_path) == before
    assert not project.clips("stand").joints.flags.writeable


def test_the_studios_own_folder_is_no_data(tmp_path):
    project_in(tmp_path)
    again = recognise(tmp_path)
    assert (again.format, again.left_out) == ("csv", "")
    assert len(read_data(tmp_path)) == 3


def test_joints_are_read_a_stretch_at_a_time(tmp_path):
    project = project_in(tmp_path)
    whole = project.joints("stand")
    clips = project.clips("stand")
    assert whole.shape == (clips.length[0], 1, 20, 3)
    assert np.array_equal(project.joints("stand", 3, 9), whole[3:9])
    assert project.joints("stand", 4, 4).shape == (0, 1, 20, 3)
    for start, stop in ((-1, 5), (5, 3), (0, 10_000)):
        with pytest.raises(InputError, match="frames"):
            project.joints("stand", start, stop)
    with pytest.raises(InputError, match="did you mean 'stand'"):
        project.joints("stnd")


def test_a_missing_joint_is_nan(tmp_path):
    clips = generate(clips=1)
    joints = clips.joints.copy()
    joints[2, 0, 5] = 0
    joints[3] = 0
    replace(clips, joints=joints).save(tmp_path / "one.h5")
    project = Project.create(tmp_path)
    bring_in(project)
    read = project.joints("one")
    gone = np.isnan(read).all(axis=-1)
    assert gone[2, 0].tolist() == [joint == 5 for joint in range(20)]
    assert gone[3].all()
    assert gone.sum() == 21


def test_a_bad_file_is_listed_and_the_rest_goes_on(tmp_path):
    recordings_in(tmp_path)
    generate(clips=1).save(tmp_path / "cut.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "cut.h5").read_bytes()[:3000])
    (tmp_path / "half.csv").write_text((tmp_path / "stand.csv").read_text()[:5000] + ",,x,\n")
    project = Project.create(tmp_path)
    done = bring_in(project)
    assert (done.state, done.done, done.total, len(project.recordings)) == ("done", 5, 5, 3)
    assert {f.source for f in done.failed} == {"cut.h5", "half.csv"}
    assert all(f.reason and "\n" not in f.reason for f in done.failed)
    read = background.how_far(project, "import")
    assert (read.state, read.failed) == ("done", done.failed)


def test_what_a_reader_breaks_on_is_that_files(tmp_path, monkeypatch):
    from skelf.inference import source

    def read(format_, path, *rest, **more):
        if path.name == "sit.csv":
            raise IndexError("of a reader")
        return real(format_, path, *rest, **more)

    real = source.read
    monkeypatch.setattr(source, "read", read)
    project = Project.create(recordings_in(tmp_path))
    (failed,) = bring_in(project).failed
    assert failed == ("monday/sit.csv", "unexpected: IndexError: of a reader")
    assert len(project.recordings) == 2


def test_only_what_is_new_or_has_changed_is_read_again(tmp_path, monkeypatch):
    from skelf.inference import source

    read, real = [], source.read
    monkeypatch.setattr(
        source, "read", lambda f, path, *a, **k: (read.append(path.name), real(f, path, *a, **k))[1]
    )
    project = project_in(tmp_path)
    first = project.recordings
    read.clear()
    bring_in(project)
    assert (read, project.recordings) == ([], first)
    recordings_in(tmp_path, names=("stand", "new"), seed=3)
    (tmp_path / "monday" / "sit.csv").unlink()
    bring_in(project)
    assert read == ["new.csv", "stand.csv"]
    by_name = {r.name: r for r in project.recordings}
    assert [*by_name] == ["monday/sit", "monday/walk", "new", "stand"]  # labels may be of sit
    assert by_name["stand"].digest != {r.name: r for r in first}["stand"].digest
    (project.place / "stores" / by_name["stand"].store).unlink()
    read.clear()
    bring_in(project)
    assert read == ["stand.csv"]


def test_sets_of_several_clips_are_as_many_recordings(tmp_path):
    generate(clips=3).save(tmp_path / "set.h5")
    generate(clips=1).save(tmp_path / "one.h5")
    recordings_in(tmp_path, names=("one",))
    project = Project.create(tmp_path)
    bring_in(project)
    names = [f"set/{name}" for name in generate(clips=3).names]
    assert [r.name for r in project.recordings] == sorted(["one.csv", "one.h5", *names])
    assert len({r.store for r in project.recordings}) == 5


def test_a_video_of_the_same_name_lies_beside(tmp_path):
    recordings_in(tmp_path)
    (tmp_path / "monday" / "walk.MP4").write_bytes(b"")
    (tmp_path / "stand.avi").write_bytes(b"")
    (tmp_path / "stand.webm").write_bytes(b"")
    project = Project.create(tmp_path)
    bring_in(project)
    assert project.video("monday/walk") == tmp_path / "monday" / "walk.MP4"
    assert project.video("stand") == tmp_path / "stand.webm"
    assert project.video("monday/sit") is None


def test_doubts_are_of_the_recording_not_of_labels(tmp_path):
    clips = generate(clips=1)
    joints = clips.joints.copy()
    joints[20:22] += 5  # a leap
    replace(clips, joints=joints).save(tmp_path / "leaps.h5")
    project = Project.create(tmp_path)
    bring_in(project)
    (recording,) = Project.open(tmp_path).recordings
    doubts = {doubt.code: doubt for doubt in recording.doubts}
    assert doubts["leap"].severity == "warning"
    assert 19 <= doubts["leap"].frame <= 22
    assert not {"unlabelled", "unused-class", "imbalance"} & {*doubts}


def test_a_project_may_lie_elsewhere(tmp_path):
    recordings_in(tmp_path / "raw")
    project = Project.create(tmp_path / "raw", tmp_path / "own")
    bring_in(project)
    assert not (tmp_path / "raw" / "skelf_studio").exists()
    assert Project.open(tmp_path / "own").recordings == project.recordings
    project.joints("stand")


def test_a_folder_moves_with_its_project(tmp_path):
    project_in(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    project = Project.open(tmp_path / "there")
    assert project.folder.samefile(tmp_path / "there")
    assert project.joints("stand").size


def test_options_of_the_format_are_kept_and_reach_the_reader(tmp_path):
    recordings_in(tmp_path, names=("stand",))
    Project.create(tmp_path, reading=Reading("csv", options=("unheard=60",)))
    project = Project.open(tmp_path)
    (failed,) = bring_in(project).failed
    assert not project.recordings
    assert failed.source == "stand.csv"
    assert "unknown key 'csv.unheard'" in failed.reason


@pytest.mark.parametrize("name", ["missing", "file", "twice"])
def test_what_is_no_folder_for_a_project_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("")
    if name == "twice":
        (tmp_path / name).mkdir()
        Project.create(tmp_path / name)
    with pytest.raises(InputError, match=r"no such folder|already") as told:
        Project.create(tmp_path / name)
    assert "\n" not in str(told.value)


@pytest.mark.skipif(os.name == "nt" or not os.geteuid(), reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_names_the_way_out(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="--project"):
        Project.create(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("project.json", "{", "not JSON"),
        ("project.json", "[]", "not a project"),
        ("project.json", '{"format": "skelf-studio", "version": 9, "folder": ".."}', "update"),
        ("project.json", '{"format": "skelf-studio", "version": 1, "folder": ".."}', "reading"),
        ("recordings.json", "[3]", "remove it"),
        ("recordings.json", '[{"name": "a"}]', "remove it"),
        ("recordings.json", "{}", "remove it"),
    ],
)
def test_damaged_files_of_a_project_are_refused_in_one_line(tmp_path, file, text, said):
    project = project_in(tmp_path)
    (project.place / file).write_text(text)
    with pytest.raises(InputError, match=said) as told:
        Project.open(tmp_path)
    assert "\n" not in str(told.value)
    assert file in str(told.value)


def test_nothing_to_open_and_nothing_to_import(tmp_path):
    with pytest.raises(InputError, match="no project"):
        Project.open(tmp_path)
    project = Project.create(tmp_path)
    with pytest.raises(InputError, match="no recording"):
        bring_in(project)
    told = background.how_far(project, "import")
    assert told.state == "stopped"
    assert "no recording" in told.problem


def test_a_second_studio_says_where_the_first_listens(tmp_path):
    project = project_in(tmp_path)
    story = project.history()
    with pytest.raises(InputError, match="another process"):
        Project.open(tmp_path).history()
    project.listens("http://127.0.0.1:8000/?token=x")
    with pytest.raises(InputError, match="http://127") as told:
        Project.open(tmp_path).history()
    assert "\n" not in str(told.value)
    if os.name != "nt":
        assert (project.place / ".address").stat().st_mode & 0o077 == 0
    story.close()
    Project.open(tmp_path).history().close()


def test_labels_stay_within_the_recordings(tmp_path):
    project = Project.create(recordings_in(tmp_path))
    story = project.history()  # opened before the recordings come in
    bring_in(project)
    frames = project.recording("stand").frames
    story.do(actions.add(story.labels, "stand", 0, frames, "walk"))
    with pytest.raises(InputError, match="frames"):
        story.do(actions.add(story.labels, "stand", 0, frames + 1, "walk"))
    story.close()


outside = ["", ".", "..", "../a", "a/../../b", "/etc/passwd", "a\x00b", "C:\\x", "\\\\host\\x",
           "a/..", "..\\a", "a\nb"]  # fmt: skip


@pytest.mark.parametrize("name", outside)
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="leads out") as told:
        inside(tmp_path, name)
    assert "\n" not in str(told.value)


def test_links_that_leave_the_folder_are_refused(tmp_path):
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("")
    (home / "file").symlink_to(tmp_path / "secret")
    (home / "up").symlink_to(tmp_path)
    (home / "circle").symlink_to(home / "circle")
    (home / "kept").symlink_to(home / "sub")
    for name in ("file", "up/secret", "sub/../../secret", "circle"):
        with pytest.raises(InputError, match="leads out"):
            inside(home, name)
    assert inside(home, "kept/x.csv") == (home / "sub" / "x.csv").resolve()


@given(st.text(alphabet="ab./\\:~ ", max_size=12))
def test_whatever_the_name_the_path_is_within(name):
    try:
        place = inside(Path("some/folder"), name)
    except InputError:
        return
    assert Path("some/folder").resolve() in place.parents


def test_progress_is_read_by_anybody(tmp_path):
    path = tmp_path / "x.json"
    assert progress.read(path) == progress.Progress()
    now = progress.Progress("running", 3, 7, "a.csv", (progress.Failed("b", "bad"),))
    progress.write(path, now)
    read = progress.read(path)
    assert read._replace(process="", at=0.0) == now
    told = json.loads(path.read_text())
    told["process"] = told["process"].rpartition("-")[0] + "-1"  # began at another time
    path.write_text(json.dumps(told))
    assert progress.read(path).state == "stopped"
    path.write_text('{"state":')
    assert progress.read(path).state == "none"


def test_stretches_to_pretrain_on_hold_every_frame(tmp_path):
    project = project_in(tmp_path)
    pooled(project, tmp_path / "pool.h5")
    pool = ClipSet.open(tmp_path / "pool.h5")
    clips = [project.clips(r.name).joints for r in project.recordings]
    assert np.array_equal(pool.joints, np.concatenate(clips))
    assert pool.names == [f"{r.name}@0" for r in project.recordings]


def test_an_encoder_is_a_run_that_is_there(tmp_path):
    project = project_in(tmp_path)
    with pytest.raises(InputError, match="no such run"):
        project.encoder = "encoder/none"
    (project.place / "encoder" / "one").mkdir(parents=True)
    project.encoder = "encoder/one"
    assert Project.open(tmp_path).encoder == "encoder/one"


def waited(project, until, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not until(told := background.how_far(project, "import")):
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    return told


@pytest.mark.slow
def test_a_background_import_survives_its_windows_and_ends_with_its_parent(tmp_path):
    project = Project.create(recordings_in(tmp_path, names=[f"r{n}" for n in range(12)]))
    worker = background.Worker(project, "import")
    waited(project, lambda told: told.done)
    with pytest.raises(InputError, match="already"):
        background.Worker(project, "import")
    worker.stop()
    assert not worker.is_alive
    told = background.how_far(project, "import")
    assert told.state in ("stopped", "done")
    worker = background.Worker(project, "import")
    assert worker.wait(60) == 0
    assert background.how_far(project, "import").state == "done"
    project.reload()
    assert len(project.recordings) == 12


@pytest.mark.slow
def test_a_killed_import_goes_on(tmp_path):
    names = [f"r{n:02}" for n in range(12)]
    project = Project.create(recordings_in(tmp_path, names=names))
    before = raw(tmp_path)
    for kill in range(6):
        worker = background.Worker(project, "import")
        waited(project, lambda told, k=kill: told.done > 2 * k or told.state == "done")
        worker._process.send_signal(signal.SIGKILL)
        worker.wait(10)
        assert background.how_far(project, "import").state in ("stopped", "done")
        project.reload()
        for recording in project.recordings:
            project.clips(recording.name).verify()
    bring_in(project)
    assert [r.name for r in project.recordings] == names
    assert raw(tmp_path) == before
    stores = {p.name for p in (project.place / "stores").iterdir()}
    assert stores == {r.store for r in project.recordings}


DIES = """
import os, sys
from skelf.studio.project import importing, work
each = importing.each
def dies(places, **how):
    if places[0].path.stem == "bad":
        os._exit(9)  # as the system ends a process that takes too much memory
    return each(places, **how)
importing.each = dies
sys.exit(work.main(["import", sys.argv[1]]))
"""


def died_import(project):
    command = [sys.executable, "-c", DIES, str(project.place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # an open pipe: go on
        return process.wait(60)


@pytest.mark.slow
def test_a_file_at_which_the_process_dies_is_left_out_after_two_tries(tmp_path):
    project = Project.create(recordings_in(tmp_path, names=("a", "bad", "c")))
    for _ in range(2):
        assert died_import(project) == 9
        assert background.how_far(project, "import").state == "stopped"
        assert tries.died(project.place)
    assert died_import(project) == 0
    told = background.how_far(project, "import")
    assert (told.state, told.done, [f.source for f in told.failed]) == ("done", 3, ["bad.csv"])
    assert "ended the whole process 2 times" in told.failed[0].reason
    project.reload()
    assert [r.name for r in project.recordings] == ["a", "c"]
    assert not tries.died(project.place)
    assert len(bring_in(project).failed) == 1  # nor is it tried the next time
    recordings_in(tmp_path, names=("a", "bad"), seed=1)  # mended
    assert not bring_in(project).failed
    assert [r.name for r in project.recordings] == ["a", "bad", "c"]


def test_tries_begin_anew_when_a_person_wants_it(tmp_path):
    for _ in range(2):
        Tries(tmp_path).begin("bad.csv", "1-1")
    assert Tries(tmp_path).problem("bad.csv", "1-1")
    assert not Tries(tmp_path).problem("bad.csv", "1-2")  # another content
    assert not Tries(tmp_path).problem("good.csv", "1-1")
    tries.forget(tmp_path)
    assert not Tries(tmp_path).problem("bad.csv", "1-1")
    Tries(tmp_path).begin("long.csv", "1-1")
    tries.forgive(tmp_path)  # the studio was ended while it was read
    assert not tries.died(tmp_path)
    (tmp_path / tries.FILE).write_text('{"at":')  # torn
    assert not Tries(tmp_path).problem("bad.csv", "1-1")


PARENT = """
import sys, time
from skelf.studio.project import background
from skelf.studio.project.project import Project
worker = background.Worker(Project.open(sys.argv[1]), "import")
print(worker._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_no_import_outlives_a_killed_studio(tmp_path):
    project = Project.create(recordings_in(tmp_path, names=[f"r{n}" for n in range(60)]))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    waited(project, lambda told: told.done)
    parent.kill()
    parent.wait()
    waited(project, lambda told: told.state != "running")
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and "Z" not in state_of(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.slow
def test_an_encoder_is_trained_on_the_recordings(tmp_path):
    from skelf.runs.load import load
    from skelf.studio.project import encoder

    project = project_in(tmp_path, names=("a", "b", "c", "d"))
    run = encoder.train(project, steps=1)
    assert load(run).dim
    assert project.place / Project.open(tmp_path).encoder == run
    told = background.how_far(project, "encoder")
    assert (told.state, told.done) == ("done", told.total)


def test_reading_while_recordings_come_in(tmp_path):
    """Another thread sees whole tables only."""
    project = Project.create(recordings_in(tmp_path, names=[f"r{n}" for n in range(8)]))
    seen, ended = [], threading.Event()

    def watch():
        other = Project.open(tmp_path)
        while not ended.is_set():
            other.reload()
            seen.append(len(other.recordings))

    thread = threading.Thread(target=watch)
    thread.start()
    bring_in(project)
    ended.set()
    thread.join()
    assert {*seen} <= set(range(9))
