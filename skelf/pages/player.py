"""Skeletons that move on a page: `assets/player.js` draws them, `html.page` brings it along."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np

from ..data.motion.axes import UPS, Up, upright
from ..errors import InputError
from ..skeleton import Skeleton
from . import camera
from .bodies import head_of
from .still import still
from .svg import escape

ABSENT = -32768  # int16 that stands for an absent person
MARKS = {"": "", "query": "query", "hit": "✓ same action", "miss": "✗ other action"}


class Packed(TypedDict):
    """A clip as `assets/player.js` reads it: centred, y up."""

    shape: list[int]
    joints: str  # int16 as base64, in steps of `step`
    step: float
    fps: float
    radius: float
    half: float
    yaw: float


def player(
    clips: Sequence[np.ndarray],
    skeleton: Skeleton,
    captions: Sequence[str],
    fps: float | Sequence[float],
    *,
    marks: Sequence[str] = (),
    columns: int = 4,
    max_frames: int = 64,
    up: Up | Literal[""] = "",
) -> str:
    """Skeletons that move in step: play and pause, drag to turn, left and right in two colours.

    A figure is seen from its own front left whatever way it faced the sensor (from the layout's
    left and right joints); two persons are seen from the side. A person whose joints are all zero
    in a frame is absent there.

    Args:
        clips: each `(T, M, V, C)`, `C` 2 or 3 (more are left out), any unit.
        skeleton: the layout of the `V` axis.
        captions: one for each clip.
        fps: frames per second, one number or one for each clip.
        marks: for each clip `query`, `hit`, `miss` or nothing; shown in words above the caption.
        columns: clips in a row; two on a phone.
        max_frames: longer clips are thinned to so many frames and play at their own speed; the
            player interpolates.
        up: the axis that points up. Default: `y`, and `-y` (image coordinates) where `C` is 2.

    Raises:
        InputError: a clip of another shape or with joints that are not finite, a wrong number of
            captions, rates or marks.
    """
    rates = [float(r) for r in fps] if isinstance(fps, Sequence) else [float(fps)] * len(clips)
    marks = list(marks) or [""] * len(clips)
    if not len(clips) == len(captions) == len(rates) == len(marks):
        raise InputError(
            f"player: {len(clips)} clips need as many captions, rates and marks, "
            f"got {len(captions)}, {len(rates)}, {len(marks)}"
        )
    if bad := [mark for mark in marks if mark not in MARKS]:
        raise InputError(
            f"player: unknown mark {bad[0]!r}; known: {', '.join(m for m in MARKS if m)}"
        )
    packed = [_pack(c, skeleton, r, max_frames, up) for c, r in zip(clips, rates, strict=True)]
    side = [0] * skeleton.joints
    for left, right in skeleton.pairs:
        side[left], side[right] = -1, 1
    head = head_of(skeleton)
    data = {"layout": {"edges": skeleton.edges, "side": side, "head": head}, "clips": packed}
    figures = "".join(
        f'<figure class="clip {mark}"><div class="picture">'
        f'<canvas role="img" aria-label="{escape(caption)}"></canvas>'
        f"{_still(clip, skeleton, side, head)}</div>"
        f"<figcaption>{_mark(mark)}{escape(caption)}</figcaption></figure>"
        for clip, caption, mark in zip(packed, captions, marks, strict=True)
    )
    return (
        f'<div class="player"><script type="application/json">{_json(data)}</script>'
        '<div class="player-bar"><button type="button" class="moving">Play</button>'
        '<span><i class="dot" style="background:var(--c0)"></i>left</span>'
        '<span><i class="dot" style="background:var(--c1)"></i>right</span>'
        '<span class="moving">drag a figure to turn it</span></div>'
        f'<div class="clips" style="--columns:{columns}">{figures}</div></div>'
    )


def _still(clip: Packed, skeleton: Skeleton, side: list[int], head: int) -> str:
    """What stands there until the script draws."""
    steps = np.frombuffer(base64.b64decode(clip["joints"]), "<i2").reshape(clip["shape"])
    joints = np.where(steps == ABSENT, np.nan, steps * clip["step"])
    return still(
        joints, radius=clip["radius"], half=clip["half"], yaw=clip["yaw"], fps=clip["fps"],
        edges=skeleton.edges, side=side, head=head,
    )  # fmt: skip


def _mark(mark: str) -> str:
    return f'<span class="mark">{MARKS[mark]}</span>' if mark else ""


def _pack(
    clip: np.ndarray, skeleton: Skeleton, fps: float, limit: int, up: Up | Literal[""]
) -> Packed:
    """A clip as the player reads it: centred, y up, int16 in steps of its extent / 32767."""
    x = np.asarray(clip, dtype=np.float64)
    if x.ndim != 4 or not len(x) or x.shape[2] != skeleton.joints or x.shape[3] < 2:
        raise InputError(
            f"player needs clips (T, M, {skeleton.joints}, 2 or 3) for layout {skeleton.name}, "
            f"got {x.shape}"
        )
    if not np.all(np.isfinite(x)) or not (math.isfinite(fps) and fps > 0):
        raise InputError(
            "player: joints and frames per second must be finite, and the rate above 0"
        )
    frames = np.unique(np.linspace(0, len(x) - 1, min(limit, len(x))).round().astype(int))
    seconds = len(x) / fps
    x = _upright(x[frames, :, :, :3], up)
    present = np.any(x != 0, axis=(2, 3))  # (T, M)
    persons = np.flatnonzero(present.any(axis=0))
    x, present = x[:, persons], present[:, persons]
    x = x.copy()
    everywhere = np.broadcast_to(present[..., None], x.shape[:3])
    for joint, instead in camera.bodiless(x, everywhere, skeleton).items():
        x[:, :, joint] = x[:, :, instead]
    points = x[present].reshape(-1, x.shape[-1])
    if not len(points):  # nobody there: an empty floor
        points = np.zeros((1, x.shape[-1]))
    centre, radius, half = camera.box(points)
    largest = max(radius, half) or 1.0
    steps = np.round((x - centre) / largest * 32767)
    joints = np.where(present[..., None, None], steps, ABSENT).astype("<i2")
    return {
        "shape": list(joints.shape),
        "joints": base64.b64encode(joints.tobytes()).decode("ascii"),
        "step": float(f"{largest / 32767:.9g}"),
        "fps": round(len(frames) / seconds, 4),
        "radius": float(f"{max(radius, 0.35 * largest):.5g}"),
        "half": float(f"{max(half, 0.1 * largest):.5g}"),
        "yaw": round(_yaw(x, present, skeleton), 3),
    }


def _upright(x: np.ndarray, up: Up | Literal[""]) -> np.ndarray:
    """`x` with y up; "" takes the usual axis."""
    axis = up or ("y" if x.shape[-1] == 3 else "-y")
    if axis not in UPS or ("z" in axis and x.shape[-1] < 3):
        raise InputError(f"player: up {up!r} is not one of {', '.join(UPS)} (z needs three axes)")
    return upright(x, axis)


def _yaw(x: np.ndarray, present: np.ndarray, skeleton: Skeleton) -> float:
    """The camera's turn; a person who is there is taken to have all joints."""
    if x.shape[-1] < 3:
        return 0.0
    return camera.yaw(x, np.broadcast_to(present[..., None], x.shape[:3]), skeleton)


def _json(data: object) -> str:
    """JSON that no `</script>` or comment inside a string can end early."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
