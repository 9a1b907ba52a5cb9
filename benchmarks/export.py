"""An exported file in ONNX Runtime, beside eager torch: one clip from raw joints, one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from skelf.encoders import ENCODERS
from skelf.export import check
from skelf.export.graphs import Answers, ClipGraph
from skelf.export.options import Export
from skelf.export.subject import Subject
from skelf.export.write import traced
from skelf.inference.heads import Linear
from skelf.inference.needs import needs_of
from skelf.layouts import NTU25

from .timing import Effort, Step, compared, interleaved

SIZES: dict[str, dict[str, dict[str, int]]] = {
    "paper": {
        "sttr": {"dim": 1024, "layers": 2, "frames": 64},
        "dste": {"dim": 1024, "layers": 2, "frames": 64},
        "gru": {"dim": 1024, "layers": 3, "frames": 64},
        "stgcn": {"dim": 256, "width": 16, "frames": 50},
    },
    "small": {
        "sttr": {"dim": 128, "layers": 2, "frames": 64},
        "dste": {"dim": 128, "layers": 2, "frames": 64},
        "gru": {"dim": 256, "layers": 3, "frames": 64},
        "stgcn": {"dim": 128, "width": 16, "frames": 32},
    },
    "tiny": {"sttr": {"dim": 8, "layers": 1, "frames": 8}},
}
CLASSES, LENGTH, NORMALIZE = 60, 90, "centre"
Ways = dict[str, Callable[[], np.ndarray]]


def export(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """A row an encoder, on one thread whatever the effort."""
    rows, before = [], torch.get_num_threads()
    torch.set_num_threads(1)
    for size in effort.sizes:
        for name in SIZES[size]:
            steps = {label: _step(way) for label, way in ways(name, size).items()}
            times = interleaved(steps, max(effort.repeats, 1) * (1 if size == "tiny" else 10))
            row = {"benchmark": "export", "size": f"{name} {size}", "threads": 1} | effort.said()
            rows.append(row | compared(times, 1))
    torch.set_num_threads(before)
    return rows


def ways(name: str, size: str) -> Ways:
    """Label -> the probabilities of a clip: "plain" by torch, "skelf" by the exported file."""
    torch.manual_seed(0)
    encoder = ENCODERS[name](NTU25, 3, 1, **SIZES[size][name]).eval()
    setattr(encoder, "normalize", NORMALIZE)  # noqa: B010 (as a run's encoder has it)
    head = Linear(dim=encoder.dim, classes=CLASSES).eval()
    torch.nn.init.normal_(head.weight, std=0.1)
    names = tuple(f"class {number}" for number in range(CLASSES))
    subject = Subject(encoder, needs_of(encoder, {}), head, 1.0, names, "classifier")
    ran = check.session(traced(subject, Export()))
    feeds = check.feeds_of(check.random_clips(subject, [LENGTH]), np.arange(1), 1)
    graph = ClipGraph(encoder, Answers(head)).eval()
    given = [torch.from_numpy(value) for value in feeds.values()]

    def plain() -> np.ndarray:
        with torch.no_grad():
            return graph(*given)[0].numpy()

    return {"plain": plain, "skelf": lambda: ran.run(["probabilities"], feeds)[0]}


def _step(way: Callable[[], np.ndarray]) -> Step:
    def step(lap: Callable[[str], None]) -> None:
        way()
        lap("clip")

    return step
