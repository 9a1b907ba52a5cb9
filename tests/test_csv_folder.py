from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import MAPPING, body, csv

from skelf.errors import InputError
from skelf.layouts import COCO17

read = by_keys("csv")
STICK = """
names = ["hip", "head", "hand"]
parents = ["", "hip", "hip"]
centre = "hip"
"""
NUMBERS = np.arange(24, dtype=float).reshape(4, 2, 3) + 1  # frames, joints, axes


def stick(folder: Path, mapping: str, text: str, name: str = "a.csv") -> Path:
    (folder / "stick.toml").write_text('names = ["hip", "head"]\nparents = [-1, 0]\ncentre = 0')
    (folder / "mapping.toml").write_text(f'layout = "stick.toml"\n{mapping}')
    (folder / name).write_text(text)
    return folder


def rows(values: np.ndarray, *header: str, between: str = ",") -> str:
    lines = [between.join(header)] if header else []
    lines += [between.join(f"{v:g}" for v in row) for row in values.reshape(len(values), -1)]
    return "\n".join(lines)


NAMED = 'columns = "{joint}_{axis}"'
HEADER = [f"{joint}_{axis}" for joint in ("hip", "head") for axis in "xyz"]


def test_values(tmp_path: Path) -> None:
    csv(tmp_path)
    clips = read(tmp_path)
    assert clips.skeleton is COCO17 and clips.confidence and clips.names == ["walk/S3_C1"]
    assert clips.class_names == ("walk",) and clips.label.tolist() == [0]
    assert clips.subject.tolist() == [3] and clips.camera.tolist() == [1]
    assert clips.setup.tolist() == [-1] and clips.columns == {}
    for t in range(4):
        np.testing.assert_allclose(clips.clip(0)[t, 0], body(17, t) * [1, -1, 1], rtol=1e-6)


def test_three_axes(tmp_path: Path) -> None:
    clips = read(stick(tmp_path, NAMED + "\nfps = 50\nscale = 0.001", rows(NUMBERS, *HEADER)))
    np.testing.assert_allclose(clips.joints[:, 0], NUMBERS / 1000, rtol=1e-6)
    assert clips.fps.tolist() == [50] and not clips.confidence and clips.label.tolist() == [-1]


@pytest.mark.parametrize("up", ["y", "-y", "z", "-z"])
def test_the_axis_that_points_up(up: str, tmp_path: Path) -> None:
    clips = read(stick(tmp_path, f'{NAMED}\nup = "{up}"', rows(NUMBERS, *HEADER)))
    sign = -1 if up[0] == "-" else 1
    np.testing.assert_array_equal(
        clips.joints[:, 0, :, 1], sign * NUMBERS[..., "xyz".index(up[-1])]
    )
    turn = np.array([read_axis(tmp_path, up, axis) for axis in np.eye(3)])
    assert np.linalg.det(turn) == 1  # a rotation: nobody is mirrored


def read_axis(folder: Path, up: str, axis: np.ndarray) -> np.ndarray:
    values = np.tile(axis, (1, 2, 1))
    return read(stick(folder, f'{NAMED}\nup = "{up}"', rows(values, *HEADER))).joints[0, 0, 0]


def test_numbered_joints_other_words_and_persons(tmp_path: Path) -> None:
    header = [f"{axis.upper()}{joint}" for joint in (1, 2) for axis in "xyz"]
    mapping = 'columns = "{axis}{joint}"\nfirst = 1\naxes = ["X", "Y", "Z"]'
    clips = read(stick(tmp_path, mapping, rows(NUMBERS, *header)))
    np.testing.assert_array_equal(clips.joints[:, 0], NUMBERS)
    header = [f"p{p}.{joint}.{axis}" for p in "ab" for joint in ("Hüfte", "head") for axis in "xyz"]
    mapping = (
        'columns = "p{person}.{joint}.{axis}"\npersons = ["a", "b"]\njoints = { hip = "Hüfte" }\n'
        'delimiter = ";"'
    )
    both = np.stack([NUMBERS, NUMBERS + 100], axis=1)
    clips = read(stick(tmp_path, mapping, rows(both, *header, between=";")))
    np.testing.assert_array_equal(clips.joints, both)


