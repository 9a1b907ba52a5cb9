"""Weights files: tensors by name, and nothing else, from safetensors or an author's torch file.

Tensors are the only thing that is ever taken from a file of somebody else.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import InputError
from .checksums import verify

MODEL = "model.safetensors"


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The named tensors of a weights file, on the CPU; nothing in the file is ever run.

    Args:
        path: a checkpoint folder, a `.safetensors` file, or a torch file (`.pt`, `.pth.tar`) as the
            authors release them: names to tensors, or that under "state_dict"; a "module." in
            front (DataParallel) is dropped.

    Raises:
        InputError: missing, truncated, other than its checkpoint's checksum says, or holding
            anything but tensors, a pickle that wants to run code among them.
    """
    path = Path(path)
    path = path / MODEL if path.is_dir() else path
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise InputError(f"{path}: cannot read the weights: {error.strerror}") from None
    if head[8:9] != b"{" and path.suffix != ".safetensors":
        return _read_torch(path)
    if path.name == MODEL:
        verify(path.parent, MODEL)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged or no safetensors file: {error}") from None


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a hostile or torn file makes torch raise is open-ended
        text = str(error)
        named = re.search(r"GLOBAL ([\w.]+)", text)
        if named or "weights_only" in text:
            torn = "damaged, or " if "Unsupported operand" in text else ""
            asks = f" (it asks for {named[1]})" if named else ""
            raise InputError(
                f"{path}: refused: {torn}it holds more than tensors and could run code{asks}; "
                "save its state_dict alone, or as safetensors"
            ) from None
        line = next(iter(text.splitlines()), "") or type(error).__name__
        raise InputError(f"{path}: damaged, truncated or no torch file: {line}") from None
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded:
        raise InputError(f"{path}: no tensors by name in it, but a {type(loaded).__name__}")
    tensors = {}
    for name, tensor in loaded.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise InputError(
                f"{path}: {name!r} is a {type(tensor).__name__}, only tensors belong here"
            )
        if tensor.layout != torch.strided:
            raise InputError(f"{path}: {name!r} is sparse, only plain tensors belong here")
        tensors[name.removeprefix("module.")] = tensor.detach()
    return tensors
