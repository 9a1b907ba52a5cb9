"""A live step of a causal GRU, beside encoding its window of frames again for every frame.

Both with all that a frame needs: normalisation, encoder, head, probabilities. The window is encoded
by the faster of skelf's recurrence and torch's own kernel. A second row is the whole of a message,
from JSON to the event.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from skelf.data.normalize_frames import FrameNormalizer
from skelf.encoders import _recurrence
from skelf.encoders.gru import GRU
from skelf.inference.heads import Linear
from skelf.inference.model import Model
from skelf.layouts import NTU25
from skelf.live.options import Live
from skelf.live.plan import Plan
from skelf.live.session import Session
from skelf.live.timeline import Stamped
from skelf.live.ways import Sliding, Stepping

from .timing import Effort, Step, interleaved

SIZES: dict[str, dict[str, int]] = {
    "paper": {"dim": 1024, "frames": 64, "steps": 64},
    "small": {"dim": 256, "frames": 64, "steps": 256},
    "tiny": {"dim": 8, "frames": 8, "steps": 4},
}
CLASSES = 60
NORMALIZE = "agcn-noz"


def live(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """A step beside a window, on one thread whatever the effort: one frame has no work for two."""
    rows, before = [], torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for size in effort.sizes:
            rows.append(_row(size, effort))
    torch.set_num_threads(before)
    return rows


def parts(size: str) -> tuple[Model, np.ndarray]:
    """A detector with random weights, and joints `(T, C, V, M)`."""
    s = SIZES[size]
    torch.manual_seed(0)
    encoder = GRU(NTU25, 3, 1, dim=s["dim"], frames=s["frames"]).eval()
    setattr(encoder, "normalize", NORMALIZE)  # noqa: B010 (as a run's encoder has it)
    head = Linear(dim=encoder.dim, classes=CLASSES + 1)
    torch.nn.init.normal_(head.weight)
    names = tuple(f"class {number}" for number in range(CLASSES))
    table = {
        "kind": "detector", "class_names": names, "windows": {"window": s["frames"] / 30},
        "rules": {}, "head": {"kind": "linear", **head.sizes},
    }  # fmt: skip
    joints = np.random.default_rng(0).normal(size=(s["frames"], 3, 25, 1)).astype(np.float32)
    return Model(encoder, head.eval(), {"model": table}), joints


def ways(size: str) -> dict[str, Callable[[], np.ndarray]]:
    """Name -> the probabilities of the last frame of a window: whole, or its last step."""
    model, joints = parts(size)
    encoder = model.encoder
    assert isinstance(encoder, GRU)
    plan = Plan(False, None, len(joints), 1, "frames", 1, "window", 0.0)
    sliding = Sliding(encoder, NORMALIZE, model.probabilities, plan)
    normalizer = FrameNormalizer(NORMALIZE, NTU25, 3, len(joints))
    stepping = Stepping(encoder.steps(), normalizer, model.probabilities)
    for frame in joints[:-1]:
        stepping(Stamped(0.0, frame))
    before = stepping.state
    last = Stamped(1.0, joints[-1])

    def window() -> np.ndarray:
        with torch.no_grad():
            return sliding.encoded(list(joints))[-1].numpy()

    def by_torch() -> np.ndarray:
        with patch.object(_recurrence, "_dtype", lambda x, weight: None):
            return window()

    def step() -> np.ndarray:
        stepping.state = before
        return stepping(last)[0].p

    return {"skelf": step, "window": window, "torch": by_torch}


def _row(size: str, effort: Effort) -> dict[str, Any]:
    s, each = SIZES[size], ways(size)
    laps: list[float] = []
    busy: list[float] = []  # of the processor alone, which hardly feels other programs

    def many(lap: Callable[[str], None]) -> None:
        for _ in range(s["steps"]):
            start, processor = time.perf_counter(), time.thread_time()
            each["skelf"]()
            busy.append(time.thread_time() - processor)
            laps.append(time.perf_counter() - start)
        lap("steps")

    def once(name: str) -> Step:
        def run(lap: Callable[[str], None]) -> None:
            each[name]()
            lap(name)

        return run

    steps = {"skelf": many, "window": once("window"), "torch": once("torch")}
    times = interleaved(steps, effort.repeats)
    messages = _messages(size)
    plain = min(("window", "torch"), key=lambda name: times[name].wall)
    step = float(np.median(laps))
    processor = times["skelf"].processor / s["steps"]
    row: dict[str, Any] = {"benchmark": "live", "size": size, "threads": 1} | effort.said()
    row |= {"skelf s": step, "skelf processor s": processor, "plain s": times[plain].wall}
    row |= {"plain processor s": times[plain].processor, "plain": plain}
    row |= {"window s": times["window"].wall, "torch s": times["torch"].wall}
    row |= {"ratio": times[plain].wall / step}
    row |= {"ratio of processor time": times[plain].processor / processor}
    row |= {"step 99 % ms": 1e3 * float(np.quantile(laps, 0.99))}
    row |= {"step 99 % processor ms": 1e3 * float(np.quantile(busy, 0.99))}
    row |= {"message median ms": 1e3 * float(np.median(messages))}
    row |= {"message 99 % ms": 1e3 * float(np.quantile(messages, 0.99))}
    return row | {"clips a second": 1 / step}


def _messages(size: str) -> list[float]:
    """Seconds of each message of a session, from JSON to events, after the first ones."""
    model, joints = parts(size)
    session, seconds = Session(model, Live(smoothing=0.3)), []
    for number in range(max(16, SIZES[size]["steps"])):
        frame = joints[number % len(joints)][..., 0].T.tolist()
        raw = json.dumps({"t": number / 30, "joints": frame}).encode()
        start = time.perf_counter()
        session.feed(raw, 0.0)
        seconds.append(time.perf_counter() - start)
    return seconds[8:]
