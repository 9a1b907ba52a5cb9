"""One clip to look at: a page with the player, or an animated GIF.

Missing joints (all coordinates zero) are not drawn, and neither is a bone that would need one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..data.motion.axes import UPS, Up, upright
from ..errors import InputError
from ..files import replacing
from ..skeleton import Skeleton
from . import camera, html
from .bodies import bridged, head_of, present, upwards
from .player import player

FORMATS = (".html", ".gif")
SIDE = 360  # pixels of a GIF's picture; a line of text stands beneath
TEXT = 24
MOST_FRAMES = 400  # longer clips are thinned and keep their duration
RATE = 25  # frames a second of a GIF: its clock ticks in hundredths
SMOOTH = 2  # drawn so many times larger and scaled down, for clean edges
WHITE, INK, LINE = (255, 255, 255), (70, 78, 86), (213, 217, 222)
LEFT, RIGHT, TRUNK = (0, 114, 178), (213, 94, 0), (91, 101, 112)
PITCH = 0.14  # radians, as the player's camera


class Drawing(NamedTuple):
    """Where the joints of a clip are in its picture.

    Args:
        points: `(T, M, V, 2)` in [-1, 1], y up.
        depth: `(T, M, V)`, larger is nearer.
        seen: `(T, M, V)`.
        floor: `(L, 2, 2)` lines on the floor.
    """

    points: np.ndarray
    depth: np.ndarray
    seen: np.ndarray
    floor: np.ndarray


def caption(clips: ClipSet, index: int) -> str:
    """Name, class, length and what else is known of a clip, in a line."""
    label = int(clips.label[index])
    numbers = {"subject": clips.subject, "camera": clips.camera, "setup": clips.setup}
    parts = [
        clips.names[index],
        clips.class_names[label] if label >= 0 else "",
        f"{clips.length[index]} frames, {clips.length[index] / clips.fps[index]:.1f} s",
        *(f"{key} {values[index]}" for key, values in numbers.items() if values[index] >= 0),
        clips.normalize if clips.normalize != "none" else "",
    ]
    return " · ".join(part for part in parts if part)


def write(clips: ClipSet, index: int, path: Path, *, up: str = "auto") -> None:
    """Writes the picture of one clip, `.html` or `.gif` by the name of the file.

    Args:
        clips: the set; its `normalize` is applied.
        index: of the clip.
        path: the file to write, whole or not at all.
        up: the axis that points up; auto: by head and feet, else the usual one.

    Raises:
        InputError: another `up`, or a normalisation that does not suit the clips.
    """
    if up not in ("auto", *UPS):
        raise InputError(f"--up {up!r}: use auto, {', '.join(UPS)}")
    joints = loaded(clips, index)
    flat = clips.coordinates == 2
    axis = next((axis for axis in UPS if axis == up), None) or upwards(joints, clips, index)
    if flat and "z" in axis:
        raise InputError(f"--up {axis}: these clips have two coordinates; use y or -y")
    if path.suffix.lower() == ".gif":
        with replacing(path) as beside:
            rate, line = float(clips.fps[index]), caption(clips, index)
            save_gif(beside, joints, clips.skeleton, rate, line, axis)
        return
    drawn = player(
        [bridged(joints, clips.skeleton)],
        clips.skeleton,
        [caption(clips, index)],
        float(clips.fps[index]),
        columns=1,
        max_frames=MOST_FRAMES,
        up=axis,
    )
    text = "Drag to turn. " * (not flat) + f"Source: {clips.attributes.get('title', clips.path)}"
    notice = "Synthetic: a computed figure, nobody was recorded."
    html.write(
        path,
        html.page(
            clips.names[index],
            [html.Section("Clip", html.grid(drawn), text)],
            notice=notice if clips.attributes.get("synthetic") == "true" else "",
        ),
    )


def loaded(clips: ClipSet, index: int) -> np.ndarray:
    """The coordinates of one clip as a batch has them, `(T, M, V, D)`."""
    x, lengths = ClipBatches(clips, resident=False)(np.array([index]))
    joints: np.ndarray = x[0, : clips.coordinates, : int(lengths[0])].permute(1, 3, 2, 0).numpy()
    return joints


def save_gif(
    path: Path, joints: np.ndarray, skeleton: Skeleton, fps: float, text: str, up: Up
) -> None:
    """Draws a clip as an endless GIF at its own speed.

    Args:
        path: the file, overwritten.
        joints: `(T, M, V, D)` coordinates, missing joints zero.
        skeleton: the layout.
        fps: frames a second of the clip.
        text: stands beneath.
        up: the axis of `joints` that points up.
    """
    drawing = project(joints, skeleton, up)
    seconds = len(joints) / fps
    count = max(1, min(len(joints), MOST_FRAMES, math.ceil(seconds * RATE)))
    shown = np.linspace(0, len(joints) - 1, count).round().astype(int)
    # Hundredths of a second, rounded so that no error adds up; the last picture stays a while.
    ticks = np.diff(np.round(np.linspace(0, 100 * seconds, count + 1))).clip(2)
    ticks[-1] += 50
    pictures = _pictures(drawing, shown, skeleton, text)
    first = next(pictures)
    first.save(
        path,
        format="GIF",
        save_all=True,
        append_images=pictures,
        duration=(10 * ticks).astype(int).tolist(),
        loop=0,
        disposal=1,
    )


def project(joints: np.ndarray, skeleton: Skeleton, up: Up) -> Drawing:
    """The picture's coordinates: three dimensions from the front left, two as they are."""
    seen = present(joints, skeleton)
    x = upright(joints.astype(np.float64), up)
    seen[:, :, list(camera.bodiless(x, seen, skeleton))] = False
    centre, radius, half = camera.box(x[seen] if seen.any() else np.zeros((1, x.shape[3])))
    x = x - centre
    spatial = x.shape[3] == 3
    if spatial:
        line = np.linspace(-1, 1, 5)
        ends = [((a, -1.0), (a, 1.0)) for a in line] + [((-1.0, a), (1.0, a)) for a in line]
        floor = np.array([[(a, 0, c) for a, c in pair] for pair in ends]) * radius
        floor[..., 1] = -half
        turn = _turn(camera.yaw(x, seen, skeleton))
        x, floor = x @ turn, floor @ turn
    else:
        floor = np.array([[(-radius, -half), (radius, -half)]])
    reach = np.abs(np.concatenate([(x[seen])[:, :2], floor.reshape(-1, x.shape[3])[:, :2]]))
    scale = 0.9 / (reach.max() or 1.0)
    depth = x[..., 2] if spatial else np.zeros(seen.shape)
    return Drawing(x[..., :2] * scale, depth, seen, floor[..., :2] * scale)


