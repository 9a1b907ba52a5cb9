"""What a resume needs beside the weights: taken apart for a checkpoint, read back and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints import folder as checkpoint
from ..checkpoints.checksums import verify
from ..errors import InputError
from ..settings.values import Settings, Value


def read_counters(folder: Path) -> Settings:
    """`state.json` of a run's checkpoint: "epoch" and "step" that are done, "optimizer".

    Within an epoch also "batch", those of it that are done, and "sums" of their terms.

    Raises:
        InputError: there is none, or it lacks one of them.
    """
    path = folder / checkpoint.STATE
    if not path.is_file():
        raise InputError(f"{folder}: holds weights only, no training state to resume from")
    verify(folder, checkpoint.STATE)
    state = checkpoint.read_object(path)
    for key in ("epoch", "step"):
        if type(state.get(key)) is not int or state[key] < 0:
            raise InputError(f"{path}: damaged, {key!r} is no number of finished {key}s")
    batch, sums = state.get("batch", 0), state.get("sums", {})
    if type(batch) is not int or batch < 0:
        raise InputError(f"{path}: damaged, 'batch' is no number of finished batches")
    if not isinstance(sums, Mapping) or not all(isinstance(v, float) for v in sums.values()):
        raise InputError(f"{path}: damaged, 'sums' are no numbers by name")
    if not isinstance(state.get("optimizer"), Mapping):
        raise InputError(f"{path}: damaged, 'optimizer' is missing")
    return state


@contextmanager
def resuming(folder: Path) -> Iterator[None]:
    """Around the reading of `folder`, the run's newest checkpoint: names what is left without it.

    Raises:
        InputError: what was read is damaged or does not fit the run.
    """
    try:
        try:
            yield
        except (InputError, torch.OutOfMemoryError):
            raise
        except (ValueError, TypeError, LookupError, RuntimeError) as error:
            line = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise InputError(f"{folder}: does not fit the run: {line[0].strip()}") from None
    except InputError as error:
        whole = checkpoint.whole_beside(folder)
        if whole is None:
            raise
        raise InputError(f"{error}; to go on from {whole}, delete {folder}") from None


def optimizer_tensors(
    state_dict: object, prefix: str = "optimizer"
) -> tuple[dict[str, Tensor], Value]:
    """Takes the tensors out of a `state_dict`, exactly and without pickle.

    Args:
        state_dict: dicts, lists, tuples, tensors and plain values, nested; an optimiser's or any
            other.
        prefix: what the tensors' names begin with.

    Returns:
        Name -> tensor, and the rest as JSON takes it: `{"$tensor": name}` where a tensor was,
        `{"$tuple": [...]}` and `{"$dict": [[key, value], ...]}` for what JSON has no form of.

    Raises:
        TypeError: something that is none of these.
    """
    tensors: dict[str, Tensor] = {}

    def strip(value: object, name: str) -> Value:
        if isinstance(value, Tensor):
            tensors[name] = value
            return {"$tensor": name}
        if isinstance(value, Mapping):
            pairs = [[key, strip(inner, f"{name}.{key}")] for key, inner in value.items()]
            plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
            return dict(pairs) if plain else {"$dict": pairs}
        if isinstance(value, list | tuple):
            items = [strip(inner, f"{name}.{i}") for i, inner in enumerate(value)]
            return {"$tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, float) and not -float("inf") < value < float("inf"):
            return {"$float": str(value)}
        if value is None or isinstance(value, str | bool | int | float):
            return value
        raise TypeError(f"{name}: a {type(value).__name__} cannot be stored without pickle")

    return tensors, strip(state_dict, prefix)


def optimizer_state(tensors: Mapping[str, Tensor], stripped: Value) -> Value:
    """The inverse of `optimizer_tensors`: puts the tensors back in their places."""
    if isinstance(stripped, list):
        return [optimizer_state(tensors, inner) for inner in stripped]
    if not isinstance(stripped, dict):
        return stripped
    if "$tensor" in stripped:
        name = stripped["$tensor"]
        if name not in tensors:
            raise InputError(f"the training state lacks the tensor {name!r}: not of one checkpoint")
        return tensors[name]
    if "$tuple" in stripped:
        return tuple(optimizer_state(tensors, inner) for inner in stripped["$tuple"])
    if "$dict" in stripped:
        return {key: optimizer_state(tensors, inner) for key, inner in stripped["$dict"]}
    if "$float" in stripped:
        return float(stripped["$float"])
    return {key: optimizer_state(tensors, inner) for key, inner in stripped.items()}
