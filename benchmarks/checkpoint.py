"""`python -m benchmarks.checkpoint [--dim N] [--repeats N]`: what checksums add to saving.

A checkpoint of USDRL with Adam's state, at the paper's size by default, is saved with and without
the sums in turn; medians. Also what the look for numbers that are not finite takes before it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from skelf.checkpoints import folder as checkpoint
from skelf.encoders import ENCODERS
from skelf.layouts import NTU25
from skelf.methods import METHODS
from skelf.training.finite import not_finite


class NoSums:
    """Stands for `Checksums`: nothing is computed, the list is empty."""

    def __enter__(self) -> NoSums:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add(self, name: str, piece: bytes | memoryview) -> None:
        pass

    def listed(self) -> dict[str, str]:
        return {}


def tensors(dim: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The model's and the optimiser's."""
    torch.manual_seed(0)
    method = METHODS["usdrl"](ENCODERS["dste"](NTU25, dim=dim, frames=64))
    moments = {
        f"{name}.{slot}": torch.rand_like(value.detach())
        for name, value in method.named_parameters()
        for slot in ("exp_avg", "exp_avg_sq")
    }
    return dict(method.state_dict()), moments


def measure(dim: int, repeats: int, folder: Path) -> dict[str, float]:
    """Median seconds of saving with and without sums, of their difference, of the look."""
    model, state = tensors(dim)

    def save() -> None:
        checkpoint.save(
            folder / "step1", tensors=model, config={}, card="", state_tensors=state, state={}
        )

    def plain() -> None:
        with patch.object(checkpoint, "Checksums", NoSums):
            save()

    def look() -> None:
        assert not not_finite(model | state)

    ways: dict[str, Callable[[], None]] = {"without": plain, "with": save, "look": look}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        # Which comes first changes, so that neither always has the emptier disk cache.
        for name in ways if repeat % 2 else reversed(ways):
            began = time.perf_counter()
            ways[name]()
            if repeat:
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    pairs = zip(seconds["with"], seconds["without"], strict=True)
    return medians | {"difference": statistics.median(a - b for a, b in pairs)}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(given.dim, given.repeats, Path(folder))
    share = seconds["difference"] / seconds["without"]
    print("  ".join(f"{name} {value:.3f} s" for name, value in seconds.items()))
    print(f"checksums add {share:.1%} of a checkpoint's saving time")


if __name__ == "__main__":
    main()
