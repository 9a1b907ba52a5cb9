"""Files of SMPL's bodies against kinematics by 4x4 matrices, and what is refused or asked."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import smpl_bodies as bodies
from by_keys import by_keys
from mutants import survives
from scipy.spatial.transform import Rotation

from skelf.data.clips import ClipSet
from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.smpl_fields import told
from skelf.data.motion.kinematics import vector_rotation
from skelf.errors import InputError

read = by_keys("amass")
FRAMES = 7


def quiet(*args: Any, **keys: Any) -> ClipSet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return read(*args, **keys)


def save(file: Path, **fields: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **fields)
    return file


def amass(file: Path, joints: int = 52, **more: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A file as AMASS has it; its turns, shape and path."""
    rng = np.random.default_rng(3)
    vectors = bodies.poses(FRAMES, joints)
    betas, moves = rng.normal(size=16), rng.normal(size=(FRAMES, 3))
    fields = {
        "poses": vectors.reshape(FRAMES, -1), "betas": betas, "trans": moves,
        "gender": np.array(b"female"), "mocap_framerate": 120.00004577636719,
        "dmpls": np.zeros((FRAMES, 8)),
    }  # fmt: skip
    save(file, **(fields | more))
    return vectors, betas, moves


def standing(scale: float = 1.0, up: str = "y") -> np.ndarray:
    """Stored joints of a body that stands and moves, in SMPL's order."""
    rng = np.random.default_rng(5)
    joints = bodies.REST + 0.01 * rng.normal(size=(FRAMES, 22, 3)) + [0.3, 1.0, 0.2]
    if up == "z":
        joints = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)
    return scale * joints


def z_to_y(joints: np.ndarray) -> np.ndarray:
    return np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)


def test_rotation_vectors_against_scipy() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 3)) * rng.choice([1e-9, 1e-5, 1e-3, 1, 3], (200, 1))
    vectors[0] = 0
    want = Rotation.from_rotvec(vectors).as_matrix()
    assert np.abs(vector_rotation(vectors) - want).max() < 1e-14


@pytest.mark.parametrize("joints", [24, 52, 55])
def test_turns_against_matrices(tmp_path: Path, joints: int) -> None:
    name = {24: "smpl", 52: "smplh", 55: "smplx"}[joints]
    model = bodies.write_model(tmp_path / name / "female" / "model.npz", joints)
    bodies.write_model(tmp_path / name / "male" / "model.npz", joints, seed=9)
    vectors, betas, moves = amass(tmp_path / "S1" / "walk_poses.npz", joints)
    want = z_to_y(bodies.slow(model, vectors, betas, moves))
    clips = quiet(tmp_path / "S1" / "walk_poses.npz", model=tmp_path / name)
    assert clips.skeleton.joints == joints
    assert clips.skeleton.parents == tuple(bodies.PARENTS[joints])
    assert np.abs(clips.clip(0)[:, 0] - want).max() < 2e-7 * np.abs(want).max()
    assert clips.fps[0] == 120 and clips.attributes["up"] == "z"


def test_parts_body_alone_and_matrices(tmp_path: Path) -> None:
    model = bodies.write_model(tmp_path / "SMPLX_NEUTRAL.npz", 55, shapes=20)
    vectors, betas, moves = amass(tmp_path / "whole.npz", 55)
    flat = vectors.reshape(FRAMES, -1)
    betas = betas[:10]
    common = {"betas": betas, "trans": moves, "gender": "neutral", "mocap_frame_rate": 30.0}
    parts = {
        "root_orient": flat[:, :3], "pose_body": flat[:, 3:66], "pose_jaw": flat[:, 66:69],
        "pose_eye": flat[:, 69:75], "pose_hand": flat[:, 75:],
    }  # fmt: skip
    want = z_to_y(bodies.slow(model, vectors, betas, moves))
    clips = quiet(save(tmp_path / "p.npz", **parts, **common), model=tmp_path / "SMPLX_NEUTRAL.npz")
    assert np.abs(clips.clip(0)[:, 0] - want).max() < 1e-6
    body = {"global_orient": flat[:, :3], "body_pose": flat[:, 3:66].reshape(-1, 21, 3)}
    clips = quiet(save(tmp_path / "b.npz", **body, **common), model=tmp_path / "SMPLX_NEUTRAL.npz")
    assert clips.skeleton.joints == 22
    assert np.abs(clips.clip(0)[:, 0] - want[:, :22]).max() < 1e-6
    turns = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(FRAMES, 55, 3, 3)
    clips = quiet(
        save(tmp_path / "m.npz", poses=turns, **common), model=tmp_path / "SMPLX_NEUTRAL.npz"
    )
    assert np.abs(clips.clip(0)[:, 0] - want).max() < 1e-6


