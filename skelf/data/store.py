"""The store: one HDF5 file that any language reads and that maps into memory.

    /joints          (F, M, V, C) float32, contiguous, so that the file itself is the array
    /clips/<column>  (N,) start, length, label, subject, camera, setup, fps, name, further integers
    /splits/<name>   (N,) int8: 0 unused, 1 train, 2 test
    /segments        (K, 4) int64: clip, start, end (exclusive), label
    /class_names     (classes,) UTF-8
    attributes of /  format "skelf-clips", version 1, skeleton (JSON), attributes (JSON)

Each dataset has the attribute `blake2b`: 128 bits over its little-endian bytes, as hex; the root
has one over its JSON. Names, shapes, places and attributes are under HDF5's own checksums, which
its format of 2008 brought (`LIBVER`); texts of variable length are not, see `texts.py`. A file is
never changed in place: it is written beside, synced and renamed, all under one lock.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import h5py
import numpy as np

from ..errors import InputError
from ..files import replacing
from ..locks import PATIENCE, holding
from ..skeleton import Skeleton
from . import check
from .damage import DAMAGED as BROKEN
from .damage import reason
from .hdf5 import writable
from .paging import let_go
from .texts import fixed, refuse_damaged_heap, text

if TYPE_CHECKING:
    from .clips import ClipSet
    from .shards.joints import Joints

FORMAT, VERSION = "skelf-clips", 1
LIBVER = ("v108", "v108")
DAMAGED = "damaged or cut off; copy or import it again"
SUFFIXES = ("", ".h5", ".hdf5")  # of files that were stores, however damaged they are now
SETTLED = 2.0  # seconds; a file that changed less long ago may change again without a trace

Stamp = tuple[int, int, int, int]
"""A file as the system knows it: device, number, bytes, nanoseconds of its last change."""


@dataclass(frozen=True, eq=False)
class Stored:
    """Where opened clips come from.

    Args:
        joints: as they were mapped.
        checksum: the stored one, of exactly these.
        stamp: the file when it was opened.
        table: of shards: the mapped columns by name, each with its checksum.
        trusted: they are verified elsewhere, once for all who work on parts of them.
    """

    joints: np.ndarray | Joints
    checksum: str
    stamp: Stamp
    table: Mapping[str, tuple[np.ndarray, str]] = field(default_factory=dict)
    trusted: bool = False


_verified: set[Stamp] = set()
"""Files whose joints this process has verified."""


def checksum(values: np.ndarray) -> str:
    """BLAKE2b of an array's bytes, 128 bits as hex."""
    return blake2b(_bytes(values), digest_size=16).hexdigest()


def encoded(names: np.ndarray) -> np.ndarray:
    """Names as they are stored: UTF-8 of one width."""
    characters = np.ascontiguousarray(names).view(np.uint32)
    if (characters < 128).all():  # ASCII: a hundred times as fast
        return characters.astype(np.uint8).view(f"S{max(1, names.itemsize // 4)}")
    texts = [name.encode("utf-8") for name in names.tolist()]
    return np.array(texts, f"S{max([1, *map(len, texts)])}")


def _decoded(names: np.ndarray) -> np.ndarray:
    characters = np.ascontiguousarray(names).view(np.uint8)
    if (characters < 128).all():
        return characters.astype(np.uint32).view(f"U{names.itemsize}")
    return np.strings.decode(names, "utf-8", "replace")


class Fields(TypedDict):
    """The fields of `ClipSet` that a store holds, all columns of the table under "columns"."""

    joints: np.ndarray | Joints
    columns: dict[str, np.ndarray]
    splits: dict[str, np.ndarray]
    segments: np.ndarray
    class_names: tuple[str, ...]
    skeleton: Skeleton
    attributes: dict[str, str]


def read(path: Path) -> tuple[Fields, Stored]:
    """Everything, verified, but the joints, which are mapped.

    Raises:
        InputError: no such file, not HDF5, other content, a newer version, cut off or damaged.
    """
    with _reading(path) as file, path.open("rb") as raw:
        _refuse_changed_root(path, file)
        joints = file["joints"]
        if joints.chunks or joints.dtype != np.dtype("<f4"):
            raise InputError(f"{path}: dataset 'joints' is not contiguous float32; import it again")
        offset, shape = joints.id.get_offset(), joints.shape
        if offset is None:
            raise InputError(f"{path}: dataset 'joints' is empty; import the data again")
        _refuse_size(path, joints)
        fields: Fields = {
            "columns": {key: _values(path, file[f"clips/{key}"]) for key in file["clips"]},
            "splits": {key: _values(path, file[f"splits/{key}"]) for key in file["splits"]},
            "segments": _values(path, file["segments"]),
            "class_names": tuple(
                n.decode("utf-8") for n in _values(path, file["class_names"]).tolist()
            ),
            "skeleton": Skeleton.from_dict(json.loads(text(file, "skeleton")), f"{path}: skeleton"),
            "attributes": json.loads(text(file, "attributes")),
            "joints": np.memmap(raw, "<f4", mode="r", offset=offset, shape=shape),
        }
        if "name" in fields["columns"]:  # else a missing one is named later
            fields["columns"]["name"] = _decoded(fields["columns"]["name"])
        stored = Stored(fields["joints"], text(joints, "blake2b"), stamp_of(os.fstat(raw.fileno())))
        # The table was read and the joints were mapped by name: of one file, or of two?
        if stored.stamp != stamp_of(path.stat()):
            raise InputError(f"{path}: was replaced while it was opened; open it again")
    return fields, stored


