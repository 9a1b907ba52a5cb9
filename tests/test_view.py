"""One clip as a page or a GIF: what is drawn and where, at which speed, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from layout_cases import CASES
from PIL import Image
from test_plots import HOSTILE, Tags
from test_report import decoded, embedded
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.data.picking import pick
from skelf.data.readers import READERS
from skelf.data.synthetic import clips as synthetic
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20
from skelf.pages import bodies
from skelf.pages import clip as view
from skelf.skeleton import Skeleton

CLIPS = synthetic.generate(clips=13, persons=2, seed=1)  # clip 12 has two persons
WAVE = 0


def frames(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """Pictures `(H, W, 3)` and how long each stands, in milliseconds."""
    with Image.open(path) as image:
        pictures, shown = [], []
        for k in range(getattr(image, "n_frames", 1)):
            image.seek(k)
            pictures.append(np.asarray(image.convert("RGB")).astype(int))
            shown.append(image.info["duration"])
    return pictures, shown


def drawn(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """`(H, W)` where a colour is, at the strength that a line's middle has."""
    there: np.ndarray = np.abs(picture[: view.SIDE] - colour).max(axis=2) < 12
    return there


def standing(skeleton: Skeleton = KINECT20, turn: float = 0.0) -> np.ndarray:
    """Somebody who faces +z, `(1, 1, V, 3)`, turned about y."""
    made = synthetic.generate(skeleton, clips=1, noise=0.0, cameras=1)
    joints = np.zeros((1, 1, skeleton.joints, 3))
    joints[0, 0, :, 1] = made.clip(0)[0, 0, :, 1]
    for left, right in skeleton.pairs:
        joints[0, 0, left, 0], joints[0, 0, right, 0] = 0.2, -0.2
    c, s = np.cos(turn), np.sin(turn)
    return joints @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]).T + 1.0


def one(joints: np.ndarray, skeleton: Skeleton = KINECT20, fps: float = 30.0) -> ClipSet:
    return ClipSet.build(joints, [len(joints)], skeleton, fps=fps, name=["a"])


@pytest.mark.parametrize("turn", [0.0, 1.0, 3.0])
def test_figures_face_the_viewer_whatever_way_they_stood(tmp_path: Path, turn: float) -> None:
    view.write(one(standing(turn=turn)), 0, tmp_path / "a.gif")
    (picture,), _ = frames(tmp_path / "a.gif")
    left, right, trunk = (drawn(picture, c) for c in (view.LEFT, view.RIGHT, view.TRUNK))
    assert min(left.sum(), right.sum(), trunk.sum()) > 200
    columns = np.arange(view.SIDE)
    # Who faces the viewer has the left side at the viewer's right.
    assert (columns * left.sum(0)).sum() / left.sum() > (columns * right.sum(0)).sum() / right.sum()
    head = np.argmax(trunk.any(axis=1))
    assert head < view.SIDE / 4  # y is up


@pytest.mark.parametrize("up", ["-y", "z", "-z"])
def test_other_up_axes_are_seen_and_turned_upright(tmp_path: Path, up: str) -> None:
    joints = standing()
    turned = {
        "-y": joints * [1, -1, -1],
        "z": np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1),
        "-z": np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1),
    }[up]
    view.write(one(joints), 0, tmp_path / "y.gif")
    for given in ("auto", up):
        view.write(one(turned), 0, tmp_path / "a.gif", up=given)
        assert np.array_equal(frames(tmp_path / "a.gif")[0], frames(tmp_path / "y.gif")[0])


@pytest.mark.parametrize("fps", [10.0, 30.0, 120.0])
def test_gifs_play_at_the_clips_own_speed(tmp_path: Path, fps: float) -> None:
    clips = replace(CLIPS, fps=np.full(13, fps, np.float32))
    view.write(clips, 3, tmp_path / "a.gif")
    pictures, shown = frames(tmp_path / "a.gif")
    seconds = clips.length[3] / fps
    assert sum(shown) / 1000 == pytest.approx(seconds + 0.5, abs=0.011)  # the last one stays
    assert len(pictures) <= view.RATE * seconds + 1
    assert min(shown) >= 20  # browsers slow down whatever is faster
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0


def test_long_clips_are_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "MOST_FRAMES", 10)
    view.write(CLIPS, 3, tmp_path / "a.gif")
    pictures, shown = frames(tmp_path / "a.gif")
    assert len(pictures) <= 10
    assert sum(shown) / 1000 == pytest.approx(CLIPS.length[3] / 30 + 0.5, abs=0.011)