def test_shape_that_changes_and_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skelf.data.readers import amass as module

    monkeypatch.setattr(module, "BLOCK", 3)
    model = bodies.write_model(tmp_path / "SMPLH_FEMALE.npz", 52)
    shapes = np.random.default_rng(2).normal(size=(FRAMES, 16))
    vectors, _, moves = amass(tmp_path / "a.npz", betas=shapes)
    clips = quiet(tmp_path / "a.npz", model=tmp_path / "SMPLH_FEMALE.npz")
    want = np.concatenate([
        bodies.slow(model, vectors[t : t + 1], shapes[t], moves[t : t + 1]) for t in range(FRAMES)
    ])  # fmt: skip
    assert np.abs(clips.clip(0)[:, 0] - z_to_y(want)).max() < 1e-6


def test_aist(tmp_path: Path) -> None:
    model = bodies.write_model(tmp_path / "basicModel_m_lbs.npz", 24, shapes=10)
    vectors, moves = bodies.poses(FRAMES, 24, upright="y"), np.full((FRAMES, 3), [10.0, 95, 20])
    content = {
        "smpl_loss": 1.0, "smpl_poses": vectors.reshape(FRAMES, 72).astype(np.float32),
        "smpl_scaling": np.array([94.0], np.float32), "smpl_trans": moves.astype(np.float32),
    }  # fmt: skip
    (tmp_path / "gBR_sBM.pkl").write_bytes(pickle.dumps(content))
    clips = quiet(tmp_path / "gBR_sBM.pkl", model=tmp_path / "basicModel_m_lbs.npz")
    want = 0.94 * bodies.slow(model, vectors, np.zeros(0), moves / 94)
    assert np.abs(clips.clip(0)[:, 0] - want).max() < 1e-5 and clips.fps[0] == 60
    points = np.zeros((FRAMES, 17, 3))
    for joint, place in {0: 15, 11: 1, 12: 2, 13: 4, 14: 5, 15: 7, 16: 8}.items():
        points[:, joint] = 100 * bodies.REST[place]
    points[0, 9] = np.nan
    points[1, 9] = 5
    (tmp_path / "k.pkl").write_bytes(pickle.dumps({"keypoints3d": points}))
    clips = quiet(tmp_path / "k.pkl")
    assert clips.skeleton.names[15] == "left_ankle" and clips.fps[0] == 60
    assert clips.clip(0)[:, 0, 15] == pytest.approx(np.tile(bodies.REST[7], (FRAMES, 1)))
    assert clips.clip(0)[0, 0, 9] == pytest.approx([0.05, 0.05, 0.05])  # the gap is filled


@pytest.mark.parametrize(("scale", "up"), [(1, "y"), (1000, "z"), (100, "y")])
def test_stored_joints(tmp_path: Path, scale: float, up: str) -> None:
    joints = standing(scale, up)
    extra = np.concatenate([joints, np.zeros((FRAMES, 23, 3))], axis=1)  # 45, as the models' code
    for file, fields in (
        ("a.npz", {"Jtr": joints, "fps": 25}),
        ("b.npz", {"joints": extra, "poses": np.zeros((FRAMES, 72)), "fps": 25}),
        ("c.npz", {"joints3d": joints.reshape(FRAMES, -1), "frame_rate": [25]}),
    ):
        clips = quiet(save(tmp_path / file, **fields))
        got = clips.clip(0)[:, 0, :22]
        assert np.abs(got - standing()).max() < 1e-6, file
        assert clips.fps[0] == 25


