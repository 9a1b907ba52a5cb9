"""A sharded set as a ClipSet's fields, and a ClipSet over shards as a sharded set."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...locks import PATIENCE, holding
from .. import check, store
from . import columns, listed, manifest
from .joints import Joints
from .listed import Listed, present
from .manifest import AGAIN, Manifest

if TYPE_CHECKING:
    from ..clips import ClipSet

SMALL = 1 << 28
"""Bytes of a table that is verified where a set is read as a whole: two million clips, 0.3 s. What
is larger is verified by `skelf data check`: each of many workers would read more of it than of the
joints."""

_verified: set[store.Stamp] = set()
"""Manifests whose columns this process has verified."""


def read(folder: Path) -> tuple[store.Fields, store.Stored]:
    """The table, mapped, and the joints of all shards; what is not asked for is not read.

    Raises:
        InputError: the manifest or a column is missing, damaged or of another size.
    """
    said, stamp, table, rows = _mapped(folder)
    joints = Joints(Listed(folder, rows), said.frame, folder)
    checksums = {name: (values, said.columns[name].blake2b) for name, values in table.items()}
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
    return fields, store.Stored(joints, said.joints, stamp, checksums)


def _mapped(folder: Path) -> tuple[Manifest, store.Stamp, dict[str, np.ndarray], np.ndarray]:
    """The manifest, its stamp, the columns and the list of shards."""
    said, status = manifest.read(folder)
    stamp = store.stamp_of(status)
    try:
        table = {name: columns.read(folder, name, column) for name, column in said.columns.items()}
        return said, stamp, table, columns.read(folder, "shards", said.shards)
    except InputError:
        if store.stamp_of(manifest.read(folder)[1]) == stamp:
            raise
    return _mapped(folder)  # a writer replaced a column meanwhile


def digest(joints: Joints, content: Mapping[str, np.ndarray], stored: store.Stored | None) -> str:
    """Identity of joints and columns; what is as it was opened is not read for it.

    Args:
        joints: of all clips.
        content: columns by name.
        stored: where they come from, if they do.
    """
    known = stored.table if stored is not None else {}
    is_stored = stored is not None and stored.joints is joints
    frames = stored.checksum if is_stored and stored else listed.checksum(joints.parts)
    hashed = blake2b(frames.encode(), digest_size=16)
    for name, values in content.items():
        opened, checksum = known.get(name, (None, ""))
        hashed.update((checksum if opened is values else columns.checksum(values)).encode())
    return hashed.hexdigest()


def verify_table(where: object, stored: store.Stored) -> None:
    """Compares the columns with their checksums, once in a process, where they are `SMALL`.

    Raises:
        InputError: one differs.
    """
    table = stored.table
    if stored.stamp in _verified or sum(values.nbytes for values, _ in table.values()) > SMALL:
        return
    for name, (values, checksum) in table.items():
        if columns.checksum(values) != checksum:
            raise InputError(f"{where}: checksum does not match in column {name!r}; {AGAIN}")
    _verified.add(stored.stamp)


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
            growing.put(name, values)
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
                growing.put(f"splits/{name}", side.astype(np.int8))
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
