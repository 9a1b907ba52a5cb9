"""Who stands before which camera in the synthetic set, and how they are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..motion.kinematics import rotation
from .actions import Pose

DISTANCE = 1.3  # metres between two persons
YAW = 65.0  # degrees between the outer cameras and the middle
CAMERA = 0.9  # metres above the floor
HABIT = 0.12  # radians, standard deviation of how differently people stand
SWAY = 0.08  # radians, at most, that they sway by
SWAYING = [f"{key}_{s}" for key in ("flex", "abd", "elbow", "hip", "spread") for s in "lr"]
SWAYING += ["pitch", "roll", "yaw"]


@dataclass
class Scene:
    """Who is filmed from where, for each clip; the first axis of 2 is the person.

    Args:
        body: `(2, N, 4)` proportions, as `Figure.pose` wants them.
        view: `(N,)` direction that the camera sees the scene from, radians.
        stand: `(N, 2)` place on the floor before the camera, x and z in metres.
        habit: `(2, N, A)` what a person adds to each angle all the time, radians.
        sway: `(2, N, A, 3)` and slowly: hertz, phase, radians.
        swapped: `(N,)` 1 where the acting person is the second.
    """

    body: np.ndarray
    view: np.ndarray
    stand: np.ndarray
    habit: np.ndarray
    sway: np.ndarray
    swapped: np.ndarray

    def alive(
        self, pose: Pose, clip: np.ndarray, person: int, seconds: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The channels of an action with the person's habits and sway added."""
        full = {key: np.asarray(value) for key, value in pose.items()}
        for a, key in enumerate(SWAYING):
            hertz, phase, size = self.sway[person, clip, a].T
            idle = self.habit[person, clip, a] + size * np.sin(2 * np.pi * hertz * seconds + phase)
            full[key] = full.get(key, 0.0) + idle
        for side in "lr":  # knees do not bend forwards
            hip = self.habit[person, clip, SWAYING.index(f"hip_{side}")]
            full[f"knee_{side}"] = full.get(f"knee_{side}", 0.0) + np.abs(hip)
        return full

    def seen(self, body: np.ndarray, clip: np.ndarray, person: int | None) -> np.ndarray:
        """A body `(F, V, 3)` in the camera's frame; two persons (0 and 1) face each other."""
        if person is not None:
            sign = -1.0 if person == 0 else 1.0
            x, y, z = np.moveaxis(body, -1, 0)
            body = np.stack([sign * (DISTANCE / 2 + z), y, -sign * x], axis=-1)
        turned = np.einsum("fij,fvj->fvi", rotation("y", self.view[clip]), body)
        place = np.insert(self.stand[clip], 1, -CAMERA, axis=1)
        return (turned + place[:, None]).astype(np.float32)


def film(rng: np.random.Generator, subject: np.ndarray, camera: np.ndarray) -> Scene:
    """Draws bodies for all subjects and habits, place and direction for each clip.

    Args:
        rng: where the numbers come from.
        subject: `(N,)` from 0.
        camera: `(N,)` from 0; cameras stand apart by equal angles.
    """
    count, cameras, subjects = len(subject), int(camera.max()) + 1, int(subject.max()) + 1
    parts = rng.normal(1, [0.05, 0.05, 0.06, 0.08], (subjects, 4))
    body = np.clip(parts + rng.normal(0, 0.06, (subjects, 1)), 0.75, 1.25)
    towards = np.linspace(-YAW, YAW, cameras) if cameras > 1 else np.zeros(1)
    shape = (2, count, len(SWAYING))
    return Scene(
        body=np.stack([body[subject], body[(subject + 1) % subjects]]),
        view=np.deg2rad(towards[camera] + rng.normal(0, 15, count)),
        stand=np.stack([rng.uniform(-0.5, 0.5, count), rng.uniform(2.5, 3.5, count)], axis=1),
        habit=rng.normal(0, HABIT, shape),
        sway=rng.uniform([0.2, 0, 0], [0.6, 2 * np.pi, SWAY], (*shape, 3)),
        swapped=rng.integers(0, 2, count),
    )
