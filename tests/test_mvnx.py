"""Xsens' MVNX against numbers that the test knows, forward kinematics, and hostile XML."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.formats.guess import recognised
from skelf.data.motion.kinematics import rotation
from skelf.data.readers.mvnx import load_mvnx, read_mvnx
from skelf.errors import InputError

mvnx = by_keys("mvnx")
# Segment -> what it hangs off, the joint between, and where that lies in the parent's axes.
BODY: dict[str, tuple[str, str, tuple[float, float, float]]] = {
    "Pelvis": ("", "", (0, 0, 0)),
    "L5": ("Pelvis", "jL5S1", (0, 0, 0.1)),
    "Head": ("L5", "jC1Head", (0.01, 0, 0.5)),
    "RightUpperLeg": ("Pelvis", "jRightHip", (0, -0.1, 0)),
    "RightLowerLeg": ("RightUpperLeg", "jRightKnee", (0, 0, -0.4)),
}
NAMES = tuple(BODY)
HALF = np.random.default_rng(2).uniform(-0.5, 0.5, (5, 5))  # half angles about x
TURNS = rotation("x", 2 * HALF)
QUATERNIONS = np.stack([np.cos(HALF), np.sin(HALF), 0 * HALF, 0 * HALF], -1)


def places(root: np.ndarray) -> np.ndarray:
    """Origins of the segments `(5, V, 3)`; orientations are the world's."""
    out = np.zeros((5, len(NAMES), 3))
    for at, (above, _, offset) in enumerate(BODY.values()):
        up = NAMES.index(above) if above else -1
        out[:, at] = out[:, up] + TURNS[:, up] @ np.array(offset) if above else root
    return out


PLACES = places(np.random.default_rng(4).normal(size=(5, 3)))
UP = np.stack([PLACES[..., 0], PLACES[..., 2], -PLACES[..., 1]], -1)


def line(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in np.ravel(values))


def frame(kind: str, parts: dict[str, np.ndarray], index: str = "") -> str:
    inside = "".join(f"<{name}>{line(values)}</{name}>\n" for name, values in parts.items())
    place = f' time="0" index="{index}"' if index else ' time="0"'
    return f'<frame{place} tc="00:00:00:00" ms="0" type="{kind}">\n{inside}</frame>\n'


def subject(
    positions: np.ndarray | None = PLACES, *, label: str = "MVN System 1", fps: str = "60",
    kind: str = "FullBody", indices: Sequence[int] = range(5), extra: str = "", more: str = "",
) -> str:  # fmt: skip
    segments = ""
    for at, name in enumerate(NAMES, 1):
        points = [(BODY[name][1] or "pHipOrigin", (0, 0, 0))]
        points += [(joint, place) for above, joint, place in BODY.values() if above == name]
        inside = "".join(
            f'<point label="{point}"><pos_b>{line(np.array(place))}</pos_b></point>'
            for point, place in points
        )
        segments += f'<segment label="{name}" id="{at}"><points>{inside}</points></segment>\n'
    joints = "".join(
        f'<joint label="{joint}"><connector1>{above}/{joint}</connector1>'
        f"<connector2>{name}/{joint}</connector2></joint>\n"
        for name, (above, joint, _) in BODY.items() if above
    )  # fmt: skip
    turned = {"orientation": QUATERNIONS[0]}
    frames = "".join(frame(kind, turned | {"position": PLACES[0] * 0 + 7})
                     for kind in ("identity", "tpose", "tpose-isb"))  # fmt: skip
    for at, index in enumerate(indices):
        parts = {"orientation": QUATERNIONS[at]}
        if positions is not None:
            parts["position"] = positions[at]
        frames += frame("normal", parts | {"velocity": PLACES[at]}, str(index))
    return (
        f'<subject label="{label}" frameRate="{fps}" segmentCount="{len(NAMES)}" '
        f'configuration="{kind}">\n<comment/>\n<segments>\n{segments}{extra}</segments>\n{more}'
        f'<sensors><sensor label="Pelvis"/></sensors><joints>\n{joints}</joints>\n'
        f"<frames>\n{frames}</frames>\n</subject>\n"
    )


