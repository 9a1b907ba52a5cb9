"""Arrays and texts in HDF5 of other programs: read where the file is large enough for them."""

from __future__ import annotations

import h5py
import numpy as np

from ...errors import InputError

MOST_BYTES = 1 << 29  # of numbers, unpacked
MOST_PACKED = 5000  # times as many bytes as stand in the file: most of an array may be NaN


def array(stored: object, where: str) -> np.ndarray:
    """A dataset's content.

    Args:
        stored: what stands in the place of a dataset.
        where: the file, for messages.

    Raises:
        InputError: no dataset, or one of more than the file can hold.
    """
    if not isinstance(stored, h5py.Dataset):
        raise InputError(f"{where}: an array is missing; damaged, copy the file again")
    size = int(stored.size or 0) * stored.dtype.itemsize
    if size > min(MOST_BYTES, MOST_PACKED * stored.id.get_storage_size()):
        raise InputError(f"{where}: {size:,} bytes of numbers, which this file cannot hold")
    values: np.ndarray = stored[()]
    return values


def texts(stored: object, where: str) -> list[str]:
    """A dataset of texts.

    Raises:
        InputError: as of `array`.
    """
    return [text(value) for value in array(stored, where).reshape(-1).tolist()]


def text(value: object) -> str:
    """A text, of bytes or of an attribute."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
