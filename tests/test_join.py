"""Several sets as one: counts, names, columns, segments, splits, and what is said about them."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data import clips as clips_module
from skelf.data.clips import ClipSet
from skelf.data.join import joined
from skelf.data.join_notes import figure, notes
from skelf.data.quality.people import people
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20


def made(title: str, lengths: tuple[int, ...], persons: int = 1, **others: Any) -> ClipSet:
    rng = np.random.default_rng(len(title) + sum(lengths))
    joints = rng.uniform(0.1, 1, (sum(lengths), persons, 20, 3))
    others.setdefault("attributes", {"title": title, "licence": "free"})
    return ClipSet.build(joints, lengths, others.pop("skeleton", KINECT20), **others)


def three() -> list[ClipSet]:
    a = made(
        "a",
        (3, 2),
        label=[0, 1],
        subject=[0, 4],
        camera=[1, 2],
        class_names=["walk", "sit"],
        name=["one", "two"],
        fps=15,
        splits={"xsub": np.array([1, 2], np.int8), "own": np.array([1, 2], np.int8)},
        columns={"fold": np.array([1, 2])},
    )
    b = made(
        "b",
        (6, 4),
        persons=2,
        subject=[-1, 2],
        class_names=["jump", "walk"],
        name=["two", "three"],
        splits={"xsub": np.array([2, 1], np.int8)},
        segments=np.array([[0, 1, 3, 1], [1, 0, 4, 0]]),
    )
    c = made(
        "c",
        (5,),
        subject=[1],
        label=[0],
        class_names=["sit"],
        name=["four"],
        splits={"xsub": np.array([0], np.int8)},
        attributes={"title": "c", "licence": "none"},
    )
    return [a, b, c]


def quiet(sets: list[ClipSet], **options: Any) -> ClipSet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return joined(sets, **options)


def test_three_sets() -> None:
    sets = three()
    pool = quiet(sets)
    pool.validate()
    assert len(pool) == 5 and pool.frames_total == 20 and pool.persons == 2
    before = [clips.clip(i) for clips in sets for i in range(len(clips))]
    for i, clip in enumerate(before):
        np.testing.assert_array_equal(pool.clip(i)[:, : clip.shape[1]], clip)
        assert not pool.clip(i)[:, clip.shape[1] :].any()
    assert pool.names == ["one", "a/two", "b/two", "three", "four"]
    assert pool.class_names == ("walk", "sit", "jump")
    assert pool.label.tolist() == [0, 1, -1, -1, 1]
    assert pool.segments.tolist() == [[2, 1, 3, 0], [3, 0, 4, 2]]
    assert pool.subject.tolist() == [0, 4, -1, 7, 9]
    assert pool.camera.tolist() == [1, 2, -1, -1, -1] and pool.setup.tolist() == [-1] * 5
    assert pool.fps.tolist() == [15, 15, 30, 30, 30]
    assert pool.columns["set"].tolist() == [0, 0, 1, 1, 2]
    assert pool.columns["fold"].tolist() == [1, 2, -1, -1, -1]
    assert {key: side.tolist() for key, side in pool.splits.items()} == {"xsub": [1, 2, 2, 1, 0]}
    assert json.loads(pool.attributes["sets"]) == ["a", "b", "c"]
    assert json.loads(pool.attributes["numbers_from"])["subject"] == [0, 5, 8]
    assert pool.attributes["licence"] == "a: free; b: free; c: none"
    assert pool.attributes["title"] == "a + b + c" and "synthetic" not in pool.attributes


def test_the_sets_themselves_are_left_alone() -> None:
    sets = three()
    before = [clips.digest() for clips in sets]
    quiet(sets, classes="apart")
    assert [clips.digest() for clips in sets] == before


def test_classes_apart() -> None:
    pool = quiet(three(), classes="apart")
    assert pool.class_names == ("a/walk", "a/sit", "jump", "b/walk", "c/sit")
    assert pool.label.tolist() == [0, 1, -1, -1, 4]
    assert pool.segments[:, 3].tolist() == [3, 2]


def test_a_pool_joins_again() -> None:
    a, b, c = three()
    twice, once = quiet([quiet([a, b]), c]), quiet([a, b, c])
    assert twice.digest() == once.digest()
    assert twice.columns["set"].tolist() == once.columns["set"].tolist()
    assert twice.attributes["sets"] == once.attributes["sets"]


def test_titles_that_are_equal_are_numbered() -> None:
    a, b, _ = three()
    pool = quiet([a, replace(b, attributes={"title": "a", "synthetic": "true"})])
    assert json.loads(pool.attributes["sets"]) == ["a", "a-2"]
    assert pool.names[1:3] == ["a/two", "a-2/two"] and pool.attributes["synthetic"] == "true"


def test_frames_go_through_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    blocks = ClipSet.blocks

    def watched(clips: ClipSet, numbers: int = 200) -> Any:
        for indices, block in blocks(clips, 200):
            sizes.append(len(block))
            yield indices, block

    whole = quiet(three())
    monkeypatch.setattr(clips_module.ClipSet, "blocks", watched)
    pool = quiet(three())
    assert isinstance(pool.joints.base, np.memmap) or isinstance(pool.joints, np.memmap)
    np.testing.assert_array_equal(pool.joints, whole.joints)
    assert max(sizes) <= 6  # the longest clip; never a whole set


def test_sets_that_do_not_fit() -> None:
    a = three()[0]
    with pytest.raises(InputError, match="two sets or more"):
        joined([a])
    with pytest.raises(InputError, match="use shared or apart"):
        joined([a, a], classes="both")  # type: ignore[arg-type]
    pose = ClipSet.build(np.ones((2, 1, 17, 3)), [2], COCO17, attributes={"title": "pose"})
    with pytest.raises(InputError, match=r"pose: its joints \(17, .*data map pose --layout kinect"):
        joined([a, pose])
    flat = ClipSet.build(np.ones((2, 1, 20, 2)), [2], KINECT20)
    with pytest.raises(InputError, match="2 coordinates a joint, a has 3"):
        joined([a, flat])
    sure = {"confidence": "true"}
    with pytest.raises(InputError, match="a confidence for each joint"):
        joined([flat, ClipSet.build(np.ones((2, 1, 20, 3)), [2], KINECT20, attributes=sure)])
    swapped = (KINECT20.names[1], KINECT20.names[0], *KINECT20.names[2:])
    other = made("other", (4,), skeleton=replace(KINECT20, names=swapped))
    with pytest.raises(InputError, match="are not those of"):
        joined([a, other])


def standing(title: str, scale: float, up: int = 1, moves: float = 1.0, sign: int = 1) -> ClipSet:
    """Somebody who walks along; the head above the feet along the axis `up`."""
    x = np.random.default_rng(0).normal(0, 0.02, (60, 1, 20, 3))
    heights = [0, 0.1, 0.4, 0.6, 0.3, 0.1, -0.1, -0.1, 0.3, 0.1, -0.1, -0.1]
    heights += [0, -0.4, -0.8, -0.9] * 2
    x -= x[:, :, :1]
    x[..., up] += sign * np.array(heights)
    x += moves * np.linspace(1, 2, 60)[:, None, None, None] + 1
    return ClipSet.build(x * scale, [30, 30], KINECT20, attributes={"title": title})


def test_notes() -> None:
    metres, millimetres = standing("m", 1), standing("mm", 1000)
    assert figure(metres).up == "y" and figure(standing("d", 1, 1, 1, -1)).up == "-y"
    assert 1.3 < figure(metres).size < 1.8 and not figure(metres).still
    assert notes([metres, metres], ["m", "n"]) == []
    said = notes([metres, millimetres], ["m", "mm"])
    assert len(said) == 1 and "`scale`" in said[0] and "mm 1.5" in said[0]
    said = notes([metres, standing("z", 1, up=2)], ["m", "z"])
    assert said == ["the axis that points up: m y, z z; import these sets alike"]
    said = notes([metres, standing("s", 1, moves=0)], ["m", "s"])
    assert len(said) == 1 and said[0].startswith("the root never moves in s:")
    slow = replace(metres, fps=metres.fps / 2)
    assert "15, 30" in notes([metres, slow], ["m", "n"])[0]
    lone = metres.with_split("own", [1, 2])
    assert notes([metres, lone], ["m", "n"]) == ["split own of n: dropped, not every set has it"]
    empty = replace(metres, joints=np.zeros_like(metres.joints))
    assert figure(empty).size == 0 and notes([metres, empty], ["m", "e"]) == []
    with pytest.warns(UserWarning, match="other units"):
        joined([metres, millimetres])


def call(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, words, env={"COLUMNS": "120"})


def test_command(tmp_path: Path) -> None:
    stores = [tmp_path / f"{name}.h5" for name in "abc"]
    for clips, store in zip(three(), stores, strict=True):
        clips.save(store)
    out = tmp_path / "pool.h5"
    done = call("join", *stores, "--out", out)
    assert done.exit_code == 0, done.output
    assert "pool.h5: 5 clips, 20 frames" in done.output
    assert "note: split own of a: dropped" in done.output
    assert ClipSet.open(out).digest() == quiet(three()).digest()
    assert call("check", out).exit_code == 0
    before = [store.read_bytes() for store in stores]
    for words, message in (
        ((stores[0], stores[1], "--out", out), "exists already"),
        ((stores[0], stores[1], "--out", stores[1], "--force"), "the store that is read"),
        ((stores[0], stores[0], "--out", out, "--force"), "given twice"),
        ((stores[0], "--out", out, "--force"), "two sets or more"),
        ((stores[0], stores[1], "--out", out, "--force", "--classes", "both"), "'both'"),
        ((stores[0], tmp_path / "no.h5", "--out", out, "--force"), "no such file"),
    ):
        refused = call("join", *words)
        assert isinstance(refused.exception, InputError), refused.output
        assert message in str(refused.exception)
    assert [store.read_bytes() for store in stores] == before
    assert sorted(tmp_path.iterdir()) == sorted([*stores, out])  # nothing half-written


def sessions() -> list[ClipSet]:
    """Five people on two days; the second day one of them."""
    who = ["anna", "ben", "cleo", "dora", "emil"]
    first = made("day1", (3,) * 5, subject=[0, 1, 2, 3, 4], name=[f"{w}_walk" for w in who])
    return [first, made("day2", (4,), subject=[2], name=["subject02_sit"])]


def test_same_subjects_keep_their_numbers() -> None:
    with pytest.warns(UserWarning, match=r"numbered apart: 5 \+ 1 = 6 people; .* \(5 by their num"):
        apart = joined(sessions())
    assert apart.subject.tolist() == [0, 1, 2, 3, 4, 7]
    with pytest.warns(UserWarning, match="subjects keep their numbers: the sets share their 5 peo"):
        pool = joined(sessions(), same_subjects=True)
    assert pool.subject.tolist() == [0, 1, 2, 3, 4, 2]
    assert json.loads(pool.attributes["numbers_from"])["subject"] == [0, 0]
    # Cameras and setups stay apart: the people are the same, not the rooms.
    pair = [made("a", (3,), camera=[1], subject=[1]), made("b", (3,), camera=[1], subject=[1])]
    assert quiet(pair, same_subjects=True).camera.tolist() == [1, 3]
    with warnings.catch_warnings():  # one set with numbers alone leaves nothing to ask
        warnings.simplefilter("error")
        joined([made("a", (3,), subject=[1]), made("b", (3,))])


@pytest.mark.parametrize(
    "names",
    [
        ("subject03_walk", "day2/Subject3-sit"),
        ("S001C001P003R001A001", "S002C001P003R001A001"),
        ("patient 12", "patient012 again"),
    ],
)
def test_one_name_with_two_numbers(names: tuple[str, str]) -> None:
    twice = made("a", (3, 3, 3), subject=[1, 5, 6], name=[*names, "else"])
    (found,) = people(twice)
    assert found.severity == "warning" and found.clips.tolist() == [0, 1]
    assert "is subject 1, 5" in found.what and "--same-subjects" in found.remedy
    once = made("a", (3, 3, 3), subject=[5, 5, 6], name=[*names, "else"])
    assert people(once) == []


def test_one_word_with_two_numbers_in_a_pool() -> None:
    days = [
        made(day, (3,) * 4, subject=[0, 0, 1, 1], name=[
            f"{who}_{what}" for who in ("anna", "ben") for what in ("walk", "sit")])
        for day in ("day1", "day2")
    ]  # fmt: skip
    (found,) = people(quiet(days))
    assert "anna is subject 0, 2; ben is subject 1, 3" in found.what
    assert people(quiet(days, same_subjects=True)) == []
    assert people(days[0]) == []


def test_same_subjects_by_the_command(tmp_path: Path) -> None:
    paths = []
    for clips in sessions():
        paths.append(str(tmp_path / f"{clips}.h5"))
        clips.save(paths[-1])
    out = tmp_path / "pool.h5"
    result = CliRunner().invoke(app, ["join", *paths, "--out", str(out), "--same-subjects"])
    assert result.exit_code == 0, result.output
    assert ClipSet.open(out).subject.tolist() == [0, 1, 2, 3, 4, 2]
