"""What libraries raise when they read damaged bytes."""

from __future__ import annotations

import struct
from lzma import LZMAError
from tokenize import TokenError
from zipfile import BadZipFile
from zlib import error as zlib_error

DAMAGED: tuple[type[Exception], ...] = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(RuntimeError, MemoryError, SyntaxError),  # also too deep, not implemented, encrypted
    *(BadZipFile, zlib_error, LZMAError, struct.error, TokenError),
)
"""Which of these it is depends on what the broken bytes were: of NumPy, h5py, zip, JSON, pickle."""


def reason(error: BaseException) -> str:
    """What an error says, on one line; its kind where it says nothing."""
    return next(iter(str(error).strip("'\"").splitlines()), "") or type(error).__name__
