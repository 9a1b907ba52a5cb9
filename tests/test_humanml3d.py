"""HumanML3D and KIT-ML: joints, the vectors made of them, and what models write."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutants import mutants, survives

from skelf.data.clips import ClipSet
from skelf.data.formats.guess import recognised
from skelf.data.readers import READERS
from skelf.data.readers.humanml3d import KIT21, HumanML3D
from skelf.errors import InputError

read = READERS["humanml3d"]


def quiet(path: Path, **options: Any) -> ClipSet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(path, None, HumanML3D(**options))


def walk(frames: int = 30, joints: int = 22, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A body that walks a curve: its joints `(T, V, 3)`, and its heading.

    Everything is made from what a person sees: where the body is, which way it looks, and where its
    joints are beside it. It starts above the origin and looks along z.
    """
    rng = np.random.default_rng(0)
    heading = np.concatenate([[0], np.cumsum(rng.normal(0.05, 0.1, frames - 1))])
    shape = rng.normal(0, 0.4, (joints - 1, 3)) + np.array([0, 0.9, 0])
    place = np.zeros(3)
    points = np.zeros((frames, joints, 3))
    for t in range(frames):
        ahead = np.array([np.sin(heading[t]), 0, np.cos(heading[t])])
        side = np.array([np.cos(heading[t]), 0, -np.sin(heading[t])])  # the body's left
        points[t, 0] = place + np.array([0, 0.9 + 0.02 * np.sin(t), 0])
        beside = shape + 0.05 * np.sin(0.3 * t)
        points[t, 1:] = place + beside[:, :1] * side + beside[:, 2:] * ahead
        points[t, 1:, 1] = beside[:, 1]
        place = place + 0.03 * ahead + 0.01 * side
    return points * size, heading


def vectors(points: np.ndarray, heading: np.ndarray, width: int) -> np.ndarray:
    """The set's vectors of such a walk, by its description; rotations are the identity."""
    frames, joints = points.shape[:2]
    made = np.zeros((frames, width))
    for t in range(frames):
        c, s = np.cos(heading[t]), np.sin(heading[t])

        def own(way: np.ndarray, c: float = c, s: float = s) -> np.ndarray:
            """In the axes of the body: its left, up, ahead."""
            return np.array([c * way[0] - s * way[2], way[1], s * way[0] + c * way[2]])

        if t + 1 < frames:
            turn = heading[t + 1] - heading[t]
            made[t, 0] = -turn / 2
            # The way to the next frame is told in the next frame's axes.
            c2, s2 = np.cos(heading[t + 1]), np.sin(heading[t + 1])
            step = points[t + 1, 0] - points[t, 0]
            made[t, 1:3] = c2 * step[0] - s2 * step[2], s2 * step[0] + c2 * step[2]
        made[t, 3] = points[t, 0, 1]
        flat = np.array([points[t, 0, 0], 0, points[t, 0, 2]])
        places = [own(point - flat) for point in points[t, 1:]]
        made[t, 4 : 4 + 3 * (joints - 1)] = np.concatenate(places)
        rotations = np.tile([1, 0, 0, 0, 1, 0], joints - 1)
        made[t, 4 + 3 * (joints - 1) : 4 + 9 * (joints - 1)] = rotations
    return made.astype(np.float32)


@pytest.mark.parametrize(("joints", "width", "size"), [(22, 263, 1.0), (21, 251, 620.0)])
def test_joints_follow_from_vectors(joints: int, width: int, size: float, tmp_path: Path) -> None:
    points, heading = walk(joints=joints, size=size)
    np.save(tmp_path / "a.npy", vectors(points, heading, width))
    clips = quiet(tmp_path / "a.npy")
    np.testing.assert_allclose(clips.joints[:, 0], points, atol=3e-6 * size)
    assert (clips.fps == (20 if joints == 22 else 12.5)).all()
    assert clips.skeleton.name == ("humanml3d22" if joints == 22 else "kit21")
    assert ("unit" in clips.attributes) == (joints == 22)
    assert recognised(tmp_path / "a.npy")[0] == "humanml3d"


