"""One frame of a figure as SVG: what stands in the player's place until its script draws."""

from __future__ import annotations

import math

import numpy as np

SIDE = 230  # units of the picture's width and height, as the player's pen has them
AT = 0.4  # of the clip, where the player's first picture is
_PITCH, _SWAY, _SWAY_SECONDS, _FILL = 0.14, 0.3, 11.0, 0.84  # as in assets/player.js


def still(
    joints: np.ndarray,
    *,
    radius: float,
    half: float,
    yaw: float,
    fps: float,
    edges: tuple[tuple[int, int], ...],
    side: list[int],
    head: int,
) -> str:
    """The picture that the player begins with.

    Args:
        joints: `(T, M, V, D)`, centred, y up; NaN where a person is absent.
        radius: of the room that the figure takes, see `camera.Box`.
        half: half of the room's height.
        yaw: the camera's turn in radians.
        fps: frames per second of `joints`.
        edges: the layout's bones.
        side: of each joint -1 for left, 1 for right, 0 for neither.
        head: the head's joint, -1 where there is none.
    """
    frames = len(joints)
    at = min(int(AT * frames), frames - 1)
    flat = joints.shape[3] < 3
    sway = _SWAY * math.sin(2 * math.pi * AT * frames / fps / _SWAY_SECONDS)
    angle, pitch = (0.0, 0.0) if flat else (yaw + sway, _PITCH)
    room = 2 * radius, 2 * (half + (0 if flat else 0.18 * radius))
    points = _projected(joints[at], angle, pitch, 5 * max(radius, half), _FILL * SIDE / max(room))
    drawn = "".join(
        _person(person, "" if number == 0 else ' opacity="0.6"', edges, side, head)
        for number, person in enumerate(points)
        if np.isfinite(person).all()
    )
    return f'<svg class="still" viewBox="0 0 {SIDE} {SIDE}" aria-hidden="true">{drawn}</svg>'


def _projected(
    joints: np.ndarray, angle: float, pitch: float, far: float, scale: float
) -> np.ndarray:
    """`(M, V, 3)`: across, down and near of joints `(M, V, D)`, as `projector` of the player."""
    x, y = joints[..., 0], joints[..., 1]
    z = joints[..., 2] if joints.shape[-1] == 3 else np.zeros_like(x)
    across = x * math.cos(angle) + z * math.sin(angle)
    depth = -x * math.sin(angle) + z * math.cos(angle)
    up = y * math.cos(pitch) - depth * math.sin(pitch)
    near = y * math.sin(pitch) + depth * math.cos(pitch)
    lens = far / (far - near) if joints.shape[-1] == 3 else np.ones_like(x)
    middle = SIDE / 2
    return np.stack([middle + across * scale * lens, middle - up * scale * lens, near], axis=-1)


def _person(
    points: np.ndarray,
    style: str,
    edges: tuple[tuple[int, int], ...],
    side: list[int],
    head: int,
) -> str:
    """Bones of one colour are one path, so that the picture stays small."""
    paths = []
    for number, colour in ((0, "soft"), (-1, "c0"), (1, "c1")):
        lines = "".join(
            f"M{points[a, 0]:.0f} {points[a, 1]:.0f}L{points[b, 0]:.0f} {points[b, 1]:.0f}"
            for a, b in edges
            if side[a] == number
        )
        if lines:
            paths.append(f'<path d="{lines}" style="stroke:var(--{colour})"/>')
    if head >= 0:
        across, down = points[head, :2]
        paths.append(f'<circle cx="{across:.0f}" cy="{down:.0f}" r="6"/>')
    return f"<g{style}>{''.join(paths)}</g>"
