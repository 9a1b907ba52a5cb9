"""What a method costs: parameters, arithmetic, memory and speed (the survey's Table 5).

Parameters and arithmetic are counted on torch's meta device, which has shapes and no numbers: at
the paper's size in seconds, and exactly. Memory and speed are measured, in a process of their own
(`step.py`).

A multiply-add is 2 FLOPs. Counted are matrix products, convolutions and attention, forward and
backward, of queries and keys; not the views, nor what is done element by element (activations,
normalisation, softmax, gates, optimiser). What is counted is the method's plain arithmetic, the
same on every machine: a convolution over time counts as one, also where skelf computes it with
fewer products (`encoders/_images.py`), and sums over neighbours count as the dense products that
they are.

Source: Zhang et al., Self-Supervised Skeleton-Based Action Representation Learning: A Benchmark and
Beyond, 2024, Table 5. Its FLOPs are the multiply-adds of all forward passes of a training step:
`forward_macs` gives its 15.0 G for PCM3 and 17.9 G for PCM3++.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from ..data.normalize_default import choose
from ..encoders import ENCODERS
from ..errors import InputError, unknown
from ..layouts import layout as named_layout
from ..machine.devices import choose_device
from ..methods import METHODS
from ..protocols import PROTOCOLS
from ..runs.build import build_method, preparation
from ..settings.run import Config, resolve
from ..settings.values import Settings
from ..skeleton import Skeleton
from ..streams import STREAMS
from .step import CLIP, Timing, measure

BATCHES = {"cpu": 4, "cuda": 32}  # clips a timed step: USDRL at the paper's size fits a laptop


@dataclass(frozen=True)
class Profile:
    """The cost of a method; FLOPs are for one clip, see the module's docstring.

    Args:
        method: its name.
        encoder: the encoder's name.
        layout: the joint layout's name.
        persons: persons in a clip.
        frames: frames of a view.
        stream: joint, motion or bone.
        preparation: how such clips are normalised in a run, and why; it is not counted.
        parameters: numbers that the method learns or keeps a moving average of; no buffers.
        trained: of these, what the optimiser changes.
        encoder_parameters: of these, the encoder that evaluation uses.
        encoder_flops: the encoder's forward pass in evaluation.
        forward_macs: multiply-adds of all forward passes of a training step, as the survey counts.
        step_flops: a training step, forward and backward.
        batch_size: clips of the step that was counted; contrast and statistics over a batch make
            FLOPs a clip depend on it a little.
        timing: what was measured; None where nothing was, or it failed.
        failure: why it failed.
    """

    method: str
    encoder: str
    layout: str
    persons: int
    frames: int
    stream: str
    preparation: str
    parameters: int
    trained: int
    encoder_parameters: int
    encoder_flops: int
    forward_macs: float
    step_flops: float
    batch_size: int
    timing: Timing | None = None
    failure: str | None = None

    def to_dict(self) -> dict[str, object]:
        """All of it as JSON has it."""
        return asdict(self)


def profile(
    method: str,
    *,
    layout: str | Skeleton = "ntu25",
    persons: int = 2,
    channels: int = 3,
    stream: str = "joint",
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    time: bool = True,
    batch: int | None = None,
    steps: int = 3,
    device: str = "auto",
    listener: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Profile:
    """Counts, and measures unless told not to, what a method costs.

    Args:
        method: a name in `METHODS`; its shipped configuration is the paper's size.
        layout: a layout, its name or its TOML file.
        persons: persons in a clip; `data.persons` wins.
        channels: coordinates a joint.
        stream: joint, motion or bone.
        config: a TOML file, as for `pretrain`.
        overrides: `section.key=value` strings.
        time: measure memory and speed too.
        batch: clips a timed step. None: 4 on a CPU, 32 on a GPU.
        steps: timed steps, after one that does not count; the median is taken.
        device: auto, cpu or cuda.
        listener: called with what is done, how much of it and of how much, for progress.

    Raises:
        InputError: an unknown method or setting, a size that it cannot have, or no such device.
    """
    settings = resolve(
        method, methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS, file=config,
        overrides=overrides,
    )  # fmt: skip
    if device not in ("auto", *BATCHES):
        raise unknown("device", device, ("auto", *BATCHES))
    device = choose_device(device, "device")
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    for name, value in {"persons": persons, "channels": channels, "steps": steps}.items():
        if value < 1:
            raise InputError(f"{name}: {value}; use 1 or more")
    if batch is not None and batch < 2:
        raise InputError(f"batch: {batch}; a step needs 2 clips or more")
    skeleton = layout if isinstance(layout, Skeleton) else named_layout(layout)
    taken: Settings = {
        "skeleton": skeleton.to_dict(),
        "channels": channels,
        "persons": settings.data["persons"] or persons,
        "stream": stream,
    }
    choice = choose(
        settings.data["normalize"], method, preparation(method), skeleton, coordinates=channels
    )
    listener("counting", 0, 1)
    counted = count(settings, taken)
    listener("counting", 1, 1)
    timing, failure = None, None
    if time:
        size = batch or BATCHES[device]
        try:
            timing = measure(settings, taken, size, steps, device, listener)
        except RuntimeError as error:  # a count is no less true for it
            failure = f"{method}: {error}"
    return Profile(
        method=method,
        encoder=settings.encoder["name"],
        layout=skeleton.name,
        persons=taken["persons"],
        stream=stream,
        preparation=str(choice),
        timing=timing,
        failure=failure,
        **counted,
    )


def count(settings: Config, given: Settings) -> Settings:
    """What `Profile` says of parameters and arithmetic, for a run's config and its `input`."""
    with counting():
        with torch.device("meta"):
            method = build_method(settings, given, "config")
        encoder, clips = method.encoder, settings.train.batch_size
        sizes = (given["channels"], encoder.num_frames, encoder.skeleton.joints, given["persons"])
        with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=_FORMULAS) as alone:
            encoder.eval()(torch.empty(1, *sizes, device="meta"))
        method.train()
        x = torch.zeros(clips, sizes[0], CLIP, *sizes[2:])  # views are drawn: they need numbers
        views = method.views(x, torch.full((clips,), CLIP), torch.Generator())
        views = tuple(v.to("meta") if isinstance(v, Tensor) else v for v in views)
        with FlopCounterMode(display=False, custom_mapping=_FORMULAS) as step:
            loss = method(*views)["loss"]
            forward = step.get_total_flops()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
    return {
        "frames": encoder.num_frames,
        "parameters": _size(method.parameters()),
        "trained": _size(p for p in method.parameters() if p.requires_grad),
        "encoder_parameters": _size(encoder.parameters()),
        "encoder_flops": alone.get_total_flops(),
        "forward_macs": forward / 2 / clips,
        "step_flops": step.get_total_flops() / clips,
        "batch_size": clips,
    }


