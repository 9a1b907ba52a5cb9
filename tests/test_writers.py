"""Stores out as BVH, C3D and CSV, read back by our readers and by ezc3d."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skelf.cli import main as cli
from skelf.data.annotations.labels import with_labels
from skelf.data.annotations.segments import with_segments
from skelf.data.clips import ClipSet
from skelf.data.motion.inverse import rest_pose, turns
from skelf.data.motion.kinematics import forward
from skelf.data.readers import READERS, reader_options
from skelf.data.writers import FORMS, WRITERS
from skelf.data.writers.bvh import WriteBVH, write_bvh
from skelf.data.writing import write
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20, NTU25, SBU15
from skelf.outputs import EXPORTS
from skelf.settings.options import from_flat
from skelf.skeleton import Skeleton

pytestmark = pytest.mark.filterwarnings("ignore:.*does not say its unit", "ignore:.*gaps")


def rigid(skeleton: Skeleton, frames: int = 40, seed: int = 0) -> np.ndarray:
    """`(T, V, 3)` of a figure whose bones never change, every joint turning freely."""
    rng = np.random.default_rng(seed)
    offsets = rng.normal(size=(skeleton.joints, 3)) * 0.3
    placed = np.broadcast_to(offsets, (frames, skeleton.joints, 3)).copy()
    placed[:, skeleton.root] = rng.normal(size=(frames, 3)).cumsum(axis=0) * 0.05
    steps = rng.normal(size=(frames, skeleton.joints, 3)).cumsum(axis=0) * 0.2
    rotations = Rotation.from_rotvec(steps.reshape(-1, 3)).as_matrix()
    return forward(placed, rotations.reshape(*placed.shape, 3), skeleton.parents)[0]


def one(joints: np.ndarray, skeleton: Skeleton, **others: object) -> ClipSet:
    others.setdefault("attributes", {"unit": "metre"})
    return ClipSet.build(joints[:, None], [len(joints)], skeleton, name=["walk"], **others)


def in_order(back: ClipSet, like: ClipSet) -> np.ndarray:
    order = [back.skeleton.names.index(name) for name in like.skeleton.names]
    return np.asarray(back.joints)[:, :, order]


def replayed(joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    offsets = rest_pose(joints, skeleton.parents)
    placed = np.broadcast_to(offsets, joints.shape).copy()
    placed[:, skeleton.root] = joints[:, skeleton.root]
    return forward(placed, turns(joints, offsets, skeleton.parents), skeleton.parents)[0]


@pytest.mark.parametrize("skeleton", [NTU25, KINECT20, SBU15, COCO17], ids=lambda s: s.name)
def test_rotations_of_a_rigid_figure_give_its_places(skeleton: Skeleton) -> None:
    joints = rigid(skeleton)
    assert np.abs(replayed(joints, skeleton) - joints).max() < 1e-7


def test_turns_are_rotations_and_leave_no_needless_twist() -> None:
    joints = rigid(NTU25)
    offsets = rest_pose(joints, NTU25.parents)
    rotations = turns(joints, offsets, NTU25.parents)
    eye = rotations @ rotations.transpose(0, 1, 3, 2)
    assert np.abs(eye - np.eye(3)).max() < 1e-9
    assert np.allclose(np.linalg.det(rotations), 1)
    # The elbow has one bone: of all turns that point it, the one without a twist about it.
    elbow = NTU25.names.index("ElbowLeft")
    axis = Rotation.from_matrix(rotations[:, elbow]).as_rotvec()
    bone = offsets[NTU25.names.index("WristLeft")]
    assert np.abs(axis @ bone).max() < 1e-6 * np.linalg.norm(axis, axis=1).max()


@pytest.mark.parametrize("how", ["line", "point", "flip"])
def test_figures_that_leave_turns_open(how: str) -> None:
    joints = rigid(KINECT20)
    if how == "line":
        joints[..., 1:] = 0
    elif how == "point":
        joints[:] = joints[:, :1]
    else:
        joints[20:] *= -1
    places = replayed(joints, KINECT20)
    assert np.isfinite(places).all()
    if how == "point":
        assert np.abs(places - joints).max() < 1e-12


def test_bones_that_stretch_do_not_add_up() -> None:
    joints = rigid(KINECT20)
    root = joints[:, :1]
    joints = root + (joints - root) * np.linspace(0.95, 1.05, len(joints))[:, None, None]
    away = np.linalg.norm(replayed(joints, KINECT20) - joints, axis=-1)
    longest = np.linalg.norm(joints - joints[:, KINECT20.bones], axis=-1).max()
    # A bone in line with those above it is off by what they are together, never by more.
    assert away.max() < 0.05 * longest * 5 and away.mean() < 0.05 * longest


def test_bvh_of_a_rigid_figure_comes_back(tmp_path: Path) -> None:
    clips = one(rigid(NTU25), NTU25, fps=29.97)
    assert write_bvh(clips, 0, tmp_path / "walk.bvh") == {}
    back = READERS["bvh"](tmp_path / "walk.bvh")
    assert np.abs(in_order(back, clips) - clips.joints).max() < 2e-6  # metres
    assert back.names == ["walk"] and back.fps[0] == pytest.approx(29.97, abs=1e-4)
    parents = {n: back.skeleton.names[p] for n, p in zip(back.skeleton.names, back.skeleton.parents,
                                                          strict=True) if p >= 0}  # fmt: skip
    assert parents == {NTU25.names[c]: NTU25.names[p] for c, p in NTU25.edges}
    text = (tmp_path / "walk.bvh").read_text()
    assert text.count("Xposition") == 1 and text.count("End Site") == 5


def test_bvh_keeps_every_place_where_all_joints_have_positions(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    clips = one(rng.normal(size=(50, 20, 3)), KINECT20)
    how = from_flat(reader_options("bvh"), scale=0.01, up="y")  # nobody has such legs
    notes = write_bvh(clips, 0, tmp_path / "walk.bvh")
    assert len(notes) == 2 and "positions=all" in "".join(notes)
    back = in_order(READERS["bvh"](tmp_path / "walk.bvh", None, how), clips)
    off = np.linalg.norm(back - clips.joints, axis=-1).max() * 1000
    assert max(notes.values()) == pytest.approx(off, abs=0.01)
    assert write_bvh(clips, 0, tmp_path / "all.bvh", how=WriteBVH(positions="all")) == {}
    back = in_order(READERS["bvh"](tmp_path / "all.bvh", None, how), clips)
    assert np.abs(back - clips.joints).max() < 1e-6


def test_a_scene_s_root_does_not_hold_the_body(tmp_path: Path) -> None:
    body = rigid(SBU15)
    count = SBU15.joints
    parents = tuple(count if parent < 0 else parent for parent in SBU15.parents)
    scene = Skeleton((*SBU15.names, "scene"), (*parents, -1), (), {"all": tuple(range(count + 1))},
                     SBU15.centre)  # fmt: skip
    clips = one(np.concatenate([body, np.full((len(body), 1, 3), 1e-3)], axis=1), scene)
    assert write_bvh(clips, 0, tmp_path / "walk.bvh") == {}
    assert (tmp_path / "walk.bvh").read_text().count("Xposition") == 2
    back = in_order(READERS["bvh"](tmp_path / "walk.bvh"), clips)
    assert np.abs(back - clips.joints).max() < 2e-6


def test_angles_do_not_jump_between_frames(tmp_path: Path) -> None:
    turn = Rotation.from_rotvec(np.linspace([0, 0, 0], [0, 6 * np.pi, 0], 100)).as_matrix()
    joints = np.einsum("tij,vj->tvi", turn, rigid(KINECT20)[0])
    write_bvh(one(joints, KINECT20), 0, tmp_path / "a.bvh")
    rows = (tmp_path / "a.bvh").read_text().split("Frame Time")[1].splitlines()[1:]
    values = np.array([[float(word) for word in row.split()] for row in rows])
    assert np.abs(np.diff(values[:, 3:6], axis=0)).max() < 30


def test_gaps_and_absence(tmp_path: Path) -> None:
    joints = rigid(KINECT20)
    joints[:5] = joints[30:] = 0  # nobody
    joints[10:14, 7] = 0  # a joint that is not seen
    clips = one(joints, KINECT20)
    assert "filled" in "".join(write_bvh(clips, 0, tmp_path / "walk.bvh"))
    back = in_order(READERS["bvh"](tmp_path / "walk.bvh"), clips)[:, 0]
    assert len(back) == 40 and np.abs(back[5:10] - joints[5:10]).max() < 2e-6
    between = joints[9, 7] + (joints[14, 7] - joints[9, 7]) * 0.4
    shorter = np.linalg.norm(back[11, 7] - between)
    assert shorter < np.linalg.norm(joints[14, 7] - joints[9, 7])
    assert np.abs(back[:5] - joints[5]).max() < 2e-6
    pytest.importorskip("ezc3d", reason="ezc3d is not here; pip install ezc3d")
    c3d_in_a_process(clips, tmp_path)
    back = READERS["c3d"](tmp_path / "walk.c3d", None, from_flat(reader_options("c3d"),
                          missing="keep"))  # fmt: skip
    assert np.abs(back.joints - clips.joints).max() < 1e-6
    assert np.array_equal(back.joints.any(axis=-1), clips.joints.any(axis=-1))


def c3d_in_a_process(clips: ClipSet, folder: Path) -> str:
    """Once faiss is loaded, as by other tests, ezc3d cannot write."""
    clips.save(folder / "s.h5")
    script = (
        "from pathlib import Path\n"
        "from skelf.data.clips import ClipSet\n"
        "from skelf.data.writers.c3d import write_c3d\n"
        "import ezc3d\n"
        f"folder = Path({str(folder)!r})\n"
        "write_c3d(ClipSet.open(folder / 's.h5'), 0, folder / 'walk.c3d')\n"
        "made = ezc3d.c3d(str(folder / 'walk.c3d'))\n"
        "print(made['data']['points'].shape, made['parameters']['POINT']['UNITS']['value'],"
        "made['parameters']['POINT']['LABELS']['value'][:2],"
        "made['header']['points']['frame_rate'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_c3d_is_what_ezc3d_reads(tmp_path: Path) -> None:
    pytest.importorskip("ezc3d", reason="ezc3d is not here; pip install ezc3d")
    clips = one(rigid(KINECT20, 70_000)[:, :2], Skeleton(("Hip", "Head"), (-1, 0), (),
                {"body": (0, 1)}, 0), fps=120)  # fmt: skip
    said = c3d_in_a_process(clips, tmp_path)
    assert "(4, 2, " in said and "['mm'] ['Hip', 'Head'] 120.0" in said
    back = READERS["c3d"](tmp_path / "walk.c3d")
    assert back.length.tolist() == [70_000]  # a header counts to 65,535
    assert np.abs(back.joints - clips.joints).max() < 1e-5 and back.attributes["up"] == "y"
    assert not list(tmp_path.glob(".*"))


def test_c3d_without_ezc3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(InputError, match=r"pip install 'skelf\[c3d\]'"):
        WRITERS["c3d"](one(rigid(KINECT20), KINECT20), 0, tmp_path / "a.c3d")
    assert not list(tmp_path.iterdir())


def several() -> ClipSet:
    """Two persons with a confidence, two rates, labels, columns, segments, and a gap."""
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(30, 2, 20, 4)).astype(np.float32)
    joints[..., 3] = rng.uniform(0.1, 1, joints.shape[:3])
    joints[3, 0, 5] = 0
    joints[20:, 1] = 0
    return ClipSet.build(
        joints,
        [8, 12, 10],
        replace(KINECT20, name="mine"),
        class_names=["sit, then stand", "wave"],
        name=["a/one", "a_one", 'odd: "name"'],
        label=[1, -1, 0],
        subject=[4, 5, 4],
        columns={"fold": np.array([0, 1, 2])},
        segments=np.array([[0, 1, 4, 1], [1, 0, 12, 0]]),
        fps=np.array([30, 30, 30]),
        splits={"half": np.array([1, 2, 2], np.int8)},
        attributes={"confidence": "true"},
    )


@pytest.mark.parametrize("rates", [(30, 30, 30), (25, 30, 60)])
def test_csv_comes_back_to_the_bit(rates: tuple[float, ...], tmp_path: Path) -> None:
    clips = replace(several(), fps=np.array(rates, np.float32))
    with pytest.warns(UserWarning, match=r"splits \(half\) are not written"):
        assert write(clips, tmp_path, "csv") == 3
    how = from_flat(reader_options("csv"), missing="keep")
    back = READERS["csv"](tmp_path / "clips", None, how)
    assert back.names == ["a_one", "a_one-2", "odd_ _name_"]
    assert back.digest() == replace(back, joints=clips.joints).digest()
    assert np.array_equal(back.joints, clips.joints)
    assert back.fps == pytest.approx(clips.fps, rel=1e-5)
    assert back.skeleton.names == clips.skeleton.names and back.confidence
    assert back.skeleton.parents == clips.skeleton.parents
    assert back.skeleton.parts == clips.skeleton.parts
    back = with_segments(with_labels(back, tmp_path / "labels.csv"), tmp_path / "segments.csv")
    words = [back.class_names[label] if label >= 0 else "" for label in back.label]
    assert words == ["wave", "", "sit, then stand"]
    assert back.subject.tolist() == [4, 5, 4] and back.columns["fold"].tolist() == [0, 1, 2]
    assert back.segments[:, :3].tolist() == clips.segments[:, :3].tolist()


def test_a_folder_of_bvh_has_a_file_for_each_person(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert write(several(), tmp_path, "bvh") == 5
    names = sorted(path.name for path in (tmp_path / "clips").iterdir())
    assert len(names) == 5 and names[-1] == "odd_ _name_.bvh" and "a_one_p2.bvh" in names
    labels = (tmp_path / "labels.csv").read_text().splitlines()
    assert labels[0] == "name,label,subject,fold" and len(labels) == 6
    back = with_labels(READERS["bvh"](tmp_path / "clips"), tmp_path / "labels.csv")
    assert sorted(back.label.tolist()) == [-1, -1, 0, 1, 1]
    assert "a_one_p2,1,4,wave" in (tmp_path / "segments.csv").read_text()


def test_what_a_format_cannot_hold(tmp_path: Path) -> None:
    flat = ClipSet.build(np.ones((4, 1, 17, 2)), [4], COCO17)
    with pytest.raises(InputError, match="2 coordinates"):
        write_bvh(flat, 0, tmp_path / "a.bvh")
    with pytest.raises(InputError, match="'pixel'"):
        write_bvh(one(rigid(KINECT20), KINECT20, attributes={"unit": "pixel"}), 0, tmp_path / "a")
    with pytest.raises(InputError, match="person 2 is not in clip"):
        joints = np.zeros((4, 2, 20, 3))
        joints[:, 0] = 1
        write_bvh(ClipSet.build(joints, [4], KINECT20), 0, tmp_path / "a.bvh", person=1)
    with pytest.raises(InputError, match=r"one clip.*--clip NAME"):
        write(several(), tmp_path / "a.bvh", "bvh")
    with pytest.raises(InputError, match=r"one person.*--to bvh"):
        write(several().take([0]), tmp_path / "a.bvh", "bvh")
    assert not list(tmp_path.iterdir())


def called(*words: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["skelf", "data", "export", *map(str, words)])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s.h5"
    several().save(store)
    out = tmp_path / "out"
    run = lambda *words: called(*words, monkeypatch=monkeypatch)  # noqa: E731
    assert run(store, "--out", out, "--to", "csv") == 0
    before = sorted(p.name for p in out.rglob("*"))
    assert "export.json" in before and "mapping.toml" in before
    assert run(store, "--out", out, "--to", "csv") == 2  # it is there
    assert run(store, "--out", out, "--to", "bvh", "--force", "positions=all") == 0
    assert not list(out.rglob("*.csv.csv")) and len(list(out.rglob("*.bvh"))) == 5
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("kept")
    assert run(store, "--out", tmp_path / "mine", "--to", "bvh", "--force") == 2
    assert run(store, "--out", tmp_path / "a.csv", "--clip", "a_one") == 0
    assert (tmp_path / "a.csv").read_text().startswith("frame,time,p1_HipCenter_x,")
    (tmp_path / "b.bvh").write_text("notes of mine")
    capsys.readouterr()
    for words, match in (
        (("--out", tmp_path / "b.bvh", "--clip", 'odd: "name"', "--force"), "is not a BVH file"),
        (("--out", tmp_path / "c.bvh", "--clip", "aone"), "no clip 'aone'; there is 'a_one'"),
        (("--out", tmp_path / "c.foo"), "name a file that ends in .npz"),
        (("--out", tmp_path / "c", "--to", "bvx"), "bvx"),
        (("--out", tmp_path / "c.bvh", "positions=some"), "bvh.positions"),
        (("--out", tmp_path / "c.npz", "a=1"), "npz has no options"),
        (("--out", tmp_path / "c.bvh"), "--to bvh"),
    ):
        assert run(store, *words) == 2
        told = capsys.readouterr().err
        assert match in " ".join(told.split()) and "Traceback" not in told
    kept = {"s.h5", "out", "mine", "a.csv", "b.bvh"}
    assert {p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")} <= kept | {
        p.name for p in tmp_path.iterdir() if p.name.startswith(".")
    }


def test_every_writer_has_its_form() -> None:
    assert set(FORMS) == set(WRITERS.built_in)
    assert set(EXPORTS) == {name for name, form in FORMS.items() if form.suffix}
