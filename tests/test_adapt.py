"""Recordings brought to a model: joints, unit, axis, rate, persons; and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from skelf.data.clips import ClipSet
from skelf.data.quality.stature import stature
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.inference.adapt import adapted
from skelf.inference.needs import Needs, needs_of
from skelf.inference.persons import PERSON
from skelf.inference.rate import in_file, retimed
from skelf.inference.space import turned
from skelf.layouts import COCO17, KINECT20, NTU25

CLIPS = generate(clips=12, seed=3)
BODIES = stature(CLIPS)
NEEDS = Needs(KINECT20, 3, False, 1, "centre", (30.0, 30.0), "metre", "y", BODIES.size)


def told(clips: ClipSet, needs: Needs = NEEDS, **others: str) -> tuple[ClipSet, list[str]]:
    lines: list[str] = []
    return adapted(clips, needs, say=lines.append, **others), lines


def scaled(factor: float, **attributes: str) -> ClipSet:
    joints = (CLIPS.joints * factor).astype(np.float32)
    return replace(CLIPS, joints=joints, attributes={**CLIPS.attributes, **attributes})


def test_what_fits_comes_back_as_it_is() -> None:
    clips, lines = told(CLIPS)
    assert clips is CLIPS
    assert lines == []


def test_joints_are_mapped_by_name() -> None:
    clips, lines = told(CLIPS, NEEDS._replace(skeleton=NTU25))
    assert clips.skeleton.name == "ntu25"
    assert lines[0].startswith("joints: kinect20 brought to ntu25")
    head = NTU25.names.index("Head"), KINECT20.names.index("Head")
    assert np.array_equal(clips.joints[:, :, head[0]], CLIPS.joints[:, :, head[1]])


def test_a_known_unit_is_converted_and_said() -> None:
    for clips, others in ((scaled(1000, unit="millimetre"), {}), (scaled(100), {"unit": "cm"})):
        ready, lines = told(clips, **others)
        assert np.allclose(ready.joints, CLIPS.joints, atol=1e-5)
        assert len(lines) == 1
        assert lines[0].startswith("unit: coordinates multiplied by 0.0")


@pytest.mark.parametrize(("factor", "unit"), [(1000, "mm"), (100, "cm"), (1 / 0.0254, "in")])
def test_an_unknown_unit_is_one_clear_error(factor: float, unit: str) -> None:
    with pytest.raises(InputError, match=f"another unit, by a factor of .*--unit {unit}\\)"):
        told(scaled(factor))
    told(scaled(factor), NEEDS._replace(normalize="centre+scale"))  # which makes them alike
    told(scaled(factor), NEEDS._replace(size=None))  # nothing is known to compare with


def test_a_wrong_unit_is_refused() -> None:
    with pytest.raises(InputError, match="cm is not their unit"):
        told(scaled(1000), unit="cm")
    with pytest.raises(InputError, match="unknown unit 'ell'"):
        told(CLIPS, unit="ell")


@pytest.mark.parametrize("up", ["z", "-z", "-y"])
def test_the_upward_axis_is_turned(up: str) -> None:
    lying = replace(CLIPS, joints=turned(CLIPS.joints, "y", up).astype(np.float32))
    assert stature(lying).up == up
    ready, lines = told(lying)
    assert np.array_equal(ready.joints, CLIPS.joints)
    assert lines == [
        f"upward axis: {up} turned to y, as the model was trained; --up y leaves it so"
    ]
    left, lines = told(lying, up="y")
    assert lines == []
    assert left is lying


def test_the_rate_is_that_of_training_and_frames_are_found_again() -> None:
    double = retimed(CLIPS, np.full(len(CLIPS), 60.0))
    assert double.length.tolist() == (2 * CLIPS.length - 1).tolist()
    as_file = replace(double, columns={})  # a file at 60 frames a second
    ready, lines = told(as_file)
    assert lines == ["frame rate: 60 to 30 a second, as the model was trained"]
    assert ready.length.tolist() == CLIPS.length.tolist()
    for frame in (0, 7, int(ready.length[2]) - 1):
        assert in_file(ready, 2, frame) == 2 * frame
    assert in_file(ready, 2, int(ready.length[2])) == as_file.length[2]
    near, lines = told(as_file, NEEDS._replace(fps=(25.0, 58.0)))
    assert near is as_file
    low, lines = told(CLIPS, NEEDS._replace(fps=(50.0, 60.0)))
    assert set(low.fps.tolist()) == {50.0}
    assert in_file(low, 0, 50) == 30


def test_missing_joints_stay_missing_at_another_rate() -> None:
    joints = CLIPS.joints.copy()
    joints[10:20, :, 5] = 0
    faster = retimed(replace(CLIPS, joints=joints), np.full(len(CLIPS), 60.0))
    gone = ~faster.joints[:, 0, 5].any(axis=1)
    assert gone[20:39].all()
    whole = np.delete(faster.joints, 5, axis=2)
    assert np.isfinite(faster.joints).all()
    assert (whole[:40] != 0).any(axis=3).all()


def test_segments_move_with_the_rate() -> None:
    recordings = generate(clips=0, recordings=2)
    half = retimed(recordings, np.full(2, 15.0))
    before, after = recordings.segments, half.segments
    assert np.array_equal(after[:, [0, 3]], before[:, [0, 3]])
    assert np.abs(after[:, 1:3] * 2 - before[:, 1:3]).max() <= 2
    assert (after[:, 2] <= half.length[after[:, 0]]).all()


def test_each_person_is_a_clip_where_the_model_looks_at_one() -> None:
    both = np.concatenate([CLIPS.joints, CLIPS.joints + 1], axis=1)
    both[CLIPS.start[5] : CLIPS.start[6], 1] = 0  # the second is not in clip 5
    pairs = replace(CLIPS, joints=both)
    ready, lines = told(pairs)
    assert ready.persons == 1
    assert len(ready) == 2 * len(pairs) - 1
    assert lines == ["persons: the model looks at one; 12 clips become 23, one each"]
    for at in range(len(ready)):
        clip, person = pairs.names.index(ready.names[at]), int(ready.columns[PERSON][at])
        assert np.array_equal(ready.clip(at)[:, 0], pairs.clip(clip)[:, person])
    assert ready.columns[PERSON][8:13].tolist() == [0, 1, 0, 0, 1]


def test_of_many_persons_those_seen_most_are_taken() -> None:
    crowd = np.zeros((40, 4, 20, 3), np.float32)
    for person, frames in enumerate((10, 40, 5, 30)):
        crowd[:frames, person] = CLIPS.joints[:frames, 0] + person
    clips = ClipSet.build(crowd, [40], KINECT20)
    ready, lines = told(clips, NEEDS._replace(persons=2, size=None, up=None))
    assert np.array_equal(ready.joints, crowd[:, [1, 3]])
    assert "those seen in most frames" in lines[0]


def test_a_confidence_is_left_out_or_filled_in() -> None:
    sure = np.concatenate([CLIPS.joints, np.full((*CLIPS.joints.shape[:3], 1), 0.5)], axis=3)
    with_one = replace(CLIPS, joints=sure.astype(np.float32), attributes={"confidence": "true"})
    assert np.array_equal(told(with_one)[0].joints, CLIPS.joints)
    filled, lines = told(CLIPS, NEEDS._replace(channels=4, confidence=True))
    assert filled.confidence
    assert np.array_equal(filled.joints[..., 3], (CLIPS.joints != 0).any(axis=3))
    assert lines == ["confidence: 1 for each joint that is there, the model was trained with one"]


def build(joints: np.ndarray, fps: float = 30.0) -> ClipSet:
    return ClipSet.build(joints, [len(joints)], KINECT20, fps=fps)


def test_bad_recordings_are_one_clear_error() -> None:
    flat = ClipSet.build(CLIPS.joints[:40, :, :, :2], [40], KINECT20)
    with pytest.raises(InputError, match="in 2D, and the model was trained in 3D"):
        told(flat)
    with pytest.raises(InputError, match="in 3D, and the model was trained in 2D"):
        told(CLIPS, NEEDS._replace(skeleton=COCO17, channels=2))
    with pytest.raises(InputError, match="nobody is in any of its 40 frames"):
        told(build(np.zeros((40, 1, 20, 3))))
    with pytest.raises(InputError, match="no frames in it"):
        told(CLIPS.take([]))
    nothing = replace(CLIPS, joints=np.full_like(CLIPS.joints, np.nan))
    with pytest.raises(InputError, match="holds NaN or infinity"):
        told(nothing)
    with pytest.raises(InputError, match=r"0 frames a second; say the true rate with fps=RATE"):
        told(replace(CLIPS, fps=np.zeros_like(CLIPS.fps)))
    fins = tuple(f"fin{n}" for n in range(20))
    other = replace(KINECT20, name="fish", names=fins, pairs=())
    with pytest.raises(InputError, match=r"have a counterpart in 'fish'.*give that store"):
        told(ClipSet.build(CLIPS.joints[:40], [40], other))


def test_one_frame_is_enough() -> None:
    ready, lines = told(build(CLIPS.joints[:1], 120.0))
    assert ready.frames_total == 1
    assert len(lines) == 1


def test_a_model_says_more_than_its_run() -> None:
    encoder = ENCODERS["gru"](KINECT20, dim=4, layers=1, frames=8, persons=1)
    source = {"fps": [15.0, 30.0], "unit": None, "up": "y", "size": 1.5}
    needs = needs_of(encoder, {"source": source, "model": {"needs": {"size": 1.8, "unit": "m"}}})
    assert needs[5:9] == ((15.0, 30.0), "m", "y", 1.8)
    old = needs_of(encoder, {"source": {"seed": None}})
    assert old[5:9] == (None, None, None, None)
    assert needs_of(encoder, {"source": {}, "runs": [{"source": source}]}).size == 1.5
