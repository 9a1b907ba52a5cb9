"""Search judged: how many of the 10 hits of a labelled stretch show the same action.

python experiments/search_quality.py STORE RUN [--queries 360] [--untrained]

Each segment of the store is a query; hits are of other subjects. A hit is right where the segment
that it shares most frames with has the query's class. Beside the index: dynamic time warping of the
joints themselves, normalised as for the encoder and resampled to 16 frames, on the same windows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import skelf
from skelf.augment.basic import resize
from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.protocols.fitting import fitting
from skelf.protocols.windows import Windows, as_clips
from skelf.search import Index, Search, build
from skelf.search.hits import apart
from skelf.search.part_file import Windows as Rows
from skelf.search.places import places

FRAMES, NEAREST = 16, 10


def judge(clips: ClipSet, find: Callable[[int], list[tuple[int, int, int]]], queries: np.ndarray):
    """Precision at 1 and at 10; `find` gives recording, first and last frame of each hit."""
    first, share = [], []
    for number in queries:
        right = []
        for recording, start, end in find(number):
            own = clips.segments[clips.segments[:, 0] == recording]
            shared = np.minimum(end, own[:, 2]) - np.maximum(start, own[:, 1])
            best = shared.argmax()
            right.append(shared[best] > 0 and own[best, 3] == clips.segments[number, 3])
        first.append(right[0])
        share.append(np.mean(right))
    return np.mean(first), np.mean(share)


def by_index(clips: ClipSet, index: Index):
    """Hits of `Index.query`."""
    numbers = {name: at for at, name in enumerate(clips.names)}

    def find(number: int):
        recording, start, end, _ = clips.segments[number]
        fps = clips.fps[recording]
        others = [int(s) for s in np.unique(clips.subject) if s != clips.subject[recording]]
        hits = index.query(
            clips.take([recording]), NEAREST, start=start / fps, end=end / fps,
            where={"subject": others},
        )  # fmt: skip
        return [(numbers[hit.recording], hit.start_frame, hit.end_frame) for hit in hits]

    return find


def by_joints(clips: ClipSet, encoder, how: Search):
    """Hits of dynamic time warping on the same windows."""
    laid = places(clips.length, clips.fps, how.scales, how.stride)
    gallery = joints(clips, encoder, laid.recording, laid.start, laid.length)
    none = np.zeros_like(laid.start)
    rows = Rows(none, laid.recording, laid.start, laid.start + laid.length, none, none)

    def find(number: int):
        recording, start, end, _ = clips.segments[number]
        one = joints(clips, encoder, *(np.array([x]) for x in (recording, start, end - start)))[0]
        far = warped(one, gallery)
        far[clips.subject[laid.recording] == clips.subject[recording]] = np.inf
        order = np.argsort(far, kind="stable")
        nearest = lambda count: (-far[order[:count]], order[:count])  # noqa: E731
        found = apart(rows, nearest, NEAREST, int(np.isfinite(far).sum()))
        return [
            (int(laid.recording[k]), int(laid.start[k]), int(laid.start[k] + laid.length[k]))
            for _, k in found
        ]

    return find


def joints(clips: ClipSet, encoder, recording, start, length) -> np.ndarray:
    """Windows `(W, 16, numbers)`, normalised as for the encoder."""
    windows = as_clips(clips, Windows(recording, start, length, start, length))
    batches = ClipBatches(fitting(encoder, windows), persons=1, resident=False)
    parts = []
    for begin in range(0, len(windows), 512):
        x, lengths = batches(np.arange(begin, min(begin + 512, len(windows))))
        parts.append(resize(x, lengths, FRAMES).permute(0, 2, 1, 3, 4).flatten(2).numpy())
    return np.concatenate(parts)


def warped(one: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Cost of the cheapest way of `one` `(T, D)` through each of `gallery` `(W, T, D)`."""
    squares = (gallery**2).sum(axis=2)[:, None] + (one**2).sum(axis=1)[:, None]
    cost = np.sqrt(
        np.maximum(squares - 2 * np.einsum("td,wsd->wts", one, gallery, optimize=True), 0)
    )
    way = np.full((len(gallery), FRAMES + 1, FRAMES + 1), np.inf, np.float32)
    way[:, 0, 0] = 0
    for i in range(FRAMES):
        for j in range(FRAMES):
            before = np.minimum(np.minimum(way[:, i, j], way[:, i, j + 1]), way[:, i + 1, j])
            way[:, i + 1, j + 1] = cost[:, i, j] + before
    return way[:, -1, -1]


def main() -> None:
    """Prints a line for each way of searching."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("run")
    parser.add_argument("--queries", type=int, default=360, help="segments, drawn at random")
    parser.add_argument("--scales", default="", help="as 1,2,4")
    parser.add_argument("--stride", type=float, default=Search().stride)
    parser.add_argument("--subjects", default="", help="only recordings of these, as 8,9,10,11")
    parser.add_argument(
        "--joints", action="store_true", help="warping as well, which takes minutes"
    )
    given = parser.parse_args()
    clips = ClipSet.open(given.store)
    if given.subjects:
        clips = clips.take(np.isin(clips.subject, [int(s) for s in given.subjects.split(",")]))
    scales = tuple(float(s) for s in given.scales.split(",") if s) or Search().scales
    how = Search(scales=scales, stride=given.stride)
    seen = [bool(clips.clip(r)[a:b].any()) for r, a, b, _ in clips.segments.tolist()]
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(seen))[: given.queries]
    with tempfile.TemporaryDirectory() as folder:
        index = Index.open(build(clips, given.run, folder, how=how))
        print(f"{len(drawn)} queries, {len(index)} windows, scales {scales}, stride {given.stride}")
        ways = {"index": by_index(clips, index)}
        if given.joints:
            ways["joints, DTW"] = by_joints(clips, skelf.load(given.run), how)
        for name, find in ways.items():
            began = time.perf_counter()
            first, share = judge(clips, find, drawn)
            took = (time.perf_counter() - began) / len(drawn)
            print(
                f"{name}: precision@1 {first:.3f}, precision@10 {share:.3f}, {took:.3f} s a query"
            )


if __name__ == "__main__":
    main()
