"""A training step of AimCLR and SkeletonCLR: skelf's, and the plain reference's."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skelf.encoders.stgcn import STGCN
from skelf.layouts import LAYOUTS
from skelf.methods import METHODS, OFFICIAL

from .reference import Contrast, sgd
from .timing import Effort, Times, compared, interleaved, lapped_loss, peak_memory

# layout, persons, frames, width, dim, batch, queue; frames of a clip before it is cut to a view
SIZES: dict[str, dict[str, Any]] = {
    "paper": {"layout": "ntu25", "persons": 2, "frames": 50, "width": 16, "dim": 256, "batch": 32,
              "queue": 32768, "length": 150},
    "small": {"layout": "kinect20", "persons": 1, "frames": 32, "width": 16, "dim": 128,
              "batch": 64, "queue": 2048, "length": 60},
    "tiny": {"layout": "sbu15", "persons": 2, "frames": 8, "width": 4, "dim": 32, "batch": 4,
             "queue": 16, "length": 12},
}  # fmt: skip


def aimclr(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """AimCLR: three views, four passes of the encoder with its gradients."""
    return _rows("aimclr", effort, peak)


def skeletonclr(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """SkeletonCLR: two views."""
    return _rows("skeletonclr", effort, peak)


def pair(name: str, size: str, dropout: float = 0.5) -> tuple[Any, Contrast]:
    """skelf's method and the plain reference with equal weights, both in training."""
    s = SIZES[size]
    torch.manual_seed(0)
    encoder = STGCN(
        LAYOUTS[s["layout"]], dim=s["dim"], width=s["width"], frames=s["frames"],
        persons=s["persons"], dropout=dropout,
    )  # fmt: skip
    method: Any = METHODS[name](encoder, queue=s["queue"])  # type: ignore[call-arg]
    plain = Contrast(OFFICIAL[name].save(method), dropout, extreme=name == "aimclr")
    return method.train(), plain.train()


def clips(size: str) -> tuple[Tensor, Tensor]:
    """A batch of padded clips `(N, C, T, V, M)` and their lengths; half lack a second person."""
    s = SIZES[size]
    generator = torch.Generator().manual_seed(0)
    shape = (s["batch"], 3, s["length"], LAYOUTS[s["layout"]].joints, s["persons"])
    x = torch.randn(shape, generator=generator)
    if s["persons"] > 1:
        x[::2, ..., 1:] = 0
    return x, torch.full((s["batch"],), s["length"])


def flops(name: str, size: str, bf16: bool = False) -> tuple[int, int]:
    """FLOPs (two to a multiply-add) of a step without its views: the reference's and skelf's.

    The reference's on the meta device; skelf's on the CPU, whose ways of computing are counted.
    They are others in bfloat16.
    """
    method, plain = pair(name, size)
    plain.to("meta")
    s = SIZES[size]
    joints = LAYOUTS[s["layout"]].joints
    view = torch.randn(s["batch"], 3, s["frames"], joints, s["persons"])
    views = [view] * (3 if name == "aimclr" else 2)
    counts = []
    steps: tuple[Callable[[], Tensor], ...] = (
        lambda: plain.loss(plain.contrast(*(view.to("meta") for view in views))),
        lambda: method(*views)["loss"],
    )
    for step in steps:
        with (
            FlopCounterMode(display=False) as counter,
            torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        ):
            step().backward()
        counts.append(counter.get_total_flops())
    return counts[0], counts[1]


def _rows(name: str, effort: Effort, peak: float) -> list[dict[str, Any]]:
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        needed, done = flops(name, size, effort.bf16)
        for threads in effort.threads:
            torch.set_num_threads(threads)
            times, memory = _measure(name, size, effort)
            row: dict[str, Any] = {"benchmark": name, "size": size, "threads": threads}
            row |= effort.said() | {"flops plain": needed, "flops skelf": done}
            row |= compared(times, SIZES[size]["batch"])
            for label, count in (("plain", needed), ("skelf", done)):
                if label == "skelf" or not effort.bf16:  # the plain path is in float32 always
                    row[f"{label} share of peak"] = count / times[label].processor / peak
            row["peak memory GiB"] = memory
            rows.append(row)
    torch.set_num_threads(before)
    return rows


def _measure(name: str, size: str, effort: Effort) -> tuple[dict[str, Times], float]:
    method, plain = pair(name, size)
    x, lengths = clips(size)
    generator = torch.Generator().manual_seed(0)
    skeleton, frames = LAYOUTS[SIZES[size]["layout"]], SIZES[size]["frames"]
    ours, theirs = sgd(method, fused=True), sgd(plain)

    def fast(lap: Callable[[str], None]) -> None:
        views = method.views(x, lengths, generator)
        lap("views")
        with torch.autocast("cpu", torch.bfloat16, enabled=effort.bf16):
            loss = lapped_loss(method, "contrast", views, lap)
        lap("loss")
        ours.zero_grad()
        loss.backward()
        lap("backward")
        ours.step()
        method.after_step()
        lap("optimiser")

    def slow(lap: Callable[[str], None]) -> None:
        views = plain.views(x, lengths, frames, list(skeleton.flip))
        lap("views")
        logits = plain.contrast(*views)
        lap("forward")
        loss = plain.loss(logits)
        lap("loss")
        theirs.zero_grad()
        loss.backward()
        lap("backward")
        theirs.step()
        plain.after_step()
        lap("optimiser")

    times = interleaved({"plain": slow, "skelf": fast}, effort.repeats)
    gc.collect()
    return times, peak_memory()
