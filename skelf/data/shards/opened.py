"""A sharded set as a ClipSet's fields, and a ClipSet over shards as a sharded set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...locks import PATIENCE, holding
from .. import check, store
from . import columns, listed, manifest
from .joints import Joints
from .listed import Listed, present
from .manifest import Manifest

if TYPE_CHECKING:
    from ..clips import ClipSet


def read(folder: Path) -> tuple[store.Fields, store.Stored]:
    """The table, mapped, and the joints of all shards; what is not asked for is not read.

    Raises:
        InputError: the manifest or a column is missing, damaged or of another size.
    """
    said, status = manifest.read(folder)
    table = {name: columns.read(folder, name, column) for name, column in said.columns.items()}
    parts = Listed(folder, columns.read(folder, "shards", said.shards))
    joints = Joints(parts, said.frame, folder)
    fields: store.Fields = {
        "joints": joints,
        "segments": table.pop("segments"),
        "splits": {
            name.removeprefix("splits/"): table.pop(name)
            for name in [*table]
            if name.startswith("splits/")
        },
        "columns": table,
        "class_names": said.class_names,
        "skeleton": said.skeleton,
        "attributes": said.attributes,
    }
    return fields, store.Stored(joints, said.joints, store.stamp_of(status))


def save_table(folder: str | Path, clips: ClipSet) -> None:
    """Makes a sharded set of clips whose joints are those of shards, which stay where they are.

    So a part of a set, or several sets together, become a set of their own at the cost of a table.

    Args:
        folder: of the set; is made when missing. A set that is there is replaced at the end.
        clips: opened from a sharded set, a part of one, or with another table.

    Raises:
        InputError: the joints are not those of shards, or the table does not hold.
        OSError: the folder cannot be written.
    """
    folder, joints = Path(folder), clips.joints
    if not isinstance(joints, Joints):
        raise InputError(f"{clips}: its joints are not those of shards; `skelf data shard` cuts it")
    check.table(clips)
    table = {key: getattr(clips, key) for key in check.TABLE} | clips.columns
    table |= {f"splits/{name}": side.astype(np.int8) for name, side in clips.splits.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with holding(folder / manifest.FILE, PATIENCE), columns.growing(folder) as growing:
        for name, values in (table | {"segments": clips.segments}).items():
            growing.column(name, values.dtype, values.shape)[...] = values
        shards, written = growing.finish(listed.rows(folder, joints.parts))
        manifest.write(
            folder,
            Manifest(
                clips.skeleton,
                joints.frame,
                clips.class_names,
                dict(clips.attributes),
                len(clips),
                written,
                shards,
                listed.checksum(joints.parts),
            ),
        )


def add_splits(folder: Path, splits: Mapping[str, np.ndarray]) -> None:
    """Adds or replaces splits; nothing else is written again.

    Args:
        folder: of the set.
        splits: name -> `(N,)` int8, checked by `ClipSet.with_split` before.

    Raises:
        InputError: the set has another number of clips.
    """
    with holding(folder / manifest.FILE, PATIENCE):
        said, _ = manifest.read(folder)
        for name, side in splits.items():
            if len(side) != said.clips:
                raise InputError(
                    f"{folder}: split {name!r} is for {len(side)} clips, the set has "
                    f"{said.clips}; was it replaced? Make the split again"
                )
        with columns.growing(folder) as growing:
            for name, side in splits.items():
                growing.column(f"splits/{name}", np.dtype(np.int8), side.shape)[...] = side
            written = growing.named()
        manifest.write(folder, said.with_columns(written))


def verify(folder: Path) -> None:
    """Recomputes every checksum, of the columns and of all shards.

    Raises:
        InputError: names what is missing, changed or damaged.
    """
    said, _ = manifest.read(folder)
    for name, column in said.columns.items():
        columns.verify(folder, name, column)
    columns.verify(folder, "shards", said.shards)
    for part in Listed(folder, columns.read(folder, "shards", said.shards)):
        present(part, folder)
        store.verify(part.path)
