"""Layouts: what holds for every built-in one, TOML files, and one clear error for each mistake."""

import re
from dataclasses import replace

import pytest

from skelf.errors import InputError
from skelf.layouts import LAYOUTS, NTU25, layout
from skelf.skeleton import Skeleton

TABLE = {
    "names": ["hip", "head", "left hand", "right hand"],
    "parents": [-1, 0, 0, 0],
    "pairs": [[2, 3]],
    "parts": {"trunk": [0, 1], "arms": [2, 3]},
    "centre": 0,
}
# The bone list of the released code (sources U2), 1-based (joint, parent).
NTU_BONES = """1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15
17-1 18-17 19-18 20-19 21-21 22-23 23-8 24-25 25-12"""


LONE = {"RBAK"}  # a marker of one side alone


def side(name, side):
    """A joint's name without its side, None when it has none."""
    found = {"left": r"Left$|^[Ll]eft_?|_(?i:left)$|^L(?=[A-Z])|(?<=Waist)L"}
    found["right"] = r"Right$|^[Rr]ight_?|_(?i:right)$|^R(?=[A-Z])|(?<=Waist)R"
    found = found[side]
    return re.sub(found, "", name) if re.search(found, name) else None


@pytest.mark.parametrize("s", LAYOUTS.values(), ids=list(LAYOUTS))
def test_built_in_layouts_hold(s):
    counted = re.search(r"\d+$", s.name)
    assert s.joints == len(s.parents) and (not counted or s.joints == int(counted[0]))
    assert len(s.edges) == s.joints - 1
    assert all(s.parents[child] == parent for child, parent in s.edges)
    assert [j for j in range(s.joints) if s.bones[j] == j] == [s.root]
    assert sorted(j for part in s.parts.values() for j in part) == list(range(s.joints))
    assert [s.flip[j] for j in s.flip] == list(range(s.joints))
    for joint in range(s.joints):  # every walk ends at the root
        for _ in range(s.joints):
            joint = s.bones[joint]
        assert joint == s.root


@pytest.mark.parametrize("s", LAYOUTS.values(), ids=list(LAYOUTS))
def test_pairs_are_left_and_right_by_name(s):
    for left, right in s.pairs:
        if not s.names[left].lower().startswith("face"):  # numbered
            assert side(s.names[left], "left") == side(s.names[right], "right") is not None
    paired = {joint for pair in s.pairs for joint in pair}
    for joint in set(range(s.joints)) - paired:
        lone = side(s.names[joint], "left") is side(s.names[joint], "right") is None
        assert lone or s.names[joint] in LONE
    for name in ("arm", "leg", "hand"):  # parts mirror each other
        left, right = s.parts.get(f"left_{name}", ()), s.parts.get(f"right_{name}", ())
        assert left or name == "hand"
        assert sorted(s.flip[j] for j in left) == sorted(right)
    assert all(s.flip[j] in s.parts["trunk"] for j in s.parts["trunk"])
    for child, parent in s.edges:  # the graph is symmetric too
        assert s.parents[s.flip[child]] == s.flip[parent]


def test_ntu25_has_the_released_bones():
    for text in NTU_BONES.split():
        joint, parent = (int(number) - 1 for number in text.split("-"))
        assert NTU25.bones[joint] == parent
    assert len(NTU_BONES.split()) == NTU25.joints
    assert NTU25.names[NTU25.root] == "SpineShoulder"
    assert NTU25.names[NTU25.centre] == "SpineMid"


@pytest.mark.parametrize("s", LAYOUTS.values(), ids=list(LAYOUTS))
def test_dict_round_trip(s):
    again = Skeleton.from_dict(s.to_dict())
    assert again == s
    assert hash(again) == hash(s)


def test_lists_and_tuples_are_the_same_layout():
    listed = Skeleton(**TABLE)
    assert listed == Skeleton.from_dict(TABLE)
    assert isinstance(listed.pairs[0], tuple)
    assert listed != replace(listed, centre=1)


def test_layout_by_name_or_file(tmp_path):
    assert layout("ntu25") is layout("NTU25") is NTU25
    path = tmp_path / "mine.toml"
    path.write_text('names = ["a", "b"]\nparents = [-1, 0]\ncentre = 0\n')
    assert layout(str(path)).name == "mine"
    with pytest.raises(InputError, match=r"unknown layout 'ntu52': did you mean 'ntu25'.*\.toml"):
        layout("ntu52")