def test_columns_in_any_order_and_further_ones(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(6)
    values = NUMBERS.reshape(4, 6)[:, order]
    text = rows(
        np.hstack([values, values]), *[HEADER[i] for i in order], *[f"q{i}" for i in range(6)]
    )
    clips = read(stick(tmp_path, NAMED, text))
    np.testing.assert_array_equal(clips.joints[:, 0], NUMBERS)


@pytest.mark.parametrize(("between", "name"), [(",", "a.csv"), ("\t", "a.tsv"), (" ", "a.txt")])
def test_without_header(between: str, name: str, tmp_path: Path) -> None:
    values = np.hstack([np.full((4, 2), 9), NUMBERS.reshape(4, 6)])
    mapping = f"skip = 2\ndelimiter = {between!r}".replace("'", '"')
    clips = read(stick(tmp_path, mapping, rows(values, between=between) + "\n", name))
    np.testing.assert_array_equal(clips.joints[:, 0], NUMBERS)


def test_empty_cells_are_missing_joints(tmp_path: Path) -> None:
    table = [row.split(",") for row in rows(NUMBERS).splitlines()]
    table[1][4] = ""  # the head in frame 1 has no y
    table[2] = [" "] + [""] * 5  # nobody
    text = "\n".join(",".join(row) for row in [HEADER, *table]) + "\n\n"
    folder = stick(tmp_path, NAMED, text)
    kept = read(folder, missing="keep").joints[:, 0]
    assert len(kept) == 4 and not kept[1, 1].any() and not kept[2].any()
    np.testing.assert_array_equal(kept[[0, 3]], NUMBERS[[0, 3]])
    np.testing.assert_array_equal(kept[1, 0], NUMBERS[1, 0])
    linear = read(folder).joints[:, 0]
    head = NUMBERS[0, 1] + (NUMBERS[3, 1] - NUMBERS[0, 1]) * np.array([[1], [2]]) / 3
    np.testing.assert_allclose(linear[1:3, 1], head, rtol=1e-6)
    np.testing.assert_allclose(linear[2, 0], (NUMBERS[1, 0] + NUMBERS[3, 0]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(
        read(folder, missing="hold").joints[1:3, 0, 1], NUMBERS[[0, 0], 1]
    )


def test_classes_and_further_columns(tmp_path: Path) -> None:
    folder = stick(
        tmp_path,
        f'{NAMED}\nclip = "{{class}}_t{{take}}_s{{subject}}*.csv"\nclasses = ["walk", "sit"]',
        rows(NUMBERS, *HEADER),
        "sit_t2_s01.csv",
    )
    (folder / "walk_t10_s3_left.csv").write_text(rows(NUMBERS, *HEADER))
    clips = read(folder)
    assert clips.class_names == ("walk", "sit") and clips.label.tolist() == [1, 0]
    assert clips.columns["take"].tolist() == [2, 10] and clips.subject.tolist() == [1, 3]
    (folder / "run_t1_s1.csv").write_text(rows(NUMBERS, *HEADER))
    with pytest.raises(InputError, match=r"mapping\.toml: classes: 'run' comes in a file name"):
        read(folder)
    (folder / "run_t1_s1.csv").rename(folder / "other.csv")
    with pytest.raises(InputError, match=r"other\.csv: its name does not fit clip = "):
        read(folder)


def test_a_mapping_and_a_layout_by_name(tmp_path: Path) -> None:
    stick(tmp_path, NAMED, rows(NUMBERS, *HEADER))
    (tmp_path / "mapping.toml").rename(tmp_path / "mine.toml")
    assert len(read(tmp_path, mapping="mine.toml")) == 1
    with pytest.raises(InputError, match=r"none\.toml: cannot read the mapping: .*mapping=FILE"):
        read(tmp_path, mapping="none.toml")
    with pytest.raises(InputError, match=r"column 'nose_x' is missing \(there are hip_x"):
        read(tmp_path, "coco17", mapping="mine.toml")


@pytest.mark.parametrize(
    ("mapping", "match"),
    [
        ("colums = 3", "unknown field 'colums': did you mean 'columns'"),
        ("columns = 3", "columns: expected a string, not 3"),
        ('columns = "{joint}"', "write {joint} and {axis}"),
        ('columns = "{person}{joint}{axis}"', "{person} and the field persons belong together"),
        ('axes = ["x"]', "name two or three axes"),
        ("axes = [1, 2]", "axes: expected a list of words"),
        ('up = "x"', "use one of y, -y, z, -z"),
        ('axes = ["x", "y"]\nup = "z"', "two axes have no z"),
        ('delimiter = ";;"', "use one character"),
        ("fps = 0", "fps = 0: use a number above 0"),
        ("fps = nan", "fps = nan: use a number above 0"),
        ("fps = true", "fps: expected a number, not True"),
        ("scale = -1", "scale = -1: use a number above 0"),
        ("skip = -1", "skip = -1: use a number from 0"),
        ("first = 1.5", "first: expected a whole number"),
        ('joints = { hipp = "a" }', "unknown joint 'hipp': did you mean 'hip'"),
        ('joints = { hip = "head" }', "two joints have one word"),
        ('clip = "{subject}_{subject}"', "name each word once"),
        ('clip = "{sub ject}"', "name each word once"),
        ('clip = "{class"', "name each word once"),
        ('clip = "*a*b*c{class}"', "use at most three of * and {class}"),
        ("classes = 3", "classes: expected a list of words"),
        ("= 3", "not a TOML file"),
    ],
)
def test_bad_mappings(mapping: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"mapping\.toml: .*{re.escape(match)}"):
        read(stick(tmp_path, mapping, rows(NUMBERS, *HEADER)))


def test_mappings_without_a_layout(tmp_path: Path) -> None:
    stick(tmp_path, NAMED, rows(NUMBERS, *HEADER))
    for text, match in (
        ("", "field 'layout' is missing"),
        ('layout = "coco71"', "did you mean 'coco17'"),
        ('layout = "none.toml"', r"none\.toml: cannot read a layout"),
    ):
        (tmp_path / "mapping.toml").write_text(text)
        with pytest.raises(InputError, match=rf"mapping\.toml: .*{match}"):
            read(tmp_path)
    assert tomllib.loads(MAPPING)["layout"] == "coco17"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.replace("hip_x", "hip_q"), "column 'hip_x' is missing"),
        (lambda t: t.replace("hip_x", "hip_y"), "column 'hip_y' stands twice"),
        (lambda t: t.replace("\n1,", "\none,"), "line 2: hip_x: 'one' is no finite number"),
        (lambda t: t[: t.rindex(",")], "line 5: 5 cells, but 'head_z' is the 6th column"),
        (lambda t: t.splitlines()[0], "no row below the header"),
        (lambda t: '"' + "x" * 200_000, "line 1: not CSV .field larger"),
    ],
)
def test_bad_files(change: Any, match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"a\.csv: {match}"):
        read(stick(tmp_path, NAMED, change(rows(NUMBERS, *HEADER))))


