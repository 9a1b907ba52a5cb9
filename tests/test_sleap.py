"""SLEAP's projects, analysis files and CSV, laid out as SLEAP does, against the test's table."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.clips import ClipSet
from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.sleap_file import load_tracked, told
from skelf.errors import InputError

read = by_keys("sleap")
NODES = ("head", "thorax", "tail")
EDGES = ((1, 0), (1, 2))
RNG = np.random.default_rng(0)
# frames, tracks, nodes, (x, y, score)
VALUES = np.concatenate(
    [RNG.uniform(20, 400, (5, 2, 3, 2)).round(2), RNG.uniform(0.5, 1, (5, 2, 3, 1)).round(3)],
    axis=3,
)
VALUES[..., 0] += np.array([0, 500])[:, None]  # the two do not come near each other
VALUES[2, 1] = np.nan
VALUES[3, 0, 2] = np.nan
FRAME = [("frame_id", "<u8"), ("video", "<u4"), ("frame_idx", "<u8"), ("instance_id_start", "<u8"),
         ("instance_id_end", "<u8")]  # fmt: skip
INSTANCE = [("instance_id", "<i8"), ("instance_type", "u1"), ("frame_id", "<u8"),
            ("skeleton", "<u4"), ("track", "<i4"), ("from_predicted", "<i8"), ("score", "<f4"),
            ("point_id_start", "<u8"), ("point_id_end", "<u8")]  # fmt: skip
POINT = [("x", "<f8"), ("y", "<f8"), ("visible", "?"), ("complete", "?")]


def analysis(path: Path, order: str = "matlab", dims: bool = False, scores: bool = True) -> Path:
    """One array of all tracks; the usual order of its axes is the reverse of the other."""
    tracks, point_scores = VALUES[..., :2], VALUES[..., 2]
    occupied = (~np.isnan(tracks).all(axis=(2, 3))).astype(np.uint8)
    axes = {"matlab": (1, 3, 2, 0), "reverse": (0, 2, 3, 1), "standard": (0, 1, 2, 3)}[order]
    of_scores = [axis for axis in axes if axis != 3]
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("tracks", data=tracks.transpose(axes))
        if dims:
            words = np.array(["frame", "track", "node", "xy"])[list(axes)].tolist()
            stored.attrs["dims"] = json.dumps(words)
        file["node_names"] = np.array(NODES, "S")
        file["track_names"] = np.array(["track_0", "track_1"], "S")
        file["track_occupancy"] = occupied.T if order == "reverse" else occupied
        file["edge_inds"] = np.array(EDGES)
        if scores:
            file["point_scores"] = point_scores.transpose(of_scores)
    return path


def project(
    path: Path, *, format_id: float = 1.2, labelled: bool = False, tracked: bool = True,
    videos: int = 1
) -> Path:  # fmt: skip
    """A project; nodes are listed in another order than points have."""
    frames, instances, points, placed = [], [], [], []
    for i in range(5):
        start = len(instances)
        for m in range(2):
            pose = VALUES[i, m]
            if not np.isnan(pose).all():
                first = len(points)
                points += [(x, y, not np.isnan(x), False, s) for x, y, s in pose.tolist()]
                track = m if tracked else -1
                row = (len(instances), 1, i, 0, track, -1, 1, first, first + 3)
                instances.append(row)
        if labelled and not i:  # somebody moved the first one
            placed += [(x + 7, y, True, True) for x, y, _ in VALUES[0, 0].tolist()]
            instances.append((len(instances), 0, i, 0, 0 if tracked else -1, start, 1, 0, 3))
        frames.append((i, i % videos, i + 10, start, len(instances)))
    skeleton = {
        "links": [{"source": 2, "target": 0, "type": {"py/reduce": [{"py/type": "E"},
                                                                    {"py/tuple": [1]}]}},
                  {"source": 2, "target": 1, "type": {"py/id": 1}},
                  {"source": 0, "target": 1, "type": {"py/reduce": [{"py/type": "E"},
                                                                    {"py/tuple": [2]}]}}],
        "nodes": [{"id": 0}, {"id": 2}, {"id": 1}],
    }  # fmt: skip
    names = [{"name": name} for name in (NODES[0], NODES[2], NODES[1])]
    with h5py.File(path, "w") as file:
        group = file.create_group("metadata")
        group.attrs["format_id"] = format_id
        text = json.dumps({"skeletons": [skeleton], "nodes": names})
        group.attrs["json"] = np.bytes_(text)
        file["frames"] = np.array(frames, FRAME)
        file["instances"] = np.array(instances, INSTANCE)
        file["points"] = np.array(placed, POINT)
        file["pred_points"] = np.array(points, [*POINT, ("score", "<f8")])
        file["tracks_json"] = np.array(['[0,"track_0"]', '[0,"track_1"]'], "S")
        file["videos_json"] = np.array(
            [f'{{"backend":{{"filename":"C:\\\\data\\\\cam{i}.mp4"}}}}' for i in range(videos)], "S"
        )
    return path


def csv(path: Path, form: str = "sleap") -> Path:
    lines = []
    parts = [f"{node}.{part}" for node in NODES for part in ("x", "y", "score")]
    if form == "frames":
        heads = [f"inst{m}.{part}" for m in range(2) for part in ("track", "score", *parts)]
        lines.append(",".join(["frame_idx", *heads]))
    else:
        lines.append(",".join(["track", "frame_idx", "instance.score", *parts]))
    for i in range(5):
        cells = [["" if np.isnan(v) else f"{v:g}" for v in VALUES[i, m].ravel()] for m in range(2)]
        if form == "frames":
            there = [[f"track_{m}" if any(c) else "", "", *c] for m, c in enumerate(cells)]
            lines.append(",".join([str(i), *there[0], *there[1]]))
        else:
            lines += [f"track_{m},{i},0.9,{','.join(c)}" for m, c in enumerate(cells) if any(c)]
    path.write_text("\n".join(lines) + "\n")
    return path


def notes(path: Path, **options: Any) -> tuple[ClipSet, str]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clips = read(path, **options)
    return clips, "\n".join(str(warning.message) for warning in said)


def check(clips: ClipSet, values: np.ndarray = VALUES) -> None:
    """Both persons are there, in either order, with y up."""
    joints = clips.clip(0)
    want = np.nan_to_num(values) * [1, -1, 1]
    first = int(joints[0, 0, 0, 0] > 450)
    assert np.allclose(joints, want[:, [first, 1 - first]], atol=1e-4)


def test_every_form_gives_the_same_places(tmp_path: Path) -> None:
    forms = {
        "analysis": analysis(tmp_path / "a.h5"),
        "the other way round": analysis(tmp_path / "b.h5", "reverse"),
        "axes with names": analysis(tmp_path / "c.h5", "standard", dims=True),
        "project": project(tmp_path / "d.slp"),
        "without tracks": project(tmp_path / "e.slp", tracked=False),
        "csv": csv(tmp_path / "f.csv"),
        "csv of frames": csv(tmp_path / "g.csv", "frames"),
    }
    for form, file in forms.items():
        clips, _ = notes(file, missing="keep")
        assert clips.skeleton.names == NODES, form
        check(clips)
        assert "SLEAP" in told(Look.at(Member(file))), form
        if "csv" not in form:  # bones as in the file
            assert clips.skeleton.parents == (1, -1, 1), form


def test_what_somebody_placed_counts_instead_of_its_prediction(tmp_path: Path) -> None:
    moved = VALUES.copy()
    moved[0, 0] = VALUES[0, 0] * [1, 1, 0] + [7, 0, 1]
    check(notes(project(tmp_path / "a.slp", labelled=True), missing="keep")[0], moved)
    check(
        notes(project(tmp_path / "b.slp", labelled=True, tracked=False), missing="keep")[0], moved
    )


def test_old_formats_count_pixels_from_their_corner(tmp_path: Path) -> None:
    shifted = VALUES - [0.5, 0.5, 0]
    check(notes(project(tmp_path / "a.slp", format_id=1.0), missing="keep")[0], shifted)


def test_labelled_points_have_places_and_no_score(tmp_path: Path) -> None:
    file = analysis(tmp_path / "a.h5")
    with h5py.File(file, "r+") as opened:
        opened["point_scores"][...] = np.nan
    sure = VALUES.copy()
    sure[..., 2] = np.where(np.isnan(sure[..., 0]), np.nan, 1)
    check(notes(file, missing="keep")[0], sure)
    check(notes(analysis(tmp_path / "b.h5", scores=False), missing="keep")[0], sure)


def test_each_video_of_a_project_is_a_clip(tmp_path: Path) -> None:
    file = project(tmp_path / "a.slp", videos=2)
    clips, _ = notes(file)
    assert clips.names == ["a/cam0", "a/cam1"]
    assert clips.length.tolist() == [5, 3]  # frames 10 to 14, and 11 to 13
    assert [part.name for part in load_tracked(Member(file))] == ["cam0", "cam1"]


def other_points(file: h5py.File) -> None:
    file["instances"][0] = (*file["instances"][0].tolist()[:7], 0, 900)


def no_skeleton(file: h5py.File) -> None:
    file["metadata"].attrs["json"] = np.bytes_("{")


def no_points(file: h5py.File) -> None:
    del file["pred_points"]


def endless_points(file: h5py.File) -> None:
    del file["pred_points"]
    file.create_dataset("pred_points", (1 << 50,), "f8", chunks=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_points, "points, of 3"),
        (no_skeleton, "skeleton cannot be"),
        (no_points, "neither a project nor"),
        (endless_points, "cannot hold"),
    ],
)
def test_damaged_projects_are_refused(change: Any, said: str, tmp_path: Path) -> None:
    file = project(tmp_path / "a.slp")
    with h5py.File(file, "r+") as opened:
        change(opened)
    with pytest.raises(InputError, match=said):
        read(file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89HDF\r\n\x1a\n",
        b"track,frame_idx,a.x,a.y\n0,x,1,2\n",
        b"frame_idx,node,x,y,track\n0,a,1,2,t\n",
    ],
)
def test_other_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError) as error:
        read(tmp_path / "a.csv")
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["analysis", "project", "csv"])
def test_damaged_copies(form: str, tmp_path: Path) -> None:
    make = {"analysis": analysis, "project": project, "csv": csv}[form]
    file = make(tmp_path / f"a.{'csv' if form == 'csv' else 'h5'}")
    done, refused = survives(lambda path: read(path), file, file, count=1000)
    assert done > 50 and refused > 50
