"""How the C library of this process keeps memory: for programs, not for a library to decide."""

from __future__ import annotations

import ctypes
import sys

# mallopt's names for what is set below.
_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1


def keep_freed() -> None:
    """Lets this process keep the memory that it frees, until it ends.

    glibc gives every freed block of more than 32 MiB back to the system and faults it in again at
    the next training step, which costs a fifth of a step on a CPU. This turns that off for all code
    in the process (M_MMAP_MAX, M_TRIM_THRESHOLD), so only the command line calls it; a program that
    calls `skelf.pretrain` may do so too. Elsewhere than on Linux nothing happens.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
