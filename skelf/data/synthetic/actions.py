"""The actions of the synthetic set: how the angles of a figure run through time.

Each action is a function of a `Beat` that returns the channels of `Figure.pose`, one table for each
person. All start and end standing, so that actions can be joined into recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Pose = Mapping[str, np.ndarray]


class Beat(NamedTuple):
    """Time inside one action; every field is `(F,)`.

    Args:
        u: 0 at its start, 1 at its end.
        hold: rises from 0 to 1, stays, falls to 0.
        late: the same, a little later: how a second person reacts.
        swing: -1 to 1, a few cycles an action.
        side: cosine of the same cycles.
        size: how large this one is done, about 1.
        turn: -1 or 1, the way round.
    """

    u: np.ndarray
    hold: np.ndarray
    late: np.ndarray
    swing: np.ndarray
    side: np.ndarray
    size: np.ndarray
    turn: np.ndarray

    def angle(self, degrees: float) -> np.ndarray:
        """An angle that is held, in radians."""
        return np.deg2rad(degrees) * self.size * self.hold

    def rocking(self, degrees: float) -> np.ndarray:
        """An angle that swings to both sides."""
        return self.angle(degrees) * self.swing

    def pulse(self, degrees: float) -> np.ndarray:
        """An angle that comes and goes once a cycle."""
        return self.angle(degrees) * np.maximum(self.swing, 0) ** 1.5


def _wave(b: Beat, s: str) -> list[Pose]:
    return [
        {
            f"abd_{s}": b.angle(85),
            f"twist_{s}": b.angle(85),
            f"elbow_{s}": b.angle(75) + b.rocking(35),
        }
    ]


def _raise_both_arms(b: Beat) -> list[Pose]:
    return [{key: b.angle(150) for key in ("abd_l", "abd_r")}]


def _clap(b: Beat) -> list[Pose]:
    arm = {"flex": b.angle(50), "elbow": b.angle(45), "abd": b.rocking(22) - b.angle(8)}
    return [{f"{key}_{s}": value for key, value in arm.items() for s in "lr"}]


def _kick(b: Beat, s: str) -> list[Pose]:
    back = "l" if s == "r" else "r"
    cocked = b.angle(70) * np.maximum(b.side, 0) * np.maximum(b.swing, 0)
    kick = {f"hip_{s}": b.pulse(75), f"knee_{s}": cocked + b.angle(5)}
    return [{**kick, f"flex_{back}": b.pulse(30), "pitch": b.pulse(-10)}]


def _squat(b: Beat) -> list[Pose]:
    down = b.pulse(85)
    legs = {f"hip_{s}": 1.3 * down for s in "lr"} | {f"knee_{s}": 2 * down for s in "lr"}
    arms = {f"flex_{s}": 0.9 * down for s in "lr"}
    return [{**legs, **arms, "pitch": 0.35 * down}]


def _bow(b: Beat) -> list[Pose]:
    return [{"pitch": b.angle(55), "hip_l": b.angle(55), "hip_r": b.angle(55)}]


def _walk(b: Beat) -> list[Pose]:
    around = 2 * np.pi * b.turn * smooth(b.u)  # a round that ends where it began
    step, radius = b.rocking(28), 0.45
    return [
        {
            "hip_l": step,
            "hip_r": -step,
            "knee_l": b.angle(22) * (1 + b.side),
            "knee_r": b.angle(22) * (1 - b.side),
            "flex_l": -0.8 * step,
            "flex_r": 0.8 * step,
            "yaw": around,
            "x": radius * b.turn * (np.cos(around) - 1),
            "z": -radius * b.turn * np.sin(around),
        }
    ]


def _jump(b: Beat) -> list[Pose]:
    crouch = b.angle(35) * np.maximum(-b.swing, 0)
    legs = {f"hip_{s}": crouch for s in "lr"} | {f"knee_{s}": 2 * crouch for s in "lr"}
    arms = {f"flex_{s}": b.pulse(60) - crouch for s in "lr"}
    return [{**legs, **arms, "y": 0.3 * b.size * b.hold * np.maximum(b.swing, 0)}]


def _punch(b: Beat) -> list[Pose]:
    guard = {f"elbow_{s}": b.angle(105) for s in "lr"} | {f"flex_{s}": b.angle(35) for s in "lr"}
    guard["elbow_r"] = b.angle(105) - b.pulse(100)
    guard["flex_r"] = b.angle(35) + b.pulse(50)
    return [{**guard, "yaw": b.pulse(20)}]


def _turn(b: Beat) -> list[Pose]:
    legs = {"hip_l": b.rocking(12), "hip_r": -b.rocking(12)}
    return [{**legs, "yaw": 2 * np.pi * b.turn * smooth(b.u)}]


def _handshake(b: Beat) -> list[Pose]:
    arm = {"flex_r": b.angle(38) + b.rocking(7), "elbow_r": b.angle(45) + b.rocking(9)}
    arm["z"] = -0.18 * b.hold
    return [arm, arm]


def _push(b: Beat) -> list[Pose]:
    arms = {f"flex_{s}": b.angle(78) for s in "lr"} | {f"elbow_{s}": b.angle(12) for s in "lr"}
    pushed = {"pitch": -np.deg2rad(18) * b.late, "z": 0.35 * b.size * b.late}
    return [{**arms, "pitch": b.angle(12), "z": -0.25 * b.hold}, pushed]


def _hug(b: Beat) -> list[Pose]:
    arms = {f"flex_{s}": b.angle(70) for s in "lr"} | {f"elbow_{s}": b.angle(55) for s in "lr"}
    hug = {**arms, "abd_l": b.angle(12), "abd_r": b.angle(12), "z": -0.4 * b.hold}
    return [hug, {**hug, "pitch": b.angle(6)}]


def _high_five(b: Beat) -> list[Pose]:
    arm = {"flex_r": b.angle(125), "elbow_r": b.angle(25) + b.rocking(12), "z": -0.2 * b.hold}
    return [arm, arm]


def _kick_other(b: Beat) -> list[Pose]:
    back = {"z": 0.3 * b.late, "pitch": np.deg2rad(-12) * b.late}
    return [*_kick(b, "r"), back | {"flex_l": b.late * 0.5, "flex_r": b.late * 0.5}]


def smooth(u: np.ndarray) -> np.ndarray:
    """Runs from 0 to 1 with `u`, starting and stopping gently."""
    return u * u * (3 - 2 * u)


# Name -> (what it does, range of its cycles an action).
ACTIONS: dict[str, tuple[Callable[[Beat], list[Pose]], tuple[float, float]]] = {
    "wave left": (lambda b: _wave(b, "l"), (2, 5)),
    "wave right": (lambda b: _wave(b, "r"), (2, 5)),
    "raise both arms": (_raise_both_arms, (1, 1)),
    "clap": (_clap, (2, 5)),
    "kick left": (lambda b: _kick(b, "l"), (1, 2)),
    "kick right": (lambda b: _kick(b, "r"), (1, 2)),
    "squat": (_squat, (1, 3)),
    "bow": (_bow, (1, 1)),
    "walk": (_walk, (2, 4)),
    "jump": (_jump, (1, 3)),
    "punch": (_punch, (1, 4)),
    "turn": (_turn, (2, 4)),
}
INTERACTIONS: dict[str, tuple[Callable[[Beat], list[Pose]], tuple[float, float]]] = {
    "handshake": (_handshake, (2, 4)),
    "push": (_push, (1, 1)),
    "hug": (_hug, (1, 1)),
    "high five": (_high_five, (1, 1)),
    "kick the other": (_kick_other, (1, 1)),
}
