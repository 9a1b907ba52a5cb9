"""The released layouts of SkeletonCLR, AimCLR and CrosSCLR (sources C5): read and written.

SkeletonCLR's and AimCLR's are the same. Trained files hold neither the stream nor the number of
persons or frames: those are the released configuration's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ..encoders.stgcn import OFFICIAL_NAMES, STGCN
from ..errors import InputError
from ..settings.ranges import LARGEST
from ..skeleton import Skeleton
from .aimclr import AimCLR
from .crossclr import CrosSCLR
from .skeletonclr import SkeletonCLR

CLR = SkeletonCLR | AimCLR | CrosSCLR


class Layout(NamedTuple):
    """What `OFFICIAL` needs: `load(state, skeleton, source) -> method`, `save(method) -> state`."""

    load: Callable[..., CLR]
    save: Callable[..., dict[str, Tensor]]


def load(
    state: Mapping[str, Tensor],
    skeleton: Skeleton,
    source: str = "checkpoint",
    stream: str = "joint",
    *,
    method: type[CLR],
) -> CLR:
    """Builds the method that a released state dict holds; sizes come from the tensors.

    Args:
        state: tensors by released name, without `module.`.
        skeleton: the layout that the weights were trained on (released ones: NTU25).
        source: what an error calls the checkpoint.
        stream: what the weights were trained on; the file does not say. CrosSCLR: joint, its others
            come with it.
        method: SkeletonCLR, AimCLR or CrosSCLR.

    Raises:
        InputError: tensors are missing, unknown or of unfitting shapes, or the weights' graph is
            not that of the layout, or another stream than joint for CrosSCLR.
    """
    if method is CrosSCLR and stream != "joint":
        raise InputError(f"{source}: CrosSCLR holds its streams together, not {stream!r} by itself")
    encoder = _encoder(state, skeleton, source, stream)
    queue, feature, streams = _sizes(state, source, method)
    built: CLR
    if issubclass(method, CrosSCLR):
        built = method(encoder, streams=streams, queue=queue, feature=feature)
    else:
        built = method(encoder, queue=queue, feature=feature)
    names = _names(built)
    missing = [name for name in names if name not in state]
    unexpected = [name for name in state if name not in names]
    if missing or unexpected:
        raise InputError(f"{source}: tensors missing {missing[:3]}, unknown {unexpected[:3]}")
    for name, graph in ((name, ours) for name, ours in names.items() if name.endswith(".A")):
        expected = built.get_buffer(graph)
        adjacency = state[name].to(expected.dtype)
        if adjacency.shape != expected.shape or not torch.allclose(adjacency, expected):
            raise InputError(
                f"{source}: {name} is not the graph of layout {skeleton.name!r}; name the layout "
                "that the weights were trained on"
            )
    try:
        renamed = {ours: _turned(ours, state[name]) for name, ours in names.items()}
        built.load_state_dict({k: v for k, v in renamed.items() if not k.endswith("adjacency")})
    except RuntimeError as error:
        last = str(error).splitlines()[-1].strip()
        raise InputError(f"{source}: tensors do not fit together: {last}") from None
    return built


def save(method: CLR) -> dict[str, Tensor]:
    """The method's tensors under the released names, shared projectors once for each stream.

    Raises:
        InputError: an encoder other than ST-GCN, which the released layouts cannot name.
    """
    if not isinstance(method.encoder, STGCN):
        raise InputError(
            f"the released layout is ST-GCN's; this encoder is {type(method.encoder).__name__}"
        )
    state = method.state_dict()
    state |= {name: value for name, value in method.named_buffers() if name.endswith("adjacency")}
    return {name: _turned(ours, state[ours]) for name, ours in _names(method).items()}


SKELETONCLR = Layout(partial(load, method=SkeletonCLR), save)
AIMCLR = Layout(partial(load, method=AimCLR), save)
CROSSCLR = Layout(partial(load, method=CrosSCLR), save)


def _encoder(state: Mapping[str, Tensor], skeleton: Skeleton, source: str, stream: str) -> STGCN:
    first = _tensor(state, "encoder_q.st_gcn_networks.0.gcn.conv.weight", 4, source)
    last = _tensor(state, "encoder_q.st_gcn_networks.9.tcn.2.weight", 4, source)
    inputs = _tensor(state, "encoder_q.data_bn.weight", 1, source)
    if len(inputs) != first.shape[1] * skeleton.joints:
        raise InputError(
            f"{source}: {len(inputs)} inputs a frame are not {first.shape[1]} coordinates of the "
            f"{skeleton.joints} joints of layout {skeleton.name!r}; name the layout that the "
            "weights were trained on"
        )
    (width, rest), channels, dim = divmod(first.shape[0], 3), first.shape[1], last.shape[0]
    if rest or not all(1 <= size <= LARGEST for size in (width, channels, dim)):
        raise InputError(
            f"{source}: blocks of shapes {tuple(first.shape)} and {tuple(last.shape)} give no "
            "sizes of an ST-GCN"
        )
    return STGCN(
        skeleton,
        dim=dim,
        width=width,
        in_channels=channels,
        stream=stream,
        edge_importance="encoder_q.edge_importance.0" in state,
    )


def _sizes(
    state: Mapping[str, Tensor], source: str, method: type[CLR]
) -> tuple[int, int, tuple[str, ...]]:
    """Keys of the queue, their length, and the streams."""
    feature, size = _tensor(state, "queue", 2, source).shape
    if not 1 <= feature <= LARGEST or size < 1:
        raise InputError(f"{source}: a queue of {size} keys of length {feature} is none")
    others = [name for name in ("motion", "bone") if f"encoder_q_{name}.A" in state]
    if (method is CrosSCLR) != bool(others):
        content = "several streams" if others else "one stream"
        raise InputError(f"{source}: holds {content}; not a checkpoint of {method.__name__}")
    return size, feature, ("joint", *others)


def _tensor(state: Mapping[str, Tensor], key: str, dimensions: int, source: str) -> Tensor:
    if key not in state or state[key].dim() != dimensions:
        raise InputError(
            f"{source}: tensor {key!r} is missing; is this a pretraining checkpoint of "
            "SkeletonCLR, AimCLR or CrosSCLR?"
        )
    return state[key]


def _names(method: CLR) -> dict[str, str]:
    """Released name -> ours, of all tensors; a shared projector has a name in each stream."""
    names: dict[str, str] = {}
    # Ours -> released prefixes.
    prefixes = {"encoder.": ["encoder_q."], "projector.": ["encoder_q.fc."]}
    if isinstance(method, CrosSCLR):
        prefixes["projector_k."] = ["encoder_k.fc."]
        for stream in method.streams:
            end = "" if stream == "joint" else f"_{stream}"
            prefixes[f"encoders_k.{stream}."] = [f"encoder_k{end}."]
            names |= {f"queue{end}": f"queues.{stream}.keys"}
            names |= {f"queue_ptr{end}": f"queues.{stream}.pointer"}
            if end:
                prefixes[f"encoders.{stream}."] = [f"encoder_q{end}."]
                prefixes[f"heads.{stream}."] = [f"encoder_q{end}.fc.0."]
                prefixes[f"heads_k.{stream}."] = [f"encoder_k{end}.fc.0."]
                prefixes["projector."].append(f"encoder_q{end}.fc.2.")
                prefixes["projector_k."].append(f"encoder_k{end}.fc.2.")
    else:
        prefixes |= {"key.encoder.": ["encoder_k."], "key.projector.": ["encoder_k.fc."]}
        names |= {"queue": "key.queue.keys", "queue_ptr": "key.queue.pointer"}
    tensors = [name for name, _ in (*method.named_parameters(), *method.named_buffers())]
    for ours, released in prefixes.items():
        for tensor in tensors:
            if tensor.startswith(ours):
                inner = tensor.removeprefix(ours)
                inner = inner if ".fc." in released[0] else _trunk(inner)
                names |= {prefix + inner: tensor for prefix in released}
    return names


def _trunk(name: str) -> str:
    """Released name of an ST-GCN tensor, below the encoder's prefix."""
    for ours, released in (*OFFICIAL_NAMES, ("adjacency", "A")):
        match = re.fullmatch(re.escape(ours).replace(r"\{\}", r"([^.]+)"), name)
        if match:
            return released.format(*match.groups())
    raise KeyError(name)


def _turned(ours: str, value: Tensor) -> Tensor:
    """Between our `(K, D)` queue and scalar pointer and the released `(D, K)` and `(1,)`."""
    if ours.endswith((".keys", ".pointer")):
        return value.T.contiguous() if value.dim() == 2 else value.reshape(() if value.dim() else 1)
    return value
