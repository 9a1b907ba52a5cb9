"""GRUs over a whole sequence on a CPU: the numbers of torch's kernel with less work around them.

torch steps a GRU through some ten operators a frame and a direction, and its backward adds up a
gradient of every weight at every frame. Here a layer is one autograd function: the inputs of all
frames meet their weights in a few products, a frame adds one product with the recurrent weights in
place, and the gradient of each weight is one product over all frames.

With r, z, n the gates and a the recurrent part of n, a state is `h' = n + z (h - n)`. The four are
kept, each frame's in one block of memory; a backward frame turns them into the gradients of the
sums inside of them, and one product takes those to the state before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..contracts import Context
from ..machine import private
from ._products import on_cpu, repeated_into, through, weighed

ROWS = 512  # of the input at a time


def recur(x: Tensor, *grus: nn.GRU) -> Tensor:
    """States `(T, N, D*H)` of D GRUs side by side: `torch.cat([gru(x)[0] for gru in grus], 2)`.

    Args:
        x: inputs `(T, N, I)`.
        grus: frames first, with biases, forward in time, without dropout; either one of any number
            of layers, or several of one layer.
    """
    dtype = _dtype(x, grus[0].weight_hh_l0)
    if dtype is None:
        return torch.cat([gru(x)[0] for gru in grus], dim=2) if len(grus) > 1 else grus[0](x)[0]
    for layer in zip(*(gru.all_weights for gru in grus), strict=True):
        weights = [weight for direction in layer for weight in direction]
        # torch leaves `apply` untyped.
        x = _Layer.apply(x, dtype, torch.is_grad_enabled(), *weights)  # type: ignore[no-untyped-call]
    return x


# Any: torch does not type the weights of a GRU by name.
def _dtype(x: Tensor, weight: Any) -> torch.dtype | None:
    """What products are computed in; None where torch's own kernel shall run.

    That is on a GPU, in a graph that is traced, and for tensors that stand for others.
    """
    if not on_cpu(x):
        return None
    if torch.is_autocast_enabled("cpu"):
        autocast = torch.get_autocast_dtype("cpu")
        known = x.dtype in (autocast, torch.float32) and weight.dtype is torch.float32
        return autocast if known and autocast is torch.bfloat16 else None
    full = x.dtype in (torch.float32, torch.float64) and x.dtype is weight.dtype
    return x.dtype if full else None


class _Inputs:
    """What a layer's inputs add to its gates, a few frames at a time: read while in the cache.

    Args:
        rows: the inputs `(T N, I)`.
        count: N.
        weights: of each direction, those of the input `(3H, I)`, and two biases `(3H,)`.
    """

    def __init__(
        self, rows: Tensor, count: int, weights: Sequence[tuple[Tensor, Tensor, Tensor]]
    ) -> None:
        self.rows, self.count, H = rows, count, len(weights[0][1]) // 3
        self.frames = max(1, ROWS // count)
        self.alone = torch.stack([recurrent[2 * H :] for _, _, recurrent in weights])
        self.parts = []
        for weight, bias, recurrent in weights:
            bias = bias.clone()
            bias[: 2 * H] += recurrent[: 2 * H]  # they meet in the sums of r and z anyway
            weight, bias = weight.clone(), bias
            weight[2 * H :] *= 2  # see `_Layer.forward`
            bias[2 * H :] *= 2
            self.parts.append((repeated_into(weight, self.frames * count), bias))

    def fill(self, gates: Tensor, first: int) -> None:
        """Gates `(frames, N, D, 4, H)` of the frames from `first` on, before any state is added."""
        rows = self.rows[first * self.count :][: len(gates) * self.count]
        gates[..., 0, :] = self.alone
        flat = gates.flatten(0, 1).flatten(2)  # (frames N, D, 4H)
        H = gates.shape[4]
        for d, (add, bias) in enumerate(self.parts):
            into = flat[:, d, H:]
            into[:] = bias
            add(into, rows)


class _Layer(torch.autograd.Function):
    """One layer of D GRUs on the same input; states and gates are in float32 at least.

    Gates `(T, N, D, 4, H)` are a, r, z and n, so that what a state adds to is one block.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dtype: torch.dtype, grad: bool, *weights: Tensor
    ) -> Tensor:
        (T, N, _), H = x.shape, weights[1].shape[1]
        wide = torch.promote_types(dtype, torch.float32)
        w_ih, w_hh = ([w.to(dtype) for w in weights[kind::4]] for kind in (0, 1))
        b_ih, b_hh = ([b.to(wide) for b in weights[kind::4]] for kind in (2, 3))
        D, rows = len(w_ih), x.to(dtype).flatten(0, 1)  # (T N, I)
        inputs = _Inputs(rows, N, list(zip(w_ih, b_ih, b_hh, strict=True)))
        products = [repeated_into(w.roll(H, 0), N) for w in w_hh]  # rows of a, r, z
        keep = grad and any(ctx.needs_input_grad)
        gates = torch.empty(T if keep else min(T, inputs.frames), N, D, 4, H, dtype=wide)
        states = torch.empty(T, N, D, H, dtype=wide)
        h, minus, block = states.new_zeros(N, D, H), states.new_tensor(-1.0), gates
        for t in range(T):
            place = t % inputs.frames
            if place == 0:
                block = gates[t if keep else 0 :][: min(inputs.frames, T - t)]
                inputs.fill(block, t)
            now = block[place]
            for d, add in enumerate(products if t else ()):
                add(now[:, d, :3].flatten(1), h[:, d].to(dtype))
            a, r, z, n = now.unbind(2)
            now[:, :, 1:3].sigmoid_()
            # tanh(y) = 2 sigmoid(2 y) - 1: torch's sigmoid is several times as fast as its tanh.
            torch.addcmul(n, r, a, value=2, out=n).sigmoid_()
            torch.add(minus, n, alpha=2, out=n)
            h = torch.lerp(n, h, z, out=states[t])
        if keep:
            ctx.save_for_backward(rows, states, gates, *w_ih, *w_hh)
            ctx.dtypes = x.dtype, weights[0].dtype
        return states.flatten(2).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, states, gates, *weights = ctx.saved_tensors
        T, N, D, _, H = gates.shape
        w_ih, w_hh = weights[:D], weights[D:]
        products = [repeated_into(w.roll(H, 0).T, N) for w in w_hh]
        made, gradient = gates.new_empty(gates.shape, dtype=rows.dtype), gradient.view(T, N, D, H)
        passed, scratch, zero = None, torch.empty_like(gates[0]), torch.zeros_like(states[0])
        for t in reversed(range(T)):
            dh = gradient[t].to(states.dtype)
            dh = dh if passed is None else passed.add_(dh)
            out = made[t] if made.dtype is gates.dtype else scratch
            passed = _frame(dh, gates[t], states[t - 1] if t else zero, out)
            if out is scratch:
                made[t] = scratch
            for d, add in enumerate(products if t else ()):
                add(passed[:, d], made[t, :, d, :3].flatten(1))
        return _gradients(ctx, made, rows, states, w_ih)


