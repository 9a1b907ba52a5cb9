"""Readers: `read(path, layout=None, *, options of the format) -> ClipSet`.

To add a format: its module and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...tables import Table

if TYPE_CHECKING:
    from ..clips import ClipSet

READERS: Table[Callable[..., ClipSet]] = Table(
    __name__,
    {
        "arrays": "arrays.read",
        "ntu": "ntu.read",
        "pkummd": "pkummd.read",
        "pyskl": "pyskl.read",
        "bvh": "bvh.read",
        "amc": "amc.read",
        "c3d": "c3d.read",
        "openpose": "openpose.read",
        "alphapose": "alphapose.read",
        "mediapipe": "mediapipe.read",
        "coco": "coco.read",
        "kinetics": "kinetics.read",
        "csv": "csv_folder.read",
        "precog": "precog.read",
    },
)
