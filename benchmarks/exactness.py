"""What BatchNorm's sums by blocks gain and cost: ST-GCN's training pass in float32 beside float64.

`python -m benchmarks.exactness --sizes paper,small --batches 8,16,48 --repeats 15`

Errors are relative, in the Euclidean norm over all numbers of a map, or of all weights' gradients,
without dropout: of skelf's encoder, of the same with torch's own BatchNorm, and of the plain one,
whose maps lie as in the released program. A ReLU that falls on the other side changes a gradient by
much more than rounding does. Times are a whole step's of SkeletonCLR with both ways in turn.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from skelf.encoders import _norms
from skelf.layouts import LAYOUTS
from skelf.machine.memory import keep_freed

from . import steps
from .reference import sgd
from .timing import Step, interleaved


@contextmanager
def torchs(yes: bool = True) -> Iterator[None]:
    """Inside, BatchNorm is torch's own."""
    before = _norms.FEW
    _norms.FEW = 2**62 if yes else before
    try:
        yield
    finally:
        _norms.FEW = before


def errors(size: str, batch: int) -> dict[str, tuple[float, int, float]]:
    """Of each way: error of the map, ReLUs of the map on the other side, error of the gradient."""
    method, plain = steps.pair("skeletonclr", size, dropout=0.0)
    s = steps.SIZES[size]
    generator = torch.Generator().manual_seed(1)
    shape = (batch, 3, s["frames"], LAYOUTS[s["layout"]].joints, s["persons"])
    x = torch.randn(shape, generator=generator).cumsum(dim=2) / 10
    if s["persons"] > 1:
        x[::2, ..., 1:] = 0
    ours, theirs = method.encoder.train(), plain.encoder_q.train()
    told = {}
    for name, encoder in (("skelf", ours), ("torch's BatchNorm", ours), ("plain", theirs)):
        double = _pass(copy.deepcopy(encoder).double(), x.double())
        with torchs(name == "torch's BatchNorm"):
            single = _pass(copy.deepcopy(encoder), x)
        maps, gradient = (
            float((a - b).norm() / b.norm()) for a, b in zip(single, double, strict=True)
        )
        told[name] = maps, int(((single[0] > 0) != (double[0] > 0)).sum()), gradient
    return told


def _pass(encoder: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """The map, and the gradient of all weights for a fixed random gradient of the map."""
    maps = encoder.maps(x)
    weight = torch.randn(maps.shape, generator=torch.Generator().manual_seed(2)).to(maps)
    (maps * weight).sum().backward()
    gradients = [p.grad.flatten() for p in encoder.parameters() if p.grad is not None]
    return maps.detach(), torch.cat(gradients)


def times(name: str, size: str, repeats: int) -> tuple[float, float]:
    """Ratios of a step's time by blocks to one with torch's BatchNorm: wall, processor."""
    method, _ = steps.pair(name, size)
    x, lengths = steps.clips(size)
    generator, optimiser = torch.Generator().manual_seed(0), sgd(method, fused=True)

    def step(plain: bool) -> Step:
        def run(lap: Callable[[str], None]) -> None:
            with torchs(plain):
                loss = method(*method.views(x, lengths, generator))["loss"]
                optimiser.zero_grad()
                loss.backward()
            optimiser.step()
            method.after_step()

        return run

    measured = interleaved({"torch": step(True), "skelf": step(False)}, repeats)
    ours, theirs = measured["skelf"], measured["torch"]
    return ours.wall / theirs.wall, ours.processor / theirs.processor


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="paper,small")
    parser.add_argument("--batches", default="8,16,48")
    parser.add_argument("--methods", default="skeletonclr")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed()
    print("| size | batch | way | map | ReLUs on the other side | gradient |")
    print("|---|---|---|---|---|---|")
    for size in arguments.sizes.split(","):
        for batch in map(int, filter(None, arguments.batches.split(","))):
            for way, (maps, sides, gradient) in errors(size, batch).items():
                print(f"| {size} | {batch} | {way} | {maps:.1e} | {sides} | {gradient:.1e} |")
    print("\n| method | size | step's time, wall | processor |\n|---|---|---|---|")
    for name in arguments.methods.split(",") if arguments.repeats else ():
        for size in arguments.sizes.split(","):
            wall, processor = times(name, size, arguments.repeats)
            print(f"| {name} | {size} | {wall:.3f} | {processor:.3f} |", flush=True)


if __name__ == "__main__":
    main()
