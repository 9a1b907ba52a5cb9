"""Signs of stores, NumPy's files and pickles: by their first bytes."""

from __future__ import annotations

from .look import Look


def store(look: Look) -> str:
    """Of a store: any HDF5; opening it tells whether it is skelf's."""
    return "it is an HDF5 file" if look.head.startswith(b"\x89HDF\r\n\x1a\n") else ""


def arrays(look: Look) -> str:
    """Of NumPy: an `.npy`, or a zip that begins with one."""
    if look.head.startswith(b"\x93NUMPY"):
        return "it is an array of NumPy's"
    if look.head.startswith(b"PK\x03\x04") and b".npy" in look.head[:128]:
        return "it is an archive of NumPy's arrays"
    return ""


def pyskl(look: Look) -> str:
    """Of a pickle, of protocol 2 or later."""
    is_pickle = look.head[:1] == b"\x80" and look.head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return "it is a pickle" if is_pickle else ""
