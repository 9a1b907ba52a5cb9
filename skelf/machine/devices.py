"""The device that a name means here."""

from __future__ import annotations

import torch

from ..errors import InputError


def choose_device(name: str, key: str) -> str:
    """`name` itself, but that "auto" is cuda where there is one, else cpu.

    Args:
        name: auto, cpu, cuda or any other device of torch.
        key: what the user sets it by, for the message.

    Raises:
        InputError: cuda where torch sees none.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(f"{key}: cuda, but torch sees no CUDA device here; use auto or cpu")
    return name
