"""Readers: `read(path, layout=None, *, options of the format) -> ClipSet`.

To add a format: its module and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

from ..clips import ClipSet
from . import (
    alphapose,
    amc,
    arrays,
    bvh,
    c3d,
    coco,
    csv_folder,
    kinetics,
    mediapipe,
    ntu,
    openpose,
    pkummd,
    precog,
    pyskl,
)

READERS: dict[str, Callable[..., ClipSet]] = {
    "arrays": arrays.read,
    "ntu": ntu.read,
    "pkummd": pkummd.read,
    "pyskl": pyskl.read,
    "bvh": bvh.read,
    "amc": amc.read,
    "c3d": c3d.read,
    "openpose": openpose.read,
    "alphapose": alphapose.read,
    "mediapipe": mediapipe.read,
    "coco": coco.read,
    "kinetics": kinetics.read,
    "csv": csv_folder.read,
    "precog": precog.read,
}
