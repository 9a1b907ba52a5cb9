"""Signs of stores and pickles: by their first bytes."""

from __future__ import annotations

from .array_signs import of_pickle
from .look import Look


def store(look: Look) -> str:
    """Of a store: any HDF5; opening it tells whether it is skelf's."""
    return "it is an HDF5 file" if look.head.startswith(b"\x89HDF\r\n\x1a\n") else ""


def pyskl(look: Look) -> str:
    """Of a pickle, of protocol 2 or later, but for those of clips that `arrays` reads."""
    is_pickle = look.head[:1] == b"\x80" and look.head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return "it is a pickle" if is_pickle and not of_pickle(look) else ""
