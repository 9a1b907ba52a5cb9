"""The store: one HDF5 file that any language reads and that maps into memory.

    /joints          (F, M, V, C) float32, contiguous, so that the file itself is the array
    /clips/<column>  (N,) start, length, label, subject, camera, setup, fps, name, further integers
    /splits/<name>   (N,) int8: 0 unused, 1 train, 2 test
    /segments        (K, 4) int64: clip, start, end (exclusive), label
    /class_names     (classes,) UTF-8
    attributes of /  format "skelf-clips", version 1, skeleton (JSON), attributes (JSON)

Each dataset has the attribute `blake2b`: 128 bits over its little-endian bytes, as hex; the root
has one over its JSON. A file is never changed in place: it is written beside, synced and renamed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import h5py
import numpy as np

from ..errors import InputError
from ..files import replacing
from ..skeleton import Skeleton
from . import check
from .hdf5 import writable

if TYPE_CHECKING:
    from .clips import ClipSet

FORMAT, VERSION = "skelf-clips", 1
DAMAGED = "damaged or cut off; copy or import it again"


def checksum(values: np.ndarray) -> str:
    """BLAKE2b of an array's bytes, 128 bits as hex."""
    return blake2b(_bytes(values), digest_size=16).hexdigest()


class Fields(TypedDict):
    """The fields of `ClipSet` that a store holds, all columns of the table under "columns"."""

    joints: np.ndarray
    columns: dict[str, np.ndarray]
    splits: dict[str, np.ndarray]
    segments: np.ndarray
    class_names: tuple[str, ...]
    skeleton: Skeleton
    attributes: dict[str, str]


def read(path: Path) -> tuple[Fields, str]:
    """Everything but the joints, which are mapped.

    Returns:
        The fields, and the stored checksum of the joints.

    Raises:
        InputError: no such file, not HDF5, other content, a newer version, or cut off.
    """
    with _reading(path) as file:
        joints = file["joints"]
        if joints.chunks or joints.dtype != np.dtype("<f4"):
            raise InputError(f"{path}: dataset 'joints' is not contiguous float32; import it again")
        offset, shape = joints.id.get_offset(), joints.shape
        checksum_of_joints = str(joints.attrs["blake2b"])
        if offset is None:
            raise InputError(f"{path}: dataset 'joints' is empty; import the data again")
        fields: Fields = {
            "columns": {key: file["clips"][key][...] for key in file["clips"]},
            "splits": {key: file["splits"][key][...] for key in file["splits"]},
            "segments": file["segments"][...],
            "class_names": tuple(n.decode("utf-8") for n in file["class_names"][...].tolist()),
            "skeleton": Skeleton.from_dict(json.loads(file.attrs["skeleton"]), f"{path}: skeleton"),
            "attributes": json.loads(file.attrs["attributes"]),
            "joints": np.memmap(path, "<f4", mode="r", offset=offset, shape=shape),
        }
    return fields, checksum_of_joints


def write(path: Path, clips: ClipSet) -> None:
    """Writes the store; frames go through in blocks and are checked on the way.

    Raises:
        InputError: a joint is NaN or infinite; no file is left behind.
    """
    frames = clips.length
    table = {key: getattr(clips, key) for key in ("length", "label", "subject", "camera", "setup")}
    table |= {"start": np.cumsum(frames) - frames, "fps": clips.fps, "name": clips.name}
    texts = {
        "skeleton": json.dumps(clips.skeleton.to_dict(), ensure_ascii=False),
        "attributes": json.dumps(clips.attributes, ensure_ascii=False),
    }
    names = [n.encode("utf-8") for n in clips.class_names]
    shape = (clips.frames_total, *clips.joints.shape[1:])
    # Page-aligned joints map cleanly; what is smaller stays packed.
    least = min(1 << 16, 4 * int(np.prod(shape)))
    options = {"alignment_threshold": least, "alignment_interval": 4096}
    with _replacing(path) as beside, writable(beside, "x", **options) as (file, unfailing):
        file.attrs.update({"format": FORMAT, "version": VERSION, **texts, "blake2b": _root(texts)})
        for key, values in (table | clips.columns).items():
            _put(file, f"clips/{key}", values)
        file.create_group("splits")
        for key, side in clips.splits.items():
            _put(file, f"splits/{key}", side.astype(np.int8))
        _put(file, "segments", clips.segments)
        _put(file, "class_names", np.array(names, f"S{max([1, *map(len, names)])}"))
        joints = file.create_dataset("joints", shape, "<f4")
        hashed, at = blake2b(digest_size=16), 0
        for indices, block in clips.blocks():
            check.finite(clips, indices, block)
            block = np.ascontiguousarray(block, "<f4")
            hashed.update(_bytes(block))
            joints[at : at + len(block)] = block
            unfailing.check()
            at += len(block)
        joints.attrs["blake2b"] = hashed.hexdigest()


def add_split(path: Path, name: str, assignment: np.ndarray) -> None:
    """Adds or replaces one split in a store; the joints are copied, never re-encoded.

    Args:
        path: the store.
        name: of the split.
        assignment: `(N,)` int8, checked by `ClipSet.with_split` before.
    """
    with _replacing(path) as beside:
        shutil.copyfile(path, beside)
        shutil.copymode(path, beside)
        with writable(beside, "r+") as (file, _):
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
        if isinstance(item, h5py.Dataset) and _hash(item) != item.attrs.get("blake2b"):
            damaged.append(name)

    with _reading(path) as file:
        file.visititems(test)
        if (
            _root({key: file.attrs[key] for key in ("skeleton", "attributes")})
            != file.attrs["blake2b"]
        ):
            damaged.append("attributes of /")
    if damaged:
        raise InputError(f"{path}: checksum does not match in {', '.join(damaged)}; {DAMAGED}")


@contextmanager
def _reading(path: Path) -> Iterator[h5py.File]:
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file")
    if not path.is_file():
        raise InputError(f"{path}: no such file; make a store with `skelf data import`")
    try:
        with h5py.File(path, "r", locking=False) as file:
            if file.attrs.get("format") != FORMAT:
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
    # h5py reports damage as any of these, depending on what the broken bytes were.
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        detail = str(error).strip("'\"").splitlines()[0]
        raise InputError(f"{path}: not a readable store ({detail}); {DAMAGED}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """`replacing` of a store; a link stays, the file that it names is replaced."""
    path = path.resolve()
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder does not exist; create {path.parent}")
    with replacing(path) as beside:
        yield beside


def _put(file: h5py.File, name: str, values: np.ndarray) -> None:
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    file.create_dataset(name, data=values).attrs["blake2b"] = checksum(values)


def _hash(dataset: h5py.Dataset) -> str:
    """The checksum of a dataset, some rows at a time."""
    hashed = blake2b(digest_size=16)
    rows = max(1, (1 << 26) // max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))))
    for at in range(0, dataset.shape[0], rows):
        hashed.update(_bytes(dataset[at : at + rows]))
    return hashed.hexdigest()


def _root(texts: dict[str, str]) -> str:
    return checksum(np.frombuffer(json.dumps(texts, sort_keys=True).encode(), np.uint8))


def _bytes(values: np.ndarray) -> memoryview:
    """The memory of an array as bytes, without a copy where it is contiguous."""
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
