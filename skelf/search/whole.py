"""Files of an index that must be the bytes that were written."""

from __future__ import annotations

from pathlib import Path

from ..checkpoints.checksums import checksum
from ..errors import InputError


def refuse_damaged(path: Path, expected: str, what: str) -> None:
    """Compares a file with its checksum.

    Args:
        path: the file.
        expected: its checksum, by `index.json`.
        what: it is, for messages.

    Raises:
        InputError: missing, or not the bytes that were written.
    """
    try:
        whole = checksum(path) == expected
    except OSError as error:
        raise InputError(
            f"{path}: cannot read {what}: {error.strerror}; restore it, or build the index again "
            "with --force"
        ) from None
    except ValueError:
        whole = False
    if not whole:
        raise InputError(
            f"{path}: damaged: these are not the bytes that were written; restore the file, or "
            "build the index again with --force"
        )
