"""Weights files: tensors by name, and nothing else, from safetensors or an author's torch file.

Tensors are the only thing that is ever taken from a file of somebody else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file
from torch import Tensor

from ..errors import InputError
from ..files import is_text
from .checksums import verify

MODEL = "model.safetensors"

# What the format calls torch's kinds of numbers.
_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


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
        return load_file(path) if is_text(path) else load(path.read_bytes())
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged or no safetensors file: {error}") from None


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], tell: Callable[[memoryview | bytes], None]
) -> None:
    """Writes a `.safetensors` file straight from the tensors' memory.

    Args:
        path: the file.
        tensors: on any device; memory that several share is written for each.
        tell: called with each piece of the file, in order; its memory stays as it is.

    Raises:
        OSError: it could not be written.
    """
    # Larger numbers first, so that each lies where its kind may be read in place.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in names:
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        head: bytes | memoryview = len(text).to_bytes(8, "little") + text
        for piece in chain([head], (_bytes(tensors[name]) for name in names)):
            file.write(piece)
            tell(piece)


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


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
