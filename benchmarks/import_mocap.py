"""How fast files of motion capture import, beside an earlier commit; files as people have them.

    python -m benchmarks import_bvh import_c3d

A BVH file has 31 joints that turn and a root that moves too, at 120 frames a second, with six
decimals, as CMU's do. A C3D file has 41 markers as floats, five samples of twelve channels of force
plates and muscles a frame, and gaps.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .sides import ROOT, base_tree, importing, in_turn
from .timing import Effort, compared

# files, and frames of each
SIZES = {"small": (24, 2400), "tiny": (2, 8)}
JOINTS, MARKERS = 31, 41
SAMPLES, CHANNELS = 5, 12
BLOCK = 512


def bvh(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Files a second into a store."""
    return _rows("bvh", bvh_text, effort)


def c3d(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Files a second into a store."""
    return _rows("c3d", c3d_bytes, effort)


def _rows(
    form: str, content: Callable[[int, np.random.Generator], bytes], effort: Effort
) -> list[dict[str, Any]]:
    rows = []
    for size in effort.sizes:
        files, frames = SIZES[size]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "files")
            folder.mkdir()
            random = np.random.default_rng(0)
            for number in range(files):
                (folder / f"{number:03}.{form}").write_bytes(content(frames, random))
            sides = {
                name: importing(tree, form, folder, 0, Path(scratch, f"{name}.h5"))
                for name, tree in (("plain", base_tree(Path(scratch))), ("skelf", ROOT))
            }
            times = in_turn(sides, effort.repeats)
        row = {"benchmark": f"import_{form}", "size": size, "threads": 1}
        rows.append(row | effort.said() | compared(times, files))
    return rows


def bvh_text(frames: int, random: np.random.Generator) -> bytes:
    """A chain of joints in five branches, each turned by three angles."""
    lines, open_braces = ["HIERARCHY"], 0
    for joint in range(JOINTS):
        kind, tab = ("JOINT" if joint else "ROOT"), "\t" * open_braces
        x, y, z = random.normal(size=3)
        places = "6 Xposition Yposition Zposition" if not joint else "3"
        lines += [
            f"{tab}{kind} Joint{joint}",
            tab + "{",
            f"{tab}\tOFFSET {x:.6f} {y:.6f} {z:.6f}",
            f"{tab}\tCHANNELS {places} Zrotation Yrotation Xrotation",
        ]
        open_braces += 1
        if (joint % 6 == 0 and joint) or joint == JOINTS - 1:
            tab = "\t" * open_braces
            lines += [f"{tab}End Site", tab + "{", f"{tab}\tOFFSET 0 1 0", tab + "}"]
            while open_braces > 1:
                open_braces -= 1
                lines.append("\t" * open_braces + "}")
    lines += ["}", "MOTION", f"Frames: {frames}", "Frame Time: 0.0083333"]
    steps = random.normal(size=(frames, 3 + 3 * JOINTS)).cumsum(0)
    values = steps + random.uniform(-90, 90, steps.shape[1])
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values.tolist()]
    return "\n".join([*lines, ""]).encode()


def c3d_bytes(frames: int, random: np.random.Generator) -> bytes:
    """Markers as floats with analog samples behind each frame, as Vicon's and ezc3d's files."""
    labels = "".join(f"MARK{marker:04}" for marker in range(MARKERS)).encode()
    analog = SAMPLES * CHANNELS
    parameters = b"".join(
        [
            _group(1, b"POINT"),
            _parameter(1, b"USED", 2, b"", struct.pack("<H", MARKERS)),
            _parameter(1, b"FRAMES", 2, b"", struct.pack("<H", frames)),
            _parameter(1, b"SCALE", 4, b"", struct.pack("<f", -1)),
            _parameter(1, b"RATE", 4, b"", struct.pack("<f", 120)),
            _parameter(1, b"UNITS", -1, bytes([2]), b"mm"),
            _parameter(1, b"LABELS", -1, bytes([8, MARKERS]), labels),
            b"\0\0",
        ]
    )
    blocks = -(-(len(parameters) + 4) // BLOCK)
    head = struct.pack("<BB5HfHHf", 2, 0x50, MARKERS, analog, 1, frames, 10, -1, 2 + blocks,
                       SAMPLES, 120.0)  # fmt: skip
    rows = np.zeros((frames, 4 * MARKERS + analog), "<f4")
    points = rows[:, : 4 * MARKERS].reshape(frames, MARKERS, 4)
    places = 3 * random.normal(size=(frames, MARKERS, 3)).cumsum(0)
    points[..., :3] = places + random.uniform(-900, 900, (MARKERS, 3))
    points[frames // 3 : frames // 2, ::9] = [0, 0, 0, -1]  # gaps
    rows[:, 4 * MARKERS :] = random.normal(size=(frames, analog))
    start = struct.pack("4B", 1, 0x50, blocks, 84) + parameters
    return head.ljust(BLOCK, b"\0") + start.ljust(blocks * BLOCK, b"\0") + rows.tobytes()


def _group(number: int, name: bytes) -> bytes:
    return struct.pack("bb", len(name), -number) + name + struct.pack("<HB", 3, 0)


def _parameter(group: int, name: bytes, kind: int, sizes: bytes, content: bytes) -> bytes:
    value = struct.pack("bB", kind, len(sizes)) + sizes + content + b"\0"  # no description
    return struct.pack("bb", len(name), group) + name + struct.pack("<H", 2 + len(value)) + value