def test_toml_with_names_equals_toml_with_indices(tmp_path):
    by_name, by_index = tmp_path / "a.toml", tmp_path / "b.toml"
    by_name.write_text(
        'name = "four"\nnames = ["hip", "head", "left hand", "right hand"]\n'
        'parents = ["", "hip", "hip", 0]\npairs = [["left hand", "right hand"]]\ncentre = "hip"\n'
        '[parts]\ntrunk = ["hip", "head"]\narms = ["left hand", 3]\n'
    )
    by_index.write_text(
        'name = "four"\nnames = ["hip", "head", "left hand", "right hand"]\n'
        "parents = [-1, 0, 0, 0]\npairs = [[2, 3]]\ncentre = 0\n"
        "[parts]\ntrunk = [0, 1]\narms = [2, 3]\n"
    )
    expected = Skeleton(**TABLE, name="four")
    assert Skeleton.from_toml(by_name) == Skeleton.from_toml(by_index) == expected


def test_pairs_parts_and_name_may_be_left_out():
    s = Skeleton.from_dict({"names": ["a", "b"], "parents": [-1, 0], "centre": "b"})
    assert (s.pairs, s.parts, s.name, s.centre) == ((), {"body": (0, 1)}, "custom", 1)
    assert s.flip == (0, 1)


MISTAKES = {
    "unknown parent": ({"parents": [-1, 0, 9, 0]}, "'left hand' has the unknown parent 9"),
    "unknown parent name": (
        {"parents": ["", "hipp", 0, 0]},
        "unknown joint 'hipp': did you mean 'hip'",
    ),
    "cycle": ({"parents": [-1, 2, 1, 0]}, "'head' form a cycle through 'head'"),
    "own parent": ({"parents": [-1, 1, 0, 0]}, "'head' form a cycle"),
    "two roots": ({"parents": [-1, -1, 0, 0]}, r"one root.*\['hip', 'head'\]"),
    "no root": ({"parents": [1, 0, 0, 0]}, "cycle through 'hip'"),
    "parents too short": ({"parents": [-1, 0]}, "4 names but 2 parents"),
    "no joints": ({"names": [], "parents": []}, "no joints"),
    "duplicate name": ({"names": ["hip", "head", "hip", "hand"]}, "'hip' stands twice"),
    "centre": ({"centre": 4}, "centre: joint 4 does not exist.*0 to 3"),
    "pair of one joint": ({"pairs": [[2, 2]]}, "pairs name the joint 'left hand' twice"),
    "joint in two pairs": ({"pairs": [[2, 3], [1, 3]]}, "pairs name the joint 'right hand' twice"),
    "pair out of range": ({"pairs": [[2, 7]]}, "pairs: joint 7 does not exist"),
    "pair of three": ({"pairs": [[1, 2, 3]]}, "not a layout.*two-joint"),
    "overlapping parts": ({"parts": {"a": [0, 1, 2], "b": [2, 3]}}, "'left hand' is in 2 parts"),
    "missing from parts": ({"parts": {"a": [0, 1], "b": [2]}}, "'right hand' is in 0 parts"),
    "part out of range": ({"parts": {"a": [0, 1, 2, 3, 4]}}, "parts: joint 4 does not exist"),
    "misspelt field": ({"parent": [0]}, "unknown field 'parent': did you mean 'parents'"),
    "fraction": ({"parents": [-1, 0.5, 0, 0]}, "not a layout"),
    "no list": ({"parents": 3}, "not a layout"),
    "parts no table": ({"parts": [0, 1, 2, 3]}, "not a layout"),
}


@pytest.mark.parametrize("change, message", MISTAKES.values(), ids=list(MISTAKES))
def test_mistakes_are_named(change, message):
    with pytest.raises(InputError, match=f"^there: .*{message}"):
        Skeleton.from_dict(TABLE | change, source="there")


@pytest.mark.parametrize("field", ["names", "parents", "centre"])
def test_missing_field(field):
    table = {key: value for key, value in TABLE.items() if key != field}
    with pytest.raises(InputError, match=f"field '{field}' is missing"):
        Skeleton.from_dict(table)


@pytest.mark.parametrize("content", [b"names = [", b"\xff\xfe", None], ids=["toml", "utf8", "none"])
def test_unreadable_file(tmp_path, content):
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.toml: cannot read a layout"):
        Skeleton.from_toml(path)
