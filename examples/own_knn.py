"""k-NN of one's own on an encoder's features: `extract` gives a plain tensor, one row a clip.

The motion is synthetic.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.nn.functional import normalize

import skelf
from skelf.data.synthetic.clips import generate
from skelf.protocols.features import extract

SMALL = (
    "encoder.dim=32",
    "encoder.frames=16",
    "train.epochs=4",
    "train.batch_size=24",
    "train.lr=1e-3",
    "train.milestones=[3]",
    "data.normalize=centre",
)
NEIGHBOURS = 5


def main(folder: Path) -> None:
    store = folder / "clips.h5"
    generate(clips=144, seed=0).save(store)
    run = skelf.pretrain("usdrl", store, split="xview", out=folder / "run", overrides=SMALL)
    encoder = skelf.load(run)

    clips = skelf.ClipSet.open(store, normalize="centre")  # as the encoder saw them
    train, test = clips.split("xview")
    gallery = normalize(extract(encoder, train), dim=1)  # (N, D)
    queries = normalize(extract(encoder, test), dim=1)
    nearest = (queries @ gallery.T).topk(NEIGHBOURS, dim=1).indices  # (Q, k)
    votes = torch.from_numpy(train.label)[nearest].mode(dim=1).values
    right = (votes == torch.from_numpy(test.label)).float().mean()
    chance = 1 / len(clips.class_names)
    print(f"{NEIGHBOURS}-NN: {right:.1%} of {len(test)} clips right (chance {chance:.1%})")
    for query in range(3):
        names = [train.names[index] for index in nearest[query, :2]]
        print(f"{test.names[query]} is nearest to {' and '.join(names)}")


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
