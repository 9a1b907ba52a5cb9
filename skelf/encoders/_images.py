"""ST-GCN's two convolutions on bodies that lie in memory as `(T, V, B, C)`, for a CPU's speed.

A temporal convolution 9 wide multiplies about 9 T pairs of matrices `(C, C)`. After a discrete
Fourier transform over time it is one product a frequency, 25 instead of 117 at 13 frames: the same
sums, in another order. With T this short the transforms are themselves small matrix products, so
there are no complex numbers anywhere, and the error is below the direct form's.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..contracts import Context
from ..machine.processor import mkl_is_fast

# Of the direct form's multiplications, how many the transformed form may have to be the faster one,
# forward alone and with backward. Measured on CPUs with AVX2 and with AVX-512: it reads and writes
# more, but below a wide direct convolution oneDNN's gradient of the weight is slow on a single
# image. oneDNN uses AVX-512 wherever it is, the matrix products of the transformed form may not.
_AVX512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
_BOTH = _AVX512 and mkl_is_fast()  # oneDNN and matrix products use AVX-512
WORTH = 0.4 if _AVX512 else 0.65
WORTH_TRAINING = 1.25 if _BOTH or not _AVX512 else 0.4
WIDE = 32  # channels from which matrix products beat oneDNN's backward
WIDE_TRANSFORMED = 16 if _BOTH else WIDE  # the same of a transformed convolution


def turn(x: Tensor) -> Tensor:
    """`(B, C, T, V)` as `(T, V, B, C)`, and back; moves nothing."""
    return x.permute(2, 3, 0, 1)


class TemporalConv(nn.Conv2d):
    """Convolution over the frames of `(B, C, T, V)` that lies in memory as `(T, V, B, C)`.

    Args:
        channels: C, in and out.
        kernel: frames that it spans, odd; padded with zeros so that frame 0 is the first centre.
        stride: frames from one centre to the next.
    """

    bias: Tensor  # there always is one

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, (kernel, 1), (stride, 1), (kernel // 2, 0))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, T, V)` to `(B, C, ceil(T / stride), V)`."""
        if torch.compiler.is_exporting():  # other runtimes lay it out themselves
            return super().forward(x)
        if self._worth_transforming(x):
            return turn(self._transformed(turn(x)))
        B, C, T, V = x.shape
        image = turn(x).reshape(1, T, V * B, C).permute(0, 3, 1, 2)
        y = super().forward(image).permute(0, 2, 3, 1)
        return turn(y.reshape(-1, V, B, C))

    def _worth_transforming(self, x: Tensor) -> bool:
        if not plain(x):  # half precision would round the frequencies
            return False
        C, T = x.shape[1], x.shape[2]
        kernel, stride = self.kernel_size[0], self.stride[0]
        R, outs = len(transforms(T, kernel, stride)[0]), -(-T // stride)
        worth = WORTH_TRAINING if C >= WIDE_TRANSFORMED and torch.is_grad_enabled() else WORTH
        return R * (C + T + outs) <= worth * kernel * outs * C

    def _transformed(self, x: Tensor) -> Tensor:
        """`(T, V, B, C)` to `(T', V, B, C)`."""
        T, V, B, C = x.shape
        kernel = self.kernel_size[0]
        into, taps, back = (
            torch.as_tensor(matrix, dtype=x.dtype, device=x.device)
            for matrix in transforms(T, kernel, self.stride[0])
        )
        R = len(into)
        weight = (taps @ self.weight.view(C * C, kernel).T).view(R, C, C).transpose(1, 2)
        y = torch.bmm((into @ x.reshape(T, -1)).view(R, V * B, C), weight)
        bias = self.bias.repeat(V * B)
        return torch.addmm(bias, back, y.view(R, -1)).view(-1, V, B, C)


def plain(x: Tensor) -> bool:
    """Whether `x` is computed on as it is, on a CPU: GPUs and exported graphs have their ways."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    return not torch.is_autocast_enabled("cpu") and x.dtype in (torch.float32, torch.float64)


def mix(rows: Tensor, weight: Tensor) -> Tensor:
    """Weighs K partitions and sums them: `(T, K, R, C)` and `(K, outs, C)` to `(T, R, outs)`."""
    if plain(rows) and torch.is_grad_enabled() and rows.shape[3] >= WIDE:
        return _Mix.apply(rows, weight)  # type: ignore[no-untyped-call]  # untyped in torch
    # The partitions as rows of an image, which a convolution weighs and sums at once.
    image, kernel = rows.permute(0, 3, 1, 2), weight.permute(1, 2, 0).unsqueeze(3)
    return F.conv2d(image, kernel).permute(0, 2, 3, 1).squeeze(1)


class _Mix(torch.autograd.Function):
    """`mix` as matrix products that add up in place, as do the gradients."""

    @staticmethod
    def forward(ctx: Context, rows: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weight)
        T, K, R, _ = rows.shape
        y = rows.new_zeros(T, R, weight.shape[1])
        for k in range(K):
            y.baddbmm_(rows[:, k], weight[k].T.expand(T, -1, -1), beta=float(k > 0))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor, Tensor]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight = torch.empty_like(rows), torch.empty_like(weight)
        for k in range(rows.shape[1]):
            torch.bmm(gradient, weight[k].expand(len(rows), -1, -1), out=of_rows[:, k])
            torch.sum(torch.bmm(gradient.transpose(1, 2), rows[:, k]), dim=0, out=of_weight[k])
        return of_rows, of_weight


@lru_cache(maxsize=64)
def transforms(frames: int, kernel: int, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices that turn a convolution over time into products: `back @ ((taps w) * (into x))`.

    Args:
        frames: frames T of the input.
        kernel: taps, odd; the input is padded by half of them.
        stride: frames from one output to the next; each of that many phases of the input is
            transformed by itself, and `back` sums them.

    Returns:
        `into` `(R, T)`, `taps` `(R, kernel)`, `back` `(T', R)`, R the number of products; float64.
    """
    outs, pad = -(-frames // stride), kernel // 2
    parts = []
    for phase in range(min(stride, frames)):
        at = np.arange(phase, frames, stride)
        tap = np.arange((phase + pad) % stride, kernel, stride)
        if not len(tap):
            continue
        lag = (phase + pad - tap) // stride  # of an output behind the input that it reads
        # So long that what wraps around falls on no output.
        period = max(len(at) + int(lag.max()), outs - int(lag.min()))
        from_input, from_taps, back = _products(period, np.arange(len(at)), lag, np.arange(outs))
        into, taps = np.zeros((len(from_input), frames)), np.zeros((len(from_taps), kernel))
        into[:, at], taps[:, tap] = from_input, from_taps
        parts.append((into, taps, back))
    each = list(zip(*parts, strict=True))
    return np.concatenate(each[0]), np.concatenate(each[1]), np.concatenate(each[2], axis=1)


def _products(
    period: int, inputs: np.ndarray, lags: np.ndarray, outputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The real products of a cyclic convolution, for inputs, taps and outputs at these positions.

    A frequency's product of `a + bi` and `c + di` takes three: `k1 = c (a + b)`, `k2 = a (d - c)`
    and `k3 = b (c + d)`; it is `k1 - k3 + (k1 + k2) i`.
    """
    frequency = np.arange(1, (period + 1) // 2)[:, None] * (2 * np.pi / period)
    real = [0.0] if period % 2 else [0.0, np.pi]  # frequencies without an imaginary part

    def alone(at: np.ndarray) -> np.ndarray:
        return np.cos(np.multiply.outer(real, at))

    def pair(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.cos(frequency * at), -np.sin(frequency * at)

    (a, b), (c, d), (e, f) = pair(inputs), pair(lags), pair(outputs)
    into = np.concatenate([alone(inputs), a + b, a, b])
    taps = np.concatenate([alone(lags), c, d - c, c + d])
    back = np.concatenate([alone(outputs), 2 * (e + f), 2 * f, -2 * e]) / period
    return into, taps, back.T
