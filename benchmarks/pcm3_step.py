"""PCM3 by whole sequences against stepping frame by frame, branch by branch: encoder and step.

`python -m benchmarks pcm3 pcm3_encoder` measures hidden 1024 at batch 32 and hidden 256 at batch 8
with the other benchmarks; `python -m benchmarks.pcm3_step` has the sizes between and, with
`--bf16`, skelf in mixed precision; the plain path, as released, is in float32 always.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skelf.augment.pcm3_views import Views
from skelf.encoders.gru import GRU
from skelf.layouts import LAYOUTS
from skelf.machine.memory import keep_freed
from skelf.methods import OFFICIAL
from skelf.methods.pcm3 import PCM3
from skelf.profiling.count import counting

from . import machine
from .reference_pcm3 import Reference, rows, sgd
from .timing import Effort, Step, Times, compared, interleaved, peak_memory

# hidden size, layers, frames, batch, queue; frames of a clip before it is cut to a view
SIZES: dict[str, dict[str, Any]] = {
    "paper": {"layout": "ntu25", "dim": 1024, "layers": 3, "frames": 64, "batch": 32,
              "queue": 16384, "length": 150},
    "paper at 4": {"layout": "ntu25", "dim": 1024, "layers": 3, "frames": 64, "batch": 4,
                   "queue": 16384, "length": 150},
    "256 at 32": {"layout": "ntu25", "dim": 256, "layers": 3, "frames": 64, "batch": 32,
                  "queue": 16384, "length": 150},
    "small": {"layout": "ntu25", "dim": 256, "layers": 3, "frames": 64, "batch": 8,
              "queue": 16384, "length": 150},
    "tiny": {"layout": "sbu15", "dim": 16, "layers": 2, "frames": 16, "batch": 6,
             "queue": 24, "length": 20},
}  # fmt: skip
SHORT = ("small", "paper at 4")


def pcm3(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """A training step: four views of the query side, the key's, the decoder twice."""
    return _rows("pcm3", step_times, effort, peak)


def encoder(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """The encoder alone, forward and backward."""
    return _rows("pcm3_encoder", encoder_times, effort, peak)


def pair(size: str) -> tuple[PCM3, Reference]:
    """skelf's method and the plain reference with equal weights, both in training."""
    s = SIZES[size]
    torch.manual_seed(0)
    made = GRU(LAYOUTS[s["layout"]], dim=s["dim"], layers=s["layers"], frames=s["frames"])
    method = PCM3(made, queue=s["queue"])
    return method.train(), Reference(OFFICIAL["pcm3"].save(method)).train()


def clips(size: str) -> tuple[Tensor, Tensor]:
    """A batch of padded clips `(N, C, T, V, M)` and their lengths."""
    s = SIZES[size]
    shape = (s["batch"], 3, s["length"], LAYOUTS[s["layout"]].joints, 2)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return x, torch.full((s["batch"],), s["length"])


def flops(name: str, size: str) -> int:
    """FLOPs (two to a multiply-add) without the views; both paths need the same."""
    method, _ = pair(size)
    views = method.views(*clips(size), torch.Generator().manual_seed(0))
    method = copy.deepcopy(method).to("meta")
    meta = [v.to("meta") if isinstance(v, Tensor) else v for v in views]
    with counting(), FlopCounterMode(display=False) as counter:
        if name == "pcm3":
            method(*meta)["loss"].backward()
        else:
            method.encoder(meta[0]).square().sum().backward()
    return counter.get_total_flops()


def step_times(size: str, repeats: int, bf16: bool) -> dict[str, Times]:
    """Times of a training step by both paths; both take the views that skelf draws.

    With `bf16` skelf's in mixed precision, the plain path's in float32 still.
    """
    method, plain = pair(size)
    x, lengths = clips(size)
    generator = torch.Generator().manual_seed(0)
    ours, theirs = sgd(method, fused=True), sgd(plain)

    def step(model: Any, loss: Callable[[Any], Tensor], optimizer: Any, mixed: bool) -> Step:
        def work(lap: Callable[[str], None]) -> None:
            views = method.views(x, lengths, generator)
            lap("views")
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                value = loss(views)
            lap("forward")
            optimizer.zero_grad()
            value.backward()
            lap("backward")
            optimizer.step()
            model.after_step()
            lap("optimiser")

        return work

    each = {
        "plain": step(plain, lambda views: plain.loss(Views(*views)), theirs, False),
        "skelf": step(method, lambda views: method(*views)["loss"], ours, bf16),
    }
    return interleaved(each, repeats)


def encoder_times(size: str, repeats: int, bf16: bool) -> dict[str, Times]:
    """Times of the encoder's clip vectors and their gradients, precisions as in `step_times`."""
    method, plain = pair(size)
    view = method.views(*clips(size), torch.Generator().manual_seed(0))[0]

    def step(model: Any, forward: Callable[[], Tensor], mixed: bool) -> Step:
        def work(lap: Callable[[str], None]) -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                vectors = forward()
            lap("forward")
            model.zero_grad()
            vectors.float().square().sum().backward()
            lap("backward")

        return work

    each = {
        "plain": step(plain, lambda: plain.encoder_q.states(rows(view))[:, -1], False),
        "skelf": step(method, lambda: method.encoder(view), bf16),
    }
    return interleaved(each, repeats)


def _rows(
    name: str,
    measure: Callable[[str, int, bool], dict[str, Times]],
    effort: Effort,
    peak: float,
) -> list[dict[str, Any]]:
    made, before, bf16 = [], torch.get_num_threads(), effort.bf16
    for size in effort.sizes:
        needed = flops(name, size)
        for threads in effort.threads:
            torch.set_num_threads(threads)
            times = measure(size, effort.repeats, bf16)
            gc.collect()
            row: dict[str, Any] = {"benchmark": name, "size": size, "threads": threads}
            row |= effort.said() | {"flops plain": needed, "flops skelf": needed}
            row |= compared(times, SIZES[size]["batch"])
            for label, one in times.items():
                if label == "skelf" or not bf16:  # the peak is that of skelf's precision
                    row[f"{label} share of peak"] = needed / one.processor / peak
            row["peak memory GiB"] = peak_memory()
            made.append(row)
    torch.set_num_threads(before)
    return made


def run(effort: Effort, bf16: bool, out: Path, peak_size: int = 2048) -> str:
    """Measures the machine, the encoder and the step; writes `pcm3.json` and `pcm3.md`."""
    from .__main__ import markdown

    about, peaks = machine.describe(), machine.measure(effort.threads, peak_size)
    torch.set_num_threads(1)
    peak = machine.best(torch.bfloat16 if bf16 else torch.float32, peak_size)["processor"]
    found = {"about": about | {"precision": "bf16" if bf16 else "fp32"}, "machine": peaks}
    measured: list[dict[str, Any]] = []
    for size in effort.sizes:  # size by size: what is measured so far stays when it is stopped
        one = effort._replace(sizes=(size,), bf16=bf16)
        measured += pcm3(one, peak) + encoder(one, peak)
        page = markdown(found | {"rows": measured})
        out.mkdir(parents=True, exist_ok=True)
        (out / "pcm3.json").write_text(json.dumps(found | {"rows": measured}, indent=1))
        (out / "pcm3.md").write_text(page)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pcm3_step", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SHORT))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--bf16", action="store_true", help="skelf in mixed precision")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"), help="folder to write")
    given = parser.parse_args()
    keep_freed()  # for both sides
    effort = Effort(tuple(given.sizes), given.repeats, tuple(given.threads))
    print(run(effort, given.bf16, given.out))


if __name__ == "__main__":
    main()
