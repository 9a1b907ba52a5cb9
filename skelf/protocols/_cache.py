"""The name of cached features: a hash of everything that they depend on, source code included.

Of skelf, whole folders count, so that no file can be forgotten; features are then computed anew
after any change of these, also one that leaves their numbers as they are.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ..contracts import Encoder, torch_module
from ..data.clips import ClipSet
from ..skeleton import Skeleton

PACKAGE = Path(__file__).parents[1]
FOLDERS = (
    "",
    "augment",
    "data",
    "data/joints",
    "data/shards",
    "encoders",
    "joints",
    "layouts",
    "machine",
    "protocols",
    "settings",
)
"""Of the package: from a store's clips to features. Each without the folders within."""


def key(encoder: Encoder, clips: ClipSet, change: str | None = None) -> str | None:
    """A hash of the encoder's weights, settings and source, and of the clips.

    Args:
        encoder: whose features they are.
        clips: what it encodes.
        change: says exactly what is done to the clips first.

    Returns:
        Hexadecimal digits. None: the source of the encoder is nowhere to be read.
    """
    digest = hashlib.blake2b(digest_size=20)

    def add(*parts: object) -> None:
        digest.update(repr(parts).encode())

    add("features-2", torch.__version__, source_digest(), clips.digest(), clips.normalize, change)
    classes: set[type] = set()
    network = torch_module(encoder)
    for name, module in network.named_modules():
        add(name, type(module).__qualname__, _settings(module))
        classes |= set(type(module).__mro__)
    sources = [_source(cls) for cls in classes if not _hashed_already(cls)]
    for source in sorted(filter(None, sources)):
        digest.update(source)
    # Buffers by name, not state_dict: it leaves out those that are not persistent.
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        add(name, tensor.dtype, tuple(tensor.shape))
        digest.update(content(tensor))
    return None if None in sources else digest.hexdigest()


@cache
def source_digest() -> str:
    """Of the package's source from clips to features; read once in a process."""
    digest = hashlib.blake2b(digest_size=20)
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            digest.update(f"{folder}/{path.name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def content(tensor: Tensor) -> memoryview:
    """A tensor's bytes."""
    return tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data


def _hashed_already(cls: type) -> bool:
    """By `source_digest`, or with the version of torch or Python."""
    package, *rest = cls.__module__.split(".")
    return package in ("torch", "builtins", "typing", "abc") or (
        package == "skelf" and "/".join(rest[:-1]) in FOLDERS
    )


def _source(cls: type) -> bytes | None:
    """The file of a class, or its text where it was typed in; None: neither can be read."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        return Path(file).read_bytes() if file else inspect.getsource(cls).encode()
    except (OSError, TypeError):
        return None


def _settings(module: nn.Module) -> list[tuple[str, str]]:
    """A module's plain attributes (stream, heads, ...), of which the weights may hold no trace."""
    plain = (bool, int, float, str, tuple, Skeleton)
    return sorted(
        (name, repr(value))
        for name, value in vars(module).items()
        if isinstance(value, plain) and not name.startswith("_") and name != "training"
    )
