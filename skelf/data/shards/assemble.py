"""Stores that are there become one set: their tables are put end to end, their joints stay.

The files are gone through twice, first for what is in them, then for the rows, so that memory holds
one table at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from ...errors import InputError
from ...locks import PATIENCE, holding
from ...skeleton import Skeleton
from .. import store
from . import columns, listed, manifest
from .listed import Part
from .manifest import Manifest

S = TypeVar("S")
Progress = Callable[[int, int], None]


def assemble(
    folder: str | Path,
    files: Sequence[str | Path],
    *,
    progress: Progress = lambda done, total: None,
) -> None:
    """Makes a sharded set of stores, whose clips it has in the stores' order.

    Their classes are merged by name: as they are where all stores list the same, else in order
    where each store's are in order, else as they come. A split, a further column and an attribute
    stay where every store has them, an attribute of one value. The set has as many persons as the
    store with most of them.

    Args:
        folder: of the set; is made when missing. A set that is there is replaced at the end.
        files: the stores; they may lie anywhere, best in the folder.
        progress: called with stores done and in all, each twice.

    Raises:
        InputError: no stores, one that cannot be read, or of other joints.
        OSError: the folder cannot be written.
    """
    folder, paths = Path(folder), [Path(file) for file in files]
    if not paths:
        raise InputError(f"{folder}: no stores are named; a set needs one or more")
    heads: list[_Head] = []
    for done, path in enumerate(paths):
        heads.append(_head(path, heads[-1] if heads else None))
        _refuse_other(heads[0], heads[-1])
        progress(done + 1, 2 * len(paths))
    class_names = _classes(list(dict.fromkeys(head.class_names for head in heads)))
    folder.mkdir(parents=True, exist_ok=True)
    with holding(folder / manifest.FILE, PATIENCE), columns.growing(folder) as table:
        clips = _fill(
            table, heads, class_names, lambda done: progress(len(paths) + done, 2 * len(paths))
        )
        parts = [head.part for head in heads]
        shards, written = table.finish(listed.rows(folder, parts))
        first = heads[0]
        manifest.write(
            folder,
            Manifest(
                skeleton=first.skeleton,
                frame=(max(head.part.persons for head in heads), *first.frame),
                class_names=class_names,
                attributes={
                    key: text
                    for key, text in sorted(first.attributes.items())
                    if all(head.attributes.get(key) == text for head in heads)
                },
                clips=clips,
                columns=written,
                shards=shards,
                joints=listed.checksum(parts),
            ),
        )


def _fill(
    table: columns.Growing,
    heads: Sequence[_Head],
    class_names: Sequence[str],
    tell: Callable[[int], None],
) -> int:
    """Puts the stores' rows into new columns; the number of clips."""
    whole = {
        name: table.column(name, dtype, (sum(head.rows[name] for head in heads), *width))
        for name, (dtype, width) in _kinds(heads).items()
    }
    at, frames = dict.fromkeys(whole, 0), 0
    for done, head in enumerate(heads):
        rows = _rows(head, class_names, at["start"], frames)
        for name, values in whole.items():
            values[at[name] : at[name] + len(rows[name])] = rows[name]
            at[name] += len(rows[name])
        frames += head.part.frames
        table.let_go()
        tell(done + 1)
    return at["start"]


class _Head(NamedTuple):
    """What the set needs to know of a store before it takes its rows.

    Args:
        part: its line in the list of shards.
        stamp: of the file.
        skeleton: of its joints.
        frame: `(V, C)`.
        class_names: its own.
        attributes: its own.
        rows: of each column.
        dtypes: of each column.
    """

    part: Part
    stamp: store.Stamp
    skeleton: Skeleton
    frame: tuple[int, int]
    class_names: tuple[str, ...]
    attributes: dict[str, str]
    rows: dict[str, int]
    dtypes: dict[str, np.dtype]


def _head(path: Path, last: _Head | None) -> _Head:
    """What is as in the last one is shared: with 100,000 stores most is."""
    fields, stored = store.read(path)
    frames, persons, V, C = stored.joints.shape
    table = _table(fields)
    head = _Head(
        Part(path, frames, persons, stored.stamp[2], stored.checksum),
        stored.stamp,
        fields["skeleton"],
        (V, C),
        fields["class_names"],
        fields["attributes"],
        {name: len(values) for name, values in table.items()},
        {name: values.dtype for name, values in table.items()},
    )
    if last is None:
        return head
    return head._replace(
        skeleton=_either(last.skeleton, head.skeleton),
        class_names=_either(last.class_names, head.class_names),
        attributes=_either(last.attributes, head.attributes),
        rows=_either(last.rows, head.rows),
        dtypes=_either(last.dtypes, head.dtypes),
    )


def _either(last: S, new: S) -> S:
    return last if last == new else new


def _table(fields: store.Fields) -> dict[str, np.ndarray]:
    """All columns of a store by the names that a manifest has."""
    splits = {f"splits/{name}": side for name, side in fields["splits"].items()}
    return fields["columns"] | splits | {"segments": fields["segments"]}


def _kinds(heads: Sequence[_Head]) -> dict[str, tuple[np.dtype, tuple[int, ...]]]:
    """The columns that every store has: the type of their numbers, and a row's width."""
    common = [name for name in heads[0].dtypes if all(name in head.dtypes for head in heads)]
    return {
        name: (
            max((head.dtypes[name] for head in heads), key=lambda dtype: dtype.itemsize),
            (4,) if name == "segments" else (),
        )
        for name in common
    }


def _rows(
    head: _Head, class_names: Sequence[str], before: int, frames: int
) -> dict[str, np.ndarray]:
    """A store's rows as those of the set, behind so many rows and frames."""
    number = {name: at for at, name in enumerate(class_names)}
    new = np.array([*(number[name] for name in head.class_names), -1], np.int64)
    fields, stored = store.read(head.part.path)
    if stored.stamp != head.stamp:
        raise InputError(
            f"{head.part.path}: was changed while the set was made of it; make the set again"
        )
    rows = _table(fields)
    segments = rows["segments"].copy()
    segments[:, 0] += before
    segments[:, 3] = new[segments[:, 3]]
    moved = {"start": rows["start"] + frames, "label": new[rows["label"]], "segments": segments}
    return rows | moved


def _classes(listed: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of all, by the rule of `assemble`."""
    together = dict.fromkeys(name for names in listed for name in names)
    in_order = all(list(names) == sorted(names) for names in listed)
    return tuple(sorted(together)) if in_order else tuple(together)


def _refuse_other(first: _Head, other: _Head) -> None:
    """Refuses a store whose frames are not as those of the first one."""
    if first.skeleton.to_dict() != other.skeleton.to_dict() or first.frame != other.frame:
        (V, C), (here, there) = first.frame, other.frame
        raise InputError(
            f"{other.part.path}: {here} joints ({other.skeleton.name}) of {there} numbers; "
            f"{first.part.path} has {V} ({first.skeleton.name}) of {C}; a set has one layout"
        )
    if first.attributes.get("confidence") != other.attributes.get("confidence"):
        raise InputError(
            f"{other.part.path}: {first.part.path} and this do not agree whether the last number "
            "of a joint is a confidence; import both alike"
        )
