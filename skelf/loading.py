"""Encoders from what was saved: a run, a checkpoint folder, the hub, a released file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import checkpoint
from .build import build_encoder, building
from .config import Config
from .encoders import ENCODERS
from .errors import InputError, unknown
from .layouts import layout
from .methods import OFFICIAL
from .skeleton import Skeleton
from .streams import STREAMS


def load(run: str | Path, *, untrained: bool = False, seed: int = 0) -> nn.Module:
    """The trained encoder of a run folder, a checkpoint folder or a hub name, in evaluation mode.

    Args:
        run: where it is.
        untrained: the same encoder with the weights that a run with this `seed` starts from.
        seed: see `untrained`.

    Raises:
        InputError: nothing there, or a checkpoint that does not hold.
    """
    encoder: nn.Module = judged_encoder(run, None, untrained, seed)[0]
    return encoder


from_pretrained = load  # the name that users of the hub look for


def load_official(
    path: str | Path, method: str, skeleton: Skeleton | str = "ntu25", stream: str = "joint"
) -> nn.Module:
    """The method that a checkpoint of the authors' release holds; its `.encoder` is ready to use.

    Args:
        path: the released file; nothing but tensors is read from it.
        method: whose release it is.
        skeleton: the layout it was trained on.
        stream: what it was trained on, joint, motion or bone: no released file says.

    Raises:
        InputError: no official layout is known for the method, the file does not hold it, or a
            stream that the method cannot have.
    """
    if method not in OFFICIAL:
        raise unknown("official checkpoint layout", method, OFFICIAL)
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    table = layout(skeleton) if isinstance(skeleton, str) else skeleton
    state = checkpoint.read_tensors(Path(path))
    with building(str(path)):
        made: nn.Module = OFFICIAL[method].load(state, table, str(path), stream=stream)
    return made.eval()


def judged_encoder(
    run: str | Path,
    method: str | None,
    untrained: bool,
    seed: int,
    skeleton: Skeleton | str = "ntu25",
    stream: str | None = None,
) -> tuple[Any, dict[str, Any]]:
    """The encoder (its contract is more than nn.Module's) and the config it came with."""
    if method is not None:
        if untrained:
            raise InputError("--untrained needs a run of skelf, not an official checkpoint")
        encoder: Any = load_official(run, method, skeleton, stream or "joint").encoder
        name = next(key for key, cls in ENCODERS.items() if isinstance(encoder, cls))
        return encoder, {
            "method": {"name": method, "form": "official"},
            "encoder": {"name": name},
            "data": {"normalize": "none", "persons": encoder.persons},
            "source": {"seed": None},
        }
    if stream is not None:
        raise InputError(f"{run}: a run knows its stream; --stream goes with --method only")
    folder = checkpoint.locate(run)
    if folder.is_file():
        raise InputError(f"{run}: a file; say whose official checkpoint it is with --method")
    described = checkpoint.read_config(folder)
    source = str(folder / "config.json")
    config = Config.from_dict(described, source=source)
    torch.manual_seed(seed)
    encoder = build_encoder(config, described.get("input"), source)
    if not untrained:
        tensors = checkpoint.read_tensors(folder / checkpoint.MODEL)
        prefix = "encoder."
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        try:
            encoder.load_state_dict(own)
        except RuntimeError as error:
            detail = str(error).splitlines()[-1].strip()
            raise InputError(f"{folder}: weights and config.json do not match: {detail}") from None
    return encoder.eval(), {"source": {}} | described