def test_what_is_needed_is_said_in_one_line(tmp_path: Path) -> None:
    amass(tmp_path / "a.npz")
    with pytest.raises(InputError) as error:
        read(tmp_path / "a.npz")
    for word in ("SMPL-H", "female", "16 betas", "mano.is.tue.mpg.de", "model=", "licence"):
        assert word in str(error.value)


def test_another_model_is_refused(tmp_path: Path) -> None:
    amass(tmp_path / "m" / "a.npz")
    male = tmp_path / "SMPLH_MALE.npz"
    bodies.write_model(male, 52)
    with pytest.raises(InputError, match=r"its body is female, and .* is male"):
        read(tmp_path / "m", model=male)
    x = tmp_path / "SMPLX_FEMALE.npz"
    bodies.write_model(x, 55)
    with pytest.raises(InputError, match=r"52 joints \(SMPL-H\).* has 55: SMPL-X"):
        read(tmp_path / "m", model=x)
    few = tmp_path / "few.npz"
    bodies.write_model(few, 52, shapes=10)
    with pytest.raises(InputError, match=r"16 numbers, and few\.npz has directions for 10"):
        read(tmp_path / "m", model=few)
    wrong = bodies.write_model(tmp_path / "tree.npz", 52)["kintree_table"].copy()
    wrong[0, 5] = 0
    bodies.write_model(tmp_path / "tree.npz", 52, kintree_table=wrong)
    with pytest.raises(InputError, match="not SMPL-H's tree"):
        read(tmp_path / "m", model=tmp_path / "tree.npz")
    bodies.write_model(tmp_path / "sparse.npz", 52, J_regressor=np.array({}, object))
    with pytest.raises(InputError, match="J_regressor: an object array, which is never loaded"):
        read(tmp_path / "m", model=tmp_path / "sparse.npz")
    (tmp_path / "e").mkdir()
    with pytest.raises(InputError, match="no files are called SMPL-H female"):
        read(tmp_path / "m", model=tmp_path / "e")


def test_axes_are_asked_for_where_body_and_custom_differ(tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    bodies.write_model(model, 52)
    turned = bodies.poses(FRAMES, 52, upright="y").reshape(FRAMES, -1)
    amass(tmp_path / "a.npz", poses=turned)
    with pytest.raises(InputError, match="AMASS has z up, but the body stands along y"):
        read(tmp_path / "a.npz", model=model)
    assert quiet(tmp_path / "a.npz", model=model, up="y").attributes["up"] == "y"
    amass(tmp_path / "b.npz", poses=turned, model="smplx2020")
    assert quiet(tmp_path / "b.npz", model=model).attributes["up"] == "y"
    lying = standing()[..., [1, 0, 2]]
    with pytest.raises(InputError, match="which axis is up"):
        read(save(tmp_path / "c.npz", joints=lying, fps=30))


def test_order_unit_and_rate_are_not_guessed(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(22)
    with pytest.raises(InputError, match="not in SMPL's order"):
        read(save(tmp_path / "a.npz", joints=standing()[:, order], fps=30))
    with pytest.raises(InputError, match="in no usual unit; give scale"):
        read(save(tmp_path / "a.npz", joints=standing(7.0), fps=30))
    with pytest.raises(InputError, match="source_fps"):
        read(save(tmp_path / "a.npz", joints=standing()))
    with pytest.raises(InputError, match=r"17 joints are COCO's or Human3\.6M's"):
        read(save(tmp_path / "a.npz", keypoints3d=np.ones((7, 17, 3)), fps=30))
    with pytest.raises(InputError, match=r"joints \(7, 23, 3\)"):
        read(save(tmp_path / "a.npz", joints=np.zeros((7, 23, 3)), fps=30))
    assert quiet(save(tmp_path / "a.npz", joints=standing()), source_fps=50).fps[0] == 50


def test_a_folder_leaves_out_what_is_no_motion(tmp_path: Path) -> None:
    bodies.write_model(tmp_path / "CMU" / "model.npz", 52)
    amass(tmp_path / "CMU" / "07" / "07_01_poses.npz")
    amass(tmp_path / "CMU" / "08" / "08_01_poses.npz")
    save(tmp_path / "CMU" / "07" / "shape.npz", betas=np.zeros(16), gender="female")
    with pytest.warns(UserWarning) as said:
        clips = read(tmp_path / "CMU", model=tmp_path / "CMU" / "model.npz")
    assert clips.subject.tolist() == [7, 8]
    notes = " ".join(str(w.message) for w in said)
    assert "no motion in it, left out" in notes and "z up, as AMASS has it" in notes


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"poses": np.zeros((3, 150))}, "turns of 50 joints"),
        ({"poses": np.zeros((3, 156)), "trans": np.zeros((2, 3))}, r"trans \(2, 3\) for 3 frames"),
        ({"poses": np.full((3, 156), np.nan)}, "poses: holds nan"),
        ({"poses": np.zeros((3, 156)), "surface_model_type": "smplx"}, "type is smplx, but"),
        ({"poses": np.array([{}, {}], object)}, "an object array"),
        ({"betas": np.zeros(10)}, r"neither joints nor turns.*it has betas"),
        ({"pose_body": np.zeros((3, 63))}, "without root_orient"),
        ({"poses": np.zeros((0, 156))}, "turns are rotation vectors"),
        ({"poses": np.array("text")}, "no numbers"),
        ({"root_orient": np.zeros((3, 3)), "pose_body": np.zeros((3, 63)),
          "left_hand_pose": np.zeros((3, 6))}, "weights of usual grips"),
    ],
)  # fmt: skip
def test_bad_fields(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(save(tmp_path / "a.npz", **fields))


class NumpyArrayWrapper:
    """What joblib's files ask for, by its name."""


def test_pickles_of_objects_and_of_persons(tmp_path: Path) -> None:
    file = tmp_path / "wham_output.pkl"
    NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"
    raw = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\nq\x00)\x81q\x01."
    file.write_bytes(raw)
    with pytest.raises(InputError, match="written by joblib, as VIBE, PHALP and WHAM do"):
        read(file)
    two = {"poses": [np.zeros((3, 72))] * 2}
    file.write_bytes(pickle.dumps(two))
    with pytest.raises(InputError, match="a list of 2, one for each person"):
        read(file)
    file.write_bytes(b"cchumpy.ch\nCh\n.")
    amass(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"chumpy\.ch.*np\.savez"):
        read(tmp_path / "a.npz", model=file)


