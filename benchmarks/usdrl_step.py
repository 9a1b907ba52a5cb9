"""USDRL's training step: all views at once, Gram losses, against one view after the other.

Sizes are the paper's at batch 32 and 4 and a small one (hidden 128, batch 64). At batch 32 the
plain side alone takes some 10 GB.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skelf.encoders.dste import DSTE
from skelf.layouts import LAYOUTS
from skelf.methods import OFFICIAL
from skelf.methods.usdrl import USDRL
from skelf.profiling.count import counting

from . import reference_views
from .fresh import fresh, peak_of
from .reference_usdrl import Reference, adam
from .timing import Effort, Step, Times, compared, interleaved, lapped_loss

# layout, persons, frames, hidden size, batch; frames of a clip before it is cut to a view
SIZES: dict[str, dict[str, Any]] = {
    "paper": {"layout": "ntu25", "persons": 2, "frames": 64, "dim": 1024, "batch": 32,
              "length": 100},
    "paper at 4": {"layout": "ntu25", "persons": 2, "frames": 64, "dim": 1024, "batch": 4,
                   "length": 100},
    "small": {"layout": "kinect20", "persons": 1, "frames": 32, "dim": 128, "batch": 64,
              "length": 60},
    "tiny": {"layout": "sbu15", "persons": 1, "frames": 8, "dim": 16, "batch": 6, "length": 12},
}  # fmt: skip
SIDES = ("plain", "skelf")


def usdrl(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """A training step: four views, from padded clips to the updated weights."""
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        needed, done = flops(size)
        memory = {side: fresh(step_memory, side, size, effort.bf16) for side in SIDES}
        for threads in effort.threads:
            torch.set_num_threads(threads)
            times = measure(size, effort.repeats, effort.bf16)
            gc.collect()
            row: dict[str, Any] = {"benchmark": "usdrl", "size": size, "threads": threads}
            row |= effort.said() | {"flops plain": needed, "flops skelf": done}
            row |= compared(times, SIZES[size]["batch"])
            for label in SIDES:
                row[f"{label} memory GiB"] = memory[label]
                if label == "skelf" or not effort.bf16:  # the plain path is in float32 always
                    # Of both: what the method needs, which is the smaller count.
                    row[f"{label} share of peak"] = done / times[label].processor / peak
            rows.append(row)
    torch.set_num_threads(before)
    return rows


def pair(size: str, drop: float = 0.1) -> tuple[USDRL, Reference]:
    """skelf's method and the plain reference with equal weights, both in training."""
    s = SIZES[size]
    torch.manual_seed(0)
    encoder = DSTE(
        LAYOUTS[s["layout"]], dim=s["dim"], frames=s["frames"], persons=s["persons"], drop_path=drop
    )
    method = USDRL(encoder)
    return method.train(), Reference(OFFICIAL["usdrl"].save(method), s["persons"], drop).train()


def clips(size: str) -> tuple[Tensor, Tensor]:
    """A batch of padded clips `(N, C, T, V, M)` and their lengths."""
    s = SIZES[size]
    shape = (s["batch"], 3, s["length"], LAYOUTS[s["layout"]].joints, s["persons"])
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return x, torch.full((s["batch"],), s["length"])


def flops(size: str) -> tuple[int, int]:
    """FLOPs (two to a multiply-add) of a step without its views: the reference's and skelf's.

    They differ in the losses: D x D matrices there, the smaller Gram matrices here.
    """
    with torch.device("meta"):
        method, plain = pair(size)
    drawn = method.views(*clips(size), torch.Generator().manual_seed(0))
    views = [view.to("meta") for view in drawn]
    # Of the views, one after the other, each costs the same.
    one = _count(lambda: sum_of(plain.project(views[0])))
    with torch.no_grad():
        shapes = {name: made.shape for name, made in plain.project(views[0]).items()}
    z = [
        {
            name: torch.empty(shape, device="meta", requires_grad=True)
            for name, shape in shapes.items()
        }
        for _ in views
    ]
    losses = _count(lambda: plain.loss(z))
    return len(views) * one + losses, _count(lambda: method(*views)["loss"])


def _count(loss: Callable[[], Tensor]) -> int:
    with counting(), FlopCounterMode(display=False) as counter:
        loss().backward()
    return counter.get_total_flops()


def sum_of(projected: dict[str, Tensor]) -> Tensor:
    """One number that depends on every projection."""
    return torch.stack([z.sum() for z in projected.values()]).sum()


def steps(size: str, bf16: bool, sides: tuple[str, ...] = SIDES) -> dict[str, Step]:
    """A training step of each side."""
    method, plain = pair(size)
    x, lengths = clips(size)
    generator, frames = torch.Generator().manual_seed(0), SIZES[size]["frames"]
    if sides == ("plain",):  # what is measured alone has the memory to itself
        del method
    elif sides == ("skelf",):
        del plain

    def fast(optimizer: Any) -> Step:
        def step(lap: Callable[[str], None]) -> None:
            views = method.views(x, lengths, generator)
            lap("views")
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = lapped_loss(method, "project", views, lap)
            lap("loss")
            _update(loss, optimizer, lap)

        return step

    def slow(optimizer: Any) -> Step:
        def step(lap: Callable[[str], None]) -> None:
            made = [
                [reference_views.draw_usdrl(clip[:, : int(n)], frames) for _ in range(4)]
                for clip, n in zip(x.numpy(), lengths, strict=True)
            ]
            views = [reference_views.collate(list(view)) for view in zip(*made, strict=True)]
            lap("views")
            projected = plain(*views)
            lap("forward")
            loss = plain.loss(projected)
            lap("loss")
            _update(loss, optimizer, lap)

        return step

    each: dict[str, Callable[[], Step]] = {
        "plain": lambda: slow(adam(plain)),
        "skelf": lambda: fast(adam(method, fused=True)),
    }
    return {side: each[side]() for side in sides}


def _update(loss: Tensor, optimizer: Any, lap: Callable[[str], None]) -> None:
    optimizer.zero_grad()
    loss.backward()
    lap("backward")
    optimizer.step()
    lap("optimiser")


def measure(size: str, repeats: int, bf16: bool = False) -> dict[str, Times]:
    """Times of both; the plain path stays in float32."""
    return interleaved(steps(size, bf16), repeats)


def step_memory(side: str, size: str, bf16: bool = False) -> float:
    """GiB that a step of one side takes, its model and optimiser included."""

    def work() -> None:
        step = steps(size, bf16, (side,))[side]
        for _ in range(2):  # in the second one Adam's averages are there from the start
            step(lambda name: None)

    return peak_of(work)
