"""Self-attention of one head on a CPU, with two products of tokens where there were four.

What stands before one head's softmax is a bilinear form of the tokens, `x Wq' (x Wk')'`: queries
and keys act through one matrix, and the keys are then the tokens themselves. What stands behind it
is linear, so that values and the output projection are one matrix too. A bias of the keys is the
same for all that a token looks at and goes with the softmax, whose shares sum to one, so that one
of the values comes out as it is. The numbers are the same up to rounding.

`folded.py` does the same to a frozen encoder, once and for more than attention; here the weights
are folded at every pass, which pays when there are more tokens than the width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..contracts import Context
from ._products import SMALL, on_cpu, prefers_onednn, product, through, weighed

WORTH = 2  # tokens for each number of the width from which two products fewer are worth the folding


def foldable(x: Tensor, heads: int) -> bool:
    """Whether `attend` is to take tokens `(N, L, D)`: exact ones on a CPU, many, of one head.

    With gradients alone, so that what frozen encoders give stays what it is to the last bit.
    """
    if (
        heads > 1
        or not torch.is_grad_enabled()
        or not on_cpu(x)
        or torch.is_autocast_enabled("cpu")
    ):
        return False
    (N, L, D), exact = x.shape, x.dtype in (torch.float32, torch.float64)
    large = N * L * D * D >= SMALL  # else the calls take longer than what they save
    # A score's row shorter than a query and a key.
    return exact and large and N * L >= WORTH * D and L <= WORTH * D


def attend(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
    """One head's self-attention of tokens `(N, L, D)`, output projection included.

    Args:
        x: the tokens.
        w_in: of queries, keys and values, `(3D, D)`.
        b_in: `(3D,)`.
        w_out: of the output, `(D, D)`.
        b_out: `(D,)`.
    """
    (w_q, w_k, w_v), (b_q, _, b_v) = w_in.chunk(3), b_in.chunk(3)
    scale = len(w_q) ** -0.5
    asks, asks_bias = w_k.T @ w_q * scale, b_q @ w_k * scale
    gives, gives_bias = w_out @ w_v, torch.addmv(b_out, w_out, b_v)
    y: Tensor = _Attend.apply(x.contiguous(), asks, asks_bias, gives, gives_bias)  # type: ignore[no-untyped-call]  # untyped in torch
    return y


class _Attend(torch.autograd.Function):
    """`softmax(u x') v` with `u = x A' + a` and `v = x B' + b`."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, A: Tensor, a: Tensor, B: Tensor, b: Tensor) -> Tensor:
        multiply = product if prefers_onednn(x) else F.linear
        u, v = multiply(x, A, a), multiply(x, B, b)
        shares = torch.bmm(u, x.transpose(1, 2)).softmax(dim=2)  # (N, L, L)
        ctx.save_for_backward(x, A, B, u, v, shares)
        return torch.bmm(shares, v)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor, ...]:
        x, A, B, u, v, shares = ctx.saved_tensors
        of_v = torch.bmm(shares.transpose(1, 2), gradient)
        of_shares = torch.bmm(gradient, v.transpose(1, 2))
        of_scores = of_shares.mul_(shares)
        of_scores.addcmul_(shares, of_scores.sum(dim=2, keepdim=True), value=-1)
        of_u = torch.bmm(of_scores, x)
        of_x = through(of_v, B, into=through(of_u, A))
        of_x.baddbmm_(of_scores.transpose(1, 2), u)
        rows, of_u, of_v = x.flatten(0, 1), of_u.flatten(0, 1), of_v.flatten(0, 1)
        return of_x, weighed(of_u, rows), of_u.sum(dim=0), weighed(of_v, rows), of_v.sum(dim=0)