def test_signs(tmp_path: Path) -> None:
    def sign(file: Path) -> str:
        return told(Look.at(Member(file)))

    amass(tmp_path / "a.npz")
    assert sign(tmp_path / "a.npz") == "it has poses and mocap_framerate, as AMASS has"
    assert "72 numbers" in sign(
        save(tmp_path / "b.npz", poses=np.zeros((3, 72)), trans=np.zeros((3, 3)))
    )
    for other in (
        {"joints": np.zeros((3, 25, 3))}, {"poses": np.zeros((3, 51))}, {"x_train": np.zeros(3)},
        {"poses": np.zeros((9, 4, 4)), "trans": np.zeros((9, 3))},  # of a camera
    ):  # fmt: skip
        assert not sign(save(tmp_path / "c.npz", **other))
    (tmp_path / "d.pkl").write_bytes(pickle.dumps({"smpl_poses": 1}))
    assert sign(tmp_path / "d.pkl")


@pytest.mark.parametrize("cut", [0, 1, 40, 300, 0.5, 0.98])
def test_truncated(tmp_path: Path, cut: float) -> None:
    amass(tmp_path / "a.npz")
    raw = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(raw[: int(cut * len(raw)) if cut < 1 else int(cut)])
    with pytest.raises(InputError):
        read(tmp_path / "a.npz")


@pytest.mark.slow
def test_damaged_copies(tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    bodies.write_model(model, 52)
    file = tmp_path / "d" / "a.npz"
    amass(file)
    done, refused = survives(lambda path: read(path, model=model), file, file)
    assert done + refused == 2000 and refused > 200
    good = model.read_bytes()
    done, refused = survives(lambda path: read(file, model=path), model, model, count=500)
    assert refused > 50 and model.read_bytes() == good
    pickled = tmp_path / "k.pkl"
    pickled.write_bytes(pickle.dumps({"keypoints3d": np.ones((4, 17, 3)), "fps": 60.0}))
    survives(lambda path: read(path, scale=1.0, up="y"), pickled, pickled, count=1000)
