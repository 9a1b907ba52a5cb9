"""By what each format is known: one line a format, read from the top.

To add one: in the format's own module a function `told(look: Look) -> str` that says in a few words
why a file is of that format ("its first line is PathFileType"), or ""; and one line in `SIGNS`
below, `"trc": Signs("trc_file.told", (".trc",))`. The sign must be sure: it is asked of every
file, also of damaged ones and of those of all other formats. A format that takes what no other one
claims (any table, any array) is `general`. What is known but holds no joints, or cannot be read,
stands in `refused.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .look import Look

STORE = "store"


@dataclass(frozen=True)
class Signs:
    """How the files of a format are known.

    Args:
        told: `"module.function"` in this folder, given a `Look`; says why, or "".
        suffixes: ends of the names of its files, in lower case with the dot; those of `OF_MANY`
            alone tell nothing.
        whole: its folder is one source, as a file is a frame or files belong together.
        alone: its reader takes one file.
        general: only where no other format's sign is there.
        companions: ends of the names of files that its reader looks for beside.
    """

    told: str
    suffixes: tuple[str, ...]
    whole: bool = False
    alone: bool = False
    general: bool = False
    companions: tuple[str, ...] = ()

    def why(self, look: Look) -> str:
        """Why a file is of this format; empty where it is not."""
        module, _, name = self.told.partition(".")
        found: Any = import_module(f"{__package__}.{module}")  # what it holds, only `told` says
        sign: Callable[[Look], str] = getattr(found, name)
        return sign(look)


SIGNS: dict[str, Signs] = {
    "ntu": Signs("kinect_text.told_ntu", (".skeleton",)),
    "pkummd": Signs("kinect_text.told_pkummd", (".txt",), whole=True, companions=(".txt",)),
    "bvh": Signs("bvh_file.told", (".bvh",)),
    "amc": Signs("asf.told_amc", (".amc",), companions=(".asf",)),
    "c3d": Signs("c3d_file.told", (".c3d",)),
    "trc": Signs("trc_file.told", (".trc",)),
    "openpose": Signs("openpose_people.told", (".json",), whole=True),
    "mvnx": Signs("mvnx_file.told", (".mvnx",)),
    "motive": Signs("motive_file.told", (".csv", ".txt")),
    "qualisys": Signs("qualisys_file.told", (".tsv", ".txt", ".csv")),
    "nexus": Signs("nexus_file.told", (".csv", ".txt", ".tsv")),
    "alphapose": Signs("json_signs.alphapose", (".json",)),
    "coco": Signs("json_signs.coco", (".json",), alone=True),
    "kinetics": Signs("json_signs.kinetics", (".json",)),
    "freemocap": Signs("freemocap_file.told", (".csv", ".npy", ".json")),
    "mediapipe": Signs(
        "landmark_signs.told",
        (".json", ".jsonl", ".csv", ".tsv", ".txt", ".npy", ".npz"),
    ),
    "deeplabcut": Signs("deeplabcut_file.told", (".csv", ".h5", ".hdf5")),
    "sleap": Signs("sleap_file.told", (".slp", ".csv", ".h5", ".hdf5")),
    "yolo": Signs("pose_signs.yolo", (".txt", ".json"), whole=True),
    "mmpose": Signs("pose_signs.mmpose", (".json",), whole=True),
    "azure": Signs("pose_signs.azure", (".json", ".csv")),
    "amass": Signs("smpl_fields.told", (".npz", ".pkl", ".npy")),
    "precog": Signs("table_signs.precog", (".csv",)),
    "h36m": Signs("h36m_signs.told", (".npz", ".npy", ".pkl"), alone=True),
    "humanml3d": Signs("h36m_signs.told_humanml3d", (".npy",)),
    "csv": Signs(
        "table_signs.table", (".csv", ".tsv", ".txt"), general=True, companions=(".toml",)
    ),
    "arrays": Signs(
        "array_signs.told", (".npz", ".npy"), alone=True, general=True, companions=(".pkl",)
    ),
    "pyskl": Signs("binary_signs.pyskl", (".pkl", ".pickle"), alone=True, general=True),
    STORE: Signs("binary_signs.store", (".h5", ".hdf5"), alone=True, general=True),
}

OF_MANY = frozenset({".json", ".jsonl", ".csv", ".txt"})
"""Ends of names by which no format is known."""
LOOKED_AT = frozenset(suffix for signs in SIGNS.values() for suffix in signs.suffixes) | {".zip"}
"""Ends of the names of files that may be recordings."""


def by_suffix(suffix: str) -> str:
    """The format of files called so, whatever is in them; empty: of none or of several.

    Examples:
        >>> by_suffix(".bvh"), by_suffix(".json")
        ('bvh', '')
    """
    if suffix in OF_MANY:
        return ""
    formats = [name for name, signs in SIGNS.items() if suffix in signs.suffixes]
    general = [name for name in formats if SIGNS[name].general]
    chosen = formats if len(formats) == 1 else general
    return chosen[0] if len(chosen) == 1 else ""
