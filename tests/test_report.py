"""Pages: parts, escaping, nothing from outside, the player's numbers, a browser that draws them."""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_plots import HOSTILE, Tags

from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20, LAYOUTS
from skelf.metrics.interval import wilson
from skelf.pages import camera, plots
from skelf.pages import clip as view
from skelf.pages import html as report
from skelf.pages.html import Section, Spread
from skelf.pages.player import ABSENT, player
from skelf.skeleton import Skeleton

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)


def moving(
    layout: Skeleton = KINECT20, frames: int = 20, persons: int = 1, channels: int = 3
) -> np.ndarray:
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(1, persons, layout.joints, channels))
    return pose + 0.3 * rng.normal(size=(frames, persons, layout.joints, channels)).cumsum(0)


def whole_page() -> str:
    return report.page(
        HOSTILE,
        [
            Section(
                HOSTILE,
                report.table([{"a": HOSTILE, "b": 0.5}], {"a": HOSTILE, "b": "b"}, caption=HOSTILE),
            ),
            Section("facts", report.facts({HOSTILE: HOSTILE}), HOSTILE),
            Section(
                "curve",
                report.grid(plots.curves({"a": ([1, 2], [1.0, 2.0])}, "t", plots.YAxis("y"))),
            ),
            Section("code", report.code(HOSTILE)),
            Section("player", player([moving(), moving(persons=2)], KINECT20, [HOSTILE, "b"], 30)),
        ],
        lead=HOSTILE,
        notice=HOSTILE,
        footer=HOSTILE,
    )


def embedded(text: str) -> dict:
    return json.loads(
        re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)[1]
    )


def decoded(clip: dict) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(clip["joints"]), "<i2").reshape(clip["shape"])
    return np.where(steps == ABSENT, np.nan, steps * clip["step"])


def test_page_is_well_formed_and_fits_a_phone() -> None:
    tags = Tags(whole_page())
    names = [tag for tag, _ in tags.seen]
    assert names[:3] == ["html", "head", "meta"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [
        a for _, a in tags.seen
    ]


def test_page_escapes_hostile_text() -> None:
    text = whole_page()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    # The player's data and the player: no other script.
    assert Tags(text).count("script") == 2


def test_page_loads_nothing_from_outside() -> None:
    text = whole_page()
    for _, attributes in Tags(text).seen:
        for name in ("src", "href", "xlink:href", "srcset", "action", "poster"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("#", "data:")), value
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_page_is_the_same_twice() -> None:
    assert whole_page() == whole_page()


def test_page_without_a_player_has_no_script() -> None:
    assert "<script" not in report.page("t", [Section("a", report.code("b"))])


def test_write_replaces_whole_files_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "index.html"
    report.write(path, "one")
    assert report.write(path, "two ü").read_text(encoding="utf-8") == "two ü"
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]