@contextmanager
def counting() -> Iterator[None]:
    """Around what is counted on the meta device, so that methods run there unchanged.

    Blocks that switch autocast off do so: torch 2.13 raises for the meta device, where there is
    none. Recurrences are counted as whole sequences; frame by frame it would take minutes.
    """
    before: Callable[..., AbstractContextManager[object]] = torch.autocast

    def autocast(
        device_type: str, *args: object, **options: object
    ) -> AbstractContextManager[object]:
        return nullcontext() if device_type == "meta" else before(device_type, *args, **options)

    torch.autocast = autocast  # type: ignore[assignment, misc]  # a class, for that long
    try:
        with _WholeSequences():
            yield
    finally:
        torch.autocast = before  # type: ignore[assignment, misc]  # as above


class _WholeSequences(TorchFunctionMode):
    """Gives torch's GRU on the meta device the products of `_gru`."""

    # Any: the arguments of whatever function of torch is called.
    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func is torch.gru and len(args) == 9 and isinstance(args[3], bool):
            x, first, weights, biases, layers, _, _, both, batch_first = args
            if x.is_meta and x.dim() == 3:
                return _gru(x, first, weights, biases, layers, 1 + both, batch_first)
        return func(*args, **(kwargs or {}))


def _gru(
    x: Tensor,
    first: Tensor,
    weights: Sequence[Tensor],
    biases: bool,
    layers: int,
    directions: int,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """What `torch.gru` returns, without numbers, by products that cost what its own do.

    A frame's gates take the products of input and state with a matrix each. The state before the
    first frame is given, so that no gradient flows into it.
    """
    x = x.transpose(0, 1) if batch_first else x  # (T, N, I)
    ends, each = [], iter(weights)
    for layer in range(layers):
        states = []
        for direction in range(directions):
            w_ih, w_hh = next(each), next(each)
            b_ih, b_hh = (next(each), next(each)) if biases else (None, None)
            width = w_hh.shape[1]
            gates = F.linear(x, w_ih, b_ih)[..., :width]
            before = first[layer * directions + direction : layer * directions + direction + 1]
            recurrent = [F.linear(h, w_hh, b_hh) for h in (before, gates[:-1])]
            states.append(gates + torch.cat(recurrent)[..., :width])
            ends.append(states[-1][-1])
        x = torch.cat(states, dim=2)
    return x.transpose(0, 1) if batch_first else x, torch.stack(ends)


def _conv_backward(
    gradient: Sequence[int],
    x: Sequence[int],
    weight: Sequence[int],
    bias: object,
    stride: object,
    padding: object,
    dilation: object,
    transposed: bool,
    output_padding: object,
    groups: int,
    asked: Sequence[bool],
    **_: object,
) -> int:
    """The forward's FLOPs for each of the two gradients, of input and weight, that are asked.

    torch's own formula counts a grouped convolution's weight gradient `groups` times.
    """
    each = conv_flop_count(list(x), list(weight), list(gradient), transposed)
    return each * sum(map(bool, asked[:2]))


_FORMULAS = {torch.ops.aten.convolution_backward: _conv_backward}  # as the counter is told of one


def _size(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
