"""What skelf uses of torch that torch does not promise, each part with its public counterpart.

A private operator may vanish, or mean something else, with any version of torch. So each is tried
once, when it is first wanted: on small numbers, beside the public way. After an error, or where the
numbers differ by more than rounding, the public way stands in its place and a warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial, reduce
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Way = TypeVar("Way")
Pair = tuple[Tensor, Tensor]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2e-2}


class OneDNN(NamedTuple):
    """Matrix products by oneDNN.

    Args:
        linear: `F.linear` of `(..., I)`, a weight `(O, I)` as it is or laid out, and a bias or
            None.
        lay_out: a weight in oneDNN's own order, for inputs of that many rows.
    """

    linear: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    lay_out: Callable[[Tensor, int], Tensor]


@cache
def onednn(dtype: torch.dtype) -> OneDNN | None:
    """oneDNN's products, called as torch.compile calls them; None: `F.linear` has to do.

    In bfloat16 only where the processor has it, and of weights that are laid out: `F.linear` takes
    oneDNN for the others by itself.
    """
    if dtype is not torch.float32 and not (dtype is torch.bfloat16 and bf16_on_cpu()):
        return None
    return _probed("oneDNN's matrix products", _onednn, partial(_products, dtype=dtype))


def _onednn() -> OneDNN:
    multiply = _torch("ops.mkldnn._linear_pointwise")
    lay_out = _torch("ops.mkldnn._reorder_linear_weight")
    return OneDNN(lambda x, weight, bias: multiply(x, weight, bias, "none", [], ""), lay_out)


def _products(ways: OneDNN, dtype: torch.dtype) -> Iterator[Pair]:
    x, bias = _numbers(3, 5, 48).to(dtype), _numbers(40).to(dtype)
    weight = _numbers(40, 48).to(dtype)
    transposed = _numbers(48, 40).to(dtype).T
    for added in (bias, None):
        for each in (weight, transposed) if dtype is torch.float32 else ():
            yield ways.linear(x, each, added), F.linear(x, each, added)
        for rows in (5, 8):  # what a weight is laid out for, and another number
            laid_out = ways.lay_out(weight, rows)
            yield ways.linear(x[0], laid_out, added), F.linear(x[0], weight, added)


class ActivationGradients(NamedTuple):
    """Gradients through activations, by what the activation gave.

    Args:
        tanh: gradient, `tanh(x)` and the tensor that takes `gradient * (1 - tanh(x)^2)`.
        sigmoid: the same with `sigmoid(x) * (1 - sigmoid(x))`.
    """

    tanh: Callable[[Tensor, Tensor, Tensor], object]
    sigmoid: Callable[[Tensor, Tensor, Tensor], object]


@cache
def activation_gradients() -> ActivationGradients:
    """torch's fused operators, or several public ones."""
    fused = _probed("the gradients of tanh and sigmoid", _fused_gradients, _gradients)
    return fused or _plain_gradients


def _fused_gradients() -> ActivationGradients:
    tanh = _torch("ops.aten.tanh_backward.grad_input")
    sigmoid = _torch("ops.aten.sigmoid_backward.grad_input")
    return ActivationGradients(
        lambda gradient, y, out: tanh(gradient, y, grad_input=out),
        lambda gradient, y, out: sigmoid(gradient, y, grad_input=out),
    )


_plain_gradients = ActivationGradients(
    lambda gradient, y, out: torch.mul(gradient, 1 - y * y, out=out),
    lambda gradient, y, out: torch.mul(gradient, y * (1 - y), out=out),
)


def _gradients(ways: ActivationGradients) -> Iterator[Pair]:
    for dtype in (torch.float32, torch.float64):
        gradient, y = _numbers(3, 4).to(dtype), _numbers(4, 3).to(dtype).T.abs()
        for fused, public in zip(ways, _plain_gradients, strict=True):
            # Into a part of a tensor, as a recurrence does.
            ours, theirs = gradient.new_zeros(2, 3, 2, 4)
            fused(gradient, y, ours[:, 1])
            public(gradient, y, theirs[:, 1])
            yield ours, theirs


class BatchSums(NamedTuple):
    """Sums over all but the channels of images `(N, C, H, W)` on the CPU, channels innermost.

    Args:
        moments: of an image: each channel's mean and variance, divided by the count.
        gradients: of a gradient and the image, mean `(C,)` and scale `(C,)` that normalised it: the
            sums of `gradient * (image - mean) * scale` and of `gradient`.
    """

    moments: Callable[[Tensor], Pair]
    gradients: Callable[[Tensor, Tensor, Tensor, Tensor], Pair]


@cache
def batch_sums() -> BatchSums | None:
    """The parts of torch's BatchNorm, by themselves; None: the whole of it has to do."""
    return _probed("the sums of BatchNorm", _batch_sums, _sums)


