"""The views alone, from a set in memory to a batch of views: batched, against clip by clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skelf.augment import aimclr_views, pcm3_views, usdrl
from skelf.augment.pcm3 import mix
from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.layouts import LAYOUTS
from skelf.skeleton import Skeleton

from . import reference_views
from .timing import Effort, Step, compared, interleaved

# layout, persons, clips of a batch, frames of a view of each method; frames of clips, from and to
SIZES: dict[str, dict[str, Any]] = {
    "paper": {"layout": "ntu25", "persons": 2, "batch": 128, "length": (40, 150),
              "frames": {"usdrl": 64, "aimclr": 50, "pcm3": 64}},
    "small": {"layout": "kinect20", "persons": 1, "batch": 64, "length": (20, 80),
              "frames": {"usdrl": 32, "aimclr": 32, "pcm3": 32}},
    "tiny": {"layout": "sbu15", "persons": 2, "batch": 4, "length": (6, 20),
             "frames": {"usdrl": 8, "aimclr": 8, "pcm3": 8}},
}  # fmt: skip
LONGEST = 300  # frames of the padded array that the plain path reads
VIEWS = {"usdrl": 4, "aimclr": 3, "pcm3": 4}


def views(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Batches of views a second of USDRL, AimCLR and PCM3."""
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        s = SIZES[size]
        for method in VIEWS:
            each = {"plain": plain(method, size), "skelf": batched(method, size)}
            for threads in effort.threads:
                torch.set_num_threads(threads)
                times = interleaved(each, effort.repeats)
                row: dict[str, Any] = {"benchmark": "views", "size": f"{method}, {size}"}
                row |= {"threads": threads} | effort.said() | compared(times, s["batch"])
                row["views a second"] = VIEWS[method] * row["clips a second"]
                rows.append(row)
    torch.set_num_threads(before)
    return rows


def clip_set(size: str) -> ClipSet:
    """Twice a batch of random clips of differing lengths."""
    s, random = SIZES[size], np.random.default_rng(0)
    skeleton = LAYOUTS[s["layout"]]
    lengths = random.integers(*s["length"], size=2 * s["batch"])
    shape = (int(lengths.sum()), s["persons"], skeleton.joints, 3)
    return ClipSet.build(random.standard_normal(shape, np.float32), lengths, skeleton)


def batched(method: str, size: str) -> Step:
    """A batch of views as skelf makes it."""
    s, clips = SIZES[size], clip_set(size)
    batches, generator = ClipBatches(clips, resident=True), torch.Generator().manual_seed(0)
    random = np.random.default_rng(1)

    def step(lap: Callable[[str], None]) -> None:
        x, lengths = batches(random.permutation(len(clips))[: s["batch"]])
        fast(method, x, lengths, s["frames"][method], clips.skeleton, generator)
        lap("views")

    return step


def fast(
    method: str,
    x: Tensor,
    lengths: Tensor,
    frames: int,
    skeleton: Skeleton,
    generator: torch.Generator,
) -> tuple[Tensor, ...]:
    """The views of padded clips `(N, C, T, V, M)`, all at once."""
    if method == "usdrl":
        return usdrl.draw_views(x, lengths, generator, frames)
    if method == "aimclr":
        return aimclr_views.draw_views(x, lengths, generator, frames, skeleton)
    drawn = pcm3_views.draw_views(x, lengths, generator, frames, skeleton)
    return drawn.query, drawn.key, drawn.plain, mix(drawn.query, *drawn.mix)


def plain(method: str, size: str) -> Step:
    """The same batch from a padded array, clip by clip, as a feeder without workers does."""
    s, clips = SIZES[size], clip_set(size)
    shape = (len(clips), 3, LONGEST, clips.skeleton.joints, clips.persons)
    padded, random = np.zeros(shape, np.float32), np.random.default_rng(1)
    for i in range(len(clips)):
        padded[i, :, : clips.length[i]] = clips.clip(i).transpose(3, 0, 2, 1)

    def step(lap: Callable[[str], None]) -> None:
        chosen = random.permutation(len(clips))[: s["batch"]]
        slow(
            method, [padded[i][:, : clips.length[i]] for i in chosen],
            s["frames"][method], clips.skeleton,
        )  # fmt: skip
        lap("views")

    return step


def slow(
    method: str, clips: list[np.ndarray], frames: int, skeleton: Skeleton
) -> tuple[Tensor, ...]:
    """The views of clips `(C, T, V, M)`, one after the other."""
    if method == "pcm3":
        parts = [list(joints) for joints in skeleton.parts.values()]
        return tuple(reference_views.draw_pcm3(clips, frames, parts))
    if method == "usdrl":
        makers: list[Callable[[np.ndarray], np.ndarray]]
        makers = [lambda clip: reference_views.draw_usdrl(clip, frames)] * VIEWS[method]
    else:
        clips = [reference_views.resize(clip, frames) for clip in clips]
        flip = list(skeleton.flip)
        makers = [lambda clip: reference_views.draw_extreme(clip, flip)]
        makers += [reference_views.draw_normal] * 2
    made = [[make(clip) for make in makers] for clip in clips]
    return tuple(reference_views.collate(list(view)) for view in zip(*made, strict=True))
