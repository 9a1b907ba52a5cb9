"""`torch.compile` of a method, and the way back where it does not work."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..contracts import Method, torch_module

Result = TypeVar("Result")


class Compiled:
    """Compiles a method's `forward` in place, so that names in checkpoints stay as they are.

    What is compiled is compiled for fixed shapes: an epoch's batches have one, and the last one may
    have another, which costs one more compilation.

    Args:
        method: its `forward` is compiled.
        wanted: False leaves everything as it is.
    """

    def __init__(self, method: Method, wanted: bool) -> None:
        self.method = torch_module(method)
        self.active = wanted
        self._compiled: set[Hashable] = set()
        if wanted:
            self.method.forward = torch.compile(self.method.forward, dynamic=False)

    def new_stage(self) -> None:
        """The method may go other ways from here on, which are compiled when they are met."""
        self._compiled.clear()

    def attempt(self, work: Callable[[], Result], key: Hashable) -> Result:
        """`work()`, in eager mode where what `forward` was compiled to fails the first time.

        The failed try leaves nothing behind: `work` starts again from the method's old state.

        Args:
            work: calls the method, and backward; draws from a state that it sets itself.
            key: what the shapes of its tensors depend on.

        Raises:
            Exception: whatever `work` raises in eager mode, or once it has worked for this key.
        """
        if not self.active or key in self._compiled:
            return work()
        before = _State(self.method)
        try:
            result = work()
        except torch.OutOfMemoryError:  # there would be no more memory without compilation
            raise
        except Exception as error:
            before.restore()
            self.active = False
            del self.method.forward  # the class's own shows again
            warnings.warn(
                f"train.compile: {_line(error)}; the run goes on without compilation", stacklevel=2
            )
            return work()
        self._compiled.add(key)
        return result


class _State:
    """What a step changes in a module: parameters, buffers, gradients, lists (keys that wait)."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.tensors = {name: value.clone() for name, value in module.state_dict().items()}
        self.gradients: list[Tensor | None] = [
            None if p.grad is None else p.grad.clone() for p in module.parameters()
        ]
        self.lists = [
            (part, name, list(value))
            for part in module.modules()
            for name, value in vars(part).items()
            if isinstance(value, list) and not name.startswith("_")
        ]

    def restore(self) -> None:
        self.module.load_state_dict(self.tensors)
        for parameter, gradient in zip(self.module.parameters(), self.gradients, strict=True):
            parameter.grad = gradient
        for part, name, value in self.lists:
            setattr(part, name, value)


def _line(error: Exception) -> str:
    """The first line that says something, with the error's kind."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
