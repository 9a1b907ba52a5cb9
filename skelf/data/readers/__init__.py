"""Readers: `read_openpose(path, layout=None, how=OpenPose()) -> ClipSet` and the like.

To add a format: its module and one line here.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ...settings.settable import options_of
from ...tables import Table

if TYPE_CHECKING:
    from ...contracts import Reader

READERS: Table[Reader] = Table(
    __name__,
    {
        "arrays": "arrays.read_arrays",
        "ntu": "ntu.read_ntu",
        "pkummd": "pkummd.read_pkummd",
        "pyskl": "pyskl.read_pyskl",
        "bvh": "bvh.read_bvh",
        "amc": "amc.read_amc",
        "c3d": "c3d.read_c3d",
        "trc": "trc.read_trc",
        "mvnx": "mvnx.read_mvnx",
        "motive": "motive.read_motive",
        "qualisys": "qualisys.read_qualisys",
        "nexus": "nexus.read_nexus",
        "openpose": "openpose.read_openpose",
        "alphapose": "alphapose.read_alphapose",
        "mediapipe": "mediapipe.read_mediapipe",
        "freemocap": "freemocap.read_freemocap",
        "coco": "coco.read_coco",
        "deeplabcut": "deeplabcut.read_deeplabcut",
        "sleap": "sleap.read_sleap",
        "kinetics": "kinetics.read_kinetics",
        "csv": "csv_folder.read_csv_folder",
        "precog": "precog.read_precog",
        "amass": "amass.read_amass",
        "yolo": "yolo.read_yolo",
        "mmpose": "mmpose.read_mmpose",
        "azure": "azure.read_azure",
        "h36m": "h36m.read_h36m",
        "humanml3d": "humanml3d.read_humanml3d",
    },
    group="skelf.readers",
)


def reader_options(name: str) -> Any | None:  # a class; its type depends on the name
    """The options class of a format's reader; None where there is nothing to choose."""
    reader = READERS[name]
    return options_of(reader, "how") if "how" in inspect.signature(reader).parameters else None
