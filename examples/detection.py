"""Finds actions in untrimmed recordings, with an encoder that was pretrained on cut clips.

The motion is synthetic.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import skelf
from skelf.data.synthetic.clips import generate
from skelf.protocols.detection import Detection, detection
from skelf.settings.options import from_flat

SMALL = (
    "encoder.dim=32",
    "encoder.frames=16",
    "train.epochs=3",
    "train.batch_size=24",
    "train.lr=1e-3",
    "train.milestones=[2]",
    "data.normalize=centre",
)


def main(folder: Path) -> None:
    run = skelf.pretrain("usdrl", generate(clips=72, seed=0), out=folder / "run", overrides=SMALL)
    store = folder / "recordings.h5"
    generate(clips=0, recordings=32, seed=1).save(store)
    train, test = skelf.ClipSet.open(store, normalize="centre").split("xsub")

    small = {"window": 1.0, "epochs": 15, "lr": 0.2, "milestones": (12,), "batch_size": 256}
    how = from_flat(Detection, small, standardize=True)  # all else by default
    outcome = detection(skelf.load(run), train, test, how)
    print(f"mean average precision at overlap 0.5: {outcome.values['map_a_voc@0.5.last']:.1%}")
    print(f"frames named rightly: {outcome.values['frame_accuracy.last']:.1%}")

    print(f"{test.names[0]}, what was done:")
    for _, start, end, label in test.segments[test.segments[:, 0] == 0]:
        print(f"  frames {start:4d} to {end:4d}  {test.class_names[label]}")
    print("what was found:")
    detections = outcome.recordings.detections("last")  # recording, start, end, label, score
    first = detections.take(detections.recording == 0)
    for _, start, end, label, score in zip(*first, strict=True):
        print(f"  frames {start:4d} to {end:4d}  {test.class_names[label]} ({score:.2f})")


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
