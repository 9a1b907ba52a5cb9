"""Which normalisation a run has where none is named: its authors' own on their layout.

A method states what its authors prepared their data with, a name for each layout that they used, as
its attribute `preparation`; here stands what follows from it, and nowhere else. Results and
checkpoints record the name that is chosen, never "auto". docs/normalise.md has the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..layouts import BUILT_IN
from ..skeleton import Skeleton
from .normalize_names import same

AUTO = "auto"
GENERAL = {3: "centre", 2: "centre+scale"}
"""By coordinates, for layouts that the method's authors did not use: it needs no named joints."""


class Choice(NamedTuple):
    """A normalisation, and why it is the one.

    Args:
        name: of the normalisation; never `AUTO`.
        why: for people.
    """

    name: str
    why: str

    def __str__(self) -> str:
        if same(self.name, "none"):
            return f"No normalisation: coordinates as they are in the store ({self.why})"
        return f"Normalisation: {self.name} ({self.why})"


def of_authors(
    method: str, preparation: Mapping[str, str], skeleton: Skeleton, coordinates: int
) -> Choice | None:
    """What a method's authors prepared clips of this layout with; None where they used another.

    Args:
        method: its name.
        preparation: the method's attribute: layout -> name.
        skeleton: the clips' layout; another name for the same joints counts as the same.
        coordinates: of a joint; theirs have three.

    Examples:
        >>> from skelf.layouts import NTU25
        >>> of_authors("usdrl", {"ntu25": "agcn-noz"}, NTU25, 3).name
        'agcn-noz'
    """
    layout = next((s.name for s in BUILT_IN if _joints(s) == _joints(skeleton)), "")
    if layout not in preparation or coordinates != 3:
        return None
    return Choice(preparation[layout], f"as the authors of {method} prepare {layout}")


def choose(
    asked: str, method: str, preparation: Mapping[str, str], skeleton: Skeleton, coordinates: int
) -> Choice:
    """The normalisation of a run that is trained, see `of_authors`.

    Args:
        asked: `data.normalize`; `AUTO`: the authors' own on their layout, else `GENERAL`.
        method: see `of_authors`; what follows as well.
        preparation: see there.
        skeleton: see there.
        coordinates: see there.

    Examples:
        >>> from skelf.layouts import COCO17
        >>> str(choose("auto", "usdrl", {"ntu25": "agcn-noz"}, COCO17, 2))
        'Normalisation: centre+scale (usual for a layout that the authors of usdrl did not use)'
    """
    if asked != AUTO:
        return Choice(asked, "as data.normalize says")
    general = Choice(
        GENERAL.get(coordinates, "centre"),
        f"usual for a layout that the authors of {method} did not use",
    )
    return of_authors(method, preparation, skeleton, coordinates) or general


def choose_released(
    asked: str, method: str, preparation: Mapping[str, str], skeleton: Skeleton
) -> Choice:
    """The normalisation for a released checkpoint, whose file does not say it; see `choose`.

    Clips of a layout that its authors did not use stay as they are: nobody knows what it was.
    """
    if asked != AUTO:
        return Choice(asked, "as data.normalize says")
    unknown = Choice("none", f"nothing is known of {method}'s on this layout; data.normalize=NAME")
    return of_authors(method, preparation, skeleton, 3) or unknown


def _joints(skeleton: Skeleton) -> tuple[tuple[str, ...], tuple[int, ...]]:
    return tuple(name.casefold() for name in skeleton.names), skeleton.parents
