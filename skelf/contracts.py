"""What the parts that fit together have in common: an encoder, a method, a protocol, a reader.

There are no base classes: whatever has these attributes and functions fits, and a type checker says
where it does not. Clips are `(N, C, T, V, M)`: batch, coordinates, frames, joints, persons. What
only one method asks of its encoder stands beside that method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, runtime_checkable
from typing import Protocol as Contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Self

    import torch
    from torch import Generator, Tensor, nn

    from .data.clips import ClipSet
    from .protocols.outcome import Outcome
    from .skeleton import Skeleton

# The first argument of an autograd.Function: torch's stub lacks what `forward` keeps on it.
Context = Any


class Module(Contract):
    """What is used of `torch.nn.Module`; every encoder and every method is one."""

    training: bool

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights."""

    def modules(self) -> Iterator[nn.Module]:
        """Itself and all parts."""

    def state_dict(self) -> dict[str, Tensor]:
        """Weights and buffers by name."""

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> object:
        """Takes them back."""

    def train(self, mode: bool = True) -> Self:
        """Goes to training, or to evaluation."""

    def eval(self) -> Self:
        """Goes to evaluation."""

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether weights take gradients."""

    def to(self, device: torch.device | str) -> Self:
        """Moves to a device."""


def torch_module(part: Module) -> nn.Module:
    """The same part, for what torch itself takes; no Protocol can say that it is a module."""
    return cast("nn.Module", part)


@runtime_checkable
class Encoder(Module, Contract):
    """Clips to vectors; `Encoder(skeleton, in_channels, persons, stream, confidence, *, ...)`.

    What stands behind the `*` is a setting: `encoder.frames` sets `frames=`, the number of frames
    of every input. The attribute is called `num_frames`, since `frames` is the dense pass.

    One that comes from a run or a released file has an attribute `normalize` as well, the name of
    the normalisation that it was trained with: `protocols.fitting.fitting` looks at it.
    """

    skeleton: Skeleton
    dim: int
    """Length of a vector; the setting `dim` is a width within and need not be the same."""
    num_frames: int
    any_length: bool
    """Whether clips may have any number of frames, as a recurrence allows."""
    persons: int
    in_channels: int
    coordinates: int
    """Input channels without a confidence."""
    confidence: bool
    """Whether the last input channel is one."""
    stream: str

    def __call__(self, x: Tensor) -> Tensor:
        """Vectors `(N, dim)` of clips `(N, C, T, V, M)`."""

    def frames(self, x: Tensor) -> Tensor:
        """Vectors `(N, T, dim)`, one for each input frame."""


@runtime_checkable
class AnyLayout(Contract):
    """An encoder whose weights fit every joint layout."""

    any_layout: bool

    @property
    def on(self) -> Callable[[Skeleton, int, bool], Encoder]:
        """`on(skeleton, in_channels, confidence)`: the same weights, for clips like these."""


@runtime_checkable
class Method(Module, Contract):
    """Pretraining without labels; `Method(encoder, views: its options, *, ...)`.

    What stands behind the `*` is a setting, and so is every option of the views.

    It may state as `preparation`, layout -> name, which normalisation is the usual one, see
    `data.normalize_default`.
    """

    @property
    def encoder(self) -> Encoder:
        """What is trained to be used."""

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor | None, ...]:
        """Augmented views of padded clips of true `lengths` `(N,)`, on their device, or None."""

    def __call__(self, *views: Tensor | None) -> dict[str, Tensor]:
        """`"loss"` and every named term of it."""

    def after_step(self) -> None:
        """What is to be done when the optimiser has stepped: queues, averages."""


@runtime_checkable
class Staged(Contract):
    """A method whose loss depends on the epoch."""

    def start_epoch(self, epoch: int) -> None:
        """Called before each epoch, counted from 0, so that a resumed run is in the right stage."""


@runtime_checkable
class Paced(Contract):
    """A method in which something changes from step to step over the whole training."""

    def pace(self, done: float) -> None:
        """Called before each step with the share of the training that is done, from 0 to 1."""


@runtime_checkable
class WholeBatches(Contract):
    """A method that says whether an epoch's last, smaller batch is left out."""

    whole_batches: bool


@runtime_checkable
class SecondStage(Contract):
    """A class of methods of which a setting makes the second stage of a training."""

    second_stage: str
    """The setting's name, without `method.`."""


@runtime_checkable
class Release(Contract):
    """Reads and writes the checkpoints that a method's authors released."""

    @property
    def load(self) -> Callable[..., Method]:
        """`load(state, skeleton, source, stream=...)`: tensors by released name to the method."""

    @property
    def save(self) -> Callable[..., dict[str, Tensor]]:
        """`save(method)`: the method's tensors by released name."""


class Protocol(Contract):
    """Judges a frozen encoder: learns on one side of a split, judges on the other."""

    def __call__(
        self,
        encoder: Encoder,
        train: ClipSet,
        test: ClipSet,
        how: Any,  # options of its own class
        /,
        *,
        seed: int,
        device: str,
        cache: Path | None,
    ) -> Outcome:
        """Leaves the encoder as it was, to the bit."""


class Reader(Contract):
    """Recordings of one format to clips.

    The third argument is its options, where it has any. `progress`, called with what is done and
    all, and `scratch`, a folder for frames meanwhile, are keyword-only, where it reads many files.
    """

    # Any: options of its own class, and what not every reader has.
    def __call__(
        self,
        path: str | Path,
        layout: str | Skeleton | None = None,
        /,
        *how: Any,
        **meanwhile: Any,
    ) -> ClipSet:
        """Reads a file or a folder."""
