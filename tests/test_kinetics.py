from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import body, edit, flat, kinetics

from skelf.errors import InputError
from skelf.layouts import COCO17, OPENPOSE18

read = by_keys("kinetics")

# Of the five published sample files: frames, label, class.
SAMPLE = {
    "-0BveUV52cM": (298, 317, "smoking hookah"),
    "-0byZyStAYQ": (299, 370, "tying tie"),
    "cU1fyH2QssA": (299, 91, "dining"),
    "kkwHdOvpCoc": (299, 83, "cutting watermelon"),
    "sAP-xS5P0Bw": (299, 199, "motorcycling"),
}


def rows(content: Any) -> dict[int, list[np.ndarray]]:
    """The file's poses of each frame, read by a plain loop."""
    found = {}
    for t, frame in enumerate(content["data"]):
        assert frame["frame_index"] == t + 1
        found[t] = []
        for one in frame["skeleton"]:
            x, y, c = one["pose"][::2], one["pose"][1::2], one["score"]
            triples = [(a, -b, s) if s > 0 else (0, 0, 0) for a, b, s in zip(x, y, c, strict=True)]
            found[t].append(np.array(triples, np.float32))
    return found


@pytest.mark.filterwarnings("ignore:.*tracks left out:UserWarning")
def test_the_real_sample(real_data: Callable[[str], Path]) -> None:
    folder = real_data("nw_ucla").parents[1] / "kinetics_skeleton_sample" / "raw"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    clips = read(folder, persons=12)
    assert clips.names == sorted(SAMPLE) and clips.skeleton is OPENPOSE18 and clips.confidence
    known = zip(clips.length.tolist(), clips.label.tolist(), strict=True)
    assert [(t, k, clips.class_names[k]) for t, k in known] == [SAMPLE[n] for n in clips.names]
    assert clips.class_names[0] == "0"  # a class of no file here
    for i, name in enumerate(clips.names):
        found = rows(json.loads((folder / f"{name}.json").read_text()))
        assert len(found) == clips.length[i]
        for t, bodies in found.items():  # everybody is there, to the bit, in some order
            mine = [p.tobytes() for p in clips.clip(i)[t] + 0.0 if p.any()]
            assert sorted(mine) == sorted((p + 0.0).tobytes() for p in bodies if p.any())
    few = read(folder)
    assert few.persons == 2 and few.label.tolist() == clips.label.tolist()
    for i in range(5):  # the two kept are among all, and a frame with anybody is not empty
        alone = few.clip(i).any(axis=(2, 3)).sum(axis=1)
        assert (alone <= clips.clip(i).any(axis=(2, 3)).sum(axis=1)).all() and alone.any()


def test_values(tmp_path: Path) -> None:
    kinetics(tmp_path)
    clips = read(tmp_path, persons=1, fps=25)
    assert clips.label.tolist() == [2] and clips.class_names == ("0", "1", "tying tie")
    for t in range(4):
        want = body(18, t) / [1000, -1000, 1]
        np.testing.assert_allclose(clips.clip(0)[t, 0], want, rtol=1e-6)
    assert clips.fps.tolist() == [25] and not clips.splits


def test_zeros_where_nothing_was_found(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        content["data"][1]["skeleton"][0]["score"][3] = 0

    edit(kinetics(tmp_path), change)
    assert not read(tmp_path).joints[1, 0, 3].any()
    linear = read(tmp_path, missing="linear").joints[:, 0, 3]
    np.testing.assert_allclose(linear[1, :2], (linear[0, :2] + linear[2, :2]) / 2, rtol=1e-6)
    assert linear[1, 2] == 0


def test_label_lists_beside_and_files_without_label(tmp_path: Path) -> None:
    file = kinetics(tmp_path)
    (tmp_path / "kinetics_train_label.json").write_text('{"abc": {"has_skeleton": true}}')
    edit(file, lambda c: {"data": c["data"]})
    assert read(tmp_path).label.tolist() == [-1]


def test_seventeen_joints(tmp_path: Path) -> None:
    pose = body(17)
    one = {"pose": flat(pose[:, :2]), "score": flat(pose[:, 2:])}
    content = {"data": [{"frame_index": 1, "skeleton": [one]}]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert read(tmp_path).skeleton is COCO17


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c["data"].clear(), "data: no frames"),
        (lambda c: c["data"][1].pop("frame_index"), r"data\[1\]: field 'frame_index' is missing"),
        (lambda c: c["data"][1].update(frame_index=1.5), r"frame_index: expected a whole number"),
        (lambda c: c["data"][1].update(frame_index=10**9), "a video has at most"),
        (lambda c: c["data"][1].update(skeleton={}), r"data\[1\]: skeleton: expected a list"),
        (lambda c: c["data"][1]["skeleton"][0]["score"].pop(), r"score: 17 for 18 joints"),
        (lambda c: c["data"][1]["skeleton"][0]["pose"].pop(), r"35 numbers are not 2"),
        (lambda c: c.update(label_index=-1), "label_index: -1; classes are numbered from 0"),
        (lambda c: c.update(label_index=10**9), "label_index: 1000000000; classes"),
        (lambda c: c.update(label_index="2"), "label_index: expected a whole number"),
        (lambda c: c.update(label="a\0"), "label: .* holds NUL"),
        (lambda c: c.update(label="\ud800"), "label: .* half a character"),
    ],
)
def test_refusals(change: Any, match: str, tmp_path: Path) -> None:
    def changed(content: Any) -> Any:
        change(content)
        return content

    edit(kinetics(tmp_path), changed)
    with pytest.raises(InputError, match=match):
        read(tmp_path)


def test_one_number_for_two_classes(tmp_path: Path) -> None:
    file = kinetics(tmp_path)
    text = file.read_text().replace("tying tie", "dining")
    file.with_name("b.json").write_text(text)
    with pytest.raises(InputError, match="class 2 is 'dining' here, 'tying tie' in another"):
        read(tmp_path)


def test_the_split_is_found_below_another_folder(tmp_path: Path) -> None:
    for side in ("train", "val"):
        place = tmp_path / "kinetics-skeleton" / f"kinetics_{side}"
        place.mkdir(parents=True)
        kinetics(place)
    clips = read(tmp_path)
    assert clips.splits["official"].tolist() == [1, 2]


def test_a_clip_that_is_there_twice(tmp_path: Path) -> None:
    file = kinetics(tmp_path)
    with ZipFile(tmp_path / "again.zip", "w") as archive:
        archive.write(file, file.relative_to(tmp_path))
    with pytest.raises(InputError, match=r"gives a clip '.*' too; keep one of them"):
        read(tmp_path)


def test_a_frame_twice(tmp_path: Path) -> None:
    edit(kinetics(tmp_path), lambda c: c["data"][2].update(frame_index=1))
    with pytest.raises(InputError, match="data: frame_index: frame 1 stands twice"):
        read(tmp_path)