def _batch_sums() -> BatchSums:
    update = _torch("batch_norm_update_stats")
    backward = _torch("ops.aten.native_batch_norm_backward")

    def moments(image: Tensor) -> Pair:
        mean, variance = update(image, None, None, 0.0)
        return mean, variance

    def gradients(gradient: Tensor, image: Tensor, mean: Tensor, scale: Tensor) -> Pair:
        which = [False, True, True]
        _, of_weight, of_bias = backward(
            gradient, image, None, None, None, mean, scale, True, 0.0, which
        )
        return of_weight, of_bias

    return BatchSums(moments, gradients)


def _sums(ways: BatchSums) -> Iterator[Pair]:
    image, gradient = (_numbers(1, 6, 1, n)[..., :5].permute(0, 3, 1, 2) for n in (5, 7))
    image, gradient = (x.contiguous(memory_format=torch.channels_last) for x in (image, gradient))
    mean, scale = image.mean(dim=(0, 2, 3)), image.std(dim=(0, 2, 3)).reciprocal()
    ours = ways.moments(image)
    yield ours[0], mean
    yield ours[1], image.var(dim=(0, 2, 3), correction=0)
    ours = ways.gradients(gradient, image, mean, scale)
    normalised = (image - mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1)
    yield ours[0], (gradient * normalised).sum(dim=(0, 2, 3))
    yield ours[1], gradient.sum(dim=(0, 2, 3))


Lerp = Callable[[Sequence[Tensor], Sequence[Tensor], float], object]


@cache
def lerp_all(device: str) -> Lerp:
    """Moves each tensor in place to `tensor + weight * (end - tensor)`, all in one call.

    Args:
        device: type of the tensors' device.
    """
    if device not in ("cpu", "cuda"):
        return _lerp_each
    probe = partial(_lerps, device=device)
    return _probed("lerp of many tensors", lambda: _torch("_foreach_lerp_"), probe) or _lerp_each


def _lerp_each(tensors: Sequence[Tensor], ends: Sequence[Tensor], weight: float) -> None:
    for tensor, end in zip(tensors, ends, strict=True):
        tensor.lerp_(end, weight)


def _lerps(fused: Lerp, device: str) -> Iterator[Pair]:
    ends = [_numbers(5, 3).to(device), _numbers(7).to(device)]
    ours, theirs = ([torch.ones_like(end) for end in ends] for _ in range(2))
    fused(ours, ends, 0.25)
    _lerp_each(theirs, ends, 0.25)
    yield from zip(ours, theirs, strict=True)


@cache
def bf16_on_cpu() -> bool:
    """Whether this processor computes in bfloat16 rather than emulates it slowly.

    oneDNN knows of more processors than torch tells publicly: AVX-512 is enough, not needed.
    """
    capable = torch.backends.cpu.get_cpu_capability() == "AVX512"
    # torch leaves `is_available` untyped.
    public = capable and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    try:
        supported = _torch("ops.mkldnn._is_mkldnn_bf16_supported")()
    except Exception as error:
        return _instead("whether the CPU has bfloat16", _line(error), public)
    if not isinstance(supported, bool) or (public and not supported):
        return _instead("whether the CPU has bfloat16", f"it says {supported!r}", public)
    return supported


@cache
def batch_norms() -> tuple[type[nn.Module], ...]:
    """Classes of BatchNorm, for isinstance; torch's base class covers a user's own as well."""
    public = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    try:
        base = _torch("nn.modules.batchnorm._BatchNorm")
        if all(issubclass(one, base) for one in public) and not issubclass(nn.LayerNorm, base):
            return (base,)
    except Exception as error:
        return _instead("BatchNorm's base class", _line(error), public)
    return _instead("BatchNorm's base class", "it is another's", public)


def _torch(path: str) -> Any:  # whatever lies there; a probe looks at what it does
    """What torch has under a dotted name; AttributeError without."""
    return reduce(getattr, path.split("."), torch)


def _numbers(*shape: int) -> Tensor:
    """Numbers in [-1, 1] without a pattern, and without a draw from the caller's generator."""
    count = torch.Size(shape).numel()
    return torch.arange(count, dtype=torch.float32, device="cpu").mul(2.4).sin().view(shape)


def _probed(
    name: str, find: Callable[[], Way], probe: Callable[[Way], Iterator[Pair]]
) -> Way | None:
    """The private way, or None after an error or where its probe's pairs differ."""
    try:
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            way = find()
            for ours, public in probe(way):
                if not _close(ours, public):
                    return _instead(name, "it gives other numbers", None)
    except Exception as error:
        return _instead(name, _line(error), None)
    return way


def _close(ours: Tensor, public: Tensor) -> bool:
    if (ours.shape, ours.dtype, ours.device) != (public.shape, public.dtype, public.device):
        return False
    allowed = TOLERANCE[public.dtype]
    return torch.allclose(ours, public, rtol=allowed, atol=allowed)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _instead(name: str, reason: str, public: Way) -> Way:
    warnings.warn(
        f"torch {torch.__version__}: {name}: {reason}; a public way is used instead, which may be "
        "slower",
        stacklevel=3,
    )
    return public
