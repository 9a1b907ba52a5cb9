"""One CSV file of one's own: what its header says, the template of a mapping, rows in time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.formats.csv_mapping import CsvMapping
from skelf.data.formats.csv_template import template
from skelf.data.formats.members import Member
from skelf.data.joints.tree import tree_of
from skelf.data.synthetic.figure import Figure
from skelf.errors import InputError
from skelf.layouts import BUILT_IN, COCO17, LAYOUTS, NTU25

read = by_keys("csv")
JOINTS = ("Pelvis", "Head", "LeftHip", "LeftFoot", "RightHip")
# frames, joints, axes: a metre from foot to head, upright along y
PLACES = np.array([[[0, 1, 0], [0, 1.7, 0], [0.1, 0.9, 0], [0.1, 0.1, 0.2], [-0.1, 0.9, 0]]])
PLACES = PLACES + np.arange(1, 5)[:, None, None] / 8


def text(
    values: np.ndarray,
    name: Callable[[str, str], str],
    joints: tuple[str, ...] = JOINTS,
    axes: str = "xyz",
    between: str = ",",
    **first: object,
) -> str:
    """A CSV; columns of `first` stand before the joints."""
    header = [*first, *(name(joint, axis) for joint in joints for axis in axes)]
    rows = [
        [*(str(column[i]) for column in first.values()), *(f"{v:.9g}" for v in row.ravel())]
        for i, row in enumerate(values)
    ]
    return "\n".join(between.join(row) for row in [header, *rows]) + "\n"


def plain(joint: str, axis: str) -> str:
    return f"{joint}_{axis}"


def write(folder: Path, content: str, name: str = "walk.csv") -> Path:
    (folder / name).write_text(content)
    return folder / name


NAMES = {
    "joint_x": plain,
    "x_joint": lambda joint, axis: f"{axis}_{joint}",
    "joint.X": lambda joint, axis: f"{joint}.{axis.upper()}",
    "jointX": lambda joint, axis: f"{joint}{axis.upper()}",
    "joint x": lambda joint, axis: f"{joint} {axis}",
    "joint:x": lambda joint, axis: f"{joint}:{axis}",
    "pose_joint_x": lambda joint, axis: f"pose_{joint}_{axis}",
    "joint_x_m": lambda joint, axis: f"{joint}_{axis}_m",
    "joint_x (m)": lambda joint, axis: f"{joint}_{axis} (m)",
}


@pytest.mark.filterwarnings("ignore:.*by its header")
@pytest.mark.parametrize("name", NAMES)
def test_a_plain_header_needs_no_mapping_and_the_template_is_that_mapping(
    name: str, tmp_path: Path
) -> None:
    file = write(tmp_path, text(PLACES, NAMES[name]))
    alone = read(file)
    assert alone.skeleton.names == JOINTS and alone.names == ["walk"]
    np.testing.assert_allclose(alone.joints[:, 0], PLACES, rtol=1e-6)
    (tmp_path / "mapping.toml").write_text(template(Member(file)))
    for path in (file, tmp_path):
        again = read(path)
        assert again.skeleton == alone.skeleton
        np.testing.assert_array_equal(again.joints, alone.joints)
    assert alone.skeleton.pairs == ((2, 4),)
    assert [alone.skeleton.names[p] for p in alone.skeleton.parents if p >= 0] == [
        "Pelvis", "Pelvis", "LeftHip", "Pelvis",
    ]  # fmt: skip


def test_the_note_says_what_is_guessed_and_how_to_change_it(tmp_path: Path) -> None:
    file = write(tmp_path, text(PLACES, plain, trial=["a", "a", "b", "b"], frame=[0, 1, 0, 1]))
    with pytest.warns(UserWarning) as caught:
        read(file)
    note = str(caught[0].message)
    assert "5 joints (custom), each x, y, z; recordings by 'trial'; frames by 'frame'" in note
    assert "30 frames a second; y is up" in note
    assert note.endswith(f"skelf data template {file} > {tmp_path / 'mapping.toml'}")


@pytest.mark.parametrize("layout", ["coco17", "ntu25", "openpose25", "mediapipe33"])
def test_the_joints_of_a_built_in_layout(layout: str, tmp_path: Path) -> None:
    skeleton = LAYOUTS[layout]
    values = np.random.default_rng(0).normal(size=(3, skeleton.joints, 3)) + 5
    file = write(tmp_path, text(values, plain, skeleton.names))
    (tmp_path / "mapping.toml").write_text(template(Member(file)))
    clips = read(file)
    assert clips.skeleton is skeleton
    mapping = CsvMapping.read(tmp_path / "mapping.toml", None)
    assert not mapping.joints


def test_the_joints_of_a_layout_under_other_names_and_in_another_order(tmp_path: Path) -> None:
    words = [
        "".join(part.capitalize() for part in name.split("_"))
        .replace("Left", "L_")
        .replace("Right", "R_")
        for name in reversed(COCO17.names)
    ]
    values = np.random.default_rng(0).uniform(1, 2, size=(3, 17, 3))
    file = write(tmp_path, text(values, plain, tuple(words), axes="xyc").replace("_c", "_score"))
    with (
        pytest.warns(UserWarning, match="by its header: 17 joints .coco17., each x, y, score"),
        pytest.raises(InputError, match=r"confidence 1\.\d+; it must lie between 0 and 1"),
    ):
        read(file)
    values[..., 2] -= 1
    write(tmp_path, text(values, plain, tuple(words), axes="xyc").replace("_c", "_score"))
    with pytest.warns(UserWarning, match="by its header"):
        clips = read(file)
    assert clips.skeleton is COCO17 and clips.confidence
    np.testing.assert_allclose(clips.joints[:, 0, ::-1, 2], values[..., 2], rtol=1e-5)


def test_numbered_joints_are_asked_about(tmp_path: Path) -> None:
    def numbered(joint: str, axis: str) -> str:
        return f"{axis}{joint}"

    values = np.random.default_rng(0).normal(size=(2, 25, 3))
    file = write(tmp_path, text(values, numbered, tuple(str(i + 1) for i in range(25))))
    said = template(Member(file))
    assert "# By their number, 25: ntu25. Is that so?" in said and "first = 1" in said
    with pytest.raises(InputError, match=r"joints are numbered.*--layout NAME"):
        read(file)
    with pytest.warns(UserWarning, match=r"25 joints \(ntu25\)"):
        assert np.allclose(read(file, "ntu25").joints[:, 0], values, atol=1e-4)
    (tmp_path / "mapping.toml").write_text(said)
    assert read(file).skeleton is NTU25
    file = write(tmp_path, text(values[:, :7], numbered, tuple(str(i) for i in range(7))))
    (tmp_path / "mapping.toml").write_text(template(Member(file)))
    with pytest.raises(InputError, match=r"mapping\.toml: layout: fill in"):
        read(file)


def test_the_likeliest_order_of_numbered_joints_stands_first(tmp_path: Path) -> None:
    def numbered(joint: str, axis: str) -> str:
        return f"{axis}{joint}"

    for name, other in (("body_25b", "openpose25"), ("openpose25", "body_25b")):
        places = Figure.of(LAYOUTS[name]).rest[None, :, :2] * 100
        numbers = tuple(str(i) for i in range(25))
        said = template(Member(write(tmp_path, text(places, numbered, numbers, "xy"))))
        assert f"# By their number, 25: {name} or {other}. Is that so?" in said
        assert f'layout = "{name}"' in said


def test_joints_whose_names_say_no_part_hang_off_their_neighbours(tmp_path: Path) -> None:
    places = np.cumsum(np.ones((3, 4, 3)), axis=1)  # a chain
    file = write(tmp_path, text(places, plain, ("m1a", "m2a", "m3a", "m4a")))
    said = template(Member(file))
    assert "guessed by which joints stay near each other" in said
    (tmp_path / "mapping.toml").write_text(said)
    skeleton = read(file).skeleton
    assert all(abs(child - parent) == 1 for child, parent in skeleton.edges)


@pytest.mark.parametrize(("up", "order"), [("y", (0, 1, 2)), ("z", (0, 2, 1))])
@pytest.mark.parametrize(("times", "scale"), [(1, 1.0), (1000, 0.001), (100, 0.01)])
def test_the_axis_that_is_up_and_the_unit_come_from_how_the_body_stands(
    up: str, order: tuple[int, ...], times: float, scale: float, tmp_path: Path
) -> None:
    file = write(tmp_path, text(PLACES[..., order] * times, plain))
    mapping = CsvMapping.parse(template(Member(file)), file)
    assert (mapping.up, mapping.scale) == (up, scale)
    assert "please check" not in template(Member(file))


def test_images_have_y_down(tmp_path: Path) -> None:
    flat = PLACES[..., :2] * [1, -1] * 100 + 400
    file = write(tmp_path, text(flat, plain, axes="xy"))
    mapping = CsvMapping.parse(template(Member(file)), file)
    assert (mapping.up, mapping.scale, mapping.axes) == ("-y", 1.0, ("x", "y"))


@pytest.mark.parametrize(("between", "mark"), [(";", ","), ("\t", "."), (";", "."), ("\t", ",")])
def test_delimiters_and_decimal_marks(between: str, mark: str, tmp_path: Path) -> None:
    content = text(PLACES, plain, between=between).replace(".", mark)
    with pytest.warns(UserWarning, match="by its header"):
        clips = read(write(tmp_path, content))
    np.testing.assert_allclose(clips.joints[:, 0], PLACES, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*by its header")
def test_several_recordings_in_one_file(tmp_path: Path) -> None:
    file = write(tmp_path, text(PLACES, plain, recording=["b", "a", "b", "a"]))
    clips = read(file)
    assert clips.names == ["walk/b", "walk/a"] and clips.length.tolist() == [2, 2]
    np.testing.assert_allclose(clips.clip(1)[:, 0], PLACES[[1, 3]], rtol=1e-6)


def test_a_folder_is_read_by_the_header_of_its_first_file(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        write(tmp_path, text(PLACES, plain), name)
    with pytest.warns(UserWarning, match=r"no mapping\.toml in it, so by the header of .*a\.csv: "):
        clips = read(tmp_path)
    assert clips.names == ["a", "b"] and clips.skeleton.names == JOINTS
    write(tmp_path, text(PLACES, NAMES["joint x"]), "c.csv")  # of another form: named, not guessed
    with (
        pytest.warns(UserWarning, match=r"the header of .*a\.csv"),
        pytest.raises(InputError, match=r"c\.csv: column .* is missing"),
    ):
        read(tmp_path)


@pytest.mark.parametrize(("size", "scale"), [(1.7, 1.0), (170, 0.01), (1700, 0.001)])
def test_the_unit_of_joints_whose_names_say_no_part(
    size: float, scale: float, tmp_path: Path
) -> None:
    def foreign(joint: str, axis: str) -> str:
        return f"gelenk{'abcdefghijklmnop'[JOINTS.index(joint)]}_{axis}"

    span = np.median(np.ptp(PLACES, axis=1).max(axis=1))
    file = write(tmp_path, text(PLACES / span * size, foreign))
    assert CsvMapping.parse(template(Member(file)), file).scale == scale


@pytest.mark.filterwarnings("ignore:.*by its header")
def test_frames_in_any_order_with_gaps_and_steps(tmp_path: Path) -> None:
    file = write(tmp_path, text(PLACES, plain, frame=[7, 4, 5, 8]))
    clips = read(file, missing="keep")
    assert clips.length.tolist() == [5] and clips.fps.tolist() == [30]
    np.testing.assert_allclose(clips.joints[[3, 0, 1, 4], 0], PLACES, rtol=1e-6)
    assert not clips.joints[2].any()
    assert read(file).joints[2].any()  # between its neighbours
    clips = read(write(tmp_path, text(PLACES, plain, frame=[0, 4, 8, 12])))
    assert clips.length.tolist() == [4] and clips.fps.tolist() == [7.5]


@pytest.mark.filterwarnings("ignore:.*by its header")
@pytest.mark.parametrize(
    ("name", "times", "fps", "length"),
    [
        ("time", [0, 0.04, 0.08, 0.12], 25, 4),
        ("Time (s)", [3, 3.1, 3.2, 3.5], 10, 6),
        ("timestamp", [0, 20, 40, 60], 50, 4),
        ("time_ms", [0, 0.5, 1, 1.5], 2000, 4),
        ("timestamp_us", [0, 31_000, 69_000, 100_000], 30, 4),  # unsteady, none is missing
        ("timestamp", [10**18, 10**18 + 10**8, 10**18 + 2 * 10**8, 10**18 + 4 * 10**8], 10, 5),
    ],
)
def test_times_say_the_frame_rate(
    name: str, times: list[float], fps: float, length: int, tmp_path: Path
) -> None:
    clips = read(write(tmp_path, text(PLACES, plain, **{name: times})))
    np.testing.assert_allclose(clips.fps, fps, rtol=1e-5)
    assert clips.length.tolist() == [length]


@pytest.mark.filterwarnings("ignore:.*by its header")
@pytest.mark.parametrize(
    ("first", "match"),
    [
        ({"frame": [0, 1, 1, 2]}, "line 4: frame 1 comes after 1; a file of several recordings"),
        ({"frame": [0, 1, 0, 1], "trial": list("aabb"), "time": [0, 1, 1, 2]}, ""),
        ({"frame": [0, 0, 1, 1], "trial": list("aabb")}, "frames of one recording must differ"),
        ({"frame": [0, 0.5, 1, 1.5]}, "frame: not all are whole numbers; are they times"),
        ({"time": [0, 1, 0.5, 2]}, "line 4: time 0.5 comes after 1"),
        ({"frame": [0, "", 1, 2]}, "line 3: no frame; write one in each row"),
        ({"frame": [0, 1, 2, 999_999]}, "4 rows in 1,000,000 frames; mend the number"),
        ({"time_ms": [0, 1e-3, 2e-3, 3e-3]}, "frames a second; are the times in another unit"),
        ({"time": [0, 1e-9, 2e-9, 1e30]}, "frames a second|frames; mend"),
        ({"trial": ["a", "", "a", "a"]}, "line 3: 'trial' is empty"),
    ],
)
def test_rows_that_are_out_of_time(
    first: dict[str, list[float]], match: str, tmp_path: Path
) -> None:
    file = write(tmp_path, text(PLACES, plain, **first))
    if not match:
        assert len(read(file)) == 2
        return
    with pytest.raises(InputError, match=rf"walk\.csv: .*({match})"):
        read(file)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a,b,c\n1,2,3\n", r"no columns x and y of a joint .*there are a, b, c"),
        ("hip_x,knee_x\n1,2\n", "no columns x and y of a joint"),
        ("1,2,3\n4,5,6\n", "no columns x and y of a joint"),
        ("hip_x,hip_y\n", "no row below the header"),
        ("hip_x,hip_y\n1,two\n", "line 2: hip_y: 'two' is no finite number"),
        ("", "empty"),
    ],
)
def test_headers_that_say_nothing(content: str, match: str, tmp_path: Path) -> None:
    file = write(tmp_path, content)
    for call in (lambda: template(Member(file)), lambda: read(file)):
        with pytest.raises(InputError, match=rf"walk\.csv: {match}"):
            call()


def test_columns_that_are_named_must_be_there(tmp_path: Path) -> None:
    file = write(tmp_path, text(PLACES, plain))
    said = template(Member(file))
    for key in ("frame", "time", "recording"):
        (tmp_path / "mapping.toml").write_text(f'{key} = "n"\n{said}')
        with pytest.raises(InputError, match=f"column 'n' is missing .*mend the mapping's {key}"):
            read(file)
        (tmp_path / "mapping.toml").write_text(f'{key} = "n"\nlayout = "coco17"')
        with pytest.raises(InputError, match=f"{key}: a file without columns has no names"):
            read(file)


def test_names_of_parts_make_a_tree() -> None:
    def above(skeleton) -> dict[str, str]:
        parents = tree_of(skeleton.names)
        return {n: skeleton.names[p] for n, p in zip(skeleton.names, parents, strict=True)}

    tree = above(NTU25)
    assert (tree["ElbowLeft"], tree["HandTipLeft"]) == ("ShoulderLeft", "HandLeft")
    assert (tree["HipRight"], tree["FootRight"]) == ("SpineBase", "AnkleRight")
    coco = above(COCO17)
    assert (coco["left_shoulder"], coco["left_hip"]) == ("nose", "left_shoulder")
    for skeleton in BUILT_IN:
        parents = tree_of(skeleton.names)
        assert parents is None or parents.count(-1) == 1, skeleton.name


def test_the_command_prints_it(tmp_path: Path) -> None:
    file = write(tmp_path, text(PLACES, plain))
    done = CliRunner().invoke(app, ["template", str(file)])
    assert done.exit_code == 0 and done.output == template(Member(file))
    assert re.search(r"^# Not read: ", done.output, re.M) is None
    for path in (tmp_path / "none.csv", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        assert isinstance(CliRunner().invoke(app, ["template", str(path)]).exception, InputError)


MARKERS = """Trajectories
100
,,me:Pelvis,,,me:Head,,,me:LeftFoot,,
Frame,Sub Frame,X,Y,Z,X,Y,Z,X,Y,Z
,,mm,mm,mm,mm,mm,mm,mm,mm,mm
1,0,0,1000,0,0,1700,0,100,100,200
2,0,10,1000,0,10,1700,0,110,100,200
3,0,20,1000,0,20,1700,0,,,
"""
ESTIMATES = """scorer,net,net,net,net,net,net
bodyparts,Pelvis,Pelvis,Pelvis,Head,Head,Head
coords,x,y,likelihood,x,y,likelihood
0,10,90,0.9,10,20,0.8
1,12,90,0.9,12,20,0.7
"""
LAY = '[layout]\nnames = ["Pelvis", "Head"]\nparents = ["", "Pelvis"]\npairs = []\n' \
    'parts = { trunk = ["Pelvis", "Head"] }\ncentre = "Pelvis"\n'  # fmt: skip


@pytest.mark.parametrize("header", ['header = "3-5"\n', "", 'header = " 3 - 5 "\n'])
def test_names_over_several_lines_are_joined(tmp_path: Path, header: str) -> None:
    write(tmp_path, MARKERS)
    mapping = 'columns = "me:{joint}_{axis}_mm"\naxes = ["X", "Y", "Z"]\nframe = "Frame"\n'
    write(tmp_path, f"{mapping}{header}scale = 0.001\n{LAY}", "mapping.toml")
    clips = read(tmp_path / "walk.csv")
    assert np.allclose(clips.clip(0)[:, 0, 0, 0], [0, 0.01, 0.02])
    assert np.allclose(clips.clip(0)[:, 0, 1, 1], 1.7)


def test_a_number_of_lines_is_from_the_first_one(tmp_path: Path) -> None:
    write(tmp_path, "\n".join(ESTIMATES.split("\n")[1:]))
    mapping = 'columns = "{joint}_{axis}"\nheader = 2\naxes = ["x", "y"]\n'
    write(tmp_path, f'{mapping}confidence = "likelihood"\nup = "-y"\n{LAY}', "mapping.toml")
    clips = read(tmp_path / "walk.csv")
    assert np.allclose(clips.clip(0)[:, 0, 1], [[10, -20, 0.8], [12, -20, 0.7]])
    for wrong in ('"4-2"', "0", '"some"', "true"):
        write(tmp_path, f"{mapping.replace('2', wrong, 1)}{LAY}", "mapping.toml")
        with pytest.raises(InputError, match="header"):
            read(tmp_path / "walk.csv")


@pytest.mark.parametrize(("content", "lines"), [(MARKERS, "3-5"), (ESTIMATES, "2-3")])
def test_a_template_finds_the_lines_of_the_header(content: str, lines: str, tmp_path: Path) -> None:
    file = write(tmp_path, content)
    made = template(Member(file))
    assert f'header = "{lines}"' in made
    write(tmp_path, made, "mapping.toml")
    clips = read(file)
    assert clips.skeleton.names[:2] == ("Pelvis", "Head")
    if content is MARKERS:
        assert np.allclose(clips.clip(0)[:, 0, 1, 1], 1.7)
        assert clips.clip(0)[2, 0, 2].any()  # a gap, filled


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ("{}_rot_x,{}_rot_y,{}_rot_z", "'Hips_rot_x' and the like are no places"),
        ("{}_qx,{}_qy,{}_qz,{}_qw", "'Hips_qx' and the like are no places"),
        ("{}Velocity.x,{}Velocity.y,{}Velocity.z", "no places of joints"),
        ("{}.z,{}.x,{}.y", "in the order z, x, y, as rotations"),
    ],
)
def test_what_are_no_places_of_joints(columns: str, match: str, tmp_path: Path) -> None:
    header = ",".join(columns.replace("{}", name) for name in ("Hips", "LeftLeg", "LeftFoot"))
    row = ",".join("1.5" for _ in header.split(","))
    (tmp_path / "a.csv").write_text(f"{header}\n{row}\n{row}\n")
    with pytest.raises(InputError, match=match):
        read(tmp_path / "a.csv")


def test_rotations_beside_places_are_passed_over(tmp_path: Path) -> None:
    header = ",".join(f"{j}_{what}_{axis}" for j in ("Hips", "LeftLeg") for what in ("pos", "rot")
                      for axis in "xyz")  # fmt: skip
    (tmp_path / "a.csv").write_text(f"{header}\n1,2,3,40,50,60,4,5,6,70,80,90\n")
    with pytest.warns(UserWarning, match="2 joints"):
        clips = read(tmp_path / "a.csv")
    np.testing.assert_allclose(clips.joints[0, 0], [[1, 2, 3], [4, 5, 6]])


def test_an_upper_body_with_y_down(tmp_path: Path) -> None:
    header = ",".join(f"{joint}_{axis}" for joint in ("nose", "shoulder_left", "shoulder_right")
                      for axis in "xyz")  # fmt: skip
    (tmp_path / "a.csv").write_text(f"{header}\n200,80,-1,150,170,-1,250,168,-1\n")
    with pytest.warns(UserWarning, match="-y is up"):
        read(tmp_path / "a.csv")
