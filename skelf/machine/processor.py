"""Which processor this is, where that decides which of two libraries computes faster."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

_ABOUT = Path("/proc/cpuinfo")


@cache
def mkl_is_fast() -> bool:
    """Whether torch's usual matrix products use all of this processor.

    They are MKL's, which leaves AVX-512 alone on processors that are not its maker's.
    """
    mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]  # untyped in torch
    return mkl and "GenuineIntel" in _about()


def _about() -> str:
    try:
        with _ABOUT.open(encoding="utf-8", errors="replace") as file:
            return file.read(4096)  # the first core's part
    except OSError:  # another system
        return platform.processor()
