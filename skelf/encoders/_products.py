"""Matrix products on a CPU by the faster of torch's two libraries.

torch multiplies matrices of float32 by MKL, which leaves AVX-512 alone on processors that are not
its maker's; oneDNN, which computes convolutions and bfloat16, takes half of the time there. The
numbers are the same up to rounding. On its maker's MKL is as fast, and faster where a matrix is
transposed, which oneDNN copies first: gradients are MKL's there.

oneDNN's product is not public, see `private`: where a build has none, or the processor no bfloat16,
torch's usual product does the same.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..contracts import Context
from ..machine import private
from ..machine.processor import mkl_is_fast

Product = Callable[[Tensor], Tensor]
Addition = Callable[[Tensor, Tensor], None]
SMALL = 2**21  # multiplications from which a product outweighs the call of a function from Python

_AVX512 = torch.backends.cpu.get_cpu_capability() == "AVX512"


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias` of `(..., I)`; `weight` or its transpose lies in memory without gaps.

    With gaps oneDNN computes it a thousand times as slowly.
    """
    if x.dtype is torch.float32 and x.numel() and (fast := private.onednn(x.dtype)):
        return fast.linear(x, weight, bias)
    return F.linear(x, weight, bias)  # in bfloat16 it is oneDNN's already


def through(gradient: Tensor, weight: Tensor, into: Tensor | None = None) -> Tensor:
    """`gradient @ weight`: of `(..., O)`, the gradient of a product's input.

    Args:
        gradient: of the product.
        weight: `(O, I)`.
        into: a tensor `(..., I)` without gaps that it is added to in place.
    """
    usual = gradient.dtype is torch.float32 and mkl_is_fast()
    if into is None:
        return gradient @ weight if usual else product(gradient, weight.T)
    if not usual:
        return into.add_(product(gradient, weight.T))
    into.view(-1, into.shape[-1]).addmm_(gradient.flatten(0, -2), weight)
    return into


def weighed(gradient: Tensor, x: Tensor) -> Tensor:
    """`gradient.T @ x`: of rows `(R, O)` and `(R, I)`, the gradient of a product's weight."""
    if x.dtype is torch.float32 and mkl_is_fast():
        return gradient.T @ x
    return product(gradient.T, x.contiguous().T)


def repeated(weight: Tensor, bias: Tensor | None, rows: int) -> Product:
    """`product` by the same weight time and again, for that many rows.

    Laid out once in oneDNN's own order: at 1.5 to 3 times the speed.
    """
    fast = private.onednn(weight.dtype)
    if fast is None:
        return lambda x: F.linear(x, weight, bias)
    multiply, laid_out = fast.linear, fast.lay_out(weight.contiguous(), rows)
    return lambda x: multiply(x, laid_out, bias)


def repeated_into(weight: Tensor, rows: int) -> Addition:
    """`into += x @ weight.T` by the same weight time and again; `into` may be a part of a tensor.

    Where MKL is fast, nothing is laid out and no sum is written twice. Products in bfloat16 are
    made by themselves, since `into` is then in float32.
    """
    half = weight.dtype is torch.bfloat16
    if not half and (mkl_is_fast() or private.onednn(weight.dtype) is None):
        turned = weight.T.contiguous()

        def add(into: Tensor, x: Tensor) -> None:
            into.addmm_(x, turned)
    else:
        multiply = repeated(weight, None, rows)

        def add(into: Tensor, x: Tensor) -> None:
            into.add_(multiply(x))

    return add


def on_cpu(x: Tensor) -> bool:
    """Whether `x` is computed on here: no GPU, no traced graph, no stand-in for a tensor."""
    if x.device.type != "cpu" or type(x) is not Tensor or torch.compiler.is_compiling():
        return False
    traced = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]  # public, untyped
    return not (traced or torch.onnx.is_in_onnx_export()) and x.numel() > 0


def prefers_onednn(x: Tensor) -> bool:
    """Whether large products of `x` are oneDNN's: float32 on a CPU with AVX-512."""
    exact = x.dtype is torch.float32 and not torch.is_autocast_enabled("cpu")
    return exact and _AVX512 and on_cpu(x) and private.onednn(x.dtype) is not None


class Linear(nn.Linear):
    """`nn.Linear` by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """`(..., I)` to `(..., O)`."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`; a large one in float32 with AVX-512 by oneDNN."""
    if torch.compiler.is_compiling():  # first: to ask a traced size fixes the batch's
        return F.linear(x, weight, bias)
    exact = x.dtype is weight.dtype is torch.float32 and not torch.is_autocast_enabled("cpu")
    large = x.numel() * len(weight) >= SMALL
    if not (exact and large and _AVX512 and on_cpu(x) and private.onednn(x.dtype)):
        return F.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # untyped in torch


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Context, gradient: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows = gradient.flatten(0, -2)
        return (
            through(gradient, weight) if of_x else None,
            weighed(rows, x.flatten(0, -2)) if of_weight else None,
            rows.sum(dim=0) if of_bias else None,
        )