def test_bad_rows_without_header(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv: line 4: 5 cells, expected 6"):
        read(stick(tmp_path, "", rows(NUMBERS)[:-3]))
    with pytest.raises(InputError, match=r"a\.csv: line 1: 'hip_x' is no finite number"):
        read(stick(tmp_path, "", rows(NUMBERS, *HEADER)))


def test_confidence_out_of_range(tmp_path: Path) -> None:
    text = rows(NUMBERS[..., :3], *[h.replace("z", "c") for h in HEADER])
    folder = stick(tmp_path, f'{NAMED}\naxes = ["x", "y"]\nconfidence = "c"', text)
    with pytest.raises(InputError, match=r"a\.csv: frame 0: hip: confidence 3; .*0 and 1"):
        read(folder)


def test_options(tmp_path: Path) -> None:
    csv(tmp_path)
    with pytest.raises(InputError, match=r"csv\.threshold: .* less than or equal to 1, got 2"):
        read(tmp_path, threshold=2)
    with pytest.raises(InputError, match=r"csv\.missing: Input should be 'keep', .* got 'cubic'"):
        read(tmp_path, missing="cubic")
    with pytest.raises(InputError, match="no such file or folder"):
        read(tmp_path / "walk" / "S4_C1.csv")
    assert not read(tmp_path, threshold=0.6).joints.any()


def test_the_documented_mapping(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "pose.md").read_text(encoding="utf-8")
    block = re.search(r"```toml\n(.*?)```", page, flags=re.S)
    assert block is not None
    (tmp_path / "mapping.toml").write_text(block[1])
    (tmp_path / "sit").mkdir()
    header = [f"{name}_{axis}" for name in COCO17.names for axis in ("x", "y", "score")]
    text = rows(np.stack([body(17, t) for t in range(4)]), *header)
    (tmp_path / "sit" / "S12_C3_first.csv").write_text(text)
    clips = read(tmp_path)
    assert clips.class_names == ("sit",) and clips.fps.tolist() == [25]
    assert clips.subject.tolist() == [12] and clips.camera.tolist() == [3] and clips.confidence


def test_zeros_are_missing_joints(tmp_path: Path) -> None:
    """What every reader stores for a joint that was not seen; also in a plane, and scaled."""
    values = NUMBERS.copy()
    values[1, 1] = 0
    clips = read(stick(tmp_path, NAMED, rows(values, *HEADER)), missing="linear")
    np.testing.assert_allclose(clips.joints[1, 0, 1], NUMBERS[1, 1], rtol=1e-6)
    assert not read(tmp_path, missing="keep").joints[1, 0, 1].any()
    values[1, 1] = (0, 5, 0)  # which is a place
    stick(tmp_path, NAMED, rows(values, *HEADER))
    np.testing.assert_array_equal(read(tmp_path).joints[1, 0, 1], [0, 5, 0])


@pytest.mark.parametrize("word", ["NaN", "nan", "null", "NA", ""])
def test_words_for_nothing(word: str, tmp_path: Path) -> None:
    lines = rows(NUMBERS, *HEADER).splitlines()
    lines[2] = ",".join([*lines[2].split(",")[:3], word, word, word])
    clips = read(stick(tmp_path, NAMED, "\n".join(lines)))
    np.testing.assert_allclose(clips.joints[1, 0, 1], NUMBERS[1, 1], rtol=1e-6)


def test_rows_longer_than_the_header(tmp_path: Path) -> None:
    text = rows(NUMBERS, *HEADER) + ",7"
    with pytest.raises(InputError, match=r"a\.csv: line 5: 7 cells, the header names 6"):
        read(stick(tmp_path, NAMED, text))


def test_a_confidence_of_nan(tmp_path: Path) -> None:
    mapping = NAMED + '\naxes = ["x", "y"]\nconfidence = "z"\nup = "y"'
    values = NUMBERS / 100
    values[1, 1, 2] = np.nan
    clips = read(stick(tmp_path, mapping, rows(values, *HEADER)))
    np.testing.assert_allclose(clips.joints[1, 0, 1], [*values[1, 1, :2], 0], rtol=1e-5)
