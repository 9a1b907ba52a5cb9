"""All shards of an import as one set: the table that reading the files at once would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..listing import Told
from ..motion.video import ASSUMED
from .records import Record

Kind = tuple[Skeleton, int, int]
"""Joints' layout, their number, and the numbers of each."""


@dataclass(frozen=True)
class Shard:
    """A shard without its joints, so that many are held at once; the fields are a ClipSet's."""

    file: Path
    told: Told
    kind: Kind
    label: np.ndarray
    segments: np.ndarray
    splits: dict[str, np.ndarray]
    columns: dict[str, np.ndarray]
    class_names: tuple[str, ...]
    attributes: dict[str, str]

    @classmethod
    def of(cls, file: Path, told: Told) -> Shard:
        """Opens a shard and closes it."""
        clips = ClipSet.open(file)
        return cls(
            file,
            told,
            (clips.skeleton, *clips.joints.shape[2:]),
            clips.label,
            clips.segments,
            clips.splits,
            clips.columns,
            clips.class_names,
            clips.attributes,
        )


def alike(shards: Sequence[Shard]) -> tuple[list[Shard], list[tuple[Path, str]]]:
    """The shards with the joints that most clips have; the others, and what they have."""
    clips: dict[Kind, int] = {}
    for shard in shards:
        clips[shard.kind] = clips.get(shard.kind, 0) + len(shard.label)
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
        odd.append((shard.file, text))
    return same, odd


def table(clips: ClipSet, shards: Sequence[Shard], records: Sequence[Record]) -> ClipSet:
    """The set of some shards, with class names, labels, splits and attributes of all of them.

    Args:
        clips: the set as the shards are; its joints are not read.
        shards: in the order of its clips.
        records: of all chunks, also of those without a clip.

    Raises:
        InputError: one class number with two names.
    """
    class_names, maps = _classes(shards, records)
    segments, before = [], 0
    for shard, new in zip(shards, maps, strict=True):
        rows = shard.segments.copy()
        rows[:, 0] += before
        rows[:, 3] = new[rows[:, 3]]
        segments.append(rows)
        before += len(shard.label)
    label = np.concatenate([new[s.label] for s, new in zip(shards, maps, strict=True)])
    segment = np.concatenate(segments)
    if _stated(records):  # as the reader does: classes of clips that are left out go, at the end
        used = max(int(label.max()), int(segment[:, 3].max(initial=-1))) + 1
        class_names = class_names[:used]
    return replace(
        clips,
        label=label,
        segments=segment,
        class_names=tuple(class_names),
        splits=_laid([s.splits for s in shards], shards, np.int8, 0),
        columns=_laid([s.columns for s in shards], shards, np.int64, -1),
        attributes=_attributes([shard.attributes for shard in shards]) | _counts(records),
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
        names = [*shards[0].class_names]
        assert all([*shard.class_names] == names for shard in shards), "parts number their classes"
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
        own = [*enumerate(shard.told.class_names())][: len(shard.class_names)]
        new = [at if at <= shard.told.top else names.index(name) for at, name in own]
        maps.append(np.array([*new, -1], np.int64))
    return names, maps


def _laid(
    parts: Sequence[dict[str, np.ndarray]], shards: Sequence[Shard], dtype: type, absent: int
) -> dict[str, np.ndarray]:
    """Columns end to end; `absent` for the clips of a shard that lacks one."""
    keys = dict.fromkeys(key for part in parts for key in part)
    lacking: list[np.ndarray] = [np.full(len(s.label), absent, dtype) for s in shards]
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
