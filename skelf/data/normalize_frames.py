"""Normalisation of frames as they come, one after the other, when no one knows the rest.

The steps are those of `normalize_steps.py`. What they give is the same as for the whole recording
where a step looks at a frame alone (`root`, `centre-frames`) or at the first frame with person 0
(`centre`, `upright`, `facing`), once that frame has come. Two steps look at a whole clip:

- `scale` divides by half the longer side of the box around the latest frames, `window` of them;
- `facing-frames` takes the side of its turn from the latest frames, likewise.

The steps that drop or move frames (`fill`, `trim`, `resize50`) are left out, as for any recording.
In NumPy, since a call of torch costs ten times as much as the numbers of one frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import torch

from ..skeleton import Skeleton
from .joints.body_axes import Joints, shoulders, spine
from .normalize_names import check, keeping_time
from .normalize_steps import rotation_onto

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Joints `(C, V, M)` and which of them are there `(V, M)` -> joints; it may remember."""


class FrameNormalizer:
    """The normalisation `name` of one recording, frame by frame.

    Args:
        name: steps and sequences, joined by `+`.
        skeleton: the joint layout.
        coordinates: channels that are coordinates, the first ones.
        window: frames that steps over a whole clip look back on, this one among them.

    Raises:
        InputError: see `normalize_names.check`.

    Examples:
        >>> import numpy as np
        >>> from skelf.layouts import KINECT20
        >>> normalized = FrameNormalizer("centre", KINECT20, 3, window=8)
        >>> float(normalized(np.full((3, 20, 1), 2.0)).max())  # the first frame is the origin
        0.0
        >>> float(normalized(np.full((3, 20, 1), 5.0)).max())
        3.0
    """

    def __init__(self, name: str, skeleton: Skeleton, coordinates: int, window: int) -> None:
        self.coordinates = coordinates
        order = check(keeping_time(name), skeleton, coordinates)
        makers: dict[str, Callable[[], Step]] = {
            "centre": lambda: Centre(skeleton.centre, coordinates),
            "centre-frames": lambda: _from_person(skeleton.centre, coordinates, first=True),
            "root": lambda: _from_person(skeleton.root, coordinates, first=False),
            "scale": lambda: Scale(coordinates, window),
            "upright": lambda: Turn(spine(skeleton, "upright"), axis=2),
            "facing": lambda: Turn(shoulders(skeleton, "facing"), axis=0),
            "facing-frames": lambda: FacingFrames(shoulders(skeleton, "facing-frames"), window),
        }
        self.steps = [makers[step]() for step in order if step != "none"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The next frame `(C, V, M)`, normalised; `x` stays as it is."""
        seen = (x[: self.coordinates] != 0).any(axis=0)
        for step in self.steps:
            x = step(x, seen)
        return x


def _subtract(x: np.ndarray, seen: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Subtracts `origin`, which broadcasts to `(D, V, M)`, from the joints that are there."""
    moved = x.copy()
    moved[: len(origin)] -= origin
    moved[: len(origin)] *= seen
    return moved


def _from_person(joint: int, coordinates: int, *, first: bool) -> Step:
    """From each person one joint of its own, or of the first person's."""
    persons = slice(0, 1) if first else slice(None)
    return lambda x, seen: _subtract(x, seen, x[:coordinates, joint : joint + 1, persons])


class Centre:
    """Subtracts the centre joint of the first frame with person 0; nothing until then."""

    def __init__(self, joint: int, coordinates: int) -> None:
        self.joint, self.coordinates = joint, coordinates
        self.origin: np.ndarray | None = None

    def __call__(self, x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The next frame."""
        if self.origin is None:
            if not seen[:, 0].any():
                return x
            self.origin = x[: self.coordinates, self.joint, 0].copy()[:, None, None]
        return _subtract(x, seen, self.origin)


class Turn:
    """Turns frames as the first one with person 0 asks for: two ends then lie along an axis."""

    def __init__(self, ends: tuple[Joints, Joints], axis: int) -> None:
        self.ends, self.axis = ends, axis
        self.matrix: np.ndarray | None = None

    def __call__(self, x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The next frame."""
        if self.matrix is None:
            if not seen[:, 0].any():
                return x
            low, high = (x[:3, list(joints), 0].mean(axis=1) for joints in self.ends)
            self.matrix = rotation_onto(torch.from_numpy(high - low)[None], self.axis)[0].numpy()
        turned = x.copy()
        turned[:3] = (self.matrix @ x[:3].reshape(3, -1)).reshape(3, *x.shape[1:])
        return turned


class Scale:
    """Divides by half the longer side of the box around the latest frames."""

    def __init__(self, coordinates: int, window: int) -> None:
        self.coordinates = coordinates
        self.boxes: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=window)

    def __call__(self, x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The next frame."""
        if seen.any():
            joints = x[: self.coordinates, seen]  # (D, joints that are there)
            self.boxes.append((joints.min(axis=1), joints.max(axis=1)))
        if not self.boxes:
            return x
        low, high = (np.stack(side) for side in zip(*self.boxes, strict=True))
        half = (high.max(axis=0) - low.min(axis=0)).max() / 2
        if not np.isfinite(half) or half <= 0:
            return x
        scaled = x.copy()
        scaled[: self.coordinates] /= half
        return scaled


class FacingFrames:
    """Turns each person about y in each frame; to which side, the latest frames say."""

    def __init__(self, ends: tuple[Joints, Joints], window: int) -> None:
        self.left, self.right = (joints[0] for joints in ends)
        self.depths: deque[np.ndarray] = deque(maxlen=window)

    def __call__(self, x: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The next frame."""
        across = x[0, self.right] - x[0, self.left]  # (M,)
        depth = x[2, self.right] - x[2, self.left]
        self.depths.append(depth)
        angle = np.arccos(across / (np.hypot(across, depth) + across.dtype.type(1e-4)))
        angle = np.where(np.sum(self.depths, axis=0) >= 0, -angle, angle)
        cos, sin = np.cos(angle), np.sin(angle)
        turned = x.copy()
        turned[0] = cos * x[0] - sin * x[2]
        turned[2] = sin * x[0] + cos * x[2]
        return turned
