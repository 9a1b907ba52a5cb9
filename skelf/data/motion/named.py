"""The layout of poses whose joints come with names: a built-in one, or one of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...skeleton import Skeleton
from ..joints import names as joint_names
from ..joints.known import same_layout
from ..joints.tree import tree_of
from .marker_tree import spanning_tree


@dataclass(frozen=True)
class NamedLayout:
    """A layout, and which of a file's names each of its joints is.

    Args:
        skeleton: the layout.
        words: the files' name of each joint.
        given: whether the user named the layout: then files may have further joints.
    """

    skeleton: Skeleton
    words: tuple[str, ...]
    given: bool

    @classmethod
    def of(
        cls,
        file: Path,
        names: Sequence[str],
        places: np.ndarray,
        layout: str | Skeleton | None,
        edges: Sequence[tuple[int, int]] = (),
    ) -> NamedLayout:
        """The layout that the joints of the first file have.

        Args:
            file: for messages.
            names: of its joints.
            places: `(T, V, C)` of them, NaN where nothing was seen; a tree may follow from these.
            layout: which the user wants; its joints are found by name, in any case.
            edges: bones that the file has.

        Raises:
            InputError: a joint of `layout` is not there, or names that make no skeleton.
        """
        if layout is not None:
            skeleton = named_layout(layout) if isinstance(layout, str) else layout
            have = {name.lower(): name for name in names}
            same = same_layout(names)
            if same is not None and same[0].names == skeleton.names:
                have |= {joint.lower(): word for joint, word in same[1].items()}
            if missing := [joint for joint in skeleton.names if joint.lower() not in have]:
                raise InputError(
                    f"{file}: no joint {missing[0]!r}, which the layout {skeleton.name!r} needs "
                    f"(there are {', '.join(names[:12])[:200]}, ...); leave --layout out"
                )
            return cls(skeleton, tuple(have[joint.lower()] for joint in skeleton.names), True)
        same = same_layout(names)
        if same is not None:
            return cls(same[0], tuple(same[1][joint] for joint in same[0].names), False)
        if not len(places):  # nobody is in it: no tree is better than another
            places = np.zeros((1, len(names), 2))
        parents = _along(edges, len(names)) or tree_of(names) or spanning_tree(places)
        skeleton = joint_names.skeleton(file, tuple(names), tuple(parents))
        return cls(skeleton, tuple(names), False)

    def order(self, names: Sequence[str], where: str) -> list[int]:
        """Where each joint of the layout stands among a file's names.

        Raises:
            InputError: the file has other joints.
        """
        have = {name: at for at, name in enumerate(names)}
        if len(have) < len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise InputError(f"{where}: joint {twice!r} stands twice; rename one of them")
        odd = set(self.words) - have.keys()
        if not odd and not self.given:
            odd = have.keys() - set(self.words)
        if odd:
            raise InputError(
                f"{where}: other joints than the first file's (differs in {sorted(odd)[:4]}); "
                "import files of one kind at a time, or give a --layout whose joints all have"
            )
        return [have[word] for word in self.words]


def _along(edges: Sequence[tuple[int, int]], count: int) -> list[int] | None:
    """Parents along a file's own bones; None where they don't reach every joint once."""
    if len(edges) != count - 1:
        return None
    parents = [-1] * count
    for source, target in edges:
        if parents[target] >= 0 or source == target:
            return None
        parents[target] = source
    for joint in range(count):
        above, steps = joint, 0
        while parents[above] >= 0:
            above, steps = parents[above], steps + 1
            if steps > count:
                return None  # a circle
    return parents
