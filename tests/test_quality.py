"""What `skelf data check` finds: nothing in clean sets, each planted defect by its own name."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import Result
from test_plots import HOSTILE, Tags
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.data.joints.landmarks import body
from skelf.data.joints.names import skeleton
from skelf.data.quality import inspect as quality
from skelf.data.quality.inspect import inspect
from skelf.data.quality.measures import measure, row_type
from skelf.data.quality.sides import claim
from skelf.data.readers import READERS
from skelf.data.synthetic import clips as synthetic
from skelf.errors import InputError
from skelf.layouts import COCO17, H36M17, KINECT20, LAYOUTS, NTU25, SBU15
from skelf.pages import check as check_page
from skelf.skeleton import Skeleton

CLEAN = synthetic.generate(clips=72, seed=1)
CLAP = CLEAN.class_names.index("clap")
AT = int(np.flatnonzero(CLEAN.label == CLAP)[0])
FRAMES = slice(int(CLEAN.start[AT]), int(CLEAN.start[AT] + CLEAN.length[AT]))
HAND, HEAD = KINECT20.names.index("HandRight"), KINECT20.names.index("Head")


def codes(clips: ClipSet, split: str | None = None) -> list[str]:
    return [finding.code for finding in inspect(clips, split).findings]


def flat(clips: ClipSet) -> ClipSet:
    """The set as an image has it: x, and y downwards, in pixels."""
    joints = clips.joints[..., :2] * np.float32([200, -200]) + 400
    return replace(clips, joints=np.where(clips.joints[..., :2] != 0, joints, 0).astype("f4"))


def scored(clips: ClipSet) -> ClipSet:
    there = (clips.joints != 0).any(axis=3, keepdims=True)
    joints = np.concatenate([clips.joints, 0.9 * there], axis=3, dtype=np.float32)
    return replace(clips, joints=joints, attributes=clips.attributes | {"confidence": "true"})


@pytest.mark.parametrize(
    "clips",
    [
        CLEAN,
        synthetic.generate(NTU25, clips=102, persons=2, seed=2),
        synthetic.generate(H36M17, clips=144, seed=3),
        synthetic.generate(SBU15, clips=144, seed=4, fps=60),
        synthetic.generate(clips=0, recordings=40, seed=5),
        flat(synthetic.generate(COCO17, clips=144, seed=6)),
        scored(CLEAN),
        replace(CLEAN, label=np.full(72, -1), splits={}),
    ],
    ids=["kinect", "pairs", "h36m", "sbu", "recordings", "flat", "scored", "unlabelled"],
)
def test_nothing_is_found_in_a_clean_set(clips: ClipSet) -> None:
    clips.validate()
    assert codes(clips) == []


def change(where: object, how: Callable[[np.ndarray], np.ndarray]) -> ClipSet:
    joints = CLEAN.joints.copy()
    joints[where] = how(joints[where])
    return replace(CLEAN, joints=joints)


def constant(x: np.ndarray) -> np.ndarray:
    return np.repeat(x[:1], len(x), axis=0)


def gone(share: float) -> Callable[[np.ndarray], np.ndarray]:
    def drop(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[: int(np.ceil(share * len(x)))] = 0
        return x

    return drop


def moved(step: float, first: int, last: int) -> Callable[[np.ndarray], np.ndarray]:
    def shift(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[first:last, ..., 0] += step
        return x

    return shift


def ramp(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[..., 1] += np.sin(np.linspace(0, np.pi, len(x)))[:, None]
    return x


def turned(axis: int, degrees: float) -> Callable[[np.ndarray], np.ndarray]:
    a, (i, j) = np.radians(degrees), [k for k in range(3) if k != axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = np.cos(a)
    turn[i, j], turn[j, i] = -np.sin(a), np.sin(a)
    return lambda x: x @ turn.T


EVERY = slice(None)
HALVES = 1 + np.arange(72) // 36
PLANTED = {
    "empty": change(FRAMES, np.zeros_like),
    "absent": change(FRAMES, gone(0.6)),
    "constant": change(FRAMES, constant),
    "repeated": change(FRAMES, lambda x: np.repeat(x[::2], 2, axis=0)[: len(x)]),
    "missing-joints": change((FRAMES, 0, slice(8, 16)), np.zeros_like),
    "never-seen": change((EVERY, EVERY, HAND), np.zeros_like),
    "frozen-joint": change((FRAMES, 0, HEAD), constant),
    "bone": change((FRAMES, 0, [HAND]), ramp),
    "bone jump": change((FRAMES, 0, [HAND]), moved(1.5, 20, 21)),
    "leap": change(FRAMES, moved(3.0, 20, 1000)),
    "scale": change(EVERY, lambda x: x * 1000),
    "odd-scale": change(FRAMES, lambda x: x * 100),
    "up": change(EVERY, turned(0, 90)),
    "tilted": change(EVERY, turned(0, 45)),
    "upside-down": change(FRAMES, turned(2, 180)),
    "mirrored": change(EVERY, lambda x: x * np.float32([-1, 1, 1])),
    "unlabelled": replace(CLEAN, label=np.where(np.arange(72) == 60, -1, CLEAN.label)),
    "unused-class": replace(CLEAN, class_names=(*CLEAN.class_names, "fly")),
    "leak": CLEAN.with_split("xsub", np.where(np.arange(72) == 5, 1, CLEAN.splits["xsub"])),
    "empty-side": CLEAN.with_split("one", np.ones(72)),
    "unknown-claim": replace(CLEAN, subject=np.full(72, -1)),
    "untrained-class": CLEAN.with_split("a", np.where(CLEAN.label == 3, 2, HALVES)),
    "untested-class": CLEAN.with_split("a", np.where(CLEAN.label == 3, 1, HALVES)),
}  # fmt: skip


@pytest.mark.parametrize("code", PLANTED)
def test_each_planted_defect_is_found_and_nothing_else(code: str) -> None:
    clips = PLANTED[code]
    found = inspect(clips).findings
    assert [finding.code for finding in found] == code.split()
    touched = not np.array_equal(clips.joints, CLEAN.joints)
    whole = found[0].code in ("never-seen", "scale", "up", "tilted", "mirrored")
    if touched and not whole:
        assert all(finding.clips.tolist() == [AT] for finding in found)
    if code == "bone jump":
        assert {int(f.frames[0]) for f in found if f.frames is not None} <= {20, 21}
    if code == "leap":
        assert found[0].frames is not None and found[0].frames[0] == 20


def test_one_frame_clips_are_found_and_are_not_called_still() -> None:
    joints = np.concatenate([CLEAN.joints, CLEAN.joints[:1]])
    columns = {
        key: np.append(getattr(CLEAN, key), getattr(CLEAN, key)[:1])
        for key in ("label", "subject", "camera")
    }
    clips = ClipSet.build(
        joints, [*CLEAN.length, 1], KINECT20, class_names=CLEAN.class_names, **columns
    )
    found = inspect(clips).findings
    assert [(f.code, f.clips.tolist()) for f in found] == [("one-frame", [72])]


def test_units_are_named() -> None:
    for factor, unit in ((1000, "millimetres"), (100, "centimetres"), (0.1, "pixels or scaled"),
                         (10, "millimetres taken for centimetres? ")):  # fmt: skip
        (found,) = inspect(replace(CLEAN, joints=CLEAN.joints * np.float32(factor))).findings
        assert unit in found.remedy


def test_a_flat_set_may_have_y_up_or_down_but_not_lie() -> None:
    clips = flat(synthetic.generate(COCO17, clips=72, seed=6))
    turned = replace(clips, joints=clips.joints * np.float32([1, -1]))
    assert codes(clips) == codes(turned) == []
    (found,) = inspect(replace(clips, joints=clips.joints[..., ::-1].copy())).findings
    assert found.code == "up" and "along -x" in found.what


def test_copies_are_found_within_a_side_across_and_with_another_label() -> None:
    def copied(target: int, **others: object) -> list[str]:
        chosen = np.arange(72)
        chosen[target] = 0  # the joints of clip 0, the table of `target`
        start, length = CLEAN.start.copy(), CLEAN.length.copy()
        start[target], length[target] = start[0], length[0]
        return codes(replace(CLEAN, start=start, length=length, **others))

    same = [k for k in range(1, 72) if CLEAN.label[k] == CLEAN.label[0]]
    side = np.where(np.arange(72) == 7, 2, 1)
    assert copied(same[0], splits={}) == ["duplicate"]
    assert copied(1, splits={}) == ["duplicate", "duplicate-label"]
    found = copied(7, splits={"a": side})
    assert found[:3] == ["duplicate", "duplicate-label", "duplicate-across"]


def test_empty_clips_are_no_copies_of_one_another() -> None:
    joints = CLEAN.joints.copy()
    joints[: CLEAN.start[2]] = 0
    equal = replace(CLEAN, joints=joints)
    assert codes(equal) == ["empty"]


def test_imbalance() -> None:
    kept = np.flatnonzero((CLEAN.label != 2) | (np.arange(72) < 12))
    many = np.concatenate([kept, np.repeat(np.flatnonzero(CLEAN.label == 0), 3)])
    found = codes(replace(CLEAN.take(many), splits={}))
    assert found == ["duplicate", "imbalance"]


def test_confidence_above_nothing_and_a_second_person_alone() -> None:
    joints = scored(CLEAN).joints.copy()
    joints[FRAMES, 0, HAND, :3] = 0
    assert codes(replace(scored(CLEAN), joints=joints)) == ["doubtful-confidence"]
    pairs = synthetic.generate(clips=102, persons=2, seed=2)
    joints = pairs.joints.copy()
    joints[pairs.start[3] : pairs.start[3] + 5] = joints[pairs.start[3] : pairs.start[3] + 5, ::-1]
    assert codes(replace(pairs, joints=joints)) == ["second-only"]


def test_sides_say_what_keeps_them_apart() -> None:
    sides = {row["split"]: row for row in inspect(CLEAN).sides}
    assert sides["xsub"]["separated by"] == ["subject"]
    assert sides["xview"]["separated by"] == ["camera"]
    assert sides["xview"]["train camera"] == [0, 1] and sides["xview"]["test camera"] == [2]
    assert [row["split"] for row in inspect(CLEAN, "xview").sides] == ["xview"]
    halves = CLEAN.with_split("half", 1 + np.arange(72) % 2)
    assert {row["split"]: row for row in inspect(halves).sides}["half"]["separated by"] == []
    with pytest.raises(InputError, match="did you mean 'xview'"):
        inspect(CLEAN, "xviw")
    with pytest.raises(InputError, match="has no splits"):
        inspect(replace(CLEAN, splits={}), "xview")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("xsub", "subject"), ("cross-subject", "subject"), ("Sub.1", "subject"),
        ("xview", "camera"), ("cross_camera2", "camera"), ("xset", "setup"), ("setup", "setup"),
        ("subset", ""), ("fold1", ""), ("reset", ""), ("train", ""),
    ],
)  # fmt: skip
def test_claims_of_names(name: str, column: str) -> None:
    assert claim(name) == column


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_has_a_body(layout: Skeleton) -> None:
    found = body(layout)
    assert found.head >= 0 and len(found.feet) == 2 and len(found.shoulders) == 2
    assert all(path for path in found.height)
    nameless = Skeleton(("a", "b"), (-1, 0), (), {"all": (0, 1)}, 0)
    assert body(nameless).head == -1 and body(nameless).height == ()


def test_measures_equal_slow_loops() -> None:
    rng = np.random.default_rng(0)
    clip = rng.normal(size=(13, 1, 20, 3)).astype(np.float32)
    row = np.zeros(1, row_type(KINECT20))
    measure(row[0], clip, body(KINECT20), 3, 30.0)
    length = {}
    for bone, (child, parent) in enumerate(KINECT20.edges):
        each = sorted(float(np.linalg.norm(frame[0, child] - frame[0, parent])) for frame in clip)
        length[bone] = each[6]
        assert row["bones"][0, bone] == pytest.approx(each[6], rel=1e-5)
    height = 0.0
    for foot in ("FootLeft", "FootRight"):
        way = [HEAD, *(KINECT20.names.index(n) for n in ("ShoulderCenter", "Spine"))]
        side = foot.removeprefix("Foot")
        way += [KINECT20.names.index(f"{n}{side}") for n in ("Hip", "Knee", "Ankle", "Foot")]
        height += sum(length[[c for c, _ in KINECT20.edges].index(j)] for j in way) / 2
    assert row["height"][0] == pytest.approx(height, rel=1e-5)
    fastest = 0.0
    for t in range(12):
        steps = [float(np.linalg.norm(clip[t + 1, 0, v] - clip[t, 0, v])) for v in range(20)]
        fastest = max(fastest, (max(steps) - sorted(steps)[9]) * 30 / height)
    assert row["jump"][0] == pytest.approx(fastest, rel=1e-4)


def test_tiny_sets_and_layouts_are_measured() -> None:
    dot = Skeleton(("dot",), (-1,), (), {"all": (0,)}, 0)
    for joints in (np.ones((3, 1, 1, 3)), np.zeros((1, 2, 1, 2)), np.ones((1, 1, 1, 2))):
        clips = ClipSet.build(joints, [len(joints)], dot)
        text = check_page.page(clips, inspect(clips))
        assert Tags(text).count("html") == 1


def test_memory_does_not_grow_with_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "BLOCK", 1 << 15)
    peaks = []
    for times in (1, 3):
        clips = CLEAN.take(np.tile(np.arange(72), times))
        inspect(clips.take([0]))  # what is made once
        tracemalloc.start()
        seen: list[tuple[int, int]] = []
        inspect(clips, progress=lambda done, total, seen=seen: seen.append((done, total)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert seen[-1] == (72 * times, 72 * times) and len(seen) > 3 * times
    assert clips.frames_total * 60 * 4 > 2_000_000  # bytes of the frames
    assert peaks[1] < peaks[0] + 1_000_000


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    planted = replace(
        PLANTED["leap"],
        class_names=(HOSTILE.replace("\x00", "").replace("\ud800", ""), *CLEAN.class_names[1:]),
    )
    planted.save(tmp_path / "a.h5")
    return tmp_path / "a.h5"


def test_check_prints_and_exits_0(store: Path, tmp_path: Path) -> None:
    done = call("check", store, "--out", tmp_path / "new" / "page.html")
    assert done.exit_code == 0, done.output
    for part in ("sound (72 clips", "body heights", CLEAN.names[AT], "xview", "camera"):
        assert part in done.output
    text = (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    tags = Tags(text)
    assert tags.count("canvas") == 1 and f"leap: {CLEAN.names[AT]}, frame 20" in text
    assert "<script>alert" not in text and "Synthetic" in text
    assert tags.count("script") == 2
    CLEAN.save(tmp_path / "b.h5")
    assert "nothing doubtful" in call("check", tmp_path / "b.h5", "--split", "xsub").output


def test_check_as_json(store: Path) -> None:
    found = json.loads(call("check", store, "--json").output)
    assert found["clips"] == 72 and found["warnings"] == 1
    (leap,) = found["findings"]
    assert leap["code"] == "leap" and leap["count"] == 1 and leap["clips"] == [CLEAN.names[AT]]
    assert found["splits"][0]["train"] + found["splits"][0]["test"] == 72
    assert sum(found["classes"]["all"].values()) == 72


def test_check_of_damage_is_an_input_error(store: Path, tmp_path: Path) -> None:
    with h5py.File(store, "r+") as file:
        file["joints"][5, 0, 3, 1] = 9
    done = call("check", store, "--out", tmp_path / "page.html")
    assert isinstance(done.exception, InputError) and "joints" in str(done.exception)
    assert not (tmp_path / "page.html").exists()
    assert isinstance(call("check", store, "--out", tmp_path).exception, InputError)


def test_real_sets(real_data: Callable[[str], Path]) -> None:
    """What is known about them is found: one-frame clips, copies of one camera as another."""
    clips = READERS["arrays"](real_data("nw_ucla"))
    found = {finding.code: finding for finding in inspect(clips).findings}
    assert len(found["one-frame"].clips) == 2
    assert "scale" not in found and "up" not in found and "mirrored" not in found
    assert len(found["leap"].clips) < 0.05 * len(clips)


def test_a_root_at_the_origin_is_left_out_by_an_option_of_the_reader() -> None:
    names = ("scene root", *KINECT20.names)
    parents = (-1, *(0 if p < 0 else p + 1 for p in KINECT20.parents))
    rig = skeleton(Path("a.bvh"), names, parents)
    joints = np.pad(CLEAN.joints, ((0, 0), (0, 0), (1, 0), (0, 0)))
    clips = ClipSet.build(joints, CLEAN.length, rig, attributes={"format": "bvh"})
    (remedy,) = [f.remedy for f in inspect(clips).findings if f.code == "never-seen"]
    assert "import again with 'drop=scene root'" in remedy  # as a shell takes it
