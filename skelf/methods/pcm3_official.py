"""PCM3's released checkpoint layout (sources P2): read into a `PCM3`, written from one.

Trained files hold neither the stream nor frames or persons; joints and coordinates are the layout's
and three. Prompts that a method lacks are written as zeros, which act like none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ..contracts import Encoder
from ..encoders.gru import GRU
from ..errors import InputError
from ..settings.ranges import LARGEST
from ..skeleton import Skeleton
from .pcm3 import PCM3

# Released names of the prompts, and ours.
PROMPTS = {
    "cl_prompt": "contrast",
    "mp_prompt": "reconstruct",
    "base_prompt": "intra",
    "mask_prompt": "mask",
    "recons_prompt": "predict",
    "mix_prompt": "mix",
}
DIRECTIONS = ("", "_reverse")
CHANNELS = 3


def encoder_names(encoder: Encoder) -> dict[str, str]:
    """Released name -> ours, of the encoder's tensors, both below their prefix."""
    names = {}
    for ours in encoder.state_dict():
        kind, *place, tensor = ours.split(".")
        if kind == "norm":
            names[f"input_norm.{tensor}"] = ours
        else:
            depth, direction = place
            end = f"{depth}{DIRECTIONS[int(direction)]}"
            names[f"encoder.gru.{tensor.removesuffix('0')}{end}"] = ours
    return names


def load(
    state: Mapping[str, Tensor],
    skeleton: Skeleton,
    source: str = "checkpoint",
    stream: str = "joint",
    *,
    prompts: Literal["official", "after_norm", "none"] | None = None,
) -> PCM3:
    """Builds the method that a released state dict holds; sizes come from the tensors.

    Args:
        state: tensors by released name, without `module.`.
        skeleton: the layout that the weights were trained on (released ones: NTU25).
        source: what an error calls the checkpoint.
        stream: what the weights were trained on; the file does not say.
        prompts: where they are added, see `PCM3`; None: as this stream was trained (sources P9). A
            released file of any stream holds all prompts; those that have no use are left out.

    Raises:
        InputError: tensors are missing, unknown or of unfitting shapes, or the inputs of a frame
            are no multiple of the layout's coordinates.
    """
    inputs = _tensor(state, "encoder_q.input_norm.weight", 1, source).shape[0]
    weight = _tensor(state, "encoder_q.encoder.gru.weight_hh_l0", 2, source)
    feature, queue = _tensor(state, "queue", 2, source).shape
    width = _tensor(state, "linear.0.weight", 2, source).shape[0]
    layers = len([k for k in state if k.startswith("encoder_q.encoder.gru.weight_hh_l")]) // 2
    persons, rest = divmod(inputs, CHANNELS * skeleton.joints)
    if rest or not persons:
        raise InputError(
            f"{source}: {inputs} inputs a frame are no multiple of {CHANNELS} coordinates of the "
            f"{skeleton.joints} joints of layout {skeleton.name!r}; name the layout that the "
            "weights were trained on"
        )
    dim = weight.shape[1]
    sizes = {"dim": dim, "layers": layers, "feature": feature, "width": width, "persons": persons}
    if queue < 1 or not all(1 <= size <= LARGEST for size in sizes.values()):
        raise InputError(f"{source}: tensors give no sizes of a PCM3 model (found {sizes})")
    encoder = GRU(skeleton, dim=dim, layers=layers, persons=persons, stream=stream)
    method = PCM3(encoder, queue=queue, feature=feature, decoder=width, prompts=prompts)
    names = _names(method)
    missing = [name for name in names if name not in state]
    unexpected = [name for name in state if name not in names]
    if missing or unexpected:
        raise InputError(f"{source}: tensors missing {missing[:3]}, unknown {unexpected[:3]}")
    unused = {f"prompts.{ours}" for ours in PROMPTS.values()} - method.state_dict().keys()
    try:
        method.load_state_dict(
            {ours: _turned(ours, state[k]) for k, ours in names.items() if ours not in unused}
        )
    except RuntimeError as error:
        last = str(error).splitlines()[-1].strip()
        raise InputError(f"{source}: tensors do not fit together: {last}") from None
    return method


def save(method: PCM3) -> dict[str, Tensor]:
    """The method's tensors under the released names.

    Raises:
        InputError: a true bidirectional encoder, which the released code would run as another
            network, or a method without a decoder.
    """
    encoder = method.encoder
    if not isinstance(encoder, GRU) or not encoder.causal or method.decoder is None:
        raise InputError(
            "the released PCM3 layout is that of a causal GRU with a decoder; this method has "
            "encoder.causal=false, method.lam_m=0 or another encoder"
        )
    state = method.state_dict()
    half = max(encoder.dim // 16, 1)
    for name in PROMPTS.values():
        task = name in ("contrast", "reconstruct")
        shape = (1, 2 * half) if task else (1, 1, encoder.features)
        state.setdefault(f"prompts.{name}", torch.zeros(shape))
    return {name: _turned(ours, state[ours]) for name, ours in _names(method).items()}


def _tensor(state: Mapping[str, Tensor], key: str, dimensions: int, source: str) -> Tensor:
    if key not in state or state[key].dim() != dimensions:
        raise InputError(f"{source}: tensor {key!r} is missing; is this a PCM3 checkpoint?")
    return state[key]


def _names(method: PCM3) -> dict[str, str]:
    """Released name -> ours, of all tensors."""
    names = {f"{released}": f"prompts.{ours}" for released, ours in PROMPTS.items()}
    names |= {"queue": "key.queue.keys", "queue_ptr": "key.queue.pointer"}
    trunk, decoder = encoder_names(method.encoder), method.decoder
    for released, ours in (("encoder_q.", ""), ("encoder_k.", "key.")):
        names |= {released + name: f"{ours}encoder.{inner}" for name, inner in trunk.items()}
        for inner in method.projector.state_dict():
            names[f"{released}fc.{inner}"] = f"{ours}projector.{inner}"
    for ours in decoder.state_dict() if decoder is not None else ():
        part, _, inner = ours.partition(".")
        prefix = {
            "neck": "linear.", "gru": "recons_decoder.decoder.",
            "out": "recons_decoder.reconstruction.",
        }[part]  # fmt: skip
        names[prefix + inner] = f"decoder.{ours}"
    return names


def _turned(ours: str, value: Tensor) -> Tensor:
    """Between our `(K, D)` queue and scalar pointer and the released `(D, K)` and `(1,)`."""
    if ours == "key.queue.keys":
        return value.T.contiguous()
    if ours == "key.queue.pointer":
        return value.reshape(() if value.dim() else 1)
    return value
