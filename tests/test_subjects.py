"""Who is who among markers that have their subject's name in front."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from test_c3d import simple
from test_c3d import write as write_c3d

from skelf.data.motion.recorded import Motion
from skelf.data.motion.subjects import persons, with_subjects
from skelf.errors import InputError

c3d = by_keys("c3d")
FILE = Path("x.c3d")


def motion(*names: str, parents: tuple[int, ...] = ()) -> Motion:
    joints = np.arange(4 * len(names) * 3, dtype=float).reshape(4, len(names), 3) + 1
    return Motion(joints, names, parents, 100.0, 0.001)


def split(*names: str, subject: str = "", **more: Any) -> list[tuple[str, ...]]:
    """Names of each person, those that are seen."""
    people = persons(FILE, motion(*names), subject, **more)
    assert len({person.names for person in people}) == 1
    return [tuple(np.array(person.names)[~np.isnan(person.joints[0]).any(-1)]) for person in people]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("LASI", "RASI"), [("LASI", "RASI")]),
        (("A:LASI", "A:RASI"), [("A:LASI", "A:RASI")]),
        (("A:LASI", "B:LASI", "A:RASI", "B:RASI"), [("LASI", "RASI")] * 2),
        (("A:LASI", "B:LASI", "A:RASI"), [("LASI", "RASI"), ("LASI",)]),
        (("A:LASI", "B:LASI", "stick"), [("LASI",)] * 2),  # of nobody
        (("A:LASI", "Box:corner", "B:LASI"), [("LASI",)] * 2),
        (("A:LASI", "Box:corner"), [("A:LASI", "Box:corner")]),  # who knows
        (("A:LASI", "Bat:Marker 001", "Bat:Marker 002"), [("LASI",)]),
        (("Hand:Marker1", "Foot:Marker1"), [("Hand:Marker1", "Foot:Marker1")]),
        (("L:Knee", "R:Knee"), [("L:Knee", "R:Knee")]),
        (("A:", "B:"), [("A:", "B:")]),
    ],
)
def test_subjects_that_share_names_are_persons(
    names: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    assert split(*names) == expected


def test_a_subject_can_be_named_and_words_with_a_colon_drop_theirs() -> None:
    names = ("A:LASI", "Box:corner", "B:LASI", "B:RASI")
    assert split(*names, subject="B") == [("LASI", "RASI")]
    assert split(*names, subject="B, A") == [("LASI", "RASI"), ("LASI",)]
    assert split(*names, subject="*") == [names]
    assert split(*names, drop=["a:*"]) == [("Box:corner", "B:LASI", "B:RASI")]
    assert split(*names[:2], joints=("lasi",)) == [("LASI",)]
    with pytest.raises(InputError, match="unknown subject 'C'"):
        split(*names, subject="C")
    tree = motion("A:x", "B:x", parents=(-1, 0))
    assert persons(FILE, tree, "") == (tree,)


def test_two_persons_of_a_c3d_keep_their_own_markers(tmp_path: Path) -> None:
    points = np.random.default_rng(0).integers(-900, 900, (9, 5, 3)).astype(float)
    points[4:, 2] = 0  # B leaves
    points[4:, 3] = 0
    names = ("A:LSHO", "A:HEAD", "B:HEAD", "B:LSHO", "A:RSHO")
    file = write_c3d(tmp_path, simple(names=names).file(points))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        clips = c3d(file)
    assert any("2 subjects are 2 persons: A, B" in str(each.message) for each in told)
    assert clips.skeleton.names == ("LSHO", "HEAD", "RSHO") and clips.persons == 2
    metres = np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1) / 1000
    np.testing.assert_allclose(clips.joints[:, 0], metres[:, [0, 1, 4]], atol=1e-6)
    np.testing.assert_allclose(clips.joints[:4, 1, :2], metres[:4, [3, 2]], atol=1e-6)
    assert not clips.joints[4:, 1].any() and not clips.joints[:, 1, 2].any()
    alone = write_c3d(tmp_path, simple(names=names).file(points), "a/alone.c3d")
    both = tmp_path / "a"
    write_c3d(both, simple(names=("HEAD", "LSHO", "RSHO", "*1", "*2")).file(points), "b.c3d")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clips = c3d(both)
    assert alone.is_file() and len(clips) == 2 and clips.persons == 2
    assert not clips.clip(1)[:, 1].any() and clips.clip(0)[:4, 1].any()


def test_persons_whose_number_stands_before_their_markers() -> None:
    marks = ("HeadL", "HeadR", "ShoulderL", "ShoulderR", "KneeL", "KneeR", "AnkleL", "AnkleR", "C7")
    told = with_subjects([f"P{person}{mark}" for person in (1, 2) for mark in marks])
    assert told[0] == "P1:HeadL" and told[-1] == "P2:C7"
    lone = [f"T{number}{mark}" for number in (1, 2) for mark in ("Front", "Back")]
    assert with_subjects(lone) == lone  # two clusters of a body
