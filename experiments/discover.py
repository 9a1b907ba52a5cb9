"""What `skelf discover` finds on recordings whose labels are known, beside the same on raw joints.

python experiments/discover.py FOLDER --out discover_runs [--seeds 0,1,2]

FOLDER holds precog/precog.npz and cmu86/cmu86.npz (docs/discover.md shows what comes out). For each
set an encoder is pretrained on windows of its recordings, without labels. Then the recordings are
cut and clustered by the encoder's features, and by normalised joints. Labels are read only here, to
judge.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

import skelf
from skelf import ClipSet
from skelf.data.batch import ClipBatches
from skelf.data.readers.arrays import read_arrays
from skelf.discover.discovering import assembled, discover
from skelf.discover.found import Discovery
from skelf.discover.options import Discover
from skelf.discover.signals import binned, reduced
from skelf.metrics.boundaries import boundary_f1
from skelf.opening import prepared
from skelf.protocols.windows import as_clips, lay

CONFIG = Path(__file__).with_name("usdrl_small.toml")
TRAIN = ["encoder.name=sttr", "train.epochs=20", "train.monitor_every=0"]
RAW = "root+facing-frames+scale"
WINDOW = 64  # frames of the clips that the encoder is trained on
STRIDE = {"precog": 24, "cmu86": 32}
# The defaults, and what suits PreCoG's short actions (1.2 s; CMU's last 7 s).
SETTINGS = {
    "precog": [Discover(), Discover(penalty=0.25, window=1.0)],
    "cmu86": [Discover(), Discover(penalty=1.0)],
}


class Truth:
    """The labels of a set: a class a frame, and when each boundary counts as found.

    Args:
        name: of the set.
        file: its .npz.
        clips: its recordings.
    """

    def __init__(self, name: str, file: Path, clips: ClipSet) -> None:
        self.frames, self.bounds = [], []
        with np.load(file) as data:
            segments = data["intervals"]
            label = data["coarse_interval_labels"] if name == "cmu86" else segments[:, 3]
            ranges = data["boundary_tolerance"] if name == "cmu86" else None
        for at, length in enumerate(clips.length.tolist()):
            rows = np.flatnonzero(segments[:, 0] == at)
            frames = np.full(length, -1)
            for row in rows:
                frames[segments[row, 1] : segments[row, 2]] = label[row]
            self.frames.append(frames)
            if ranges is not None:  # when one action becomes the next, as the annotators have it
                self.bounds.append(ranges[rows[:-1]].astype(float))
            else:  # starts and ends, a second to either side
                moments = np.unique(segments[rows, 1:3])
                moments = moments[(moments > 0) & (moments < length)]
                fps = float(clips.fps[at])
                self.bounds.append(np.stack([moments - fps, moments + fps], axis=1))

    def score(self, found: Discovery) -> dict[str, float]:
        """Boundary F1, adjusted Rand index, and what they came from."""
        cuts, guess = [], []
        for at, frames in enumerate(self.frames):
            rows = found.segments[found.segments[:, 0] == at]
            cuts.append(rows[1:, 1].astype(float))
            guess.append(np.repeat(rows[:, 3], rows[:, 2] - rows[:, 1]))
            assert len(guess[-1]) == len(frames)
        truth, guesses = np.concatenate(self.frames), np.concatenate(guess)
        return {
            "cuts": sum(map(len, cuts)),
            "F1": boundary_f1(self.bounds, cuts),
            "clusters": found.count,
            "other": float((guesses < 0).mean()),
            "ARI": float(adjusted_rand_score(truth, guesses)),
        }

    def every(self, clips: ClipSet, seconds: float) -> float:
        """Boundary F1 of cuts at even steps, which know nothing."""
        steps = [np.arange(seconds * fps, n, seconds * fps)
                 for n, fps in zip(clips.length, clips.fps, strict=True)]  # fmt: skip
        return boundary_f1(self.bounds, steps)


def windows(clips: ClipSet, stride: int) -> ClipSet:
    """Overlapping windows of recordings as clips without labels."""
    cut = as_clips(clips, lay(clips.length, "overlap", WINDOW, stride))
    names = np.array([f"window{i}" for i in range(len(cut))])
    return replace(
        cut, name=names, class_names=(), segments=np.zeros((0, 4), np.int64),
        label=np.full(len(cut), -1), path=None,
    )  # fmt: skip


def raw(clips: ClipSet, how: Discover) -> Discovery:
    """The same steps on normalised joints."""
    batches = ClipBatches(prepared(clips, RAW), resident=False)
    joints = (
        (at, batches(np.array([at]))[0][0].permute(1, 3, 2, 0).numpy().reshape(length, -1))
        for at, length in enumerate(clips.length.tolist())
    )
    step = np.maximum(1, np.rint(clips.fps / how.rate)).astype(np.int64)
    return assembled(clips, reduced(binned(joints, step), step, how.dims), how)


def main() -> None:
    """Trains what is missing, and prints a line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    words = parser.parse_args()
    words.out.mkdir(parents=True, exist_ok=True)
    for name, settings in SETTINGS.items():
        file = words.folder / name / f"{name}.npz"
        clips = read_arrays(file)
        truth = Truth(name, file, clips)
        wanted = sum(map(len, truth.bounds))
        even = ", ".join(f"{s:g} s {truth.every(clips, s):.3f}" for s in (1, 2, 5))
        print(f"{name}: {wanted} boundaries; F1 of cuts at even steps: {even}")
        for how in settings:
            show(name, how, "raw joints", [truth.score(raw(clips, how))])
            scores = []
            for seed in words.seeds.split(","):
                run = words.out / f"{name}_{seed}"
                if not run.exists():
                    skelf.pretrain(
                        "usdrl", windows(clips, STRIDE[name]), out=run, config=CONFIG,
                        overrides=TRAIN, seed=int(seed),
                    )  # fmt: skip
                scores.append(truth.score(discover(skelf.load(run), clips, how)))
            show(name, how, "encoder", scores)


def show(name: str, how: Discover, what: str, scores: list[dict[str, float]]) -> None:
    """One line: means over seeds, and how far they are apart."""
    cells = []
    for key in scores[0]:
        values = np.array([score[key] for score in scores])
        spread = f" ± {values.std():.3f}" if len(values) > 1 and key in ("F1", "ARI") else ""
        cells.append(f"{key} {values.mean():.3f}{spread}")
    window = "" if how.window is None else f" window={how.window:g}"
    print(f"{name} penalty={how.penalty:g}{window} {what}: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
