"""A causal GRU one frame at a time: what `GRU.frames` gives of all frames up to this one.

A step costs the same however long the sequence is, and each weight is read once. In NumPy, whose
calls cost a tenth of torch's, which counts where a layer is a dozen of them on a few hundred
numbers. Weights lie transposed, so that a product of one row reads memory in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..skeleton import Skeleton
from ..streams import derive


class State(NamedTuple):
    """What a causal GRU remembers of the frames so far.

    Args:
        hidden: `(layers, 2, H)`.
        waiting: the frame `(C, V, M)` whose motion needs the next one; None of other streams, and
            before the first frame.
    """

    hidden: np.ndarray
    waiting: np.ndarray | None = None


class Layer(NamedTuple):
    """The weights of two GRUs side by side, transposed.

    Args:
        w_in: `(I, 2*3H)`, of the input, direction by direction.
        b_in: `(2*3H,)`, with the recurrent biases of r and z, which are added to the same sums.
        w_state: `(H, 3H)` of either direction.
        b_state: `(2, H)`, the recurrent bias of n.
    """

    w_in: np.ndarray
    b_in: np.ndarray
    w_state: tuple[np.ndarray, np.ndarray]
    b_state: np.ndarray


class Steps:
    """Steps of a causal GRU, with its weights as they are now, by `GRU.steps`.

    Args:
        skeleton: the joint layout.
        stream: joint, motion or bone.
        coordinates: channels that are coordinates.
        norm: the input BatchNorm, whose running statistics count.
        layers: of each layer the two GRUs.

    Examples:
        >>> import torch
        >>> from skelf.encoders.gru import GRU
        >>> from skelf.layouts import KINECT20
        >>> encoder = GRU(KINECT20, dim=4, layers=2, frames=8, persons=1).eval()
        >>> x = torch.randn(1, 3, 8, 20, 1)
        >>> step = encoder.steps()
        >>> state = step.start()
        >>> for frame in x[0].permute(1, 0, 2, 3).numpy():  # (C, V, M)
        ...     vector, state = step(frame, state)
        >>> bool(torch.isclose(torch.from_numpy(vector), encoder(x)[0], atol=1e-5).all())
        True
    """

    def __init__(
        self,
        skeleton: Skeleton,
        stream: str,
        coordinates: int,
        norm: nn.BatchNorm1d,
        layers: Sequence[Sequence[nn.GRU]],
    ) -> None:
        self.skeleton, self.stream, self.coordinates = skeleton, stream, coordinates
        self.scale, self.shift = _affine(norm)
        self.layers = [_layer(*both) for both in layers]
        self.width = layers[0][0].hidden_size

    @property
    def delay(self) -> int:
        """How many frames later a frame's vector comes: motion leads to the next frame."""
        return int(self.stream == "motion")

    def start(self) -> State:
        """Before the first frame."""
        return State(np.zeros((len(self.layers), 2, self.width), self.scale.dtype))

    def __call__(self, x: np.ndarray, state: State) -> tuple[np.ndarray | None, State]:
        """The vector `(2H,)` of a frame, and the state after it; `state` stays as it is.

        Args:
            x: joints `(C, V, M)`, normalised.
            state: what came before.

        Returns:
            for a motion stream the vector of the frame before, None at the first; see `finish`.
        """
        if self.stream != "motion":
            return self._step(self._derived(x[:, None]), state)
        x = np.array(x, self.scale.dtype)  # it is kept
        if state.waiting is None:
            return None, state._replace(waiting=x)
        vector, state = self._step(self._derived(np.stack([state.waiting, x], axis=1)), state)
        return vector, state._replace(waiting=x)

    def finish(self, state: State) -> tuple[np.ndarray | None, State]:
        """The vector of a last frame that still waits, whose motion is 0; None where none does."""
        if state.waiting is None:
            return None, state
        vector, state = self._step(self._derived(state.waiting[:, None]), state)
        return vector, state._replace(waiting=None)

    def _derived(self, x: np.ndarray) -> np.ndarray:
        """The stream of the first of frames `(C, T, V, M)` as a row `(V*C*M,)`."""
        if self.stream != "joint":
            clip = torch.from_numpy(np.ascontiguousarray(x))[None]
            x = derive(clip, self.stream, self.skeleton, self.coordinates)[0].numpy()
        return x[:, 0].transpose(1, 0, 2).reshape(-1)

    def _step(self, row: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        value = row * self.scale + self.shift
        hidden = np.empty_like(state.hidden)
        for depth, layer in enumerate(self.layers):
            value = _advance(layer, value, state.hidden[depth], hidden[depth])
        return value.copy(), State(hidden, state.waiting)


def _advance(layer: Layer, value: np.ndarray, h: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Writes both directions' next states `(2, H)` to `out`; returns them as one row."""
    width = h.shape[1]
    given = (value @ layer.w_in + layer.b_in).reshape(2, 3 * width)
    recurrent = np.empty_like(given)
    for direction, weight in enumerate(layer.w_state):
        np.dot(h[direction], weight, out=recurrent[direction])
    gates = given[:, : 2 * width] + recurrent[:, : 2 * width]
    gates *= 0.5  # the sigmoid is (1 + tanh(x / 2)) / 2, which cannot overflow
    np.tanh(gates, out=gates)
    gates += 1
    gates *= 0.5
    n = recurrent[:, 2 * width :]
    n += layer.b_state
    n *= gates[:, :width]
    n += given[:, 2 * width :]
    np.tanh(n, out=n)
    np.subtract(h, n, out=out)
    out *= gates[:, width:]
    out += n
    return out.reshape(-1)


@torch.no_grad()
def _affine(norm: nn.BatchNorm1d) -> tuple[np.ndarray, np.ndarray]:
    """The scale and the shift that BatchNorm is in evaluation."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None  # a GRU's norm tracks them
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    return _array(scale), _array(norm.bias - mean * scale)


@torch.no_grad()
def _layer(ahead: nn.GRU, other: nn.GRU) -> Layer:
    sums = 2 * ahead.hidden_size  # of r and z
    # (weight_ih, weight_hh, bias_ih, bias_hh) of either
    (w_in, w_first, b_in, b_first), (w_other, w_second, b_other, b_second) = (
        gru.all_weights[0] for gru in (ahead, other)
    )
    given = [b_in.clone(), b_other.clone()]
    for bias, recurrent in zip(given, (b_first, b_second), strict=True):
        bias[:sums] += recurrent[:sums]
    return Layer(
        _array(torch.cat([w_in, w_other]).T),
        _array(torch.cat(given)),
        (_array(w_first.T), _array(w_second.T)),
        _array(torch.stack([b_first[sums:], b_second[sums:]])),
    )


def _array(values: Tensor) -> np.ndarray:
    """A copy of its own, without gaps, in float32 at least."""
    wide = values.detach().cpu().to(torch.promote_types(values.dtype, torch.float32))
    return np.array(wide.contiguous().numpy(), order="C")
