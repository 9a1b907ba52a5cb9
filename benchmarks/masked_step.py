"""MAMP's training step against two plain paths: as released, and with all tokens in the encoder.

`python -m benchmarks.masked_step` measures the paper's size; `python -m benchmarks mamp` does so
beside the other benchmarks. All three take turns. The row's "plain" is the path that encodes the
whole sequence; "released", which encodes the visible tokens alone, has its own ratio.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skelf.encoders.patches import Patches
from skelf.layouts import LAYOUTS
from skelf.machine.memory import keep_freed
from skelf.methods.mamp import MAMP
from skelf.profiling.count import counting

from . import machine
from .reference_mamp import Reference
from .timing import Effort, Step, Times, compared, interleaved, peak_memory

# sizes of the encoder and the decoder, persons and batch; frames of a clip before it is cut
_PAPER = {"layout": "ntu25", "dim": 256, "layers": 8, "decoder_layers": 3, "heads": 8,
          "frames": 120, "length": 100}  # fmt: skip
SIZES: dict[str, dict[str, Any]] = {
    "paper": {**_PAPER, "persons": 2, "batch": 2},
    "one person": {**_PAPER, "persons": 1, "batch": 4},
    "small": {**_PAPER, "dim": 128, "layers": 4, "decoder_layers": 2, "heads": 4, "frames": 64,
              "persons": 1, "batch": 8},
    "tiny": {**_PAPER, "layout": "sbu15", "dim": 16, "layers": 1, "decoder_layers": 1, "heads": 2,
             "frames": 16, "persons": 2, "batch": 3},
}  # fmt: skip
SIDES = ("plain", "released", "skelf")


def mamp(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """A training step, from padded clips to the updated weights."""
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        done = flops(size)
        for threads in effort.threads:
            torch.set_num_threads(threads)
            times = measure(size, effort.repeats, effort.bf16)
            gc.collect()
            row: dict[str, Any] = {"benchmark": "mamp", "size": size, "threads": threads}
            row |= effort.said() | {f"flops {side}": done[side] for side in SIDES}
            row |= compared(times, SIZES[size]["batch"])
            released, ours = times["released"], times["skelf"]
            row["ratio to released"] = released.wall / ours.wall
            row["ratio of processor time to released"] = released.processor / ours.processor
            for side in SIDES:
                if side == "skelf" or not effort.bf16:  # the others are in float32 always
                    row[f"{side} share of peak"] = done[side] / times[side].processor / peak
            row["peak memory GiB"] = peak_memory()
            rows.append(row)
    torch.set_num_threads(before)
    return rows


def models(size: str) -> dict[str, Any]:
    """skelf's method and both references, with equal weights, in training."""
    s = SIZES[size]
    torch.manual_seed(0)
    encoder = Patches(
        LAYOUTS[s["layout"]], persons=s["persons"], dim=s["dim"], layers=s["layers"],
        frames=s["frames"], heads=s["heads"],
    )  # fmt: skip
    method = MAMP(encoder, decoder_layers=s["decoder_layers"]).train()
    return {
        "plain": Reference(method, whole=True).train(),
        "released": Reference(method, whole=False).train(),
        "skelf": method,
    }


def clips(size: str) -> tuple[Tensor, Tensor]:
    """A batch of padded clips `(N, C, T, V, M)` that move, and their lengths."""
    s = SIZES[size]
    shape = (s["batch"], 3, s["length"], LAYOUTS[s["layout"]].joints, s["persons"])
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).cumsum(dim=2)
    return x, torch.full((s["batch"],), s["length"])


def loss_of(model: Any, views: Any) -> Tensor:
    """The loss of either kind of model."""
    found: Tensor = model.loss(*views) if isinstance(model, Reference) else model(*views)["loss"]
    return found


def flops(size: str) -> dict[str, int]:
    """FLOPs (two to a multiply-add) of a step of each side, without its views."""
    made, found = models(size), {}
    drawn = made["skelf"].views(*clips(size), torch.Generator().manual_seed(0))
    views = [view.to("meta") for view in drawn]
    for side, model in made.items():
        model.to("meta")
        with counting(), FlopCounterMode(display=False) as counter:
            loss_of(model, views).backward()
        found[side] = counter.get_total_flops()
    return found


def measure(size: str, repeats: int, bf16: bool = False) -> dict[str, Times]:
    """Times of all three; with `bf16` skelf's in mixed precision, the others in float32 still."""
    x, lengths = clips(size)
    generator, frames = torch.Generator().manual_seed(0), SIZES[size]["frames"]

    def step(model: Any) -> Step:
        ours = isinstance(model, MAMP)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=1e-3, weight_decay=0.05, fused=True if ours else None
        )

        def work(lap: Callable[[str], None]) -> None:
            if ours:
                views = model.views(x, lengths, generator)
            else:
                views = model.views(x.numpy(), lengths, frames)
            lap("views")
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16 and ours):
                loss = loss_of(model, views)
            lap("forward")
            optimizer.zero_grad()
            loss.backward()
            lap("backward")
            optimizer.step()
            lap("optimiser")

        return work

    return interleaved({side: step(model) for side, model in models(size).items()}, repeats)


def main() -> None:
    from .__main__ import markdown

    parser = argparse.ArgumentParser(prog="python -m benchmarks.masked_step", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=["paper"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--bf16", action="store_true", help="skelf in mixed precision")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"), help="folder to write")
    given = parser.parse_args()
    keep_freed()  # for all sides
    about, peaks = machine.describe(), machine.measure(tuple(given.threads))
    torch.set_num_threads(1)
    peak = machine.best(torch.bfloat16 if given.bf16 else torch.float32)["processor"]
    found: dict[str, Any] = {"about": about, "machine": peaks}
    found["rows"] = mamp(
        Effort(tuple(given.sizes), given.repeats, tuple(given.threads), given.bf16), peak
    )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "mamp.json").write_text(json.dumps(found, indent=1))
    (given.out / "mamp.md").write_text(markdown(found))
    print(markdown(found))
    for row in found["rows"]:
        print(
            f"{row['size']}, {row['threads']} thread(s): released {row['released s']:.3g} s; skelf "
            f"{row['ratio']:.2f} times as fast as the whole sequence, "
            f"{row['ratio to released']:.2f} times as fast as released; in processor time "
            f"{row['ratio of processor time']:.2f} and "
            f"{row['ratio of processor time to released']:.2f}"
        )


if __name__ == "__main__":
    main()
