"""Files of NumPy, opened within bounds: nothing is unpickled, nothing unpacks without end."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from ...errors import InputError
from ..damage import DAMAGED, reason

GROWTH = 256  # times that an `.npz` may outgrow the file: absent persons are zeros


def load(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """The fields of an `.npz`, or the array of an `.npy`, mapped; never unpickles.

    Raises:
        InputError: no such file, cut off, damaged, or one with objects in it.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file, .npz or .npy")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give an .npz or .npy file")
    with path.open("rb") as file:
        magic = file.read(6)
    if magic[:2] != b"PK" and magic != b"\x93NUMPY":
        raise InputError(f"{path}: not an .npz or .npy file; write it with np.savez or np.save")
    field = "the array"
    try:
        if magic[:2] == b"PK":
            refuse_bomb(path)
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            data = {}
            for field in loaded.files:
                data[field] = loaded[field]
            return data
    except InputError:
        raise
    except DAMAGED as error:
        if "allow_pickle" in str(error) or "Python objects in dtype" in str(error):
            raise InputError(
                f"{path}: {field}: an object array (a pickle), which is never loaded; save plain "
                "numbers or fixed-width strings (ragged clips: frames and offsets)"
            ) from None
        raise InputError(
            f"{path}: {field}: cut off or damaged ({reason(error)}); copy or write the file again"
        ) from None


def load_some(path: Path, wanted: Collection[str]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Some fields of an `.npz`: of those wanted which are there, and which of these are objects.

    Nothing else is read, so what others keep beside them does not matter; nothing is unpickled.

    Raises:
        InputError: no such file, not an `.npz`, cut off or damaged.
    """
    field, fields, objects = "the archive", {}, []
    try:
        refuse_bomb(path)
        with ZipFile(path) as archive:
            for member in archive.infolist():
                field = member.filename.removesuffix(".npy")
                if field not in wanted:
                    continue
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    header = np.lib.format.read_array_header_1_0
                    if version != (1, 0):
                        header = np.lib.format.read_array_header_2_0
                    shape, _, kind = header(file)
                if kind.hasobject:
                    objects.append(field)
                    continue
                # Before memory is set aside for what the header says.
                if math.prod(shape) * kind.itemsize > member.file_size:
                    raise EOFError("the data ends early")
                with archive.open(member) as file:
                    fields[field] = np.lib.format.read_array(file, allow_pickle=False)
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(
            f"{path}: {field}: cut off or damaged ({reason(error)}); copy or write the file again"
        ) from None
    return fields, tuple(objects)


def refuse_bomb(path: Path) -> None:
    """Raises InputError where a few bytes would unpack to any amount of memory."""
    with ZipFile(path) as archive:
        fields = archive.infolist()
    whole, held = sum(field.file_size for field in fields), path.stat().st_size
    if whole > GROWTH * held + 2**24:
        raise InputError(
            f"{path}: {held:,} bytes that unpack to {whole:,}; recordings never pack so "
            "well, write the file again"
        )
    # Of other ways to pack, Python unpacks all that it reads, whatever the size that is stated.
    if any(field.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for field in fields):
        raise InputError(f"{path}: not packed as np.savez does; write the file with NumPy")
