"""Joints of the body models SMPL, SMPL-H and SMPL-X: one body, to which hands and a face are added.

Source: the papers of the models (Loper et al. 2015, Romero et al. 2017, Pavlakos et al. 2019).
"""

from __future__ import annotations

from typing import NamedTuple

from ...layouts import SMPL22, SMPL24, SMPLX
from ...skeleton import Skeleton


class Family(NamedTuple):
    """One body model's joints.

    Args:
        name: of the model; "" where any model has these joints.
        names: of the joints, in the model's order.
        parents: of each, -1 for the pelvis.
        site: where the model comes from.
    """

    name: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    site: str = ""


def _family(name: str, layout: Skeleton, site: str = "", *, face: bool = True) -> Family:
    """The joints of a layout; without those of the face if so wanted."""
    joints = [
        at
        for at, joint in enumerate(layout.names)
        if face or not joint.startswith(("jaw", "left_eye", "right_eye"))
    ]
    names = tuple(layout.names[at] for at in joints)
    parents = tuple(joints.index(up) if (up := layout.parents[at]) >= 0 else -1 for at in joints)
    return Family(name, names, parents, site)


FAMILIES = {
    22: _family("", SMPL22),
    24: _family("SMPL", SMPL24, "smpl.is.tue.mpg.de"),
    52: _family("SMPL-H", SMPLX, "mano.is.tue.mpg.de", face=False),
    55: _family("SMPL-X", SMPLX, "smpl-x.is.tue.mpg.de"),
}
"""By the number of joints; 22 are the body, with which all of them begin."""
FIRST = {45: 24, 73: 52, 127: 55, 144: 55}
"""Joints that the models' own code gives, and how many of them come first and are the model's; the
rest are points of the skin."""
