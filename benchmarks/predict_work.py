"""One side of `predict`, in a process of its own, by whichever tree of skelf its path has first.

`python predict_work.py SIDE RECORDING SIZE WINDOWS` loads, then predicts once for each
line that it reads, and answers with seconds, processor seconds and how many segments it found.

"plain" is the detection path of `skelf eval detection`, as early commits have it: frozen
features of every frame of every window, then the head, then the mean and the rule. "skelf" is what
`skelf predict` does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

# layout, classes, frames of a window, and of the encoder that sees it; frames of the recording
SIZES: dict[str, dict[str, Any]] = {
    "small": {"layout": "ntu25", "classes": 10, "window": 64, "frames": 32, "dim": 128,
              "length": 108_000},
    "tiny": {"layout": "ntu25", "classes": 3, "window": 16, "frames": 8, "dim": 16, "length": 300},
}  # fmt: skip
# What USDRL's authors prepare this layout with, as far as it keeps time.
NORMALIZE = "centre-frames+facing"


def side(name: str, store: str, size: str, windows: str) -> Callable[[], Any]:
    """What predicts the recording: probabilities and detections, or segments."""
    from skelf.data.clips import ClipSet
    from skelf.layouts import LAYOUTS

    s = SIZES[size]
    encoder, head = parts(size)
    if name == "plain":  # from memory: an early commit cannot read the stores of today
        joints = np.load(Path(store).with_suffix(".npy"))
        clips = ClipSet.build(joints, [len(joints)], LAYOUTS[s["layout"]])
        recording = replace(clips, normalize=NORMALIZE)
        return lambda: plain(recording, encoder, head, s["window"])
    recording = replace(ClipSet.open(store), normalize=NORMALIZE)
    return ours(recording, encoder, head, s["window"], windows)


def parts(size: str) -> tuple[Any, torch.nn.Linear]:
    """The encoder and the head, the same in every process."""
    from skelf.encoders.sttr import STTR
    from skelf.layouts import LAYOUTS

    s = SIZES[size]
    torch.manual_seed(0)
    encoder = STTR(LAYOUTS[s["layout"]], persons=1, dim=s["dim"], frames=s["frames"]).eval()
    head = torch.nn.Linear(encoder.dim, s["classes"] + 1)
    torch.nn.init.normal_(head.weight, std=0.5)
    return encoder, head


def plain(recording: Any, encoder: Any, head: Any, window: int) -> Any:
    """The old path, by what both trees have."""
    from skelf.protocols import recordings
    from skelf.protocols.dense import Reader, dense
    from skelf.protocols.windows import average, lay, rows

    reader = Reader(encoder, recording, "cpu", window=window)
    laid = lay(recording.length, "overlap", window, window // 2)
    x = dense(encoder, reader, laid)
    with torch.no_grad():
        logits = torch.cat([head(part) for part in torch.split(x, 65536)])
    frame = torch.from_numpy(rows(laid, recording.length)[2])
    p = average(logits.softmax(dim=1), frame, int(recording.length[0])).numpy()
    if hasattr(recordings, "Rules") and hasattr(recordings.Rules, "_fields"):  # as it was
        return p, recordings.find(p, recording.length, recordings.Rules())
    from skelf.protocols.rules import Rules

    rules = Rules(unit="frames")
    return p, recordings.find(p, recording.length, rules, [rules.counts(30.0, 0.0)])


def ours(
    recording: Any, encoder: Any, head: Any, window: int, windows: str
) -> Callable[[], list[Any]]:
    """The model's own way."""
    from skelf.inference.detect import segments
    from skelf.inference.model import Model

    names = [f"class {k}" for k in range(len(head.bias) - 1)]
    about = {"kind": "detector", "class_names": names, "head": {"kind": "linear"}}
    laying = {"windows": "disjoint" if windows == "disjoint" else "overlap", "window": window}
    laying |= {"stride": window * 3 // 4} if windows == "quarter" else {}
    about |= {"windows": laying, "rules": {"unit": "frames"}}
    model = Model(encoder, head, {"model": about})
    return lambda: segments(model, recording)


def long_recording(path: str, size: str, frames: int) -> None:
    """A store with one recording of somebody who wanders, at 30 frames a second."""
    from skelf.data.clips import ClipSet
    from skelf.layouts import LAYOUTS

    skeleton, random = LAYOUTS[SIZES[size]["layout"]], np.random.default_rng(0)
    body = random.standard_normal((1, 1, skeleton.joints, 3), np.float32)
    joints = random.standard_normal((frames, 1, skeleton.joints, 3), np.float32)
    joints *= 0.05
    np.cumsum(joints, axis=0, out=joints)
    np.sin(joints, out=joints)
    joints += body + 2
    np.save(Path(path).with_suffix(".npy"), joints)
    ClipSet.build(joints, [frames], skeleton).save(path)


def main() -> None:
    torch.set_num_threads(1)
    try:
        from skelf.machine.memory import keep_freed
    except ImportError:  # its place in early commits
        from skelf.memory import keep_freed  # type: ignore[no-redef]
    keep_freed()  # as the command line does
    predict = side(*sys.argv[1:])
    for _ in sys.stdin:
        start, processor = time.perf_counter(), time.process_time()
        found = predict()
        times = [time.perf_counter() - start, time.process_time() - processor]
        count = len(found[1].start) if isinstance(found, tuple) else len(found)
        print(json.dumps([*times, count]), flush=True)


if __name__ == "__main__":
    main()
