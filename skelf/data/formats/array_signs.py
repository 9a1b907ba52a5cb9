"""Signs of NumPy's files: the field's arrays and what lies with them, else any array."""

from __future__ import annotations

import re

from .field_names import named
from .look import Look

_DATA = re.compile(rb"[\x8cX]\x04(?:\0\0\0)?data")  # a text of protocol 4 and of older ones
CLIP_PICKLES = ("raw_denoised_joints.pkl", "raw_skes_data.pkl")


def told(look: Look) -> str:
    """Of `arrays`: the field's arrays, CTR-GCN's `.npz`, pickles and JSON of clips, any array."""
    return _field(look) or _ctr(look) or of_json(look) or of_pickle(look) or _any(look)


def of_json(look: Look) -> str:
    """NW-UCLA as CTR-GCN's feeders read it."""
    is_clip = look.is_json and {"file_name", "skeletons"} <= look.keys
    return "JSON with file_name and skeletons, as CTR-GCN's of NW-UCLA" if is_clip else ""


def of_pickle(look: Look) -> str:
    """Pickles of clips: CTR-GCN's steps, and USDRL's of PKU-MMD."""
    if look.head[:1] != b"\x80":
        return ""
    if look.name.name in CLIP_PICKLES:
        return f"a pickle called {look.name.name}, as CTR-GCN's preparation writes it"
    pyskl = any(word in look.head for word in (b"keypoint", b"frame_dir", b"annotations"))
    if pyskl or not _DATA.search(look.head[:200]):
        return ""
    return "a pickle of clips with data in each, as USDRL's of PKU-MMD"


def _field(look: Look) -> str:
    if look.suffix != ".npy" or "" not in look.arrays:
        return ""
    shape, kind = look.arrays[""]
    if named(look.name.name) is None or kind != "f" or len(shape) != 5:
        return ""
    return f"{shape} under the name {look.name.name}, as ST-GCN's preparation and others write it"


def _ctr(look: Look) -> str:
    for name in ("x_train", "x_test"):
        if name in look.arrays:
            shape, _ = look.arrays[name]
            return f"{name} {shape} in it, as CTR-GCN's preparation writes it"
    return ""


def _any(look: Look) -> str:
    if look.head.startswith(b"\x93NUMPY"):
        return "it is an array of NumPy's"
    if look.head.startswith(b"PK\x03\x04") and b".npy" in look.head[:128]:
        return "it is an archive of NumPy's arrays"
    return ""
