"""The field's sets by name: `ntu60` means the store `$SKELF_DATA/ntu60.h5`, made once by import."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .addresses import address
from .remote import fetched

VARIABLE = "SKELF_DATA"


class Preset(NamedTuple):
    """What a user must know to get a set.

    Args:
        title: its name in print.
        licence: what it may be used for.
        where: who hands it out.
        files: what to load there.
        command: the import, without `--out`.
    """

    title: str
    licence: str
    where: str
    files: str
    command: str


_NTU = "academic, non-commercial research only; not to be passed on"
_ROSE = "ROSE Lab, https://rose1.ntu.edu.sg/dataset/actionRecognition/ (on request)"
_PKU = "research use; no licence text comes with it, ask its authors for other uses"
_ICST = "its authors, https://github.com/ECHO960/PKU-MMD"

PRESETS = {
    "ntu60": Preset(
        "NTU RGB+D 60",
        _NTU,
        _ROSE,
        "nturgbd_skeletons_s001_to_s017.zip",
        "ntu nturgbd_skeletons_s001_to_s017.zip benchmark=ntu60",
    ),
    "ntu120": Preset(
        "NTU RGB+D 120",
        _NTU,
        _ROSE,
        "both nturgbd_skeletons_*.zip, into one folder",
        "ntu FOLDER benchmark=ntu120",
    ),
    "pkummd1": Preset(
        "PKU-MMD part I",
        _PKU,
        _ICST,
        "skeletons, labels and split files of phase 1, into one folder",
        "pkummd FOLDER part=1",
    ),
    "pkummd2": Preset(
        "PKU-MMD part II",
        _PKU,
        _ICST,
        "skeletons, labels and split files of phase 2, into one folder",
        "pkummd FOLDER part=2",
    ),
}


def located(data: str | Path) -> Path:
    """The store that `data` means: a path as it is, a preset's name as `$SKELF_DATA/<name>.h5`.

    A file of that very name wins. An address, as `s3://bucket/set`, is fetched: see `remote`.

    Raises:
        InputError: an address that cannot be read; or the preset's store is not there; the message
            says where the data comes from, under which licence, and the command that makes the
            store.
    """
    path, name, url = Path(data), str(data), address(data)
    if url is not None:
        return fetched(url)
    if name not in PRESETS or path.exists():
        return path
    folder = os.environ.get(VARIABLE, "")
    store = Path(folder) / f"{name}.h5"
    if folder and store.is_file():
        return store
    preset = PRESETS[name]
    missing = f"{store} is not there" if folder else f"{VARIABLE} is not set"
    out = store if folder else f"${VARIABLE}/{name}.h5"
    raise InputError(
        f"{name}: {missing}. {preset.title} is not ours to give: {preset.where}; licence: "
        f"{preset.licence}. Load {preset.files}, then: skelf data import {preset.command} "
        f"--out {out}" + ("" if folder else f" (set {VARIABLE} to a folder of your choice first)")
    )