def test_a_set(tmp_path: Path) -> None:
    points, heading = walk()
    for name in ("new_joints", "new_joint_vecs", "texts"):
        (tmp_path / name).mkdir()
    for name in ("000001", "M000001", "000002"):
        np.save(tmp_path / "new_joints" / f"{name}.npy", points.astype(np.float32))
        np.save(tmp_path / "new_joint_vecs" / f"{name}.npy", vectors(points, heading, 263))
    for side, names in (("train", "000001\nM000001\n"), ("test", "000002\n"), ("val", "")):
        (tmp_path / f"{side}.txt").write_text(names)
    with pytest.warns(UserWarning, match="sentences in texts are not kept"):
        clips = read(tmp_path)
    assert clips.names == ["000001", "000002", "M000001"]
    assert clips.splits["official"].tolist() == [1, 2, 1] and "official_val" not in clips.splits
    np.testing.assert_array_equal(clips.clip(1)[:, 0], points.astype(np.float32))
    by_vectors = quiet(tmp_path / "new_joint_vecs")
    np.testing.assert_allclose(by_vectors.joints, clips.joints, atol=3e-6)
    assert by_vectors.splits["official"].tolist() == [1, 2, 1]
    assert recognised(tmp_path / "new_joints" / "000001.npy")[0] == "humanml3d"


def test_what_models_write(tmp_path: Path) -> None:
    points = walk()[0].astype(np.float32)
    made = {
        "motion": np.stack([points.transpose(1, 2, 0)] * 2), "lengths": np.array([30, 12]),
        "text": ["a person walks"] * 2, "num_samples": 2, "num_repetitions": 1,
    }  # fmt: skip
    np.save(tmp_path / "results.npy", made)  # type: ignore[arg-type]  # a dict, as MDM saves it
    clips = quiet(tmp_path / "results.npy")
    assert clips.length.tolist() == [30, 12] and clips.names == ["results_0", "results_1"]
    np.testing.assert_array_equal(clips.clip(1)[:, 0], points[:12])
    np.save(tmp_path / "0_out.npy", points[None])
    np.testing.assert_array_equal(quiet(tmp_path / "0_out.npy").joints[:, 0], points)
    for key, value in (("motion", [1]), ("lengths", np.array([31, 5]))):
        np.save(tmp_path / "results.npy", made | {key: value})  # type: ignore[arg-type]
        with pytest.raises(InputError, match=rf"{key}: "):
            read(tmp_path / "results.npy")


def test_normalised_vectors_are_refused(tmp_path: Path) -> None:
    array = vectors(*walk(), 263)
    for wrong in ((array - array.mean(0)) / (array.std(0) + 1e-3), array * 1.4):
        np.save(tmp_path / "a.npy", wrong)
        with pytest.raises(InputError, match=r"normalised vectors\? Multiply them by Std"):
            read(tmp_path / "a.npy")


def test_which_side_is_left() -> None:
    left = [name for name in KIT21.names if name.endswith("Left")]
    assert [KIT21.names[a] for a, _ in KIT21.pairs] == left
    assert all(KIT21.names[b] == KIT21.names[a].replace("Left", "Right") for a, b in KIT21.pairs)


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 24, 3)), np.zeros((4, 262)), np.zeros(3), np.zeros((0, 22, 3)), np.eye(22, 3)],
)
def test_other_arrays(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"a\.npy: .*expected"):
        read(tmp_path / "a.npy")


def test_joints_without_numbers(tmp_path: Path) -> None:
    points = walk()[0]
    points[3, 4] = np.nan
    np.save(tmp_path / "a.npy", points)
    with pytest.warns(UserWarning, match="1 joints are NaN: not seen, missing=linear"):
        clips = read(tmp_path / "a.npy")
    np.testing.assert_allclose(clips.joints[3, 0, 4], (points[2, 4] + points[4, 4]) / 2, atol=1e-6)
    points[0, 0] = np.inf
    np.save(tmp_path / "a.npy", points)
    with pytest.raises(InputError, match="NaN or infinity"):
        read(tmp_path / "a.npy")


def test_damaged_files(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, vectors(*walk(5), 263))
    for raw in [b"", b"\0" * 40, b"\xff\xfe", *mutants(file.read_bytes(), 40)]:
        file.write_bytes(raw)
        with suppress(InputError), warnings.catch_warnings(action="ignore"):
            read(file).validate()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["vectors", "made"])
def test_two_thousand_damaged_files(form: str, tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    points, heading = walk(5)
    if form == "vectors":
        np.save(file, vectors(points, heading, 263))
    else:
        made = {"motion": points.transpose(1, 2, 0)[None], "lengths": np.array([5])}
        np.save(file, made)  # type: ignore[arg-type]  # as above
    done, refused = survives(read, file, file)
    assert done + refused == 2000 and refused