def verify_joints(where: object, stored: Stored) -> None:
    """Compares mapped joints with their checksum; each file once in a process.

    Those of shards are left: each shard is compared when it is first mapped.

    Raises:
        InputError: they differ.
    """
    joints = stored.joints
    if not isinstance(joints, np.ndarray) or stored.stamp in _verified:
        return
    hashed, frames = blake2b(digest_size=16), len(joints)
    step = max(1, (1 << 24) // max(1, joints.nbytes // frames))
    for at in range(0, frames, step):
        check.whole(where, joints)
        hashed.update(_bytes(joints[at : at + step]))
        let_go(joints)
    if hashed.hexdigest() != stored.checksum:
        raise InputError(f"{where}: checksum does not match in joints; {DAMAGED}")
    _remember(stored.stamp)


def write(path: Path, clips: ClipSet) -> None:
    """Writes the store; frames go through in blocks and are checked on the way.

    Raises:
        InputError: a joint is NaN or infinite, or the clips were opened from this very file and it
            has changed since; no file is left behind.
    """
    frames = clips.length
    table = {key: getattr(clips, key) for key in ("length", "label", "subject", "camera", "setup")}
    table |= {"start": np.cumsum(frames) - frames, "fps": clips.fps, "name": encoded(clips.name)}
    texts = {
        "skeleton": json.dumps(clips.skeleton.to_dict(), ensure_ascii=False),
        "attributes": json.dumps(clips.attributes, ensure_ascii=False),
    }
    names = [n.encode("utf-8") for n in clips.class_names]
    shape = (clips.frames_total, *clips.joints.shape[1:])
    # Page-aligned joints map cleanly. Small datasets stay packed, as do joints that are few.
    page, line = 4096, 64
    is_large = 4 * int(np.prod(shape)) >= 16 * page
    align = {"alignment_threshold": 16 * page, "alignment_interval": page}
    align = align if is_large else {"alignment_threshold": 1, "alignment_interval": line}
    with _replacing(path) as beside, writable(beside, "x", libver=LIBVER, **align) as written:
        file, unfailing = written
        _refuse_lost_changes(path, clips)
        file.attrs["version"] = VERSION
        for key, value in {"format": FORMAT, **texts, "blake2b": _root(texts)}.items():
            file.attrs[key] = fixed(value)
        for key, values in (table | clips.columns).items():
            _put(file, f"clips/{key}", values)
        file.create_group("splits")
        for key, side in clips.splits.items():
            _put(file, f"splits/{key}", side.astype(np.int8))
        _put(file, "segments", clips.segments)
        _put(file, "class_names", np.array(names, f"S{max([1, *map(len, names)])}"))
        joints = file.create_dataset("joints", shape, "<f4")
        hashed, at = blake2b(digest_size=16), 0
        with ThreadPoolExecutor(1) as beside_writing:
            for indices, block in clips.blocks():
                check.finite(clips, indices, block)
                block = np.ascontiguousarray(block, "<f4")
                hashing = beside_writing.submit(hashed.update, _bytes(block))
                joints[at : at + len(block)] = block
                hashing.result()
                unfailing.check()
                at += len(block)
        joints.attrs["blake2b"] = fixed(hashed.hexdigest())


def add_splits(path: Path, splits: Mapping[str, np.ndarray]) -> None:
    """Adds or replaces splits in a store; the joints are copied once, never re-encoded.

    Whoever computes a split from the store holds it (`locks.holding`) from reading it on.

    Args:
        path: the store.
        splits: name -> `(N,)` int8, checked by `ClipSet.with_split` before.

    Raises:
        InputError: the store has another number of clips.
    """
    with _replacing(path) as beside:
        shutil.copyfile(path, beside)
        shutil.copymode(path, beside)
        with writable(beside, "r+") as (file, _):
            for name, assignment in splits.items():
                if len(file["clips/start"]) != len(assignment):
                    raise InputError(
                        f"{path}: split {name!r} is for {len(assignment)} clips, the store has "
                        f"{len(file['clips/start'])}; was it replaced? Make the split again"
                    )
                if name in file["splits"]:
                    del file["splits"][name]
                _put(file, f"splits/{name}", assignment.astype(np.int8))


def verify(path: Path) -> None:
    """Recomputes every checksum.

    Raises:
        InputError: names each damaged dataset.
    """
    damaged: list[str] = []

    def test(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset) and _hash(item) != text(item, "blake2b"):
            damaged.append(name)

    with _reading(path) as file:
        stamp = stamp_of(path.stat())
        file.visititems(test)
        _refuse_changed_root(path, file)
    if damaged:
        raise InputError(f"{path}: checksum does not match in {', '.join(damaged)}; {DAMAGED}")
    _remember(stamp)


@contextmanager
def _reading(path: Path) -> Iterator[h5py.File]:
    if path.is_dir():
        begun = next(path.glob("shard-*.h5"), None) is not None
        more = "; an import into it was not finished, the same command goes on" if begun else ""
        raise InputError(f"{path}: a folder; name a file{more}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; make a store with `skelf data import`")
    try:
        with h5py.File(path, "r", locking=False) as file:
            refuse_damaged_heap(path, file)
            if text(file, "format") != FORMAT:
                raise InputError(
                    f"{path}: HDF5, but not a skelf store (attribute format is not {FORMAT!r}); "
                    "make one with `skelf data import`"
                )
            if file.attrs.get("version") != VERSION:
                raise InputError(
                    f"{path}: version {file.attrs.get('version')} of the store, this skelf reads "
                    f"{VERSION}; update skelf or import the data again"
                )
            yield file
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except BROKEN as error:
        remedy = DAMAGED
        if path.suffix.lower() not in SUFFIXES and not h5py.is_hdf5(path):
            remedy = (
                "recordings of another format become one by `skelf data import FORMAT "
                f"{path.name} --out STORE.h5`; see `skelf list formats`"
            )
        raise InputError(f"{path}: not a readable store ({reason(error)}); {remedy}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """`replacing` of a store, which is held; a link stays, the file that it names is replaced."""
    path = path.resolve()
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder does not exist; create {path.parent}")
    with holding(path, PATIENCE), replacing(path) as beside:
        yield beside


def _put(file: h5py.File, name: str, values: np.ndarray) -> None:
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    file.create_dataset(name, data=values).attrs["blake2b"] = fixed(checksum(values))


def _values(path: Path, dataset: h5py.Dataset) -> np.ndarray:
    """A dataset as an array, if it is what was written."""
    _refuse_size(path, dataset)
    values: np.ndarray = dataset[...]
    if values.dtype.byteorder == ">" or checksum(values) != text(dataset, "blake2b"):
        name = dataset.name.strip("/")
        raise InputError(f"{path}: checksum does not match in {name}; {DAMAGED}")
    return values


def _refuse_size(path: Path, dataset: h5py.Dataset) -> None:
    """Refuses a damaged shape before memory is taken for it."""
    size = dataset.dtype.itemsize * int(np.prod(dataset.shape, dtype=object))
    if dataset.chunks is None and dataset.id.get_storage_size() != size:
        name = dataset.name.strip("/")
        raise InputError(f"{path}: {name}: shape and size do not agree; {DAMAGED}")


def _refuse_changed_root(path: Path, file: h5py.File) -> None:
    texts = {key: text(file, key) for key in ("skeleton", "attributes")}
    if _root(texts) != text(file, "blake2b"):
        raise InputError(f"{path}: checksum does not match in attributes of /; {DAMAGED}")


def _refuse_lost_changes(path: Path, clips: ClipSet) -> None:
    """Refuses to write opened clips over their file where it is not that file any more."""
    opened = clips.stored
    if opened is None or clips.path is None or not path.exists():
        return
    if clips.path.resolve() == path.resolve() and stamp_of(path.stat()) != opened.stamp:
        raise InputError(
            f"{path}: has changed since these clips were opened, which would be lost; open it "
            "again, or save to another file"
        )


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells a file from another one, or from itself after a change."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _remember(stamp: Stamp) -> None:
    if time.time() - stamp[3] / 1e9 > SETTLED:
        _verified.add(stamp)


def _hash(dataset: h5py.Dataset) -> str:
    """The checksum of a dataset, some rows at a time."""
    hashed = blake2b(digest_size=16)
    rows = max(1, (1 << 22) // max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))))
    for at in range(0, dataset.shape[0], rows):
        hashed.update(_bytes(dataset[at : at + rows]))
    return hashed.hexdigest()


def _root(texts: dict[str, str]) -> str:
    return checksum(np.frombuffer(json.dumps(texts, sort_keys=True).encode(), np.uint8))


def _bytes(values: np.ndarray) -> memoryview:
    """The memory of an array as bytes, without a copy where it is contiguous."""
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
