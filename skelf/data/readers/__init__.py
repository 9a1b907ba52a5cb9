"""Readers: `read_openpose(path, layout=None, how=OpenPose()) -> ClipSet` and the like.

To add a format: its module and one line here.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ...settings.settable import options_of
from ...tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...contracts import Reader
    from ..listing import Listing

READERS: Table[Reader] = Table(
    __name__,
    {
        "arrays": "arrays.read_arrays",
        "ntu": "ntu.read_ntu",
        "pkummd": "pkummd.read_pkummd",
        "pyskl": "pyskl.read_pyskl",
        "h36m": "h36m.read_h36m",
        "humanml3d": "humanml3d.read_humanml3d",
        "bvh": "bvh.read_bvh",
        "amc": "amc.read_amc",
        "c3d": "c3d.read_c3d",
        "trc": "trc.read_trc",
        "mvnx": "mvnx.read_mvnx",
        "motive": "motive.read_motive",
        "qualisys": "qualisys.read_qualisys",
        "nexus": "nexus.read_nexus",
        "amass": "amass.read_amass",
        "openpose": "openpose.read_openpose",
        "alphapose": "alphapose.read_alphapose",
        "mmpose": "mmpose.read_mmpose",
        "yolo": "yolo.read_yolo",
        "azure": "azure.read_azure",
        "mediapipe": "mediapipe.read_mediapipe",
        "freemocap": "freemocap.read_freemocap",
        "deeplabcut": "deeplabcut.read_deeplabcut",
        "sleap": "sleap.read_sleap",
        "coco": "coco.read_coco",
        "kinetics": "kinetics.read_kinetics",
        "csv": "csv_folder.read_csv_folder",
        "precog": "precog.read_precog",
    },
    group="skelf.readers",
)

LISTINGS: Table[Callable[..., Listing]] = Table(
    __name__,
    {
        name: f"{module}.list_{module}"
        for name in READERS.built_in
        if (module := {"csv": "csv_folder"}.get(name, name))
        not in ("arrays", "pyskl", "h36m", "coco")  # a file of these is a set
    },
    group="skelf.listings",
)
"""Formats whose files can be read apart, and what lists them; the arguments are the reader's."""


def reader_options(name: str) -> Any | None:  # a class; its type depends on the name
    """The options class of a format's reader; None where there is nothing to choose."""
    reader = READERS[name]
    return options_of(reader, "how") if "how" in inspect.signature(reader).parameters else None
