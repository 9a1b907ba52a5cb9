"""The built-in layout that joints of any spelling are."""

from __future__ import annotations

from collections.abc import Sequence

from ...joints.aliases import meanings
from ...layouts import LAYOUTS
from ...skeleton import Skeleton


def same_layout(words: Sequence[str]) -> tuple[Skeleton, dict[str, str]] | None:
    """The built-in layout that has just these joints, and its name -> the file's word."""
    exact = [s for s in LAYOUTS.values() if set(s.names) == set(words)]
    if exact:
        return exact[0], {name: name for name in exact[0].names}
    have = [m[:2] for m in meanings(words)]
    by_part = dict(zip(have, words, strict=True))
    if len(by_part) < len(words):
        return None
    for layout in LAYOUTS.values():
        want = [m[:2] for m in meanings(layout.names)]
        if len(want) == len(words) and set(want) == by_part.keys():
            return layout, {
                name: by_part[part] for name, part in zip(layout.names, want, strict=True)
            }
    return None