def test_write_keeps_the_old_page_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = report.write(tmp_path / "index.html", "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"index\.html.*No space left"):
        report.write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["index.html"]


def test_write_under_a_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write the page"):
        report.write(tmp_path / "file" / "index.html", "text")


def test_table_formats_numbers() -> None:
    rows = [
        {"name": "a", "x": 0.8765, "y": np.float32(0.5), "n": 12, "note": None},
        {"name": "b", "x": float("nan"), "y": 0.25, "n": 3},
    ]
    text = report.table(
        rows, {k: k for k in ("name", "x", "y", "n", "note")}, bars=("x", "y"), best=("x", "y")
    )
    cells = re.findall(r"<td([^>]*)>([^<]*)</td>", text)
    first, second = ["a", "87.6 %", "50.0 %", "12", "–"], ["b", "–", "25.0 %", "3", "–"]
    assert [cell for _, cell in cells] == first + second
    # What stands alone is the best of nothing.
    assert [k for k, (attributes, _) in enumerate(cells) if "best" in attributes] == [1]
    assert "--v:0.5000" in cells[2][0]


def bold(values: list[object], **options: Any) -> list[str]:
    """What is bold of a row, or of a column with `down`."""
    keys = [str(k) for k in range(len(values))]
    rows, best = [dict(zip(keys, values, strict=True))], {"best": keys}
    if options.get("down"):
        rows, keys, best = [{"0": value} for value in values], ["0"], {"best_down": ["0"]}
    text = report.table(rows, {k: k for k in keys}, **best)
    return re.findall(r'<td class="[^"]*best[^"]*">([^<]*)', text)


@pytest.mark.parametrize("down", [False, True])
def test_bold_is_what_is_really_best(down: bool) -> None:
    def of(share: float, clips: int, **more: Any) -> Spread:
        return Spread(share, interval=wilson(share, clips), clips=clips, **more)

    assert bold([0.5, 0.5], down=down) == []
    assert bold([0.5, 0.5001], down=down) == []  # equal as printed
    assert bold([0.5, 0.502], down=down) == ["50.2 %"]
    assert bold([of(0.60, 20), of(0.55, 20)], down=down) == []  # 20 clips cannot tell
    assert bold([of(0.60, 2000), of(0.55, 2000)], down=down) == ["60.0 %"]
    assert bold([Spread(0.6, 0.1), Spread(0.55, 0.1)], down=down) == []  # seeds differ by more
    chance = Spread(0.5, floor=True)
    assert bold([of(0.6, 20), of(0.2, 20), chance], down=down) == []  # chance may do that
    assert bold([of(0.9, 20), of(0.2, 20), chance], down=down) == ["90.0 %"]
    assert bold([0.3, 0.2, chance], down=down) == []  # all below chance, which is not bold


def test_a_share_tells_its_interval_and_its_clips() -> None:
    share = Spread(2 / 3, interval=wilson(2 / 3, 3), clips=3, below="untrained 0.0 %")
    text = report.table([{"a": share}], {"a": "A"})
    assert "66.7 %<small>20.8–93.9 %, 3 clips</small><small>untrained 0.0 %</small>" in text
    assert "1 clip<" in report.table([{"a": Spread(1.0, clips=1)}], {"a": "A"})


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("persons", [1, 2])
def test_player_numbers_round_trip(layout: Skeleton, persons: int) -> None:
    clip = moving(layout, persons=persons)
    data = embedded(player([clip], layout, ["a"], 25))
    packed = data["clips"][0]
    back = decoded(packed)
    centre = (clip.min((0, 1, 2)) + clip.max((0, 1, 2))) / 2
    assert np.abs(back - (clip - centre)).max() <= packed["step"] * 0.51
    assert packed["fps"] == 25
    assert sorted(map(tuple, data["layout"]["edges"])) == sorted(layout.edges)
    assert [data["layout"]["side"][left] for left, _ in layout.pairs] == [-1] * len(layout.pairs)


def test_player_marks_absent_persons_and_leaves_out_who_never_comes() -> None:
    clip = moving(persons=3)
    clip[:, 2] = 0
    clip[5:8, 1] = 0
    back = decoded(embedded(player([clip], KINECT20, ["a"], 30))["clips"][0])
    assert back.shape == (20, 2, 20, 3)
    assert np.isnan(back[5:8, 1]).all()
    assert np.isfinite(np.delete(back[:, 1], [5, 6, 7], axis=0)).all()
    assert np.isfinite(back[:, 0]).all()


def test_player_thins_long_clips_and_keeps_their_duration() -> None:
    clip = moving(frames=300)
    packed = embedded(player([clip], KINECT20, ["a"], 30, max_frames=50))["clips"][0]
    assert packed["shape"][0] == 50
    assert packed["shape"][0] / packed["fps"] == pytest.approx(10, rel=1e-3)


def test_player_turns_figures_to_face_the_viewer() -> None:
    front = np.zeros((1, 1, 20, 3))
    for left, right in KINECT20.pairs:
        front[0, 0, left, 0], front[0, 0, right, 0] = 0.2, -0.2
    front[0, 0, 3, 1] = 1.0
    for angle in (0.0, 1.0, 2.5):  # the same person, turned about y: the view makes up for it
        c, s = np.cos(angle), np.sin(angle)
        turned = front @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]).T
        yaw = embedded(player([turned], KINECT20, ["a"], 30))["clips"][0]["yaw"]
        left = (turned[0, 0, 4] - turned[0, 0, 8]) @ [np.cos(yaw), 0, np.sin(yaw)]
        assert left == pytest.approx(0.4 * np.cos(0.6), abs=1e-3)


