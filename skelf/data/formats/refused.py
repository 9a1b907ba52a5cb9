"""Files that are known and hold no joints that could be read, and what to do with each.

To add a kind: one line in `REFUSED`, `name: Refused(sign, remedy, suffixes)`. Where the bytes do
not tell, the name does, but only where no format's sign is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from . import qualisys_file, storage_file
from .look import Look


class Refused(NamedTuple):
    """A kind of files that are not read.

    Args:
        told: whether a file is of the kind, by what is in it.
        remedy: what its owner can do.
        suffixes: ends of the names of its files, in lower case with the dot.
    """

    told: Callable[[Look], bool]
    remedy: str
    suffixes: tuple[str, ...] = ()


def _starts(*heads: bytes) -> Callable[[Look], bool]:
    return lambda look: look.head.startswith(heads)


def _at(place: int, *words: bytes) -> Callable[[Look], bool]:
    return lambda look: look.head[place:].startswith(words)


def _never(look: Look) -> bool:
    """Known by its name alone."""
    return False


def _gltf_json(look: Look) -> bool:
    return {"asset", "accessors", "bufferViews"} <= look.keys


def _rokoko(look: Look) -> bool:
    """A table with the hips' position and joints' rotations as quaternions."""
    first = look.lines[0].lower() if look.lines else ""
    return bool(re.search(r"\bhips?_position_x\b", first)) and first.count("_rotation_w") > 4


def _zip_with(*names: bytes) -> Callable[[Look], bool]:
    return lambda look: (
        look.head.startswith(b"PK\x03\x04") and any(name in look.head for name in names)
    )


def _labels_of_arrays(look: Look) -> bool:
    """The pickle of names and labels beside the field's arrays."""
    return look.head[:1] == b"\x80" and bool(
        re.search(r"label\.pkl$", look.name.name)
        and any(re.search(r"(data|position).*\.npy$", name) for name in look.beside)
    )


def _web_page(look: Look) -> bool:
    return bool(re.match(r"\s*<(?:!doctype html|html)\b", look.text[:200], re.IGNORECASE))


_TO_BVH = "open it in Blender (or MotionBuilder, Maya) and export the animation as BVH"
_POSES = "run a pose estimator on it (MMPose, OpenPose, MediaPipe, ...) and import what it writes"
_TO_CSV = "save the table as CSV, and import that"
_UNPACK = "unpack it, and import the folder"

