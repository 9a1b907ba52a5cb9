"""The built-in joint layouts, a file for each family; a user's own is a TOML file.

`Skeleton.from_toml` reads one. Joints stand in the order and the spelling of their source.
"""

from __future__ import annotations

from ..errors import InputError, unknown
from ..skeleton import Skeleton
from .coco import COCO17, WHOLEBODY133
from .halpe import HALPE26, HALPE136
from .human36m import H36M17
from .kinect import AZURE32, KINECT20, NTU25, SBU15
from .markers import MOTIVE37, MOTIVE41, PLUG_IN_GAIT
from .mediapipe import MEDIAPIPE33
from .mocap import MOTIVE21, XSENS23
from .mpii import MPII16
from .openpose import BODY_25B, MPI15, OPENPOSE18, OPENPOSE25
from .smpl import HUMANML3D22, SMPL22, SMPL24, SMPLX

# Where several have the same joints, the first is what names are taken for.
BUILT_IN = (
    *(NTU25, KINECT20, SBU15, AZURE32),
    *(COCO17, H36M17, MPII16, WHOLEBODY133),
    *(OPENPOSE18, OPENPOSE25, BODY_25B, MPI15),
    *(HALPE26, HALPE136, MEDIAPIPE33),
    *(SMPL22, SMPL24, SMPLX, HUMANML3D22),
    *(XSENS23, MOTIVE21, MOTIVE37, MOTIVE41, PLUG_IN_GAIT),
)
LAYOUTS = {s.name: s for s in BUILT_IN}

__all__ = [
    "AZURE32",
    "BODY_25B",
    "BUILT_IN",
    "COCO17",
    "H36M17",
    "HALPE26",
    "HALPE136",
    "HUMANML3D22",
    "KINECT20",
    "LAYOUTS",
    "MEDIAPIPE33",
    "MOTIVE21",
    "MOTIVE37",
    "MOTIVE41",
    "MPI15",
    "MPII16",
    "NTU25",
    "OPENPOSE18",
    "OPENPOSE25",
    "PLUG_IN_GAIT",
    "SBU15",
    "SMPL22",
    "SMPL24",
    "SMPLX",
    "WHOLEBODY133",
    "XSENS23",
    "layout",
]


def layout(name: str) -> Skeleton:
    """The layout of a built-in name (any case) or of a TOML file.

    Raises:
        InputError: neither a known name nor a readable `.toml` file.

    Examples:
        >>> layout("NTU25").joints
        25
        >>> layout("kinect20").names[layout("kinect20").root]
        'HipCenter'
    """
    if name.lower() in LAYOUTS:
        return LAYOUTS[name.lower()]
    if name.endswith(".toml"):
        return Skeleton.from_toml(name)
    raise InputError(f"{unknown('layout', name, LAYOUTS)}; or the path of a .toml file")
