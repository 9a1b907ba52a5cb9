"""Pretrains USDRL in a training loop of one's own: a method is a module that gives a loss.

The motion is synthetic: computed figures, nobody was recorded.
"""

from __future__ import annotations

import torch

from skelf.data.batch import ClipBatches
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.methods import METHODS

EPOCHS, BATCH = 4, 24


def main() -> None:
    torch.manual_seed(0)
    clips = generate(clips=96, seed=0)
    encoder = ENCODERS["dste"](clips.skeleton, dim=32, frames=16, persons=clips.persons)
    method = METHODS["usdrl"](encoder)
    optimizer = torch.optim.AdamW(method.parameters(), lr=1e-3)
    read_batch = ClipBatches(clips)  # clips of every length, padded, on the CPU or a GPU
    generator = torch.Generator().manual_seed(0)  # the views are drawn from it

    for epoch in range(EPOCHS):
        losses = []
        for indices in torch.randperm(len(clips), generator=generator).split(BATCH):
            x, lengths = read_batch(indices)  # (N, C, T, V, M) and (N,)
            views = method.views(x, lengths, generator)
            terms = method(*views)  # "loss", and every term of it by name
            optimizer.zero_grad()
            terms["loss"].backward()
            optimizer.step()
            method.after_step()  # queues and momentum encoders move, where a method has any
            losses.append(float(terms["loss"].detach()))
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.2f}")

    vectors = encoder.eval()(torch.randn(2, 3, 16, clips.skeleton.joints, clips.persons))
    print(f"the encoder gives {vectors.shape[1]} numbers a clip")


if __name__ == "__main__":
    main()
