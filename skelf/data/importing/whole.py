"""All shards of an import as one set: the table that reading the files at once would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..check import TABLE
from ..clips import ClipSet
from ..listing import Told
from ..motion.video import ASSUMED
from ..shards import Joints
from ..shards.listed import Part
from .records import Record


class Rest(NamedTuple):
    """Fields of a ClipSet that are no column of every store."""

    segments: np.ndarray
    splits: dict[str, np.ndarray]
    columns: dict[str, np.ndarray]
    class_names: tuple[str, ...]
    attributes: dict[str, str]


Kind = tuple[Skeleton, int, int]
"""Joints' layout, their number, and the numbers of each."""


@dataclass(frozen=True)
class Shard:
    """A shard without its joints, so that many are held at once.

    Args:
        part: of the set.
        told: what its files say of their classes.
        kind: of its joints.
        table: columns of every store, by name.
        rest: the other fields, as a ClipSet has them, without joints.
    """

    part: Part
    told: Told
    kind: Kind
    table: dict[str, np.ndarray]
    rest: Rest

    @classmethod
    def of(cls, file: Path, told: Told) -> Shard:
        """Opens a shard and closes it."""
        clips = ClipSet.open(file)
        stored = clips.stored
        assert stored is not None, "it was opened"
        frames, persons, V, C = clips.joints.shape
        return cls(
            Part(file, frames, persons, stored.stamp[2], stored.checksum),
            told,
            (clips.skeleton, V, C),
            {key: getattr(clips, key) for key in TABLE},
            Rest(clips.segments, clips.splits, clips.columns, clips.class_names, clips.attributes),
        )

    def __len__(self) -> int:
        return len(self.table["label"])


def alike(shards: Sequence[Shard]) -> tuple[list[Shard], list[tuple[Path, str]]]:
    """The shards with the joints that most clips have; the others, and what they have."""
    clips: dict[Kind, int] = {}
    for shard in shards:
        clips[shard.kind] = clips.get(shard.kind, 0) + len(shard)
    if not clips:
        return [], []
    usual = max(clips, key=lambda kind: clips[kind])
    same, odd = [], []
    for shard in shards:
        if shard.kind == usual:
            same.append(shard)
            continue
        has, most = (
            f"{joints} joints of {numbers} numbers ({skeleton.name})"
            for skeleton, joints, numbers in (shard.kind, usual)
        )
        text = f"{has}, most clips have {most}; import sets of one layout at a time"
        odd.append((shard.part.path, text))
    return same, odd


def together(folder: Path, shards: Sequence[Shard], records: Sequence[Record]) -> ClipSet:
    """The set of some shards, with class names, labels, splits and attributes of all of them.

    Args:
        folder: of the set.
        shards: in the order of its clips, of one kind.
        records: of all chunks, also of those without a clip.

    Raises:
        InputError: one class number with two names.
    """
    class_names, maps = _classes(shards, records)
    segments, before = [], 0
    for shard, new in zip(shards, maps, strict=True):
        rows = shard.rest.segments.copy()
        rows[:, 0] += before
        rows[:, 3] = new[rows[:, 3]]
        segments.append(rows)
        before += len(shard)
    table: dict[str, Any] = {  # by name: what a ClipSet takes
        key: np.concatenate([shard.table[key] for shard in shards]) for key in TABLE
    }
    table["start"] = np.cumsum(table["length"]) - table["length"]
    labels = zip(shards, maps, strict=True)
    table["label"] = np.concatenate([new[shard.table["label"]] for shard, new in labels])
    segment = np.concatenate(segments)
    if _stated(records):  # as the reader does: classes of clips that are left out go, at the end
        used = max(int(table["label"].max()), int(segment[:, 3].max(initial=-1))) + 1
        class_names = class_names[:used]
    skeleton, V, C = shards[0].kind
    parts = [shard.part for shard in shards]
    return ClipSet(
        joints=Joints(parts, (max(part.persons for part in parts), V, C), folder),
        **table,
        skeleton=skeleton,
        segments=segment,
        class_names=tuple(class_names),
        splits=_laid([s.rest.splits for s in shards], shards, np.int8, 0),
        columns=_laid([s.rest.columns for s in shards], shards, np.int64, -1),
        attributes=_attributes([shard.rest.attributes for shard in shards]) | _counts(records),
    )


def unused(records: Sequence[Record]) -> set[tuple[str, str]]:
    """Options and their words that no file had."""
    asked = [record.told.unused for record in records if record.told.unused is not None]
    return set.intersection(*asked) if asked else set()


def _stated(records: Sequence[Record]) -> bool:
    """Whether it is the files that say the classes, not the listing."""
    return any(r.told.stated or r.told.named or r.told.top >= 0 for r in records)


def _classes(
    shards: Sequence[Shard], records: Sequence[Record]
) -> tuple[list[str], list[np.ndarray]]:
    """The names of all classes, and for each shard the label of each of its own, the last for -1.

    Where files say their classes, numbers stay, and names without one are numbered behind them.
    """
    if not _stated(records):
        names = [*shards[0].rest.class_names]
        assert all([*shard.rest.class_names] == names for shard in shards), (
            "parts number their classes"
        )
        return names, [np.array([*range(len(names)), -1])] * len(shards)
    whole = Told()
    for told in (record.told for record in records):
        for number, name in told.stated.items():
            if whole.stated.setdefault(number, name) != name:
                other = whole.stated[number]
                raise InputError(
                    f"class {number} is {other[:60]!a} in one file, {name[:60]!a} in another; "
                    "import sets of one list of classes at a time"
                )
        whole.named |= told.named
        whole.top = max(whole.top, told.top)
    names = whole.class_names()
    maps = []
    for shard in shards:
        own = [*enumerate(shard.told.class_names())][: len(shard.rest.class_names)]
        new = [at if at <= shard.told.top else names.index(name) for at, name in own]
        maps.append(np.array([*new, -1], np.int64))
    return names, maps


def _laid(
    parts: Sequence[dict[str, np.ndarray]], shards: Sequence[Shard], dtype: type, absent: int
) -> dict[str, np.ndarray]:
    """Columns end to end; `absent` for the clips of a shard that lacks one."""
    keys = dict.fromkeys(key for part in parts for key in part)
    lacking: list[np.ndarray] = [np.full(len(s), absent, dtype) for s in shards]
    return {
        key: np.concatenate(
            [part.get(key, none) for part, none in zip(parts, lacking, strict=True)], dtype=dtype
        )
        for key in keys
    }


def _attributes(parts: Sequence[dict[str, str]]) -> dict[str, str]:
    """Those that all have alike; an assumed rate of some is one of the set."""
    whole = {}
    for key in dict.fromkeys(key for part in parts for key in part):
        values = [part[key] for part in parts if key in part]
        if key == ASSUMED or (len(values) == len(parts) and len(set(values)) == 1):
            whole[key] = values[0]
    return whole


def _counts(records: Sequence[Record]) -> dict[str, str]:
    keys = dict.fromkeys(key for record in records for key in record.told.counts)
    return {key: str(sum(r.told.counts.get(key, 0) for r in records)) for key in keys}