def document(*subjects: str, head: str = "", version: int = 4) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<mvnx '
        f'xmlns="http://www.xsens.com/mvn/mvnx" version="{version}">\n<mvn version="2019.0.0"/>\n'
        f'<comment/>\n{"".join(subjects)}<securityCode code="0"/>\n</mvnx>\n'
    )


def write(folder: Path, text: str | bytes, name: str = "a.mvnx") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.filterwarnings("ignore:.*no motion")
def test_origins_of_segments_in_metres_with_the_file_s_own_tree(tmp_path: Path) -> None:
    file = write(tmp_path, document(subject()))
    clips = mvnx(file)
    assert clips.skeleton.names == NAMES and clips.skeleton.parents == (-1, 0, 1, 0, 3)
    np.testing.assert_allclose(clips.joints[:, 0], UP, atol=1e-6)
    assert clips.fps == 60 and recognised(file)[0] == "mvnx"
    prefixed = document(subject()).replace("<", "<m:").replace("<m:/", "</m:").replace("<m:?", "<?")
    prefixed = prefixed.replace("xmlns=", "xmlns:m=")
    np.testing.assert_array_equal(mvnx(write(tmp_path, prefixed)).joints, clips.joints)


def test_frames_that_are_no_motion_are_named(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="no motion are left out: identity, tpose, tpose-isb"):
        mvnx(write(tmp_path, document(subject(), version=3)))
    only = document(subject(indices=()))
    with pytest.raises(InputError, match="no frame of motion"):
        mvnx(write(tmp_path, only))
    with pytest.warns(UserWarning, match="configuration is UpperBody: the rest was not measured"):
        mvnx(write(tmp_path, document(subject(kind="UpperBody"))))


@pytest.mark.filterwarnings("ignore:.*(no motion|gaps)")
def test_subjects_are_persons_who_share_the_frames(tmp_path: Path) -> None:
    late = subject(PLACES + 1, label="Ben", indices=range(2, 7))
    file = write(tmp_path, document(subject(label="Anna"), late))
    clips = mvnx(file)
    assert clips.joints.shape == (7, 2, 5, 3)
    np.testing.assert_allclose(clips.joints[:5, 0], UP, atol=1e-6)
    np.testing.assert_allclose(clips.joints[2:, 1], UP + np.array([1, 1, -1]), atol=1e-6)
    assert not clips.joints[5:, 0].any() and not clips.joints[:2, 1].any()
    np.testing.assert_allclose(mvnx(file, subject="Ben").joints[:, 0], clips.joints[2:, 1])
    with pytest.raises(InputError, match=r"frame rates 120, 60; export them apart"):
        mvnx(write(tmp_path, document(subject(), subject(fps="120"))))