REFUSED: dict[str, Refused] = {
    "Git LFS pointer": Refused(
        _starts(b"version https://git-lfs"),
        "the file itself was not loaded: git lfs pull, or download it from the repository's page",
    ),
    "pickle of labels beside the field's arrays": Refused(
        _labels_of_arrays,
        "it holds names and labels alone; import the array beside it, which takes them",
    ),
    "web page": Refused(
        _web_page, "the download gave a page and no data; load the file itself", (".html", ".htm")
    ),
    "OpenSim motion or storage": Refused(
        lambda look: bool(storage_file.told(look)),
        "it holds angles, forces or states by time, no joints; import the markers (.trc), or let "
        "OpenSim write body positions as TRC",
        (".mot", ".sto"),
    ),
    "OpenSim model": Refused(
        lambda look: "<OpenSimDocument" in look.text,
        "a model moves nothing; import the markers (.trc)",
        (".osim",),
    ),
    "FBX": Refused(_starts(b"Kaydara FBX Binary", b"; FBX "), _TO_BVH, (".fbx",)),
    "glTF or VRM": Refused(
        lambda look: look.head.startswith(b"glTF") or _gltf_json(look),
        _TO_BVH,
        (".glb", ".gltf", ".vrm", ".vrma"),
    ),
    "USD": Refused(
        lambda look: (
            look.head.startswith((b"PXR-USDC", b"#usda")) or _zip_with(b".usdc", b".usda")(look)
        ),
        _TO_BVH,
        (".usd", ".usda", ".usdc", ".usdz"),
    ),
    "Collada": Refused(lambda look: "<COLLADA" in look.text[:2000], _TO_BVH, (".dae",)),
    "Blender scene": Refused(_starts(b"BLENDER"), _TO_BVH, (".blend",)),
    "Maya scene": Refused(_starts(b"//Maya ASCII", b"FOR4", b"FOR8"), _TO_BVH, (".ma", ".mb")),
    "MikuMikuDance motion": Refused(_starts(b"Vocaloid Motion Data"), _TO_BVH, (".vmd",)),
    "Unity animation": Refused(
        lambda look: look.text.startswith("%YAML") and "AnimationClip" in look.text,
        _TO_BVH,
        (".anim",),
    ),
    "video": Refused(
        lambda look: (
            look.head[4:8] == b"ftyp"
            or (look.head[:4] == b"RIFF" and look.head[8:12] == b"AVI ")
            or look.head.startswith((b"\x1a\x45\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3"))
        ),
        _POSES,
        (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts"),
    ),
    "picture": Refused(
        lambda look: (
            look.head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"))
            or (look.head.startswith(b"BM") and b"\0" in look.head[:16])
        ),
        _POSES,
        (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    ),
    "Excel workbook": Refused(
        lambda look: _zip_with(b"[Content_Types].xml", b"xl/")(look) or look.suffix == ".xls",
        _TO_CSV,
        (".xlsx", ".xls", ".xlsm", ".ods"),
    ),
    "MATLAB file": Refused(
        _starts(b"MATLAB 5.0", b"MATLAB 7.3"),
        "export the markers from its program as C3D, TSV or CSV; or save its array as .npy "
        "(scipy.io.loadmat, numpy.save) and import that with arrays",
        (".mat",),
    ),
    "Rokoko CSV": Refused(
        _rokoko,
        "its axes are left-handed, as a table of joints it would be mirrored; export BVH from "
        "Rokoko Studio",
    ),
    "ROS bag": Refused(
        _starts(b"#ROSBAG", b"\x89MCAP"),
        "write the joints of its topic to a CSV, a row a frame, and import that",
        (".bag", ".mcap", ".rosbag"),
    ),
    "Motion Analysis binary": Refused(
        _starts(b"File_Type:"), "export TRC or C3D from Cortex", (".trb", ".anc", ".anb", ".cap")
    ),
    "Motive take": Refused(_never, "export CSV, C3D or BVH from Motive", (".tak",)),
    "Qualisys measurement": Refused(_never, "export TSV or C3D from QTM", (".qtm",)),
    "Qualisys TSV without 3D positions": Refused(
        qualisys_file.is_other,
        "its DATA_INCLUDED says what it holds; export the 3D data, bodies or skeletons",
    ),
    "Xsens recording": Refused(_never, "export MVNX (or C3D, BVH) from MVN", (".mvn",)),
    "Vicon trial": Refused(
        _never, "export C3D or CSV from Nexus", (".x1d", ".x2d", ".xcp", ".vsk", ".system", ".enf")
    ),
    "Kinect recording": Refused(
        _never, "run body tracking on it and import what that writes", (".xef", ".oni")
    ),
    "Acclaim skeleton": Refused(
        lambda look: ":bonedata" in look.text, "a skeleton moves nothing; name the .amc", (".asf",)
    ),
    "PyTorch file": Refused(
        _zip_with(b"/data.pkl"),
        "save its array as .npy (numpy.save(path, tensor.numpy())) and import that with arrays",
        (".pt", ".pth"),
    ),
    "Parquet or Arrow table": Refused(
        _starts(b"PAR1", b"ARROW1"), "write it as CSV, and import that", (".parquet", ".feather")
    ),
    "archive": Refused(
        lambda look: (
            look.head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ"))
            or look.head[257:262] == b"ustar"
        ),
        _UNPACK,
        (".gz", ".tgz", ".7z", ".rar", ".tar", ".bz2", ".xz"),
    ),
    "PDF": Refused(_starts(b"%PDF"), "it holds no joints as numbers; ask for the data", (".pdf",)),
}


def refusal(look: Look, *, by_name: bool = False) -> str:
    """The name of the kind that a file is of; empty where it is of none.

    Args:
        look: at the file.
        by_name: by the end of its name, instead of what is in it.
    """
    for name, kind in REFUSED.items():
        if (look.suffix in kind.suffixes) if by_name else kind.told(look):
            return name
    return ""
