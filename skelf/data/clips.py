"""ClipSet: every frame of a data set in one array, a table of clips over it, splits and segments.

In memory, or mapped from one HDF5 file (`store.py` has the layout). Readers build it; everything
else takes it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError, unknown
from ..skeleton import Skeleton
from . import check, store
from .addresses import address
from .check import TABLE
from .paging import let_go
from .remote import fetched
from .rows import Rows, segments_of, within
from .shards import manifest, opened
from .shards.joints import Joints

SIDES = {"train": 1, "test": 2}
BLOCK = 1 << 24  # numbers handled at once when whole sets are read: 64 MiB


@dataclass(frozen=True, eq=False)
class ClipSet:
    """Skeleton clips (or untrimmed recordings) of true length.

    Args:
        joints: `(F, M, V, C)` float32: the frames of all clips, one after the other; `np.memmap`
            when opened from a file, `Joints` when from shards. Units are the source's. A person
            who is absent from a frame is all zeros there.
        start: `(N,)` int64, first frame of each clip in `joints`.
        length: `(N,)` int64, its number of frames, at least 1.
        label: `(N,)` int64, 0-based class, -1 unknown (recordings).
        subject: `(N,)` int64 as the source writes it, -1 unknown; so are `camera` and `setup`.
        camera: `(N,)` int64.
        setup: `(N,)` int64.
        fps: `(N,)` float32, frames a second.
        name: `(N,)` NumPy strings; `names` gives them as a list.
        class_names: one name for each class.
        skeleton: the layout of the `V` axis.
        splits: name -> `(N,)` int8: 0 unused, 1 train, 2 test.
        segments: `(K, 4)` int64: clip, start, end (exclusive), label; in frames of that clip.
        columns: further integer columns of the table, such as "fold".
        attributes: title, source, licence; `"synthetic": "true"` where the motion was made up;
            `"confidence": "true"` where the last channel is one (`confidence` has the rule).
        normalize: the normalisation that batches apply on loading; never stored in the file.
        path: the file or the folder of shards it was opened from.
        stored: the same file as it was then; its checksum is void after `replace(joints=...)`.
    """

    joints: np.ndarray | Joints
    start: np.ndarray
    length: np.ndarray
    label: np.ndarray
    subject: np.ndarray
    camera: np.ndarray
    setup: np.ndarray
    fps: np.ndarray
    name: np.ndarray
    class_names: tuple[str, ...]
    skeleton: Skeleton
    splits: dict[str, np.ndarray] = field(default_factory=dict)
    segments: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    normalize: str = "none"
    path: Path | None = None
    stored: store.Stored | None = field(default=None, repr=False)

    @classmethod
    def build(
        cls,
        joints: np.ndarray,
        length: Sequence[int] | np.ndarray,
        skeleton: Skeleton,
        *,
        class_names: Sequence[str] = (),
        name: Sequence[str] | np.ndarray | None = None,
        fps: float | np.ndarray = 30.0,
        **others: Any,  # fields of the class, which `check` looks at
    ) -> ClipSet:
        """A set from clips that lie one after the other in `joints`; columns left out are -1.

        Args:
            joints: `(F, M, V, C)`.
            length: `(N,)` frames of each clip; they sum to `F`.
            skeleton: the layout.
            class_names: names of the classes.
            name: `(N,)` clip names; "clip0", "clip1", ... when left out.
            fps: one number or `(N,)`.
            others: label, subject, camera, setup, splits, segments, columns, attributes, path.

        Raises:
            InputError: whatever `validate` finds.

        Examples:
            >>> import numpy as np
            >>> from skelf.layouts import KINECT20
            >>> joints = np.ones((70, 1, 20, 3))  # 70 frames of one person
            >>> clips = ClipSet.build(joints, [30, 40], KINECT20, label=[0, 0], class_names=["sit"])
            >>> len(clips), clips.names, clips.coordinates
            (2, ['clip0', 'clip1'], 3)
        """
        frames = np.asarray(length, np.int64)
        count = len(frames)
        names = [f"clip{i}" for i in range(count)] if name is None else name
        for key in ("label", "subject", "camera", "setup"):
            values = others.get(key)
            others[key] = np.full(count, -1) if values is None else np.asarray(values, np.int64)
        texts = others.get("attributes", {})
        others["attributes"] = {utf8(key): utf8(text) for key, text in texts.items()}
        clips = cls(
            joints=np.ascontiguousarray(joints, np.float32),
            start=np.cumsum(frames) - frames,
            length=frames,
            fps=np.broadcast_to(np.asarray(fps, np.float32), (count,)).copy(),
            name=strings(names),
            class_names=tuple(str(n) for n in class_names),
            skeleton=skeleton,
            **others,
        )
        if frames.sum() != len(joints):
            raise InputError(
                f"{clips}: lengths sum to {frames.sum()} but there are {len(joints)} frames"
            )
        clips.validate()
        for line in check.notes(clips):
            warnings.warn(line, stacklevel=3)
        return clips

    @classmethod
    def open(cls, path: str | Path, normalize: str = "none") -> ClipSet:
        """Opens a store: reads and verifies the table, maps the joints without reading them.

        The joints are verified by whatever reads them all: see `verify`. Of a folder of shards the
        table is mapped, too, and not read; it was checked when it was written.

        An address, as `s3://bucket/set` or `https://host/set.h5`, is read as far as it is used;
        `remote` has where it lies here then.

        Raises:
            InputError: no such file, not a skelf store, or a damaged one.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> generate(clips=12).save("opened.h5")
            >>> clips = ClipSet.open("opened.h5", normalize="centre")  # what batches will apply
            >>> len(clips), type(clips.joints).__name__
            (12, 'memmap')
        """
        url = address(path)
        path = Path(path) if url is None else fetched(url)
        sharded = manifest.is_sharded(path) or (path / manifest.COLUMNS).is_dir()
        fields, stored = (opened.read if sharded else store.read)(path)
        for key in TABLE:
            if key not in fields["columns"]:
                raise InputError(f"{path}: dataset 'clips/{key}' is missing; import the data again")
        table = {key: fields["columns"].pop(key) for key in TABLE}
        clips = cls(**table, **fields, normalize=normalize, path=path, stored=stored)
        if not sharded:
            check.table(clips)
        return clips

    def save(self, path: str | Path) -> None:
        """Writes one HDF5 file atomically, holding only the frames that the clips use.

        Raises:
            InputError: NaN or infinite joints, or a table that does not hold; no file appears.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> clips = generate(clips=12)
            >>> clips.take([0, 5]).save("two.h5")
            >>> ClipSet.open("two.h5").frames_total == clips.length[[0, 5]].sum()
            np.True_
        """
        if not len(self):
            raise InputError(f"{self}: there are no clips; nothing to save to {path}")
        check.table(self)
        store.write(Path(path), self)

    def __len__(self) -> int:
        return len(self.start)

    def __str__(self) -> str:
        return str(self.path or self.attributes.get("title") or "clips")

    @property
    def names(self) -> list[str]:
        """Clip names as a list of strings."""
        return [str(n) for n in self.name.tolist()]

    @property
    def persons(self) -> int:
        """Persons `M` that each frame has room for."""
        return int(self.joints.shape[1])

    @property
    def channels(self) -> int:
        """Numbers `C` of a joint: its coordinates, and its confidence where the set has one."""
        return int(self.joints.shape[3])

    @property
    def confidence(self) -> bool:
        """Whether the last channel is a confidence in [0, 1]: `attributes["confidence"]`."""
        return self.attributes.get("confidence") == "true"

    @property
    def coordinates(self) -> int:
        """Coordinates of a joint: 2 or 3; a missing joint has all of them 0, and confidence 0."""
        return self.channels - self.confidence

    @property
    def frames_total(self) -> int:
        """Frames of all clips together."""
        return int(self.length.sum())

    def clip(self, index: int) -> np.ndarray:
        """Clip `index`, `(T, M, V, C)`: a view, nothing is copied.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> clips = generate(clips=12)
            >>> clips.clip(3).shape == (clips.length[3], 1, 20, 3)
            True
        """
        check.whole(self, self.joints)
        return self.joints[self.start[index] : self.start[index] + self.length[index]]

    def blocks(self, numbers: int = BLOCK) -> Iterator[tuple[range, np.ndarray]]:
        """The clips in order, some at a time: indices, and frames `(F, M, V, C)` end to end.

        Raises:
            InputError: the joints of an opened file are damaged, or it was cut off meanwhile.
        """
        self.verify()
        ends = np.cumsum(self.length)
        frames = max(1, numbers // max(1, int(np.prod(self.joints.shape[1:]))))
        first = 0
        while first < len(self):
            done = ends[first] - self.length[first]
            last = max(first + 1, int(np.searchsorted(ends, done + frames, "right")))
            begin, size = self.start[first], ends[last - 1] - done
            steps = self.length[first:last].cumsum() - self.length[first:last]
            check.whole(self, self.joints)
            if np.array_equal(self.start[first:last] - begin, steps):  # neighbours: no copy
                yield range(first, last), self.joints[begin : begin + size]
            else:
                clips = [self.clip(i) for i in range(first, last)]
                yield range(first, last), np.concatenate(clips)
            let_go(self.joints)  # a whole pass would count as this process's memory
            first = last

    def take(self, indices: Sequence[int] | np.ndarray) -> ClipSet:
        """The clips at `indices`, in that order; shares the joints.

        Args:
            indices: integers (repeats allowed) or an `(N,)` mask.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> clips = generate(clips=12)
            >>> clips.take([3, 3, 0]).names == [clips.names[3], clips.names[3], clips.names[0]]
            True
            >>> len(clips.take(clips.label == 2))
            1
        """
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        rows = Rows(within(chosen, len(self)))
        # Any: fields by name, of which mypy would think that each may be any.
        table: dict[str, Any] = {key: rows.of(getattr(self, key)) for key in TABLE}
        return replace(
            self,
            **table,
            splits={key: rows.of(value) for key, value in self.splits.items()},
            columns={key: rows.of(value) for key, value in self.columns.items()},
            segments=segments_of(self.segments, rows.chosen),
        )

    def split(self, name: str) -> tuple[ClipSet, ClipSet]:
        """The train and the test clips of a named split.

        Raises:
            InputError: no such split (the message lists them), or one of its sides is empty.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> train, test = generate(clips=36, cameras=3).split("xview")
            >>> set(train.camera.tolist()), set(test.camera.tolist())
            ({0, 1}, {2})
        """
        return self.side(name, "train"), self.side(name, "test")

    def side(self, name: str, which: Literal["train", "test"]) -> ClipSet:
        """The clips of one side of a named split.

        Raises:
            InputError: as `split`, also where the other side is empty.
        """
        if not self.splits:
            raise InputError(f"{self}: has no splits; make one with `skelf data split`")
        if name not in self.splits:
            raise InputError(f"{self}: {unknown('split', name, self.splits)}")
        sides = self.splits[name]
        for side, value in SIDES.items():
            if not (sides == value).any():
                raise InputError(f"{self}: split {name!r} has no {side} clips; make another split")
        return self.take(np.flatnonzero(sides == SIDES[which]))

    def with_split(self, name: str, assignment: Sequence[int] | np.ndarray) -> ClipSet:
        """The same clips with one more (or a replaced) split.

        Args:
            name: letters, digits, `_`, `-` and `.`.
            assignment: `(N,)`: 0 unused, 1 train, 2 test.

        Raises:
            InputError: a name or an assignment that does not hold.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> clips = generate(clips=12).with_split("half", [1] * 6 + [2] * 6)
            >>> [len(side) for side in clips.split("half")]
            [6, 6]
        """
        clips = replace(self, splits={**self.splits, name: np.asarray(assignment, np.int8)})
        check.table(clips)
        return clips

    def digest(self) -> str:
        """Identity of the content as hex: frames, table, classes, segments and skeleton.

        Splits and normalisation do not count. Cheap for opened files, whose joints have a stored
        checksum; for joints in memory all frames are hashed. Of a folder of shards nothing is read,
        nor of its columns but those that were chosen or changed since.
        """
        if isinstance(self.joints, Joints):
            table = {key: getattr(self, key) for key in (*TABLE, "segments")}
            content = opened.digest(self.joints, table, self.stored)
            return self._digest(blake2b(content.encode(), digest_size=16))
        is_stored = self.stored is not None and self.stored.joints is self.joints
        frames = self.stored.checksum if is_stored and self.stored else store.checksum(self.joints)
        hashed = blake2b(frames.encode(), digest_size=16)
        table = {key: getattr(self, key) for key in TABLE}
        for values in (table | {"name": store.encoded(self.name)}).values():
            hashed.update(np.ascontiguousarray(values).tobytes())
        hashed.update(self.segments.tobytes())
        return self._digest(hashed)

    def _digest(self, hashed: blake2b) -> str:
        """With what is not in a column."""
        hashed.update(repr((self.joints.shape, self.class_names, self.skeleton.to_dict())).encode())
        return hashed.hexdigest()

    def verify(self) -> None:
        """Compares the joints of an opened file with its checksum: all are read, once in a process.

        Shards are compared one by one, when a frame of one is first read; here the columns are,
        unless they are large (`shards.opened.SMALL`).
        `blocks` and `ClipBatches` do it, so that training, evaluating and whatever reads a whole
        set do. Clips that are not from a file, or have other joints by now, are taken as they are.

        Raises:
            InputError: they are damaged.

        Examples:
            >>> from skelf.data.synthetic.clips import generate
            >>> generate(clips=12).save("whole.h5")
            >>> ClipSet.open("whole.h5").verify()
        """
        stored = self.stored
        if stored is not None and stored.joints is self.joints and not stored.trusted:
            store.verify_joints(self, stored)
            opened.verify_table(self, stored)

    def validate(self) -> None:
        """Checks the table, the splits, the segments and every joint.

        Raises:
            InputError: names the field, the clip and what to do.
        """
        check.table(self)
        for clips, frames in self.blocks():
            check.finite(self, clips, frames)


def utf8(text: str) -> str:
    """A text as a store can keep it: half characters (of names that are no UTF-8) become `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")


def strings(names: Sequence[str] | np.ndarray) -> np.ndarray:
    """Names as the array that a ClipSet keeps; bytes are UTF-8."""
    texts = [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names]
    return np.array([utf8(text) for text in texts], dtype=np.str_)
