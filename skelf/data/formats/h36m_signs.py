"""Signs of Human3.6M's files, of what its lifters write, and of HumanML3D."""

from __future__ import annotations

from .look import Look

SETS = ("positions_3d", "positions_2d")
EXPORTS = ("x3d", "output_keypoints_3d")
VECTORS = (263, 251)


def told(look: Look) -> str:
    """Of `h36m`: VideoPose3D's files, MotionBERT's, and those of demos of lifters."""
    for name in SETS:
        if name in look.arrays:
            return f"{name} in it, as in VideoPose3D's files"
    if look.head[:1] == b"\x80":
        words = all(word in look.head for word in (b"joint_2d", b"train"))
        return "a pickle with train and joint_2d, as MotionBERT's" if words else ""
    shape, kind = look.arrays.get("reconstruction") or look.arrays.get("", ((), ""))
    if kind != "f" or len(shape) not in (3, 4) or shape[-2] != 17 or shape[-1] not in (2, 3):
        return ""
    if "reconstruction" in look.arrays:
        return f"reconstruction {shape} in it, as MHFormer's demo and those after it write"
    if look.name.stem.lower() in EXPORTS and shape[-1] == 3:
        return f"{shape} under the name {look.name.name}, as MotionBERT writes it"
    return ""


def told_humanml3d(look: Look) -> str:
    """Of `humanml3d`: its vectors by their length, its joints by their folder."""
    shape, kind = look.arrays.get("", ((), ""))
    if look.suffix != ".npy" or kind != "f":
        return ""
    if len(shape) == 2 and shape[1] in VECTORS:
        return f"{shape[1]} numbers a frame, as HumanML3D's vectors have"
    place = look.name.parent.name
    named = place == "new_joints" and len(shape) == 3 and shape[1:] in ((22, 3), (21, 3))
    return f"{shape} in a folder new_joints, as HumanML3D has them" if named else ""
