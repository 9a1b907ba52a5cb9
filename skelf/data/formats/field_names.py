"""What the names of the field's arrays say: `train_data_joint.npy`, `xsub/val_position.npy`.

ST-GCN's preparation and those after it (2s-AGCN, MS-G3D, CMD, AimCLR, CrosSCLR, PCM3, USDRL) name
the side of a split, and whether the numbers are joints or what is computed from them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

SIDES = dict.fromkeys(("train", "training"), "train")
SIDES |= dict.fromkeys(("val", "valid", "validation", "eval"), "val")
SIDES |= dict.fromkeys(("test", "testing"), "test")
BENCHMARKS = dict.fromkeys(("xsub", "cs", "csub", "cross-subject", "crosssubject"), "xsub")
BENCHMARKS |= dict.fromkeys(("xview", "cv", "cross-view", "crossview"), "xview")
BENCHMARKS |= dict.fromkeys(("xset", "xsetup", "cset", "cross-setup", "crosssetup"), "xset")
NAME = re.compile(
    r"(?:(?P<prefix>.*?)_)?(?:(?P<joints>data|data_joints?|positions?|joints?)|"
    r"(?:data_)?(?P<other>bones?|(?:joint_|bone_)?(?:motion|velocity|vel)|speed|joint_bone|"
    r"bone_joint))\.npy",
    re.IGNORECASE,
)


class Named(NamedTuple):
    """What the name of an array says.

    Args:
        side: "train", "val", "test" or "", which it does not say.
        prefix: what its labels' names begin with, with the underscore.
        other: what the numbers are, where they are no joints: "bone", "motion", ...
        form: of joints: "data", "data_joint", "position", ...
    """

    side: str
    prefix: str
    other: str
    form: str


def named(name: str) -> Named | None:
    """What a file's name says; None where it is none of the field's.

    >>> named("train_data_joint.npy")
    Named(side='train', prefix='train_', other='', form='data_joint')
    >>> named("val_data_bone_motion.npy").other, named("walk_motion.npy"), named("data.npy").side
    ('bone_motion', None, '')
    """
    match = NAME.fullmatch(name)
    if match is None:
        return None
    words = re.split(r"[_\-. ]", (match["prefix"] or "").lower())
    side = next((SIDES[word] for word in words if word in SIDES), "")
    other, form = (match["other"] or "").lower(), (match["joints"] or "").lower()
    if not side and not (match[0].lower().startswith("data") or "_data" in match[0].lower()):
        return None  # joints.npy, walk_motion.npy: names that anybody gives
    prefix = f"{match['prefix']}_" if match["prefix"] else ""
    return Named(side, prefix, other, form)


def split_name(path: Path) -> str:
    """The split that arrays are of, by the words of their name or of their folder's.

    >>> split_name(Path("NTU-RGB-D/xsetup/train_data.npy")), split_name(Path("NTU60_CV.npz"))
    ('xset', 'xview')
    """
    places = (path.stem, path.absolute().parent.name)
    for place in places:
        words = [place.lower(), *re.split(r"[_. ]", place.lower())]
        for word in words:
            if word in BENCHMARKS:
                return BENCHMARKS[word]
    return "official"
