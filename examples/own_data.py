"""Arrays of one's own become a store with a split, and a page to look at a clip.

`python examples/own_data.py [FOLDER]` writes both to FOLDER, or to a temporary one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import skelf
from skelf.data.splits import shuffled
from skelf.pages import clip as page

ARM = skelf.Skeleton(
    names=("shoulder", "elbow", "wrist"),
    parents=(-1, 0, 1),
    pairs=(),  # no joint has a counterpart on the other side
    parts={"upper": (0, 1), "lower": (2,)},
    centre=0,
    name="arm",
)
FPS = 30.0
SHOULDER = np.array([0.0, 1.4, 3.0])  # metres: in the middle, y up, before the camera


def swing(frames: int, cycles: float) -> np.ndarray:
    """An arm that swings: `(frames, 1, 3, 3)` metres, one person, three joints."""
    angle = 0.8 * np.sin(np.linspace(0, 2 * np.pi * cycles, frames))
    along = np.stack([np.sin(angle), -np.cos(angle), np.zeros(frames)], axis=1)  # (frames, 3)
    joints = np.stack([0 * along, 0.3 * along, 0.55 * along], axis=1)
    return (joints + SHOULDER)[:, None].astype(np.float32)


def main(folder: Path) -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(30, 90, size=20)  # clips keep their true lengths
    labels = np.arange(20) % 2
    clips = skelf.ClipSet.build(
        np.concatenate([swing(n, 1 + 3 * k) for n, k in zip(lengths, labels, strict=True)]),
        lengths,
        ARM,
        class_names=["slow", "fast"],
        label=labels,
        subject=np.arange(20) // 4,
        fps=FPS,
        attributes={"title": "arms that swing", "synthetic": "true"},
    )
    clips.with_split("random", shuffled(len(clips), train=0.7)).save(folder / "arms.h5")

    stored = skelf.ClipSet.open(folder / "arms.h5")  # mapped from the file, nothing is read yet
    train, test = stored.split("random")
    print(f"{len(stored)} clips, {stored.frames_total} frames, {stored.skeleton.joints} joints")
    print(f"split: {len(train)} train, {len(test)} test")
    for label, name in enumerate(stored.class_names):
        members = [stored.clip(index) for index in np.flatnonzero(stored.label == label)]
        speed = np.mean([np.abs(np.diff(joints[:, 0, 2, 0])).mean() for joints in members])
        print(f"{name}: the wrist moves at {speed * FPS:.2f} m/s from side to side")
    page.write(stored, 0, folder / "clip.html")
    print(f"a moving skeleton: {folder / 'clip.html'}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as scratch:
            main(Path(scratch))
