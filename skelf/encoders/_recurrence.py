"""GRUs over a whole sequence on a CPU: the numbers of torch's kernel with less work around them.

torch steps a GRU through some ten operators a frame and a direction, and its backward adds up a
gradient of every weight at every frame. Here a layer is one autograd function: the inputs of all
frames meet their weights in one product, a frame takes one product with the recurrent weights,
which are laid out for it once, and the gradient of each weight is one product over all frames.

With r, z, n the gates and a the recurrent part of n, a state is `h' = n + z (h - n)`. Its gradient
`dh'` reaches the sums inside of a, r, z and n through a factor each that the forward pass knows, so
that a backward frame is one multiplication by the four of them and one product.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..contracts import Context
from ..machine import private
from ._products import on_cpu, product, repeated

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


def _inputs(rows: Tensor, count: int, weight: Tensor, bias: Tensor) -> Iterator[Tensor]:
    """The input's part of the gates, `(N, D*3H)`, frame after frame, of rows `(T N, I)`.

    A few frames at a time: faster than all at once, and read while they are in the cache.
    """
    frames = max(1, ROWS // count)
    given = repeated(weight, bias, frames * count)
    for block in torch.split(rows, frames * count):
        yield from torch.split(given(block), count)


class _Layer(torch.autograd.Function):
    """One layer of D GRUs on the same input; states and gates are in float32 at least."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dtype: torch.dtype, grad: bool, *weights: Tensor
    ) -> Tensor:
        (T, N, _), H = x.shape, weights[1].shape[1]
        w_ih, w_hh, b_ih, b_hh = ([w.to(dtype) for w in weights[kind::4]] for kind in range(4))
        D, rows = len(w_ih), x.to(dtype).flatten(0, 1)  # (T N, I)
        w_in = torch.cat(w_ih) if D > 1 else w_ih[0]
        inputs = _inputs(rows, N, w_in, torch.cat(b_ih))
        products = [repeated(w, b, N) for w, b in zip(w_hh, b_hh, strict=True)]

        wide = torch.promote_types(dtype, torch.float32)
        keep = grad and any(ctx.needs_input_grad)
        states = torch.empty(T, N, D, H, dtype=wide)
        narrow = torch.empty(D, T, N, H, dtype=dtype)  # the same, direction by direction
        updates = torch.empty(T, N, D, H, dtype=wide) if keep else None
        factors = torch.empty(T, N, D, 4, H, dtype=dtype) if keep else None
        h, before = states.new_zeros(N, D, H), narrow.new_zeros(D, N, H)
        gates, scratch = states.new_empty(N, D, 3 * H), states.new_empty(N, D, 4, H)
        r, z, a = gates.chunk(3, dim=2)
        for t, given in enumerate(inputs):
            for d, recurrent in enumerate(products):
                gates[:, d] = recurrent(before[d])
            given = given.to(wide).view(N, D, 3 * H)
            gates[..., : 2 * H].add_(given[..., : 2 * H]).sigmoid_()
            # tanh(y) = 2 sigmoid(2 y) - 1: torch's sigmoid is several times as fast as its tanh.
            n = torch.addcmul(given[..., 2 * H :], r, a).mul_(2).sigmoid_().mul_(2).sub_(1)
            h = torch.lerp(n, h, z, out=states[t])
            before = narrow[:, t].copy_(h.transpose(0, 1))
            if factors is not None and updates is not None:
                updates[t] = z
                factors[t] = _factors(r, z, a, n, h, scratch)
        if keep:
            ctx.save_for_backward(rows, narrow, updates, factors, w_in, *w_hh)
            ctx.dtypes = x.dtype, weights[0].dtype
        return states.flatten(2).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, narrow, updates, factors, w_in, *w_hh = ctx.saved_tensors
        T, N, D, _, H = factors.shape
        # A product's columns are those of a, r and z: rows n, r, z of the weight.
        products = [repeated(w.roll(H, 0).T, None, N) for w in w_hh]
        gates, gradient = torch.empty_like(factors), gradient.view(T, N, D, H)
        passed = None
        for t in reversed(range(T)):
            dh = gradient[t].to(updates.dtype)
            dh = dh if passed is None else passed.add_(dh)
            torch.mul(factors[t], dh.to(factors.dtype).unsqueeze(2), out=gates[t])
            passed = dh * updates[t]
            for d, recurrent in enumerate(products if t else ()):
                passed[:, d] += recurrent(gates[t, :, d, :3].flatten(1))
        return _gradients(ctx, gates, rows, narrow, w_in)


def _factors(r: Tensor, z: Tensor, a: Tensor, n: Tensor, h: Tensor, out: Tensor) -> Tensor:
    """What `dh'` `(N, D, H)` is multiplied with for a, r, z and n: `(N, D, 4, H)`, into `out`."""
    of_a, of_r, of_z, of_n = out.unbind(2)
    rest, backward = 1 - z, private.activation_gradients()
    backward.tanh(rest, n, of_n)
    torch.mul(of_n, r, out=of_a)
    backward.sigmoid(of_n * a, r, of_r)
    torch.mul(h - n, rest, out=of_z)  # z (1 - z) (h before - n)
    return out


def _gradients(
    ctx: Context, gates: Tensor, rows: Tensor, narrow: Tensor, w_in: Tensor
) -> tuple[Tensor | None, ...]:
    """Gradients of the layer's arguments, those of the gates `(T, N, D, 4, H)` given."""
    (T, N, D, _, H), (of_input, of_weights) = gates.shape, ctx.dtypes
    needs, made = ctx.needs_input_grad, []
    flat = gates.view(T * N, D, 4 * H)
    total = (flat.new_ones(1, T * N) @ flat.flatten(1)).view(D, 4 * H).to(of_weights)
    dx = None
    for d in range(D):
        into, recurrent = flat[:, d, H:], flat[N:, d, : 3 * H]
        before = narrow[d, :-1].flatten(0, 1)
        w_ih = w_hh = None
        if needs[3 + 4 * d]:
            w_ih = product(into.T, rows.T).to(of_weights)
        if needs[4 + 4 * d]:
            w_hh = product(recurrent.T, before.T).roll(-H, 0).to(of_weights)
        made += [w_ih, w_hh, total[d, H:], total[d, : 3 * H].roll(-H)]
        if needs[0]:
            one = product(into, w_in[d * 3 * H : (d + 1) * 3 * H].T)
            dx = one if dx is None else dx.add_(one)
    if dx is not None:
        dx = dx.view(T, N, -1).to(of_input)
    return dx, None, None, *made
