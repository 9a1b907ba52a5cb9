"""Readers: `read_openpose(path, layout=None, *, options of the format) -> ClipSet` and the like.

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
        "arrays": "arrays.read_arrays",
        "ntu": "ntu.read_ntu",
        "pkummd": "pkummd.read_pkummd",
        "pyskl": "pyskl.read_pyskl",
        "bvh": "bvh.read_bvh",
        "amc": "amc.read_amc",
        "c3d": "c3d.read_c3d",
        "openpose": "openpose.read_openpose",
        "alphapose": "alphapose.read_alphapose",
        "mediapipe": "mediapipe.read_mediapipe",
        "coco": "coco.read_coco",
        "kinetics": "kinetics.read_kinetics",
        "csv": "csv_folder.read_csv_folder",
        "precog": "precog.read_precog",
    },
)