@pytest.mark.filterwarnings("ignore:.*no motion")
def test_missing_frames_fingers_and_props(tmp_path: Path) -> None:
    file = write(tmp_path, document(subject(indices=(0, 1, 2, 5, 6))))
    with pytest.warns(UserWarning, match="10 of 35 joint positions are gaps"):
        clips = mvnx(file, missing="keep")
    np.testing.assert_allclose(clips.joints[5:, 0], UP[3:], atol=1e-6)
    assert not clips.joints[3:5].any()
    hand = (
        '<fingerTrackingSegmentsLeft><segment label="LeftCarpus" id="1"/>'
        "</fingerTrackingSegmentsLeft>\n"
    )
    with pytest.warns(UserWarning, match="fingers are left out"):
        clips = mvnx(write(tmp_path, document(subject(more=hand))))
    np.testing.assert_allclose(clips.joints[:, 0], UP, atol=1e-6)
    six = np.concatenate([PLACES, PLACES[:, :1]], 1)
    text = document(subject(six, extra='<segment label="Prop1" id="6"/>'))
    with pytest.warns(UserWarning, match="connects to the body are left out: Prop1"):
        clips = mvnx(write(tmp_path, text.replace("<orientation>", "<orientation>1 0 0 0 ")))
    assert clips.skeleton.names == NAMES
    np.testing.assert_allclose(clips.joints[:, 0], UP, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*no motion")
def test_without_positions_the_orientations_say_the_pose(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="no positions were exported: they follow from"):
        clips = mvnx(write(tmp_path, document(subject(None))))
    np.testing.assert_allclose(clips.joints[:, 0], UP - UP[:, :1], atol=2e-6)
    older = document(subject(None), version=3).replace("pos_b>", "pos_s>")
    with pytest.raises(InputError, match="neither positions nor the segments' points"):
        mvnx(write(tmp_path, older))  # these count from another pose
    bare = document(subject(None)).replace('<point label="jRightKnee">', '<point label="x">')
    with pytest.raises(InputError, match="neither positions nor the segments' points"):
        mvnx(write(tmp_path, bare))


BOMB = """<!DOCTYPE mvnx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>"""
OUTSIDE = """<!DOCTYPE mvnx [<!ENTITY a SYSTEM "file:///etc/passwd">]>"""
GOOD = document(subject())


@pytest.mark.filterwarnings("ignore:.*no motion")
@pytest.mark.parametrize(
    ("text", "match"),
    [
        (document(subject(label="&c;"), head=BOMB), "declares entities of its own"),
        (document(subject(label="&a;"), head=OUTSIDE), "declares entities of its own"),
        (document(subject(label="&a;")), "no whole XML"),
        (GOOD[: len(GOOD) // 2], "is it cut off"),
        (GOOD[:-9], "is it cut off"),
        ("", "no whole XML"),
        ("<html></html>", "its root is not mvnx"),
        (document(), "no frame of motion"),
        (GOOD.replace('frameRate="60"', 'frameRate="fast"'), "frameRate 'fast' is no number"),
        (GOOD.replace('frameRate="60"', 'frameRate="1e9"'), "frames a second"),
        (GOOD.replace('label="L5"', 'label="Pelvis"'), "two segments of .* have one name"),
        (GOOD.replace('index="3"', 'index="2"'), "frame 2 comes after 2"),
        (GOOD.replace('index="4"', 'index="1e9"'), "rows in 1,000,000,001 frames"),
        (GOOD.replace("<position>", "<position>1 ", 4), "16 numbers instead of 15"),
        (GOOD.replace(line(PLACES[2]), line(PLACES[2])[:-9] + " x"), "a word that is no number"),
        (GOOD.replace("Pelvis/jL5S1", "Pelvis"), "write it as SEGMENT/POINT"),
        (document(subject(PLACES * 1e11)), "numbers must be finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        mvnx(write(tmp_path, text))


def test_a_long_recording_takes_little_memory(tmp_path: Path) -> None:
    whole = document(subject())
    first, last = whole.index('<frame time="0" index="4"'), whole.index("</frames>")
    start, one, end = whole[:first], whole[first:last], whole[last:]
    file = tmp_path / "a.mvnx"
    filler = f"<velocity>{'0 ' * 2000}</velocity>\n</frame>"
    with file.open("w") as out:
        out.write(start)
        for index in range(4, 2000):
            out.write(one.replace('"4"', f'"{index}"').replace("</frame>", filler))
        out.write(end)
    assert file.stat().st_size > 8e6
    tracemalloc.start()
    (motion,) = load_mvnx(file)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert motion.joints.shape == (2000, 5, 3) and most < 6e6


@pytest.mark.slow
def test_damaged_copies_are_read_or_refused(tmp_path: Path) -> None:
    file = write(tmp_path, document(subject(label="A"), subject(PLACES + 1, label="B")))
    done, refused = survives(read_mvnx, file, file)
    assert done > 100 and refused > 200