def test_missing_joints_and_their_bones_are_not_drawn(tmp_path: Path) -> None:
    flat = np.zeros((2, 1, 17, 2))
    flat[:, 0] = np.arange(17)[:, None] * [10, 0] + [100, 200]  # what is not an arm, in a row
    arm = [COCO17.names.index(f"left_{n}") for n in ("shoulder", "elbow", "wrist")]
    flat[:, 0, arm] = [[100, 300], [140, 300], [180, 300]]
    clips = one(flat, COCO17)
    view.write(clips, 0, tmp_path / "whole.gif")
    whole = drawn(frames(tmp_path / "whole.gif")[0][0], view.LEFT)
    flat[:, 0, arm[1]] = 0
    view.write(one(flat, COCO17), 0, tmp_path / "part.gif")
    part = drawn(frames(tmp_path / "part.gif")[0][0], view.LEFT)
    arm_row = slice(277, 286)  # below the middle: y points down in images
    assert whole[arm_row].any(axis=0).sum() > 160  # 80 units at 2.0 pixels, and the dots
    assert part[arm_row].any(axis=0).sum() < 50  # dots and the way to the hip, no bone


def test_absent_persons_are_not_drawn_and_second_ones_are_paler(tmp_path: Path) -> None:
    view.write(CLIPS, 12, tmp_path / "two.gif")
    view.write(CLIPS, WAVE, tmp_path / "one.gif")
    pale = tuple((c + 170) // 2 for c in view.LEFT)
    two, one_ = (frames(tmp_path / f"{n}.gif")[0][0] for n in ("two", "one"))
    assert drawn(two, pale).sum() > 100 and drawn(two, view.LEFT).sum() > 100
    assert drawn(one_, pale).sum() < 20 and drawn(one_, view.LEFT).sum() > 100


def test_a_clip_of_nobody(tmp_path: Path) -> None:
    empty = one(np.zeros((3, 2, 20, 3)))
    for name in ("a.gif", "a.html"):
        view.write(empty, 0, tmp_path / name)
    assert not drawn(frames(tmp_path / "a.gif")[0][0], view.LEFT).any()


@pytest.mark.parametrize("layout", CASES)
def test_every_layout_in_both_forms(tmp_path: Path, layout: Skeleton) -> None:
    clips = synthetic.generate(layout, clips=1)
    for name in ("a.gif", "a.html"):
        view.write(clips, 0, tmp_path / name)
    assert drawn(frames(tmp_path / "a.gif")[0][0], view.RIGHT).any()
    assert Tags((tmp_path / "a.html").read_text()).count("canvas") == 1


def test_page_holds_the_clip_and_says_that_it_is_synthetic(tmp_path: Path) -> None:
    view.write(CLIPS, WAVE, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    packed = embedded(text)["clips"][0]
    x = CLIPS.clip(WAVE)[:, :1].astype(np.float64)
    middle = (x.min((0, 1, 2)) + x.max((0, 1, 2))) / 2
    assert np.abs(decoded(packed) - (x - middle)).max() <= packed["step"] * 0.51
    assert "nobody was recorded" in text and CLIPS.names[WAVE] in text
    assert "nobody was recorded" not in Path(
        _written(tmp_path, replace(CLIPS, attributes={}))
    ).read_text(encoding="utf-8")


def _written(folder: Path, clips: ClipSet) -> Path:
    view.write(clips, WAVE, folder / "b.html")
    return folder / "b.html"


def test_normalisations_are_shown(tmp_path: Path) -> None:
    clips = replace(CLIPS, normalize="centre")
    assert np.abs(view.loaded(clips, WAVE)[0, 0, KINECT20.centre]).max() < 1e-6
    assert np.array_equal(view.loaded(CLIPS, WAVE), CLIPS.clip(WAVE))
    trimmed = CLIPS.joints.copy()
    trimmed[:5] = 0
    short = view.loaded(replace(CLIPS, joints=trimmed, normalize="aimclr"), WAVE)
    assert len(short) == 50
    view.write(replace(CLIPS, normalize="agcn"), 12, tmp_path / "a.gif")  # its up axis is z


def test_confidence_is_not_drawn_as_a_coordinate(tmp_path: Path) -> None:
    joints = np.concatenate([CLIPS.joints[..., :2] * [1, -1], CLIPS.joints[..., :1] != 0], axis=3)
    clips = replace(CLIPS, joints=joints.astype("f4"), attributes={"confidence": "true"})
    assert view.loaded(clips, WAVE).shape[-1] == 2
    view.write(clips, WAVE, tmp_path / "a.html")
    assert embedded((tmp_path / "a.html").read_text())["clips"][0]["shape"][-1] == 2


def test_bridged_joints_are_those_of_the_nearest_one() -> None:
    x = np.random.default_rng(0).normal(size=(2, 1, 20, 3))
    gone = x.copy()
    wrist, hand, elbow = (KINECT20.names.index(f"{n}Left") for n in ("Wrist", "Hand", "Elbow"))
    gone[1, 0, [wrist, hand]] = 0
    filled = bodies.bridged(gone, KINECT20)
    assert np.array_equal(filled[0], x[0])
    assert np.array_equal(filled[1, 0, [wrist, hand]], x[1, 0, [elbow, elbow]])
    assert np.array_equal(
        np.delete(filled[1, 0], [wrist, hand], 0), np.delete(x[1, 0], [wrist, hand], 0)
    )
    assert bodies.bridged(x, KINECT20) is x


def test_pick() -> None:
    assert pick(CLIPS, CLIPS.names[4]) == 4
    assert pick(CLIPS, "7") == 7
    named = one(np.ones((1, 1, 20, 3)))
    assert pick(replace(named, name=np.array(["7"])), "7") == 0
    with pytest.raises(InputError, match="there are 0 to 12"):
        pick(CLIPS, "13")
    with pytest.raises(InputError, match=f"no clip .*{CLIPS.names[4]}"):
        pick(CLIPS, CLIPS.names[4] + "x")
    with pytest.raises(InputError, match="no clip '-1'"):
        pick(CLIPS, "-1")


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "120"})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    names = [HOSTILE.replace("\x00", "").replace("\ud800", ""), *CLIPS.names[1:]]
    named = replace(CLIPS, name=np.array(names))
    named.save(tmp_path / "a.h5")
    return tmp_path / "a.h5"


