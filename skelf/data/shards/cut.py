"""A set cut into shards, or several sets whose stores become the shards of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ..paging import let_go
from .assemble import assemble
from .joints import Joints
from .listed import Part

if TYPE_CHECKING:
    from ..clips import ClipSet

CLIPS = 10_000
"""Clips of a shard: of two seconds and 25 joints about 150 MB."""


def cut(
    clips: ClipSet,
    folder: str | Path,
    clips_per_shard: int = CLIPS,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes a set as shards, of which memory holds some frames at a time.

    Args:
        clips: the set.
        folder: an empty one that is there, or is made.
        clips_per_shard: clips of each, the last one may have fewer.
        progress: called with clips done and in all.

    Raises:
        InputError: fewer than one clip a shard, or joints that are damaged.
        OSError: the folder cannot be written.

    Examples:
        >>> from skelf.data.clips import ClipSet
        >>> from skelf.data.synthetic.clips import generate
        >>> cut(generate(clips=12), "in_shards", clips_per_shard=5)
        >>> len(ClipSet.open("in_shards")), len(ClipSet.open("in_shards").joints.parts)
        (12, 3)
    """
    if clips_per_shard < 1:
        raise InputError(f"{clips_per_shard} clips a shard; give 1 or more")
    folder = Path(folder)
    files: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(clips), clips_per_shard):
        last = min(len(clips), first + clips_per_shard)
        files.append(folder / f"shard-{len(files):05d}.h5")
        clips.take(np.arange(first, last)).save(files[-1])
        let_go(clips.joints)
        progress(last, len(clips))
    assemble(folder, files)


def linked(sets: Sequence[ClipSet]) -> tuple[Joints, np.ndarray]:
    """The joints of several sets end to end, where they are, and the first frame of each clip.

    Args:
        sets: opened from stores or from sharded sets, all of one layout.

    Raises:
        InputError: joints that are not those of a file.
    """
    parts: list[Part] = []
    starts, frames = [], 0
    for clips in sets:
        parts += _parts(clips)
        starts.append(clips.start + frames)
        frames += len(clips.joints)
    persons = max(clips.persons for clips in sets)
    frame = (persons, sets[0].skeleton.joints, sets[0].channels)
    return Joints(parts, frame, "the sets together"), np.concatenate(starts)


def refuse_inside(out: Path, sets: Sequence[ClipSet]) -> None:
    """Refuses an output folder that would be replaced, and has joints of the sets that are read.

    Raises:
        InputError: it has.
    """
    real = out.resolve()
    for clips in sets:
        parts = clips.joints.parts if isinstance(clips.joints, Joints) else ()
        read = {part.path.parent.resolve() for part in parts} | {Path(str(clips.path)).resolve()}
        if any(real in (place, *place.parents) for place in read):
            raise InputError(
                f"{out}: has the set that is read, or joints of it; choose another --out"
            )


def _parts(clips: ClipSet) -> Sequence[Part]:
    if isinstance(clips.joints, Joints):
        return clips.joints.parts
    stored = clips.stored
    if stored is None or stored.joints is not clips.joints or clips.path is None:
        raise InputError(
            f"{clips}: its joints are not in a store that others can refer to; save it first"
        )
    frames, persons = clips.joints.shape[:2]
    return [Part(clips.path, frames, persons, stored.stamp[2], stored.checksum)]
