"""Made-up NTU RGB+D and PKU-MMD downloads with every oddity of the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

# What stands behind x, y, z of each joint: depth and colour pixels, orientation, tracking state.
_REST = " 277.419 191.8218 1036.233 519.1677 -0.2059419 0.05349901 0.9692109 -0.1239193 2\n"
_BODY = "%d 0 1 1 1 1 0 0.02764709 0.05745083 2\n25\n" + ("%.6f %.6f %.6f" + _REST) * 25
FIRST_ID = 72057594037931101  # beyond what a float64 can tell from its neighbours
KINDS = ("one", "two", "three", "swap", "nobody", "single", "gap", "no frames")

Body = tuple[int, np.ndarray]  # track, (25, 3)


class Made(NamedTuple):
    """One made-up file.

    Args:
        name: without suffix.
        kind: one of `KINDS`, or "long".
        frames: for each frame the bodies in the order of the file.
    """

    name: str
    kind: str
    frames: list[list[Body]]


def figure(rng: np.random.Generator, frames: int, motion: float = 0.3) -> np.ndarray:
    """`(frames, 25, 3)` of an upright body that sways, in whole micrometres: text keeps them."""
    pose = rng.uniform((-0.25, -0.85, 2.5), (0.25, 0.85, 2.9), (25, 3))
    phase = np.arange(frames)[:, None, None] / 8 + rng.uniform(0, 6, (25, 1))
    place = rng.uniform((0.5, -0.5, -0.5), (1.5, 0.5, 0.5))
    moved = pose + place + motion * np.sin(phase) * rng.uniform(0.3, 1, (25, 3))
    return np.round(moved * 1e6).astype(np.int64) / 1e6


def ntu_text(frames: list[list[Body]]) -> bytes:
    """The `.skeleton` text of some frames."""
    parts = [f"{len(frames)}\n"]
    for bodies in frames:
        parts.append(f"{len(bodies)}\n")
        parts += [_BODY % (track, *joints.ravel()) for track, joints in bodies]
    return "".join(parts).encode()


def make(name: str, kind: str, frames: int, rng: np.random.Generator) -> Made:
    """One file of a kind."""
    if kind in ("nobody", "no frames"):
        return Made(name, kind, [[] for _ in range(frames if kind == "nobody" else 0)])
    count = 1 if kind == "single" else 300 if kind == "long" else frames
    a, b, c = (figure(rng, count, motion) for motion in (0.6, 0.4, 0.001))
    x, y, z = FIRST_ID, FIRST_ID + 1, FIRST_ID + 2
    table: list[list[Body]] = []
    for i in range(count):
        if kind == "three":
            table.append([(z, c[i]), (x, a[i]), (y, b[i])])
        elif kind in ("two", "swap"):
            pair = [(x, a[i]), (y, b[i])]
            table.append(pair[::-1] if kind == "swap" and i >= count // 2 else pair)
        else:
            table.append([] if kind == "gap" and count // 3 <= i < count // 2 else [(x, a[i])])
    return Made(name, kind, table)


def names(count: int) -> list[str]:
    """Distinct names of NTU RGB+D 60: all cameras, subjects and classes occur early."""
    return [
        f"S{i // 240 % 17 + 1:03}C{i % 3 + 1:03}P{i * 7 % 40 + 1:03}R{i // 120 % 2 + 1:03}"
        f"A{i % 60 + 1:03}"
        for i in range(count)
    ]


def ntu_tree(
    folder: Path, count: int, *, seed: int = 0, frames: tuple[int, int] = (4, 14), long: int = 1
) -> list[Made]:
    """Writes `count` files into sub-folders; the kinds take turns, `long` of them have 300 frames.

    Returns:
        What was written, sorted by name.
    """
    rng = np.random.default_rng(seed)
    made = []
    assert len(set(names(count))) == count
    for i, name in enumerate(names(count)):
        kind = "long" if i < long else KINDS[i % len(KINDS)]
        made.append(make(name, kind, int(rng.integers(*frames)), rng))
        place = folder / f"part{i % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.skeleton").write_bytes(ntu_text(made[-1].frames))
    return sorted(made)


def zipped(folder: Path, file: Path) -> Path:
    """All files of a folder as a zip with the official kind of member names."""
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, f"nturgb+d_skeletons/{path.name}")
    return file


def pku_tree(folder: Path, part: int = 1, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Writes skeletons, labels and split files; gives `(T, 2, 25, 3)` of each recording.

    Each recording has 60 frames and the rows 1,5,20 / 51,30,45 / 12,45,60; the second body is there
    in the third.
    """
    rng = np.random.default_rng(seed)
    if part == 1:
        stems = [f"{i:04}-{view}" for i in (2, 3, 291) for view in "LMR"]
        train = [stem for stem in stems if not stem.startswith("0291")]
    else:
        stems = [f"A{a:02}N{n:02}-{view}" for a in (1, 26) for n in (1, 2, 13) for view in "LMR"]
        train = [stem for stem in stems if "N02" not in stem]
    for sub in ("Skeleton", "Label", "Split"):
        (folder / sub).mkdir(parents=True)
    made = {}
    for stem in stems:
        joints = np.stack([figure(rng, 60), figure(rng, 60)], axis=1)
        joints[:45, 1] = 0
        made[stem] = joints.astype(np.float32)
        lines = (" ".join(f"{v:.6f}" for v in frame.ravel()) for frame in joints)
        (folder / "Skeleton" / f"{stem}.txt").write_text("\n ".join(lines) + "\n")
        (folder / "Label" / f"{stem}.txt").write_text("1,5,20,2\r\n51,30,45,1\r\n12,45,60,2\r\n")
    test = [stem for stem in stems if stem not in train]
    side = [stem for stem in stems if stem.endswith("L")]
    for name, first, second in (
        ("cross-subject.txt", train, test),
        ("cross-view.txt", [stem for stem in stems if stem not in side], side),
    ):
        text = f"Training videos: \n{', '.join(first)}\nValidataion videos: \n{', '.join(second)}"
        (folder / "Split" / name).write_text(text)
    return made