def _turn(yaw: float) -> np.ndarray:
    """The rotation `(3, 3)`, for rows, to a camera that looks a little from above."""
    cos, sin, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(PITCH), math.sin(PITCH)
    about_y = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    return about_y @ np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])


def _pictures(
    drawing: Drawing, shown: np.ndarray, skeleton: Skeleton, text: str
) -> Iterator[Image.Image]:
    side = [TRUNK] * skeleton.joints
    for left, right in skeleton.pairs:
        side[left], side[right] = LEFT, RIGHT
    palette = _palette()
    under = Image.new("RGB", (SIDE, SIDE + TEXT), WHITE)
    # The font that comes with Pillow has no other letters.
    line = text.encode("latin-1", "replace").decode("latin-1")
    ImageDraw.Draw(under).text((8, SIDE + 4), line, fill=INK, font=ImageFont.load_default(11))
    ground = Image.new("RGB", (SIDE * SMOOTH, SIDE * SMOOTH), WHITE)
    for ends in drawing.floor:
        ImageDraw.Draw(ground).line(_pixels(ends), fill=LINE, width=SMOOTH)
    for frame in shown.tolist():
        large, picture = ground.copy(), under.copy()
        pen = ImageDraw.Draw(large)
        for person in range(drawing.points.shape[1]):
            _figure(pen, drawing, frame, person, skeleton, side)
        picture.paste(large.reduce(SMOOTH))
        done = SIDE * (frame + 1) // len(drawing.points)
        ImageDraw.Draw(picture).rectangle((0, SIDE, done, SIDE + 1), fill=TRUNK)
        yield picture.quantize(palette=palette, dither=Image.Dither.NONE)


def _figure(
    pen: ImageDraw.ImageDraw,
    drawing: Drawing,
    frame: int,
    person: int,
    skeleton: Skeleton,
    side: list[tuple[int, int, int]],
) -> None:
    """One person, far bones first; a second one paler."""
    seen, depth = drawing.seen[frame, person], drawing.depth[frame, person]
    at = _pixels(drawing.points[frame, person])

    def tone(joint: int) -> tuple[int, int, int]:
        r, g, b = side[joint]
        return (r, g, b) if person == 0 else ((r + 170) // 2, (g + 170) // 2, (b + 170) // 2)

    for a, b in sorted(skeleton.edges, key=lambda edge: depth[edge[0]] + depth[edge[1]]):
        if seen[a] and seen[b]:
            pen.line([at[a], at[b]], fill=tone(a), width=4 * SMOOTH)
    head = head_of(skeleton)
    for joint in np.flatnonzero(seen).tolist():
        size = (7 if joint == head else 3) * SMOOTH
        px, py = at[joint]
        pen.ellipse((px - size, py - size, px + size, py + size), fill=tone(joint))


def _pixels(points: np.ndarray) -> list[tuple[float, float]]:
    """[-1, 1] with y up as pixels of the large picture."""
    half = SIDE * SMOOTH / 2
    return [(half + half * x, half - half * y) for x, y in points.tolist()]


def _palette() -> Image.Image:
    """Every colour that a picture mixes: the drawn ones in 16 steps to white."""
    paler = [tuple((c + 170) // 2 for c in tone) for tone in (LEFT, RIGHT, TRUNK)]
    colours = [LEFT, RIGHT, TRUNK, *paler, LINE, INK]
    mixed = [
        round(c + (255 - c) * step / 15) for tone in colours for step in range(16) for c in tone
    ]
    image = Image.new("P", (1, 1))
    image.putpalette(mixed)
    return image
