"""A module as an ONNX graph, by torch's exporter: free in batch and time, quiet, in one file.

torch 2.13's exporter says that it succeeded also where an example's batch has become the only one
that the file takes. So the module is traced for free sizes alone, which fails where one of them
freezes, and `check.py` runs the file on others. An example of one clip would freeze by itself.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim

from ..errors import InputError

OPSET = 23  # the first in which a query that may attend to nothing gets zeros, not an average
BATCH, FRAMES = "batch", "frames"

Shape = tuple[int | str, ...]
"""Of an input or output; free sizes are names."""


class Slot(NamedTuple):
    """An input or an output.

    Args:
        name: in the file.
        shape: sizes, the free ones by name.
    """

    name: str
    shape: Shape


def hint() -> None:
    """Refuses to start where a package is missing.

    Raises:
        InputError: with the remedy.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(package)
        except ImportError:
            raise InputError(
                f"export needs {package}, which is not installed: pip install 'skelf[export]'"
            ) from None


def to_onnx(
    graph: nn.Module,
    examples: Sequence[Tensor],
    inputs: Sequence[Slot],
    outputs: Sequence[Slot],
    metadata: Mapping[str, str],
) -> bytes:
    """The ONNX file of a module in evaluation mode, its weights within.

    Args:
        graph: gives a tuple of tensors; its weights take no gradients meanwhile.
        examples: one for each input; free sizes are 2 or more, and differ from each other.
        inputs: in the order of its arguments.
        outputs: in the order of what it gives.
        metadata: what the file says of itself.

    Raises:
        InputError: a size that shall be free is not, or torch cannot export the module.
    """
    free = {size for slot in inputs for size in slot.shape if isinstance(size, str)}
    dims = {name: Dim(name) for name in free}
    shapes = tuple({i: dims[s] for i, s in enumerate(slot.shape) if s in dims} for slot in inputs)
    with _quiet(), _frozen(graph):
        try:
            # Not strict: that one reads the source and is several times as slow.
            program = torch.export.export(
                graph, tuple(examples), dynamic_shapes=shapes, strict=False
            )
            made: Any = torch.onnx.export(  # what it gives is typed as optional
                program, (), dynamo=True, opset_version=OPSET, external_data=False, optimize=False,
                verbose=False,
            )  # fmt: skip
            made.optimize()
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"torch cannot export {_title(graph)}: {_reason(error)}") from error
    return _as_file(made.model, inputs, outputs, metadata)


# Any: onnx_ir's model, which is installed with the exporter only.
def _as_file(
    model: Any, inputs: Sequence[Slot], outputs: Sequence[Slot], metadata: Mapping[str, str]
) -> bytes:
    """The file's content: names and shapes as they are promised, no traces of this machine."""
    ir = import_module("onnx_ir")
    for values, slots in ((model.graph.inputs, inputs), (model.graph.outputs, outputs)):
        for value, slot in zip(values, slots, strict=True):
            value.name, value.shape = slot.name, ir.Shape(slot.shape)
    for node in model.graph.all_nodes():
        node.metadata_props.clear()  # stack traces, with the paths of this machine
        node.doc_string = None
    for value in model.graph.initializers.values():
        value.metadata_props.clear()
    model.metadata_props.clear()
    model.metadata_props.update(metadata)
    model.graph.metadata_props.clear()
    model.producer_name, model.producer_version = "skelf", metadata.get("skelf.version", "")
    model.graph.name = "skelf"
    try:
        content: bytes = ir.to_proto(model).SerializeToString()
    except ValueError as error:  # protobuf's limit is 2 GiB
        raise InputError(f"the file would be larger than one ONNX file can be: {error}") from None
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """torch's exporter warns of its own insides, and of packages that nobody needs here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _frozen(graph: nn.Module) -> Iterator[None]:
    """Weights without gradients: their graph is no part of the file."""
    wanted = [(p, p.requires_grad) for p in graph.parameters()]
    try:
        for parameter, _ in wanted:
            parameter.requires_grad_(False)
        with torch.no_grad():
            yield
    finally:
        for parameter, flag in wanted:
            parameter.requires_grad_(flag)


def _title(graph: nn.Module) -> str:
    encoder = getattr(graph, "encoder", graph)
    return type(encoder).__name__


def _reason(error: Exception) -> str:
    """The lines that say what is wrong, of the many that torch writes."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "specialized it to be a constant" in line]
    if told:
        return f"its size {told[0].split()[2]!r} is fixed by the code to that of the example"
    told = [line.partition(": ")[2] for line in lines if line.startswith("<class ")]
    return (told or lines or [type(error).__name__])[0]
