"""What exchange formats have no field for, as one JSON text that travels in them.

Layout, class names, attributes and splits of a ClipSet: files written by skelf carry the text, so
that they read back equal; other programs need not know of it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TypedDict

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from .. import check
from ..clips import ClipSet

KEY = "skelf"  # what formats call the text


class Description(TypedDict):
    """What the text says, checked."""

    skeleton: Skeleton
    class_names: tuple[str, ...]
    attributes: dict[str, str]
    persons: int
    splits: dict[str, np.ndarray]


def describe(clips: ClipSet, *, splits: bool) -> str:
    """The text for a set; with its splits where the format has none of its own."""
    table: dict[str, object] = {
        "skeleton": clips.skeleton.to_dict(),
        "class_names": list(clips.class_names),
        "attributes": clips.attributes,
        "persons": clips.persons,
    }
    if splits:
        table["splits"] = {name: side.tolist() for name, side in clips.splits.items()}
    return json.dumps(table, ensure_ascii=False)


def parse_description(text: object, where: str) -> Description:
    """The text's table, checked: skeleton, class_names, attributes, persons, splits.

    Raises:
        InputError: not such a text; `where` names its place.
    """
    try:
        table = json.loads(str(text))
        json.dumps(table, ensure_ascii=False).encode("utf-8")  # half characters fit into no store
        return {
            "skeleton": Skeleton.from_dict(table["skeleton"], f"{where}: skeleton"),
            "class_names": tuple(str(name) for name in table["class_names"]),
            "attributes": {str(k): str(v) for k, v in table["attributes"].items()},
            "persons": int(table["persons"]),
            "splits": {
                str(name): np.array(side, np.int8) for name, side in table.get("splits", {}).items()
            },
        }
    except InputError:
        raise
    # JSON of other content, or numbers that int8 cannot hold; depth is bounded by JSON itself.
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise InputError(
            f"{where}: not what skelf writes there; take the field out, or export the store again"
        ) from None


def restore(clips: ClipSet, text: object, where: str, *, keep_layout: bool) -> ClipSet:
    """A set as read from a format's own fields, with what the text knows besides.

    Args:
        clips: as read.
        text: see `describe`.
        where: what messages call it.
        keep_layout: leave the skeleton as it is.

    Raises:
        InputError: the text is of another set: other joints, or splits of other lengths.
    """
    table = parse_description(text, where)
    skeleton = clips.skeleton if keep_layout else table["skeleton"]
    if skeleton.names != clips.skeleton.names:
        raise InputError(
            f"{where}: describes other joints than the file holds; take the field out, or export "
            "the store again"
        )
    restored = replace(
        clips,
        skeleton=skeleton,
        attributes=table["attributes"],
        splits=clips.splits | table["splits"],
    )
    check.table(restored)
    return restored
