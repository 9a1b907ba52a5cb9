"""Plays clips as a camera program would send them, a JSON line a frame, for `skelf live`.

`python examples/replay.py [STORE [CLIP]] [--wait] | skelf live MODEL`; without a store the motion
is synthetic. `--wait` sends frames in real time.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import skelf
from skelf.data.synthetic.clips import generate


def main(words: list[str]) -> None:
    wait = "--wait" in words
    words = [word for word in words if word != "--wait"]
    clips = skelf.ClipSet.open(words[0]) if words else generate(clips=12, seed=0)
    index = int(words[1]) if len(words) > 1 else 0
    joints, fps = clips.clip(index), float(clips.fps[index])  # (T, M, V, C)
    start = time.monotonic()
    for number, persons in enumerate(joints):
        moment = number / fps
        if wait:
            time.sleep(max(0.0, start + moment - time.monotonic()))
        for person, body in enumerate(persons):
            if body.any():  # all zero: this person is not there
                message = {"t": round(moment, 6), "joints": by_name(clips.skeleton.names, body)}
                # One person needs no name; of more, each message says whose it is.
                message |= {"person": person} if clips.persons > 1 else {}
                print(json.dumps(message), flush=wait)


def by_name(names: tuple[str, ...], body: np.ndarray) -> dict[str, list[float]]:
    """The joints that were seen; a layout that the model does not have is no hindrance."""
    return {
        name: [round(float(x), 5) for x in joint]
        for name, joint in zip(names, body, strict=True)
        if joint.any()
    }


if __name__ == "__main__":
    main(sys.argv[1:])