@pytest.mark.parametrize("suffix", ["html", "GIF"])
def test_command(store: Path, suffix: str) -> None:
    out = store.parent / "new" / f"clip.{suffix}"
    done = call("view", store, "--out", out, "--normalize", "centre")
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "clip 0 of 13" in done.output and out.stat().st_size > 1000
    if suffix == "html":
        assert "<script>alert" not in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "a.mp4"), r"ends in \.html or \.gif"),
        (("--clip", "99"), "there are 0 to 12"),
        (("--up", "x"), "--up 'x': use"),
        (("--normalize", "center"), "did you mean 'centre'"),
    ],
)
def test_command_refuses(store: Path, words: tuple[str, str], message: str) -> None:
    out = store.parent / "out.gif"
    done = call("view", store, "--out", out, *words)
    assert isinstance(done.exception, InputError), done.output
    assert re.search(message, str(done.exception))
    assert not out.exists() and len(list(store.parent.iterdir())) == 1


def test_z_up_needs_three_coordinates(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two coordinates"):
        view.write(one(np.ones((2, 1, 20, 2))), 0, tmp_path / "a.gif", up="z")


def test_a_failed_gif_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.gif").write_bytes(b"old")
    monkeypatch.setattr(view, "_figure", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        view.write(CLIPS, 0, tmp_path / "a.gif")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.gif", b"old")]


def test_real_clips(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    clips = READERS["arrays"](real_data("sbu"))
    view.write(clips, 100, tmp_path / "a.gif")
    pictures, _ = frames(tmp_path / "a.gif")
    assert drawn(pictures[0], view.LEFT).any()


def test_a_root_that_is_the_origin_is_there() -> None:
    x = np.random.default_rng(0).normal(size=(4, 2, 20, 3))
    x[:, :, KINECT20.root] = 0  # centred on it
    x[2:, 1] = 0  # the second person leaves
    x[1, 0, 5] = 0
    seen = bodies.present(x, KINECT20)
    assert seen[:, 0, KINECT20.root].all() and not seen[1, 0, 5]
    assert seen[:2, 1].all() and not seen[2:, 1].any()
    assert (bodies.bridged(x, KINECT20)[:, 0, KINECT20.root] == 0).all()
    x[0, 0, KINECT20.root] = 1  # elsewhere once: then zeros are gaps
    assert not bodies.present(x, KINECT20)[1:, 0, KINECT20.root].any()