def test_player_takes_image_coordinates_and_other_up_axes() -> None:
    flat = np.zeros((2, 1, 17, 2))
    flat[:, 0, 0] = [3.0, 10.0]  # the nose, above: small y
    flat[:, 0, 15] = [3.0, 90.0]
    back = decoded(embedded(player([flat], COCO17, ["a"], 30))["clips"][0])
    assert back[0, 0, 0, 1] > back[0, 0, 15, 1]
    tall = np.zeros((2, 1, 20, 3))
    tall[:, 0, 3, 2] = 1.7
    for up, sign in (("z", 1), ("-z", -1), ("-y", 0), ("y", 0)):
        back = decoded(embedded(player([tall], KINECT20, ["a"], 30, up=up))["clips"][0])
        assert np.sign(round(back[0, 0, 3, 1] - back[0, 0, 0, 1], 3)) == sign


def scene(roots: int = 1, walk: float = 3.0, frames: int = 30) -> tuple[np.ndarray, Skeleton]:
    """A walking figure beneath joints that stay where the scene begins, as in many BVH files."""
    names = [*(f"world{k}" for k in range(roots)), *KINECT20.names]
    parents = [
        *range(-1, roots - 1),
        *(roots - 1 if p < 0 else p + roots for p in KINECT20.parents),
    ]
    layout = Skeleton(
        names=names, parents=parents, pairs=[(a + roots, b + roots) for a, b in KINECT20.pairs],
        parts={"all": range(len(names))}, centre=KINECT20.centre + roots,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    body = rng.uniform([-0.3, 0.1, -0.2], [0.3, 1.8, 0.2], (20, 3))
    clip = np.zeros((frames, 1, len(names), 3))
    clip[:, 0, roots:] = (
        body + [5.0, 0, 0] + np.linspace(0, walk, frames)[:, None, None] * [1, 0, 0]
    )
    return clip, layout


@pytest.mark.parametrize("roots", [1, 2])
@pytest.mark.parametrize("walk", [0.0, 3.0])
def test_joints_of_the_scene_are_no_part_of_the_figure(roots: int, walk: float) -> None:
    clip, layout = scene(roots, walk)
    seen = np.ones(clip.shape[:3], bool)
    assert camera.bodiless(clip, seen, layout) == dict.fromkeys(range(roots), roots)
    packed = embedded(player([clip], layout, ["a"], 30))["clips"][0]
    alone = embedded(player([clip[:, :, roots:]], KINECT20, ["a"], 30))["clips"][0]
    assert packed["radius"] == alone["radius"] and packed["half"] == alone["half"]
    back = decoded(packed)
    assert np.array_equal(back[:, :, 0], back[:, :, roots])
    drawing = view.project(clip, layout, "y")
    assert not drawing.seen[..., :roots].any() and drawing.seen[..., roots:].all()


def test_joints_of_the_body_stay() -> None:
    for layout in LAYOUTS.values():  # also of a person who stands still
        clip = np.repeat(moving(layout, frames=1), 5, axis=0)
        assert camera.bodiless(clip, np.ones(clip.shape[:3], bool), layout) == {}
    clip, layout = scene(walk=0.0)
    hips = clip[:, :, 1].copy()
    near = clip.copy()
    near[:, :, 0] = hips + np.array([0, 0.1, 0])  # a root beside the hips, as a body has
    assert camera.bodiless(near, np.ones(near.shape[:3], bool), layout) == {}
    going, layout = scene(walk=3.0)
    going[:, :, 0] = going[:, :, 1] + [0, 0.1, 0]
    assert camera.bodiless(going, np.ones(going.shape[:3], bool), layout) == {}
    assert camera.bodiless(going, np.zeros(going.shape[:3], bool), layout) == {}  # nobody


def test_the_still_is_the_player_s_first_picture() -> None:
    """Against the equations of the script, joint by joint."""
    clip = moving(frames=30)
    text = player([clip], KINECT20, ["a"], 30)
    packed = embedded(text)["clips"][0]
    joints = decoded(packed)[int(0.4 * 30), 0]
    angle = packed["yaw"] + 0.3 * np.sin(2 * np.pi * 0.4 * 30 / packed["fps"] / 11)
    size = 0.84 * min(
        230 / (2 * packed["radius"]), 230 / (2 * (packed["half"] + 0.18 * packed["radius"]))
    )
    far, points = 5 * max(packed["radius"], packed["half"]), []
    for x, y, z in joints:
        across, depth = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
        up, near = (
            y * np.cos(0.14) - depth * np.sin(0.14),
            y * np.sin(0.14) + depth * np.cos(0.14),
        )
        lens = far / (far - near)
        points.append((115 + across * size * lens, 115 - up * size * lens))
    drawn = re.search(r'<svg class="still".*?</svg>', text)[0]
    ends = re.findall(r"M(-?\d+) (-?\d+)L(-?\d+) (-?\d+)", drawn)
    expected = {tuple(f"{v:.0f}" for j in edge for v in points[j]) for edge in KINECT20.edges}
    assert len(ends) == len(KINECT20.edges) and set(ends) == expected
    nobody = player([np.zeros((1, 1, 20, 3))], KINECT20, ["a"], 30)
    assert '<svg class="still" viewBox="0 0 230 230" aria-hidden="true"></svg>' in nobody


def test_player_of_empty_and_still_clips() -> None:
    still = np.zeros((1, 1, 20, 3))
    packed = embedded(player([still], KINECT20, ["nobody"], 30))["clips"][0]
    assert packed["shape"] == [1, 0, 20, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": [np.zeros((4, 1, 17, 3))]}, "needs clips"),
        ({"clips": [np.zeros((0, 1, 20, 3))]}, "needs clips"),
        ({"clips": [np.full((4, 1, 20, 3), np.nan)]}, "finite"),
        ({"fps": 0}, "finite"),
        ({"captions": []}, "captions"),
        ({"marks": ["best"]}, "unknown mark"),
        ({"up": "x"}, "up 'x'"),
    ],
)
def test_player_refuses(change: dict, message: str) -> None:
    given = {"clips": [moving()], "skeleton": KINECT20, "captions": ["a"], "fps": 30} | change
    with pytest.raises(InputError, match=message):
        player(**given)


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed")
def test_browser_draws_every_canvas_without_a_complaint(tmp_path: Path) -> None:
    clips = [moving(), moving(persons=2), np.zeros((1, 1, 20, 3))]
    flat = moving(COCO17, channels=2)
    body = player(clips, KINECT20, [HOSTILE, "b", "c"], 30, marks=["query", "hit", "miss"])
    sections = [Section("a", body), Section("b", player([flat], COCO17, ["flat"], 30))]
    path = report.write(tmp_path / "index.html", report.page("t", sections, notice=HOSTILE))
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            "--virtual-time-budget=2000", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CONSOLE" not in done.stderr, done.stderr[-2000:]
    assert re.findall(r'data-drawn="(\d)"', done.stdout) == ["1", "2", "0", "1"]