def _frame(dh: Tensor, gates: Tensor, before: Tensor, out: Tensor) -> Tensor:
    """A frame's gradients of the sums inside of a, r, z and n, `(N, D, 4, H)`, into `out`.

    Returns:
        What goes on to the state before, `(N, D, H)`, past the gates.
    """
    (a, r, z, n), (of_a, of_r, of_z, of_n) = gates.unbind(2), out.unbind(2)
    backward = private.activation_gradients()
    passed = dh * z
    rest = dh - passed
    backward.tanh(rest, n, of_n)
    torch.mul(of_n, r, out=of_a)
    backward.sigmoid(of_n * a, r, of_r)
    torch.mul(rest.mul_(before - n), z, out=of_z)  # dh z (1 - z) (before - n)
    return passed


def _gradients(
    ctx: Context, gates: Tensor, rows: Tensor, states: Tensor, w_ih: Sequence[Tensor]
) -> tuple[Tensor | None, ...]:
    """Gradients of the layer's arguments, those of the gates `(T, N, D, 4, H)` given."""
    (T, N, D, _, H), (of_input, of_weights) = gates.shape, ctx.dtypes
    needs, made = ctx.needs_input_grad, []
    flat = gates.view(T * N, D, 4 * H)
    total = (flat.new_ones(1, T * N) @ flat.flatten(1)).view(D, 4 * H).to(of_weights)
    before = states.flatten(0, 1)[: (T - 1) * N]  # of the frames from the second one on
    dx: Tensor | None = None
    for d in range(D):
        into, recurrent = flat[:, d, H:], flat[N:, d, : 3 * H]
        of_ih = of_hh = None
        if needs[3 + 4 * d]:
            of_ih = weighed(into, rows).to(of_weights)
        if needs[4 + 4 * d]:
            of_hh = weighed(recurrent, before[:, d].to(rows.dtype)).roll(-H, 0).to(of_weights)
        made += [of_ih, of_hh, total[d, H:], total[d, : 3 * H].roll(-H)]
        if needs[0]:
            dx = through(into, w_ih[d], into=dx)
    if dx is not None:
        dx = dx.view(T, N, -1).to(of_input)
    return dx, None, None, *made
